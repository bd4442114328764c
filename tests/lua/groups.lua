-- SPDX-License-Identifier: BSD-2-Clause
-- Groups of dynamic blocks: arguments, what they look like, and whom apply() blocks.
local ffi = require('ffi')
local C = ffi.C

local function queries(client, times, qtype)
  C.test_count(client, times, qtype or 1, false, false)
end
local function answers(client, times, rcode, miss)
  C.test_count(client, times, rcode, true, miss or false)
end
local function block(client) return getDynamicBlocks()[client] end

-- ---- arguments
local group = dynBlockRulesGroup({clients = 1000})
raises('unknown key "client"', dynBlockRulesGroup, {client = 5})
raises('clients must be between 1 and', dynBlockRulesGroup, {clients = 0})
raises('the seconds must be a number, not nil', group.setQueryRate, group)
raises('the rate must be a number, not nil', group.setQueryRate, group, nil, 10, 'r', 60)
raises('the seconds must be between 1 and 3600', group.setQueryRate, group, 10, 0, 'r', 60)
raises('the reason must be a string', group.setQueryRate, group, 10, 10, nil, 60)
raises('blocks can Drop', group.setQueryRate, group, 10, 10, 'r', 60, DNSAction.Pool)
raises('needs the option tagName', group.setQueryRate, group, 10, 10, 'r', 60, DNSAction.SetTag)
raises('unknown key "tag"', group.setQueryRate, group, 10, 10, 'r', 60, nil, 5, {tag = 'x'})
raises('the rcode must be between 0 and 15', group.setRCodeRate, group, 23, 10, 10, 'r', 60)
raises('the ratio must be between 0 and 1', group.setRCodeRatio, group, 3, 1.5, 10, 'r', 60, 5)
raises('"QQ" is not a qtype', group.setQTypeRate, group, 'QQ', 10, 10, 'r', 60)
raises('takes a table of rcodes', group.setAllowedRCodesRatio, group, 0, 0.5, 10, 'r', 60, 5)
raises('the minimum ratio of hits must be', group.setCacheMissRatio, group, 0.5, 10, 'r', 60, 5)
raises('the IPv4 mask must be between', group.setMasks, group, 33, 64, 0)
raises('whole IPv4 addresses only', group.setMasks, group, 24, 64, 2)
raises('is not a netmask', group.excludeRange, group, 'nothing')
raises('the hook must be a function', group.setNewBlockInsertedHook, group, 5)
local many = dynBlockRulesGroup({clients = 10})
raises('at most 32 different things', function()
  for qtype = 1, 33 do
    many:setQTypeRate(qtype, 10, 10, 'r', 60)
  end
end)
many:setQTypeRate(5, 20, 10, 'still takes those that it counts', 60)

-- ---- looks
local function lines(...) return table.concat({...}, '\n') .. '\n' end
local GLOBAL = 'Apply the global DynBlock action for 60 seconds when over '
equal(group:toString(), lines('Query rate rule: ', 'Response rate rule: ', 'SuffixMatch rule: ',
  'Response cache-miss ratio rule: ', 'RCode rules: ', 'QType rules: ', 'Excluded Subnets: ',
  'Excluded Domains: '))
group:setQueryRate(30, 10, 'Exceeded query rate', 60)
group:setResponseByteRate(1000, 10, 'bytes', 60, DNSAction.Refused)
group:setRCodeRate(DNSRCode.SERVFAIL, 3, 10, 'failures', 60)
group:setRCodeRatio(DNSRCode.NXDOMAIN, 0.5, 10, 'ratio', 60, 20, DNSAction.Truncate, 0.25)
group:setQTypeRate('ANY', 5, 10, 'any', 60, DNSAction.SetTag, 2,
  {tagName = 'any', tagValue = 'yes'})
