-- SPDX-License-Identifier: BSD-2-Clause
-- DNSName, ComboAddress and DNSHeader: FFI metatypes over the structs that C shares.
local ffi = require('ffi')
local bit = require('bit')
local C = ffi.C

local values = {}
local text = ffi.new('char[1100]')

-- Integers as dnsdist takes them: floats are cut, numeric strings are accepted.
function values.integer(value, what, level)
  local number = tonumber(value)
  if not number then
    error(what .. ': expected a number, found ' .. type(value), (level or 2) + 1)
  end
  return number >= 0 and math.floor(number) or math.ceil(number)
end

-- ---- DNSName

local Name
local name_methods = {}

function values.name(value, level)
  if ffi.istype(Name, value) then
    return value
  end
  local name = Name()
  if type(value) ~= 'string' or not C.sluice_name_parse(value, #value, name) then
    error('not a domain name: ' .. tostring(value), (level or 1) + 1)
  end
  return name
end

function name_methods.toString(self)
  return ffi.string(text, C.sluice_name_print(self, true, text))
end
name_methods.tostring = name_methods.toString

function name_methods.toStringNoDot(self)
  return ffi.string(text, C.sluice_name_print(self, false, text))
end

function name_methods.toDNSString(self)
  return ffi.string(self.wire, self.length)
end

function name_methods.isPartOf(self, zone)
  return C.sluice_name_within(self, values.name(zone, 2))
end

function name_methods.countLabels(self)
  return C.sluice_name_labels(self)
end

function name_methods.wirelength(self)
  return self.length
end

function name_methods.chopOff(self)
  local first = self.wire[0]
  if first == 0 then
    return false
  end
  self.length = self.length - first - 1
  ffi.copy(self.wire, ffi.string(self.wire + first + 1, self.length), self.length)
  return true
end

Name = ffi.metatype('struct lua_name', {
  __index = name_methods,
  __tostring = name_methods.toString,
  __eq = function(a, b)
    return ffi.istype(Name, a) and ffi.istype(Name, b) and C.sluice_name_same(a, b)
  end,
})
values.Name = Name

function values.name_from_raw(wire)
  local name = Name()
  if type(wire) ~= 'string' or #wire == 0 or #wire > 255 then
    error('not a domain name on the wire', 2)
  end
  name.length = #wire
  ffi.copy(name.wire, wire, #wire)
  return name
end

-- ---- ComboAddress

local Address
local address_methods = {}

function values.address(value, level)
  if ffi.istype(Address, value) then
    return value
  end
  local address = Address()
  if type(value) ~= 'string' or not C.sluice_address_parse(value, address) then
    error('not an address: ' .. tostring(value), (level or 1) + 1)
  end
  return address
end

local function print_address(self, port)
  C.sluice_address_print(self, port, text, 100)
  return ffi.string(text)
end

function address_methods.toString(self) return print_address(self, false) end
address_methods.tostring = address_methods.toString
address_methods.toStringNoInterface = address_methods.toString
function address_methods.toStringWithPort(self) return print_address(self, true) end
address_methods.tostringWithPort = address_methods.toStringWithPort
function address_methods.getPort(self) return self.port end
function address_methods.isIPv4(self) return self.ipv6 == 0 end
function address_methods.isIPv6(self) return self.ipv6 ~= 0 end
function address_methods.getRaw(self)
  return ffi.string(self.bytes, self.ipv6 ~= 0 and 16 or 4)
end
function address_methods.isMappedIPv4(self)
  return self.ipv6 ~= 0 and ffi.string(self.bytes, 12) == ('\0'):rep(10) .. '\255\255'
end
function address_methods.mapToIPv4(self)
  local mapped = Address()
  ffi.copy(mapped.bytes, self.bytes + 12, 4)
  mapped.port = self.port
  return mapped
end
function address_methods.truncate(self, bits)
  for i = 0, 15 do
    local keep = math.max(0, math.min(8, bits - 8 * i))
    self.bytes[i] = bit.band(self.bytes[i], bit.band(bit.lshift(0xff, 8 - keep), 0xff))
  end
end

Address = ffi.metatype('struct lua_address', {
  __index = address_methods,
  __tostring = address_methods.toString,
  __eq = function(a, b)
    return ffi.istype(Address, a) and ffi.istype(Address, b) and a.ipv6 == b.ipv6
      and a.port == b.port and a:getRaw() == b:getRaw()
  end,
})
values.Address = Address

-- ---- DNSHeader: a copy with getHeader(), the packet's own with dh

local header_methods = {}
local flags = {RD = 0x0001, TC = 0x0002, AA = 0x0004, QR = 0x0080, RA = 0x8000, AD = 0x2000, CD = 0x1000}

for flag, mask in pairs(flags) do
  header_methods['set' .. flag] = function(self, on)
    self.flags = bit.bor(bit.band(self.flags, bit.bnot(mask)), on and mask or 0)
    if flag == 'TC' and on then
      self:setRA(self:getRD())
    end
  end
  if flag ~= 'QR' then
    header_methods['get' .. flag] = function(self)
      return bit.band(self.flags, mask) ~= 0
    end
  end
end

function header_methods.getID(self)
  return bit.bor(bit.lshift(bit.band(self.id, 0xff), 8), bit.rshift(self.id, 8))
end

ffi.metatype('struct lua_header', {__index = header_methods})
values.Header = ffi.typeof('struct lua_header')
values.header_pointer = ffi.typeof('struct lua_header *')

return values
