-- SPDX-License-Identifier: BSD-2-Clause
-- Stores of keys and values, and what of a packet is looked up in them.
local ffi = require('ffi')
local check = require('sluice.check')
local name = require('sluice.name')
local lists = require('sluice.lists')
local address = require('sluice.address')
local C = ffi.C
check.own()

local stores = {}

-- ---- keys

local QNAME, SUFFIX, SOURCE, TAG = 0, 1, 2, 3
local Key = {}
Key.__index = Key
function Key:toString() return self.text end
Key.__tostring = Key.toString

local function key(kind, fields, ...)
  fields.kind, fields.text = kind, string.format(...)
  return setmetatable(fields, Key)
end

function stores.KeyValueLookupKeyQName(wire)
  wire = wire ~= false
  return key(QNAME, {wire = wire}, 'qname%s', wire and ' in wire format' or '')
end
function stores.KeyValueLookupKeySuffix(labels, wire)
  labels, wire = check.range(labels or 0, 'the number of labels', 0, 127), wire ~= false
  return key(SUFFIX, {wire = wire, min_labels = labels}, 'suffix%s%s',
    wire and ' in wire format' or '',
    labels > 0 and (' with at least %d label(s)'):format(labels) or '')
end
function stores.KeyValueLookupKeySourceIP(v4, v6, port)
  v4 = check.range(v4 or 32, 'the IPv4 mask', 0, 32)
  v6 = check.range(v6 or 128, 'the IPv6 mask', 0, 128)
  return key(SOURCE, {v4 = v4, v6 = v6, port = port and true or false},
    'source IP (masked to %d (v4) / %d (v6) bits)%s', v4, v6, port and ' including the port' or '')
end
function stores.KeyValueLookupKeyTag(tag)
  tag = check.string(tag, 'the name of the tag')
  return key(TAG, {tag = tag}, "value of the tag named '%s'", tag)
end

-- What C is told of a look-up: the struct, and the names of the tags.
local function lookup(what, store, of, range, tag)
  if not stores.is(store) then
    check.fail('%s takes a store of newCDBKVStore() or newLMDBKVStore(), not %s', what, type(store))
  elseif getmetatable(of) ~= Key then
    check.fail('%s takes a key of KeyValueLookupKey...(), not %s', what, type(of))
  elseif range and not store.ordered then
    check.fail('%s: only LMDB stores have ranges', what)
  end
  local from = of.tag or ''
  return ffi.new('struct lua_lookup', {kind = of.kind, range = range, wire = of.wire or false,
    port = of.port or false, v4 = of.v4 or 0, v6 = of.v6 or 0, min_labels = of.min_labels or 0,
    key_length = #from, set_length = tag and #tag or 0}), from .. (tag or '')
end

-- For sluice.selectors and sluice.actions.
function stores.selector(what, store, of, range)
  return C.sluice_selector_lookup(store.blob, lookup(what, store, of, range))
end
function stores.action(what, store, of, range, tag)
  return C.sluice_action_lookup(store.blob, lookup(what, store, of, range, tag))
end

-- ---- stores

local Store = {}
Store.__index = Store
function stores.is(value) return getmetatable(value) == Store end
function Store:toString() return self.text end
Store.__tostring = Store.toString

function stores.newCDBKVStore(path, refresh)
  path = check.string(path, 'the path')
  refresh = check.range(refresh or 0, 'the delay', 0, 4294967295)
  local list = lists.store('newCDBKVStore', path, refresh > 0)
  return setmetatable({blob = C.sluice_store_cdb(list), list = list, text = 'CDB ' .. path}, Store)
end

local ERROR_SIZE = 256
function stores.newLMDBKVStore(path, database, no_lock)
  path, database = check.string(path, 'the path'), check.string(database or '', 'the database')
  local why = ffi.new('char[?]', ERROR_SIZE)
  local blob = C.sluice_store_lmdb(path, database, no_lock and true or false, why, ERROR_SIZE)
  if blob == nil then
    check.fail('newLMDBKVStore: %s: %s', path, ffi.string(why))
  end
  return setmetatable({blob = blob, ordered = true, text = ('LMDB %s %s'):format(path, database)},
    Store)
end

local found = ffi.new('struct lua_bytes')
local function find(store, text)
  if C.sluice_store_find(store.blob, text, #text, found) then
    return ffi.string(found.data, found.length)
  end
end
local function name_key(value, wire)
  local wired = value:toDNSString():lower()
  if wire ~= false then
    return wired
  end
  return wired == '\0' and '.' or value:toStringNoDot():lower()
end

-- The value, "" if there is none: of a DNSName, of an address, or of a string as it is.
function Store:lookup(value, wire)
  if name.is(value) then
    return find(self, name_key(value, wire)) or ''
  elseif address.is(value) then
    return find(self, value:getRaw()) or ''
  end
  return find(self, check.string(value, 'the key')) or ''
end

function Store:lookupSuffix(value, labels, wire)
  value = name.newDNSName(name.of(value):toString())
  labels = math.max(check.range(labels or 0, 'the number of labels', 0, 127), 1)
  while value:countLabels() >= labels do
    local text = find(self, name_key(value, wire))
    if text then
      return text
    end
    value:chopOff()
  end
  return ''
end

-- Whether there is anything to read again: LMDB shows what was written by itself.
function Store:reload()
  if self.list then
    C.sluice_list_check(self.list)
  end
  return self.list ~= nil
end

return stores
