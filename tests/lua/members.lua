-- SPDX-License-Identifier: BSD-2-Clause
-- Each member that dnsdist's objects have is there on ours, and each function of its FFI.
local ffi = require('ffi')

local FUNCTIONS = [[
  dnsquestion_set_alternate_name dnsresponse_set_async resume_from_async drop_from_async
  set_answer_from_async set_rcode_from_async resume_from_async_with_alternate_name
  dnsquestion_set_async network_endpoint_new network_endpoint_is_valid network_endpoint_send
  network_endpoint_free network_message_get_payload network_message_get_payload_size
  network_message_get_endpoint_id dnsquestion_get_localaddr dnsquestion_get_local_port
  dnsquestion_is_remote_v6 dnsquestion_get_remoteaddr dnsquestion_get_remote_port
  dnsquestion_get_incoming_interface dnsquestion_get_tcp dnsquestion_get_protocol
  dnsquestion_get_elapsed_us dnsquestion_get_masked_remoteaddr dnsquestion_get_qname_raw
  dnsquestion_get_qname_hash dnsquestion_get_qtype dnsquestion_get_qclass dnsquestion_get_id
  dnsquestion_get_rcode dnsquestion_get_header dnsquestion_get_header_copy
  dnsquestion_set_header dnsquestion_get_data dnsquestion_get_len dnsquestion_get_size
  dnsquestion_set_size dnsquestion_get_opcode dnsquestion_get_do dnsquestion_get_edns_version
  dnsquestion_get_edns_extended_rcode dnsquestion_set_rcode dnsquestion_set_len
  dnsquestion_get_edns_options dnsquestion_get_trailing_data dnsquestion_set_trailing_data
  dnsquestion_get_skip_cache dnsquestion_is_temp_failure_ttl_set
  dnsquestion_get_temp_failure_ttl dnsquestion_get_tag dnsquestion_get_tag_raw
  dnsquestion_set_skip_cache dnsquestion_set_temp_failure_ttl dnsquestion_unset_temp_failure_ttl
  dnsquestion_set_tag dnsquestion_unset_tag dnsquestion_set_tag_raw
  dnsquestion_set_extended_dns_error dnsquestion_add_extended_dns_error
  dnsquestion_set_max_returned_ttl dnsquestion_set_restartable dnsquestion_set_result
  dnsquestion_get_tag_array dnsquestion_spoof_raw dnsquestion_spoof_addrs
  dnsquestion_spoof_packet dnsresponse_set_min_ttl dnsresponse_set_max_ttl dnsresponse_limit_ttl
  dnsresponse_set_max_returned_ttl dnsresponse_clear_records_type dnsresponse_rebase
  dnsresponse_get_stale_cache_hit dnsresponse_get_restart_count dnspacket_parse
  dnspacket_get_qname_raw dnspacket_get_qtype dnspacket_get_qclass
  dnspacket_get_records_count_in_section dnspacket_get_record_name_raw dnspacket_get_record_type
  dnspacket_get_record_class dnspacket_get_record_ttl dnspacket_get_record_content_length
  dnspacket_get_record_content_offset dnspacket_get_name_at_offset_raw dnspacket_parse_a_record
  dnspacket_parse_aaaa_record dnspacket_parse_address_record dnspacket_parse_cname_record
  dnspacket_free servers_list_get_count servers_list_get_server servers_list_chashed
  servers_list_whashed server_get_outstanding server_is_up server_get_name
  server_get_name_with_addr server_get_weight server_get_order server_get_latency metric_declare
  metric_inc metric_inc_by metric_dec metric_set metric_get hash dynamic_blocks_add
  dynamic_blocks_smt_add dynamic_blocks_get_entries dynamic_blocks_smt_get_entries
  dynamic_blocks_list_get dynamic_blocks_list_free dnsquestion_get_use_ecs
  dnsquestion_get_ecs_override dnsquestion_get_ecs_prefix_length dnsquestion_set_use_ecs
  dnsquestion_set_ecs_override dnsquestion_set_ecs_prefix_length generate_proxy_protocol_payload
  dnsquestion_generate_proxy_protocol_payload dnsquestion_add_proxy_protocol_values
  dnsquestion_get_proxy_protocol_values address_list_get address_list_free domain_list_get
  domain_list_free packetcache_get_domain_list_by_addr packetcache_get_address_list_by_domain
  ring_entry_is_response ring_entry_get_age ring_entry_get_name ring_entry_get_type
  ring_entry_get_requestor ring_entry_get_backend ring_entry_get_protocol ring_entry_get_size
  ring_entry_get_latency ring_entry_get_id ring_entry_get_rcode ring_entry_get_aa
  ring_entry_get_rd ring_entry_get_tc ring_entry_get_ancount ring_entry_get_nscount
  ring_entry_get_arcount ring_entry_has_mac_address ring_entry_get_mac_address
  ring_entry_list_free ring_get_entries ring_get_entries_by_addr ring_get_entries_by_mac
  stat_node_get_queries_count stat_node_get_noerrors_count stat_node_get_nxdomains_count
  stat_node_get_servfails_count stat_node_get_drops_count stat_node_get_bytes stat_node_get_hits
  stat_node_get_labels_count stat_node_get_full_name_raw stat_node_get_children_count
  stat_node_get_children_queries_count stat_node_get_children_noerrors_count
  stat_node_get_children_nxdomains_count stat_node_get_children_servfails_count
  stat_node_get_children_drops_count stat_node_get_children_bytes_count
  stat_node_get_children_hits state_node_set_reason state_node_set_action
  svc_record_parameters_new svc_record_parameters_set_port svc_record_parameters_set_ech
  svc_record_parameters_set_additional_param svc_record_parameters_add_mandatory_param
  svc_record_parameters_add_alpn svc_record_parameters_add_ipv4_hint
  svc_record_parameters_add_ipv6_hint svc_record_parameters_free
  dnsquestion_generate_svc_response dnsquestion_get_mac_addr dnsquestion_get_sni
  dnsquestion_set_http_response dnsquestion_send_trap dnsquestion_get_http_path
  dnsquestion_get_http_query_string dnsquestion_get_http_host dnsquestion_get_http_scheme
  dnsquestion_get_http_headers
]]
for name in FUNCTIONS:gmatch('%S+') do
  local ok, message = pcall(function() return ffi.C['dnsdist_ffi_' .. name] end)
  if not ok then
    error(('dnsdist_ffi_%s: %s'):format(name, message), 0)
  end
