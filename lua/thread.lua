-- SPDX-License-Identifier: BSD-2-Clause
-- Boots a state that an lcore has for itself, for the code of LuaFFIPerThreadRule and its kin.
-- ffi.cdef() has had control/lua/cdef_thread.h and lua/cdef_dnsdist.h. Returns what C calls:
-- compile(), which makes run0(), run1() ... of the code with these numbers, and recover().
local ffi = require('ffi')
local check = require('sluice.check')
local C = ffi.C
check.own()
if C.sluice_guarded() then
  require('jit').off() -- so that errors know their lines
end
local guard = require('sluice.guard')

local globals = _G
for name, value in pairs(require('sluice.constants')) do
  globals[name] = value
end

-- After an error, see there.
local thread = {recover = guard.reset}

-- Each piece of code has globals of its own, as it has a state of its own in dnsdist. Copied: to
-- look for them behind a metatable would take time at each use.
local function environment()
  local own = {}
  for name, value in pairs(globals) do
    own[name] = value
  end
  own._G = own
  return own
end

local function text_of(index)
  local length = ffi.new('size_t[1]')
  local text = C.sluice_thread_text(index, length)
  return text ~= nil and ffi.string(text, length[0]) or nil
end

-- Where these are good for one call only (debug builds), they are asked for at each.
local guarded = C.sluice_guarded()
local own_item, own_servers = C.sluice_thread_item(), C.sluice_thread_servers()
local function item() return guarded and C.sluice_thread_item() or own_item end
local function servers() return guarded and C.sluice_thread_servers() or own_servers end

-- Where C looks for what the code returned.
local answer = C.sluice_thread_answer()

local function selector(fn)
  return function() answer[0] = fn(item()) == true and 1 or 0 end
end

local function action(fn, place)
  return function()
    local result, text = fn(item())
    if type(result) ~= 'number' then
      error(place .. ': the function returned no action', 0)
    end
    answer[0] = result
    if text ~= nil then
      text = tostring(text)
      if not C.sluice_thread_text_store(text, #text) then
        error(place .. ': the function returned too long a text', 0)
      end
    end
  end
end

local function policy(fn, place)
  return function()
    answer[0] = tonumber(fn(servers(), item())) or
      error(place .. ': the policy returned no index', 0)
  end
end

local kinds = {[0] = action, selector, policy}

function thread.compile(index)
  local text, place = text_of(index), ffi.string(C.sluice_thread_place(index))
  if not text then
    return
  end
  local chunk, message = load(text, '=' .. place, 't')
  if not chunk then
    error(message, 0)
  end
  local fn = setfenv(chunk, environment())()
  if type(fn) ~= 'function' then
    error(('%s: the code must return a function, not %s'):format(place, type(fn)), 0)
  end
  thread['run' .. index] = kinds[C.sluice_thread_kind(index)](fn, place)
end

return thread
