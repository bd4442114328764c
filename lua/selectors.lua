-- SPDX-License-Identifier: BSD-2-Clause
-- Selectors: what decides whether a rule is one for a packet.
local ffi = require('ffi')
local check = require('sluice.check')
local name = require('sluice.name')
local lists = require('sluice.lists')
local address = require('sluice.address')
local constants = require('sluice.constants')
local driver = require('sluice.driver')
local part = require('sluice.part')
local stores = require('sluice.stores')
local wording = require('sluice.wording')
local C = ffi.C
check.own()

local rules = {}
local Selector = {}
Selector.__index = Selector

local function selector(pointer, ...)
  return part.made(Selector, pointer, C.sluice_selector_release, string.format(...))
end
function Selector:toString() return self.text end
Selector.__tostring = Selector.toString

local CHAINS = 8 -- CHAIN_COUNT
local function matches_of(pointer)
  local rule, count = ffi.new('struct lua_rule'), 0
  for chain = 0, CHAINS - 1 do
    for index = 0, tonumber(C.sluice_rules_count(chain)) - 1 do
      if C.sluice_rule_at(chain, index, rule) and rule.selector == pointer then
        count = count + tonumber(rule.hits)
      end
    end
  end
  return count
end
function Selector:getMatches() return matches_of(self.pointer) end

function rules.AllRule() return selector(C.sluice_selector_all(), 'All') end

function rules.QNameRule(value)
  value = name.of(value)
  return selector(C.sluice_selector_qname(value), 'qname==%s', value:toString())
end

-- Long lists are told by their length.
local TOLD = 20
local function told(set)
  local count = tonumber(C.sluice_names_count(set.names))
  return count > TOLD and ('%d names'):format(count) or (set:toString():gsub(' ', ', '))
end

local function listed(list, exact)
  return selector(C.sluice_selector_list(list.list, 0, exact), 'qname in %s', list:toString())
end

-- Triggers of response policy zones other than names.
local beyond = {}
function beyond.ClientAddressRule(list)
  lists.zone(list, 'sluice.ClientAddressRule')
  return selector(C.sluice_selector_list(list.list, 1, false), 'client in %s', list:toString())
end
function beyond.AnswerAddressRule(list)
  lists.zone(list, 'sluice.AnswerAddressRule')
  return selector(C.sluice_selector_list(list.list, 3, false), 'answer in %s', list:toString())
end
-- Clients that a table of subscribers knows.
function beyond.SubscriberRule(value)
  lists.table(value, 'sluice.SubscriberRule')
  return selector(C.sluice_selector_list(value.list, 1, false), 'client in %s', value:toString())
end

local function suffixes(value, quiet)
  if lists.is(value) then
    return listed(value, false)
  end
  if type(value) == 'string' or name.is(value) then
    value = name.of(value)
    return selector(C.sluice_selector_suffix(value), '%s',
      quiet and 'qname==in-set' or 'qname in ' .. value:toString())
  end
  local node = name.is_node(value) and value or name.newSuffixMatchNode()
  if node ~= value then
    node:add(value)
  end
  part.weigh(tonumber(C.sluice_names_count(node.names)))
  return selector(C.sluice_selector_names(node.names, true), '%s',
    quiet and 'qname==in-set' or 'qname in ' .. told(node))
end
rules.QNameSuffixRule = suffixes
function rules.SuffixMatchNodeRule(value, quiet)
  if not name.is_node(value) and not lists.is(value) then
    check.fail('SuffixMatchNodeRule takes a SuffixMatchNode or a list')
  end
  return suffixes(value, quiet)
end
function rules.QNameSetRule(value)
  if lists.is(value) then
    return listed(value, true)
  end
  if not name.is_set(value) then
    check.fail('QNameSetRule takes a DNSNameSet')
  end
  local count = tonumber(C.sluice_names_count(value.names))
  part.weigh(count)
  return selector(C.sluice_selector_names(value.names, false), 'qname in DNSNameSet(%d FQDNs)',
    count)
end

local function numbers(kind, names, what, text, word)
  return function(value)
    local number = part.number_of(value, names, what)
    return selector(C.sluice_selector_number(kind, number), '%s%s', text,
      word and word(number) or tostring(number))
  end
