-- SPDX-License-Identifier: BSD-2-Clause
-- Servers and pools.
local ffi = require('ffi')
local check = require('sluice.check')
local address = require('sluice.address')
local name = require('sluice.name')
local constants = require('sluice.constants')
local driver = require('sluice.driver')
local tcp = require('sluice.tcp')
local C = ffi.C
check.own()

local servers = {}
local view = ffi.new('struct lua_server_view')
local health = ffi.new('struct lua_health')
local get, method = {}, {}
local Server = {}
local AUTO, UP, DOWN, LAZY = 0, 1, 2, 3
local MODES = {auto = AUTO, up = UP, down = DOWN, lazy = LAZY}

local function done(result, what)
  if result < 0 then
    check.fail('%s: %s', what, ffi.string(C.sluice_strerror(result)))
  end
end

-- What a server's memory and number are used for again is another server.
local function pointer_of(self)
  local pointer = rawget(self, 'pointer')
  if C.sluice_server_serial(pointer) ~= rawget(self, 'serial') then
    check.fail('the server has been removed')
  end
  return pointer
end

local function view_of(self)
  C.sluice_server_view(pointer_of(self), view)
  return view
end

function servers.where(self)
  local copy = ffi.new('struct lua_address', view_of(self).address)
  return copy:toStringWithPort()
end
local where = servers.where

function get.upStatus(self) return view_of(self).up ~= 0 end
function get.weight(self) return view_of(self).weight end
function get.order(self) return view_of(self).order end
function method:getName() return ffi.string(view_of(self).name) end
get.name = method.getName
function method:getNameWithAddr()
  local given = self:getName()
  return given == '' and where(self) or given .. ' (' .. where(self) .. ')'
end
function method:getID() return ffi.string(view_of(self).id) end
function method:isUp() return view_of(self).up ~= 0 end
function method:getDrops() return tonumber(view_of(self).drops) end
function method:getQueries() return tonumber(view_of(self).queries) end
function method:getOutstanding() return tonumber(view_of(self).outstanding) end
function method:getLatency() return view_of(self).latency * 1000 end -- microseconds, as in dnsdist
function method:canAcceptQueries(enforce_qps)
  return C.sluice_server_accepts(pointer_of(self), enforce_qps ~= false)
end
function method:setQPS(qps)
  done(C.sluice_server_qps_set(pointer_of(self), check.integer(qps, 'the limit')), 'setQPS')
end

-- ---- how it is watched

local function mode_set(self, mode)
  C.sluice_server_health(pointer_of(self), health)
  health.mode = mode
  done(C.sluice_server_health_set(pointer_of(self), health), 'the health check')
end
function method:setUp() mode_set(self, UP) end
function method:setDown() mode_set(self, DOWN) end
local function mode_setter(mode)
  return function(self, up)
    mode_set(self, mode)
    if up ~= nil then
      C.sluice_server_state_set(pointer_of(self), up == true)
    end
  end
end
method.setAuto, method.setActiveAuto = mode_setter(AUTO), mode_setter(AUTO)
method.setLazyAuto = mode_setter(LAZY)
function method:getHealthCheckMode()
  return view_of(self).mode == LAZY and 'lazy' or 'active'
end

local function flag(member)
  return function(value) health[member] = value == true and 1 or 0 end
end
local function number(member, min, max, factor)
  return function(value, key)
    value = tonumber(value) or check.fail('%s must be a number', key)
    if not (value >= min and value <= max) then
      check.fail('%s must be between %s and %s', key, tostring(min), tostring(max))
    end
    health[member] = value * (factor or 1)
  end
end

local function type_of(value)
  local found = type(value) == 'string' and constants.DNSQType[value:upper()] or
    tonumber(type(value) == 'string' and value:upper():match('^TYPE(%d+)$') or value)
  return found and found >= 0 and found <= 65535 and found or
    check.fail('checkType: "%s" is no type', tostring(value))
end

