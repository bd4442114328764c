-- SPDX-License-Identifier: BSD-2-Clause
local ffi = require('ffi')
raises('policy.lua:3: submitToMainThread is', function() submitToMainThread() end)
raises('newThread is refused: a thread of Lua would block', function() newThread('return') end)
addTLSLocal('192.0.2.1'):anything()
addAction(SNIRule('example.org'), DropAction())
equal(getRule(0):getSelector():toString(), '!(All)')
clearRules()

raises('unknown key "adress"', newServer, {adress = '192.0.2.1'})
raises('policy.lua:11:', function() newServer('nonsense') end)
raises('the action is nil', addAction, AllRule(), nil)
raises('one for queries', addResponseAction, AllRule(), RCodeAction(DNSRCode.REFUSED))
raises('function is nil: define', LuaAction, nil)
raises('not a selector', addAction, nil, AllowAction())

local server = newServer({address = '192.0.2.53', name = 'one', pool = {'', 'abuse'}, order = 3})
equal(server.name, 'one')
equal(server.order, 3)
server:setDown()
equal(server:isUp(), false)
equal(#getServers(), 1)
setACL({'192.0.2.0/24', '::1'})
equal(showACL(), '192.0.2.0/24\n::1/128\n')
setLocal('10.53.0.1:53')
addLocal('[fd53::1]:53')
setUDPTimeout(3)

addAction('example.org', PoolAction('abuse', false), {name = 'first'})
addAction({'10.0.0.0/8', 'example.net'}, DropAction())
addAction(AndRule({QTypeRule('TYPE65'), NotRule(TCPRule(true)), OrRule({RDRule(), TagRule('a')})}),
  RCodeAction(DNSRCode.NXDOMAIN, {aa = true}))
addAction(NetmaskGroupRule(newNMG()), SpoofAction({'192.0.2.1', '::1'}))
addResponseAction(AllRule(), SetTagResponseAction('a', 'b'))
addCacheMissAction(QNameSetRule(newDNSNameSet()), NoneAction())
equal(#getTopRules(), 4)
equal(getRule('first'):getAction():toString(), 'to pool abuse')
mvRuleToTop()
equal(getRule(1).name, 'first')
rmRule('first')
-- As in dnsdist: rules that are not there are no error.
local printed, print_before = {}, _G.print
_G.print = function(text) printed[#printed + 1] = text end
rmRule('first')
rmRule(9)
mvRule(9, 1)
mvRule(0, 9)
_G.print = print_before
equal(table.concat(printed, ', '),
  'Error: there is no rule first, Error: there is no rule 9, Error: there is no rule 9, ' ..
  'Error: there is no place 9')
equal(getRule('first'), nil)
equal(getAction(9), nil)
equal(#getTopRules(), 3)

-- What people read is in dnsdist's words (tests/peer/texts.py asks dnsdist).
local words = {
  [QTypeRule('AAAA')] = 'qtype==AAAA', [QTypeRule(65280)] = 'qtype==TYPE65280',
  [RCodeRule(3)] = 'rcode==Non-Existent domain', [ERCodeRule(24)] = 'ercode==Err#24',
  [TCPRule(false)] = 'UDP', [RDRule()] = 'rd==1', [EDNSVersionRule(0)] = 'ednsversion>0',
  [TagRule('a', 'b')] = "tag 'a' is set to 'b'", [TagRule('a')] = "tag 'a' is set",
  [QNameSuffixRule({'a.test', 'b.test'})] = 'qname in a.test., b.test.',
  [QNameSuffixRule('a.test', true)] = 'qname==in-set',
  [QNameLabelsCountRule(1, 5)] = 'labels count < 1 || labels count > 5',
  [RecordsTypeCountRule(1, 1, 0, 3)] = '0 <= A records in AN <= 3',
  [PayloadSizeRule('greaterOrEqual', 5)] = 'payload size is equal to or greater than 5',
  [SpoofAction({'192.0.2.1', '::1'})] = 'spoof A 192.0.2.1 AAAA ::1',
  [SetTagAction('a', '')] = "set tag 'a' to value ''",
  [SetExtendedDNSErrorAction(15, 't')] = 'set EDNS Extended DNS Error to 15: "t"',
  [SetMaxReturnedTTLAction(5)] = 'cap the TTL of the returned response to 5',
  [LimitTTLResponseAction(1, 5, {1})] = 'limit ttl (1 <= ttl <= 5, types in [A])',
  [SetReducedTTLResponseAction(50)] = 'reduce ttl to 50.000000 percent of its value',
}
for part, text in pairs(words) do
  equal(part:toString(), text)
end
setRules({newRuleAction(AllRule(), AllowAction())})
equal(showRules():match('All +allow\n') ~= nil, true)

local reached
addAction(LuaRule(function(dq) return dq.qtype == 1 end), NoneAction())
local reference = require('sluice.driver').register(function(dq) return dq.qtype == 1 end)
local slot = ffi.C.test_take(QUERY, #QUERY, 0)
ffi.C.test_fill(slot, reference, false, true)
driver.select()
equal(ffi.C.sluice_selector_batch().items[0].action, 1)

-- The policies that are handed out load as they are.
local source = os.getenv('SLUICE_SOURCE') or '.'
local start = getmetatable(newNetworkListener()).start
getmetatable(newNetworkListener()).start = function(self) reached = start(self) or true end
for _, name in ipairs({'async-filter', 'demo'}) do
  reached = false
  dofile(source .. '/lua/examples/' .. name .. '.lua')
  equal(reached, true)
  rmServer(1)
end

-- What a policy must not do to the program around it.
raises('os.exit: a policy cannot end Sluice', os.exit)
raises('os.exit: a policy cannot end Sluice', os.exit, 0)
local reached_depth = 0
local function nest()
  reached_depth = reached_depth + 1
  return coroutine.wrap(nest)()
end
raises('too many coroutines inside of coroutines', nest)
equal(reached_depth > 10 and reached_depth < 1000, true)
equal(select('#', coroutine.resume(coroutine.create(function() return nil, nil end))), 3)
local generator = coroutine.wrap(function(first)
  local second = coroutine.yield(first + 1)
  error({code = second})
end)
equal(generator(1), 2)
equal(select(2, pcall(generator, 5)).code, 5)
raises('takes a coroutine', coroutine.resume, nil)
equal(coroutine.running(), nil)

-- Names that belong to the configuration, or have nothing to act on, do not keep a policy out.
for name in ([[controlSocket setKey addConsoleACL setConsoleACL webserver
    setVerboseLogDestination setSyslogFacility
    setStructuredLogging setMaxUDPOutstanding setUDPMultipleMessagesVectorSize
    setUDPSocketBufferSizes setSecurityPollSuffix setSecurityPollInterval
    setMaxTCPClientThreads setCacheCleaningDelay setCacheCleaningPercentage
    setRandomizedOutgoingSockets addTLSLocal newXSK]]):gmatch('%S+') do
  _G[name]('x', {})
end
equal(getVerbose(), false)
setVerbose(true)
equal(getVerbose(), true)
setVerbose(false)
equal(getVerbose(), false)
setServerID('one')
equal(getServerID(), 'one')
equal(inConfigCheck(), false)
equal(inClientStartup(), false)

-- Code that workers run themselves is text; where it is broken is told at load.
raises('LuaFFIPerThreadAction takes code as a string', LuaFFIPerThreadAction, function() end)
raises('policy.lua:140: code:2: ', function() LuaFFIPerThreadRule('return\nfunction(') end)
raises('wrong mode', function() LuaFFIPerThreadRule(string.dump(function() end)) end)
clearRules()
addAction(LuaFFIPerThreadRule('return print'), LuaFFIPerThreadAction('return print'))
equal(getRule(0):getSelector():toString(), 'Lua FFI per-thread script')
equal(getRule(0):getAction():toString(), 'Lua FFI per-thread script')
raises('one for responses', addAction, AllRule(), LuaFFIPerThreadResponseAction('return print'))

-- By a name go all that have it, as in dnsdist.
clearResponseRules()
for _, title in ipairs({'twice', 'once', 'twice'}) do
  addResponseAction(AllRule(), AllowResponseAction(), {name = title})
end
rmResponseRule('twice')
equal(getResponseRule(0).name, 'once')
equal(getResponseRule(1), nil)
clearResponseRules()
-- A UUID is one rule's, whatever another is called.
local uuid = '11111111-2222-3333-4444-555555555555'
addAction(AllRule(), NoneAction(), {uuid = uuid})
addAction(AllRule(), NoneAction(), {name = uuid})
rmRule(uuid)
equal(getRule(uuid).name, uuid)
rmRule(uuid)
equal(getRule(uuid), nil)