end
rules.QTypeRule = numbers('QType', constants.DNSQType, 'qtype', 'qtype==', wording.type)
rules.QClassRule = numbers('QClass', constants.DNSClass, 'qclass', 'qclass==')
rules.OpcodeRule = numbers('Opcode', {}, 'opcode', 'opcode==')
rules.RCodeRule = numbers('RCode', constants.DNSRCode, 'rcode', 'rcode==', wording.rcode)
rules.DSTPortRule = numbers('DSTPort', {}, 'port', 'dst port==')
rules.EDNSOptionRule = numbers('EDNSOption', {}, 'EDNS option', 'ednsoptcode==')
rules.EDNSVersionRule = numbers('EDNSVersion', {}, 'EDNS version', 'ednsversion>')
rules.ERCodeRule =
  numbers('ERCode', constants.DNSRCode, 'extended rcode', 'ercode==', wording.rcode)
function rules.TCPRule(tcp)
  return selector(C.sluice_selector_number('TCP', tcp and 1 or 0), '%s', tcp and 'TCP' or 'UDP')
end
-- Of what dnsdist receives there is UDP and TCP; the others are names that match nothing.
local PROTOCOLS = {DoUDP = false, DoTCP = true}
local OTHER_PROTOCOLS = check.keys('DNSCryptUDP', 'DNSCryptTCP', 'DoT', 'DoH', 'DoQ', 'DoH3')
function rules.IncomingProtocolRule(protocol)
  if PROTOCOLS[protocol] ~= nil then
    return rules.TCPRule(PROTOCOLS[protocol])
  elseif not OTHER_PROTOCOLS[protocol] then
    check.fail('"%s" is not a protocol', tostring(protocol))
  end
  return rules.NotRule(rules.AllRule())
end
function rules.RDRule() return selector(C.sluice_selector_number('RD', 1), 'rd==1') end
function rules.TrailingDataRule()
  return selector(C.sluice_selector_number('TrailingData', 1), 'trailing data')
end
function rules.DNSSECRule() return selector(C.sluice_selector_number('DNSSEC', 1), 'DNSSEC') end

local function window(kind, text)
  return function(min, max)
    min, max = check.range(min, 'the minimum', 0, 4294967295),
      check.range(max, 'the maximum', 0, 4294967295)
    return selector(C.sluice_selector_window(kind, min, max), '%s < %d || %s > %d', text, min,
      text, max)
  end
end
rules.QNameLabelsCountRule = window('QNameLabelsCount', 'labels count')
rules.QNameWireLengthRule = window('QNameWireLength', 'wire length')
function rules.RecordsCountRule(section, min, max)
  return selector(C.sluice_selector_records(check.range(section, 'the section', 0, 3),
    check.range(min, 'the minimum', 0, 65535), check.range(max, 'the maximum', 0, 65535)),
    '%d <= records in %s <= %d', min, wording.section(tonumber(section)), max)
end

function rules.RecordsTypeCountRule(section, qtype, min, max)
  qtype = part.number_of(qtype, constants.DNSQType, 'qtype')
  return selector(C.sluice_selector_record_types(check.range(section, 'the section', 0, 3), qtype,
    check.range(min, 'the minimum', 0, 65535), check.range(max, 'the maximum', 0, 65535)),
    '%d <= %s records in %s <= %d', min, wording.type(qtype), wording.section(tonumber(section)),
    max)
end

local COMPARISONS = {equal = 0, greater = 1, greaterOrEqual = 2, smaller = 3, smallerOrEqual = 4}
function rules.PayloadSizeRule(comparison, size)
  local number = COMPARISONS[comparison] or
    check.fail('"%s" is not a comparison', tostring(comparison))
  size = check.range(size, 'the size', 0, 65535)
  return selector(C.sluice_selector_size(number, size), 'payload size is %s %d',
    wording.comparison(comparison), size)
end

