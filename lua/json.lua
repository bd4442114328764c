-- SPDX-License-Identifier: BSD-2-Clause
-- JSON: what we say, and the little that we are told.
local check = require('sluice.check')
check.own()

local json = {}
local Array = {}

-- A list that stays one when it is empty.
function json.array(list) return setmetatable(list or {}, Array) end

local NAMES = {['"'] = '\\"', ['\\'] = '\\\\', ['\n'] = '\\n', ['\r'] = '\\r', ['\t'] = '\\t'}

-- Bytes that are no UTF-8 could not be read again: they become as in ISO 8859-1.
local function escaped(byte)
  return NAMES[byte] or ('\\u%04x'):format(byte:byte())
end

local function text_of(value) return '"' .. value:gsub('[%c"\\\127-\255]', escaped) .. '"' end

local function number_of(value)
  if value ~= value or value == math.huge or value == -math.huge then
    return 'null'
  end
  return ('%.15g'):format(value)
end

local write

local function list_write(out, value)
  for index, member in ipairs(value) do
    out[#out + 1] = index > 1 and ', ' or ''
    write(out, member)
  end
end

-- In the order of the keys: the same says the same.
local function object_write(out, value)
  local keys = {}
  for key in pairs(value) do
    keys[#keys + 1] = key
  end
  table.sort(keys)
  for index, key in ipairs(keys) do
    out[#out + 1] = (index > 1 and ', ' or '') .. text_of(key) .. ': '
    write(out, value[key])
  end
end

function write(out, value)
  local kind = type(value)
  if kind == 'table' then
    local is_array = getmetatable(value) == Array
    out[#out + 1] = is_array and '[' or '{';
    (is_array and list_write or object_write)(out, value)
    out[#out + 1] = is_array and ']' or '}'
  elseif kind == 'number' then
    out[#out + 1] = number_of(value)
  elseif kind == 'boolean' then
    out[#out + 1] = tostring(value)
  else
    out[#out + 1] = value == nil and 'null' or text_of(tostring(value))
  end
end

function json.encode(value)
  local out = {}
  write(out, value)
  return table.concat(out)
end

-- The strings of an object's list, as {"value": ["a", "b"]} has them; nil: it is something else.
-- Strings with escapes are none that anybody means here.
function json.strings(text, key)
  local at, found = text:match('^%s*{%s*"' .. key .. '"%s*:%s*%[%s*()'), {}
  if not at or text:find('^%]%s*}%s*$', at) then
    return at and found
  end
  while at do
    local value, last = text:match('^"([^"\\%c]*)"%s*()', at)
    if not value then
      return nil
    end
    found[#found + 1] = value
    if text:find('^%]%s*}%s*$', last) then
      return found
    end
    at = text:match('^,%s*()', last)
  end
end

return json
