-- SPDX-License-Identifier: BSD-2-Clause
-- Actions of one batch that reach for each other's packets.
local ffi = require('ffi')
local register = require('sluice.driver').register
local items = ffi.C.sluice_batch().items

local ipairs = ipairs

local function batch(...)
  local slots = {}
  for i, fn in ipairs({...}) do
    slots[i] = ffi.C.test_take(QUERY, #QUERY, 0)
    ffi.C.test_fill_at(i - 1, slots[i], register(fn))
  end
  driver.run(0, #slots)
  ffi.C.test_settle(#slots)
  return slots
end

local function release(slots)
  for _, slot in ipairs(slots) do
    ffi.C.test_release(slot)
  end
end

-- One whose action is over is moved to a larger buffer by the next.
local kept, before
local slots = batch(function(dq)
  kept, before = dq, ffi.cast('uintptr_t', items[0].mbuf)
  return DNSAction.None
end, function()
  kept:setEDNSOption(65001, ('z'):rep(2000))
  return DNSAction.None
end)
equal(items[0].mbuf == ffi.C.sluice_question_find(items[0]), true)
equal(ffi.cast('uintptr_t', items[0].mbuf) == before, false)
equal(items[1].failed, 0)
release(slots)

-- And suspended.
slots = batch(function(dq)
  kept = dq
  return DNSAction.None
end, function()
  equal(kept:suspend(1, 1, 100), true)
  return DNSAction.None
end)
equal(items[0].suspended, 1)
equal(items[1].suspended, 0)
equal(items[1].failed, 0)
equal(getAsynchronousObject(1, 1):resume(), true)
ffi.C.test_turn(1)
release(slots)

-- A policy that takes the names of standard functions for its own.
local names = {'type', 'error', 'tostring', 'xpcall', 'select', 'pairs', 'ipairs', 'unpack', 'next',
  'setmetatable', 'getmetatable', 'tonumber', 'rawget', 'string', 'table', 'math', 'bit', 'debug'}
local saved = {}
for _, key in ipairs(names) do
  saved[key] = _G[key]
end
local set, got = rawset, _G
for _, key in ipairs(names) do
  set(got, key, 'mine')
end
slots = batch(function(dq)
  dq:setTag('a', 'b')
  dq:suspend(1, 5, 100)
  return DNSAction.Spoof, '192.0.2.1'
end, function(dq)
  return dq.nonsense.member
end)
getAsynchronousObject(1, 5):drop()
for i = 1, #names do
  set(got, names[i], saved[names[i]])
end
equal(items[0].failed, 0)
equal(items[0].suspended, 1)
equal(items[1].failed, 1)
ffi.C.test_turn(2)
release(slots)
