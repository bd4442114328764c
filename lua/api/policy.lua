-- SPDX-License-Identifier: BSD-2-Clause
-- Rules, servers and settings: what a policy file declares.
local ffi = require('ffi')
local constants = require('constants')
local values = require('values')
local C = ffi.C

-- actions: by reference, what C names when a packet needs Lua
local policy = {actions = {}, globals = {}}
local G = policy.globals
local chains = {Query = 0, CacheMiss = 1, Response = 2, CacheHit = 3, CacheInserted = 4, SelfAnswered = 5}

local Selector, Action = {}, {}
Selector.__index, Action.__index = Selector, Action
function Selector:toString() return self.text end
Selector.__tostring = Selector.toString

local function selector(handle, text)
  if handle == nil then
    error('the selector ' .. text .. ' cannot be made', 3)
  end
  return setmetatable({handle = handle, text = text}, Selector)
end

local function action(handle, text)
  if handle == nil then
    error('the action ' .. text .. ' cannot be made', 3)
  end
  return setmetatable({handle = handle, text = text}, Action)
end

-- ---- sets

local NetmaskGroup = {}
NetmaskGroup.__index = NetmaskGroup
function NetmaskGroup:addMask(mask)
  if not C.sluice_address_parse((mask:gsub('^!', '')), values.Address()) then
    error('not a netmask: ' .. tostring(mask), 2)
  end
  table.insert(self.masks, mask)
end
function NetmaskGroup:addNMG(other)
  for _, mask in ipairs(other.masks) do
    table.insert(self.masks, mask)
  end
end
function NetmaskGroup:size() return #self.masks end
function NetmaskGroup:clear() self.masks = {} end
function NetmaskGroup:toString() return table.concat(self.masks, ', ') end

local SuffixMatchNode = {}
SuffixMatchNode.__index = SuffixMatchNode
function SuffixMatchNode:add(names)
  if type(names) ~= 'table' then
    names = {names}
  end
  for _, name in ipairs(names) do
    name = values.name(name, 2)
    self.names[name:toString():lower()] = values.Name(name)
  end
end
function SuffixMatchNode:remove(names)
  if type(names) ~= 'table' then
    names = {names}
  end
  for _, name in ipairs(names) do
    self.names[values.name(name, 2):toString():lower()] = nil
  end
end
function SuffixMatchNode:getBestMatch(name)
  local rest = values.Name(values.name(name, 2))
  repeat
    local found = self.names[rest:toString():lower()]
    if found then
      return found
    end
  until not rest:chopOff()
  return nil
end
function SuffixMatchNode:check(name) return self:getBestMatch(name) ~= nil end

function G.newSuffixMatchNode() return setmetatable({names = {}}, SuffixMatchNode) end
function G.newNMG() return setmetatable({masks = {}}, NetmaskGroup) end
function G.newDNSName(text) return values.Name(values.name(text, 2)) end
function G.newDNSNameFromRaw(wire) return values.name_from_raw(wire) end
function G.newCA(text) return values.Address(values.address(text, 2)) end

-- ---- selectors

local function suffix_selector(names)
  local list, count = {}, 0
  for _, name in pairs(names) do
    count = count + 1
    list[count] = name
  end
  local array = ffi.new('struct lua_name[?]', math.max(count, 1))
  for i = 1, count do
    array[i - 1] = list[i]
  end
  return selector(C.sluice_selector_suffixes(array, count), 'qname in ' .. count .. ' suffixes')
end

