-- SPDX-License-Identifier: BSD-2-Clause
-- Errors that name the line of the policy, and arguments as dnsdist takes them.
local check = {}
local ours = {}

-- The standard functions as they are now: a policy may forget a "local" before "type" or "error".
local standard = {}
for key, value in pairs(_G) do
  standard[key] = value
end

-- Each of our modules says so, that errors are not blamed on its lines and it keeps its globals.
function check.own()
  local info = debug.getinfo(2, 'Sf')
  ours[info.source] = info.func
  setfenv(2, standard)
end
check.own()

-- Lets the functions of our modules be compiled, also those that were tried too often in vain.
function check.recompile()
  for _, main in pairs(ours) do
    jit.on(main, true)
  end
end

-- The innermost line that is not ours: its file and number; nil: there is none.
local place = require('sluice.place')
function check.place() return place(ours) end

-- Raises an error there.
function check.fail(...)
  local text = string.format(...)
  local file, line = place(ours)
  error(file and ('%s:%d: %s'):format(file, line, text) or text, 0)
end
local fail = check.fail

-- Floats are truncated, numeric strings accepted.
function check.integer(value, what)
  local number = tonumber(value)
  if number == nil or number ~= number then
    fail('%s must be a number, not %s', what, type(value))
  end
  return number >= 0 and math.floor(number) or math.ceil(number)
end

-- What wraps: IDs.
function check.wrapped(value, what)
  return check.integer(value, what) % 65536
end

function check.range(value, what, min, max)
  local number = check.integer(value, what)
  if number < min or number > max then
    fail('%s must be between %d and %d', what, min, max)
  end
  return number
end

function check.string(value, what)
  if type(value) == 'number' then
    return tostring(value)
  end
  if type(value) ~= 'string' then
    fail('%s must be a string, not %s', what, type(value))
  end
  return value
end

-- One that may be left out, for C to read up to its NUL.
function check.text(value, what)
  value = value ~= nil and check.string(value, what) or nil
  if value and value:find('\0', 1, true) then
    fail('%s has a NUL in it', what)
  end
  return value
end

function check.callback(value, what)
  if value == nil then
    fail('the %s is nil: define the function before this line', what)
  elseif type(value) ~= 'function' then
    fail('the %s must be a function, not %s', what, type(value))
  end
  return value
end

-- A table of options whose keys are all known; nil is an empty one.
function check.options(value, what, known)
  if value == nil then
    return {}
  elseif type(value) ~= 'table' then
    fail('the options of %s must be a table, not %s', what, type(value))
  end
  for key in pairs(value) do
    if not known[key] then
      fail('%s: unknown key "%s"', what, tostring(key))
    end
  end
  return value
end

-- The place as "file:line", for C to keep.
function check.where()
  local file, line = place(ours)
  return file and file .. ':' .. line or '?'
end

function check.keys(...)
  local set = {}
  for _, key in ipairs({...}) do
    set[key] = true
  end
  return set
end

return check
