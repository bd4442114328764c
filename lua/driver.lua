-- SPDX-License-Identifier: BSD-2-Clause
-- How C runs what a policy registered: one call for a whole batch.
local ffi = require('ffi')
local question = require('sluice.question')
local C = ffi.C
require('sluice.check').own()

local driver = {}
local functions = {}
local FFI, SELECTOR = 4, 8
local bit = require('bit')

-- The number that C knows a function by.
function driver.register(callback)
  functions[#functions + 1] = callback
  return #functions
end

local function explain(message)
  return debug.traceback(tostring(message), 2)
end

local function store(item, result, text)
  if bit.band(item.flags, SELECTOR) ~= 0 then
    item.action = result == true and 1 or 0
    return
  end
  if type(result) ~= 'number' then
    error('the function returned no action', 0)
  end
  item.action = result
  if text ~= nil then
    text = tostring(text)
    C.sluice_text_store(item, text, #text)
  end
end

local function act(item)
  local callback = functions[item.reference]
  if bit.band(item.flags, FFI) ~= 0 then
    store(item, callback(item))
    return
  end
  local object = question.wrap(item)
  local result, text = callback(object)
  if object.handle.suspended ~= 0 then
    item.suspended = 1 -- what it returned does not matter any more
    return
  end
  store(item, result, text)
end

local function run(batch, first, count)
  for i = first, first + count - 1 do
    local item = batch.items[i]
    batch.progress = i
    C.sluice_progress()
    C.sluice_current(item)
    local ok, message = xpcall(act, explain, item)
    if not ok and item.suspended == 0 then
      driver.fail(item)
    end
    if not ok then
      C.sluice_error(message, 0)
    end
    item.mbuf = C.sluice_question_find(item)
  end
  C.sluice_current(nil)
end

-- An error is ServFail, or no match.
function driver.fail(item)
  C.lua_question_fail(item)
end

function driver.run(first, count)
  run(C.sluice_batch(), first, count)
end

function driver.select()
  run(C.sluice_selector_batch(), 0, 1)
end

local function hand_over(datagram)
  local callback = functions[datagram.reference]
  if datagram.ffi ~= 0 then
    callback(datagram)
  else
    callback(datagram.endpoint_id, ffi.string(datagram.data, datagram.length),
      ffi.string(datagram.from, datagram.from_length))
  end
end

function driver.deliver(first, count)
  local mailbox = C.sluice_mailbox()
  for i = first, first + count - 1 do
    mailbox.progress = i
    C.sluice_progress()
    C.sluice_current(nil)
    local ok, message = xpcall(hand_over, explain, mailbox.items[i])
    if not ok then
      C.sluice_error(message, 1)
    end
  end
  C.sluice_current(nil)
end

return driver
