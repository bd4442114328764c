-- SPDX-License-Identifier: BSD-2-Clause
-- Servers, listeners, the ACL, settings and the log.
local ffi = require('ffi')
local check = require('sluice.check')
local C = ffi.C
check.own()

local server = {}
local view = ffi.new('struct lua_server_view')
local get, method = {}, {}
local Server = {}

local function done(result, what)
  if result < 0 then
    check.fail('%s: %s', what, ffi.string(C.sluice_strerror(result)))
  end
end

local function view_of(self)
  C.sluice_server_view(rawget(self, 'pointer'), view)
  return view
end

local function where(self)
  local copy = ffi.new('struct lua_address', view_of(self).address)
  return copy:toStringWithPort()
end

local function title(self)
  local given = ffi.string(view_of(self).name)
  return given == '' and where(self) or given
end

function get.name(self) return title(self) end
function get.upStatus(self) return view_of(self).up ~= 0 end
function get.weight(self) return view_of(self).weight end
function get.order(self) return view_of(self).order end
function method:getName() return ffi.string(view_of(self).name) end
function method:getNameWithAddr()
  local given = self:getName()
  return given == '' and where(self) or given .. ' (' .. where(self) .. ')'
end
function method:getID() return ffi.string(view_of(self).id) end
function method:isUp() return view_of(self).up ~= 0 end

local function set(self, up, weight, order)
  local now = view_of(self)
  C.sluice_server_set(rawget(self, 'pointer'), up, weight or now.weight, order or now.order)
end
function method:setUp() set(self, 1) end
function method:setDown() set(self, 0) end
method.setAuto = method.setUp -- without health checks what is not down is up

