-- SPDX-License-Identifier: BSD-2-Clause
-- Rules whose parts nobody has but they, and which come and go while packets are handled.
local node = newSuffixMatchNode()
for number = 1, 50 do
  node:add(('n%d.test'):format(number))
end
local function answer(rcode) return ContinueAction(SetTagAction('rcode', tostring(rcode))) end
local function rebuild(rcode)
  setRules({
    newRuleAction(AndRule({OrRule({'a.test', QNameRule('b.test')}), NotRule(QTypeRule('AAAA'))}),
      RCodeAction(rcode)),
    newRuleAction(SuffixMatchNodeRule(node), RCodeAction(rcode)),
    newRuleAction({'192.0.2.0/24', '10.53.0.0/24'}, answer(rcode)),
    newRuleAction(QNameRule('again.test'), LuaAction(AGAIN)),
    newRuleAction(RegexRule('^r[0-9]+\\.test$'), RCodeAction(rcode)),
    newRuleAction(TagRule('rcode', tostring(rcode)), SpoofAction('192.0.2.' .. rcode)),
  })
  collectgarbage()
  collectgarbage()
end
local rcode = 2
function AGAIN()
  rcode = rcode + 1
  for _ = 1, 3 do
    rebuild(rcode)
  end
  rmRule(1)
  collectgarbage()
  return DNSAction.Nxdomain
end
rebuild(rcode)
