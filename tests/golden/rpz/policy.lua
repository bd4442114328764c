-- SPDX-License-Identifier: BSD-2-Clause
local here = debug.getinfo(1, 'S').source:match('^@(.*/)') or ''
local second = sluice.loadNames(here .. 'second.rpz', {watch = false})
local zone = sluice.loadNames(here .. 'zone.rpz', {name = 'garden', watch = false})
-- A selector in Lua that renames what a list has matched: there is no entry to tell any more.
addAction(AndRule({QNameSuffixRule('renamed.test'), zone, LuaRule(function(dq)
  return dq:changeName(newDNSName('abcdefghijklmnop.test'))
end)}), SetExtendedDNSErrorAction(15, sluice.matched('<{entry}>')))
addAction(QNameRule('abcdefghijklmnop.test'), RCodeAction(DNSRCode.NOTAUTH))
addAction(zone, SetExtendedDNSErrorAction(15, sluice.matched('{entry} of {list}')))
addAction(zone, SetTagAction('rpz', sluice.matched()))
addAction(zone, sluice.RPZAction(zone))
addAction(sluice.ClientAddressRule(zone), sluice.RPZAction(zone))
-- A zone that follows is not asked about what was exempted; all other rules are met.
addAction(AllRule(), sluice.RPZAction(second))
addAction(TagRule('rpz', 'pass.gone.test'), SetNoRecurseAction())
addResponseAction(sluice.AnswerAddressRule(zone),
  SetExtendedDNSErrorResponseAction(15, sluice.matched()))
addResponseAction(AllRule(), sluice.RPZResponseAction(zone))
newServer('10.53.0.53:53')
