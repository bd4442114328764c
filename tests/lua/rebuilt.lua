-- SPDX-License-Identifier: BSD-2-Clause
-- Rules that are made anew all the time take no more memory, neither Lua's nor C's.
local ffi = require('ffi')
driver.settle() -- as when the policy has been read
local node, masks = newSuffixMatchNode(), {}
for number = 1, 2000 do
  node:add(('n%d.example'):format(number))
  masks[number % 20 + 1] = ('10.%d.%d.0/24'):format(number / 256, number % 256)
end
local group = newNMG()
for _, mask in ipairs(masks) do
  group:addMask(mask)
end

local function allow() return DNSAction.Allow end
local function rebuild()
  setRules({
    newRuleAction(SuffixMatchNodeRule(node), RCodeAction(5)),
    newRuleAction(AndRule({NotRule(NetmaskGroupRule(group)), 'example.org'}),
      ContinueAction(SpoofAction('192.0.2.1'))),
    newRuleAction(LuaRule(allow), LuaAction(allow)),
  })
  addResponseAction(RegexRule('^a$'), AllowResponseAction())
  addResponseAction('example.org', DropResponseAction())
  rmResponseRule(0)
  clearResponseRules()
end

-- Without being told: the collector knows what is behind its objects.
local function grown(times)
  local before = tonumber(ffi.C.test_heap())
  for _ = 1, times do
    rebuild()
  end
  return tonumber(ffi.C.test_heap()) - before
end
local once = grown(1)
assert(once > 30000, 'the copies are told of by other means')
grown(50)
local more = grown(200)
assert(more < 50 * once, ('%d bytes for 200 times %d'):format(more, once))
collectgarbage()
collectgarbage()
local lua = collectgarbage('count')
grown(100)
collectgarbage()
collectgarbage()
local kib = collectgarbage('count') - lua
assert(kib < 25, ('%d KiB of Lua for 100 times'):format(kib))

-- What rules have stays, whoever else has forgotten it.
equal(getRule(1):getSelector():toString():sub(1, 8), '(!(Src: ')
equal(getRule(1):getAction():toString(), 'continue after: spoof A 192.0.2.1')
local kept = getRule(0):getSelector()
clearRules()
collectgarbage()
collectgarbage()
addAction(kept, AllowAction())
addAction(kept, DropAction())
rmRule(0)
equal(getRule(0):getSelector() == kept, true)
