-- SPDX-License-Identifier: BSD-2-Clause
-- How C runs what a policy registered: one call for a whole batch.
local ffi = require('ffi')
local question = require('sluice.question')
local check = require('sluice.check')
local guard = require('sluice.guard')
local C = ffi.C
check.own()

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
  store(item, callback(question.wrap(item)))
end

local function run(batch, first, count)
  for i = first, first + count - 1 do
    local item = batch.items[i]
    batch.progress = i
    C.sluice_progress()
    C.sluice_current(item)
    local ok, message = xpcall(act, explain, item)
    if not ok then
      C.lua_question_fail(item)
      C.sluice_error(message, 0)
    end
  end
  C.sluice_current(nil)
end

function driver.run(first, count)
  guard.reset()
  run(C.sluice_batch(), first, count)
end

function driver.select()
  guard.reset()
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
  guard.reset()
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

-- ---- once a second

local keepers = {}

function driver.addMaintenanceCallback(callback)
  keepers[#keepers + 1] = check.callback(callback, 'callback')
end

function driver.maintain()
  guard.reset()
  local own = rawget(_G, 'maintenance')
  local called = type(own) == 'function' and {own, unpack(keepers)} or keepers
  for _, callback in ipairs(called) do
    C.sluice_progress()
    local ok, message = xpcall(callback, explain)
    if not ok then
      C.sluice_error(message, 0)
    end
  end
end

-- ---- the console

local function write(text)
  C.sluice_console_write(text, #text)
end

local function describe(value)
  if type(value) ~= 'table' or getmetatable(value) ~= nil then
    return tostring(value)
  end
  local lines = {}
  for key, member in pairs(value) do
    lines[#lines + 1] = tostring(key) .. '\t' .. tostring(member)
  end
  table.sort(lines)
  return table.concat(lines, '\n')
end

local function print_there(...)
  local texts = {...}
  for i = 1, select('#', ...) do
    texts[i] = tostring(texts[i])
  end
  write(table.concat(texts, '\t') .. '\n')
end

local function evaluate(text)
  local chunk = loadstring('return ' .. text, '=console')
  local message
  if chunk == nil then
    chunk, message = loadstring(text, '=console')
  end
  if chunk == nil then
    error(message, 0)
  end
  local results = {chunk()}
  for i = 1, table.maxn(results) do
    local shown = describe(results[i])
    if results[i] ~= nil and shown ~= '' then
      write(shown:sub(-1) == '\n' and shown or shown .. '\n')
    end
  end
end

-- Runs the line that C has: as an expression, else as statements. Returns 1 for an error.
function driver.console()
  local bytes = ffi.new('struct lua_bytes')
  if not C.sluice_console_text(bytes) then
    return 1
  end
  local print_before = _G.print
  _G.print = print_there
  local ok, message = xpcall(evaluate, explain, ffi.string(bytes.data, bytes.length))
  _G.print = print_before
  if not ok then
    write(message .. '\n')
  end
  return ok and 0 or 1
end

return driver
