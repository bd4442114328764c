-- SPDX-License-Identifier: BSD-2-Clause
-- Every member of dnsdist's objects that policies for UDP filtering need is there, and behaves.
local ffi = require('ffi')

local function has(object, members, what)
  for member in members:gmatch('%S+') do
    if object[member] == nil then
      error(('%s has no %s'):format(what, member), 2)
    end
  end
end

local BOTH = [[qname qtype qclass opcode rcode remoteaddr localaddr dh len size tcp skipCache pool
  getHeader setHeader getDO getContent setContent getEDNSOptions setExtendedDNSError getTag
  getTagArray setTag setTagArray unsetTag changeName suspend getTrailingData setTrailingData
  getProtocol getQueryTime getElapsedUs getIncomingInterface setMetaKey sendTrap]]

with(QUERY, 0, function(dq)
  has(dq, BOTH, 'DNSQuestion')
  has(dq, [[useECS ecsOverride ecsPrefixLength deviceID deviceName requestorID setEDNSOption spoof
    setNegativeAndAdditionalSOA setRestartable setProxyProtocolValues addProxyProtocolValue
    getProxyProtocolValues getServerNameIndication getHTTPPath getHTTPQueryString getHTTPHost
    getHTTPScheme getHTTPHeaders setHTTPResponse getTraceID getSpanID]], 'DNSQuestion')
  has(dq.dh, [[getID getRD getRA getAA getAD getCD getTC
    setRD setRA setAA setAD setCD setTC setQR]], 'DNSHeader')
  has(dq:getHeader(), 'getID getRD setRD setQR', 'DNSHeader')
  for _, member in ipairs({'getQR', 'setID', 'getOpcode', 'setRCode'}) do
    equal(dq.dh[member], nil)
  end
  has(dq.qname, [[isPartOf chopOff countLabels wirelength toString tostring toStringNoDot
    toDNSString makeRelative append prepend hash]], 'DNSName')
  has(dq.remoteaddr, [[getPort getRaw isIPv4 isIPv6 isMappedIPv4 mapToIPv4 toString
    toStringNoInterface toStringReversed toStringWithPort tostring tostringWithPort truncate]],
    'ComboAddress')
  has(dq:getEDNSOptions()[10], 'count getValues', 'EDNSOptionView')
  has(dq:getQueryTime(), 'tv_sec tv_nsec', 'timespec')

  -- What servers are told: as the policy has it, then as this one has it.
  equal(dq.useECS, true)
  equal(dq.ecsOverride, false)
  equal(dq.ecsPrefixLength, 24)
  setECSOverride(true)
  setECSSourcePrefixV4(16)
  equal(dq.ecsOverride, true)
  equal(dq.ecsPrefixLength, 16)
  dq.useECS, dq.ecsOverride, dq.ecsPrefixLength = false, false, 32
  equal(dq.useECS, false)
  equal(dq.ecsOverride, false)
  equal(dq.ecsPrefixLength, 32)
  dq.useECS, dq.ecsOverride, dq.ecsPrefixLength = true, true, 0
  equal(dq.useECS, true)
  equal(dq.ecsOverride, true)
  equal(dq.ecsPrefixLength, 0)
  setECSOverride(false)
  setECSSourcePrefixV4(24)
  equal(dq.ecsOverride, true)

  equal(next(dq:getProxyProtocolValues()), nil)
  dq:addProxyProtocolValue(224, 'one')
  dq:addProxyProtocolValue(0, '\0')
  equal(dq:getProxyProtocolValues()[224], 'one')
  equal(dq:getProxyProtocolValues()[0], '\0')
  dq:setProxyProtocolValues({[255] = ''})
  equal(dq:getProxyProtocolValues()[224], nil)
  equal(dq:getProxyProtocolValues()[255], '')
  raises('the type', function() dq:addProxyProtocolValue(256, '') end)
  raises('the value', function() dq:addProxyProtocolValue(1) end)
  dq:setProxyProtocolValues({})
  equal(next(dq:getProxyProtocolValues()), nil)

  -- What has no effect is taken.
  dq.deviceID = 'x'
  dq:setMetaKey('key', {'value'})
  dq:setProxyProtocolValues({[1] = 'x'})

  -- The live header, and its traps: setTC copies RD to RA.
  dq.dh:setTC(true)
  equal(dq.dh:getTC(), true)
  equal(dq.dh:getRA(), true)
  dq.dh:setTC(false)
  dq.dh:setQR(true)
  equal(bit.band(dq:getContent():byte(3), 0x80), 0x80)
  dq.rcode = DNSRCode.NXDOMAIN
  equal(dq.rcode, 3)
  equal(bit.band(dq:getContent():byte(4), 15), 3)
  dq.len = #QUERY + 3
  equal(dq:getTrailingData(), '\0\0\0')
  equal(dq:setTrailingData('tail'), true)
  equal(dq:getTrailingData(), 'tail')
  equal(dq:setTrailingData(''), true)
  equal(dq:getContent():sub(5), QUERY:sub(5))

  -- Floats are truncated, numeric strings taken, IDs wrap.
  dq.rcode = '2.9'
  equal(dq.rcode, 2)
  dq:setTag('number', 5)
  equal(dq:getTag('number'), '5')
  equal(dq:getTag('absent'), '')
  equal(dq:suspend('65537.5', -1, 10), true)
  equal(getAsynchronousObject(1, 65535):drop(), true)
  equal(tostring(select(2, pcall(getAsynchronousObject, 1, 65535))):find(
    'Unable to find asynchronous object', 1, true) ~= nil, true)
end)

