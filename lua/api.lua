-- SPDX-License-Identifier: BSD-2-Clause
-- dnsdist's REST interface: what its paths answer, as JSON.
local ffi = require('ffi')
local blocks = require('sluice.blocks')
local balancing = require('sluice.balancing')
local cache = require('sluice.cache')
local chains = require('sluice.chains')
local check = require('sluice.check')
local json = require('sluice.json')
local metrics = require('sluice.metrics')
local name = require('sluice.name')
local recent = require('sluice.recent')
local server = require('sluice.server')
local servers = require('sluice.servers')
local web = require('sluice.web')
local C = ffi.C
check.own()

local api = {}
local ROOT = '/api/v1/servers/localhost'
local ENTRIES_MAX = 5000 -- of a ring, and dynamic blocks: packets for Lua wait meanwhile
local settings = web.settings

-- ---- numbers, which the metrics have already

-- Of a server, or of a frontend with its protocol: what has these labels is added up.
local function key_of(labels)
  local where_to, what = labels.address or labels.frontend, labels.server or labels.proto
  return where_to and what and where_to .. ' ' .. what
end

-- dnsdist's: those without labels by name, and the others by family and key.
local function metrics_read()
  local plain, families = {}, {}
  metrics.each_statistic(function(title, value) plain[title] = value end)
  metrics.each_sample(function(family, labels, value)
    local key, sums = key_of(labels), families[family] or {}
    families[family] = sums
    if key then
      sums[key] = (sums[key] or 0) + value
    end
  end)
  return plain, families
end

local function statistics()
  local plain = metrics_read()
  return plain
end

local function sum_of(family, key) return family and family[key] or 0 end

-- ---- servers, frontends, pools

local TCP = {tcpdiedsendingquery = 'tcpDiedSendingQuery',
  tcpdiedreadingresponse = 'tcpDiedReadingResponse', tcpgaveup = 'tcpGaveUp',
  tcpconnecttimeouts = 'tcpConnectTimeouts', tcpreadtimeouts = 'tcpReadTimeouts',
  tcpwritetimeouts = 'tcpWriteTimeouts', tcpcurrentconnections = 'tcpCurrentConnections',
  tcpmaxconcurrentconnections = 'tcpMaxConcurrentConnections',
  tcptoomanyconcurrentconnections = 'tcpTooManyConcurrentConnections',
  tcpnewconnections = 'tcpNewConnections', tcpreusedconnections = 'tcpReusedConnections',
  tcpavgqueriesperconn = 'tcpAvgQueriesPerConnection',
  tcpavgconnduration = 'tcpAvgConnectionDuration', tcplatency = 'tcpLatency',
  healthcheckfailures = 'healthCheckFailures',
  healthcheckfailuresparsing = 'healthCheckFailuresParsing',
  healthcheckfailurestimeout = 'healthCheckFailuresTimeout',
  healthcheckfailuresnetwork = 'healthCheckFailuresNetwork',
  healthcheckfailuresmismatch = 'healthCheckFailuresMismatch',
  healthcheckfailuresinvalid = 'healthCheckFailuresInvalid'}

local STATES = {[0] = false, 'UP', 'DOWN', false}
local view = ffi.new('struct lua_server_view')

local rates = {}
local NOTHING = 0 / 0 -- null