function rules.PoolAvailableRule(pool)
  pool = check.string(pool, 'the pool')
  return selector(C.sluice_selector_pool(pool, #pool), "pool '%s' is available", pool)
end

function rules.PoolOutstandingRule(pool, limit)
  pool = check.string(pool, 'the pool')
  limit = check.range(limit, 'the limit', 0, 4294967295)
  return selector(C.sluice_selector_outstanding(pool, #pool, limit), "pool '%s' outstanding > %.0f",
    pool, limit)
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

function rules.NetmaskGroupRule(value, source, quiet)
  if lists.is_prefixes(value) then
    return selector(C.sluice_selector_list(value.list, source == false and 2 or 1, false), '%s: %s',
      source == false and 'Dst' or 'Src', value:toString())
  end
  if lists.is_table(value) then
    check.fail('NetmaskGroupRule takes prefixes; for %s there is sluice.SubscriberRule',
      value:toString())
  end
  local group = address.is_group(value) and value or address.newNMG(value)
  local array, count = address.array(group)
  part.weigh(count)
  return selector(C.sluice_selector_netmask(array, count, source == false), '%s: %s',
    source == false and 'Dst' or 'Src', quiet and 'in-group' or group:toString())
end

local function lookup(what, range)
  return function(store, key)
    return selector(stores.selector(what, store, key, range),
      "%slookup key-value store based on '%s'", range and 'range-based ' or '', key:toString())
  end
end
rules.KeyValueStoreLookupRule = lookup('KeyValueStoreLookupRule', false)
rules.KeyValueStoreRangeLookupRule = lookup('KeyValueStoreRangeLookupRule', true)

function rules.TagRule(key, value)
  key = check.string(key, 'the name of the tag')
  value = value ~= nil and check.string(value, 'the tag') or nil
  return selector(C.sluice_selector_tag(key, #key, value, value and #value or 0),
    "tag '%s' is set%s", key, value and (" to '%s'"):format(value) or '')
end
function rules.ProxyProtocolValueRule(type, value)
  type = check.range(type, 'the type', 0, 255)
  value = value ~= nil and check.string(value, 'the value') or nil
  return selector(C.sluice_selector_proxy(type, value, value and #value or 0),
    'proxy protocol value of type %d matches', type)
end
function rules.ProbaRule(p)
  p = tonumber(p) or check.fail('the probability must be a number')
  return selector(C.sluice_selector_probability(p), 'match with prob. %.2f', p)
end
function rules.LuaRule(callback)
  check.callback(callback, 'function')
  return selector(C.sluice_selector_lua(driver.reference(callback), false), 'Lua script')
end
function rules.LuaFFIRule(callback)
  check.callback(callback, 'function')
  return selector(C.sluice_selector_lua(driver.reference(callback), true), 'Lua FFI script')
end
function rules.LuaFFIPerThreadRule(code)
  return selector(C.sluice_selector_thread(part.code(code, 'LuaFFIPerThreadRule', 'selector')),
    'Lua FFI per-thread script')
end

-- What stands for a selector: one, a name, a netmask, or a table of names or of netmasks.
local function as_selector(value)
  if getmetatable(value) == Selector or getmetatable(value) == TimedSet then
    return value
  elseif lists.is_prefixes(value) then
    return rules.NetmaskGroupRule(value)
  elseif lists.is_table(value) then
    return beyond.SubscriberRule(value)
  elseif name.is(value) or lists.is(value) then
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
    C.sluice_warn(check.where(), 'a selector with netmasks and names: the names are ignored')
  end
  return rules.NetmaskGroupRule(masks)
end
rules.makeRule = as_selector

local Members = ffi.typeof('struct policy_selector *[?]')
local function join(kind, word)
  return function(members)
    if type(members) ~= 'table' then
      check.fail('expected a table of selectors, not %s', type(members))
    end
    local array, texts, kept = Members(#members), {}, {}
    for i, member in ipairs(members) do
      kept[i] = as_selector(member) -- until C has it
      array[i - 1], texts[i] = kept[i].pointer, '(' .. kept[i].text .. ')'
    end
    local object = selector(C.sluice_selector_join(kind, array, #members), '%s',
      table.concat(texts, word))
    kept[1] = nil
    return object
  end
end
rules.AndRule, rules.OrRule = join(0, ' && '), join(1, ' || ')
function rules.NotRule(member)
  member = as_selector(member)
  local array = Members(1, member.pointer)
  return selector(C.sluice_selector_join(2, array, 1), '!(%s)', member.text)
end

return {globals = rules, sluice = beyond, of = as_selector}
