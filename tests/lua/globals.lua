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
equal(LogResponseAction('', true, true, false, true):toString(), 'log response')
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
