-- SPDX-License-Identifier: BSD-2-Clause
-- Selectors, actions, and the chains they stand in.
local ffi = require('ffi')
local check = require('sluice.check')
local name = require('sluice.name')
local address = require('sluice.address')
local constants = require('sluice.constants')
local driver = require('sluice.driver')
local C = ffi.C
check.own()

local rules = {}
local Selector, Action, RuleAction = {}, {}, {}
Selector.__index, Action.__index, RuleAction.__index = Selector, Action, RuleAction

local function made(class, pointer, text)
  if pointer == nil then
    check.fail('%s: %s', text, ffi.string(C.sluice_policy_error()))
  end
  return setmetatable({pointer = pointer, text = text}, class)
end

local function selector(pointer, ...) return made(Selector, pointer, string.format(...)) end
local function action(pointer, response, ...)
  local object = made(Action, pointer, string.format(...))
  object.response = response
  return object
end
function Selector:toString() return self.text end
function Action:toString() return self.text end
function Action.getStats() return {} end
function Action.printStats() return '' end
function Action.reload() end
Selector.__tostring, Action.__tostring = Selector.toString, Action.toString

local function matches_of(pointer)
  local rule, count = ffi.new('struct lua_rule'), 0
  for chain = 0, 5 do
    for index = 0, tonumber(C.sluice_rules_count(chain)) - 1 do
      if C.sluice_rule_at(chain, index, rule) and rule.selector == pointer then
        count = count + tonumber(rule.hits)
      end
    end
  end
  return count
end
function Selector:getMatches() return matches_of(self.pointer) end

-- ---- selectors

local function number_of(value, names, what)
  if type(value) == 'string' and tonumber(value) == nil then
    local number = names[value:upper()] or tonumber(value:upper():match('^TYPE(%d+)$'))
    if not number then
      check.fail('"%s" is not a %s', value, what)
    end
    return number
  end
  return check.range(value, 'the ' .. what, 0, 65535)
end

function rules.AllRule() return selector(C.sluice_selector_all(), 'All') end

function rules.QNameRule(value)
  value = name.of(value)
  return selector(C.sluice_selector_qname(value), 'qname==%s', value:toString())
end

-- Long lists are told by their length.
local TOLD = 20
local function told(set, quiet)
  local count = tonumber(C.sluice_names_count(set.names))
  return (quiet or count > TOLD) and ('%d names'):format(count) or set:toString()
end

local function suffixes(value, quiet)
  local node = name.is_node(value) and value or name.newSuffixMatchNode()
  if node ~= value then
    node:add(value)
  end
  return selector(C.sluice_selector_names(node.names, true), 'qname in %s', told(node, quiet))
end
rules.QNameSuffixRule = suffixes
function rules.SuffixMatchNodeRule(value, quiet)
  if not name.is_node(value) then
    check.fail('SuffixMatchNodeRule takes a SuffixMatchNode')
  end
  return suffixes(value, quiet)
end
function rules.QNameSetRule(value)
  if not name.is_set(value) then
    check.fail('QNameSetRule takes a DNSNameSet')
  end
  return selector(C.sluice_selector_names(value.names, false), 'qname in %s', told(value))
end

local function numbers(kind, names, what)
  return function(value)
    local number = number_of(value, names, what)
    return selector(C.sluice_selector_number(kind, number), '%s==%d', what, number)
  end
end
rules.QTypeRule = numbers('QType', constants.DNSQType, 'qtype')
rules.QClassRule = numbers('QClass', constants.DNSClass, 'qclass')
rules.OpcodeRule = numbers('Opcode', {}, 'opcode')
rules.RCodeRule = numbers('RCode', constants.DNSRCode, 'rcode')
rules.DSTPortRule = numbers('DSTPort', {}, 'port')
rules.EDNSOptionRule = numbers('EDNSOption', {}, 'EDNS option')
rules.EDNSVersionRule = numbers('EDNSVersion', {}, 'EDNS version')
rules.ERCodeRule = numbers('ERCode', constants.DNSRCode, 'extended rcode')
function rules.TCPRule(tcp)
  return selector(C.sluice_selector_number('TCP', tcp and 1 or 0), 'TCP==%s', tostring(tcp))
end
function rules.RDRule() return selector(C.sluice_selector_number('RD', 1), 'RD') end
function rules.TrailingDataRule()
  return selector(C.sluice_selector_number('TrailingData', 1), 'trailing data')
