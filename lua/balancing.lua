-- SPDX-License-Identifier: BSD-2-Clause
-- How pools are balanced over their servers, and the pools themselves.
local ffi = require('ffi')
local check = require('sluice.check')
local driver = require('sluice.driver')
local part = require('sluice.part')
local question = require('sluice.question')
local servers = require('sluice.servers')
local cache = require('sluice.cache').globals
local C = ffi.C
check.own()

local balancing = {}
local Policy = {isLua = false, isFFI = false, isPerThread = false}
Policy.__index = Policy
function Policy:toString()
  return ('ServerPolicy%s "%s"'):format(self.isLua and ' (Lua)' or '', self.name)
end
Policy.__tostring = Policy.toString

local NAMES = {'leastOutstanding', 'firstAvailable', 'roundrobin', 'wrandom', 'whashed', 'chashed'}
local LUA, THREAD = #NAMES, #NAMES + 1 -- as C numbers methods: enum balance_method
local natives = {}
local made = {[LUA] = {}, [THREAD] = {}} -- by what C calls them by

local function done(result, what)
  if result < 0 then
    check.fail('%s: %s', what, ffi.string(C.sluice_strerror(result)))
  end
end

-- ---- ours, asked from Lua: servers, a query, and the one of the servers that it would be sent to

local MOST = 1024 -- POLICY_SERVERS_MAX
local numbers = ffi.new('uint16_t[?]', MOST)

local function among(method, list, dq)
  local count = 0
  while list[count + 1] ~= nil do
    if count == MOST or not servers.is(list[count + 1]) then
      check.fail('%s.policy takes a table of at most %d servers', NAMES[method + 1], MOST)
    end
    numbers[count] = servers.number(list[count + 1])
    count = count + 1
  end
  local handle = question.is(dq) and dq.handle or nil
  local place = C.sluice_balance_among(method, numbers, count, handle)
  return place >= 0 and list[place + 1] or nil
end

for number, name in ipairs(NAMES) do
  local method = number - 1
  natives[method] = setmetatable({name = name, number = method,
    policy = function(list, dq) return among(method, list, dq) end}, Policy)
  balancing[name] = natives[method]
end

-- ---- the policy's own

local function lua_policy(name, fn, is_ffi)
  name = check.string(name, 'the name of the policy')
  check.callback(fn, 'policy')
  local policy = setmetatable({name = name, number = LUA, reference = driver.register(fn),
    isLua = true, isFFI = is_ffi, [is_ffi and 'ffipolicy' or 'policy'] = fn}, Policy)
  made[LUA][policy.reference] = policy
  return policy
end

local function thread_policy(name, code, what)
  name = check.string(name, 'the name of the policy')
  local policy = setmetatable({name = name, number = THREAD,
    reference = part.code(code, what, 'policy'), isLua = true, isFFI = true, isPerThread = true},
    Policy)
  made[THREAD][policy.reference] = policy
  return policy
end

