-- SPDX-License-Identifier: BSD-2-Clause
-- The chains that rules stand in.
local ffi = require('ffi')
local check = require('sluice.check')
local name = require('sluice.name')
local selectors = require('sluice.selectors')
local actions = require('sluice.actions')
local constants = require('sluice.constants')
local driver = require('sluice.driver')
local C = ffi.C
check.own()

local rules = {}
local RuleAction = {}
RuleAction.__index = RuleAction

local CHAINS = { -- number, is a response chain, add, rest of the names, for people
  {0, false, 'addAction', '', 'query'},
  {1, false, 'addCacheMissAction', 'CacheMiss', 'cache-miss'},
  {2, true, 'addResponseAction', 'Response', 'response'},
  {3, true, 'addCacheHitResponseAction', 'CacheHitResponse', 'cache-hit-response'},
  {4, true, 'addCacheInsertedResponseAction', 'CacheInsertedResponse', 'cache-inserted-response'},
  {5, true, 'addSelfAnsweredResponseAction', 'SelfAnsweredResponse', 'self-answered-response'},
  {6, true, 'addTimeoutResponseAction', 'TimeoutResponse', 'timeout-response'},
  {7, true, 'addXFRResponseAction', 'XFRResponse', 'xfr-response'},
}
local rule_keys = check.keys('uuid', 'name')
local known, uses = {}, {} -- parts of rules by their addresses, and how many rules have each
local Rule, Address = ffi.typeof('struct lua_rule'), ffi.typeof('uintptr_t')

local function address_of(pointer) return tonumber(ffi.cast(Address, pointer)) end

local function note(object)
  local key = address_of(object.pointer)
  known[key], uses[key] = object, (uses[key] or 0) + 1
end

-- Before a rule goes.
local leaving = Rule()
local function forget(chain, index)
  if not C.sluice_rule_at(chain, index, leaving) then
    return
  end
  for part = 1, 2 do
    local key = address_of(part == 1 and leaving.selector or leaving.action)
    local left = uses[key] - 1
    uses[key] = left > 0 and left or nil
    known[key] = left > 0 and known[key] or nil
  end
end

local function clear(chain)
  for index = 0, tonumber(C.sluice_rules_count(chain)) - 1 do
    forget(chain, index)
  end
  C.sluice_rules_clear(chain)
end

local function parts_check(response, act, options)
  if not actions.is(act) then
    check.fail('the action is %s', act == nil and 'nil' or 'a ' .. type(act))
  elseif act.response ~= nil and act.response ~= response then
    check.fail('the action "%s" is one for %s', act.text, response and 'queries' or 'responses')
  end
  options = check.options(options, 'the rule', rule_keys)
  return check.text(options.name, 'the name of the rule'), check.text(options.uuid, 'the uuid')
end

local function add(chain, response, wanted, act, options, place)
  local found = selectors.of(wanted)
  local title, uuid = parts_check(response, act, options)
  if not C.sluice_rule_add(chain, found.pointer, act.pointer, title, uuid,
      place or check.where()) then
    check.fail('the rule: %s', ffi.string(C.sluice_policy_error()))
  end
  note(found)
  note(act)
end

function rules.newRuleAction(wanted, act, options)
  return setmetatable({selector = selectors.of(wanted), action = act, options = options,
    place = check.where()}, RuleAction)
end
function RuleAction:getSelector() return self.selector end
function RuleAction:getAction() return self.action end

-- That rules can be added to an empty chain: what is wrong with them is to change nothing.
local function rules_check(response, list)
  local seen = {}
  for _, rule in ipairs(list) do
    if getmetatable(rule) ~= RuleAction then
      check.fail('expected a table of newRuleAction()')
    end
    local _, uuid = parts_check(response, rule.action, rule.options)
    if uuid and (seen[uuid:lower()] or not C.sluice_uuid_is(uuid)) then
      check.fail('"%s" is %s', uuid, seen[uuid:lower()] and 'there twice' or 'not a UUID')
    end
    seen[uuid and uuid:lower() or 1] = uuid ~= nil
  end
end

local function at(chain, index)
  local rule = Rule()
  if index < 0 or not C.sluice_rule_at(chain, index, rule) then
    return nil
  end
  return setmetatable({
    selector = known[address_of(rule.selector)], action = known[address_of(rule.action)],
    name = ffi.string(rule.name), uuid = ffi.string(rule.uuid), matches = tonumber(rule.hits),
    index = index, created = tonumber(rule.created),
  }, RuleAction)
end

local function find(chain, wanted)
  local index = type(wanted) == 'string' and tonumber(C.sluice_rule_find(chain, wanted)) or
    type(wanted) ~= 'string' and check.integer(wanted, 'the rule') or -1
  return index >= 0 and index < tonumber(C.sluice_rules_count(chain)) and index or nil
end

-- As in dnsdist: what cannot be edited is told of, and the policy goes on.
local function missing(what, wanted)
  local text = ('there is no %s %s'):format(what, tostring(wanted))
  C.sluice_warn(check.where(), text)
  _G.print('Error: ' .. text)
end