end
function rules.DNSSECRule() return selector(C.sluice_selector_number('DNSSEC', 1), 'DNSSEC') end

local function window(kind)
  return function(min, max)
    min, max = check.range(min, 'the minimum', 0, 4294967295),
      check.range(max, 'the maximum', 0, 4294967295)
    return selector(C.sluice_selector_window(kind, min, max), '%s <%d or >%d', kind, min, max)
  end
end
rules.QNameLabelsCountRule = window('QNameLabelsCount')
rules.QNameWireLengthRule = window('QNameWireLength')
function rules.RecordsCountRule(section, min, max)
  return selector(C.sluice_selector_records(check.range(section, 'the section', 0, 3),
    check.range(min, 'the minimum', 0, 65535), check.range(max, 'the maximum', 0, 65535)),
    '%d <= records in section %d <= %d', min, section, max)
end

function rules.RecordsTypeCountRule(section, qtype, min, max)
  qtype = number_of(qtype, constants.DNSQType, 'qtype')
  return selector(C.sluice_selector_record_types(check.range(section, 'the section', 0, 3), qtype,
    check.range(min, 'the minimum', 0, 65535), check.range(max, 'the maximum', 0, 65535)),
    '%d <= records of type %d in section %d <= %d', min, qtype, section, max)
end

local COMPARISONS = {equal = 0, greater = 1, greaterOrEqual = 2, smaller = 3, smallerOrEqual = 4}
function rules.PayloadSizeRule(comparison, size)
  local number = COMPARISONS[comparison] or
    check.fail('"%s" is not a comparison', tostring(comparison))
  size = check.range(size, 'the size', 0, 65535)
  return selector(C.sluice_selector_size(number, size), 'payload size is %s %d', comparison, size)
end

