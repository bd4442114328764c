-- SPDX-License-Identifier: BSD-2-Clause
-- What queries come in by, and how long they took, for the console.
local ffi = require('ffi')
local check = require('sluice.check')
local C = ffi.C
check.own()

local binds = {}
local Bind = {}

local function is_tcp(bind) return rawget(bind, 'proto') == 'TCP' end

-- `muted`: queries are answered by nobody.
function Bind:__index(key)
  if key == 'muted' then
    return C.sluice_listener_muted(rawget(self, 'index'), is_tcp(self))
  end
  return Bind[key]
end
function Bind:__newindex(key, value)
  if key ~= 'muted' then
    check.fail('ClientState has no member "%s" to set', tostring(key))
  end
  local muted = value and true or false
  if C.sluice_listener_mute(rawget(self, 'index'), is_tcp(self), muted) < 0 then
    check.fail('there are too many listening addresses to mute this one')
  end
end
function Bind:toString() return self.address end
function Bind:getType() return self.proto end
Bind.__tostring = Bind.toString
-- No address is over TLS.
function Bind.getConfiguredTLSProvider() return '' end
Bind.getRequestedTLSProvider = Bind.getConfiguredTLSProvider
function Bind.getEffectiveTLSProvider() return '' end
function Bind.attachFilter() end
function Bind.detachFilter() end

-- As dnsdist has them: each address over UDP, and over TCP unless that is off.
local function list()
  local found, text, tcp = {}, ffi.new('char[80]'), ffi.new('bool[1]')
  local index, length = 0, C.sluice_listener_print(0, text, 80, tcp)
  while length >= 0 do
    local address = ffi.string(text, length)
    found[#found + 1] = setmetatable({address = address, proto = 'UDP', index = index}, Bind)
    if tcp[0] then
      found[#found + 1] = setmetatable({address = address, proto = 'TCP', index = index}, Bind)
    end
    index = index + 1
    length = C.sluice_listener_print(index, text, 80, tcp)
  end
  return found
end

function binds.getBindCount() return #list() end
function binds.getBind(number) return list()[check.integer(number, 'the number') + 1] end

-- All metrics as text, "" while nothing runs.
local function metrics()
  local text = ffi.new('struct lua_bytes')
  return C.sluice_metrics_text(text) and ffi.string(text.data, text.length) or ''
end

local function padded(text, width) return text .. (' '):rep(width - #text) end

function binds.showBinds()
  local queries = {}
  for address, proto, number in metrics():gmatch(
      '\ndnsdist_frontend_queries{frontend="([^"]*)",proto="(%a+)",thread="%d+"} (%d+)') do
    local key = proto .. address
    queries[key] = (queries[key] or 0) + tonumber(number)
  end
  local function line(number, address, proto, count)
    local left = padded(('%-3s %-20s '):format(number, address), 35)
    return ('%s%-20s  %s\n'):format(left, proto, count)
  end
  local lines = {line('#', 'Address', 'Protocol', 'Queries')}
  for index, bind in ipairs(list()) do
    lines[#lines + 1] = line(index - 1, bind.address, bind.proto,
      ('%d'):format(queries[bind.proto .. bind.address] or 0))
  end
  return table.concat(lines)
end

local WIDTH = 70 -- of the longest bar

local function bar(count, most)
  local stars = most > 0 and math.floor(WIDTH * count / most) or 0
  return stars > 0 and ('*'):rep(stars) or count > 0 and '.' or ''
end

-- Of all answers since the start.
function binds.showResponseLatency()
  local text = metrics()
  local sum = tonumber(text:match('\nsluice_latency_seconds_sum ([%d.]+)')) or 0
  local all = tonumber(text:match('\nsluice_latency_seconds_count (%d+)')) or 0
  if all == 0 then
    return 'No traffic yet.\n'
  end
  local steps, below, most = {}, 0, 0
  for bound, count in text:gmatch('\nsluice_latency_seconds_bucket{le="([^"]+)"} (%d+)') do
    local own = tonumber(count) - below
    below, most = below + own, math.max(most, own)
    steps[#steps + 1] = {bound == '+Inf' and 'more' or ('%.2f'):format(tonumber(bound) * 1000), own}
  end
  local lines = {('Average response latency: %.2f ms\n%7s\t\n'):format(sum * 1000 / all, 'ms')}
  for _, step in ipairs(steps) do
    lines[#lines + 1] = ('%7s\t%s\n'):format(step[1], bar(step[2], most))
  end
  return table.concat(lines)
end

return binds