group:setCacheMissRatio(0.75, 10, 'misses', 60, 20, 0.5)
group:excludeRange({'192.0.2.0/24', newNetmask('2001:db8::/32')})
group:includeRange(newNMG({'192.0.2.128/25'}))
group:excludeDomains({'example.org', newDNSName('a.test')})
equal(tostring(group), lines(
  'Query rate rule: ' .. GLOBAL ..
    "30 during the last 10 seconds, reason: 'Exceeded query rate'",
  'Response rate rule: Send Refused for 60 seconds when over 1000 during the last 10 seconds, ' ..
    "reason: 'bytes'",
  'SuffixMatch rule: ',
  'Response cache-miss ratio rule: ' .. GLOBAL ..
    "0.750000 ratio during the last 10 seconds, reason: 'misses'",
  'RCode rules: ',
  '- SERVFAIL: ' .. GLOBAL .. "3 during the last 10 seconds, reason: 'failures'",
  '- NXDOMAIN: Truncate over UDP for 60 seconds when over 0.500000 ratio during the last 10 ' ..
    "seconds, reason: 'ratio'",
  'QType rules: ',
  "- ANY: Set Tag for 60 seconds when over 5 during the last 10 seconds, reason: 'any'",
  'Excluded Subnets: !192.0.2.128/25, 192.0.2.0/24, 2001:db8::/32',
  'Excluded Domains: a.test. example.org.'))

-- ---- applying: the group counts for the one that was made last, so a new one is made each time
local function fresh(options)
  clearDynBlocks()
  return dynBlockRulesGroup(options or {clients = 1000})
end

group = fresh()
group:apply() -- nothing is counted yet
group:setQueryRate(30, 10, 'Exceeded query rate', 60, DNSAction.Refused, 20)
local called = {}
group:setNewBlockInsertedHook(function(kind, key, reason, action, duration, warning)
  called[#called + 1] = ('%d %s %s %d %d %s'):format(kind, key, reason, action, duration,
    tostring(warning))
end)
queries('198.51.100.1', 200)
queries('198.51.100.2', 201)
queries('198.51.100.3', 300)
group:apply()
equal(block('198.51.100.1/32'), nil)
equal(block('198.51.100.2/32').warning, true)
equal(block('198.51.100.2/32').action, DNSAction.NoOp)
equal(block('198.51.100.3/32').warning, true)
queries('198.51.100.3', 1)
group:apply()
equal(block('198.51.100.3/32').warning, false)
equal(block('198.51.100.3/32').action, DNSAction.Refused)
equal(block('198.51.100.3/32').reason, 'Exceeded query rate')
group:apply()
table.sort(called)
equal(table.concat(called, '\n'), table.concat({
  '0 198.51.100.2/32 Exceeded query rate 2 60 true',
  '0 198.51.100.3/32 Exceeded query rate 2 60 false',
  '0 198.51.100.3/32 Exceeded query rate 2 60 true'}, '\n'))

-- An error of the hook is one line of the log; the others are blocked.
local logged = tonumber(C.test_logged())
group:setNewBlockInsertedHook(function() error('the hook fails') end)
queries('198.51.100.4', 301)
queries('198.51.100.5', 301)
group:apply()
equal(block('198.51.100.4/32').warning, false)
equal(block('198.51.100.5/32').warning, false)
equal(tonumber(C.test_logged()) > logged, true)

-- Networks, ports, and who is excluded of them.
group = fresh()
group:setQueryRate(1, 10, 'rate', 60)
group:setMasks(24, 64)
group:excludeRange('203.0.113.7')
queries('203.0.113.7', 100)
queries('203.0.113.1', 6)
queries('203.0.113.2', 4)
queries('2001:db8:0:1::1', 6)
queries('2001:db8:0:1::2', 5)
group:apply()
equal(block('203.0.113.0/24'), nil)
equal(block('2001:db8:0:1::/64').reason, 'rate')
queries('203.0.113.2', 1)
group:apply()
equal(block('203.0.113.0/24').reason, 'rate')
group = fresh()
group:setMasks(32, 128, 2)
group:setQueryRate(1, 10, 'rate', 60)
queries('203.0.113.9:16384', 6)
queries('203.0.113.9:32767', 5)
queries('203.0.113.9:1', 10)
group:apply()
equal(block('203.0.113.9:16384/2').reason, 'rate')
equal(block('203.0.113.9:0/2'), nil)
group:excludeRange('198.51.100.0/24')
group:removeRange({'198.51.100.0/24'})
queries('198.51.100.1:1', 11)
group:apply()
equal(block('198.51.100.1:0/2').reason, 'rate')

