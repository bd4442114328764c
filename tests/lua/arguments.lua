-- SPDX-License-Identifier: BSD-2-Clause
-- Arguments at their edges, and what must not change when one is wrong.
local ffi = require('ffi')

-- False is not nil.
local server = newServer({address = '192.0.2.53', name = 53, healthCheckMode = 'down'})
equal(server.upStatus, false)
equal(server.name, '53')
raises('name must be a string', newServer, {address = '192.0.2.54', name = {}})
raises('id has a NUL', newServer, {address = '192.0.2.54', id = 'a\0b'})
raises('checkType: "TYPE65536"', newServer, {address = '192.0.2.54', checkType = 'TYPE65536'})
equal(#getServers(), 1)

-- A list with a mistake in it leaves the one before.
setACL({'192.0.2.0/24', '::1'})
for _, wrong in ipairs({'nonsense', '192.0.2.0/33', '::1\0', ''}) do
  raises('is not a netmask', setACL, {'198.51.100.0/24', wrong})
  raises('is not a netmask', addACL, {'198.51.100.0/24', wrong})
  raises('is not a netmask', rmACL, {'192.0.2.0/24', wrong})
  raises('is not a netmask', setProxyProtocolACL, {'198.51.100.0/24', wrong})
end
raises('must be a string', setACL, {'198.51.100.0/24', {}})
equal(showACL(), '192.0.2.0/24\n::1/128\n')

local UUID = '8b5d5d0c-1e56-4f3a-8a49-3e9e1c1f2b11'
setRules({newRuleAction('a.example', AllowAction(), {name = 5, uuid = UUID})})
local function refused(text, ...)
  raises(text, setRules, {newRuleAction('b.example', AllowAction()), ...})
  equal(#getTopRules(), 1)
  equal(getRule(0).name, '5')
end
refused('one for responses', newRuleAction(AllRule(), AllowResponseAction()))
refused('the action is nil', newRuleAction(AllRule(), nil))
refused('unknown key "nam"', newRuleAction(AllRule(), AllowAction(), {nam = 'x'}))
refused('not a UUID', newRuleAction(AllRule(), AllowAction(), {uuid = UUID .. '0'}))
refused('there twice', newRuleAction(AllRule(), AllowAction(), {uuid = UUID}),
  newRuleAction(AllRule(), AllowAction(), {uuid = UUID:upper()}))
refused('has a NUL', newRuleAction(AllRule(), AllowAction(), {name = 'a\0b'}))
setRules({newRuleAction('c.example', AllowAction(), {uuid = UUID})})
equal(getRule(UUID):getSelector():toString(), 'qname in c.example.')

-- More bits than there are keep all, as in dnsdist: clients of both families may be treated alike.
local client = newCA('192.0.2.77')
client:truncate(64)
equal(client:toString(), '192.0.2.77')
client:truncate(24)
equal(client:toString(), '192.0.2.0')
equal(newNetmask(newCA('192.0.2.77'), 56):toString(), '192.0.2.77/32')
equal(newNetmask(newCA('2001:db8::7'), 255):getBits(), 128)
raises('the number of bits', function() client:truncate(-1) end)
equal(newNetmask('0.0.0.0/0'):empty(), false)

-- Names that dnsdist's documentation has, or had.
setLocal('10.53.0.1:53')
raises('cannot listen on "nonsense"', setLocal, 'nonsense')
raises('unknown key "port"', setLocal, '10.53.0.1:5353', {port = 5})
raises('must be a string', setLocal, nil)
raises('maxInFlight', setLocal, '10.53.0.1:5353', {maxInFlight = -1})
equal(getBind(0):toString(), '10.53.0.1:53')
equal(#getTopTimeoutResponseRule(), 0)
equal(getBind(0):getRequestedTLSProvider(), '')
addLocal('10.53.0.1:5353', {xskSocket = newXsk({ifName = 'eth0', NIC_queue_id = 0})})

equal(NetmaskGroupRule({'192.0.2.0/24'}, true, true):toString(), 'Src: in-group')
equal(NetmaskGroupRule({'192.0.2.0/24'}, false, true):toString(), 'Dst: in-group')
equal(NetmaskGroupRule({'192.0.2.0/24'}, false):toString(), 'Dst: 192.0.2.0/24')

raises('"TYPE65536" is not a qtype', QTypeRule, 'TYPE65536')
raises('arguments.lua:69: ttl must be', function() SpoofAction('192.0.2.1', {ttl = -1}) end)
raises('ttl must be a number', SpoofAction, '192.0.2.1', {ttl = 'long'})
SpoofAction('192.0.2.1', {ttl = '60'})
SpoofRawAction({1234, 'abc'})
raises('the data must be a string', SpoofRawAction, {{}})

-- What is no text where one belongs is an error of the function: SERVFAIL.
for _, wrong in ipairs({{}, true, newDNSName('a')}) do
  local slot, item = act(QUERY, 0, function() return DNSAction.Pool, wrong end)
  equal(item.failed, 1)
  equal(item.action, DNSAction.ServFail)
  ffi.C.test_release(slot)
end

-- Matches of rules in all chains count.
addTimeoutResponseAction(AllRule(), AllowResponseAction())
equal(getTimeoutResponseRule(0):getSelector():getMatches(), 0)

addACL({'!192.0.2.0/24', '10.0.0.0/8', '192.0.2.0/24', nil, '0.0.0.0/0'}) -- up to the hole
equal(showACL(), '10.0.0.0/8\n192.0.2.0/24\n::1/128\n')
rmACL('10.0.0.0/8')

-- In whatever order many come, they take about as long.
local sorted, mixed = {}, {}
for i = 0, 99999 do
  sorted[i + 1] = ('%d.%d.%d.0/24'):format(10 + i / 65536, i / 256 % 256, i % 256)
  mixed[i * 38653 % 100000 + 1] = sorted[i + 1]
end
local function seconds(masks)
  local least = math.huge
  for _ = 1, 3 do
    collectgarbage()
    local start = os.clock()
    setACL(masks)
    least = math.min(least, os.clock() - start)
  end
  return least
end
local expected = seconds(sorted)
local found = seconds(mixed)
assert(found < 5 * expected, ('%f s, not %f s'):format(found, expected))
setACL({'192.0.2.0/24', '::1'})
