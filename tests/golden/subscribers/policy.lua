-- SPDX-License-Identifier: BSD-2-Clause
local here = debug.getinfo(1, 'S').source:match('^@(.*/)') or ''
local people = sluice.loadTable(here .. 'subscribers.txt', {name = 'people', watch = false})
local options = {ttl = 60}
addAction(AndRule({people, QNameRule('entry.test')}),
  SetExtendedDNSErrorAction(15, sluice.matched('{entry} of {list}')))
addAction(QNameRule('unasked.test'), RCodeAction(DNSRCode.NOTIMP))
addAction(sluice.SubscriberRule(people), sluice.SubscriberAction(people))
addAction(AndRule({TagRule('profile', 'kids'), QNameSuffixRule('games.test')}),
  RCodeAction(DNSRCode.NXDOMAIN))
addAction(AndRule({NotRule(TagRule('subscriber')), QNameRule('whoami.test')}),
  RCodeAction(DNSRCode.REFUSED))
addAction(AndRule({TagRule('subscriber', 'sub1'), QNameRule('whoami.test')}),
  SpoofAction('192.0.2.1', options))
addAction(AndRule({TagRule('region', 'north'), QNameRule('whoami.test')}),
  SpoofAction('192.0.2.2', options))
addAction(AndRule({TagRule('profile'), QNameRule('whoami.test')}),
  SpoofAction('192.0.2.3', options))
addAction(AndRule({TagRule('subscriber', 'rest'), QNameRule('whoami.test')}),
  SpoofAction('192.0.2.4', options))
-- Under a name of its own, over what was there before; in Lua.
addAction(QNameRule('lua.test'), SetTagAction('customer', 'nobody'))
addAction(QNameRule('lua.test'), sluice.SubscriberAction(people, {tag = 'customer'}))
addAction(QNameRule('lua.test'), LuaAction(function(dq)
  local found = people:match(dq.remoteaddr) or {tags = {}}
  local text = ('%s %s/%s %s %s'):format(dq:getTag('customer'), dq:getTag('profile'),
    dq:getTag('region'), tostring(found.id), tostring(found.tags.profile))
  return DNSAction.SpoofRaw, string.char(#text) .. text
end))
addResponseAction(TagRule('profile', 'kids'), SetMaxTTLResponseAction(30))
addResponseAction(QNameRule('late.test'), sluice.SubscriberResponseAction(people, {tag = 'late'}))
addResponseAction(TagRule('late', 'sub2'), SetMaxTTLResponseAction(7))
newServer('10.53.0.53:53')
