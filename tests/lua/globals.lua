-- SPDX-License-Identifier: BSD-2-Clause
-- Globals that no packet is needed for.
local path = os.tmpname()
local function write(text)
  local file = io.open(path, 'w')
  file:write(text)
  file:close()
end

-- What a selector costs. Rules and their numbers stay as they are.
addAction(AllRule(), DropAction(), {name = 'mine'})
local found = benchRule(QTypeRule(DNSQType.A), 2000, 'x.test')
if not found:find('^Had %d+ matches out of 2000, [%d.]+ qps, in [%d.]+ us\n$') then
  error(found)
end
equal(benchRule('x.test', 10, newDNSName('x.test')):match('^Had %d+'), 'Had 10')
equal(benchRule(QNameRule('x.test'), 10, 'x.test'):match('^Had %d+'), 'Had 0')
equal(benchRule(AllRule()):match('out of %d+'), 'out of 100000')
equal(getRule(0).name, 'mine')
equal(#getTopRules(), 1)
raises('Lua', benchRule, LuaRule(function() end))
raises('too long', benchRule, AllRule(), 1, ('abcd.'):rep(49))

equal(IncomingProtocolRule('DoUDP'):toString(), TCPRule(false):toString())
equal(IncomingProtocolRule('DoTCP'):toString(), TCPRule(true):toString())
equal(IncomingProtocolRule('DoH3'):toString(), NotRule(AllRule()):toString())
raises('"Do53" is not a protocol', IncomingProtocolRule, 'Do53')

write('# networks\n192.0.2.0/24 # one\n\n  2001:db8::/32\n')
setACLFromFile(path)
equal(showACL(), '192.0.2.0/24\n2001:db8::/32\n')
os.remove(path)
raises(path, setACLFromFile, path)
equal(showACL(), '192.0.2.0/24\n2001:db8::/32\n')

local order = ''
addExitCallback(function() order = order .. 'a' error('meant') end)
addExitCallback(function() order = order .. 'b' end)
driver.finish()
equal(order, 'ab')
raises('nil', addExitCallback)

-- Files are opened where the program runs alone.
equal(LogAction('/nowhere/at/all'):toString(), 'log to /nowhere/at/all')
equal(LogAction():toString(), 'log')
equal(LogResponseAction('', true, true, false, true):toString(), 'log')
LogAction('/nowhere'):reload()
addAction(AllRule(), ContinueAction(LogAction('x')))
addResponseAction(AllRule(), LogResponseAction('x'))
raises('one for queries', addResponseAction, AllRule(), LogAction('x'))

-- A folder of policies, in the order of their names.
local folder = os.tmpname()
os.remove(folder)
os.execute('mkdir ' .. folder)
local function part(name, text)
  path = folder .. '/' .. name
  write(text)
end
included = ''
part('b.conf', 'included = included .. "b" addAction("b.test", DropAction())')
part('a.conf', 'included = included .. "a"')
part('c.txt', 'included = included .. "c"')
part('.d.conf', 'included = included .. "d"')
clearRules()
includeDirectory(folder)
equal(included, 'ab')
equal(#getTopRules(), 1)
part('c.conf', '-- nothing\nnone()')
raises('c.conf:2: ', includeDirectory, folder)
part('c.conf', 'includeDirectory(".")')
raises('within', includeDirectory, folder)
part('c.conf', 'this is no Lua')
raises('c.conf:1: ', includeDirectory, folder)
os.execute('rm -r ' .. folder)
raises('Not a directory', includeDirectory, folder)

equal(showVersion():match('^sluice %d+%.%d+'), 'sluice ' .. showVersion():match('%d+%.%d+'))
raises('busy', shutdown)

-- Tables as dnsdist prints them.
clearRules()
addAction(QNameRule('a.example'), DropAction(),
  {name = 'first', uuid = '0f0f0f0f-0000-4000-8000-000000000001'})
addAction(AllRule(), AllowAction())
mvRuleToTop()
equal(showRules(), ('%-3s %-30s %9s %-56s %s\n'):format('#', 'Name', 'Matches', 'Rule', 'Action') ..
  ('%-3d %-30s %9d %-56s %s\n'):format(0, '', 0, 'All', 'allow') ..
  ('%-3d %-30s %9d %-56s %s\n'):format(1, 'first', 0, getRule(1):getSelector():toString(), 'drop'))
local wide = showRules({showUUIDs = true, truncateRuleWidth = 3})
equal(wide:match('#.-\n'), ('%-3s %-30s %-38s %9s %9s %-56s %s\n'):format('#', 'Name', 'UUID',
  'Cr. Order', 'Matches', 'Rule', 'Action'))
equal(wide:match('1   first.*'), ('%-3s %-30s %-38s %9s %9d %-56s %s\n'):format(1, 'first',
  '0f0f0f0f-0000-4000-8000-000000000001', wide:match('first +%S+ +(%d+)'), 0, 'qna', 'drop'))
raises('unknown key "wide"', showRules, {wide = true})
equal(topRules(1, {showUUIDs = true}):match('Cr%. Order') ~= nil, true)
clearRules()

setLocal('127.0.0.1:5300')
addLocal('[::1]:5301')
equal(getBindCount(), 4)
equal(getBind(3):toString() .. getBind(3):getType(), '[::1]:5301TCP')
equal(getBind(4), nil)
equal(showBinds():match('^[^\n]*\n0[^\n]*\n'), '#   Address' .. (' '):rep(24) .. 'Protocol' ..
  (' '):rep(14) .. 'Queries\n0   127.0.0.1:5300' .. (' '):rep(17) .. 'UDP' .. (' '):rep(19) ..
  '0\n')
equal(showResponseLatency(), 'No traffic yet.\n')

-- Rates of Lua's own, and service parameters (RFC 9460, appendix D).
local limiter = newQPSLimiter(0, 2)
equal(limiter:check() and limiter:check(), true)
equal(limiter:check(), false)
equal(newSVCRecordParameters(16, 'foo.example.com.', {port = 53}).data,
  '\0\16\3foo\7example\3com\0\0\3\0\2\0\53')
equal(newSVCRecordParameters(1, '.', {key667 = 'hello', mandatory = {'alpn', 'ipv4hint'},
  alpn = {'h2', 'h3-19'}, ipv4hint = {'192.0.2.1'}, noDefaultAlpn = true}).data,
  '\0\1\0\0\0\0\4\0\1\0\4\0\1\0\9\2h2\5h3-19\0\2\0\0\0\4\0\4\192\0\2\1\2\155\0\5hello')
raises('unknown key "alpns"', newSVCRecordParameters, 1, '.', {alpns = 'h2'})
raises('no address for ipv4hint', newSVCRecordParameters, 1, '.', {ipv4hint = {'::1'}})
raises('takes a table of newSVCRecordParameters', SpoofSVCAction, {'x'})