with(ANSWER, 2, function(dr)
  has(dr, BOTH, 'DNSResponse')
  has(dr, 'editTTLs restart getRestartCount getStaleCacheHit', 'DNSResponse')
  for _, member in ipairs({'useECS', 'tempFailureTTL', 'deviceID', 'spoof', 'setEDNSOption'}) do
    equal(dr[member], nil)
  end
  equal(dr:getSelectedBackend(), nil)
  equal(dr:changeName('a.example.net'), true)
  equal(newDNSPacketOverlay(dr:getContent()):getRecord(0).name:toString(), 'a.example.net.')
end)

-- Spoofed raw data, and answers of no type that fits.
with(QUERY, 0, function(dq)
  dq:spoof({newCA('2001:db8::1')})
  equal(dq.dh:getID(), 0x1234)
  local overlay = newDNSPacketOverlay(dq:getContent())
  has(overlay, 'qname qtype qclass dh getRecordsCountInSection getRecord', 'DNSPacketOverlay')
  equal(overlay:getRecordsCountInSection(1), 0)
  equal(dq.rcode, 0)
end)
with(QUERY, 0, function(dq)
  dq:spoof({'\192\0\2\1', '\192\0\2\2'}, nil, 7)
  local overlay = newDNSPacketOverlay(dq:getContent())
  equal(overlay:getRecordsCountInSection(1), 2)
  equal(overlay:getRecord(1).ttl, 7)
  has(overlay:getRecord(1), 'name type class ttl place contentLength contentOffset', 'record')
  raises('takes a table', dq.spoof, dq, '192.0.2.1')
end)
with(QUERY, 0, function(dq)
  equal(dq:setNegativeAndAdditionalSOA(true, 'example.org', 60, 'ns.example.org', 'h.example.org',
    1, 2, 3, 4, 5), true)
  equal(dq.rcode, DNSRCode.NXDOMAIN)
  equal(newDNSPacketOverlay(dq:getContent()):getRecord(0).type, DNSQType.SOA)
end)

has(newDNSNameSet(), 'add check delete size empty clear toString', 'DNSNameSet')
has(newSuffixMatchNode(), 'add remove check getBestMatch', 'SuffixMatchNode')
has(newNetmask('192.0.2.0/24'), [[empty getBits getNetwork getMaskedNetwork isIPv4 isIpv4 isIPv6
  isIpv6 match toString]], 'Netmask')
