-- SPDX-License-Identifier: BSD-2-Clause
-- What was asked and answered of late: what is recorded of it, and looking at it. An entry stands
-- for several packets, `weight`; whatever counts packets adds that up.
local ffi = require('ffi')
local check = require('sluice.check')
local part = require('sluice.part')
local constants = require('sluice.constants')
local C = ffi.C
check.own()

local recent = {globals = {}, QUERIES = 1, RESPONSES = 2, ALL = 3, TIMEOUT = 4294967295}
local globals = recent.globals
local SIZE_MAX = 1000000

-- ---- what is recorded

local settings = {size = 10000, rate = 0, queries = true, responses = true}

local function set(changes)
  for key, value in pairs(changes) do
    settings[key] = value
  end
  C.sluice_recent_set(settings.size, settings.rate, settings.queries, settings.responses)
end

-- Each lcore has its own rings: the number of shards means nothing here.
function globals.setRingBuffersSize(size, shards)
  check.range(shards or 10, 'the number of shards', 1, 4294967295)
  set({size = check.range(size, 'the number of entries', 1, SIZE_MAX)})
end

-- Nor are there locks to be tried again.
function globals.setRingBuffersLockRetries(retries)
  check.range(retries, 'the number of retries', 0, 4294967295)
end

local function switch(value, usual, key)
  if value == nil then
    return usual
  elseif type(value) ~= 'boolean' then
    check.fail('%s must be true or false, not %s', key, type(value))
  end
  return value
end

local option_keys = check.keys('lockRetries', 'recordQueries', 'recordResponses', 'samplingRate')
function globals.setRingBuffersOptions(options)
  options = check.options(options, 'setRingBuffersOptions', option_keys)
  globals.setRingBuffersLockRetries(options.lockRetries or 5)
  set({
    rate = check.range(options.samplingRate or settings.rate, 'samplingRate', 0, 1000000000),
    queries = switch(options.recordQueries, settings.queries, 'recordQueries'),
    responses = switch(options.recordResponses, settings.responses, 'recordResponses'),
  })
end

function globals.getRingBuffersSamplingRate() return settings.rate end

-- ---- looking at it

-- A copy of what is there, the newest first: the object that owns it, its array of pointers and how
-- many there are, of each kind at most 20,000.
-- `kinds`: QUERIES, RESPONSES or ALL; `seconds` nil or 0: however old they are.
function recent.open(kinds, seconds)
  local list = C.sluice_recents_open(kinds, seconds or 0)
  if list == nil then
    check.fail('no memory to look at late queries and responses')
  end
  list = ffi.gc(list, C.sluice_recents_free)
  return list, C.sluice_recents_array(list), tonumber(C.sluice_recents_count(list))
end

function recent.close(list)
  ffi.gc(list, nil)
  C.sluice_recents_free(list)
end

-- Calls for each; an entry is good until the call returns.
function recent.each(kinds, seconds, visit)
  local list, array, count = recent.open(kinds, seconds)
  for index = 0, count - 1 do
    visit(array[index])
  end
  recent.close(list)
end

function recent.rcode(entry) return entry.header.bytes[3] % 16 end

local address = require('sluice.address')

-- What tells clients apart, ports aside, and back; and names, of which only the last labels may
-- count.
function recent.client_key(entry)
  local raw = ffi.string(entry.client.bytes, 16)
  return entry.client.ipv6 ~= 0 and raw .. '6' or raw
