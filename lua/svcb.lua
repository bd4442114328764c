-- SPDX-License-Identifier: BSD-2-Clause
-- Answers of types SVCB and HTTPS: RFC 9460.
local ffi = require('ffi')
local bit = require('bit')
local check = require('sluice.check')
local name = require('sluice.name')
local address = require('sluice.address')
local actions = require('sluice.actions').globals
local C = ffi.C
check.own()

local svcb = {}
local Parameters = {}
Parameters.__index = Parameters

local KEYS = {mandatory = 0, alpn = 1, ['no-default-alpn'] = 2, noDefaultAlpn = 2, port = 3,
  ipv4hint = 4, ech = 5, ipv6hint = 6, dohpath = 7}

local function u16(number) return string.char(bit.rshift(number, 8), bit.band(number, 255)) end

local function key_of(text)
  local number = KEYS[text] or tonumber(tostring(text):match('^key(%d+)$'))
  if not number or number > 65535 then
    check.fail('newSVCRecordParameters: unknown key "%s"', tostring(text))
  end
  return number
end

-- Each of a table of values, or the one that there is, put through a function, in a row.
local function joined(value, fn)
  local texts = {}
  for index, one in ipairs(type(value) == 'table' and value or {value}) do
    texts[index] = fn(one)
  end
  return table.concat(texts)
end

local function hints(value, ipv6, key)
  return joined(value, function(one)
    local found = address.of(one)
    if (found.ipv6 ~= 0) ~= ipv6 then
      check.fail('newSVCRecordParameters: %s is no address for %s', found:toString(), key)
    end
    return found:getRaw()
  end)
end

local function mandatory(value)
  local numbers = {}
  for index, key in ipairs(value) do
    numbers[index] = key_of(key)
  end
  table.sort(numbers)
  return joined(numbers, u16)
end

local function value_of(key, value)
  if key == 'mandatory' then
    return mandatory(type(value) == 'table' and value or {value})
  elseif key == 'alpn' then
    return joined(value, function(text)
      text = check.string(text, 'alpn')
      return string.char(check.range(#text, 'the length of alpn', 1, 255)) .. text
    end)
  elseif key == 'port' then
    return u16(check.range(value, 'port', 0, 65535))
  elseif key == 'ipv4hint' or key == 'ipv6hint' then
    return hints(value, key == 'ipv6hint', key)
  elseif KEYS[key] == 2 then
    return ''
  end
  return check.string(value, key)
end

function svcb.newSVCRecordParameters(priority, target, values)
  priority = check.range(priority, 'the priority', 0, 65535)
  local made, numbers = {}, {}
  for key, value in pairs(values or {}) do
    local number = key_of(key)
    if value ~= false then
      made[number] = value_of(key, value)
      numbers[#numbers + 1] = number
    end
  end
  table.sort(numbers)
  local data = u16(priority) .. name.of(target):toDNSString()
  for _, number in ipairs(numbers) do
    data = data .. u16(number) .. u16(#made[number]) .. made[number]
  end
  check.range(#data, 'the length of the record', 0, 65535)
  return setmetatable({data = data}, Parameters)
end

function svcb.SpoofSVCAction(list, options)
  local values = {}
  for index, one in ipairs(getmetatable(list) == Parameters and {list} or list) do
    if getmetatable(one) ~= Parameters then
      check.fail('SpoofSVCAction takes a table of newSVCRecordParameters()')
    end
    values[index] = one.data
  end
  local made = actions.SpoofRawAction(values, options)
  made.text = 'spoof SVC record'
  return made
end

-- ---- a rate of Lua's own

local Limiter = {}
Limiter.__index = Limiter

function svcb.newQPSLimiter(rate, burst)
  rate, burst = tonumber(rate), tonumber(burst)
  if not (rate and burst and rate >= 0 and burst >= 0) then
    check.fail('newQPSLimiter takes a rate and a burst')
  end
  return setmetatable({rate = rate, burst = burst, tokens = burst,
    at = tonumber(C.sluice_now())}, Limiter)
end

-- Whether there is a token; takes it.
function Limiter:check()
  local now = tonumber(C.sluice_now())
  self.tokens = math.min(self.burst, self.tokens + (now - self.at) * self.rate / 1000)
  self.at = now
  if self.tokens < 1 then
    return false
  end
  self.tokens = self.tokens - 1
  return true
end

return svcb
