-- SPDX-License-Identifier: BSD-2-Clause
-- Packet caches, and the pools that have them.
local ffi = require('ffi')
local check = require('sluice.check')
local name = require('sluice.name')
local address = require('sluice.address')
local constants = require('sluice.constants')
local C = ffi.C
check.own()

local cache = {}
local method = {}
local Cache = {__index = method}
local ENTRIES_MAX, SIZE_MAX, SECONDS_MAX = 134217728, 3840, 1073741823
local COOKIE, PADDING, ANY = 10, 12, 255
local OPTIONS_MAX = 16

local function pointer_of(self)
  if getmetatable(self) ~= Cache then
    check.fail('not a packet cache')
  end
  return self.pointer
end

local function is_true(value, key)
  if type(value) ~= 'boolean' then
    check.fail('newPacketCache: %s must be true or false', key)
  end
  return value and 1 or 0
end

-- Options by dnsdist's names, each filling in its part.
local function seconds(member)
  return function(options, value, key)
    options[member] = check.range(value, 'newPacketCache: ' .. key, 0, SECONDS_MAX)
  end
end
local function flag(member)
  return function(options, value, key) options[member] = is_true(value, key) end
end
local function checked(_, value, key) is_true(value, key) end
local function numbers(member, count_member, sorted)
  return function(options, value, key)
    if type(value) ~= 'table' or #value > OPTIONS_MAX then
      check.fail('newPacketCache: %s takes a table of at most %d numbers', key, OPTIONS_MAX)
    end
    local list = {}
    for index, entry in ipairs(value) do
      list[index] = check.range(entry, 'newPacketCache: ' .. key, 0, 65535)
    end
    if sorted then
      table.sort(list)
    end
    for index = 0, OPTIONS_MAX - 1 do
      options[member][index] = list[index + 1] or 0
    end
    options[count_member] = #list
  end
end
local fill = {
  maxTTL = seconds('max_ttl'), minTTL = seconds('min_ttl'),
  maxNegativeTTL = seconds('negative_ttl'), temporaryFailureTTL = seconds('failure_ttl'),
  truncatedTTL = seconds('truncated_ttl'),
  staleTTL = seconds('stale_ttl'), dontAge = flag('dont_age'), shuffle = flag('shuffle'),
  maximumEntrySize = function(options, value)
    local size = check.range(value, 'newPacketCache: maximumEntrySize', 1, 65535)
    options.entry_max = math.min(size, SIZE_MAX)
  end,
  skipOptions = numbers('skip', 'n_skip'), payloadRanks = numbers('ranks', 'n_ranks', true),
  parseECS = flag('parse_ecs'), cookieHashing = checked,
  -- Nothing waits for a lock, there are no shards, and nobody takes out what has expired.
  keepStaleData = checked,
  numberOfShards = function(_, value) check.range(value, 'numberOfShards', 1, 1000000) end,
  deferrableInsertLock = checked,
}

-- As in dnsdist: cookies are skipped whatever is said of other options, unless they are to count.
local function cookies_set(options, count)
  local kept = 0
  for index = 0, options.n_skip - 1 do
    if options.skip[index] ~= COOKIE then
      options.skip[kept] = options.skip[index]
      kept = kept + 1
    end
  end
  if not count then
    if kept == OPTIONS_MAX then
      check.fail('newPacketCache: skipOptions takes cookies and %d others', OPTIONS_MAX - 1)
    end
    options.skip[kept] = COOKIE
    kept = kept + 1
  end
  for index = kept, OPTIONS_MAX - 1 do
    options.skip[index] = 0
  end
  options.n_skip = kept
end

local known = {}
for key in pairs(fill) do
  known[key] = true
end

function cache.newPacketCache(entries, given)
  local options = ffi.new('struct lua_cache_options')
  options.entries = check.range(entries, 'newPacketCache: the number of entries', 1, ENTRIES_MAX)
  options.max_ttl, options.negative_ttl = 86400, 3600
  options.failure_ttl, options.stale_ttl = 60, 60
  options.entry_max, options.n_skip, options.skip[0] = 4096, 1, PADDING
  given = check.options(given, 'newPacketCache', known)
  for key, value in pairs(given) do
    fill[key](options, value, key)
  end
  cookies_set(options, given.cookieHashing)
  local pointer = C.sluice_cache_new(options)
  if pointer == nil then
    check.fail('newPacketCache: a cache of %d entries: %s', entries,
      ffi.string(C.sluice_policy_error()))
  end
  return setmetatable({pointer = pointer}, Cache)
end

-- ---- what it holds

local view = ffi.new('struct lua_cache_stats')
local function stats_of(self)
  C.sluice_cache_stats(pointer_of(self), view)
  return view
end

function method:isFull()
  local stats = stats_of(self)
  return stats.entries >= stats.capacity
end
function method:toString()
  local stats = stats_of(self)
  return ('%d/%d'):format(tonumber(stats.entries), tonumber(stats.capacity))
end
Cache.__tostring = method.toString
Cache.__eq = function(a, b) return a.pointer == b.pointer end

-- dnsdist's name, our counter; then what only Sluice counts.
local COUNTERS = {
  {'entries', 'entries'}, {'maxEntries', 'capacity'}, {'hits', 'hits'}, {'misses', 'misses'},
  {'deferredInserts', 'deferred_inserts'}, {'deferredLookups', 'deferred_lookups'},
  {'lookupCollisions', 'lookup_collisions'}, {'insertCollisions'},
  {'ttlTooShorts', 'ttl_too_short'}, {'cleanupCount', 'cleanups'},
  {'staleHits', 'stale_hits'}, {'inserts', 'inserts'}, {'evictions', 'evictions'},
  {'unfitResponses', 'unfit'}, {'tooLarge', 'too_large'}, {'memory', 'memory'},
}
function method:getStats()
  local stats, list = stats_of(self), {}
  for _, counter in ipairs(COUNTERS) do
    list[counter[1]] = counter[2] and tonumber(stats[counter[2]]) or 0
  end
  return list