end
function recent.client_of(key)
  return address.newCAFromRaw(key:sub(1, #key == 16 and 4 or 16))
end

local offsets = ffi.new('uint8_t[128]')
function recent.name_key(entry, labels)
  local wire, length, from = entry.name.wire, entry.name.length, 0
  if length == 0 then
    return '\0'
  elseif labels then
    local at, count = 0, 0
    while wire[at] ~= 0 do
      offsets[count], count, at = at, count + 1, at + wire[at] + 1
    end
    from = labels <= 0 and at or labels < count and offsets[count - labels] or 0
  end
  return ffi.string(wire + from, length - from):lower()
end

-- ---- by suffix

ffi.metatype('struct lua_suffix', {__index = function(self, key)
  if key == 'fullname' then
    return ffi.string(self.text, self.text_length)
  elseif key == 'labelsCount' then
    return self.labels
  elseif key == 'numChildren' then
    return function() return self.children end
  end
  return nil
end})

-- Calls visitor(node, self, children) for each name among the responses and each suffix of one,
-- those below it before it: sums over the responses for that very name, and for it and all below.
-- The node is good until the call returns. `seconds` nil or 0: of any age.
function recent.visit_suffixes(seconds, visitor)
  local list = recent.open(recent.RESPONSES, seconds)
  local node = ffi.new('struct lua_suffix')
  while C.sluice_recents_suffix(list, node) do
    visitor(node, node.own, node.all)
  end
  recent.close(list)
end

function globals.statNodeRespRing(visitor, seconds)
  recent.visit_suffixes(check.range(seconds or 0, 'the number of seconds', 0, 4294967295),
    check.callback(visitor, 'visitor'))
end

-- ---- clients that exceed a rate: tables from address to count, as addDynBlocks() takes them

-- `count(entry)`: how much an entry is, times what it stands for.
local function exceeding(kinds, rate, seconds, count)
  rate = check.range(rate, 'the rate', 0, 4294967295)
  seconds = check.range(seconds, 'the number of seconds', 0, 4294967295)
  local sums, oldest = {}, 0
  recent.each(kinds, seconds, function(entry)
    oldest = math.max(oldest, entry.age)
    local much = count(entry)
    if much > 0 then
      local key = recent.client_key(entry)
      sums[key] = (sums[key] or 0) + much * entry.weight
    end
  end)
  local limit, found = rate * (seconds > 0 and seconds or oldest), {}
  for key, sum in pairs(sums) do
    if sum > limit then
      found[recent.client_of(key)] = sum
    end
  end
  return found
end

function globals.exceedQRate(rate, seconds)
  return exceeding(recent.QUERIES, rate, seconds, function() return 1 end)
end

function globals.exceedQTypeRate(qtype, rate, seconds)
  qtype = part.number_of(qtype, constants.DNSQType, 'type')
  return exceeding(recent.QUERIES, rate, seconds,
    function(entry) return entry.qtype == qtype and 1 or 0 end)
end

local function exceeding_rcode(rcode)
  return function(rate, seconds)
    return exceeding(recent.RESPONSES, rate, seconds,
      function(entry) return recent.rcode(entry) == rcode and 1 or 0 end)
  end
end
globals.exceedServFails = exceeding_rcode(constants.DNSRCode.SERVFAIL)
globals.exceedNXDOMAINs = exceeding_rcode(constants.DNSRCode.NXDOMAIN)

function globals.exceedRespByterate(rate, seconds)
  return exceeding(recent.RESPONSES, rate, seconds, function(entry) return entry.size end)
end

-- ---- entries as objects

local Entry = {}
local member = {}
function Entry:__index(key)
  local read = member[key]
  if read then
    return read(rawget(self, 'entry'))
  end
  return nil
end
function Entry.__newindex(_, key)
  check.fail('a ring entry has no member "%s" to set', tostring(key))
end

function recent.protocol(entry) return entry.tcp ~= 0 and 'Do53 TCP' or 'Do53 UDP' end

local function copy(kind)
  local class = ffi.typeof(kind)
  return function(from) return class(from) end
end
local name_of, address_of = copy('struct lua_name'), copy('struct lua_address')
local header_of = copy('struct lua_header')

function member.qname(entry) return name_of(entry.name) end
function member.qtype(entry) return entry.qtype end
function member.requestor(entry) return address_of(entry.client) end
function member.backend(entry) return address_of(entry.server) end
function member.when(entry)
  local seconds = math.floor(entry.when)
  return {tv_sec = seconds, tv_nsec = math.floor((entry.when - seconds) * 1e9)}
end
function member.usec(entry) return entry.us end
function member.size(entry) return entry.size end
function member.protocol(entry) return recent.protocol(entry) end
function member.isResponse(entry) return entry.response ~= 0 end
function member.dnsheader(entry) return header_of(entry.header) end
function member.macAddress(entry) return entry.has_mac ~= 0 and ffi.string(entry.mac, 6) or '' end
function member.weight(entry) return entry.weight end

function globals.getRingEntries()
  local list, array, count = recent.open(recent.ALL)
  local entries = {}
  for index = 0, count - 1 do
    -- What it points into is there as long as `list` is.
    entries[index + 1] = setmetatable({entry = array[index], list = list}, Entry)
  end
  return entries
end

local function responses(make)
  local list = {}
  recent.each(recent.RESPONSES, 0, function(entry) list[#list + 1] = make(entry) end)
  return list
end

function globals.getResponseRing()
  return responses(function(entry)
    return {name = name_of(entry.name):toString(), qtype = entry.qtype,
      rcode = recent.rcode(entry), usec = entry.us}
  end)
end

function globals.getRespRing(wanted)
  wanted = wanted ~= nil and check.integer(wanted, 'the rcode') or nil
  return responses(function(entry)
    local rcode = recent.rcode(entry)
    return (wanted == nil or wanted == rcode) and
      {qname = name_of(entry.name):toString(), rcode = tostring(rcode)} or nil
  end)
end

return recent
