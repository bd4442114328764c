-- SPDX-License-Identifier: BSD-2-Clause
-- What selectors and actions have in common.
local ffi = require('ffi')
local check = require('sluice.check')
local C = ffi.C
check.own()

local part = {}

-- An object of a class for what C made; an error if it made nothing. Rules and other parts that
-- have it keep it; who else does is told by the garbage collector.
function part.made(class, pointer, release, text)
  if pointer == nil then
    check.fail('%s: %s', text, ffi.string(C.sluice_policy_error()))
  end
  return setmetatable({pointer = ffi.gc(pointer, release), text = text}, class)
end

-- The collector sees a small object and not the copy of a list behind it: it is told of that, once
-- the policy has been read. Meanwhile hardly anything goes, and all would be looked at often.
local ENTRY_BYTES, MANY = 32, 1000
local reading = true
function part.settle() reading = false end
function part.weigh(entries)
  if not reading and entries > MANY then
    collectgarbage('step', math.floor(entries * ENTRY_BYTES / 1024))
  end
end

-- A number as it is, or by its name, or as TYPE65.
function part.number_of(value, names, what)
  if type(value) == 'string' and tonumber(value) == nil then
    local number = names[value:upper()] or tonumber(value:upper():match('^TYPE(%d+)$'))
    if not number or number > 65535 then
      check.fail('"%s" is not a %s', value, what)
    end
    return number
  end
  return check.range(value, 'the ' .. what, 0, 65535)
end

-- The number of code that lcores run themselves: text that returns a function, for an action, a
-- selector or a server policy.
local KINDS = {action = 0, selector = 1, policy = 2}
local PLACE_MAX = 45 -- longer names of chunks lose their end
function part.code(text, what, kind)
  if type(text) ~= 'string' then
    check.fail('%s takes code as a string, which returns a function, not %s', what, type(text))
  end
  local file, line = check.place()
  if file and #file > PLACE_MAX then
    file = '...' .. file:sub(3 - PLACE_MAX)
  end
  local place = file and ('%s:%d: code'):format(file, line) or 'code'
  local chunk, message = load(text, '=' .. place, 't')
  if not chunk then
    error(message, 0)
  end
  local number = C.sluice_thread_add(text, #text, place, KINDS[kind])
  if number < 0 then
    check.fail('%s: no memory', what)
  end
  return number
end

return part
