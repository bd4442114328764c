-- SPDX-License-Identifier: BSD-2-Clause
-- DNSQuestion and DNSResponse, over the handle of a packet in hand.
local ffi = require('ffi')
local bit = require('bit')
local check = require('sluice.check')
local name = require('sluice.name')
local address = require('sluice.address')
local header = require('sluice.header')
local C = ffi.C
check.own()

local question = {}
local Query = ffi.typeof('struct lua_query')
local Response = ffi.typeof('struct lua_response')
local facts = ffi.new('struct lua_facts')
local bytes = ffi.new('struct lua_bytes')
local microseconds = ffi.new('uint64_t[1]')
local get, set, method = {}, {}, {}
local band, SIZE = bit.band, ffi.sizeof('struct lua_question')

local function left()
  check.fail('the packet is no longer in hand')
end

local function facts_of(self)
  if not C.sluice_question_facts(self.handle, facts) then
    left()
  end
  return facts
end

-- The result of an edit: true, or an error.
local function done(result)
  if result < 0 then
    check.fail('%s', ffi.string(C.sluice_strerror(result)))
  end
  return true
end

local function bytes_or_fail(found)
  if not found then
    left()
  end
  return ffi.string(bytes.data, bytes.length)
end

-- ---- attributes

function get.qname(self)
  local made = ffi.new('struct lua_name')
  if not C.sluice_question_qname(self.handle, made) then
    left()
  end
  return made
end
function get.qtype(self) return facts_of(self).qtype end
function get.qclass(self) return facts_of(self).qclass end
function get.opcode(self) return facts_of(self).opcode end
function get.rcode(self) return facts_of(self).rcode end
function get.len(self) return facts_of(self).length end
get.size = get.len
function get.tcp(self) return facts_of(self).tcp ~= 0 end
function get.skipCache(self) return facts_of(self).skip_cache ~= 0 end
function get.dh(self)
  if C.sluice_question_find(self.handle) == nil then
    left()
  end
  return header.live(self.handle)
end
function get.pool(self)
  return bytes_or_fail(C.sluice_question_pool(self.handle, bytes))
end

local function address_getter(is_local)
  return function(self)
    local made = ffi.new('struct lua_address')
    if not C.sluice_question_address(self.handle, is_local, made) then
      left()
    end
    return made
  end
end
get.remoteaddr, get.localaddr = address_getter(false), address_getter(true)

function set.rcode(self, value)
  done(C.sluice_question_rcode_set(self.handle, check.range(value, 'rcode', 0, 65535)))
end
function set.len(self, value)
  done(C.sluice_question_resize(self.handle, check.range(value, 'len', 0, 65535)))
end
function set.skipCache(self, value)
  done(C.sluice_question_skip_cache_set(self.handle, value and true or false))