-- What is asked and answered.
group = fresh()
group:setQTypeRate(DNSQType.ANY, 1, 10, 'any', 60)
group:setRCodeRate(DNSRCode.SERVFAIL, 1, 10, 'failures', 60)
group:setRCodeRatio(DNSRCode.NXDOMAIN, 0.5, 10, 'ratio', 60, 20)
group:setAllowedRCodesRatio({DNSRCode.NOERROR, DNSRCode.NXDOMAIN}, 0.25, 10, 'others', 60, 8)
group:setResponseByteRate(1000, 10, 'bytes', 60)
queries('10.0.0.1', 10, DNSQType.ANY)
queries('10.0.0.2', 11, DNSQType.ANY)
answers('10.0.0.3', 11, DNSRCode.SERVFAIL)
answers('10.0.0.4', 10, DNSRCode.NXDOMAIN)
answers('10.0.0.4', 10, DNSRCode.NOERROR)
answers('10.0.0.5', 11, DNSRCode.NXDOMAIN)
answers('10.0.0.5', 9, DNSRCode.NOERROR)
answers('10.0.0.6', 19, DNSRCode.NXDOMAIN)
answers('10.0.0.7', 6, DNSRCode.NOERROR)
answers('10.0.0.7', 2, DNSRCode.REFUSED)
answers('10.0.0.8', 6, DNSRCode.NOERROR)
answers('10.0.0.8', 3, DNSRCode.REFUSED)
answers('10.0.0.9', 101, DNSRCode.NOERROR)
group:apply()
local expected = {[2] = 'any', [3] = 'failures', [5] = 'ratio', [8] = 'others', [9] = 'bytes'}
for i = 1, 9 do
  local found = block(('10.0.0.%d/32'):format(i))
  equal(found and found.reason, expected[i])
end

-- Misses count only where the cache helps others: here it has never been asked.
group = fresh()
group:setCacheMissRatio(0.5, 10, 'misses', 60, 10, 0)
answers('10.0.0.1', 20, DNSRCode.NOERROR, true)
group:apply()
equal(block('10.0.0.1/32'), nil)

-- Names: what visitors see of late responses, and what they say.
ffi.cdef[[
void test_answered(const char *client, const char *dns, size_t length, uint32_t age_ms,
                   int32_t took_ms, int origin);
]]
group = fresh()
raises('the visitor must be a function', group.setSuffixMatchRule, group, 10, 'r', 60, nil, 5)
for i = 1, 3 do
  C.test_answered('192.0.2.1', ANSWER, #ANSWER, 100 * i, 1, 1)
end
called = {}
group:setNewBlockInsertedHook(function(kind, key) called[#called + 1] = kind .. ' ' .. key end)
group:setSuffixMatchRule(10, 'names', 60, DNSAction.Refused, function(node, _, all)
  return node.labelsCount == 2 and all.queries >= 3
end)
group:apply()
equal(getDynamicBlocksSMT()['example.org.'].reason, 'names')
equal(getDynamicBlocksSMT()['example.org.'].action, DNSAction.Refused)
equal(getDynamicBlocksSMT()['www.example.org.'], nil)
equal(table.concat(called, ','), '1 example.org.')
equal(group:toString():match('SuffixMatch rule: (%a+ %a+)'), 'Send Refused')
clearDynBlocks()
group:setSuffixMatchRuleFFI(10, 'names', 60, DNSAction.Drop, function(node)
  C.dnsdist_ffi_state_node_set_reason(node, 'by FFI', 6)
  C.dnsdist_ffi_state_node_set_action(node, DNSAction.Nxdomain)
  return C.dnsdist_ffi_stat_node_get_labels_count(node) == 3
end)
group:apply()
equal(getDynamicBlocksSMT()['www.example.org.'].reason, 'by FFI')
equal(getDynamicBlocksSMT()['www.example.org.'].action, DNSAction.Nxdomain)
equal(getDynamicBlocksSMT()['example.org.'], nil)
clearDynBlocks()
group:excludeDomains('Example.org')
group:apply()
equal(next(getDynamicBlocksSMT()), nil)

-- What was counted stays with other limits, and goes with other masks.
group = fresh()
group:setQueryRate(100, 10, 'rate', 60)
queries('10.0.0.1', 600)
group:setQueryRate(50, 10, 'lower', 60)
queries('10.0.0.1', 1)
group:apply()
equal(block('10.0.0.1/32').reason, 'lower')
clearDynBlocks()
group:setMasks(32, 56)
queries('10.0.0.1', 1)
group:apply()
equal(block('10.0.0.1/32'), nil)
raises('there are too many', function()
  local kept = {}
  for _ = 1, 17 do
    kept[#kept + 1] = dynBlockRulesGroup()
  end
end)
for _ = 1, 40 do -- those that nobody has any more end
  dynBlockRulesGroup():setQueryRate(100, 10, 'rate', 60)
end
clearDynBlocks()
