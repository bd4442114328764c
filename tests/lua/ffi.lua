-- SPDX-License-Identifier: BSD-2-Clause
-- dnsdist's FFI for PROXY headers, SVCB answers, packet caches and what is not here.
local ffi = require('ffi')
local C = ffi.C

-- Runs a function over a packet, as LuaFFI functions are; its errors are the spec's.
local function ffi_with(bytes, fn)
  local message
  act(bytes, 0, function(dq)
    local ok, found = xpcall(fn, debug.traceback, dq)
    message = not ok and found or nil
    return DNSAction.Allow
  end, true)
  if message then
    error(message, 0)
  end
end

local SIGNATURE = '\r\n\r\n\0\r\nQUIT\n'
local out = ffi.new('char[600]')
local values = ffi.new('dnsdist_ffi_proxy_protocol_value_t[2]', {{'abc', 3, 224}, {'', 0, 225}})

-- PROXY headers.
local generate = C.dnsdist_ffi_generate_proxy_protocol_payload
local length = generate(4, '\192\0\2\1', '\192\0\2\2', 4660, 53, false, 2, values, out, 600)
equal(ffi.string(out, length), SIGNATURE .. '\33\18\0\21\192\0\2\1\192\0\2\2\18\52\0\53' ..
  '\224\0\3abc\225\0\0')
local from, to = ('a'):rep(16), ('b'):rep(16)
length = generate(16, from, to, 1, 2, true, 0, nil, out, 52)
equal(ffi.string(out, length), SIGNATURE .. '\33\33\0\36' .. from .. to .. '\0\1\0\2')
equal(tonumber(generate(16, from, to, 1, 2, true, 0, nil, out, 51)), 0)
equal(tonumber(generate(5, 'aaaaa', 'bbbbb', 1, 2, true, 0, nil, out, 600)), 0)

ffi_with(QUERY, function(dq)
  local found = ffi.new('const dnsdist_ffi_proxy_protocol_value_t *[1]')
  equal(tonumber(C.dnsdist_ffi_dnsquestion_get_proxy_protocol_values(dq, found)), 0)
  equal(C.dnsdist_ffi_dnsquestion_add_proxy_protocol_values(dq, 2, values), true)
  equal(tonumber(C.dnsdist_ffi_dnsquestion_get_proxy_protocol_values(dq, found)), 2)
  equal(ffi.string(found[0][0].value, found[0][0].size), 'abc')
  equal(found[0][0].type, 224)
  equal(found[0][1].size, 0)
  local size = C.dnsdist_ffi_dnsquestion_generate_proxy_protocol_payload(dq, 1, values, out, 600)
  local addresses, bytes = ffi.new('const void *[1]'), ffi.new('size_t[1]')
  C.dnsdist_ffi_dnsquestion_get_remoteaddr(dq, addresses, bytes)
  equal(ffi.string(out + 16, bytes[0]), ffi.string(addresses[0], bytes[0]))
  equal(ffi.string(out + size - 6, 6), '\224\0\3abc')
end)