has(newNMG(), 'addMask addMasks addNMG match size clear toString', 'NetmaskGroup')
has(AllRule(), 'getMatches toString', 'DNSRule')
has(DropAction(), 'getStats reload printStats', 'DNSAction')
has(newNetworkEndpoint('/nonexistent'), 'isValid send', 'NetworkEndpoint')
equal(newNetworkEndpoint('/nonexistent'):send(''), false)
has(newNetworkListener(), 'addUnixListeningEndpoint addUnixListeningEndpointFFI start', 'listener')

-- Sets are copied into rules; a list of a million names is not spelled out.
local node = newSuffixMatchNode()
node:add(newDNSName('example.org'))
addAction(SuffixMatchNodeRule(node), NoneAction())
for i = 1, 50 do
  node:add('n' .. i .. '.example')
end
equal(SuffixMatchNodeRule(node):toString(), 'qname in 51 names')
equal(getRule(0):getSelector():toString(), 'qname in example.org.')
node:remove({'example.org'})
equal(node:check('www.example.org'), false)
local group = newNMG()
group:addMasks({[newCA('192.0.2.1')] = 1})
equal(group:match(newCA('192.0.2.1')), true)
equal(newDNSName('example.org') == 'example.org.', false)

for name, members in pairs({
  DNSAction = [[Drop Nxdomain Refused Spoof Allow HeaderModify Pool Delay Truncate ServFail None
    NoOp NoRecurse SpoofRaw SpoofPacket SetTag]],
  DNSResponseAction = 'Allow Delay Drop HeaderModify ServFail Truncate None',
  DNSQType = 'A AAAA TXT CNAME SOA NS MX SRV SVCB HTTPS ANY AXFR IXFR OPT',
  DNSClass = 'IN CHAOS NONE ANY', DNSOpcode = 'Query IQuery Status Notify Update',
  DNSRCode = 'NOERROR FORMERR SERVFAIL NXDOMAIN NOTIMP REFUSED BADVERS',
  DNSSection = 'Question Answer Authority Additional', EDNSOptionCode = 'ECS COOKIE EXTENDEDERROR',
  pdns_features = '', DNSCryptExchangeVersion = 'VERSION1',
}) do
  has(_G[name], members, name)
end

-- The FFI, by name.
for name in ([[set_alternate_name set_async get_localaddr get_local_port is_remote_v6
    get_remoteaddr get_remote_port get_incoming_interface get_tcp get_protocol get_elapsed_us
    get_masked_remoteaddr get_qname_raw get_qname_hash get_qtype get_qclass get_id get_rcode
    get_header get_header_copy set_header get_data get_len get_size set_size get_opcode get_do
    get_edns_version get_edns_extended_rcode set_rcode set_len get_edns_options get_trailing_data
    set_trailing_data get_skip_cache is_temp_failure_ttl_set get_temp_failure_ttl get_tag
    get_tag_raw set_skip_cache set_temp_failure_ttl unset_temp_failure_ttl set_tag unset_tag
    set_tag_raw set_extended_dns_error add_extended_dns_error set_max_returned_ttl set_restartable
    set_result get_tag_array spoof_raw spoof_addrs spoof_packet get_use_ecs get_ecs_override
    get_ecs_prefix_length set_use_ecs set_ecs_override set_ecs_prefix_length]]):gmatch('%S+') do
  equal(ffi.C['dnsdist_ffi_dnsquestion_' .. name] ~= nil, true)
