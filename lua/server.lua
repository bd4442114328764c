-- SPDX-License-Identifier: BSD-2-Clause
-- Listeners, the ACL, settings and the log.
local ffi = require('ffi')
local check = require('sluice.check')
local address = require('sluice.address')
local tcp = require('sluice.tcp')
local C = ffi.C
check.own()

local server = {}
local function done(result, what)
  if result < 0 then
    check.fail('%s: %s', what, ffi.string(C.sluice_strerror(result)))
  end
end

-- ---- listeners and the ACL

local local_keys = check.keys('doTCP', 'reusePort', 'tcpFastOpenQueueSize', 'interface', 'cpus',
  'tcpListenQueueSize', 'maxInFlight', 'maxConcurrentTCPConnections', 'enableProxyProtocol',
  'xskSocket') -- devices are in the configuration

function server.addLocal(where_to, options)
  check.options(options, 'addLocal', local_keys)
  where_to = check.string(where_to, 'the address')
  local proxied = options == nil or options.enableProxyProtocol ~= false
  local made = tcp.listener(options or {})
  done(C.sluice_listener_add(where_to, proxied), 'cannot listen on "' .. where_to .. '"')
  C.sluice_listener_tcp_set(made)
  if C.sluice_listener_lacks_port(where_to) then
    local text = 'no port has the address of "%s": nothing comes there over UDP'
    C.sluice_warn(check.where(), text:format(where_to))
  end
end
-- What is wrong leaves those that there are.
function server.setLocal(where_to, options)
  check.options(options, 'setLocal', local_keys)
  where_to = check.string(where_to, 'the address')
  tcp.listener(options or {})
  if not address.parse(where_to) then
    check.fail('cannot listen on "%s": it is not an address', where_to)
  end
  done(C.sluice_listeners_clear(), 'setLocal')
  server.addLocal(where_to, options)
end

-- All of them are looked at before the first one counts: what is wrong changes nothing. They are
-- added in one go, as each of a hundred thousand would move half of the others.
local function netmasks(value)
  local list = type(value) == 'table' and value or {value}
  local made, count = ffi.new('struct lua_prefix[?]', #list), 0
  for index, member in ipairs(list) do
    member = check.string(member, 'the netmask')
    if member:find('\0', 1, true) or C.sluice_prefix_parse(member, made + index - 1) ~= 0 then
      check.fail('"%s" is not a netmask', member)
    end
    count = index -- a table may have holes
  end
  return made, count
end
function server.addACL(value)
  local list, count = netmasks(value)
  done(C.sluice_acl_add(list, count), 'addACL')
end
-- One netmask a line; "#" begins a comment.
function server.setACLFromFile(path)
  path = check.string(path, 'the file')
  local file, why = io.open(path)
  if file == nil then
    check.fail('setACLFromFile: %s', why)
  end
  local masks = {}
  for line in file:lines() do
    masks[#masks + 1] = line:gsub('#.*', ''):match('%S+')
  end
  file:close()
  server.setACL(masks)
end
function server.rmACL(value)
  local _, count = netmasks(value)
  for index = 1, count do
    local member = type(value) == 'table' and value[index] or value
    done(C.sluice_acl_remove(member), 'the netmask "' .. member .. '"')
  end
end
function server.setACL(value)
  local list, count = netmasks(value)
  C.sluice_acl_clear()
  done(C.sluice_acl_add(list, count), 'setACL')
end
-- Who has to begin what it sends with a PROXY header.
function server.setProxyProtocolACL(value)
  local list, count = netmasks(value)
  C.sluice_proxy_acl_clear()
  done(C.sluice_proxy_acl_add(list, count), 'setProxyProtocolACL')
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
server.truncateTC = flag('cut_truncated')
server.setVerboseHealthChecks = flag('verbose_checks')
server.setAddEDNSToSelfGeneratedResponses = flag('own_edns')
server.setECSOverride = flag('ecs_override')
server.setProxyProtocolApplyACLToProxiedClients = flag('proxy_clients_acl')
function server.setProxyProtocolMaximumPayloadSize(size)
  size = check.range(size, 'the size', 16, 65535)
  done(C.sluice_setting_set('proxy_size', size), 'setProxyProtocolMaximumPayloadSize')
end
local function prefix(setting, what, most)
  return function(bits)
    done(C.sluice_setting_set(setting, check.range(bits, what, 0, most)), what)
  end
end
server.setECSSourcePrefixV4 = prefix('ecs_v4_prefix', 'setECSSourcePrefixV4', 32)
server.setECSSourcePrefixV6 = prefix('ecs_v6_prefix', 'setECSSourcePrefixV6', 128)
function server.setDropEmptyQueries(drop)
  done(C.sluice_setting_set('answer_empty', drop and 0 or 1), 'setDropEmptyQueries')
end
function server.setPayloadSizeOnSelfGeneratedAnswers(size)
  size = check.range(size, 'the size', 512, 4096)
  done(C.sluice_setting_set('own_udp_size', size), 'setPayloadSizeOnSelfGeneratedAnswers')
end
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

function server.showVersion() return 'sluice ' .. ffi.string(C.sluice_version()) end
function server.shutdown()
  done(C.sluice_shutdown(), 'shutdown')
end

-- Runs each *.conf of a folder as if it stood here.
local NAMES_SIZE = 65536
local LINES_MANY = 200 -- see lua_mcode_spare()
local including = false
local function include(path)
  local names = ffi.new('char[?]', NAMES_SIZE)
  local length = C.sluice_folder(path, names, NAMES_SIZE)
  done(length, 'includeDirectory: ' .. path)
  for name in ffi.string(names, length):gmatch('[^\n]+') do
    local chunk, why = loadfile(path .. '/' .. name)
    if chunk == nil then
      check.fail('%s', why)
    end
    if debug.getinfo(chunk, 'S').lastlinedefined > LINES_MANY then
      jit.off(chunk)
    end
    chunk()
  end
end
function server.includeDirectory(path)
  if including then
    check.fail('includeDirectory within a file that it includes')
  end
  including = true
  local ok, message = pcall(include, check.string(path, 'the folder'))
  including = false
  if not ok then
    error(message, 0)
  end
end

function server.inClientStartup() return false end
function server.inConfigCheck() return C.sluice_checking() end
function server.getVerbose() return C.sluice_is_verbose() end
function server.setVerbose(value) C.sluice_verbose_set(value and true or false) end

local id = ''
function server.setServerID(value) id = check.string(value, 'the ID') end
function server.getServerID() return id end
function server.getCurrentTime()
  local now = tonumber(C.sluice_wall())
  return {tv_sec = math.floor(now / 1e6), tv_nsec = now % 1e6 * 1000}
end

return server