local function server_of(id, one, pools, families)
  if not C.sluice_server_view(servers.pointer(one), view) then
    return nil
  end
  local where_to = view.address:toStringWithPort()
  local title = view.name ~= nil and ffi.string(view.name) or ''
  local wanted = key_of({address = where_to,
    server = (title ~= '' and title or where_to):gsub('%.', '_')})
  local qps, drop_rate = servers.rates(rates, one:getID(), view)
  local made = {id = id, name = title, address = where_to,
    state = STATES[view.mode] or (view.up ~= 0 and 'up' or 'down'), protocol = 'Do53 UDP',
    qps = qps, dropRate = drop_rate,
    qpsLimit = view.qps_limit, outstanding = tonumber(view.outstanding),
    reuseds = tonumber(view.drops), weight = view.weight, order = view.order,
    pools = json.array(pools), latency = view.latency, queries = tonumber(view.queries),
    responses = tonumber(view.responses), nonCompliantResponses = tonumber(view.noncompliant),
    sendErrors = tonumber(view.send_errors), tlsResumptions = 0}
  for family, key in pairs(TCP) do
    made[key] = sum_of(families['server_' .. family], wanted)
  end
  if made.state:lower() == 'down' then
    made.latency, made.tcpLatency = NOTHING, NOTHING
  end
  return made
end