end
for name in ([[dnsresponse_set_async resume_from_async drop_from_async set_answer_from_async
    set_rcode_from_async resume_from_async_with_alternate_name network_endpoint_new
    network_endpoint_is_valid network_endpoint_send network_endpoint_free
    network_message_get_payload network_message_get_payload_size network_message_get_endpoint_id
    dnsresponse_set_min_ttl dnsresponse_set_max_ttl dnsresponse_limit_ttl
    dnsresponse_set_max_returned_ttl dnsresponse_clear_records_type dnsresponse_rebase
    dnsresponse_get_stale_cache_hit dnsresponse_get_restart_count hash dnspacket_parse
    dnspacket_get_qname_raw dnspacket_get_qtype dnspacket_get_qclass
    dnspacket_get_records_count_in_section dnspacket_get_record_name_raw
    dnspacket_get_record_type dnspacket_get_record_class dnspacket_get_record_ttl
    dnspacket_get_record_content_length dnspacket_get_record_content_offset
    dnspacket_get_name_at_offset_raw dnspacket_parse_a_record dnspacket_parse_aaaa_record
    dnspacket_parse_address_record dnspacket_parse_cname_record
    dnspacket_free dynamic_blocks_add dynamic_blocks_smt_add dynamic_blocks_get_entries
    dynamic_blocks_smt_get_entries dynamic_blocks_list_get
    dynamic_blocks_list_free]]):gmatch('%S+') do
  equal(ffi.C['dnsdist_ffi_' .. name] ~= nil, true)
end

-- Packets of Lua's own.
local packet = ffi.new('dnsdist_ffi_dnspacket_t *[1]')
equal(ffi.C.dnsdist_ffi_dnspacket_parse('short', 5, packet), false)
equal(ffi.C.dnsdist_ffi_dnspacket_parse(nil, 5, packet), false)
equal(ffi.C.dnsdist_ffi_dnspacket_parse(ANSWER, #ANSWER - 1, packet), false)
equal(ffi.C.dnsdist_ffi_dnspacket_parse(ANSWER, #ANSWER, packet), true)
equal(ffi.C.dnsdist_ffi_dnspacket_get_qtype(packet[0]), 1)
equal(ffi.C.dnsdist_ffi_dnspacket_get_records_count_in_section(packet[0], 0), 0)
equal(ffi.C.dnsdist_ffi_dnspacket_get_records_count_in_section(packet[0], 1), 1)
equal(ffi.C.dnsdist_ffi_dnspacket_get_record_ttl(packet[0], 0), 300)
equal(ffi.C.dnsdist_ffi_dnspacket_get_record_ttl(packet[0], 1), 0)
local address, size = ffi.new('char[16]'), ffi.new('size_t[1]', 16)
equal(ffi.C.dnsdist_ffi_dnspacket_parse_address_record(ANSWER, packet[0], 0, address, size), true)
equal(ffi.string(address, size[0]), '\192\0\2\7')
size[0] = 3
equal(ffi.C.dnsdist_ffi_dnspacket_parse_a_record(ANSWER, packet[0], 0, address, size), false)
equal(ffi.C.dnsdist_ffi_dnspacket_parse_aaaa_record(ANSWER, packet[0], 0, address, size), false)
equal(ffi.C.dnsdist_ffi_dnspacket_parse_cname_record(ANSWER, packet[0], 9, address, size), false)
local name = ffi.new('char[255]')
local name_at = ffi.C.dnsdist_ffi_dnspacket_get_name_at_offset_raw
equal(tonumber(name_at(ANSWER, #ANSWER, 12, name, 255)), 17)
equal(tonumber(name_at(ANSWER, #ANSWER, 12, name, 16)), 0)
equal(tonumber(name_at(ANSWER, #ANSWER, 999, name, 255)), 0)
ffi.C.dnsdist_ffi_dnspacket_free(packet[0])
equal(ffi.C.dnsdist_ffi_hash(1, 'Example', 7, true), ffi.C.dnsdist_ffi_hash(1, 'eXAMPLE', 7, true))
equal(ffi.C.dnsdist_ffi_hash(1, 'a', 1, false) == ffi.C.dnsdist_ffi_hash(2, 'a', 1, false), false)

-- Null and stale questions are not followed.
equal(ffi.C.dnsdist_ffi_dnsquestion_get_qtype(nil), 0)
equal(ffi.C.dnsdist_ffi_dnsquestion_get_header(nil) ~= nil, true)
ffi.C.dnsdist_ffi_dnsquestion_set_result(nil, 'x', 1)
equal(ffi.C.dnsdist_ffi_dnsquestion_set_async(nil, 1, 1, 1), false)
equal(ffi.C.dnsdist_ffi_dnsquestion_get_id(ffi.new('struct lua_question')), 0)
