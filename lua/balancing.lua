-- SPDX-License-Identifier: BSD-2-Clause
-- How pools are balanced over their servers, and the pools themselves.
local ffi = require('ffi')
local check = require('sluice.check')
local servers = require('sluice.servers')
local cache = require('sluice.cache').globals
local C = ffi.C
check.own()

local balancing = {}
local Policy = {isLua = false, isFFI = false, isPerThread = false}
Policy.__index = Policy
function Policy:toString() return self.name end
Policy.__tostring = Policy.toString

local NAMES = {'leastOutstanding', 'firstAvailable', 'roundrobin', 'wrandom', 'whashed', 'chashed'}
local policies = {}
for number, name in ipairs(NAMES) do
  policies[number] = setmetatable({name = name, number = number - 1}, Policy)
  balancing[name] = policies[number]
end

local function number_of(value, what)
  if getmetatable(value) ~= Policy then
    check.fail('%s takes a policy: %s', what, table.concat(NAMES, ', '))
  end
  return value.number
end

local function done(result, what)
  if result < 0 then
    check.fail('%s: %s', what, ffi.string(C.sluice_strerror(result)))
  end
end

function balancing.setServerPolicy(value)
  done(C.sluice_balance_set(nil, 0, number_of(value, 'setServerPolicy')), 'setServerPolicy')
end
function balancing.setPoolServerPolicy(value, pool)
  pool = check.string(pool, 'the pool')
  done(C.sluice_balance_set(pool, #pool, number_of(value, 'setPoolServerPolicy')),
    'setPoolServerPolicy')
end
function balancing.showServerPolicy()
  return policies[C.sluice_balance(nil, 0) + 1].name .. '\n'
end
local function pool_policy(pool)
  local number = C.sluice_balance(pool, #pool)
  return number >= 0 and policies[number + 1].name or
    check.fail('there is no pool "%s"', pool)
end
function balancing.showPoolServerPolicy(pool)
  return pool_policy(check.string(pool, 'the pool')) .. '\n'
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
    texts[index] = server:getNameWithAddr()
  end
  return table.concat(texts, ', ')
end

function balancing.showPools()
  local lines = {('%-25s %-25s %-20s %s'):format('Name', 'Cache', 'ServerPolicy', 'Servers')}
  local names = servers.getPoolNames()
  table.sort(names)
  for _, pool in ipairs(names) do
    local cached = cache.getPool(pool):getCache()
    lines[#lines + 1] = ('%-25s %-25s %-20s %s'):format(pool,
      cached and cached:toString() or '', pool_policy(pool),
      names_of(servers.getPoolServers(pool)))
  end
  return table.concat(lines, '\n') .. '\n'
end

return balancing
