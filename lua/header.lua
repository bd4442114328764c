-- SPDX-License-Identifier: BSD-2-Clause
-- DNSHeader: live (dq.dh, which writes into the packet) or a copy (dq:getHeader()).
local ffi = require('ffi')
local bit = require('bit')
local check = require('sluice.check')
local C = ffi.C
check.own()

local header = {}
local Copy = ffi.typeof('struct lua_header')
local Live = ffi.typeof('struct lua_live_header')
local method = {}
local SIZE = ffi.sizeof('struct lua_question')

local function read(self)
  if ffi.istype(Copy, self) then
    return self.bytes
  end
  local live = C.sluice_question_header(self.handle)
  if live == nil then
    check.fail('the packet is no longer in hand')
  end
  return live.bytes
end

local function write(self)
  if ffi.istype(Copy, self) then
    return self.bytes
  end
  local live = C.sluice_question_header_edit(self.handle)
  if live == nil then
    check.fail('the header cannot be changed: the packet is suspended, or no longer in hand')
  end
  return live.bytes
end

local function getter(at, flag)
  return function(self)
    return bit.band(read(self)[at], flag) ~= 0
  end
end

local function setter(at, flag)
  return function(self, value)
    local bytes = write(self)
    bytes[at] = value and bit.bor(bytes[at], flag) or bit.band(bytes[at], 255 - flag)
  end
end

function method:getID()
  local bytes = read(self)
  return bytes[0] * 256 + bytes[1]
end
method.getRD, method.setRD = getter(2, 0x01), setter(2, 0x01)
method.getTC = getter(2, 0x02)
method.getAA, method.setAA = getter(2, 0x04), setter(2, 0x04)
method.setQR = setter(2, 0x80)
method.getRA, method.setRA = getter(3, 0x80), setter(3, 0x80)
method.getAD, method.setAD = getter(3, 0x20), setter(3, 0x20)
method.getCD, method.setCD = getter(3, 0x10), setter(3, 0x10)

local set_tc = setter(2, 0x02)
function method:setTC(value)
  set_tc(self, value)
  if value then
    self:setRA(self:getRD())
  end
end

local class = {
  __index = function(_, key) return method[key] end,
  __newindex = function(_, key)
    check.fail('DNSHeader has no member "%s" to set', tostring(key))
  end,
}
ffi.metatype(Copy, class)
ffi.metatype(Live, class)

function header.live(handle)
  local made = Live()
  ffi.copy(made, handle, SIZE)
  return made
end

function header.copy_of(handle)
  local live = C.sluice_question_header(handle)
  if live == nil then
    check.fail('the packet is no longer in hand')
  end
  local made = Copy()
  ffi.copy(made, live, 12)
  return made
end

-- A header out of a string that is a whole message.
function header.of_content(content)
  local made = Copy()
  ffi.copy(made, content, 12)
  return made
end

function header.store(handle, value)
  if not ffi.istype(Copy, value) and not ffi.istype(Live, value) then
    check.fail('setHeader takes a DNSHeader, not %s', type(value))
  end
  local bytes = read(value)
  local live = C.sluice_question_header_edit(handle)
  if live == nil then
    check.fail('the header cannot be changed: the packet is suspended, or no longer in hand')
  end
  ffi.copy(live, bytes, 12)
  return true
end

return header