local function netmask_selector(masks, destination)
  local array = ffi.new('const char *[?]', math.max(#masks, 1))
  for i, mask in ipairs(masks) do
    array[i - 1] = mask
  end
  return selector(C.sluice_selector_netmasks(array, #masks, destination),
    (destination and 'Dst: ' or 'Src: ') .. table.concat(masks, ', '))
end

local function is_netmask(text)
  return type(text) == 'string' and C.sluice_address_parse((text:gsub('^!', '')), values.Address())
end

-- What add*Action takes as its first argument (netmasks win over names in a table).
local function selector_of(value, level)
  if getmetatable(value) == Selector then
    return value
  end
  local list = (type(value) == 'table') and value or {value}
  local masks, names = {}, {}
  for _, item in ipairs(list) do
    if is_netmask(item) then
      table.insert(masks, item)
    elseif type(item) == 'string' or ffi.istype(values.Name, item) then
      table.insert(names, values.name(item, level + 1))
    else
      error('not a selector: ' .. tostring(item), level + 1)
    end
  end
  if #masks > 0 then
    if #names > 0 then
      C.sluice_log(2, 'a selector mixes netmasks and names: the names are ignored', 58)
    end
    return netmask_selector(masks, false)
  end
  if #names == 0 then
    error('not a selector: ' .. tostring(value), level + 1)
  end
  return suffix_selector(names)
end

function G.makeRule(value) return selector_of(value, 2) end
function G.AllRule() return selector(C.sluice_selector_all(), 'All') end
function G.QNameRule(name)
  name = values.name(name, 2)
  return selector(C.sluice_selector_qname(name), 'qname==' .. tostring(name))
end
function G.SuffixMatchNodeRule(node)
  return suffix_selector(node.names)
end
function G.QNameSuffixRule(names)
  if getmetatable(names) == SuffixMatchNode then
    return suffix_selector(names.names)
  end
  local list = {}
  for _, name in ipairs(type(names) == 'table' and names or {names}) do
    table.insert(list, values.name(name, 2))
  end
  return suffix_selector(list)
end
function G.NetmaskGroupRule(group, source)
  local masks = group
  if getmetatable(group) == NetmaskGroup then
    masks = group.masks
  elseif type(group) == 'string' then
    masks = {group}
  end
  return netmask_selector(masks, source == false)
end

local function type_number(value, what, known)
  if type(value) == 'string' and known[value:upper()] then
    return known[value:upper()]
  end
  if type(value) == 'string' and value:upper():match('^TYPE%d+$') then
    return tonumber(value:match('%d+'))
  end
  local number = tonumber(value)
  if not number then
    error('not a ' .. what .. ': ' .. tostring(value), 3)
  end
  return number
end

local function number_selector(kind, what, known)
  return function(value)
    local number = type_number(value, what, known or {})
    return selector(C.sluice_selector_number(kind, number), what .. '==' .. tostring(value))
  end
end
G.QTypeRule = number_selector('qtype', 'qtype', constants.DNSQType)
G.QClassRule = number_selector('qclass', 'qclass', constants.DNSClass)
G.OpcodeRule = number_selector('opcode', 'opcode', constants.DNSOpcode)
G.RCodeRule = number_selector('rcode', 'rcode', constants.DNSRCode)
G.DSTPortRule = number_selector('dstport', 'port')
function G.RDRule() return selector(C.sluice_selector_number('rd', 1), 'rd==1') end
function G.DNSSECRule() return selector(C.sluice_selector_number('dnssec', 1), 'DNSSEC') end
function G.TCPRule(tcp)
  return selector(C.sluice_selector_number('tcp', tcp and 1 or 0), 'TCP')
end
function G.TagRule(key, value)
  return selector(C.sluice_selector_tag(key, #key, value, value and #value or 0), 'tag ' .. key)
end

local function group(make, name, joint)
  return function(members)
    local array, texts = ffi.new('struct policy_selector *[?]', math.max(#members, 1)), {}
    for i, member in ipairs(members) do
      member = selector_of(member, 2)
      array[i - 1], texts[i] = member.handle, '(' .. member.text .. ')'
    end
    return selector(make(array, #members), #members > 0 and table.concat(texts, joint) or name)
  end
end
G.AndRule = group(C.sluice_selector_and, 'And', ' && ')
G.OrRule = group(C.sluice_selector_or, 'Or', ' || ')
function G.NotRule(member)
  member = selector_of(member, 2)
  return selector(C.sluice_selector_not(member.handle), '!(' .. member.text .. ')')
end

-- ---- actions

local function plain(kind, text)
  return function()
    return action(C.sluice_action_plain(kind), text)
  end
end
G.AllowAction, G.AllowResponseAction = plain('allow', 'allow'), plain('allow', 'allow')
G.DropAction, G.DropResponseAction = plain('drop', 'drop'), plain('drop', 'drop')
G.NoneAction = plain('none', 'no op')
G.TCAction, G.TCResponseAction = plain('truncate', 'tc=1 answer'), plain('truncate', 'tc=1 answer')
G.SetNoRecurseAction = plain('norecurse', 'set rd=0')
G.SetDisableValidationAction = plain('novalidation', 'set cd=1')
G.SetSkipCacheAction = plain('skipcache', 'skip cache')
G.SetSkipCacheResponseAction = G.SetSkipCacheAction

local function tristate(value)
  return value == nil and -1 or (value and 1 or 0)
end
function G.RCodeAction(rcode, options)
  options = options or {}
  for key in pairs(options) do
    if key ~= 'aa' and key ~= 'ad' and key ~= 'ra' and key ~= 'ttl' then
      error('RCodeAction: unknown key ' .. tostring(key), 2)
    end
  end
  return action(C.sluice_action_rcode(values.integer(rcode, 'rcode'), tristate(options.aa),
    tristate(options.ad), tristate(options.ra), options.ttl or 60), 'set rcode ' .. rcode)
end
function G.PoolAction(name, stop)
  return action(C.sluice_action_pool(name, #name, stop ~= false), 'to pool ' .. name)
end
function G.SetTagAction(key, value)
  value = tostring(value)
  return action(C.sluice_action_tag(key, #key, value, #value), 'set tag ' .. key)
end
G.SetTagResponseAction, G.TagAction, G.TagResponseAction =
  G.SetTagAction, G.SetTagAction, G.SetTagAction
function G.UnsetTagAction(key)
  return action(C.sluice_action_untag(key, #key), 'unset tag ' .. key)
end
G.UnsetTagResponseAction = G.UnsetTagAction

local function lua_action(is_ffi, text)
  return function(fn)
    if type(fn) ~= 'function' then
      error(text .. ': expected a function, found ' .. type(fn), 2)
    end
    table.insert(policy.actions, fn)
    return action(C.sluice_action_lua(#policy.actions, is_ffi), text)
  end
end
G.LuaAction, G.LuaResponseAction = lua_action(false, 'Lua script'), lua_action(false, 'Lua response script')
G.LuaFFIAction = lua_action(true, 'Lua FFI script')
G.LuaFFIResponseAction = lua_action(true, 'Lua FFI response script')

-- ---- chains

local function adder(chain, name)
  return function(where, what, options)
    options = options or {}
    for key in pairs(options) do
      if key ~= 'name' and key ~= 'uuid' then
        error(name .. ': unknown key ' .. tostring(key), 2)
      end
    end
    local rule = selector_of(where, 2)
    if getmetatable(what) ~= Action then
      error(name .. ': the second argument is not an action', 2)
    end
    local failed = C.sluice_rule_add(chain, rule.handle, what.handle, options.name, options.uuid)
    if failed ~= 0 then
      error(name .. ': the rule is refused: this chain cannot run that action, the UUID is taken '
        .. 'or malformed, or there are too many rules', 2)
    end
  end
end
G.addAction = adder(chains.Query, 'addAction')
G.addCacheMissAction = adder(chains.CacheMiss, 'addCacheMissAction')
G.addResponseAction = adder(chains.Response, 'addResponseAction')
for _, chain in ipairs({'CacheHit', 'CacheInserted', 'SelfAnswered'}) do
  local name = 'add' .. chain .. 'ResponseAction'
  G[name] = adder(chains[chain], name)
end
function G.clearRules() C.sluice_rules_clear(chains.Query) end
function G.clearResponseRules() C.sluice_rules_clear(chains.Response) end

-- ---- servers and settings

local server_keys = {
  address = 1, name = 1, id = 1, pool = 1, order = 1, weight = 1, udpTimeout = 1,
  healthCheckMode = 1, checkName = 1, checkType = 1, checkClass = 1, checkInterval = 1,
  checkTimeout = 1, maxCheckFailures = 1, rise = 1, mustResolve = 1, setCD = 1, sockets = 1,
  source = 1, qps = 1, maxOutstandingQueries = 1, retries = 1, useClientSubnet = 1,
}

function G.newServer(options)
  if type(options) ~= 'table' then
    options = {address = options}
  end
  for key in pairs(options) do
    if not server_keys[key] then
      error('newServer: unknown key ' .. tostring(key), 2)
    end
  end
  if type(options.address) ~= 'string' then
    error('newServer: address is missing', 2)
  end
  local pools = options.pool or ''
  if type(pools) ~= 'table' then
    pools = {pools}
  end
  local array = ffi.new('const char *[?]', math.max(#pools, 1))
  for i, pool in ipairs(pools) do
    array[i - 1] = pool
  end
  if C.sluice_server_add(options.address, options.name, options.id, tonumber(options.weight) or 1,
      tonumber(options.order) or 1, (tonumber(options.udpTimeout) or 0) * 1000, array, #pools) ~= 0 then
    error('newServer: not a usable address, or a server that is there already: ' .. options.address, 2)
  end
end

local function acl(replace)
  return function(masks)
    if type(masks) ~= 'table' then
      masks = {masks}
    end
    local array = ffi.new('const char *[?]', math.max(#masks, 1))
    for i, mask in ipairs(masks) do
      array[i - 1] = mask
    end
    if C.sluice_acl(array, #masks, replace) ~= 0 then
      error('the ACL has a malformed netmask', 2)
    end
  end
end
G.setACL, G.addACL = acl(true), acl(false)

local function listener(replace)
  return function(address)
    if C.sluice_listener_add(address, replace) ~= 0 then
      error('not an address to listen on: ' .. tostring(address), 2)
    end
  end
end
G.setLocal, G.addLocal = listener(true), listener(false)
function G.setUDPTimeout(seconds) C.sluice_settings(math.max(1, seconds * 1000), -1) end
function G.setServFailWhenNoServer(on) C.sluice_settings(0, on and 1 or 0) end

local function logger(level)
  return function(message)
    message = tostring(message)
    C.sluice_log(level, message, #message)
  end
end
G.vinfolog, G.infolog, G.warnlog, G.errlog = logger(0), logger(1), logger(2), logger(3)

return policy
