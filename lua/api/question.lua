-- SPDX-License-Identifier: BSD-2-Clause
-- DNSQuestion and DNSResponse: one metatype over the handle of a packet in hand.
local ffi = require('ffi')
local values = require('values')
local C = ffi.C

local methods, getters, setters = {}, {}, {}
local size = ffi.new('size_t[1]')
local info = ffi.new('struct lua_info')
local tag = ffi.new('struct lua_tag')

local function data(self)
  local bytes = C.sluice_data(self, size)
  if bytes == nil then
    error('the packet has left: it was resumed, dropped or expired', 3)
  end
  return bytes, tonumber(size[0])
end

local function about(self)
  if not C.sluice_info(self, info) then
    error('the packet has left: it was resumed, dropped or expired', 3)
  end
  return info
end

local function writable(self)
  if self.suspended ~= 0 then
    error('the packet is suspended: change it through getAsynchronousObject()', 3)
  end
end

local function done(ok, what)
  if not ok then
    error(what, 3)
  end
  return true
end

function getters.qname(self)
  local name = values.Name()
  if not C.sluice_name(self, name) then
    error('the packet has left: it was resumed, dropped or expired', 3)
  end
  return name
end
function getters.qtype(self) return about(self).qtype end
function getters.qclass(self) return about(self).qclass end
function getters.opcode(self) return about(self).opcode end
function getters.rcode(self) return about(self).rcode end
function getters.len(self) return about(self).length end
getters.size = getters.len
function getters.tcp(self) return about(self).tcp ~= 0 end
function getters.skipCache(self) return about(self).skip_cache ~= 0 end
function getters.remoteaddr(self) return values.Address(about(self).remote) end
function getters.localaddr(self) return values.Address(about(self).here) end
function getters.pool(self)
  local name = C.sluice_pool(self, size)
  return name == nil and '' or ffi.string(name, size[0])
end
function getters.tempFailureTTL(self)
  local ttl = ffi.new('uint32_t[1]')
  return C.sluice_temp_failure_ttl(self, ttl) and tonumber(ttl[0]) or nil
end
-- Live while the packet can be written; a copy once it is suspended.
function getters.dh(self)
  local bytes = data(self)
  if self.suspended ~= 0 then
    return values.Header(ffi.cast(values.header_pointer, bytes)[0])
  end
  return ffi.cast(values.header_pointer, bytes)
end

function setters.rcode(self, value)
  done(C.sluice_rcode_set(self, values.integer(value, 'rcode', 3)), 'cannot set the rcode')
end
function setters.len(self, value)
  done(C.sluice_length_set(self, values.integer(value, 'len', 3)), 'len: larger than the packet')
end
function setters.skipCache(self, value)
  C.sluice_skip_cache_set(self, value and true or false)
end
function setters.pool(self, value)
  value = tostring(value)
  done(C.sluice_pool_set(self, value, #value), 'pool: too many pools')
end
function setters.tempFailureTTL(self, value)
  local ttl = value and values.integer(value, 'tempFailureTTL', 3) or 0
  C.sluice_temp_failure_ttl_set(self, value ~= nil, ttl)
end

function methods.getContent(self)
  local bytes, length = data(self)
  return ffi.string(bytes, length)
end
function methods.setContent(self, content)
  writable(self)
  return done(C.sluice_data_set(self, content, #content), 'setContent: too short or too long')
end
function methods.getHeader(self)
  return values.Header(ffi.cast(values.header_pointer, data(self))[0])
end
function methods.setHeader(self, header)
  writable(self)
  return done(C.sluice_header_set(self, header), 'setHeader: the packet is too short')
end
function methods.getDO(self) return about(self).dnssec_ok ~= 0 end
function methods.getProtocol(self) return about(self).tcp ~= 0 and 'Do53 TCP' or 'Do53 UDP' end
function methods.getElapsedUs(self) return about(self).elapsed_us end
function methods.getIncomingInterface() return '' end
function methods.getTag(self, key)
  key = tostring(key)
  return C.sluice_tag(self, key, #key, tag) and ffi.string(tag.value, tag.value_length) or ''
end
function methods.setTag(self, key, value)
  writable(self)
  key, value = tostring(key), tostring(value)
  done(C.sluice_tag_set(self, key, #key, value, #value), 'setTag: no memory')
end
function methods.unsetTag(self, key)
  writable(self)
  C.sluice_tag_unset(self, tostring(key), #tostring(key))
end
function methods.getTagArray(self)
  local tags, index = {}, 0
  while C.sluice_tag_at(self, index, tag) do
    tags[ffi.string(tag.key, tag.key_length)] = ffi.string(tag.value, tag.value_length)
    index = index + 1
  end
  return tags
end
function methods.setTagArray(self, tags)
  for key, value in pairs(tags) do
    methods.setTag(self, key, value)
  end
end
function methods.setExtendedDNSError(self, code, extra, clear)
  writable(self)
  extra = extra or ''
  done(C.sluice_extended_error(self, code, extra, #extra, clear ~= false), 'no memory')
end
function methods.changeName(self, name)
  writable(self)
  return C.sluice_rename(self, values.name(name, 2))
end
function methods.suspend(self, async_id, query_id, timeout)
  if self.suspended ~= 0 then
    return false
  end
  return C.sluice_suspend(self, values.integer(async_id, 'asyncID') % 65536,
    values.integer(query_id, 'queryID') % 65536, values.integer(timeout, 'timeout'))
end

ffi.metatype('struct lua_question', {
  __index = function(self, key)
    local method = methods[key]
    if method then
      return method
    end
    local getter = getters[key]
    if getter then
      return getter(self)
    end
    return nil
  end,
  __newindex = function(self, key, value)
    local setter = setters[key]
    if setter then
      writable(self)
      return setter(self, value)
    end
    -- Assigning what can only be read is silent, as in dnsdist; what does not exist is an error.
    if not getters[key] and not methods[key] then
      error('no such member: ' .. tostring(key), 2)
    end
  end,
})

return {new = ffi.typeof('struct lua_question')}
