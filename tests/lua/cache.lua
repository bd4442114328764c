-- SPDX-License-Identifier: BSD-2-Clause
local pc = newPacketCache(1000, {maxTTL = 3600, minTTL = 0, maxNegativeTTL = 60,
  temporaryFailureTTL = 10, truncatedTTL = 5, staleTTL = 30, keepStaleData = true, dontAge = false,
  numberOfShards = 10, deferrableInsertLock = false, parseECS = true, cookieHashing = true,
  skipOptions = {10, 12, 65001}, maximumEntrySize = 4096, payloadRanks = {1232, 512}})
equal(pc:toString(), '0/1000')
equal(tostring(pc), '0/1000')
equal(pc:isFull(), false)
local stats = pc:getStats()
equal(stats.entries, 0)
equal(stats.maxEntries, 1000)
equal(stats.hits + stats.misses + stats.deferredInserts + stats.deferredLookups +
  stats.lookupCollisions + stats.insertCollisions + stats.ttlTooShorts + stats.cleanupCount, 0)
equal(pc:printStats():match('^Entries: 0/1000\nHits: 0\nMisses: 0\n') ~= nil, true)
equal(pc:expunge(0), 0)
equal(pc:purgeExpired(0), 0)
equal(pc:expungeByName(newDNSName('example.com.')), 0)
equal(pc:expungeByName({'example.com.', newDNSName('example.org.')}, DNSQType.A, true), 0)
equal(#pc:getDomainListByAddress(newCA('192.0.2.1')), 0)
equal(#pc:getAddressListByDomain(newDNSName('example.com.')), 0)
equal(pc:dump('/dev/null'), 0)
raises('No such file', pc.dump, pc, '/nowhere/at/all')

local pool = getPool('abuse')
equal(pool:getCache(), nil)
pool:setCache(pc)
equal(pool:getCache() == pc, true)
equal(getPool(''):getCache(), nil)
equal(showPools():match('abuse +0/1000 ') ~= nil, true)
pool:unsetCache()
equal(pool:getCache(), nil)
equal(pool:getECS(), false)
equal(pool:getZeroScope(), true)
equal(tostring(pool), 'abuse')
pool:setECS(true)
equal(pool:getECS(), true)
pool:setECS(false)
equal(pool:getECS(), false)
pool:setZeroScope(false)
equal(pool:getZeroScope(), false)
equal(pc:getStats().cleanupCount, 1)
local skipped = {}
for code = 1, 16 do
  skipped[code] = 65000 + code
end
raises('skipOptions takes cookies and 15 others', newPacketCache, 1000, {skipOptions = skipped})
newPacketCache(1000, {skipOptions = skipped, cookieHashing = true})
raises('parseECS must be true or false', newPacketCache, 1000, {parseECS = 1})
raises('not a packet cache', pool.setCache, pool, 3)

-- Two of the same kind are two, also after a reload.
equal(newPacketCache(1000) == newPacketCache(1000), false)

raises('unknown key "maxttl"', newPacketCache, 1000, {maxttl = 3})
raises('between 1 and', newPacketCache, 0)
raises('must be a number', newPacketCache, 'many')
raises('maxTTL must be between', newPacketCache, 1000, {maxTTL = -1})
raises('dontAge must be true or false', newPacketCache, 1000, {dontAge = 1})
raises('at most 16 numbers', newPacketCache, 1000, {skipOptions = 10})
newPacketCache(1000, {shuffle = true})
raises('shuffle must be true or false', newPacketCache, 1000, {shuffle = 1})

setStaleCacheEntriesTTL(60)
raises('between 0 and', setStaleCacheEntriesTTL, -1)
equal(sluice.CacheOnlyAction():toString(), 'answer from the cache or not at all')