-- Of the servers of the lowest order that are up and whose name is no tag of the query, one by
-- chance and weight: for responses that are sent on to another server.
local function untagged(list, dq)
  local tags, group, order = dq and dq:getTagArray() or {}, {}, nil
  for _, server in ipairs(list) do
    local usable = server:isUp() and tags[server:getNameWithAddr()] == nil
    if usable and (order == nil or server.order < order) then
      group, order = {}, server.order
    end
    if usable and server.order == order then
      group[#group + 1] = server
    end
  end
  return natives[3].policy(group, dq)
end
balancing.orderedWrandUntag = lua_policy('orderedWrandUntag', untagged, false)
balancing.orderedWrandUntag.isLua = false

function balancing.newServerPolicy(name, fn) return lua_policy(name, fn, false) end

-- What the policy chooses from, as servers. The policy may do with the table as it likes.
local known, key = {}, -1
local function server_list()
  local now, list = C.sluice_choice_key(), {}
  if now ~= key then
    known, key = {}, now
    for index = 1, tonumber(C.sluice_choice_count()) do
      known[index] = servers.wrap(C.sluice_choice_server(index - 1))
    end
  end
  for index = 1, #known do
    list[index] = known[index]
  end
  return list
end

-- The number of what a policy returned: a server, an index from 1, or nothing.
local function server_number(value)
  if value == nil then
    return nil
  elseif servers.is(value) then
    local number = servers.number(value)
    return C.sluice_choice_has(number) and number or nil
  end
  local index = tonumber(value) or
    error('the policy returned neither a server nor an index', 0)
  return C.sluice_choice_number(math.floor(index) - 1)
end

driver.set_servers(server_list, server_number)

-- ---- which policy a pool has

local function set(pool, value, what)
  if getmetatable(value) ~= Policy then
    check.fail('%s takes a policy: %s, or one of newServerPolicy()', what,
      table.concat(NAMES, ', '))
  end
  done(C.sluice_balance_set(pool, pool and #pool or 0, value.number, value.reference or 0,
    value.isFFI), what)
end

function balancing.setServerPolicy(value) set(nil, value, 'setServerPolicy') end
function balancing.setServerPolicyLua(name, fn)
  set(nil, lua_policy(name, fn, false), 'setServerPolicyLua')
end
function balancing.setServerPolicyLuaFFI(name, fn)
  set(nil, lua_policy(name, fn, true), 'setServerPolicyLuaFFI')
end
function balancing.setServerPolicyLuaFFIPerThread(name, code)
  local what = 'setServerPolicyLuaFFIPerThread'
  set(nil, thread_policy(name, code, what), what)
end

function balancing.setPoolServerPolicy(value, pool)
  set(check.string(pool, 'the pool'), value, 'setPoolServerPolicy')
end
function balancing.setPoolServerPolicyLua(name, fn, pool)
  set(check.string(pool, 'the pool'), lua_policy(name, fn, false), 'setPoolServerPolicyLua')
end
function balancing.setPoolServerPolicyLuaFFI(name, fn, pool)
  set(check.string(pool, 'the pool'), lua_policy(name, fn, true), 'setPoolServerPolicyLuaFFI')
end
function balancing.setPoolServerPolicyLuaFFIPerThread(name, code, pool)
  local what = 'setPoolServerPolicyLuaFFIPerThread'
  set(check.string(pool, 'the pool'), thread_policy(name, code, what), what)
end

local reference = ffi.new('int32_t[1]')
local function policy_of(pool)
  local method = C.sluice_balance(pool, pool and #pool or 0, reference)
  if method < 0 then
    check.fail('there is no pool "%s"', pool)
  end
  return natives[method] or made[method][reference[0]]
end
function balancing.showServerPolicy() return policy_of(nil).name .. '\n' end
function balancing.showPoolServerPolicy(pool)
  return policy_of(check.string(pool, 'the pool')).name .. '\n'
end

local function factor_setter(consistent, what)
  return function(factor)
    factor = tonumber(factor) or check.fail('%s takes a number', what)
    if factor ~= 0 and not (factor >= 1 and factor < 1e6) then
      check.fail('%s: the factor must be 0 or at least 1', what)
    end
    done(C.sluice_balance_factor_set(consistent, factor), what)
  end
end
balancing.setWeightedBalancingFactor = factor_setter(false, 'setWeightedBalancingFactor')
balancing.setConsistentHashingBalancingFactor =
  factor_setter(true, 'setConsistentHashingBalancingFactor')
function balancing.setWHashedPerturbation(value)
  value = check.range(value, 'the perturbation', 0, 4294967295)
  done(C.sluice_setting_set('perturbation', value), 'setWHashedPerturbation')
end
balancing.setWHashedPertubation = balancing.setWHashedPerturbation

-- ---- pools

local function names_of(list)
  local texts = {}
  for index, server in ipairs(list) do
    texts[index] = (server.name .. ' ' .. servers.where(server)):gsub('^ ', '')
  end
  return table.concat(texts, ', ')
end

local FORMAT = '%-30s %14s %20s %s'
function balancing.showPools()
  local lines = {FORMAT:format('Name', 'Cache', 'ServerPolicy', 'Servers')}
  local names = servers.getPoolNames()
  table.sort(names)
  for _, pool in ipairs(names) do
    local cached = cache.getPool(pool):getCache()
    lines[#lines + 1] = FORMAT:format(pool,
      cached and cached:toString() or '', policy_of(pool).name,
      names_of(servers.getPoolServers(pool)))
  end
  return table.concat(lines, '\n') .. '\n'
end

return balancing
