-- SPDX-License-Identifier: BSD-2-Clause
-- Actions: what a rule does with the packets that it is for.
local ffi = require('ffi')
local check = require('sluice.check')
local name = require('sluice.name')
local lists = require('sluice.lists')
local address = require('sluice.address')
local constants = require('sluice.constants')
local driver = require('sluice.driver')
local part = require('sluice.part')
local wording = require('sluice.wording')
local stores = require('sluice.stores')
local C = ffi.C
check.own()

local rules = {}
local Action = {}
Action.__index = Action

-- `response`: whether it is one for responses, nil: for both.
local function action(pointer, response, ...)
  local object = part.made(Action, pointer, C.sluice_action_release, string.format(...))
  object.response = response
  return object
end
function Action:toString() return self.text end
function Action.getStats() return {} end
function Action.printStats() return '' end
function Action.reload() end
Action.__tostring = Action.toString
local classes = {[Action] = true}
-- One that can do more: methods are set in what is returned, its metatable.
local function class()
  local made = setmetatable({}, {__index = Action})
  made.__index, made.__tostring = made, Action.toString
  classes[made] = true
  return made
end
-- One that has a file.
local Log = class()
function Log:reload() C.sluice_action_log_reopen(self.pointer) end

local function is(value) return classes[getmetatable(value)] ~= nil end

local reply_keys = check.keys('ttl', 'aa', 'ad', 'ra')
local raw_keys = check.keys('ttl', 'aa', 'ad', 'ra', 'typeForAny')
local soa_keys = check.keys('ttl', 'aa', 'ad', 'ra', 'soaInAuthoritySection')
local ReplyOptions = ffi.typeof('struct lua_reply_options')
local usual = ReplyOptions({ttl = 60})
local bits = {aa = 'set_aa', ad = 'set_ad', ra = 'set_ra'}
local function reply_options(value, what, keys)
  if value == nil then
    return usual
  end
  value = check.options(value, what, keys or reply_keys)
  local options = ReplyOptions({ttl = check.range(value.ttl or 60, 'ttl', 0, 4294967295)})
  for key, is_set in pairs(bits) do
    if value[key] ~= nil then
      options[is_set], options[key] = 1, value[key] and 1 or 0
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
rules.SetDisableECSAction = plain('SetDisableECS', false, 'disable ECS')
rules.SetSkipCacheResponseAction = plain('SetSkipCache', true, 'skip cache')

function rules.RCodeAction(rcode, options)
  rcode = part.number_of(rcode, constants.DNSRCode, 'rcode')
  return action(C.sluice_action_rcode(rcode, reply_options(options, 'RCodeAction')), false,
    'set rcode %d', rcode)