function rules.PoolAvailableRule(pool)
  pool = check.string(pool, 'the pool')
  return selector(C.sluice_selector_pool(pool, #pool), 'pool "%s" is available', pool)
end

-- A selector that can be added to while it is in use.
local TimedSet = setmetatable({}, {__index = Selector})
TimedSet.__index, TimedSet.__tostring = TimedSet, Selector.toString
function rules.TimedIPSetRule()
  return setmetatable(selector(C.sluice_selector_timed(), 'Src: timed set of addresses'), TimedSet)
end
function TimedSet:add(client, seconds)
  seconds = check.range(seconds, 'the time', 0, 4294967295)
  if C.sluice_timed_add(self.pointer, address.of(client), seconds) < 0 then
    check.fail('TimedIPSetRule: no memory for one more address')
  end
end
function TimedSet:clear() C.sluice_timed_clear(self.pointer) end
function TimedSet:cleanup() C.sluice_timed_clean(self.pointer) end
function TimedSet:slice()
  return setmetatable({pointer = self.pointer, text = self.text}, Selector)
end

local function regex(full, word)
  return function(expression)
    expression = check.string(expression, 'the regular expression')
    local why = ffi.new('char[512]')
    local pointer = C.sluice_selector_regex(expression, full, why, 512)
    if pointer == nil and why[0] ~= 0 then
      check.fail('the regular expression "%s": %s', expression, ffi.string(why))
    end
    return selector(pointer, '%s: %s', word, expression)
  end
end
rules.RegexRule, rules.RE2Rule = regex(false, 'Regex'), regex(true, 'RE2 match')

function rules.MaxQPSRule(qps, burst)
  qps, burst = check.range(qps, 'the rate', 0, 4294967295),
    check.range(burst or qps, 'the burst', 0, 4294967295)
  return selector(C.sluice_selector_rate(qps, burst), 'Max %.0f qps', qps)
end

-- A bucket that is full again is one that nobody needs: expiry and cleaning are no question here.
local RATE_CLIENTS = 1000000
function rules.MaxQPSIPRule(qps, v4_mask, v6_mask, burst)
  qps, burst = check.range(qps, 'the rate', 0, 4294967295),
    check.range(burst or qps, 'the burst', 0, 4294967295)
  v4_mask, v6_mask = check.range(v4_mask or 32, 'the IPv4 mask', 0, 32),
    check.range(v6_mask or 64, 'the IPv6 mask', 0, 128)
  return selector(C.sluice_selector_client_rate(qps, burst, v4_mask, v6_mask, RATE_CLIENTS),
    'IP (/%d, /%d) match for QPS over %.0f burst %.0f', v4_mask, v6_mask, qps, burst)
end

function rules.NetmaskGroupRule(value, source)
  local group = address.is_group(value) and value or address.newNMG(value)
  local array, count = address.array(group)
  return selector(C.sluice_selector_netmask(array, count, source == false), '%s: %s',
    source == false and 'Dst' or 'Src', group:toString())
end

function rules.TagRule(key, value)
  key = check.string(key, 'the name of the tag')
  value = value ~= nil and check.string(value, 'the tag') or nil
  return selector(C.sluice_selector_tag(key, #key, value, value and #value or 0), 'tag %s%s', key,
    value and '==' .. value or ' is set')
end
function rules.ProbaRule(p)
  p = tonumber(p) or check.fail('the probability must be a number')
  return selector(C.sluice_selector_probability(p), 'match with prob. %g', p)
end
function rules.LuaRule(callback)
  check.callback(callback, 'function')
  return selector(C.sluice_selector_lua(driver.register(callback), false), 'Lua script')
end
function rules.LuaFFIRule(callback)
  check.callback(callback, 'function')
  return selector(C.sluice_selector_lua(driver.register(callback), true), 'Lua FFI script')
end

-- What stands for a selector: one, a name, a netmask, or a table of names or of netmasks.
local function as_selector(value)
  if getmetatable(value) == Selector or getmetatable(value) == TimedSet then
    return value
  elseif name.is(value) then
    return suffixes(value)
  elseif type(value) == 'string' then
    return address.is_netmask(value) and rules.NetmaskGroupRule(value) or suffixes(value)
  elseif type(value) ~= 'table' or getmetatable(value) ~= nil then
    check.fail('%s is not a selector', value == nil and 'nil' or 'a ' .. type(value))
  end
  local masks = {}
  for _, member in ipairs(value) do
    if address.is_netmask(member) then
      masks[#masks + 1] = member
    end
  end
  if #masks == 0 then
    return suffixes(value)
  elseif #masks < #value then
    local text = 'a selector with netmasks and names: the names are ignored'
    C.sluice_log(2, text, #text)
  end
  return rules.NetmaskGroupRule(masks)
end
rules.makeRule = as_selector

local function join(kind, word)
  return function(members)
    if type(members) ~= 'table' then
      check.fail('expected a table of selectors, not %s', type(members))
    end
    local array, texts = ffi.new('struct policy_selector *[?]', #members), {}
    for i, member in ipairs(members) do
      member = as_selector(member)
      array[i - 1], texts[i] = member.pointer, '(' .. member.text .. ')'
    end
    local object = selector(C.sluice_selector_join(kind, array, #members), '%s',
      table.concat(texts, word))
    return object
  end
end
rules.AndRule, rules.OrRule = join(0, ' && '), join(1, ' || ')
function rules.NotRule(member)
  member = as_selector(member)
  local array = ffi.new('struct policy_selector *[1]', member.pointer)
  return selector(C.sluice_selector_join(2, array, 1), '!(%s)', member.text)
end

-- ---- actions

local reply_keys = check.keys('ttl', 'aa', 'ad', 'ra')
local raw_keys = check.keys('ttl', 'aa', 'ad', 'ra', 'typeForAny')
local soa_keys = check.keys('ttl', 'aa', 'ad', 'ra', 'soaInAuthoritySection')
local function reply_options(value, what, keys)
  value = check.options(value, what, keys or reply_keys)
  local options = ffi.new('struct lua_reply_options', {ttl = value.ttl or 60})
  for _, key in ipairs({'aa', 'ad', 'ra'}) do
    if value[key] ~= nil then
      options['set_' .. key], options[key] = 1, value[key] and 1 or 0
    end
  end
  return options
end

local function plain(kind, response, text)
  return function() return action(C.sluice_action_plain(kind), response, '%s', text) end
end
rules.NoneAction = plain('None', nil, 'no op')
rules.AllowAction = plain('Allow', false, 'allow')
rules.AllowResponseAction = plain('Allow', true, 'allow')
rules.DropAction = plain('Drop', false, 'drop')
rules.DropResponseAction = plain('Drop', true, 'drop')
rules.TCAction = plain('TC', false, 'tc=1 answer')
rules.TCResponseAction = plain('TC', true, 'tc=1 answer')
rules.SetNoRecurseAction = plain('SetNoRecurse', false, 'set rd=0')
rules.SetDisableValidationAction = plain('SetDisableValidation', false, 'set cd=1')
rules.SetSkipCacheAction = plain('SetSkipCache', false, 'skip cache')
rules.SetSkipCacheResponseAction = plain('SetSkipCache', true, 'skip cache')

function rules.RCodeAction(rcode, options)
  rcode = number_of(rcode, constants.DNSRCode, 'rcode')
  return action(C.sluice_action_rcode(rcode, reply_options(options, 'RCodeAction')), false,
    'set rcode %d', rcode)
end
function rules.SpoofAction(values, options)
  local list = type(values) == 'table' and getmetatable(values) == nil and values or {values}
  local array, texts = ffi.new('struct lua_address[?]', #list), {}
  for i, value in ipairs(list) do
    array[i - 1] = address.of(value)
    texts[i] = array[i - 1]:toString()
  end
  return action(C.sluice_action_spoof(array, #list, reply_options(options, 'SpoofAction')), false,
    'spoof in %s', table.concat(texts, ' '))
end
function rules.ERCodeAction(rcode, options)
  rcode = number_of(rcode, constants.DNSRCode, 'rcode')
  return action(C.sluice_action_rcode(check.range(rcode, 'the rcode', 0, 4095),
    reply_options(options, 'ERCodeAction')), false, 'set ercode %d', rcode)
end
function rules.SpoofCNAMEAction(target, options)
  target = name.of(target)
  return action(C.sluice_action_cname(target, reply_options(options, 'SpoofCNAMEAction')), false,
    'spoof cname %s', target:toString())
end
function rules.SpoofRawAction(values, options)
  local list = type(values) == 'table' and values or {values}
  local array = ffi.new('struct lua_bytes[?]', #list)
  for i, value in ipairs(list) do
    array[i - 1].data, array[i - 1].length = check.string(value, 'the data'), #value
  end
  local any = type(options) == 'table' and options.typeForAny or 0
  return action(C.sluice_action_raw(array, #list, number_of(any, constants.DNSQType, 'qtype'),
    reply_options(options, 'SpoofRawAction', raw_keys)), false, 'spoof in %d raw values', #list)
end
function rules.SpoofPacketAction(packet, length)
  packet = check.string(packet, 'the packet')
  length = check.range(length or #packet, 'the length', 0, #packet)
  return action(C.sluice_action_packet(packet, length), false, 'spoof a packet of %d bytes', length)
end
function rules.NegativeAndSOAAction(nxd, zone, ttl, mname, rname, serial, refresh, retry, expire,
    minimum, options)
  local soa = ffi.new('struct lua_soa')
  soa.nxdomain = nxd and 1 or 0
  soa.zone, soa.mname, soa.rname = name.of(zone), name.of(mname), name.of(rname)
  soa.ttl, soa.serial = check.integer(ttl, 'the TTL'), check.integer(serial, 'the serial')
  soa.refresh, soa.retry = check.integer(refresh, 'refresh'), check.integer(retry, 'retry')
  soa.expire, soa.minimum = check.integer(expire, 'expire'), check.integer(minimum, 'minimum')
  local authority = type(options) == 'table' and options.soaInAuthoritySection == true
  return action(C.sluice_action_negative(soa, authority,
    reply_options(options, 'NegativeAndSOAAction', soa_keys)), false, '%s with SOA',
    nxd and 'NXD' or 'NODATA')
end
function rules.ContinueAction(wrapped)
  if getmetatable(wrapped) ~= Action then
    check.fail('ContinueAction takes an action, not %s', type(wrapped))
  end
  return action(C.sluice_action_continue(wrapped.pointer), wrapped.response, 'continue after: %s',
    wrapped.text)
end
function rules.PoolAction(pool, stop)
  pool = check.string(pool, 'the pool')
  return action(C.sluice_action_pool(pool, #pool, stop ~= false), false, 'to pool %s', pool)
end
function rules.QPSAction(qps)
  qps = check.range(qps, 'the rate', 0, 4294967295)
  return action(C.sluice_action_rate(qps), false, 'qps limit to %.0f', qps)
end
function rules.QPSPoolAction(qps, pool, stop)
  qps, pool = check.range(qps, 'the rate', 0, 4294967295), check.string(pool, 'the pool')
  return action(C.sluice_action_rate_pool(qps, pool, #pool, stop ~= false), false,
    'max %.0f to pool %s', qps, pool)
end
local function ttl_action(kind, response)
  return function(ttl)
    ttl = check.range(ttl, 'the TTL', 0, 4294967295)
    return action(C.sluice_action_ttl(kind, ttl), response, '%s %d', kind, ttl)
  end
end
rules.SetTempFailureCacheTTLAction = ttl_action('SetTempFailureCacheTTL', false)
rules.SetMaxReturnedTTLAction = ttl_action('SetMaxReturnedTTL', false)
rules.SetMaxReturnedTTLResponseAction = ttl_action('SetMaxReturnedTTL', true)

-- Types as numbers, names, or a table of either.
local function types_of(value)
  local list = type(value) == 'table' and value or {value}
  local array = ffi.new('uint16_t[?]', #list)
  for i, member in ipairs(list) do
    array[i - 1] = number_of(member, constants.DNSQType, 'qtype')
  end
  return array, #list
end
function rules.ClearRecordTypesResponseAction(value)
  local types, count = types_of(value)
  if count == 0 then
    check.fail('ClearRecordTypesResponseAction needs a type')
  end
  return action(C.sluice_action_clear(types, count), true, 'clear record types')
end
local function limit(min, max, value)
  local types, count = types_of(value or {})
  min, max = check.range(min, 'the minimum', 0, 4294967295),
    check.range(max, 'the maximum', 0, 4294967295)
  return action(C.sluice_action_limit(min, max, types, count), true,
    'limit ttl (%.0f <= ttl <= %.0f)', min, max)
end
function rules.LimitTTLResponseAction(min, max, types)
  return limit(min, max or 4294967295, types)
end
function rules.SetMinTTLResponseAction(min) return limit(min, 4294967295) end
function rules.SetMaxTTLResponseAction(max) return limit(0, max) end
function rules.SetReducedTTLResponseAction(percent)
  percent = check.range(percent, 'the percentage', 0, 100)
  return action(C.sluice_action_reduce(percent), true, 'reduce ttl to %d percent', percent)
end

local function both(constructor, query, response)
  rules[query], rules[response] = constructor(false), constructor(true)
end
both(function(response)
  return function(key, value)
    key, value = check.string(key, 'the name of the tag'), check.string(value, 'the tag')
    return action(C.sluice_action_tag(key, #key, value, #value), response, 'set tag %s to %s',
      key, value)
  end
end, 'SetTagAction', 'SetTagResponseAction')
both(function(response)
  return function(key)
    key = check.string(key, 'the name of the tag')
    return action(C.sluice_action_untag(key, #key), response, 'unset tag %s', key)
  end
end, 'UnsetTagAction', 'UnsetTagResponseAction')
both(function(response)
  return function(code, text, clear)
    code, text = check.range(code, 'the code', 0, 65535), check.string(text or '', 'the text')
    return action(C.sluice_action_ede(code, text, #text, clear ~= false), response,
      'set EDE %d', code)
  end
end, 'SetExtendedDNSErrorAction', 'SetExtendedDNSErrorResponseAction')
both(function(response)
  return function(code, data)
    code, data = check.range(code, 'the code', 0, 65535), check.string(data, 'the option')
    return action(C.sluice_action_option(code, data, #data), response, 'set EDNS option %d', code)
  end
end, 'SetEDNSOptionAction', 'SetEDNSOptionResponseAction')
local function lua_action(is_ffi)
  return function(response)
    return function(callback)
      check.callback(callback, 'function')
      return action(C.sluice_action_lua(driver.register(callback), is_ffi), response, 'Lua%s%s',
        is_ffi and ' FFI' or '', response and ' response script' or ' script')
    end
  end
end
both(lua_action(false), 'LuaAction', 'LuaResponseAction')
both(lua_action(true), 'LuaFFIAction', 'LuaFFIResponseAction')

-- ---- chains

local CHAINS = { -- number, is a response chain, add, rest of the names
  {0, false, 'addAction', ''}, {1, false, 'addCacheMissAction', 'CacheMiss'},
  {2, true, 'addResponseAction', 'Response'},
  {3, true, 'addCacheHitResponseAction', 'CacheHitResponse'},
  {4, true, 'addCacheInsertedResponseAction', 'CacheInsertedResponse'},
  {5, true, 'addSelfAnsweredResponseAction', 'SelfAnsweredResponse'},
}
local rule_keys = check.keys('uuid', 'name')
local known = {} -- texts of rules by the address of their parts

local function address_of(pointer) return tonumber(ffi.cast('uintptr_t', pointer)) end

local function add(chain, response, wanted, act, options)
  local found = as_selector(wanted)
  if getmetatable(act) ~= Action then
    check.fail('the action is %s', act == nil and 'nil' or 'a ' .. type(act))
  elseif act.response ~= nil and act.response ~= response then
    check.fail('the action "%s" is one for %s', act.text, response and 'queries' or 'responses')
  end
  options = check.options(options, 'the rule', rule_keys)
  if not C.sluice_rule_add(chain, found.pointer, act.pointer, options.name, options.uuid) then
    check.fail('the rule: %s', ffi.string(C.sluice_policy_error()))
  end
  known[address_of(found.pointer)], known[address_of(act.pointer)] = found, act
end

function rules.newRuleAction(wanted, act, options)
  return setmetatable({selector = as_selector(wanted), action = act, options = options}, RuleAction)
end
function RuleAction:getSelector() return self.selector end
function RuleAction:getAction() return self.action end

local function at(chain, index)
  local rule = ffi.new('struct lua_rule')
  if index < 0 or not C.sluice_rule_at(chain, index, rule) then
    return nil
  end
  return setmetatable({
    selector = known[address_of(rule.selector)], action = known[address_of(rule.action)],
    name = ffi.string(rule.name), uuid = ffi.string(rule.uuid), matches = tonumber(rule.hits),
    index = index,
  }, RuleAction)
end

local function find(chain, wanted)
  local index = type(wanted) == 'string' and tonumber(C.sluice_rule_find(chain, wanted)) or
    type(wanted) ~= 'string' and check.integer(wanted, 'the rule') or -1
  if index < 0 or index >= tonumber(C.sluice_rules_count(chain)) then
    check.fail('there is no rule %s', tostring(wanted))
  end
  return index
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

local function show(list, uuids)
  local lines = {('%-3s %-30s %12s %s'):format('#', 'Name', 'Matches', 'Rule => Action')}
  for _, rule in ipairs(list) do
    lines[#lines + 1] = ('%-3d %-30s %12d %s%s => %s'):format(rule.index, rule.name, rule.matches,
      uuids and rule.uuid .. ' ' or '', rule.selector.text, rule.action.text)
  end
  return table.concat(lines, '\n') .. '\n'
end

for _, entry in ipairs(CHAINS) do
  local chain, response, adder, word = entry[1], entry[2], entry[3], entry[4]
  rules[adder] = function(wanted, act, options) add(chain, response, wanted, act, options) end
  rules['rm' .. word .. 'Rule'] = function(id) C.sluice_rule_remove(chain, find(chain, id)) end
  rules['mv' .. word .. 'Rule'] = function(from, to)
    if C.sluice_rule_move(chain, find(chain, from), check.integer(to, 'the place')) < 0 then
      check.fail('there is no place %s', tostring(to))
    end
  end
  rules['mv' .. word .. 'RuleToTop'] = function() C.sluice_rule_top(chain) end
  rules['clear' .. word .. 'Rules'] = function() C.sluice_rules_clear(chain) end
  rules['get' .. word .. 'Rule'] = function(id) return at(chain, find(chain, id)) end
  rules['getTop' .. word .. 'Rules'] = function(count) return top(chain, count) end
  rules['top' .. word .. 'Rules'] = function(count) return show(top(chain, count)) end
  rules['show' .. word .. 'Rules'] = function(options)
    return show(all(chain), options and options.showUUIDs)
  end
  if not response then
    rules['get' .. word .. 'Action'] = function(index) return at(chain, find(chain, index)) end
    rules['set' .. word .. 'Rules'] = function(list)
      for _, rule in ipairs(list) do
        if getmetatable(rule) ~= RuleAction then
          check.fail('expected a table of newRuleAction()')
        end
      end
      C.sluice_rules_clear(chain)
      for _, rule in ipairs(list) do
        add(chain, false, rule.selector, rule.action, rule.options)
      end
    end
  end
end

-- What dnsdist 1.6 renamed, and spellings of its documentation.
rules.topRule, rules.topResponseRule = rules.mvRuleToTop, rules.mvResponseRuleToTop
rules.TagAction, rules.TagResponseAction = rules.SetTagAction, rules.SetTagResponseAction
rules.SkipCacheAction = rules.SetSkipCacheAction
rules.NoRecurseAction = rules.SetNoRecurseAction
rules.DisableValidationAction = rules.SetDisableValidationAction
rules.TempFailureCacheTTLAction = rules.SetTempFailureCacheTTLAction
rules.getTopSelfAnsweredRules = rules.getTopSelfAnsweredResponseRules

return rules