end

-- Attributes that are nil are there, too, if this says so.
local function members(what, object, names, may_be_nil)
  for name in names:gmatch('%S+') do
    local method = name:match('^:(.*)')
    local ok, value = pcall(function() return object[method or name] end)
    if not ok or (method and type(value) ~= 'function') or
        (not method and value == nil and not (may_be_nil or ''):find(name, 1, true)) then
      error(('%s has no %s: %s'):format(what, name, tostring(value)), 0)
    end
  end
end
local function text(object)
  return #tostring(object) > 0 and tostring(object) == object:toString()
end

members('ComboAddress', newCA('192.0.2.1'), [[:ipencrypt :ipdecrypt :tostring :tostringWithPort
  :toString :toStringNoInterface :toStringReversed :toStringWithPort :getRaw :getPort :truncate
  :match :isIPv4 :isIPv6 :isMappedIPv4 :mapToIPv4]])
equal(newCA('192.0.2.1:53'):match(newCA('192.0.2.1')), true)
members('DNSName', newDNSName('a.test'), [[:isPartOf :chopOff :append :prepend :countLabels :hash
  :wirelength :tostring :toString :toStringNoDot :toDNSString :makeRelative]])
members('DNSNameSet', newDNSNameSet(), ':toString :add :check :delete :size :clear :empty')
members('Netmask', newNetmask('192.0.2.0/24'), [[:empty :getBits :getNetwork :getMaskedNetwork
  :match :toString :isIPv4 :isIPv6 :isIpv4 :isIpv6]])
members('NetmaskGroup', newNMG(), ':addMask :addNMG :addMasks :match :size :clear :toString')
members('SuffixMatchNode', newSuffixMatchNode(), ':add :remove :check :getBestMatch')
members('TimedIPSetRule', TimedIPSetRule(), ':clear :cleanup :add :slice')
members('QPSLimiter', newQPSLimiter(1, 1), ':check')
members('NetworkListener', newNetworkListener(),
  ':addUnixListeningEndpoint :addUnixListeningEndpointFFI :start')
members('NetworkEndpoint', newNetworkEndpoint('/tmp/nobody'), ':isValid :send')

local cache = newPacketCache(100)
getPool(''):setCache(cache)
members('DNSDistPacketCache', cache, [[:toString :isFull :purgeExpired :expunge :expungeByName
  :printStats :getStats :getDomainListByAddress :getAddressListByDomain :dump]])
