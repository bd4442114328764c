-- SPDX-License-Identifier: BSD-2-Clause
-- What policies say of TCP: how addresses are listened on, how servers are asked, and the limits.
local ffi = require('ffi')
local check = require('sluice.check')
local C = ffi.C
check.own()

local tcp = {globals = {}}

-- For an address. `maxInFlight` is one by dnsdist's default; here answers may
-- come out of order unless the policy says that.
function tcp.listener(options)
  local made = ffi.new('struct lua_listener_tcp')
  local function number(key, most) return check.range(options[key] or 0, key, 0, most) end
  made.max_connections = number('maxConcurrentTCPConnections', 4294967295)
  made.max_in_flight = number('maxInFlight', 65535)
  made.backlog = number('tcpListenQueueSize', 65535)
  made.fast_open = number('tcpFastOpenQueueSize', 65535)
  made.off = options.doTCP == false and 1 or 0
  return made
end

-- Options of newServer(), with dnsdist's defaults but for maxInFlight.
tcp.of_servers = check.keys('tcpOnly', 'checkTCP', 'tcpConnectTimeout', 'tcpSendTimeout',
  'tcpRecvTimeout', 'retries', 'maxInFlight', 'maxConcurrentTCPConnections')

function tcp.ask(made, options)
  local function seconds(key, usual)
    local value = tonumber(options[key] or usual) or check.fail('%s must be a number', key)
    return check.range(value * 1000, key, 1, 3600000)
  end
  made.connect_timeout = seconds('tcpConnectTimeout', 5)
  made.send_timeout = seconds('tcpSendTimeout', 30)
  made.receive_timeout = seconds('tcpRecvTimeout', 30)
  made.retries = check.range(options.retries or 5, 'retries', 0, 255)
  made.max_in_flight = check.range(options.maxInFlight or 0, 'maxInFlight', 0, 65535)
  made.max_connections = check.range(options.maxConcurrentTCPConnections or 0,
    'maxConcurrentTCPConnections', 0, 1024)
  made.only = options.tcpOnly == true and 1 or 0
  made.check = options.checkTCP == true and 1 or 0
end

-- ---- limits

local function setter(name, setting, least, most, factor)
  tcp.globals[name] = function(value)
    value = tonumber(value) or check.fail('%s takes a number', name)
    C.sluice_tcp_setting_set(setting, check.range(value * (factor or 1), name, least, most))
  end
end
setter('setTCPRecvTimeout', 'receive_timeout', 1, 3600000, 1000)
setter('setTCPSendTimeout', 'send_timeout', 1, 3600000, 1000)
setter('setMaxTCPQueriesPerConnection', 'max_queries', 0, 4294967295)
setter('setMaxTCPConnectionDuration', 'max_duration', 0, 4294967295)
setter('setMaxTCPConnectionsPerClient', 'max_of_client', 0, 4294967295)
setter('setMaxTCPConnectionRatePerClient', 'max_rate', 0, 4294967295)
setter('setBanDurationForExceedingTCPTLSRate', 'ban', 0, 86400)
setter('setMaxCachedTCPConnectionsPerDownstream', 'max_idle', 0, 1024)
setter('setTCPConnectionRateInterval', 'rate_interval', 1, 10080)
setter('setMaxTCPReadIOsPerQuery', 'max_reads', 0, 4294967295)
setter('setBanDurationForExceedingMaxReadIOsPerQuery', 'reads_ban', 0, 86400)
setter('setMaxTCPQueuedConnections', 'max_waiting', 0, 4294967295)
setter('setTCPConnectionsMaskV4Port', 'mask_v4_port', 0, 16)
setter('setTCPConnectionsMaskV4', 'mask_v4', 0, 32)
setter('setTCPConnectionsMaskV6', 'mask_v6', 0, 128)
setter('setTCPConnectionsOverloadThreshold', 'overload', 0, 100)
setter('setTCPDownstreamMaxIdleTime', 'server_idle', 0, 86400)

local KEY = '^' .. ('%x'):rep(8) .. ('%-' .. ('%x'):rep(8)):rep(3) .. '$'

-- As the kernel writes it in net.ipv4.tcp_fastopen_key.
function tcp.globals.setTCPFastOpenKey(key)
  if type(key) ~= 'string' or not key:find(KEY) then
    check.fail('setTCPFastOpenKey takes a key like 00112233-44556677-8899aabb-ccddeeff')
  end
  local words = ffi.new('uint32_t[4]')
  for i = 0, 3 do
    words[i] = tonumber(key:sub(9 * i + 1, 9 * i + 8), 16)
  end
  C.sluice_tcp_fast_open_key_set(words)
end

function tcp.globals.requestTCPStatesDump()
  C.sluice_tcp_dump()
end

local TEXT_MAX = 65536

function tcp.globals.showTCPStats()
  local text = ffi.new('char[?]', TEXT_MAX)
  return ffi.string(text, C.sluice_tcp_show(text, TEXT_MAX))
end

return tcp
