-- SPDX-License-Identifier: BSD-2-Clause
local here = debug.getinfo(1, 'S').source:match('^@(.*/)') or ''
zone = sluice.loadNames(here .. 'zone.rpz', {name = 'garden', watch = false})
addAction(zone, SetExtendedDNSErrorAction(15, sluice.matched('{entry} of {list}')))
addAction(zone, SetTagAction('rpz', sluice.matched()))
addAction(zone, sluice.RPZAction(zone))
addAction(sluice.ClientAddressRule(zone), sluice.RPZAction(zone))
-- Zones that follow are not asked about what was exempted.
addAction(QNameSuffixRule('second.test'), sluice.RPZAction(zone))
addAction(TagRule('rpz', '*.gone.test'), RCodeAction(DNSRCode.NOTAUTH))
addResponseAction(sluice.AnswerAddressRule(zone),
  SetExtendedDNSErrorResponseAction(15, sluice.matched()))
addResponseAction(AllRule(), sluice.RPZResponseAction(zone))
newServer('10.53.0.53:53')
