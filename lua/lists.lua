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

-- A live list of names: for rules on names, and if it is a response policy zone for RPZAction().
function lists.loadNames(path, options)
  path = check.string(path, 'the path')
  options = check.options(options, 'sluice.loadNames', option_keys)
  local format = options.format == nil and format_of(path) or check.string(options.format,
    'the format')
  local number = C.sluice_list_format(format)
  if number < 0 then
    check.fail('sluice.loadNames: "%s" is not a format: names, hosts, rpz, cdb', format)
  end
  local title = options.name ~= nil and check.string(options.name, 'the name') or nil
  local list = C.sluice_list_open(path, ffi.new('struct lua_list_options', {name = title,
    format = number, flags = flags_of(options), watch = options.watch ~= false}))
  if list == nil then
    check.fail('sluice.loadNames: %s: %s', path, ffi.string(C.sluice_policy_error()))
  end
  local status = status_of(list)
  if STATES[status.state] == 'failed' and not options.optional then
    check.fail('sluice.loadNames: %s: %s', path, ffi.string(status.failure))
  end
  return setmetatable({list = list, name = ffi.string(status.name), format = format}, List)
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

local made = {}
local load = lists.loadNames
function lists.loadNames(path, options)
  local list = load(path, options)
  for index, other in ipairs(made) do
    if other.list == list.list then
      made[index] = list
      return list
    end
  end
  made[#made + 1] = list
  return list
end
local function showLists() return show(made) end

local function is(value) return getmetatable(value) == List end

-- Only zones have policies.
local function zone(value, what)
  if not is(value) or value.format ~= 'rpz' then
    check.fail("%s takes a list of sluice.loadNames(path, {format = 'rpz'})", what)
  end
end

return {sluice = lists, globals = {showLists = showLists}, is = is, zone = zone}