-- Options by dnsdist's names, each filling in its part of `health`.
local watch = {
  checkName = function(value) health.name = name.of(value) end,
  checkType = function(value) health.qtype = type_of(value) end,
  checkClass = number('qclass', 0, 65535),
  checkFunction = function(value)
    health.callback = driver.reference(check.callback(value, 'checkFunction'))
  end,
  checkInterval = number('interval', 1, 86400, 1000),
  checkTimeout = number('timeout', 1, 600000),
  maxCheckFailures = number('failures', 1, 255), rise = number('rise', 1, 255),
  mustResolve = flag('must_resolve'), setCD = flag('set_cd'),
  healthCheckMode = function(value)
    health.mode = MODES[tostring(value):lower()] or
      check.fail('healthCheckMode: "%s" is none of auto, up, down, lazy', tostring(value))
  end,
  lazyHealthCheckMode = function(value)
    local modes = {timeoutorservfail = 0, timeoutonly = 1}
    health.lazy_timeouts = modes[tostring(value):lower()] or
      check.fail('lazyHealthCheckMode: "%s" is neither TimeoutOrServFail nor TimeoutOnly',
        tostring(value))
  end,
  lazyHealthCheckSampleSize = number('lazy_samples', 1, 65535),
  lazyHealthCheckMinSampleCount = number('lazy_least', 1, 65535),
  lazyHealthCheckThreshold = number('lazy_threshold', 0, 100),
  lazyHealthCheckFailedInterval = number('lazy_interval', 1, 86400, 1000),
  lazyHealthCheckUseExponentialBackOff = flag('lazy_backoff'),
  lazyHealthCheckMaxBackOff = number('lazy_longest', 1, 86400 * 7, 1000),
}

-- Into `health`, on top of what is set for this one, or for a new one.
local function watch_fill(pointer, options)
  C.sluice_server_health(pointer, health)
  for key, fill in pairs(watch) do
    if options[key] ~= nil then
      fill(options[key], key)
    end
  end
end
local function watch_set(self)
  done(C.sluice_server_health_set(pointer_of(self), health), 'the health check')
end

function method:setHealthCheckParams(options)
  local known = {}
  for key in pairs(watch) do
    known[key] = true
  end
  watch_fill(pointer_of(self), check.options(options, 'setHealthCheckParams', known))
  watch_set(self)
end

-- ---- what it is