local function all(chain)
  local list = {}
  for index = 0, tonumber(C.sluice_rules_count(chain)) - 1 do
    list[#list + 1] = at(chain, index)
  end
  return list
end

local function top(chain, count)
  local list = all(chain)
  table.sort(list, function(a, b) return a.matches > b.matches end)
  for index = #list, (count and check.integer(count, 'the count') or 10) + 1, -1 do
    list[index] = nil
  end
  return list
end

local show_keys = check.keys('showUUIDs', 'truncateRuleWidth')
local function show(list, options, what)
  options = check.options(options, what, show_keys)
  local width = check.integer(options.truncateRuleWidth or -1, 'truncateRuleWidth')
  local function line(number, title, uuid, created, matches, selector, act)
    local id = options.showUUIDs and ('%-38s %9s '):format(uuid, created) or ''
    return ('%-3s %-30s %s%9s %-56s %s'):format(number, title, id, matches, selector, act)
  end
  local lines = {line('#', 'Name', 'UUID', 'Cr. Order', 'Matches', 'Rule', 'Action')}
  for _, rule in ipairs(list) do
    local text = rule.selector.text
    lines[#lines + 1] = line(rule.index, rule.name, rule.uuid, rule.created,
      ('%d'):format(rule.matches), width >= 0 and text:sub(1, width) or text, rule.action.text)
  end
  return table.concat(lines, '\n') .. '\n'
end

local function write(text)
  text = text:gsub('%c', '?')
  C.sluice_console_write(text, #text)
  return 0
end

-- For C: a rule that matched, on one line.
function driver.describe_rule(chain, index)
  local rule = at(chain, index)
  return write(('%s %d %s%s => %s'):format(CHAINS[chain + 1][5], index,
    rule.name ~= '' and ('"%s" '):format(rule.name) or '', rule.selector.text, rule.action.text))
end

function driver.describe_type(number)
  local found = ('TYPE%d'):format(number)
  for type_name, value in pairs(constants.DNSQType) do
    found = value == number and type_name or found
  end
  return write(found)
end

for _, entry in ipairs(CHAINS) do
  local chain, response, adder, word = entry[1], entry[2], entry[3], entry[4]
  rules[adder] = function(wanted, act, options) add(chain, response, wanted, act, options) end
  rules['rm' .. word .. 'Rule'] = function(id)
    local index = find(chain, id)
    if index == nil then
      return missing('rule', id)
    end
    repeat -- a name may be that of several
      local named = at(chain, index).name == id
      forget(chain, index)
      C.sluice_rule_remove(chain, index)
      index = named and find(chain, id)
    until not index
  end
  rules['mv' .. word .. 'Rule'] = function(from, to)
    local index = find(chain, from)
    if index == nil then
      return missing('rule', from)
    elseif C.sluice_rule_move(chain, index, check.integer(to, 'the place')) < 0 then
      return missing('place', to)
    end
  end
  rules['mv' .. word .. 'RuleToTop'] = function() C.sluice_rule_top(chain) end
  rules['clear' .. word .. 'Rules'] = function() clear(chain) end
  rules['get' .. word .. 'Rule'] = function(id) return at(chain, find(chain, id) or -1) end
  rules['getTop' .. word .. 'Rules'] = function(count) return top(chain, count) end
  rules['top' .. word .. 'Rules'] = function(count, options)
    return show(top(chain, count), options, 'top' .. word .. 'Rules')
  end
  rules['show' .. word .. 'Rules'] = function(options)
    return show(all(chain), options, 'show' .. word .. 'Rules')
  end
  if not response then
    rules['get' .. word .. 'Action'] = function(index)
      local found = find(chain, index)
      return found and at(chain, found):getAction()
    end
    rules['set' .. word .. 'Rules'] = function(list)
      rules_check(response, list)
      clear(chain)
      for _, rule in ipairs(list) do
        add(chain, response, rule.selector, rule.action, rule.options, rule.place)
      end
    end
  end
end

-- Calls with dnsdist's name for each chain and its rules.
function rules.each_chain(visit)
  for _, entry in ipairs(CHAINS) do
    visit(entry[1] == 0 and 'rules' or entry[5] .. '-rules', all(entry[1]))
  end
end

-- What a selector costs: over queries for names right below a suffix.
function rules.benchRule(wanted, times, suffix)
  local bench = ffi.new('struct lua_bench')
  times = check.range(times or 100000, 'the times', 1, 4294967295)
  local why = C.sluice_bench(selectors.of(wanted).pointer, times,
    name.of(suffix or 'powerdns.com'), bench)
  if why ~= nil then
    check.fail('benchRule: %s', ffi.string(why))
  end
  local us = math.max(bench.us, 0.1)
  return ('Had %d matches out of %d, %.1f qps, in %.1f us\n'):format(bench.matches, bench.count,
    bench.count * 1e6 / us, us)
end

-- What dnsdist 1.6 renamed, and spellings of its documentation.
for _, entry in ipairs(CHAINS) do
  rules['top' .. entry[4] .. 'Rule'] = rules['mv' .. entry[4] .. 'RuleToTop']
end
rules.getTopSelfAnsweredRules = rules.getTopSelfAnsweredResponseRules
rules.getTopTimeoutResponseRule = rules.getTopTimeoutResponseRules

return rules