end
local TITLES = {
  {'Hits', 'hits'}, {'Misses', 'misses'}, {'Deferred inserts', 'deferred_inserts'},
  {'Deferred lookups', 'deferred_lookups'}, {'Lookup Collisions', 'lookup_collisions'},
  {'Insert Collisions'}, {'TTL Too Shorts', 'ttl_too_short'}, {'Cleanup Count', 'cleanups'},
  {'Stale hits', 'stale_hits'}, {'Inserts', 'inserts'}, {'Evictions', 'evictions'},
  {'Unfit responses', 'unfit'}, {'Too large', 'too_large'},
}
function method:printStats()
  local stats = stats_of(self)
  local lines = {('Entries: %d/%d'):format(tonumber(stats.entries), tonumber(stats.capacity))}
  for _, title in ipairs(TITLES) do
    lines[#lines + 1] = ('%s: %d'):format(title[1], title[2] and tonumber(stats[title[2]]) or 0)
  end
  lines[#lines + 1] = ('Memory: %d MiB'):format(tonumber(stats.memory) / 1048576)
  return table.concat(lines, '\n') .. '\n'
end

-- ---- taking out

function method:expunge(left)
  return tonumber(C.sluice_cache_expunge(pointer_of(self), check.range(left, 'expunge', 0, 2^53)))
end
function method:purgeExpired(left)
  return tonumber(C.sluice_cache_purge(pointer_of(self),
    check.range(left, 'purgeExpired', 0, 2^53)))
end
function method:expungeByName(names, qtype, suffix)
  local pointer, removed = pointer_of(self), 0
  qtype = qtype == nil and ANY or
    (type(qtype) == 'string' and constants.DNSQType[qtype:upper()]) or
    check.range(qtype, 'expungeByName: the type', 0, 65535)
  -- A DNSName is no table, and neither is a text.
  for _, entry in ipairs(type(names) == 'table' and names or {names}) do
    removed = removed + tonumber(C.sluice_cache_expunge_name(pointer, name.of(entry),
      qtype == ANY and -1 or qtype, suffix == true))
  end
  return removed
end

-- ---- looking in

local reason = ffi.new('const char *[1]')
function method:dump(path, raw)
  path = check.string(path, 'the path')
  local count = tonumber(C.sluice_cache_dump(pointer_of(self), path, raw == true, reason))
  if count < 0 then
    check.fail('dump: "%s": %s', path, ffi.string(reason[0]))
  end
  return count
end
function method:getDomainListByAddress(wanted)
  local list = {}
  for index = 1, tonumber(C.sluice_cache_domains(pointer_of(self), address.of(wanted))) do
    list[index] = ffi.new('struct lua_name', C.sluice_cache_domain_at(index - 1)[0])
  end
  return list
end
function method:getAddressListByDomain(wanted)
  local list = {}
  for index = 1, tonumber(C.sluice_cache_addresses(pointer_of(self), name.of(wanted))) do
    list[index] = ffi.new('struct lua_address', C.sluice_cache_address_at(index - 1)[0])
  end
  return list
end

-- ---- pools

local Pool = {}
Pool.__index = Pool
function Pool:getCache()
  local pointer = C.sluice_pool_cache(self.name, #self.name)
  return pointer ~= nil and setmetatable({pointer = pointer}, Cache) or nil
end
local function pool_set(self, pointer)
  local result = C.sluice_pool_cache_set(self.name, #self.name, pointer)
  if result < 0 then
    check.fail('the cache of the pool "%s": %s', self.name, ffi.string(C.sluice_strerror(result)))
  end
end
function Pool:setCache(value) pool_set(self, pointer_of(value)) end
function Pool:unsetCache() pool_set(self, nil) end
local function ecs_getter(share)
  return function(self) return C.sluice_pool_ecs(self.name, #self.name, share) end
end
local function ecs_setter(share)
  return function(self, value)
    local result = C.sluice_pool_ecs_set(self.name, #self.name, share, value and true or false)
    if result < 0 then
      check.fail('the pool "%s": %s', self.name, ffi.string(C.sluice_strerror(result)))
    end
  end
end
Pool.getECS, Pool.setECS = ecs_getter(false), ecs_setter(false)
Pool.getZeroScope, Pool.setZeroScope = ecs_getter(true), ecs_setter(true)
function Pool:toString() return self.name end
Pool.__tostring = Pool.toString

function cache.getPool(pool)
  pool = check.string(pool, 'the pool')
  C.sluice_pool_cache(pool, #pool) -- from now on the pool is known
  return setmetatable({name = pool}, Pool)
end

function cache.setStaleCacheEntriesTTL(value)
  value = check.range(value, 'setStaleCacheEntriesTTL', 0, SECONDS_MAX)
  C.sluice_setting_set('stale', value)
end

-- Beyond dnsdist: also when a server is up, but did not answer in time.
local beyond = {}
function beyond.serveStaleOnTimeout(value)
  value = check.range(value, 'sluice.serveStaleOnTimeout', 0, SECONDS_MAX)
  C.sluice_setting_set('stale_timeout', value)
end

return {globals = cache, sluice = beyond}
