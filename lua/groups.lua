-- SPDX-License-Identifier: BSD-2-Clause
-- DynBlockRulesGroup: clients that ask, or are answered, above limits are blocked for a time. The
-- workers count (dataplane/rules/client_counts.h) and note who may be above one; apply() decides.
local ffi = require('ffi')
local bit = require('bit')
local check = require('sluice.check')
local name = require('sluice.name')
local address = require('sluice.address')
local blocks = require('sluice.blocks')
local constants = require('sluice.constants')
local metrics = require('sluice.metrics')
local part = require('sluice.part')
local recent = require('sluice.recent')
local C = ffi.C
check.own()

local CLIENTS, CLIENTS_MAX, COLUMNS_MAX = 1000000, 2 ^ 26, 32
local SECONDS_MAX, NUMBER_MAX = 3600, 2 ^ 32 - 1
local QUERIES, TYPE, RCODES, BYTES, MISSES = 0, 1, 2, 3, 4 -- enum count_kind
local ALL_RCODES = 65535
local HOOK_CLIENT, HOOK_NAME = 0, 1 -- dnsdist's dnsdist_ffi_dynamic_block_type_nmt and _smt
local Action = constants.DNSAction

local Group = {}
Group.__index = Group

-- ---- rules

local ACTIONS = {
  [Action.Drop] = 'Drop', [Action.Nxdomain] = 'Send NXDomain', [Action.Refused] = 'Send Refused',
  [Action.Truncate] = 'Truncate over UDP', [Action.NoOp] = 'Do nothing',
  [Action.NoRecurse] = 'Set rd=0', [Action.SetTag] = 'Set Tag',
}

local option_keys = check.keys('tagName', 'tagValue')

-- What all rules have.
local function rule_of(what, seconds, reason, blocking, action, options)
  options = check.options(options, what, option_keys)
  local rule = {
    seconds = check.range(seconds, 'the seconds', 1, SECONDS_MAX),
    reason = check.string(reason, 'the reason'),
    blocking = check.range(blocking, 'the blocking time', 0, 2 ^ 31 - 1),
    action = action == nil and Action.None or check.integer(action, 'the action'),
    tag = options.tagName, value = options.tagValue,
  }
  if rule.action ~= Action.None and not ACTIONS[rule.action] then
    check.fail('%s: blocks can Drop, NoOp, Nxdomain, Refused, Truncate, NoRecurse and SetTag', what)
  end
  if rule.action == Action.SetTag and rule.tag == nil then
    check.fail('%s: SetTag needs the option tagName', what)
  end
  return rule
end

local function rate_rule(what, rate, seconds, reason, blocking, action, warning, options)
  local rule = rule_of(what, seconds, reason, blocking, action, options)
  rule.rate = check.range(rate, 'the rate', 0, NUMBER_MAX)
  rule.warning = check.range(warning == nil and 0 or warning, 'the warning rate', 0, NUMBER_MAX)
  return rule
end

local function ratio_of(value, text)
  local number = tonumber(value)
  if not number or not (number >= 0 and number <= 1) then
    check.fail('%s must be between 0 and 1', text)
  end
  return number
end

local function ratio_rule(what, ratio, seconds, reason, blocking, least, action, warning, options)
  local rule = rule_of(what, seconds, reason, blocking, action, options)
  rule.ratio = ratio_of(ratio, 'the ratio')
  rule.warning = ratio_of(warning == nil and 0 or warning, 'the warning ratio')
  rule.least = check.range(least, 'the minimum number of responses', 0, NUMBER_MAX)
  return rule
end

-- ---- columns: what has to be counted for the rules

local function lowest(limit, warning)
  return warning > 0 and math.min(limit, warning) or limit
end

-- Above how many of what it counts a client is looked at.
local function limit_of(rule)
  if rule.rate then
    return lowest(rule.rate, rule.warning) * rule.seconds
  end
  return lowest(rule.ratio, rule.warning) * rule.least
end

-- Columns of queries first; in an order that does not depend on that of the calls.
local function before(a, b)
  if a.kind ~= b.kind then
    return a.kind < b.kind
  elseif a.value ~= b.value then
    return a.value < b.value
  end
  return a.seconds < b.seconds
end

