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
local FFI = 4
local band, wrap = require('bit').band, question.wrap
local guarded = C.sluice_guarded()

-- Debug builds give out handles that cannot be used for long.
local function hand(item) return guarded and C.sluice_guard_question(item) or item end

local free = {} -- numbers

-- The number that C knows a function by.
function driver.register(callback)
  local number = table.remove(free) or #functions + 1
  functions[number] = callback
  return number
end

-- Likewise, for rules and servers, which may be made or told again and again: once a function.
local shared = {}
function driver.reference(callback)
  shared[callback] = shared[callback] or driver.register(callback)
  return shared[callback]
end

-- C knows it no more.
local function release(number)
  functions[number] = false
  free[#free + 1] = number
end

local function explain(message)
  return debug.traceback(tostring(message), 2)
end

local function store(item, result, text)
  if type(result) ~= 'number' then
    error('the function returned no action', 0)
  end
  item.action = result
  if text ~= nil then
    text = type(text) == 'string' and text or
      type(text) == 'number' and tostring(text) or
      error(('the function returned a %s where a text is expected'):format(type(text)), 0)
    C.sluice_text_store(item, text, #text)
  end
end

local function act(batch, first, last)
  for i = first, last do
    local item = batch.items[i]
    batch.progress = i
    C.sluice_begin(item)
    local callback = functions[item.reference]
    if band(item.flags, FFI) == 0 then
      store(item, callback(wrap(item)))
    else
      store(item, callback(hand(item)))
    end
  end
end

-- Set by sluice.balancing: what a policy in Lua gets and may return.
local server_list, server_number

local function choose(batch, first, last)
  for i = first, last do
    local item = batch.items[i]
    batch.progress = i
    C.sluice_begin(item)
    local list = C.sluice_choice_open(item)
    item.action = -1
    if list ~= nil then
      local callback = functions[item.reference]
      if band(item.flags, FFI) ~= 0 then
        list = guarded and C.sluice_guard_servers(list) or list
        local index = tonumber(callback(list, hand(item)))
        index = index or error('the policy returned no index', 0)
        item.action = C.sluice_choice_number(index)
      else
        local number = server_number(callback(server_list(), wrap(item)))
        item.action = number or -1
      end
    end
  end
end

function driver.set_servers(list, number)
  server_list, server_number = list, number
end

local function failed(message, from_listener)
  C.sluice_error(type(message) == 'string' and message or 'error in error handling', from_listener)
end

-- One protected call for all, and another one after each error: code that LuaJIT compiles for one
-- of many callbacks cannot leave a protected call that it did not begin.
local function runner(body)
  return function(first, count)
    local batch, last = C.sluice_batch(), first + count - 1
    guard.reset()
    while first <= last do
      batch.progress = first
      local ok, message = xpcall(body, explain, batch, first, last)
      if ok then
        break
      end
      first = batch.progress + 1
      C.lua_question_fail(batch.items[first - 1])
      failed(message, 0)
    end
    C.sluice_begin(nil)
  end
end

driver.run, driver.choose = runner(act), runner(choose)

local function test(item)
  local callback = functions[item.reference]
  if band(item.flags, FFI) == 0 then
    item.action = callback(wrap(item)) == true and 1 or 0
  else
    item.action = callback(hand(item)) == true and 1 or 0
  end
end

function driver.select()
  local item = C.sluice_selector_batch().items[0]
  guard.reset()
  C.sluice_begin(item)
  local ok, message = xpcall(test, explain, item)
  if not ok then
    C.lua_question_fail(item)
    failed(message, 0)
  end
  C.sluice_begin(nil)
end

local function hand_over(mailbox, first, last)
  for i = first, last do
    local datagram = mailbox.items[i]
    mailbox.progress = i
    C.sluice_begin(nil)
    local callback = functions[datagram.reference]
    if datagram.ffi == 0 then
      callback(datagram.endpoint_id, ffi.string(datagram.data, datagram.length),
        ffi.string(datagram.from, datagram.from_length))
    else
      callback(guarded and C.sluice_guard_datagram(datagram) or datagram)
    end
  end
end

function driver.deliver(first, count)
  local mailbox, last = C.sluice_mailbox(), first + count - 1
  guard.reset()
  while first <= last do
    mailbox.progress = first
    local ok, message = xpcall(hand_over, explain, mailbox, first, last)
    if ok then
      break
    end
    first = mailbox.progress + 1
    failed(message, 1)
  end
  C.sluice_begin(nil)
end

-- Calls what is about no packet; an error in it is told, and goes no further.
function driver.guarded(run, ...)
  guard.reset()
  C.sluice_begin(nil)
  local ok, message = xpcall(run, explain, ...)
  if not ok then
    failed(message, 0)
  end
end

-- ---- once a second

local keepers = {}

function driver.addMaintenanceCallback(callback)
  keepers[#keepers + 1] = check.callback(callback, 'callback')
end

function driver.maintain()
  local own = rawget(_G, 'maintenance')
  local called = type(own) == 'function' and {own, unpack(keepers)} or keepers
  for _, callback in ipairs(called) do
    driver.guarded(callback)
  end
end

-- ---- the end

local leavers = {}

function driver.addExitCallback(callback)
  leavers[#leavers + 1] = check.callback(callback, 'callback')
end

function driver.finish()
  for _, callback in ipairs(leavers) do
    driver.guarded(callback)
  end
end

-- ---- servers

local watchers = {}

function driver.addServerStateChangeCallback(callback)
  watchers[#watchers + 1] = check.callback(callback, 'callback')
end

-- A server went up or down.
function driver.state(up)
  local item = C.sluice_state_item()
  local title = ffi.string(item.data, item.length)
  for _, callback in ipairs(watchers) do
    driver.guarded(callback, title, up ~= 0)
  end
end

-- A host that was looked up. Its function is called but once.
function driver.resolved()
  local item = C.sluice_resolved()
  local callback, found = functions[item.reference], {}
  for i = 0, item.count - 1 do
    found[i + 1] = ffi.new('struct lua_address', item.addresses[i])
  end
  release(item.reference)
  driver.guarded(callback, ffi.string(item.host), found)
end

local function question_of(item, callback)
  local name, qtype, qclass = callback(ffi.new('struct lua_name', item.name), item.qtype,
    item.qclass, item.header)
  name = require('sluice.name').of(name)
  qtype = check.range(qtype, 'the type', 0, 65535)
  qclass = check.range(qclass, 'the class', 0, 65535)
  item.name, item.qtype, item.qclass = name, qtype, qclass
end

local function checked(run)
  local item = C.sluice_check_item()
  driver.guarded(run, item, functions[item.reference])
end

-- The question of a server's check. One that is not made stays as it was.
function driver.check()
  checked(question_of)
end

local function answer_of(item, callback)
  local content = ffi.string(item.answer.data, item.answer.length)
  item.good = callback(content, item.header) == true and 1 or 0
end

-- The answer to a server's check. One that is not judged is not good.
function driver.check_answer()
  checked(answer_of)
end

-- ---- the console

local watch = require('sluice.delta').watch

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
  local text = ffi.string(bytes.data, bytes.length)
  local ok, message = watch(text, xpcall, evaluate, explain, text)
  _G.print = print_before
  if not ok then
    write(message .. '\n')
  end
  return ok and 0 or 1
end

return driver