end
function set.pool(self, value)
  value = check.string(value, 'the pool')
  done(C.sluice_question_pool_set(self.handle, value, #value))
end

-- ---- methods of both

function method:getHeader() return header.copy_of(self.handle) end
function method:setHeader(value) return header.store(self.handle, value) end
function method:getDO() return facts_of(self).dnssec_ok ~= 0 end
function method:getContent()
  return bytes_or_fail(C.sluice_question_content(self.handle, bytes))
end
function method:setContent(content)
  content = check.string(content, 'the content')
  return done(C.sluice_question_content_set(self.handle, content, #content))
end
function method:getTag(key)
  facts_of(self)
  key = check.string(key, 'the name of the tag')
  return C.sluice_question_tag(self.handle, key, #key, bytes) and
    ffi.string(bytes.data, bytes.length) or ''
end
function method:setTag(key, value)
  key, value = check.string(key, 'the name of the tag'), check.string(value, 'the tag')
  done(C.sluice_question_tag_set(self.handle, key, #key, value, #value))
end
function method:unsetTag(key)
  key = check.string(key, 'the name of the tag')
  done(C.sluice_question_tag_unset(self.handle, key, #key))
end
function method:setTagArray(tags)
  for key, value in pairs(tags) do
    self:setTag(key, value)
  end
end
function method:getTagArray()
  facts_of(self)
  local count = tonumber(C.sluice_question_tags(self.handle, nil, 0))
  local list, tags = ffi.new('struct lua_tag[?]', count), {}
  C.sluice_question_tags(self.handle, list, count)
  for i = 0, count - 1 do
    tags[ffi.string(list[i].key.data, list[i].key.length)] =
      ffi.string(list[i].value.data, list[i].value.length)
  end
  return tags
end
function method:setExtendedDNSError(code, text, clear)
  text = check.string(text or '', 'the text')
  done(C.sluice_question_ede(self.handle, check.range(code, 'the code', 0, 65535), text, #text,
    clear ~= false))
end

local View = {}
View.__index = View
function View:count() return #self.values end
function View:getValues() return self.values end

function method:getEDNSOptions()
  facts_of(self)
  local count = tonumber(C.sluice_question_options(self.handle, nil, 0))
  local list, views = ffi.new('struct lua_option[?]', count), {}
  C.sluice_question_options(self.handle, list, count)
  for i = 0, count - 1 do
    local code = list[i].code
    views[code] = views[code] or setmetatable({values = {}}, View)
    table.insert(views[code].values, ffi.string(list[i].data.data, list[i].data.length))
  end
  return views
end
function method:getTrailingData()
  return bytes_or_fail(C.sluice_question_trailing(self.handle, bytes))
end
function method:setTrailingData(data)
  data = check.string(data, 'the data')
  return C.sluice_question_trailing_set(self.handle, data, #data) == 0
end
function method:changeName(new)
  return C.sluice_question_rename(self.handle, name.of(new)) == 0
end
function method:suspend(async_id, query_id, timeout)
  return C.sluice_suspend(self.handle, check.wrapped(async_id, 'asyncID'),
    check.wrapped(query_id, 'queryID'), check.range(timeout, 'the timeout', 0, 4294967295))
end
function method:getProtocol() return facts_of(self).tcp ~= 0 and 'Do53 TCP' or 'Do53 UDP' end
function method:getElapsedUs()
  if not C.sluice_question_elapsed(self.handle, microseconds) then
    left()
  end
  return tonumber(microseconds[0])
end
function method:getQueryTime()
  local at = tonumber(C.sluice_wall()) - self:getElapsedUs()
  return {tv_sec = math.floor(at / 1e6), tv_nsec = at % 1e6 * 1000}
end
function method:getIncomingInterface()
  facts_of(self)
  return ''
end
-- What only DNS over TLS and HTTPS have.
for _, key in ipairs({'getServerNameIndication', 'getHTTPPath', 'getHTTPQueryString',
    'getHTTPHost', 'getHTTPScheme'}) do
  method[key] = method.getIncomingInterface
end
function method:getHTTPHeaders()
  facts_of(self)
  return {}
end

function method:sendTrap() facts_of(self) end
-- Values for collectors, in place of those that the key has.
function method:setMetaKey(key, values)
  key = check.string(key, 'the key')
  if type(values) ~= 'table' then
    check.fail('setMetaKey takes a table of values, not %s', type(values))
  end
  done(C.sluice_question_meta_clear(self.handle, key, #key))
  for _, value in ipairs(values) do
    if type(value) == 'number' then
      done(C.sluice_question_meta_number(self.handle, key, #key, value))
    else
      value = check.string(value, 'the value')
      done(C.sluice_question_meta_add(self.handle, key, #key, value, #value))
    end
  end
end

-- ---- classes

local function class(own_get, own_set, own_method)
  setmetatable(own_get, {__index = get})
  setmetatable(own_set, {__index = set})
  setmetatable(own_method, {__index = method})
  return {
    __index = function(self, key)
      local found = own_method[key]
      if found then
        return found
      end
      local getter = own_get[key]
      if getter then
        return getter(self)
      end
      return nil
    end,
    __newindex = function(self, key, value)
      local setter = own_set[key]
      if setter then
        setter(self, value)
      elseif not own_get[key] and not own_method[key] then
        check.fail('there is no member "%s"', tostring(key))
      end -- what is only read takes assignments in silence
    end,
  }
end

local query_get, query_set, query = {}, {}, {}
function query_get.tempFailureTTL(self)
  local found = facts_of(self)
  return found.has_temp_failure_ttl ~= 0 and found.temp_failure_ttl or nil
end
function query_set.tempFailureTTL(self, value)
  local ttl = value ~= nil and check.range(value, 'the TTL', 0, 4294967295) or 0
  done(C.sluice_question_failure_ttl_set(self.handle, value ~= nil, ttl))
end
function query:setEDNSOption(code, data)
  data = check.string(data, 'the option')
  done(C.sluice_question_option_set(self.handle, check.range(code, 'the code', 0, 65535), data,
    #data))
end

function query:spoof(values, type_for_any, ttl)
  if type(values) ~= 'table' then
    check.fail('spoof takes a table of addresses or of strings')
  end
  local count, raw, texts = #values, type(values[1]) == 'string', {}
  local list = ffi.new(raw and 'struct lua_bytes[?]' or 'struct lua_address[?]', count)
  for i, value in ipairs(values) do
    if raw then
      texts[i] = check.string(value, 'the data') -- stays there until C has copied it
      list[i - 1].data, list[i - 1].length = texts[i], #texts[i]
    else
      list[i - 1] = address.of(value)
    end
  end
  if raw then
    done(C.sluice_question_spoof_raw(self.handle, list, count,
      check.wrapped(type_for_any or 0, 'the type'), check.integer(ttl or 60, 'the TTL')))
  else
    done(C.sluice_question_spoof_addresses(self.handle, list, count))
  end
end

function query:setNegativeAndAdditionalSOA(nxd, zone, ttl, mname, rname, ...)
  local soa = ffi.new('struct lua_soa')
  soa.nxdomain = nxd and 1 or 0
  soa.zone, soa.mname, soa.rname = name.of(zone), name.of(mname), name.of(rname)
  soa.ttl = check.integer(ttl, 'the TTL')
  for i, field in ipairs({'serial', 'refresh', 'retry', 'expire', 'minimum'}) do
    soa[field] = check.integer((select(i, ...)), field)
  end
  return C.sluice_question_negative(self.handle, soa) == 0
end

-- What servers are told of the client's subnet.
function query_get.useECS(self) return facts_of(self).use_ecs ~= 0 end
function query_get.ecsOverride(self) return facts_of(self).ecs_override ~= 0 end
function query_get.ecsPrefixLength(self) return facts_of(self).ecs_prefix end
function query_set.useECS(self, value)
  done(C.sluice_question_ecs_use_set(self.handle, value and true or false))
end
function query_set.ecsOverride(self, value)
  done(C.sluice_question_ecs_override_set(self.handle, value and true or false))
end
function query_set.ecsPrefixLength(self, value)
  done(C.sluice_question_ecs_prefix_set(self.handle,
    check.range(value, 'ecsPrefixLength', 0, 65535)))
end

-- What there is not here is taken without effect, as an error would cost a policy every query.
local function nothing(key)
  local told = false
  query[key] = function(self)
    facts_of(self)
    if not told then
      told = true
      local text = ('%s of a question has no effect in this version'):format(key)
      C.sluice_log(2, text, #text)
    end
  end
end
nothing('setHTTPResponse')
query.getTraceID, query.getSpanID = method.getIncomingInterface, method.getIncomingInterface

-- Who asks, as collectors are told: numbers of enum note_identity.
for which, key in pairs({[0] = 'deviceID', 'deviceName', 'requestorID'}) do
  query_get[key] = function(self)
    facts_of(self)
    return C.sluice_question_identity(self.handle, which, bytes) and
      ffi.string(bytes.data, bytes.length) or ''
  end
  query_set[key] = function(self, value)
    value = check.string(value, key)
    done(C.sluice_question_identity_set(self.handle, which, value, #value))
  end
end

-- What a PROXY header said, and what servers are told in theirs.
function query:getProxyProtocolValues()
  facts_of(self)
  local count = tonumber(C.sluice_question_proxy_values(self.handle, nil, 0))
  local list, values = ffi.new('struct lua_option[?]', count), {}
  C.sluice_question_proxy_values(self.handle, list, count)
  for i = 0, count - 1 do
    values[list[i].code] = ffi.string(list[i].data.data, list[i].data.length)
  end
  return values
end
function query:addProxyProtocolValue(type, value)
  value = check.string(value, 'the value')
  done(C.sluice_question_proxy_value_add(self.handle, check.range(type, 'the type', 0, 255), value,
    #value))
end
function query:setProxyProtocolValues(values)
  done(C.sluice_question_proxy_values_clear(self.handle))
  for type, value in pairs(values) do
    self:addProxyProtocolValue(type, value)
  end
end

function query:setRestartable() done(C.sluice_question_keep(self.handle)) end

local response = {}
function response:editTTLs(edit)
  check.callback(edit, 'callback')
  local content = self:getContent()
  local count = tonumber(C.sluice_records(content, #content, nil, 0))
  local records = ffi.new('struct lua_record[?]', count)
  C.sluice_records(content, #content, records, count)
  for i = 0, count - 1 do
    local record = records[i]
    if record.type ~= 41 then -- OPT has no TTL
      local ttl = edit(record.place, record.rclass, record.type, record.ttl)
      done(C.sluice_question_ttl_store(self.handle, record, check.integer(ttl, 'the TTL')))
    end
  end
end
function response:getRestartCount() return facts_of(self).restarts end
function response:getStaleCacheHit() return facts_of(self).stale ~= 0 end
function response:getSelectedBackend()
  local server = C.sluice_server_number(facts_of(self).backend)
  return server ~= nil and require('sluice.servers').wrap(server) or nil
end
local restarted = ffi.new('bool[1]')
function response:restart()
  done(C.sluice_question_restart(self.handle, restarted))
  return restarted[0]
end

ffi.metatype(Query, class(query_get, query_set, query))
ffi.metatype(Response, class({}, {}, response))

-- The object for a handle, which is copied: not by an initializer, LuaJIT cannot compile those.
function question.wrap(handle)
  local made = band(handle.flags, 1) ~= 0 and Response() or Query()
  ffi.copy(made, handle, SIZE)
  return made
end

function question.is(value)
  return ffi.istype(Query, value) or ffi.istype(Response, value)
end

return question