members('LuaServerPoolObject', getPool(''),
  ':setCache :getCache :unsetCache :getECS :setECS :getZeroScope :setZeroScope')
local server = newServer('192.0.2.9')
members('DownstreamState', server, [[:setQPS :addPool :rmPool :getOutstanding :getDrops :getQueries
  :canAcceptQueries :getLatency :isUp :setDown :setUp :getHealthCheckMode :setAuto :setActiveAuto
  :setLazyAuto :setHealthCheckParams :getName :getNameWithAddr upStatus weight order name :getID
  :setHealthCheckResponseValidator]])
members('ServerPolicy', leastOutstanding,
  'name policy ffipolicy isLua isFFI isPerThread :toString', 'ffipolicy')
equal(text(leastOutstanding), true)
addLocal('192.0.2.8:53')
members('ClientState', getBind(0), [[:toString :getType :getConfiguredTLSProvider
  :getEffectiveTLSProvider muted :attachFilter :detachFilter]])

getBind(0).muted = true
equal(getBind(0).muted, true)
equal(getBind(1).muted, false)
getBind(1).muted = true
equal(getBind(1).muted, true)
getBind(0).muted = false
equal(getBind(0).muted, false)
equal(getBind(1).muted, true)
getBind(1).muted = false

addAction(AllRule(), SetTagAction('a', 'b'))
addResponseAction(AllRule(), SetTagResponseAction('a', 'b'))
members('RuleAction', getRule(0), ':getSelector :getAction')
members('ResponseRuleAction', getResponseRule(0), ':getSelector :getAction')
members('DNSRule', getRule(0):getSelector(), ':toString :getMatches')
members('DNSAction', getAction(0), ':printStats :getStats :reload')
members('DNSResponseAction', getResponseRule(0):getAction(), ':reload')

members('DynBlockRulesGroup', dynBlockRulesGroup(), [[:setQueryRate :setResponseByteRate
  :setSuffixMatchRule :setSuffixMatchRuleFFI :setNewBlockInsertedHook :setRCodeRate :setRCodeRatio
  :setAllowedRCodesRatio :setQTypeRate :setCacheMissRatio :setMasks :excludeRange :includeRange
  :removeRange :excludeDomains :apply :setQuiet :toString]])
addDynamicBlock(newCA('192.0.2.6'), 'why', DNSAction.Drop, 60)
for _, block in pairs(getDynamicBlocks()) do
  members('DynBlock', block, 'reason domain until blocks action warning bpf', 'domain')
end
clearDynBlocks()

local COMMON = [[localaddr qname qtype qclass rcode remoteaddr dh len opcode tcp skipCache pool
  :getDO :getContent :setContent :getEDNSOptions :getHeader :setHeader :getTrailingData
  :setTrailingData :setTag :unsetTag :setTagArray :getTag :getTagArray :getProtocol
  :getQueryTime :getElapsedUs
  :getIncomingInterface :sendTrap :setExtendedDNSError :suspend :changeName ]]
with(QUERY, 0, function(dq)
  members('DNSQuestion', dq, COMMON .. [[useECS ecsOverride ecsPrefixLength tempFailureTTL
    :getServerNameIndication :setProxyProtocolValues :addProxyProtocolValue :getProxyProtocolValues
    :spoof :setEDNSOption :setRestartable :getTraceID :getSpanID :getHTTPPath :getHTTPQueryString
    :getHTTPHost :getHTTPScheme :getHTTPHeaders :setHTTPResponse :setNegativeAndAdditionalSOA]],
    'tempFailureTTL')
  members('timespec', dq:getQueryTime(), 'tv_sec tv_nsec')
  for _, option in pairs(dq:getEDNSOptions()) do
    members('EDNSOptionValues', option, ':count :getValues')
  end
  members('dnsheader', dq.dh, [[:setRD :getRD :setRA :getRA :setAD :getAD :setAA :getAA :setCD
    :getCD :getID :getTC :setTC :setQR]])
end)
with(ANSWER, 2, function(dr)
  members('DNSResponse', dr, COMMON ..
    ':editTTLs :restart :getSelectedBackend :getStaleCacheHit :getRestartCount')
end)
local overlay = newDNSPacketOverlay(ANSWER)
members('DNSPacketOverlay', overlay, 'qname qtype qclass dh :getRecordsCountInSection :getRecord')
members('DNSPacketOverlay::Record', overlay:getRecord(0),
  'name type class ttl place contentLength contentOffset')
rmServer(server)
