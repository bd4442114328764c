-- SPDX-License-Identifier: BSD-2-Clause
-- Lists that are read from files and replaced while their rules are in force.
local ffi = require('ffi')
local check = require('sluice.check')
local name = require('sluice.name')
local C = ffi.C
check.own()

local lists = {}
local List = {}
List.__index = List
local Prefixes = {}
Prefixes.__index = Prefixes
local Subscribers = {}
Subscribers.__index = Subscribers
local STATES = {[0] = 'loading', 'ready', 'failed'}
local SELF, BELOW = 1, 2

local option_keys = check.keys('format', 'watch', 'name', 'optional', 'subdomains')

-- What a file is by its name, unless the policy says so.
local function format_of(path)
  local file = path:match('[^/]*$'):lower()
  return file:match('%.(rpz)$') or file:match('%.(cdb)$') or file:match('^(hosts)$') or
    file:match('%.(hosts)$') or 'names'
end

local function flags_of(options)
  if options.subdomains == nil then
    return 0
  end
  return options.subdomains and SELF + BELOW or SELF
end

local function status_of(list)
  local status = ffi.new('struct lua_list_status')
  C.sluice_list_status(list, status)
  return status
end

local made = {}

local function open(class, what, path, format, options)
  local number = C.sluice_list_format(format)
  local title = options.name ~= nil and check.string(options.name, 'the name') or nil
  local list = C.sluice_list_open(path, ffi.new('struct lua_list_options', {name = title,
    format = number, flags = flags_of(options), watch = options.watch ~= false}))
  if list == nil then
    check.fail('%s: %s: %s', what, path, ffi.string(C.sluice_policy_error()))
  end
  local status = status_of(list)
  if STATES[status.state] == 'failed' and not options.optional then
    check.fail('%s: %s: %s', what, path, ffi.string(status.failure))
  end
  for _, other in ipairs(made) do
    if other.list == list then
      return other
    end
  end
  made[#made + 1] = setmetatable({list = list, name = ffi.string(status.name), format = format},
    class)
  return made[#made]
end

-- A live list of names: for rules on names, and if it is a response policy zone for RPZAction().
local NAMES = check.keys('names', 'hosts', 'rpz', 'cdb')
function lists.loadNames(path, options)
  path = check.string(path, 'the path')
  options = check.options(options, 'sluice.loadNames', option_keys)
  local format = options.format or format_of(path)
  if not NAMES[format] then
    check.fail('sluice.loadNames: "%s" is not a format: names, hosts, rpz, cdb', tostring(format))
  end
  return open(List, 'sluice.loadNames', path, format, options)
end

-- A live list of prefixes: for NetmaskGroupRule().
local prefix_keys = check.keys('watch', 'name', 'optional')
function lists.loadPrefixes(path, options)
  path = check.string(path, 'the path')
  return open(Prefixes, 'sluice.loadPrefixes', path, 'prefixes',
    check.options(options, 'sluice.loadPrefixes', prefix_keys))
end

-- A live table of subscribers: for sluice.SubscriberAction() and sluice.SubscriberRule().
function lists.loadTable(path, options)
  path = check.string(path, 'the path')
  return open(Subscribers, 'sluice.loadTable', path, 'subscribers',
    check.options(options, 'sluice.loadTable', prefix_keys))
end

-- A CDB with whatever keys, for sluice.stores; what else there is to know of it showLists() has.
local Store = {}
Store.__index = Store
local function store(what, path, watch)
  return open(Store, what, path, 'store', {watch = watch}).list
end

function List:status()
  local status = status_of(self.list)
  return {
    path = ffi.string(status.path), name = self.name, state = STATES[status.state],
    entries = tonumber(status.entries), errors = tonumber(status.errors),
    memory = tonumber(status.memory), loads = tonumber(status.loads),
    failures = tonumber(status.failures), loaded = status.loaded, seconds = status.seconds,
    failure = ffi.string(status.failure),
  }
end

-- The entry that covers a name, nil if none does.
function List:match(value)
  value = name.of(value)
  local offset = tonumber(C.sluice_list_find(self.list, value))
  if offset < 0 then
    return nil
  end
  return name.newDNSNameFromRaw(value:toDNSString():sub(offset + 1))
end
function List:count() return tonumber(status_of(self.list).entries) end
function List:reload() C.sluice_list_check(self.list) end
function List:toString() return ('list %s'):format(self.name) end
List.__tostring = List.toString

-- The prefix that covers an address as text, nil if none does.
local address = require('sluice.address')
Prefixes.status, Prefixes.count, Prefixes.reload = List.status, List.count, List.reload
Prefixes.toString, Prefixes.__tostring = List.toString, List.toString
function Prefixes:match(value)
  local found = C.sluice_list_find_address(self.list, address.of(value))
  return found ~= nil and ffi.string(found) or nil
end

-- Who uses the port of an address, that which the address has if none is given: the id and the
-- tags; nil if nobody does.
local TAGS_MAX = 16
Subscribers.status, Subscribers.count, Subscribers.reload = List.status, List.count, List.reload
Subscribers.toString, Subscribers.__tostring = List.toString, List.toString
function Subscribers:match(value, port)
  value = address.of(value)
  port = check.range(port or value.port, 'the port', 0, 65535)
  local id, array = ffi.new('struct lua_bytes'), ffi.new('struct lua_tag[?]', TAGS_MAX)
  local count = C.sluice_list_find_subscriber(self.list, value, port, id, array, TAGS_MAX)
  if count < 0 then
    return nil
  end
  local tags = {}
  for i = 0, math.min(count, TAGS_MAX) - 1 do
    tags[ffi.string(array[i].key.data, array[i].key.length)] =
      ffi.string(array[i].value.data, array[i].value.length)
  end
  return {id = ffi.string(id.data, id.length), tags = tags}
end

local function show(out)
  local lines = {('%-24s %-8s %10s %8s %8s %10s  %s'):format('Name', 'State', 'Entries', 'Errors',
    'MiB', 'Seconds', 'Path')}
  for _, list in ipairs(out) do
    local status = list:status()
    lines[#lines + 1] = ('%-24s %-8s %10d %8d %8.1f %10.2f  %s'):format(status.name, status.state,
      status.entries, status.errors, status.memory / 1048576, status.seconds, status.path)
  end
  return table.concat(lines, '\n') .. '\n'
end

local function showLists() return show(made) end

local function is(value) return getmetatable(value) == List end

-- Only zones have policies.
local function zone(value, what)
  if not is(value) or value.format ~= 'rpz' then
    check.fail("%s takes a list of sluice.loadNames(path, {format = 'rpz'})", what)
  end
end

local function subscribers(value, what)
  if getmetatable(value) ~= Subscribers then
    check.fail('%s takes a table of sluice.loadTable(path)', what)
  end
end

Store.status, Store.toString, Store.__tostring = List.status, List.toString, List.toString

return {sluice = lists, globals = {showLists = showLists}, is = is, zone = zone, store = store,
  is_prefixes = function(value) return getmetatable(value) == Prefixes end,
  is_table = function(value) return getmetatable(value) == Subscribers end, table = subscribers}
