-- SPDX-License-Identifier: BSD-2-Clause
-- Statistics for Carbon: a line each, "namespace.host.instance.name value time", over TCP.
local ffi = require('ffi')
local address = require('sluice.address')
local check = require('sluice.check')
local driver = require('sluice.driver')
local metrics = require('sluice.metrics')
local C = ffi.C
check.own()

local carbon = {}
local PORT, INTERVAL = 2003, 30
local receivers = {}

-- What dnsdist sends of these, by the names that the metrics have for it.
local FAMILIES = {
  server = {'servers', 'server', {queries = 'queries', responses = 'responses', drops = 'drops',
    latency = 'latency', tcplatency = 'latency-tcp', senderrors = 'senderrors',
    outstanding = 'outstanding', tcpdiedsendingquery = 'tcpdiedsendingquery',
    tcpdiedreadingresponse = 'tcpdiedreaddingresponse', tcpgaveup = 'tcpgaveup',
    tcpreadtimeouts = 'tcpreadimeouts', tcpwritetimeouts = 'tcpwritetimeouts',
    tcpconnecttimeouts = 'tcpconnecttimeouts', tcpcurrentconnections = 'tcpcurrentconnections',
    tcpnewconnections = 'tcpnewconnections', tcpreusedconnections = 'tcpreusedconnections'}},
  frontend = {'frontends', 'frontend', {queries = 'queries', responses = 'responses',
    tcpdiedreadingquery = 'tcpdiedreadingquery', tcpgaveup = 'tcpgaveup',
    tcpdiedsendingresponse = 'tcpdiedsendingresponse', tcpclienttimeouts = 'tcpclientimeouts',
    tcpdownstreamtimeouts = 'tcpdownstreamtimeouts',
    tcpcurrentconnections = 'tcpcurrentconnections'}},
  pool = {'pools', 'pool', {servers = 'servers', active_servers = 'servers-up',
    cache_size = 'cache-size', cache_entries = 'cache-entries', cache_hits = 'cache-hits',
    cache_misses = 'cache-misses', cache_deferred_inserts = 'cache-deferred-inserts',
    cache_deferred_lookups = 'cache-deferred-lookups',
    cache_lookup_collisions = 'cache-lookup-collisions',
    cache_insert_collisions = 'cache-insert-collisions',
    cache_ttl_too_shorts = 'cache-ttl-too-shorts'}},
}

-- Threads of a frontend, and servers of the same address, are added up.
local function sums()
  local found = {}
  metrics.each_statistic(function(name, value) found[name] = value end)
  metrics.each_sample(function(family, labels, value)
    local kind, rest = family:match('^(%a+)_(.*)$')
    local entry = FAMILIES[kind]
    local name = entry and entry[3][rest]
    if name then
      local key = ('%s.%s.%s'):format(entry[1], labels[entry[2]]:gsub('[.%s]', '_'), name)
      found[key] = (found[key] or 0) + value
    end
  end)
  return found
end

local function send(receiver)
  local now, lines = math.floor(tonumber(C.sluice_wall()) / 1e6), {}
  for name, value in pairs(sums()) do
    lines[#lines + 1] = ('%s.%s %.15g %d\r\n'):format(receiver.prefix, name, value, now)
  end
  table.sort(lines)
  local text = table.concat(lines)
  C.sluice_send(receiver.to, receiver.number, text, #text)
end

local function tick()
  local now = tonumber(C.sluice_now()) / 1000
  for _, receiver in ipairs(receivers) do
    if now >= receiver.due then
      receiver.due = now + receiver.interval
      send(receiver)
    end
  end
end

-- Words with dots would be several.
local function word(value, otherwise, what)
  value = check.string(value == nil and otherwise or value, what)
  if value == '' then
    value = otherwise
  end
  return (value:gsub('[.%s%c]', '_'))
end

local function host()
  local file = io.open('/proc/sys/kernel/hostname')
  local name = file and file:read('*l') or 'localhost'
  if file then
    file:close()
  end
  return name
end

function carbon.carbonServer(where_to, name, interval, namespace, instance)
  local to = ffi.new('struct lua_address', address.of(where_to))
  to = to.port == 0 and address.newCAFromRaw(to:getRaw(), PORT) or to
  interval = check.range(interval or INTERVAL, 'carbonServer: the interval', 1, 86400)
  receivers[#receivers + 1] = {to = to, number = #receivers, interval = interval,
    due = tonumber(C.sluice_now()) / 1000 + interval, -- not all of it at once at a renewal
    prefix = ('%s.%s.%s'):format(word(namespace, 'dnsdist', 'the namespace'),
      word(name, host(), 'the name'), word(instance, 'main', 'the instance'))}
  if #receivers == 1 then
    driver.addMaintenanceCallback(tick)
  end
end

return carbon
