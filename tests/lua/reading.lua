-- SPDX-License-Identifier: BSD-2-Clause
-- Reading a policy of many lines.
local ffi = require('ffi')

-- What the compiler begins while a function runs.
local function traces(fn, ...)
  local count = 0
  local function note(what)
    count = count + (what == 'start' and 1 or 0)
  end
  jit.attach(note, 'trace')
  fn(...)
  jit.attach(note)
  return count
end

-- A line each, as policies have them; the chunk's name is that of the file.
local lines = {}
for i = 1, 600 do
  lines[i] = ('addAction(AndRule{QTypeRule("TXT"), QNameRule("host%d.example")}, RCodeAction(5))'):
    format(i)
end
clearRules()
local begun = traces(assert(loadstring(table.concat(lines, '\n'), '@many.lua')))
equal(ffi.C.sluice_rules_count(0), 600ULL)
equal(getRule(599):getSelector():toString(), '(qtype==TXT) && (qname==host600.example.)')
clearRules()

-- Nothing is compiled for lines that run once; when all are read, our functions are, also those
-- that were tried before.
if not ffi.C.sluice_guarded() then
  equal(begun, 0)
  driver.settle()
  local found = 0
  equal(traces(function()
    for _ = 1, 1000 do
      found = found + #newDNSName('www.example'):toString()
    end
  end) > 0, true)
  equal(found, 12000)
end

-- Places are those of the policy, however deep our own functions are, and through C ones.
local function place_of(text)
  local _, message = pcall(assert(loadstring(text, '@/etc/p.lua')))
  return message:match('^(/etc/p.lua:%d+): ')
end
equal(place_of('\nQNameRule("a..b")'), '/etc/p.lua:2')
equal(place_of('\n\naddAction(AndRule({AllRule(), {"a..b"}}), DropAction())'), '/etc/p.lua:3')
equal(place_of('local _, why = pcall(QNameRule, "a..b")\nerror(why, 0)'), '/etc/p.lua:1')