local function pool_editor(is_add)
  return function(self, pool)
    pool = check.string(pool, 'the pool')
    done(C.sluice_server_pool(rawget(self, 'pointer'), pool, #pool, is_add), 'the pool ' .. pool)
  end
end
method.addPool, method.rmPool = pool_editor(true), pool_editor(false)

function Server.__index(self, key)
  return method[key] or (get[key] and get[key](self)) or nil
end
function Server.__newindex(self, key, value)
  if key == 'weight' then
    set(self, -1, check.range(value, 'the weight', 1, 2147483647))
  elseif key == 'order' then
    set(self, -1, nil, check.integer(value, 'the order'))
  elseif not get[key] and not method[key] then
    check.fail('there is no member "%s"', tostring(key))
  end
end
Server.__tostring = method.getNameWithAddr
Server.__eq = function(a, b) return rawget(a, 'pointer') == rawget(b, 'pointer') end

function server.wrap(pointer) return setmetatable({pointer = pointer}, Server) end

local keys = check.keys('address', 'name', 'id', 'pool', 'order', 'weight', 'udpTimeout')

function server.newServer(value)
  if type(value) == 'string' then
    value = {address = value}
  end
  value = check.options(value, 'newServer', keys)
  local options = ffi.new('struct lua_server')
  options.address = check.string(value.address, 'the address of the server')
  options.name, options.id = value.name, value.id
  options.weight = check.range(value.weight or 1, 'weight', 1, 2147483647)
  options.order = check.integer(value.order or 1, 'order')
  options.udp_timeout = (tonumber(value.udpTimeout) or 0) * 1000
  local pointer = C.sluice_server_add(options)
  if pointer == nil then
    check.fail('the server "%s": %s', value.address, ffi.string(C.sluice_policy_error()))
  end
  local made = server.wrap(pointer)
  local pools = type(value.pool) == 'table' and value.pool or {value.pool or ''}
  for _, pool in ipairs(pools) do
    made:addPool(pool)
  end
  return made
end

local function find(wanted)
  if getmetatable(wanted) == Server then
    return wanted
  end
  for index = 0, tonumber(C.sluice_servers_count()) - 1 do
    local found = server.wrap(C.sluice_server_at(index))
    if index == tonumber(wanted) or found:getID() == wanted then
      return found
    end
  end
  return nil
end

function server.getServer(wanted)
  return find(wanted) or check.fail('there is no server %s', tostring(wanted))
end
function server.getServers()
  local list = {}
  for index = 0, tonumber(C.sluice_servers_count()) - 1 do
    list[index + 1] = server.wrap(C.sluice_server_at(index))
  end
  return list
end
function server.rmServer(wanted)
  done(C.sluice_server_remove(rawget(server.getServer(wanted), 'pointer')), 'rmServer')
end
function server.showServers()
  local lines = {('%-3s %-40s %-5s %6s %6s'):format('#', 'Server', 'State', 'Order', 'Weight')}
  for index, entry in ipairs(server.getServers()) do
    lines[#lines + 1] = ('%-3d %-40s %-5s %6d %6d'):format(index - 1, entry:getNameWithAddr(),
      entry:isUp() and 'up' or 'down', entry.order, entry.weight)
  end
  return table.concat(lines, '\n') .. '\n'
end

-- ---- listeners and the ACL

local local_keys = check.keys('doTCP', 'reusePort', 'tcpFastOpenQueueSize', 'interface', 'cpus',
  'tcpListenQueueSize', 'maxInFlight', 'maxConcurrentTCPConnections', 'enableProxyProtocol')

function server.addLocal(where_to, options)
  check.options(options, 'addLocal', local_keys)
  where_to = check.string(where_to, 'the address')
  done(C.sluice_listener_add(where_to), 'cannot listen on "' .. where_to .. '"')
end
function server.setLocal(where_to, options)
  done(C.sluice_listeners_clear(), 'setLocal')
  server.addLocal(where_to, options)
end

local function each(value, edit)
  for _, member in ipairs(type(value) == 'table' and value or {value}) do
    member = check.string(member, 'the netmask')
    done(edit(member), 'the netmask "' .. member .. '"')
  end
end
function server.addACL(value) each(value, C.sluice_acl_add) end
function server.rmACL(value) each(value, C.sluice_acl_remove) end
function server.setACL(value)
  C.sluice_acl_clear()
  each(value, C.sluice_acl_add)
end
function server.showACL()
  local lines, text = {}, ffi.new('char[80]')
  for index = 0, tonumber(C.sluice_acl_count()) - 1 do
    lines[index + 1] = ffi.string(text, C.sluice_acl_print(index, text, 80))
  end
  return table.concat(lines, '\n') .. '\n'
end

-- ---- settings

local function flag(setting)
  return function(value)
    done(C.sluice_setting_set(setting, value and 1 or 0), setting)
  end
end
server.setServFailWhenNoServer = flag('servfail_when_no_server')
server.setRoundRobinFailOnNoServer = flag('round_robin_fail')
server.setAllowEmptyResponse = flag('allow_empty_response')
function server.setUDPTimeout(seconds)
  seconds = tonumber(seconds) or check.fail('the timeout must be a number')
  if not (seconds > 0 and seconds <= 3600) then
    check.fail('the timeout must be above 0 and at most 3600 seconds')
  end
  done(C.sluice_setting_set('udp_timeout', math.max(1, seconds * 1000)), 'setUDPTimeout')
end

local function logger(level)
  return function(text)
    text = tostring(text)
    C.sluice_log(level, text, #text)
  end
end
server.vinfolog, server.infolog = logger(0), logger(1)
server.warnlog, server.errlog = logger(2), logger(3)

function server.inClientStartup() return false end
function server.inConfigCheck() return C.sluice_checking() end
function server.getVerbose() return false end

local id = ''
function server.setServerID(value) id = check.string(value, 'the ID') end
function server.getServerID() return id end
function server.getCurrentTime()
  local now = tonumber(C.sluice_wall())
  return {tv_sec = math.floor(now / 1e6), tv_nsec = now % 1e6 * 1000}
end

return server
