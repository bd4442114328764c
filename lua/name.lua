-- SPDX-License-Identifier: BSD-2-Clause
-- DNSName, DNSNameSet and SuffixMatchNode.
local ffi = require('ffi')
local check = require('sluice.check')
local C = ffi.C
check.own()

local name = {}
local text = ffi.new('char[1008]')
local Name, Cursor = ffi.typeof('struct lua_name'), ffi.typeof('uint32_t[1]')
local Size = ffi.typeof('size_t[1]')
local method = {}

local function print_name(self, dot)
  return ffi.string(text, C.sluice_name_print(self, text, 1008, dot))
end

function name.parse(value)
  local made = Name()
  if C.sluice_name_parse(value, #value, made) < 0 then
    return nil
  end
  return made
end

function name.is(value)
  return ffi.istype(Name, value)
end

-- A DNSName from one, or from a string.
function name.of(value, what)
  if ffi.istype(Name, value) then
    return value
  end
  local made = name.parse(check.string(value, what or 'the name'))
  if not made then
    check.fail('"%s" is not a domain name', value)
  end
  return made
end

local function of_wire(wire)
  local made = Name()
  if C.sluice_name_load(wire, #wire, made) < 0 then
    check.fail('the name would be too long, or is not one')
  end
  return made
end

function method:toDNSString()
  return self.length == 0 and '\0' or ffi.string(self.wire, self.length)
end

function method:toString()
  return print_name(self, true)
end
method.tostring = method.toString

function method:toStringNoDot()
  return print_name(self, false)
end
method.tostringNoDot = method.toStringNoDot

function method:isPartOf(other)
  return C.sluice_name_within(self, name.of(other))
end

function method:wirelength()
  return self.length == 0 and 1 or self.length
end

function method:countLabels()
  local count, at = 0, 0
  while at < self.length and self.wire[at] > 0 do
    count, at = count + 1, at + self.wire[at] + 1
  end
  return count
end

function method:chopOff()
  if self.length <= 1 then
    return false
  end
  local rest = ffi.string(self.wire, self.length):sub(self.wire[0] + 2)
  self.length = #rest
  ffi.copy(self.wire, rest, #rest)
  return true
end

function method:makeRelative(zone)
  zone = name.of(zone)
  if not self:isPartOf(zone) then
    check.fail('%s is not part of %s', self:toString(), zone:toString())
  end
  return of_wire(self:toDNSString():sub(1, self:wirelength() - zone:wirelength()) .. '\0')
end

function method:append(other)
  other = name.of(other)
  return of_wire(self:toDNSString():sub(1, -2) .. other:toDNSString())
end

function method:prepend(label)
  return name.of(label):append(self)
end

function method:hash(seed)
  return C.sluice_name_hash(self, seed or 0)
end

ffi.metatype(Name, {
  __index = function(_, key) return method[key] end,
  __newindex = function(_, key)
    check.fail('DNSName has no member "%s" to set', tostring(key))
  end,
  __tostring = method.toString,
  __eq = function(a, b)
    return name.is(a) and name.is(b) and C.sluice_name_equal(a, b)
  end,
})

function name.newDNSName(value)
  return name.of(value)
end

function name.newDNSNameFromRaw(wire)
  return of_wire(check.string(wire, 'the raw name'))
end

-- ---- sets: the C set is kept in a table, as sets may be nested nowhere else.

local Set, Node = {}, {}
Set.__index, Node.__index = Set, Node

local function names_new()
  local names = C.sluice_names_new()
  if names == nil then
    check.fail('no memory')
  end
  return ffi.gc(names, C.sluice_names_free)
end

local function each(names)
  local cursor = Cursor()
  return function()
    local made = Name()
    return C.sluice_names_next(names, cursor, made) and made or nil
  end
end

-- Calls edit for a name, a string, or each of a table.
local function for_all(value, edit)
  if type(value) == 'table' and getmetatable(value) == nil then
    for _, member in pairs(value) do
      for_all(member, edit)
    end
  else
    edit(name.of(value))
  end
end

local function add(names)
  return function(member)
    local result = C.sluice_names_add(names, member)
    if result < 0 and result ~= -17 then -- EEXIST is fine
      check.fail('%s', ffi.string(C.sluice_strerror(result)))
    end
  end
end

function Set:add(value) for_all(value, add(self.names)) end
function Set:check(value) return C.sluice_names_has(self.names, name.of(value)) end
function Set:delete(value)
  return C.sluice_names_remove(self.names, name.of(value)) == 0 and 1 or 0
end
function Set:size() return tonumber(C.sluice_names_count(self.names)) end
function Set:empty() return self:size() == 0 end
function Set:clear() self.names = names_new() end
function Set:toString()
  local list = {}
  for member in each(self.names) do
    list[#list + 1] = member:toString()
  end
  table.sort(list)
  return table.concat(list, ' ')
end
Set.__tostring = Set.toString

function Node:add(value)
  if getmetatable(value) == Node then
    for member in each(value.names) do
      add(self.names)(member)
    end
  else
    for_all(value, add(self.names))
  end
end
function Node:remove(value)
  for_all(value, function(member) C.sluice_names_remove(self.names, member) end)
end
function Node:check(value) return C.sluice_names_covers(self.names, name.of(value), nil) end
function Node:getBestMatch(value)
  local suffix = Size()
  value = name.of(value)
  if not C.sluice_names_covers(self.names, value, suffix) then
    return nil
  end
  return of_wire(value:toDNSString():sub(tonumber(suffix[0]) + 1))
end
Node.toString = Set.toString
Node.__tostring = Set.toString

function name.newDNSNameSet() return setmetatable({names = names_new()}, Set) end
function name.newSuffixMatchNode() return setmetatable({names = names_new()}, Node) end
function name.is_set(value) return getmetatable(value) == Set end
function name.is_node(value) return getmetatable(value) == Node end

return name