end
local Addresses = ffi.typeof('struct lua_address[?]')
function rules.SpoofAction(values, options)
  local list = type(values) == 'table' and getmetatable(values) == nil and values or {values}
  local array, texts = Addresses(#list), {}
  for i, value in ipairs(list) do
    value = address.of(value)
    array[i - 1] = value
    texts[i] = (value.ipv6 ~= 0 and 'AAAA ' or 'A ') .. value:toString()
  end
  return action(C.sluice_action_spoof(array, #list, reply_options(options, 'SpoofAction')), false,
    'spoof %s', table.concat(texts, ' '))
end
function rules.ERCodeAction(rcode, options)
  rcode = part.number_of(rcode, constants.DNSRCode, 'rcode')
  return action(C.sluice_action_rcode(check.range(rcode, 'the rcode', 0, 4095),
    reply_options(options, 'ERCodeAction')), false, 'set ercode %s', wording.rcode(rcode))
end
function rules.SpoofCNAMEAction(target, options)
  target = name.of(target)
  return action(C.sluice_action_cname(target, reply_options(options, 'SpoofCNAMEAction')), false,
    'spoof CNAME %s', target:toString())
end
function rules.SpoofRawAction(values, options)
  local list, texts = type(values) == 'table' and values or {values}, {}
  local array = ffi.new('struct lua_bytes[?]', #list)
  for i, value in ipairs(list) do
    texts[i] = check.string(value, 'the data') -- stays there until C has copied it
    array[i - 1].data, array[i - 1].length = texts[i], #texts[i]
  end
  local any = type(options) == 'table' and options.typeForAny or 0
  return action(C.sluice_action_raw(array, #list, part.number_of(any, constants.DNSQType, 'qtype'),
    reply_options(options, 'SpoofRawAction', raw_keys)), false, 'spoof raw bytes')
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
  if not is(wrapped) then
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
function rules.SetECSOverrideAction(override)
  override = override and true or false
  return action(C.sluice_action_ecs_override(override), false, 'set ECS override to %d',
    override and 1 or 0)
end
function rules.SetECSPrefixLengthAction(v4, v6)
  v4, v6 = check.range(v4, 'the IPv4 prefix', 0, 32), check.range(v6, 'the IPv6 prefix', 0, 128)
  return action(C.sluice_action_ecs_prefix(v4, v6), false, 'set ECS prefix length to %d/%d', v4,
    v6)
end
-- With two netmasks each is for the clients of its family, else the one is for all.
function rules.SetECSAction(v4, v6)
  local first = address.newNetmask(v4)
  local second = v6 ~= nil and address.newNetmask(v6) or first
  if v6 ~= nil and not (first:isIPv4() and second:isIPv6()) then
    check.fail('SetECSAction takes an IPv4 netmask and then an IPv6 netmask')
  end
  return action(C.sluice_action_ecs(first, second), false, 'set ECS to %s%s', first:toString(),
    v6 ~= nil and ' / ' .. second:toString() or '')
end
-- Values by their types, for the PROXY headers to servers.
local function proxy_action(values, replace, ...)
  local types, texts = {}, {} -- what C is shown has to stay until it has copied it
  for key, value in pairs(values) do
    local type = check.range(key, 'the type', 0, 255)
    if not texts[type] then
      types[#types + 1] = type
    end
    texts[type] = check.string(value, 'the value')
  end
  table.sort(types)
  local list = ffi.new('struct lua_option[?]', #types)
  for i, type in ipairs(types) do
    local value = texts[type]
    list[i - 1].code, list[i - 1].data.data, list[i - 1].data.length = type, value, #value
  end
  return action(C.sluice_action_proxy(list, #types, replace), false, ...)
end
function rules.SetProxyProtocolValuesAction(values)
  if type(values) ~= 'table' then
    check.fail('SetProxyProtocolValuesAction takes a table, not %s', type(values))
  end
  return proxy_action(values, true, 'set Proxy-Protocol values')
end
function rules.SetAdditionalProxyProtocolValueAction(type, value)
  type = check.range(type, 'the type', 0, 255)
  return proxy_action({[type] = value}, false, 'add a Proxy-Protocol value of type %d', type)
end
local function ttl_action(kind, response, text)
  return function(ttl)
    ttl = check.range(ttl, 'the TTL', 0, 4294967295)
    return action(C.sluice_action_ttl(kind, ttl), response, '%s to %.0f', text, ttl)
  end
end
local CAP = 'cap the TTL of the returned response'
rules.SetTempFailureCacheTTLAction =
  ttl_action('SetTempFailureCacheTTL', false, 'set tempfailure cache ttl')
rules.SetMaxReturnedTTLAction = ttl_action('SetMaxReturnedTTL', false, CAP)
rules.SetMaxReturnedTTLResponseAction = ttl_action('SetMaxReturnedTTL', true, CAP)

-- Types as numbers, names, or a table of either.
local function types_of(value)
  local list = type(value) == 'table' and value or {value}
  local array = ffi.new('uint16_t[?]', #list)
  for i, member in ipairs(list) do
    array[i - 1] = part.number_of(member, constants.DNSQType, 'qtype')
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
  local texts = {}
  for index = 1, count do
    texts[index] = wording.type(types[index - 1])
  end
  return action(C.sluice_action_limit(min, max, types, count), true,
    'limit ttl (%.0f <= ttl <= %.0f%s)', min, max,
    count > 0 and (', types in [%s]'):format(table.concat(texts, ' ')) or '')
end
function rules.LimitTTLResponseAction(min, max, types)
  return limit(min, max or 4294967295, types)
end
function rules.SetMinTTLResponseAction(min) return limit(min, 4294967295) end
function rules.SetMaxTTLResponseAction(max) return limit(0, max) end
function rules.SetReducedTTLResponseAction(percent)
  percent = check.range(percent, 'the percentage', 0, 100)
  return action(C.sluice_action_reduce(percent), true, 'reduce ttl to %f percent of its value',
    percent)
end

local function lookup(what, range)
  return function(store, key, tag)
    tag = check.string(tag, 'the name of the tag')
    return action(stores.action(what, store, key, range, tag), false,
      "%s based on '%s' and set the result in tag '%s'",
      range and 'do a range-based lookup in key-value store' or 'lookup key-value store',
      key:toString(), tag)
  end
end
rules.KeyValueStoreLookupAction = lookup('KeyValueStoreLookupAction', false)
rules.KeyValueStoreRangeLookupAction = lookup('KeyValueStoreRangeLookupAction', true)

local function both(constructor, query, response)
  rules[query], rules[response] = constructor(false), constructor(true)
end
function rules.SetMacAddrAction(code)
  code = check.range(code, 'the code', 0, 65535)
  return action(C.sluice_action_mac(code), false, 'add EDNS MAC (code=%d)', code)
end

local DELAY_MAX = 3600000 -- NOTE_DELAY_MAX
both(function(response)
  return function(ms)
    ms = check.range(ms, 'the delay', 0, DELAY_MAX)
    return action(C.sluice_action_delay(ms), response, 'delay by %d ms', ms)
  end
end, 'DelayAction', 'DelayResponseAction')

-- Text in which {entry} and {list} stand for what made the rule match.
local Matched = {}
local beyond = {}
function beyond.matched(text)
  return setmetatable({text = check.string(text or '{entry}', 'the text')}, Matched)
end
local function text_of(value, what)
  if getmetatable(value) == Matched then
    return value.text, true
  end
  return check.string(value, what), false
end
local function expanded(object, expand)
  if expand then
    C.sluice_action_expand(object.pointer)
  end
  return object
end

function beyond.RPZAction(list)
  lists.zone(list, 'sluice.RPZAction')
  return action(C.sluice_action_rpz(list.list), false, 'what %s says', list:toString())
end
function beyond.RPZResponseAction(list)
  lists.zone(list, 'sluice.RPZResponseAction')
  return action(C.sluice_action_rpz(list.list), true, 'what %s says', list:toString())
end

-- The tags of who the client is, and one for the id.
local subscriber_keys = check.keys('tag')
local function subscriber(what, response)
  return function(list, options)
    lists.table(list, what)
    options = check.options(options, what, subscriber_keys)
    local tag = check.string(options.tag or 'subscriber', 'the name of the tag')
    return action(C.sluice_action_subscriber(list.list, tag, #tag), response,
      'set the tags of the subscriber in %s', list:toString())
  end
end
beyond.CacheOnlyAction = plain('CacheOnly', false, 'answer from the cache or not at all')

beyond.SubscriberAction = subscriber('sluice.SubscriberAction', false)
beyond.SubscriberResponseAction = subscriber('sluice.SubscriberResponseAction', true)

both(function(response)
  return function(key, value)
    key = check.string(key, 'the name of the tag')
    local text, expand = text_of(value, 'the tag')
    return expanded(action(C.sluice_action_tag(key, #key, text, #text), response,
      "set tag '%s' to value '%s'", key, text), expand)
  end
end, 'SetTagAction', 'SetTagResponseAction')
both(function(response)
  return function(key)
    key = check.string(key, 'the name of the tag')
    return action(C.sluice_action_untag(key, #key), response, "unset tag '%s'", key)
  end
end, 'UnsetTagAction', 'UnsetTagResponseAction')
both(function(response)
  return function(code, text, clear)
    code = check.range(code, 'the code', 0, 65535)
    local value, expand = text_of(text or '', 'the text')
    return expanded(action(C.sluice_action_ede(code, value, #value, clear ~= false), response,
      'set EDNS Extended DNS Error to %d%s', code,
      value ~= '' and (': "%s"'):format(value) or ''), expand)
  end
end, 'SetExtendedDNSErrorAction', 'SetExtendedDNSErrorResponseAction')
both(function(response)
  return function(code, data)
    code, data = check.range(code, 'the code', 0, 65535), check.string(data, 'the option')
    return action(C.sluice_action_option(code, data, #data), response,
      'add EDNS Option %s(code=%d)', response and 'to response ' or '', code)
  end
end, 'SetEDNSOptionAction', 'SetEDNSOptionResponseAction')

-- A line, or for queries a binary record, of each packet.
local LOG_FLAGS = {binary = 1, append = 2, buffered = 4, verboseOnly = 8, includeTimestamp = 16}
local function log_action(response, what, path, options)
  local flags = 0
  for key, set in pairs(options) do
    flags = flags + (set and LOG_FLAGS[key] or 0)
  end
  what = path == '' and what or what .. ' to ' .. path
  return setmetatable(action(C.sluice_action_log(path, flags), response, '%s', what), Log)
end
function rules.LogAction(path, binary, append, buffered, verbose, time)
  path = check.string(path or '', 'the file')
  return log_action(false, 'log', path, {binary = path ~= '' and binary ~= false,
    append = append, buffered = buffered, verboseOnly = verbose ~= false, includeTimestamp = time})
end
function rules.LogResponseAction(path, append, buffered, verbose, time)
  path = check.string(path or '', 'the file')
  return log_action(true, 'log', path, {append = append, buffered = buffered,
    verboseOnly = verbose ~= false, includeTimestamp = time})
end

local function lua_action(is_ffi)
  return function(response)
    return function(callback)
      check.callback(callback, 'function')
      return action(C.sluice_action_lua(driver.reference(callback), is_ffi), response, 'Lua%s%s',
        is_ffi and ' FFI' or '', response and not is_ffi and ' response script' or ' script')
    end
  end
end
both(lua_action(false), 'LuaAction', 'LuaResponseAction')
both(lua_action(true), 'LuaFFIAction', 'LuaFFIResponseAction')
local function thread_action(what, response)
  return function(code)
    return action(C.sluice_action_thread(part.code(code, what, 'action')), response,
      'Lua FFI per-thread script')
  end
end
rules.LuaFFIPerThreadAction = thread_action('LuaFFIPerThreadAction', false)
rules.LuaFFIPerThreadResponseAction = thread_action('LuaFFIPerThreadResponseAction', true)

-- As they were called before dnsdist 1.6.
rules.TagAction, rules.TagResponseAction = rules.SetTagAction, rules.SetTagResponseAction
rules.SetNegativeAndSOAAction = rules.NegativeAndSOAAction
rules.SkipCacheAction = rules.SetSkipCacheAction
rules.DisableECSAction = rules.SetDisableECSAction
rules.ECSOverrideAction = rules.SetECSOverrideAction
rules.ECSPrefixLengthAction = rules.SetECSPrefixLengthAction
rules.MacAddrAction = rules.SetMacAddrAction
rules.NoRecurseAction = rules.SetNoRecurseAction
rules.DisableValidationAction = rules.SetDisableValidationAction
rules.TempFailureCacheTTLAction = rules.SetTempFailureCacheTTLAction

return {globals = rules, sluice = beyond, is = is, made = action, class = class}