local function columns_of(self)
  local list, known = {}, {}
  local function column(kind, value, seconds, limit)
    local key = ('%d %d %d'):format(kind, value, seconds)
    local found = known[key]
    if not found then
      found = {kind = kind, value = value, seconds = seconds, limit = limit}
      known[key], list[#list + 1] = found, found
    end
    found.limit = math.min(found.limit, limit)
    return found
  end
  for _, rule in ipairs(self.order) do
    rule.counts = column(rule.kind, rule.counted, rule.seconds, limit_of(rule))
    rule.total = rule.ratio and column(RCODES, ALL_RCODES, rule.seconds, math.huge)
  end
  table.sort(list, before)
  return list
end

local function renew(self)
  local list = columns_of(self)
  if #list > COLUMNS_MAX then
    check.fail('a group counts at most %d different things', COLUMNS_MAX)
  end
  local array = ffi.new('struct lua_group_column[?]', #list)
  for i, column in ipairs(list) do
    column.index = i - 1
    array[i - 1] = {column.limit, column.seconds, column.value, column.kind}
  end
  local result = C.sluice_group_set(self.handle, self.clients, self.v4, self.v6, self.port, array,
    #list)
  if result < 0 then
    check.fail('a group of dynamic blocks: %s', ffi.string(C.sluice_strerror(result)))
  end
end

-- The order in which dnsdist asks them.
local ORDER = {'query', 'bytes', 'miss', 'types', 'rcodes', 'ratios', 'allowed'}

local function sorted(list)
  local keys = {}
  for key in pairs(list) do
    keys[#keys + 1] = key
  end
  table.sort(keys)
  return keys
end

local function set(self, what, key, kind, counted, rule)
  local previous = self.rules[what][key]
  rule.kind, rule.counted = kind, counted
  self.rules[what][key] = rule
  self.order = {}
  for _, which in ipairs(ORDER) do
    for _, each in ipairs(sorted(self.rules[which])) do
      self.order[#self.order + 1] = self.rules[which][each]
    end
  end
  local fine, message = pcall(renew, self)
  if not fine then
    self.rules[what][key] = previous
    error(message, 0)
  end
end

local function rcode_of(value)
  return check.range(value, 'the rcode', 0, 15)
end

function Group:setQueryRate(...)
  set(self, 'query', 1, QUERIES, 0, rate_rule('setQueryRate', ...))
end
function Group:setResponseByteRate(...)
  set(self, 'bytes', 1, BYTES, 0, rate_rule('setResponseByteRate', ...))
end
function Group:setQTypeRate(qtype, ...)
  qtype = part.number_of(qtype, constants.DNSQType, 'qtype')
  set(self, 'types', qtype, TYPE, qtype, rate_rule('setQTypeRate', ...))
end
function Group:setRCodeRate(rcode, ...)
  rcode = rcode_of(rcode)
  set(self, 'rcodes', rcode, RCODES, bit.lshift(1, rcode), rate_rule('setRCodeRate', ...))
end
function Group:setRCodeRatio(rcode, ...)
  rcode = rcode_of(rcode)
  set(self, 'ratios', rcode, RCODES, bit.lshift(1, rcode), ratio_rule('setRCodeRatio', ...))
end

-- The ratio is of answers with any other rcode.
function Group:setAllowedRCodesRatio(rcodes, ...)
  if type(rcodes) ~= 'table' then
    check.fail('setAllowedRCodesRatio takes a table of rcodes, not %s', type(rcodes))
  end
  local others = ALL_RCODES
  for _, rcode in ipairs(rcodes) do
    others = bit.band(others, bit.bnot(bit.lshift(1, rcode_of(rcode))))
  end
  local rule = ratio_rule('setAllowedRCodesRatio', ...)
  rule.allowed = rcodes
  set(self, 'allowed', 1, RCODES, others, rule)
end

function Group:setCacheMissRatio(ratio, seconds, reason, blocking, least, hits, ...)
  local rule = ratio_rule('setCacheMissRatio', ratio, seconds, reason, blocking, least, ...)
  rule.hits = ratio_of(hits, 'the minimum ratio of hits')
  set(self, 'miss', 1, MISSES, 0, rule)
end

-- ---- whom it is for

function Group:setMasks(v4, v6, port)
  v4 = check.range(v4, 'the IPv4 mask', 0, 32)
  v6 = check.range(v6, 'the IPv6 mask', 0, 128)
  port = check.range(port == nil and 0 or port, 'the port mask', 0, 16)
  if port > 0 and v4 ~= 32 then
    check.fail('setMasks: ports are told apart of whole IPv4 addresses only')
  end
  self.v4, self.v6, self.port = v4, v6, port
  renew(self)
end

-- Of a netmask, a table of them, or a NetmaskGroup.
local function each_range(ranges, visit)
  if address.is_group(ranges) then
    for _, prefix in pairs(ranges.masks) do
      visit(address.newNetmask(prefix))
    end
  elseif type(ranges) == 'table' then
    for _, member in ipairs(ranges) do
      each_range(member, visit)
    end
  else
    visit(address.newNetmask(ranges))
  end
end

local function ranges_apply(self)
  local array, count = address.array(self.ranges)
  if C.sluice_group_excluded_set(self.handle, array, count) < 0 then
    check.fail('no memory for the ranges of a group of dynamic blocks')
  end
end

local function ranges_add(self, ranges, negated)
  each_range(ranges, function(prefix)
    prefix.negated = (prefix.negated ~= 0) ~= negated and 1 or 0
    self.ranges:addMask(prefix)
  end)
  ranges_apply(self)
end
function Group:excludeRange(ranges) ranges_add(self, ranges, false) end
function Group:includeRange(ranges) ranges_add(self, ranges, true) end
function Group:removeRange(ranges)
  each_range(ranges, function(prefix)
    address.group_remove(self.ranges, prefix)
  end)
  ranges_apply(self)
end

function Group:excludeDomains(domains)
  for _, domain in ipairs(type(domains) == 'table' and domains or {domains}) do
    self.domains:add(name.of(domain))
  end
end

function Group:setQuiet(quiet) self.quiet = quiet and true or false end
function Group:setNewBlockInsertedHook(hook)
  self.hook = hook ~= nil and check.callback(hook, 'hook') or nil
end

-- Names are not counted but looked up in the rings of late responses. A visitor in dnsdist's FFI
-- gets the node alone and says why and what with its setters.
local function suffix_rule(self, what, ffi_visitor, seconds, reason, blocking, action, visitor,
    options)
  local rule = rule_of(what, seconds, reason, blocking, action, options)
  rule.visitor, rule.ffi = check.callback(visitor, 'visitor'), ffi_visitor
  self.suffixes = rule
end
function Group:setSuffixMatchRule(...) suffix_rule(self, 'setSuffixMatchRule', false, ...) end
function Group:setSuffixMatchRuleFFI(...) suffix_rule(self, 'setSuffixMatchRuleFFI', true, ...) end

-- ---- applying

local client = ffi.new('struct lua_group_client')

-- Whether all of a time, or all but the part that runs, is above the limit.
local function exceeds(rule, limit)
  local at, least = rule.counts.index, rule.least
  for sum = 0, 1 do
    local count = client.sums[sum][at]
    if rule.rate then
      if count > limit * rule.seconds then
        return true
      end
    else
      local total = client.sums[sum][rule.total.index]
      if total >= least and count > limit * total then
        return true
      end
    end
  end
  return false
end

-- Of all clients: where the cache hardly helps anybody, nobody is to blame.
local function hits_suffice(self, rule)
  if not self.hits then -- once for all clients of this look
    local counters = metrics.getStatisticsCounters()
    local hits, misses = counters['cache-hits'] or 0, counters['cache-misses'] or 0
    self.hits = hits > 0 and misses > 0 and hits / (hits + misses) or -1
  end
  return self.hits >= rule.hits
end

local function key_of(self)
  local whole = client.address.ipv6 == 0 and 32 or 128
  local length = client.address.ipv6 == 0 and self.v4 or self.v6
  if self.port == 0 or length < whole then
    local prefix = address.newNetmask(client.address, length)
    return prefix, 0, prefix:toString()
  end
  return client.address, self.port,
    ('%s/%d'):format(client.address:toStringWithPort(), self.port)
end

local function call_hook(self, ...)
  if not self.hook then
    return
  end
  local fine, message = pcall(self.hook, ...)
  if not fine then
    C.sluice_error(tostring(message), 0)
  end
end

local function add(self, rule, warning)
  local key, port, text = key_of(self)
  local action = warning and Action.NoOp or rule.action
  -- One that finds no room must not keep the others from what is theirs.
  local fine, new = pcall(blocks.add_client, key, rule.reason, rule.blocking, action, warning, port,
    rule.tag, rule.value)
  if not fine and not self.failed then
    self.failed = true
    C.sluice_error(tostring(new), 0)
  end
  if not fine or not new then
    return
  end
  if not self.quiet then
    blocks.say()
  end
  call_hook(self, HOOK_CLIENT, text, rule.reason, rule.action, rule.blocking, warning)
end

-- A warning first, so that the block takes its place if it is above that, too.
local function decide(self)
  for _, rule in ipairs(self.order) do
    local warned = rule.warning > 0 and exceeds(rule, rule.warning)
    local blocked = exceeds(rule, rule.rate or rule.ratio)
    if (warned or blocked) and (not rule.hits or hits_suffice(self, rule)) then
      if warned then
        add(self, rule, true)
      end
      if blocked then
        add(self, rule, false)
        return
      end
    end
  end
end

local function add_name(self, rule, node, reason, action)
  local suffix = name.of(node.fullname)
  if self.domains:check(suffix) then
    return
  end
  local new = blocks.add_suffix(suffix, reason, rule.blocking, action, false, rule.tag, rule.value)
  if not new then
    return
  end
  if not self.quiet then
    blocks.say()
  end
  call_hook(self, HOOK_NAME, suffix:toString(), reason, action, rule.blocking, false)
end

-- What the visitor says of a node: whether it is blocked, why, and what is done.
local function verdict(rule, node, own, all)
  if not rule.ffi then
    local blocked, reason, action = rule.visitor(node, own, all)
    return blocked, reason, action
  end
  node.action, node.reason_length = -1, 0
  local blocked = rule.visitor(node)
  return blocked, node.reason_length > 0 and ffi.string(node.reason, node.reason_length) or nil,
    node.action >= 0 and node.action or nil
end

local function apply_suffixes(self, rule)
  recent.visit_suffixes(rule.seconds, function(node, own, all)
    local blocked, reason, action = verdict(rule, node, own, all)
    if blocked and blocked ~= 0 then
      add_name(self, rule, node, reason or rule.reason, action or rule.action)
    end
  end)
end

function Group:apply()
  if self.suffixes then
    apply_suffixes(self, self.suffixes)
  end
  self.hits, self.failed = nil, nil
  C.sluice_group_begin(self.handle)
  while C.sluice_group_next(self.handle, client) do
    decide(self)
  end
end

-- ---- showing

local function describe(rule)
  if not rule then
    return ''
  end
  return ("%sfor %d seconds when over %s during the last %d seconds, reason: '%s'"):format(
    ACTIONS[rule.action] and ACTIONS[rule.action] .. ' ' or 'Apply the global DynBlock action ',
    rule.blocking, rule.ratio and ('%f ratio'):format(rule.ratio) or tostring(rule.rate or 0),
    rule.seconds, rule.reason)
end

local function name_in(list, number, otherwise)
  for text, value in pairs(list) do
    if value == number then
      return text
    end
  end
  return otherwise:format(number)
end

function Group:toString()
  local lines = {
    'Query rate rule: ' .. describe(self.rules.query[1]),
    'Response rate rule: ' .. describe(self.rules.bytes[1]),
    'SuffixMatch rule: ' .. describe(self.suffixes),
    'Response cache-miss ratio rule: ' .. describe(self.rules.miss[1]),
    'RCode rules: ',
  }
  local function lines_of(list, names, otherwise)
    for _, number in ipairs(sorted(list)) do
      lines[#lines + 1] = ('- %s: %s'):format(name_in(names, number, otherwise),
        describe(list[number]))
    end
  end
  lines_of(self.rules.rcodes, constants.DNSRCode, 'RCODE%d')
  lines_of(self.rules.ratios, constants.DNSRCode, 'RCODE%d')
  if self.rules.allowed[1] then
    lines[#lines + 1] = 'Allowed RCodes ratio rule: ' .. describe(self.rules.allowed[1])
  end
  lines[#lines + 1] = 'QType rules: '
  lines_of(self.rules.types, constants.DNSQType, 'TYPE%d')
  lines[#lines + 1] = 'Excluded Subnets: ' .. self.ranges:toString()
  lines[#lines + 1] = 'Excluded Domains: ' .. self.domains:toString()
  return table.concat(lines, '\n') .. '\n'
end
Group.__tostring = Group.toString

local groups = {globals = {}}
local group_keys = check.keys('clients')

-- `clients`: so many are told apart by each worker, beyond dnsdist.
function groups.globals.dynBlockRulesGroup(options)
  options = check.options(options, 'dynBlockRulesGroup', group_keys)
  local handle = C.sluice_group_new()
  if handle == nil then -- those that nobody has any more make room
    collectgarbage()
    handle = C.sluice_group_new()
  end
  if handle == nil then
    check.fail('a group of dynamic blocks: %s', ffi.string(C.sluice_policy_error()))
  end
  local self = setmetatable({
    handle = ffi.gc(handle, C.sluice_group_free), -- it ends when nobody has it any more
    order = {}, rules = {}, v4 = 32, v6 = 128, port = 0, quiet = false,
    clients = check.range(options.clients or CLIENTS, 'clients', 1, CLIENTS_MAX),
    ranges = address.newNMG(), domains = name.newSuffixMatchNode(),
  }, Group)
  for _, which in ipairs(ORDER) do
    self.rules[which] = {}
  end
  return self
end

return groups
