-- SPDX-License-Identifier: BSD-2-Clause
-- Dynamic blocks: clients and names that something is done to for a time, before the query rules.
local ffi = require('ffi')
local check = require('sluice.check')
local name = require('sluice.name')
local address = require('sluice.address')
local constants = require('sluice.constants')
local C = ffi.C
check.own()

local ADDED, SECONDS_MAX, TEXT_SIZE = 2, 1e9, 1024
local Action = constants.DNSAction
local request = ffi.new('struct lua_block')
local kept -- the strings that it points to

local NAMES = {
  [Action.Drop] = 'Drop', [Action.Nxdomain] = 'Send NXDomain', [Action.Refused] = 'Send Refused',
  [Action.Truncate] = 'Truncate over UDP', [Action.None] = 'Do nothing',
  [Action.NoOp] = 'Do nothing', [Action.NoRecurse] = 'Set rd=0', [Action.SetTag] = 'Set Tag',
}

local function action_of(value)
  local action = value == nil and Action.None or check.integer(value, 'the action')
  if not NAMES[action] then
    check.fail('dynamic blocks can Drop, NoOp, Nxdomain, Refused, Truncate, NoRecurse and SetTag')
  end
  return action
end

-- ---- what they are for

-- Of an address, a netmask or a text of either; the port is that of an address.
local function client_set(value, bits, port_bits)
  local client = address.is(value) and value or
    (type(value) == 'string' and address.parse(value)) or nil
  local prefix = address.newNetmask(client or value)
  if bits ~= nil then
    prefix.length = check.range(bits, 'the number of bits', 0, prefix.ipv6 ~= 0 and 128 or 32)
  end
  request.named, request.client = 0, prefix
  request.port = client and client.port or 0
  request.port_bits = check.range(port_bits or 0, 'the port mask', 0, 16)
  if request.port_bits > 0 and prefix.length < (prefix.ipv6 ~= 0 and 128 or 32) then
    check.fail('a port mask is for whole addresses, not for %s', prefix:toString())
  end
end

local function suffix_set(value)
  request.named, request.suffix = 1, name.of(value)
  request.port, request.port_bits = 0, 0
  if request.suffix.length == 0 then
    request.suffix.length = 1 -- the root
  end
end

-- As keys are printed: with ports "192.0.2.1:16384/2".
local function key_set(value)
  local text = type(value) == 'string' and value or nil
  local whom, bits = (text or ''):match('^(%d+%.%d+%.%d+%.%d+:%d+)/(%d+)$')
  if not whom then
    whom, bits = (text or ''):match('^(%[.+%]:%d+)/(%d+)$')
  end
  if whom and address.parse(whom) then
    client_set(whom, nil, bits)
  elseif name.is(value) or (text and not address.parse(text) and not address.is_netmask(text)) then
    suffix_set(value)
  else
    client_set(value)
  end
end

local text = ffi.new('char[?]', TEXT_SIZE)
local function key_of(block)
  return ffi.string(text, C.sluice_block_print(block, text, TEXT_SIZE))
end

-- ---- adding

local function add(reason, seconds, action, warning, tag, value)
  reason = check.string(reason == nil and '' or reason, 'the reason')
  tag = tag ~= nil and check.string(tag, 'the name of the tag') or nil
  value = check.string(value == nil and '' or value, 'the value of the tag')
  action = warning and Action.NoOp or action_of(action)
  if action == Action.SetTag and not tag then
    check.fail('a dynamic block that sets a tag needs tagName')
  elseif action ~= Action.SetTag then
    tag = nil
  end
  kept = {reason, tag, value}
  request.reason, request.action, request.warning = reason, action, warning and 1 or 0
  request.tag, request.tag_length = tag, tag and #tag or 0
  request.value, request.value_length = value, #value
  request.seconds = check.range(seconds == nil and 10 or seconds, 'the seconds', 0, SECONDS_MAX)
  local result = C.sluice_block_add(request)
  if result < 0 then
    check.fail('a dynamic block: %s', ffi.string(C.sluice_strerror(result)))
  end
  return result == ADDED, result > 0
end

local blocks = {}

-- Both return whether the block is a new one, or a real one in place of a warning, and whether
-- anything has changed; false where one that ends later is kept.
function blocks.add_client(netmask, reason, seconds, action, warning, port_bits, tag, value)
  client_set(netmask, nil, port_bits)
  return add(reason, seconds, action, warning, tag, value)
end
function blocks.add_suffix(suffix, reason, seconds, action, warning, tag, value)
  suffix_set(suffix)
  return add(reason, seconds, action, warning, tag, value)
end

-- Says in the log that the block that was added last is there.
function blocks.say()
  if kept then
    C.sluice_block_say(request)
  end
end

-- ---- for policies

