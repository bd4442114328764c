-- SPDX-License-Identifier: BSD-2-Clause
-- ComboAddress, Netmask and NetmaskGroup.
local ffi = require('ffi')
local bit = require('bit')
local check = require('sluice.check')
local C = ffi.C
check.own()

local address = {}
local Address = ffi.typeof('struct lua_address')
local Prefix, Prefixes = ffi.typeof('struct lua_prefix'), ffi.typeof('struct lua_prefix[?]')
local text = ffi.new('char[80]')
local method = {}

local function size_of(self)
  return self.ipv6 ~= 0 and 16 or 4
end

local function print_address(self)
  return ffi.string(text, C.sluice_address_print(self, text, 80))
end

function address.parse(value)
  local made = Address()
  return type(value) == 'string' and not value:find('\0', 1, true) and
    C.sluice_address_parse(value, made) == 0 and made or nil
end

function address.is(value)
  return ffi.istype(Address, value)
end

function address.of(value)
  if address.is(value) then
    return value
  end
  local made = address.parse(check.string(value, 'the address'))
  if not made then
    check.fail('"%s" is not an address', value)
  end
  return made
end

function method:getPort() return self.port end
function method:getRaw() return ffi.string(self.bytes, size_of(self)) end
function method:isIPv4() return self.ipv6 == 0 end
function method:isIPv6() return self.ipv6 ~= 0 end
function method:isMappedIPv4()
  return self.ipv6 ~= 0 and ffi.string(self.bytes, 12) == ('\0'):rep(10) .. '\255\255'
end
function method:mapToIPv4()
  if not self:isMappedIPv4() then
    check.fail('%s is not a mapped IPv4 address', print_address(self))
  end
  local made = Address()
  ffi.copy(made.bytes, self.bytes + 12, 4)
  made.port = self.port
  return made
end
function method:toString() return print_address(self) end
method.tostring = method.toString
method.toStringNoInterface = method.toString
function method:toStringWithPort()
  return (self.ipv6 ~= 0 and '[%s]:%d' or '%s:%d'):format(print_address(self), self.port)