local function pool_editor(is_add)
  return function(self, pool)
    pool = check.string(pool, 'the pool')
    done(C.sluice_server_pool(pointer_of(self), pool, #pool, is_add), 'the pool ' .. pool)
  end
end
-- Judges answers that are good by all other rules: a function of the message and its header.
function method:setHealthCheckResponseValidator(callback)
  local reference = driver.reference(
    check.callback(callback, 'setHealthCheckResponseValidator'))
  C.sluice_server_health(pointer_of(self), health)
  health.validator = reference
  watch_set(self)
end
method.addPool, method.rmPool = pool_editor(true), pool_editor(false)

function Server.__index(self, key)
  local read = get[key]
  if read then
    return read(self) -- which may be false
  end
  return method[key]
end
function Server.__newindex(self, key, value)
  local now = view_of(self)
  if key == 'weight' then
    local weight = check.range(value, 'the weight', 1, 2147483647)
    C.sluice_server_set(pointer_of(self), weight, now.order)
  elseif key == 'order' then
    C.sluice_server_set(pointer_of(self), now.weight, check.integer(value, 'the order'))
  elseif not get[key] and not method[key] then
    check.fail('there is no member "%s"', tostring(key))
  end
end
Server.__tostring = method.getNameWithAddr
function Server.__eq(a, b)
  return rawget(a, 'pointer') == rawget(b, 'pointer') and rawget(a, 'serial') == rawget(b, 'serial')
end

servers.pointer = pointer_of

function servers.wrap(pointer)
  return setmetatable({pointer = pointer, serial = C.sluice_server_serial(pointer)}, Server)
end
function servers.is(value) return getmetatable(value) == Server end
function servers.number(self) return view_of(self).number end

-- ---- newServer()

local own = check.keys('address', 'name', 'id', 'pool', 'order', 'weight', 'udpTimeout', 'qps',
  'maxOutstandingQueries', 'dscp', 'useClientSubnet', 'disableZeroScope', 'useProxyProtocol',
  'source')
-- Workers have ports of their own for queries; the rest is for transports that those do not take.
local ignored = check.keys('sockets', 'cpus', 'reconnectOnUp', 'tcpFastOpen',
  'ipBindAddrNoPort', 'caStore', 'ciphers', 'ciphers13', 'ciphersTLS13', 'ecdheCurves',
  'subjectName', 'subjectAddr', 'validateCertificates', 'addXForwardedHeaders', 'releaseBuffers',
  'enableRenegotiation', 'ktls', 'keyLogFile', 'autoUpgrade', 'autoUpgradeInterval',
  'autoUpgradeKeep', 'autoUpgradePool', 'autoUpgradeDoHKey', 'xskSockets', 'MACAddr',
  'lazyHealthCheckWhenUpgraded', 'proxyProtocolAdvertiseTLS')
-- Without these a server would get what it does not expect, so that they are no detail.
local refused = {
  tls = 'queries would leave in the clear', dohPath = 'queries would leave in the clear',
}
local told = {}

local function option_take(key, value)
  if own[key] or watch[key] or tcp.of_servers[key] then
    return
  elseif refused[key] then
    if value and value ~= '' then
      check.fail('newServer: %s is not supported by this version: %s', key, refused[key])
    end
  elseif not ignored[key] then
    check.fail('newServer: unknown key "%s"', tostring(key))
  elseif not told[key] then
    told[key] = true
    local text = ('newServer: %s has no effect in this version'):format(key)
    C.sluice_log(2, text, #text)
  end
end

local function pools_of_options(value)
  local pools, is_in = {}, {}
  for _, pool in ipairs(type(value) == 'table' and value or {value or ''}) do
    pool = check.string(pool, 'the pool')
    if not is_in[pool] then
      pools[#pools + 1] = pool
    end
    is_in[pool] = true
  end
  return pools
end
local function pools_join(server, pools)
  for _, pool in ipairs(pools) do
    server:addPool(pool)
  end
end

-- All that may be wrong is found before the server is there.
function servers.newServer(value)
  if type(value) == 'string' then
    value = {address = value}
  elseif type(value) ~= 'table' then
    check.fail('newServer takes an address or a table, not %s', type(value))
  end
  for key, member in pairs(value) do
    option_take(key, member)
  end
  local options = ffi.new('struct lua_server')
  options.address = check.string(value.address, 'the address of the server')
  local title, id = check.text(value.name, 'name'), check.text(value.id, 'id')
  options.name, options.id = title, id -- they stay, as locals, until C has copied them
  options.weight = check.range(value.weight or 1, 'weight', 1, 2147483647)
  options.order = check.integer(value.order or 1, 'order')
  local seconds = tonumber(value.udpTimeout or 0) or check.fail('udpTimeout must be a number')
  options.udp_timeout = check.range(seconds * 1000, 'udpTimeout', 0, 3600000)
  options.qps = check.range(value.qps or 0, 'qps', 0, 1e9)
  options.max_outstanding = check.range(value.maxOutstandingQueries or 0,
    'maxOutstandingQueries', 0, 4294967295)
  options.dscp = check.range(value.dscp or 0, 'dscp', 0, 63)
  options.ecs = value.useClientSubnet == true and 1 or 0
  options.proxy = value.useProxyProtocol == true and 1 or 0
  options.ecs_no_share = value.disableZeroScope == true and 1 or 0
  tcp.ask(options.tcp, value)
  local pools = pools_of_options(value.pool)
  watch_fill(nil, value)
  options.source = value.source ~= nil and check.string(value.source, 'source') or nil
  local why = C.sluice_server_source(options)
  if why ~= nil then
    check.fail('newServer: source: %s', ffi.string(why))
  end
  local pointer = C.sluice_server_add(options)
  if pointer == nil then
    check.fail('the server "%s": %s', value.address, address.parse(value.address) and
      ffi.string(C.sluice_policy_error()) or 'this is no IP address, with or without a port')
  end
  local made = servers.wrap(pointer)
  watch_set(made)
  local ok, problem = pcall(pools_join, made, pools)
  if not ok then
    C.sluice_server_remove(pointer)
    error(problem, 0)
  end
  return made
end

-- ---- finding them

-- nil, as in dnsdist: there is none.
local function find(wanted)
  if servers.is(wanted) then
    return wanted
  end
  for index = 0, tonumber(C.sluice_servers_count()) - 1 do
    local found = servers.wrap(C.sluice_server_at(index))
    if index == tonumber(wanted) or found:getID() == wanted then
      return found
    end
  end
  return nil
end

servers.getServer = find
function servers.getServers()
  local list = {}
  for index = 0, tonumber(C.sluice_servers_count()) - 1 do
    list[index + 1] = servers.wrap(C.sluice_server_at(index))
  end
  return list
end
function servers.rmServer(wanted)
  local found = find(wanted) or check.fail('there is no server %s', tostring(wanted))
  done(C.sluice_server_remove(pointer_of(found)), 'rmServer')
end
function servers.getPoolServers(pool)
  pool = check.string(pool, 'the pool')
  local list = {}
  local pointer = C.sluice_pool_server_at(pool, #pool, 0)
  while pointer ~= nil do
    list[#list + 1] = servers.wrap(pointer)
    pointer = C.sluice_pool_server_at(pool, #pool, #list)
  end
  return list
end
function servers.getPoolNames()
  local list, bytes = {}, ffi.new('struct lua_bytes')
  for index = 0, tonumber(C.sluice_pools_count()) - 1 do
    if C.sluice_pool_at(index, bytes) ~= nil then
      list[#list + 1] = ffi.string(bytes.data, bytes.length)
    end
  end
  return list
end

-- ---- showing them

-- Queries and drops a second since they were last `shown`, as who asks does so from time to time.
function servers.rates(shown, key, now)
  local at = tonumber(C.sluice_wall()) / 1e6
  local before = shown[key] or {at = at - 1, queries = 0, drops = 0, fresh = true}
  local seconds = math.max(at - before.at, 1e-3)
  local queries, drops = tonumber(now.queries), tonumber(now.drops)
  shown[key] = {at = at, queries = queries, drops = drops}
  if before.fresh then
    return 0, 0
  end
  return (queries - before.queries) / seconds, (drops - before.drops) / seconds
end

local shown = {}
local STATES = {[UP] = 'UP', [DOWN] = 'DOWN'}
local FORMAT = '%-3s %s%-20.20s %-44s %5s %7s %7s %10s %10s %10s %7s %5s %5s %5s %11s %s'
local function line(uuid, ...)
  uuid = uuid and ('%-36s '):format(uuid) or ''
  return (FORMAT:format((...), uuid, select(2, ...)):gsub(' +$', ''))
end

local function pools_of(self)
  local list = {}
  local names = servers.getPoolNames()
  table.sort(names)
  for _, pool in ipairs(names) do
    for _, other in ipairs(servers.getPoolServers(pool)) do
      if other == self and pool ~= '' then
        list[#list + 1] = pool
      end
    end
  end
  return table.concat(list, ' ')
end

function servers.showServers(options)
  options = check.options(options, 'showServers', check.keys('showUUIDs'))
  local function with(uuid) return options.showUUIDs and uuid or nil end
  local lines = {line(with('UUID'), '#', 'Name', 'Address', 'State', 'Qps', 'Qlim', 'Ord', 'Wt',
    'Queries', 'Drops', 'Drate', 'Lat', 'TCP', 'Outstanding', 'Pools')}
  local all_qps, all_queries, all_drops = 0, 0, 0
  for index, entry in ipairs(servers.getServers()) do
    local now = ffi.new('struct lua_server_view', view_of(entry))
    local qps, drop_rate = servers.rates(shown, entry:getID(), now)
    local state = STATES[now.mode] or (now.up ~= 0 and 'up' or 'down')
    local limit = now.qps_limit > 0 and ('%.0f'):format(now.qps_limit) or '0'
    all_qps, all_queries = all_qps + qps, all_queries + tonumber(now.queries)
    all_drops = all_drops + tonumber(now.drops)
    lines[#lines + 1] = line(with(entry:getID()), index - 1, entry:getName(), where(entry), state,
      ('%.1f'):format(qps), limit, tostring(now.order), tostring(now.weight),
      tostring(tonumber(now.queries)), tostring(tonumber(now.drops)), ('%.1f'):format(drop_rate),
      now.queries > 0 and ('%.1f'):format(now.latency) or '-', '-',
      tostring(tonumber(now.outstanding)),
      pools_of(entry))
  end
  lines[#lines + 1] = line(with(''), 'All', '', '', '', ('%.1f'):format(all_qps), '', '', '',
    ('%.0f'):format(all_queries), ('%.0f'):format(all_drops), '', '', '', '', '')
  return table.concat(lines, '\n') .. '\n'
end

return servers