local function servers_list(list, families)
  local pools, made = {}, json.array()
  for _, pool in ipairs(servers.getPoolNames()) do
    for _, one in ipairs(servers.getPoolServers(pool)) do
      local id = one:getID()
      pools[id] = pools[id] or {}
      table.insert(pools[id], pool)
    end
  end
  for index, one in ipairs(list) do
    C.sluice_progress()
    made[#made + 1] = server_of(index - 1, one, pools[one:getID()], families)
  end
  return made
end

local function frontends_list(families)
  local made, text, tcp = json.array(), ffi.new('char[80]'), ffi.new('bool[1]')
  local index, length = 0, C.sluice_listener_print(0, text, 80, tcp)
  local function add(address, proto)
    local wanted = key_of({frontend = address, proto = proto})
    made[#made + 1] = {id = #made, address = address, udp = proto == 'UDP', tcp = proto == 'TCP',
      type = proto == 'UDP' and 'UDP' or 'TCP (Do53)',
      queries = sum_of(families.frontend_queries, wanted),
      responses = sum_of(families.frontend_responses, wanted),
      nonCompliantQueries = sum_of(families.frontend_noncompliantqueries, wanted),
      tcpDiedReadingQuery = sum_of(families.frontend_tcpdiedreadingquery, wanted),
      tcpDiedSendingResponse = sum_of(families.frontend_tcpdiedsendingresponse, wanted),
      tcpGaveUp = sum_of(families.frontend_tcpgaveup, wanted),
      tcpClientTimeouts = sum_of(families.frontend_tcpclienttimeouts, wanted),
      tcpDownstreamTimeouts = sum_of(families.frontend_tcpdownstreamtimeouts, wanted),
      tcpCurrentConnections = sum_of(families.frontend_tcpcurrentconnections, wanted),
      tcpMaxConcurrentConnections = sum_of(families.frontend_tcpmaxconcurrentconnections, wanted),
      tcpAvgQueriesPerConnection = sum_of(families.frontend_tcpavgqueriesperconnection, wanted),
      tcpAvgConnectionDuration = sum_of(families.frontend_tcpavgconnectionduration, wanted)}
  end
  while length >= 0 do
    local address = ffi.string(text, length)
    add(address, 'UDP')
    if tcp[0] then
      add(address, 'TCP')
    end
    index = index + 1
    length = C.sluice_listener_print(index, text, 80, tcp)
  end
  return made
end

local CACHE = {cacheSize = 'maxEntries', cacheEntries = 'entries', cacheHits = 'hits',
  cacheMisses = 'misses', cacheDeferredInserts = 'deferredInserts',
  cacheDeferredLookups = 'deferredLookups', cacheLookupCollisions = 'lookupCollisions',
  cacheInsertCollisions = 'insertCollisions', cacheTTLTooShorts = 'ttlTooShorts',
  cacheCleanupCount = 'cleanupCount'}

local function pool_of(pool)
  local kept = cache.globals.getPool(pool):getCache()
  local counts = kept and kept:getStats() or {}
  local made = {name = pool, serversCount = #servers.getPoolServers(pool)}
  for key, count in pairs(CACHE) do
    made[key] = counts[count] or 0
  end
  return made
end

local function pools_list()
  local names, made = servers.getPoolNames(), json.array()
  table.sort(names)
  for index, pool in ipairs(names) do
    made[index] = pool_of(pool)
    made[index].id = index - 1
  end
  return made
end

-- ---- rules, the ACL, settings

local function acl_list()
  local made = json.array()
  for mask in server.showACL():gmatch('[^\n]+') do
    made[#made + 1] = mask
  end
  return made
end

local function addresses_text(frontends)
  local known, list = {}, {}
  for _, frontend in ipairs(frontends) do
    if not known[frontend.address] then
      known[frontend.address], list[#list + 1] = true, frontend.address
    end
  end
  table.sort(list)
  return table.concat(list, ', ')
end

local function everything()
  local plain, families = metrics_read()
  local frontends = frontends_list(families)
  local made = {daemon_type = 'dnsdist', version = ffi.string(C.sluice_version()),
    servers = servers_list(servers.getServers(), families), frontends = frontends,
    pools = pools_list(), acl = table.concat(acl_list(), ', '), statistics = plain,
    dohFrontends = json.array(), ['local'] = addresses_text(frontends)}
  chains.each_chain(function(title, list)
    local found = json.array()
    for index, rule in ipairs(list) do
      found[index] = {id = index - 1, creationOrder = rule.created, uuid = rule.uuid,
        name = rule.name, matches = rule.matches, rule = rule.selector.text,
        action = rule.action.text, ['action-stats'] = rule.action:getStats()}
    end
    made[title] = found
  end)
  return made
end

local function statistics_list()
  local made = json.array()
  for title, value in pairs(statistics()) do
    made[#made + 1] = {type = 'StatisticItem', name = title, value = value}
  end
  table.sort(made, function(a, b) return a.name < b.name end)
  return made
end

local SETTINGS = {{'allow-empty-response', 'allow_empty_response', true},
  {'truncate-tc', 'cut_truncated', true}, {'verbose-health-checks', 'verbose_checks', true},
  {'ecs-override', 'ecs_override', true}, {'ecs-source-prefix-v4', 'ecs_v4_prefix'},
  {'ecs-source-prefix-v6', 'ecs_v6_prefix'}, {'stale-cache-entries-ttl', 'stale'},
  {'tcp-recv-timeout', 'tcp_receive_timeout'}, {'tcp-send-timeout', 'tcp_send_timeout'}}

local function config_list()
  local made = json.array()
  local function add(title, value)
    made[#made + 1] = {type = 'ConfigSetting', name = title, value = value}
  end
  add('acl', table.concat(acl_list(), ', '))
  for _, row in ipairs(SETTINGS) do
    local value = tonumber(C.sluice_setting_get(row[2]))
    add(row[1], row[3] and value ~= 0 or not row[3] and value)
  end
  add('server-policy', (balancing.showServerPolicy():gsub('\n$', '')))
  add('fixup-case', false)
  add('control-socket', '') -- the console's is in the configuration
  add('verbose', server.getVerbose())
  return made
end

local function acl_save(masks)
  if not settings.folder then
    return
  end
  local file, why = io.open(settings.folder .. '/acl.conf', 'w')
  if not file then
    server.errlog(('the ACL cannot be kept: %s'):format(why))
    return
  end
  file:write('-- Generated by the REST API, DO NOT EDIT\n', 'setACL({"',
    table.concat(masks, '", "'), '"})\n')
  file:close()
end

-- All or nothing.
local function acl_put(request)
  local masks = json.strings(request.body, 'value')
  if not masks then
    return false
  end
  local prefix = ffi.new('struct lua_prefix')
  for _, mask in ipairs(masks) do
    if C.sluice_prefix_parse(mask, prefix) ~= 0 then
      return false
    end
  end
  server.setACL(masks)
  server.infolog('Updating the ACL via the API to ' .. table.concat(masks, ', '))
  acl_save(masks)
  return true
end

local function allow_from(request, response)
  if request.method == 'PUT' and not acl_put(request) then
    response.status = 400
    return nil
  end
  return {type = 'ConfigSetting', name = 'allow-from', value = acl_list()}
end

-- ---- late queries and responses, dynamic blocks

local function bytes_hex(bytes, count)
  local list = {}
  for index = 0, count - 1 do
    list[index + 1] = ('%02x'):format(bytes[index])
  end
  return table.concat(list, ':')
end

local function entry_of(entry)
  local header = entry.header.bytes
  local made = {age = entry.age, id = header[0] * 256 + header[1],
    name = name.of(ffi.new('struct lua_name', entry.name)):toString(),
    requestor = entry.client:toStringWithPort(), size = entry.size, qtype = entry.qtype,
    protocol = entry.tcp ~= 0 and 'Do53 TCP' or 'Do53 UDP', rd = header[2] % 2 == 1}
  if entry.response == 0 then
    made.mac = entry.has_mac ~= 0 and bytes_hex(entry.mac, 6) or ''
    return made
  end
  made.latency, made.rcode = entry.us, header[3] % 16
  made.tc, made.aa = math.floor(header[2] / 2) % 2 == 1, math.floor(header[2] / 4) % 2 == 1
  made.answers = header[6] * 256 + header[7]
  made.backend = entry.server.port ~= 0 and entry.server:toStringWithPort() or 'Cache'
  return made
end

local function ring_of(kind, most)
  local made = json.array()
  most = math.min(tonumber(most) or ENTRIES_MAX, ENTRIES_MAX)
  recent.each(kind, 0, function(entry)
    if #made < most then
      made[#made + 1] = entry_of(entry)
    end
  end)
  return made
end

local function rings(request)
  return {queries = ring_of(recent.QUERIES, request.getvars.maxQueries),
    responses = ring_of(recent.RESPONSES, request.getvars.maxResponses)}
end

local function blocks_map()
  local made, count = {}, 0
  for key, block in blocks.each_block() do
    made[key] = block
    count = count + 1
    if count == ENTRIES_MAX then
      break
    end
  end
  return made
end

local function jsonstat(request, response)
  local command = request.getvars.command
  if command == 'stats' then
    local made = statistics()
    made['server-policy'] = balancing.showServerPolicy():gsub('\n$', '')
    made['packetcache-hits'], made['packetcache-misses'] = 0, 0
    made['over-capacity-drops'], made['too-old-drops'] = 0, 0
    return made
  elseif command == 'dynblocklist' then
    return blocks_map()
  elseif command == 'ebpfblocklist' then
    return {}
  end
  response.status = 404
end

local function pool(request, response)
  local wanted = request.getvars.name
  if not wanted then
    response.status = 400
    return nil
  end
  for _, one in ipairs(servers.getPoolNames()) do
    if one == wanted then
      local _, families = metrics_read()
      return {stats = pool_of(one), servers = servers_list(servers.getPoolServers(one), families)}
    end
  end
  response.status = 404
end

-- ---- paths

local PATHS = {
  [ROOT] = everything, [ROOT .. '/statistics'] = statistics_list, [ROOT .. '/pool'] = pool,
  [ROOT .. '/rings'] = rings, [ROOT .. '/config'] = config_list,
  [ROOT .. '/config/allow-from'] = allow_from, ['/jsonstat'] = jsonstat,
}

-- Those that C answers itself.
local NATIVE = {['/metrics'] = true, ['/api/v1/cache'] = true}

function api.answer(request, response)
  local path = PATHS[request.path]
  if NATIVE[request.path] then
    response.status = 0
  elseif not path then
    response.status = 404
  else
    local made = path(request, response)
    if made ~= nil then
      response.headers['Content-Type'] = 'application/json'
      response.body = json.encode(made)
    end
  end
end

return api