end
method.tostringWithPort = method.toStringWithPort
function method:toStringReversed()
  local parts = {}
  for i = size_of(self) - 1, 0, -1 do
    local byte = self.bytes[i]
    parts[#parts + 1] = self.ipv6 == 0 and tostring(byte) or
      ('%x.%x'):format(bit.band(byte, 15), bit.rshift(byte, 4))
  end
  return table.concat(parts, '.')
end
function method:truncate(bits)
  bits = check.range(bits, 'the number of bits', 0, 4294967295) -- more than there are: all stay
  for i = 0, size_of(self) - 1 do
    local kept = math.max(0, math.min(8, bits - 8 * i))
    self.bytes[i] = bit.band(self.bytes[i], bit.lshift(255, 8 - kept), 255)
  end
end

-- Through the key of makeIPCipherKey(); the port stays.
local function ciphered(encrypt, what)
  return function(self, key)
    key = check.string(key, 'the key')
    if #key ~= 16 then
      check.fail('%s: the key has 16 bytes, as makeIPCipherKey() makes them, not %d', what, #key)
    end
    local made = Address(self)
    if C.sluice_address_cipher(made, key, encrypt) < 0 then
      check.fail('%s: no memory', what)
    end
    return made
  end
end
method.ipencrypt, method.ipdecrypt = ciphered(true, 'ipencrypt'), ciphered(false, 'ipdecrypt')
function method:match(other) return address.of(other):toString() == print_address(self) end

local function same(a, b)
  return a.ipv6 == b.ipv6 and ffi.string(a.bytes, 16) == ffi.string(b.bytes, 16)
end

ffi.metatype(Address, {
  __index = function(_, key) return method[key] end,
  __newindex = function(_, key)
    check.fail('ComboAddress has no member "%s" to set', tostring(key))
  end,
  __tostring = print_address,
  __eq = function(a, b)
    return address.is(a) and address.is(b) and same(a, b) and a.port == b.port
  end,
})

function address.newCA(value) return address.of(value) end
function address.newCAFromRaw(raw, port)
  raw = check.string(raw, 'the raw address')
  if #raw ~= 4 and #raw ~= 16 then
    check.fail('a raw address has 4 or 16 bytes, not %d', #raw)
  end
  local made = Address()
  ffi.copy(made.bytes, raw, #raw)
  made.ipv6, made.port = #raw == 16 and 1 or 0, check.wrapped(port or 0, 'the port')
  return made
end

function address.makeIPCipherKey(password)
  password = check.string(password, 'the password')
  local key = ffi.new('uint8_t[16]')
  if C.sluice_cipher_key(password, #password, key) < 0 then
    check.fail('makeIPCipherKey: no memory')
  end
  return ffi.string(key, 16)
end

-- ---- Netmask

local mask = {}

local function network(self)
  local made = Address()
  ffi.copy(made.bytes, self.bytes, 16)
  made.ipv6 = self.ipv6
  return made
end

local function prefix_of(value)
  local made = Prefix()
  if ffi.istype(Prefix, value) then
    return value
  elseif address.is(value) then
    ffi.copy(made.bytes, value.bytes, 16)
    made.ipv6, made.length = value.ipv6, size_of(value) * 8
    return made
  end
  value = check.string(value, 'the netmask')
  return not value:find('\0', 1, true) and C.sluice_prefix_parse(value, made) == 0 and made or nil
end

local function prefix_or_fail(value)
  return prefix_of(value) or check.fail('"%s" is not a netmask', tostring(value))
end

function mask.empty() return false end -- there is none without an address
function mask:getBits() return self.length end
function mask:getNetwork() return network(self) end
function mask:getMaskedNetwork()
  local made = network(self)
  made:truncate(self.length)
  return made
end
function mask:isIPv4() return self.ipv6 == 0 end
function mask:isIPv6() return self.ipv6 ~= 0 end
mask.isIpv4, mask.isIpv6 = mask.isIPv4, mask.isIPv6
function mask:match(value) return C.sluice_prefix_match(self, address.of(value)) end
function mask:toString()
  return ffi.string(text, C.sluice_prefix_print(self, text, 80))
end

ffi.metatype(Prefix, {
  __index = function(_, key) return mask[key] end,
  __newindex = function(_, key)
    check.fail('Netmask has no member "%s" to set', tostring(key))
  end,
  __tostring = mask.toString,
  __eq = function(a, b)
    return ffi.istype(Prefix, a) and ffi.istype(Prefix, b) and a.length == b.length and
      same(a:getMaskedNetwork(), b:getMaskedNetwork())
  end,
})

function address.newNetmask(value, bits)
  local made = Prefix(prefix_or_fail(value))
  if bits ~= nil then
    bits = check.range(bits, 'the number of bits', 0, 255)
    made.length = math.min(bits, made.ipv6 ~= 0 and 128 or 32)
  end
  return made
end

-- ---- NetmaskGroup: a table of netmasks by their text; the longest that covers decides.

local Group = {}
Group.__index = Group

local function key_of(prefix)
  return ffi.string(text, C.sluice_prefix_key(prefix, text))
end

local function add(self, prefix)
  self.masks[key_of(prefix)] = prefix
end

function Group:addMask(value)
  if type(value) == 'table' then
    for _, member in ipairs(value) do
      self:addMask(member)
    end
    return
  end
  add(self, prefix_or_fail(value))
end
function Group:addMasks(addresses)
  for member in pairs(addresses) do
    self:addMask(member)
  end
end
function Group:addNMG(other)
  for _, prefix in pairs(other.masks) do
    add(self, prefix)
  end
end
function Group:match(value)
  local wanted, best = address.of(value), nil
  for _, prefix in pairs(self.masks) do
    if C.sluice_prefix_match(prefix, wanted) and (not best or prefix.length > best.length) then
      best = prefix
    end
  end
  return best ~= nil and best.negated == 0
end
function Group:size()
  local count = 0
  for _ in pairs(self.masks) do
    count = count + 1
  end
  return count
end
function Group:clear() self.masks = {} end
function Group:toString()
  local list = {}
  for _, prefix in pairs(self.masks) do
    list[#list + 1] = (prefix.negated ~= 0 and '!' or '') .. prefix:toString()
  end
  table.sort(list)
  return table.concat(list, ', ')
end
Group.__tostring = Group.toString

function address.newNMG(masks)
  local group = setmetatable({masks = {}}, Group)
  if masks ~= nil then
    group:addMask(masks)
  end
  return group
end
function address.group_remove(group, prefix) group.masks[key_of(prefix)] = nil end
function address.is_group(value) return getmetatable(value) == Group end

-- The group as an array for C, and its length.
function address.array(group)
  local count, index = group:size(), 0
  local array = Prefixes(count)
  for _, prefix in pairs(group.masks) do
    array[index], index = prefix, index + 1
  end
  return array, count
end

-- Whether a string can be a netmask (as bare selectors are tried).
function address.is_netmask(value)
  return type(value) == 'string' and prefix_of(value) ~= nil
end

return address
