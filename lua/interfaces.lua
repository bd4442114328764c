-- SPDX-License-Identifier: BSD-2-Clause
-- What the machine has beside Sluice's ports: the kernel's interfaces, and its resolvers.
local ffi = require('ffi')
local check = require('sluice.check')
local address = require('sluice.address')
local driver = require('sluice.driver')
local C = ffi.C
check.own()

local interfaces = {}
local PREFIX = ffi.typeof('struct lua_prefix')

-- Each address of the kernel's interfaces in Sluice's network namespace, in its order: the
-- interface's name, and the address with the length of its network, nil for one without any.
local function each(use)
  local name, prefix = ffi.new('struct lua_bytes'), PREFIX()
  for index = 0, tonumber(C.sluice_interfaces_read()) - 1 do
    local addressed = C.sluice_interface_at(index, name, prefix)
    use(ffi.string(name.data, name.length), addressed and PREFIX(prefix) or nil)
  end
end

function interfaces.getListOfNetworkInterfaces()
  local names, known = {}, {}
  each(function(name)
    if not known[name] then
      known[name], names[#names + 1] = true, name
    end
  end)
  return names
end

local function of_interface(wanted, text)
  wanted = check.string(wanted, 'the name of the interface')
  local found = {}
  each(function(name, prefix)
    if name == wanted and prefix then
      found[#found + 1] = text(prefix)
    end
  end)
  return found
end
function interfaces.getListOfAddressesOfNetworkInterface(name)
  return of_interface(name, function(prefix)
    return (prefix:toString():gsub('/%d+$', ''))
  end)
end
function interfaces.getListOfRangesOfNetworkInterface(name)
  return of_interface(name, function(prefix)
    return ('%s/%d'):format(prefix:getMaskedNetwork():toString(), prefix.length)
  end)
end

-- The name servers of a file like resolv.conf, as text.
function interfaces.getResolvers(path)
  path = check.string(path, 'the path')
  local found = {}
  local file, why = io.open(path)
  if not file then
    check.fail('getResolvers: %s', why)
  end
  for line in file:lines() do
    found[#found + 1] = line:match('^%s*nameserver%s+(%S+)')
  end
  file:close()
  return found
end

-- Six bytes, or none.
function interfaces.getMACAddress(value)
  local mac = ffi.new('uint8_t[6]')
  return C.sluice_address_mac(address.of(value), mac) and ffi.string(mac, 6) or ''
end

local REASONS = {[11] = 'too many look-ups wait', [36] = 'no host has so long a name'}

-- Calls back with the host's name and its addresses, none where there is none.
function interfaces.getAddressInfo(host, callback)
  host = check.string(host, 'the host')
  callback = check.callback(callback, 'callback')
  local result = C.sluice_lookup(host, driver.register(callback))
  if result < 0 then
    check.fail('getAddressInfo: %s', REASONS[-result] or ffi.string(C.sluice_strerror(-result)))
  end
end

return interfaces
