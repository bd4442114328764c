-- SPDX-License-Identifier: BSD-2-Clause
-- What was asked and answered of late. The rings hold what test_asked() and test_answered() put in.
local ffi = require('ffi')
local bit = require('bit')
ffi.cdef[[
void test_asked(const char *client, const char *dns, size_t length, uint32_t age_ms);
void test_answered(const char *client, const char *dns, size_t length, uint32_t age_ms,
		   int32_t took_ms, int origin);
]]
local SERVER, CACHE, OWN = 0, 1, 2 -- where an answer comes from

local function message(name, rcode)
  return '\18\52' .. string.char(rcode and 0x85 or 1, rcode or 0) .. '\0\1\0\0\0\0\0\0' ..
    newDNSName(name):toDNSString() .. '\0\1\0\1'
end
local function asked(client, name, age)
  local dns = message(name)
  ffi.C.test_asked(client, dns, #dns, age)
end
local function answered(client, name, rcode, age, took, origin)
  local dns = message(name, rcode)
  ffi.C.test_answered(client, dns, #dns, age, took, origin)
end

equal(topClients(), '   1  Rest                                        0 100.0%\n')
equal(grepq('.'):gsub(' +', ' '), 'Time Client Protocol Server ID Name Type Lat. TC RD AA Rcode\n')
statNodeRespRing(function(node) equal(node.labelsCount, 0) end)

asked('192.0.2.1:1111', 'a.example.org', 3000)
asked('192.0.2.1:1112', 'B.Example.ORG', 2000)
asked('192.0.2.1:1113', 'b.example.org', 1500)
asked('[2001:db8::1]:53', 'example.net', 1001)
answered('192.0.2.1:1111', 'a.example.org', 0, 2900, 100, SERVER)
answered('192.0.2.1:1112', 'B.Example.ORG', 3, 1900, 2, CACHE)
answered('192.0.2.1:1113', 'b.example.org', 3, 1400, 0, OWN)
answered('192.0.2.9:1114', 'a.example.org', 2, 1300, 700, SERVER)
answered('[2001:db8::1]:53', 'example.net', 0, 900, -1, SERVER)

-- ---- the most
equal(topClients(), '   1  192.0.2.1                                   3 75.0%\n' ..
  '   2  2001:db8::1                                 1 25.0%\n' ..
  '   3  Rest                                        0  0.0%\n')
equal(topQueries(1), '   1  b.example.org.                              2 50.0%\n' ..
  '   2  Rest                                        2 50.0%\n')
equal(topQueries(nil, 1), '   1  org.                                        3 75.0%\n' ..
  '   2  net.                                        1 25.0%\n' ..
  '   3  Rest                                        0  0.0%\n')
local list = getTopQueries(10, 2)
equal(#list, 3)
equal(list[1][1], 'example.org.')
equal(list[1][2], 3)
equal(list[1][3], 75)
equal(getTopResponses(5, DNSRCode.NXDOMAIN)[1][1], 'b.example.org.')
equal(getTopResponses(5, DNSRCode.NXDOMAIN)[1][2], 2)
equal(#getTopResponses(5, DNSRCode.REFUSED), 1)
equal(topResponses(1, 2):match('a%.example%.org%. +1 100%.0%%') ~= nil, true)
equal(getSlowResponses(10, 500)[1][1], 'a.example.org.')
equal(getSlowResponses(10, 50)[1][2], 2)
equal(getSlowResponses(10, 0, nil, true)[1][1], 'example.net.') -- no answer at all
equal(#getSlowResponses(10, 0, nil, true), 2)
equal(topTimeouts(), '   1  example.net.                                1 100.0%\n' ..
  '   2  Rest                                        0  0.0%\n')
equal(getTopBandwidth(1)[1][1], '192.0.2.1')
equal(getTopBandwidth(1)[1][2], 6 * 31)
raises('the count', topClients, -1)

-- ---- lines
local function lines(text) return select(2, text:gsub('\n', '\n')) - 1 end
equal(lines(grepq('.')), 9)
equal(lines(grepq('example.org')), 7)
equal(lines(grepq('192.0.2.9')), 1)
equal(lines(grepq({'192.0.2.0/24', 'B.example.org'})), 4)
equal(lines(grepq('100ms')), 2)
equal(lines(grepq({'>600ms', 'example.org'})), 1)
equal(lines(grepq('example.org', 1)), 2)
local function has(text, pattern)
  if not text:find(pattern) then
    error(('nothing like "%s" in\n%s'):format(pattern, text), 2)
  end
end
local from, question = ' +192%.0%.2%.1:1112 +', ' +4660 +B%.Example%.ORG%. +A +'
has(grepq('b.example.org', 2), '\n%-2%.0' .. from .. 'Do53 UDP' .. question .. 'RD +Question\n')
has(grepq('b.example.org', 2),
  '\n%-1%.9' .. from .. '%- +Cache' .. question .. '2%.0 +RD AA Non%-Existent domain\n')
has(grepq('example.net'), '%[2001:db8::1%]:53 +Do53 UDP +%? .* T%.O +No Error%. 0 answers\n')
raises('as domain name or netmask', grepq, 'a..b')
raises('unknown key', grepq, '.', 1, {outputfile = 'x'})
local path = os.tmpname()
raises('File exists', grepq, '.', 1, {outputFile = path})
os.remove(path)
equal(grepq('.', 1, {outputFile = path}), ('wrote 2 lines to %s\n'):format(path))
local file = io.open(path)
equal(lines(file:read('*a')), 2)
file:close()
os.remove(path)

-- ---- by suffix
local seen, order = {}, {}
statNodeRespRing(function(node, own, all)
  order[#order + 1] = node.fullname
  seen[node.fullname] = {node.labelsCount, node:numChildren(), own.queries, all.queries,
    all.noerrors, all.nxdomains, all.servfails, all.drops, all.bytes, all.hits}
end)
local function sums(name, ...)
  equal(table.concat(seen[name], ' '), table.concat({...}, ' '))
end
sums('a.example.org.', 3, 0, 2, 2, 1, 0, 1, 0, 62, 0)
sums('b.example.org.', 3, 0, 2, 2, 0, 2, 0, 0, 62, 2)
sums('example.org.', 2, 2, 0, 4, 1, 2, 1, 0, 124, 2)
sums('net.', 1, 1, 0, 1, 0, 0, 0, 1, 0, 0)
sums('', 0, 2, 0, 5, 1, 2, 1, 1, 124, 2)
equal(#order, 7)
equal(order[7], '')
local count = 0
statNodeRespRing(function() count = count + 1 end, 1)
equal(count, 3) -- example.net and what is above it
statNodeRespRing(function(node) equal(node.nothing, nil) end) -- as of other objects
-- One inside of another.
statNodeRespRing(function(node)
  local name = node.fullname
  statNodeRespRing(function() end)
  equal(node.fullname, name)
end)
raises('visitor', statNodeRespRing, nil)

local C = ffi.C
local name, size = ffi.new('const char *[1]'), ffi.new('size_t[1]')
require('sluice.recent').visit_suffixes(0, function(node)
  C.dnsdist_ffi_stat_node_get_full_name_raw(node, name, size)
  if ffi.string(name[0], size[0]) == 'example.org.' then
    equal(tonumber(C.dnsdist_ffi_stat_node_get_queries_count(node)), 0)
    equal(tonumber(C.dnsdist_ffi_stat_node_get_children_queries_count(node)), 4)
    equal(tonumber(C.dnsdist_ffi_stat_node_get_children_nxdomains_count(node)), 2)
    equal(tonumber(C.dnsdist_ffi_stat_node_get_children_hits(node)), 2)
    equal(C.dnsdist_ffi_stat_node_get_labels_count(node), 2)
    equal(C.dnsdist_ffi_stat_node_get_children_count(node), 2)
    C.dnsdist_ffi_state_node_set_reason(node, ('r'):rep(1000), 1000)
    C.dnsdist_ffi_state_node_set_action(node, DNSAction.Drop)
    equal(ffi.string(node.reason, node.reason_length), ('r'):rep(256))
    equal(node.action, DNSAction.Drop)
  else
    equal(node.action, -1)
  end
end)

-- ---- clients above a rate
local function counts(found)
  local texts = {}
  for client, sum in pairs(found) do
    texts[#texts + 1] = client:toString() .. '=' .. sum
  end
  table.sort(texts)
  return table.concat(texts, ' ')
end
equal(counts(exceedQRate(0, 10)), '192.0.2.1=3 2001:db8::1=1')
equal(counts(exceedQRate(1, 2)), '')
equal(counts(exceedQRate(0, 1)), '') -- the last one is older
equal(counts(exceedQTypeRate(DNSQType.A, 0, 10)), '192.0.2.1=3 2001:db8::1=1')
equal(counts(exceedQTypeRate('AAAA', 0, 10)), '')
equal(counts(exceedServFails(0, 10)), '192.0.2.9=1')
equal(counts(exceedNXDOMAINs(0, 10)), '192.0.2.1=2')
equal(counts(exceedRespByterate(9, 10)), '192.0.2.1=93')

-- ---- entries
local entries = getRingEntries()
equal(#entries, 9)
equal(entries[1].qname:toString(), 'example.net.') -- the newest
equal(entries[1].isResponse, true)
equal(entries[1].usec, 4294967295)
equal(entries[2].isResponse, false)
equal(entries[3].isResponse, true)
equal(bit.rshift(entries[3].usec, 10), bit.rshift(700000, 10))
equal(entries[3].backend:toString(), '0.0.0.0')
equal(entries[7].requestor:toStringWithPort(), '192.0.2.1:1112')
equal(entries[7].qtype, DNSQType.A)
equal(entries[7].size, 31)
equal(entries[7].protocol, 'Do53 UDP')
equal(entries[7].dnsheader:getID(), 0x1234)
equal(entries[7].macAddress, '\2\0\0\0\0\1')
equal(entries[7].weight, 1)
equal(math.abs(entries[7].when.tv_sec - (os.time() - 2)) <= 2, true)
equal(entries[1].name, nil) -- as of other objects
equal(entries[7].isResponse, false)
raises('to set', function() entries[1].size = 1 end)
equal(#getResponseRing(), 5)
equal(getResponseRing()[1].usec, 4294967295)
equal(#getRespRing(), 5)
equal(#getRespRing(3), 2)
equal(getRespRing(3)[1].rcode, '3')

-- ---- the same through the FFI
local out = ffi.new('dnsdist_ffi_ring_entry_list_t *[1]')
equal(tonumber(C.dnsdist_ffi_ring_get_entries(out)), 9)
local ring = out[0]
equal(ffi.string(C.dnsdist_ffi_ring_entry_get_name(ring, 6)), 'B.Example.ORG.')
equal(ffi.string(C.dnsdist_ffi_ring_entry_get_requestor(ring, 0)), '[2001:db8::1]:53')
equal(ffi.string(C.dnsdist_ffi_ring_entry_get_backend(ring, 0)), '0.0.0.0:0')
equal(ffi.string(C.dnsdist_ffi_ring_entry_get_backend(ring, 1)), '') -- a query
equal(C.dnsdist_ffi_ring_entry_is_response(ring, 1), false)
equal(C.dnsdist_ffi_ring_entry_is_response(ring, 0), true)
equal(C.dnsdist_ffi_ring_entry_get_latency(ring, 0), 65535)
equal(C.dnsdist_ffi_ring_entry_get_id(ring, 1), 0x1234)
equal(C.dnsdist_ffi_ring_entry_get_rcode(ring, 2), 2)
equal(C.dnsdist_ffi_ring_entry_get_aa(ring, 2), true)
equal(C.dnsdist_ffi_ring_entry_get_rd(ring, 2), true)
equal(C.dnsdist_ffi_ring_entry_get_tc(ring, 2), false)
equal(C.dnsdist_ffi_ring_entry_get_age(ring, 1) >= 1, true)
equal(C.dnsdist_ffi_ring_entry_has_mac_address(ring, 0), true)
equal(ffi.string(C.dnsdist_ffi_ring_entry_get_mac_address(ring, 0), 6), '\2\0\0\0\0\1')
equal(C.dnsdist_ffi_ring_entry_get_type(ring, 99), 0)
equal(C.dnsdist_ffi_ring_entry_get_name(ring, 99) == nil, true)
C.dnsdist_ffi_ring_entry_list_free(ring)
equal(tonumber(C.dnsdist_ffi_ring_get_entries_by_addr('192.0.2.9', out)), 1)
C.dnsdist_ffi_ring_entry_list_free(out[0])
equal(tonumber(C.dnsdist_ffi_ring_get_entries_by_addr('192.0.2.77', out)), 0)
equal(tonumber(C.dnsdist_ffi_ring_get_entries_by_addr('no address', out)), 0)
-- Freed with the policy.
equal(tonumber(C.dnsdist_ffi_ring_get_entries_by_mac('\2\0\0\0\0\1', out)), 9)

-- ---- what is recorded
equal(getRingBuffersSamplingRate(), 0)
setRingBuffersSize(1000, 4)
setRingBuffersOptions({lockRetries = 5, recordQueries = true, recordResponses = false,
  samplingRate = 100})
equal(getRingBuffersSamplingRate(), 100)
raises('recordQueries must be true or false', setRingBuffersOptions, {recordQueries = 1})
raises('the number of entries', setRingBuffersSize, 0)
raises('unknown key "rate"', setRingBuffersOptions, {rate = 1})