ffi_with(QUERY, function(dq)
  equal(C.dnsdist_ffi_dnsquestion_add_proxy_protocol_values(dq, 0, values), false)
  equal(tonumber(C.dnsdist_ffi_dnsquestion_get_size(dq)), #QUERY)
  equal(C.dnsdist_ffi_dnsquestion_set_size(dq, #QUERY + 1), true)
  equal(tonumber(C.dnsdist_ffi_dnsquestion_get_size(dq)), #QUERY + 1)
end)

-- All options, however many: nobody hides one behind others.
local OPTIONS = ('\0\77\0\0'):rep(100) .. '\0\78\0\1x'
ffi_with(QUERY:sub(1, -15) .. string.char(math.floor(#OPTIONS / 256), #OPTIONS % 256) .. OPTIONS,
  function(dq)
    local found = ffi.new('const dnsdist_ffi_ednsoption_t *[1]')
    equal(tonumber(C.dnsdist_ffi_dnsquestion_get_edns_options(dq, found)), 101)
    equal(found[0][99].optionCode, 77)
    equal(found[0][100].optionCode, 78)
    equal(ffi.string(found[0][100].data, found[0][100].len), 'x')
  end)

-- A name that is to be given back, as its bytes; and past the cache.
local FORMER = '\3www\7Example\3org\0'
local function renamed(dq)
  return C.dnsdist_ffi_dnsquestion_set_alternate_name(dq, '\3new\4test\0', 10, 'tag', 3, 'value', 5,
    'former', 6)
end
ffi_with(QUERY, function(dq)
  local name, size = ffi.new('const char *[1]'), ffi.new('size_t[1]')
  equal(renamed(dq), true)
  C.dnsdist_ffi_dnsquestion_get_qname_raw(dq, name, size)
  equal(ffi.string(name[0], size[0]), '\3new\4test\0')
  equal(ffi.string(C.dnsdist_ffi_dnsquestion_get_tag(dq, 'tag')), 'value')
  equal(C.dnsdist_ffi_dnsquestion_get_skip_cache(dq), true)
  local noted = C.dnsdist_ffi_dnsquestion_get_tag_raw(dq, 'former', out, 600)
  equal(ffi.string(out, noted), FORMER)
  equal(C.dnsdist_ffi_dnsresponse_rebase(dq, out, noted), true)
  C.dnsdist_ffi_dnsquestion_get_qname_raw(dq, name, size)
  equal(ffi.string(name[0], size[0]), FORMER)
end)

-- What no query came over.
ffi_with(QUERY, function(dq)
  local sni, size = ffi.new('const char *[1]', {'x'}), ffi.new('size_t[1]', 7)
  C.dnsdist_ffi_dnsquestion_get_sni(dq, sni, size)
  equal(tonumber(size[0]), 0)
  equal(C.dnsdist_ffi_dnsquestion_get_http_path(dq) == nil, true)
  equal(C.dnsdist_ffi_dnsquestion_get_http_query_string(dq) == nil, true)
  equal(C.dnsdist_ffi_dnsquestion_get_http_host(dq) == nil, true)
  equal(C.dnsdist_ffi_dnsquestion_get_http_scheme(dq) == nil, true)
  equal(tonumber(C.dnsdist_ffi_dnsquestion_get_http_headers(dq, nil)), 0)
  C.dnsdist_ffi_dnsquestion_set_http_response(dq, 200, 'x', 1, nil)
  C.dnsdist_ffi_dnsquestion_send_trap(dq, 'x', 1)
  equal(tonumber(C.dnsdist_ffi_dnsquestion_get_mac_addr(dq, out, 6)), 0) -- no port has its network
end)

-- SVCB: the parameters by their keys (RFC 9460, section 2.2), whatever the order they came in.
local made = ffi.new('dnsdist_ffi_svc_record_parameters *[1]')
local function parameters(target, priority, alone)
  assert(C.dnsdist_ffi_svc_record_parameters_new(target, priority, alone, made))
  return made[0]
end
equal(C.dnsdist_ffi_svc_record_parameters_new(('x'):rep(64), 1, false, made), false)
local one = parameters('svc.test.', 1, true)
C.dnsdist_ffi_svc_record_parameters_set_additional_param(one, 667, 'hello', 5)
C.dnsdist_ffi_svc_record_parameters_add_ipv6_hint(one, '2001:db8::1', 11)
C.dnsdist_ffi_svc_record_parameters_add_ipv4_hint(one, '\192\0\2\1', 4)
C.dnsdist_ffi_svc_record_parameters_add_ipv4_hint(one, '192.0.2.2', 9)
C.dnsdist_ffi_svc_record_parameters_set_ech(one, 'E', 1)
C.dnsdist_ffi_svc_record_parameters_set_port(one, 1)
C.dnsdist_ffi_svc_record_parameters_set_port(one, 443)
C.dnsdist_ffi_svc_record_parameters_add_alpn(one, 'h2', 2)
C.dnsdist_ffi_svc_record_parameters_add_alpn(one, 'h3', 2)
C.dnsdist_ffi_svc_record_parameters_add_mandatory_param(one, 4)
C.dnsdist_ffi_svc_record_parameters_add_mandatory_param(one, 3)
C.dnsdist_ffi_svc_record_parameters_add_mandatory_param(one, 4)
local WANTED = '\0\1\3svc\4test\0' .. '\0\0\0\4\0\3\0\4' .. '\0\1\0\6\2h2\2h3' .. '\0\2\0\0' ..
  '\0\3\0\2\1\187' .. '\0\4\0\8\192\0\2\1\192\0\2\2' .. '\0\5\0\1E' ..
  '\0\6\0\16\32\1\13\184' .. ('\0'):rep(11) .. '\1' .. '\2\155\0\5hello'
local alias = parameters('.', 0, false)
local list = ffi.new('const dnsdist_ffi_svc_record_parameters *[2]', {one, alias})
local HTTPS = (QUERY:gsub('org%z%z\1', 'org\0\0\65'))
ffi_with(HTTPS, function(dq)
  equal(C.dnsdist_ffi_dnsquestion_generate_svc_response(dq, list, 2, 7), true)
  local content = ffi.string(C.dnsdist_ffi_dnsquestion_get_data(dq),
    C.dnsdist_ffi_dnsquestion_get_len(dq))
  equal(content:find('\0\65\0\1\0\0\0\7\0' .. string.char(#WANTED) .. WANTED, 1, true) ~= nil, true)
  equal(content:find('\0\65\0\1\0\0\0\7\0\3\0\0\0', 1, true) ~= nil, true) -- the alias
end)
C.dnsdist_ffi_svc_record_parameters_add_alpn(one, ('x'):rep(255), 255)
C.dnsdist_ffi_svc_record_parameters_add_alpn(one, ('x'):rep(255), 255)
ffi_with(HTTPS, function(dq) -- too much for a value
  equal(C.dnsdist_ffi_dnsquestion_generate_svc_response(dq, list, 1, 7), false)
end)
C.dnsdist_ffi_svc_record_parameters_free(one)
C.dnsdist_ffi_svc_record_parameters_free(nil)
C.dnsdist_ffi_svc_record_parameters_set_port(nil, 1)

-- An answer has as many records as a message has room for; with more there is none.
local function answers(spoof, data, count)
  local given, found = ffi.new('dnsdist_ffi_raw_value_t[?]', count), nil
  for i = 0, count - 1 do
    given[i].value, given[i].size = data, #data
  end
  ffi_with(QUERY, function(dq)
    C['dnsdist_ffi_dnsquestion_' .. spoof](dq, given, count)
    local header = ffi.string(C.dnsdist_ffi_dnsquestion_get_data(dq), 8)
    found = header:byte(3) >= 128 and header:byte(7) * 256 + header:byte(8)
  end)
  return found
end
equal(answers('spoof_raw', '\192\0\2\1', 65), 65)
equal(answers('spoof_raw', '\192\0\2\1', 3700), 3700)
equal(answers('spoof_raw', '\192\0\2\1', 4094), false)
equal(answers('spoof_raw', '', 100000), false)
equal(answers('spoof_addrs', '\192\0\2\1', 3700), 3700)
equal(answers('spoof_addrs', ('a'):rep(16), 65), 0)
equal(answers('spoof_addrs', 'short', 65), 0)
local many = ffi.new('const dnsdist_ffi_svc_record_parameters *[100]')
local svc = parameters('.', 0, false)
for i = 0, 99 do
  many[i] = svc
end
ffi_with(HTTPS, function(dq)
  equal(C.dnsdist_ffi_dnsquestion_generate_svc_response(dq, many, 100, 7), true)
  equal(ffi.string(C.dnsdist_ffi_dnsquestion_get_data(dq), 8):byte(8), 100)
end)
with(QUERY, 0, function(dq)
  dq:spoof((function(addresses)
    for i = 1, 100 do
      addresses[i] = newCA('192.0.2.' .. i)
    end
    return addresses
  end)({}))
  equal(dq:getContent():byte(8), 100)
end)

-- A MAC is six bytes, whatever is asked for.
local rings = ffi.new('dnsdist_ffi_ring_entry_list_t *[1]')
equal(tonumber(C.dnsdist_ffi_ring_get_entries_by_mac('abc', rings)), 0)
equal(tonumber(C.dnsdist_ffi_ring_get_entries_by_mac('', rings)), 0)