local globals = {}
local option_keys = check.keys('tagName', 'tagValue')

local function add_and_say(...)
  if add(...) then
    blocks.say()
  end
end

function globals.addDynamicBlock(client, reason, action, seconds, bits, port_bits, options)
  options = check.options(options, 'addDynamicBlock', option_keys)
  client_set(client, bits, port_bits)
  add_and_say(reason, seconds, action, false, options.tagName, options.tagValue)
end

-- The keys of the table are addresses.
function globals.addDynBlocks(counters, reason, seconds, action)
  if type(counters) ~= 'table' then
    check.fail('addDynBlocks takes a table whose keys are addresses, not %s', type(counters))
  end
  for client in pairs(counters) do
    client_set(client)
    add_and_say(reason, seconds, action, false)
  end
end

function globals.addDynBlockSMT(names, reason, seconds, action, options)
  options = check.options(options, 'addDynBlockSMT', option_keys)
  for _, suffix in ipairs(type(names) == 'table' and names or {names}) do
    suffix_set(suffix)
    add_and_say(reason, seconds, action, false, options.tagName, options.tagValue)
  end
end

function globals.clearDynBlocks() C.sluice_blocks_clear() end

function globals.setDynBlocksAction(value)
  local action = action_of(value)
  if action == Action.None or action == Action.SetTag then
    check.fail('setDynBlocksAction takes Drop, NoOp, Nxdomain, Refused, Truncate or NoRecurse')
  end
  C.sluice_setting_set('block_action', action)
end

function globals.setDynBlocksPurgeInterval(seconds)
  C.sluice_setting_set('block_purge',
    check.range(seconds, 'setDynBlocksPurgeInterval', 1, SECONDS_MAX))
end

-- ---- looking

local function each(clients, names)
  local cursor, block = ffi.new('uint32_t[1]'), ffi.new('struct lua_block')
  return function()
    return C.sluice_block_next(cursor, clients, names, block) and block or nil
  end
end

-- What is seldom asked for is made when it is: there may be many of them.
local DynBlock = {}
function DynBlock.__index(block, key)
  if key == 'until' then -- dnsdist's timespec
    local seconds = math.floor(block.ends / 1e6)
    return {tv_sec = seconds, tv_nsec = math.floor(block.ends - seconds * 1e6) * 1000}
  end
  return key == 'domain' and name.of(block.suffix) or nil
end

local LISTED_MAX = 5000 -- more would hold up packets for Lua for too long

local function getter(named)
  return function()
    local list, count, now = {}, 0, tonumber(C.sluice_wall())
    for block in each(not named, named) do
      count = count + 1
      if count > LISTED_MAX then
        check.fail('there are more than %d dynamic blocks, too many to list', LISTED_MAX)
      end
      local key = key_of(block)
      list[key] = setmetatable({reason = ffi.string(block.reason), blocks = tonumber(block.hits),
        action = block.action, warning = block.warning ~= 0, bpf = false,
        ends = now + block.seconds * 1e6, suffix = named and key or '.'}, DynBlock)
    end
    return list
  end
end
globals.getDynamicBlocks, globals.getDynamicBlocksSMT = getter(false), getter(true)

-- The key of each, of clients and of names, and what dnsdist's REST interface says of it.
function blocks.each_block()
  local next_block = each(true, true)
  return function()
    local block = next_block()
    if not block then
      return nil
    end
    return key_of(block), {reason = ffi.string(block.reason), seconds = math.floor(block.seconds),
      blocks = tonumber(block.hits), action = NAMES[block.action],
      warning = block.warning ~= 0, ebpf = false}
  end
end

local ROW = '%-24s %8s %8s %-10s %-20s %-10s %s\n'
function globals.showDynBlocks()
  local rows = {}
  for block in each(true, true) do
    rows[#rows + 1] = ROW:format(key_of(block), ('%d'):format(block.seconds),
      ('%d'):format(tonumber(block.hits)), tostring(block.warning ~= 0), NAMES[block.action],
      'false', ffi.string(block.reason))
    if #rows == LISTED_MAX then
      break
    end
  end
  table.sort(rows)
  if #rows == LISTED_MAX then
    rows[#rows + 1] = ('%d of %d\n'):format(LISTED_MAX, tonumber(C.sluice_blocks_count()))
  end
  return ROW:format('What', 'Seconds', 'Blocks', 'Warning', 'Action', 'eBPF', 'Reason') ..
    table.concat(rows)
end

-- Takes one out, by its netmask, by its name, or as it is shown. Whether there was one.
local function removeDynBlock(key)
  key_set(key)
  return C.sluice_block_remove(request) == 0
end

blocks.globals, blocks.sluice = globals, {removeDynBlock = removeDynBlock}
return blocks
