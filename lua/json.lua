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

-- ---- reading

local DEPTH_MAX = 16
local CLOSING = {['{'] = '}', ['['] = ']'}

-- Where a string ends that begins here; nil: it is none.
local function string_end(text, at)
  at = text:match('^"[^"\\%c]*()', at)
  while at and text:byte(at) == 92 do -- "\"
    at = text:match('^\\["\\/bfnrt][^"\\%c]*()', at) or text:match('^\\u%x%x%x%x[^"\\%c]*()', at)
  end
  return at and text:match('^"()', at)
end

local function name_end(text, at)
  at = string_end(text, at)
  return at and text:match('^%s*:%s*()', at)
end

-- Likewise a value.
local function value_end(text, at, depth)
  local first = text:sub(at, at)
  local closing = CLOSING[first]
  if first == '"' then
    return string_end(text, at)
  elseif not closing then
    return text:match('^%-?%d[%d.eE+-]*()', at) or text:match('^true()', at) or
      text:match('^false()', at) or text:match('^null()', at)
  elseif depth == DEPTH_MAX then
    return nil
  end
  at = text:match('^%s*()', at + 1)
  if text:sub(at, at) == closing then
    return at + 1
  end
  repeat
    at = first == '[' and at or name_end(text, at)
    at = at and value_end(text, at, depth + 1)
    at = at and text:match('^%s*()', at)
    if at and text:sub(at, at) == closing then
      return at + 1
    end
    at = at and text:match('^,%s*()', at)
  until not at
  return nil
end

-- The strings of a list; nil: it is none, or has something else, or escapes, which nobody means
-- here.
local function strings_of(list)
  local found, at = {}, list:match('^%[%s*()')
  while at and list:byte(at) ~= 93 do -- "]"
    found[#found + 1], at = list:match('^"([^"\\]*)"%s*,?%s*()', at)
  end
  return at and found
end

-- The strings of the list that an object has by this name, as {"value": ["a", "b"]}; nil: there is
-- none.
function json.strings(text, key)
  local found
  local at = text:match('^%s*{%s*()')
  while at do
    local value = name_end(text, at)
    local behind = value and value_end(text, value, 1)
    if not behind then
      return nil
    elseif text:match('^"([^"]*)"', at) == key then
      found = strings_of(text:sub(value, behind - 1))
      if not found then
        return nil
      end
    end
    at = text:match('^%s*,%s*()', behind)
    if not at then
      return text:find('^%s*}%s*$', behind) and found
    end
  end
end

return json
