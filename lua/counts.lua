-- SPDX-License-Identifier: BSD-2-Clause
-- Queries counted by name. Workers record each in their rings, whence the control lcore takes them
-- between its turns: no query waits for it, and where it is late some are lost, which is told.
local ffi = require('ffi')
local check = require('sluice.check')
local constants = require('sluice.constants')
local driver = require('sluice.driver')
local recent = require('sluice.recent')
local C = ffi.C
check.own()

local counts = {}
local NAMES_MAX = 100000 -- what comes for others is counted together
local EACH, EACH_FILTERED = 1024, 64 -- queries a turn

local enabled, filter = false, nil
local known, size, others = {}, 0, 0
local entry = ffi.new('struct lua_recent')
local Name, Address, Header = ffi.typeof('struct lua_name'), ffi.typeof('struct lua_address'),
  ffi.typeof('struct lua_header')

local function add(key, weight)
  local before = known[key]
  if before then
    known[key] = before + weight
  elseif size < NAMES_MAX then
    known[key], size = weight, size + 1
  else
    others = others + weight
  end
end

-- What a filter gets to see: the packet has gone on.
local function query_of()
  local header = Header(entry.header)
  return {qname = Name(entry.name), qtype = entry.qtype, qclass = constants.DNSClass.IN,
    opcode = math.floor(header.bytes[2] / 8) % 16, rcode = header.bytes[3] % 16,
    remoteaddr = Address(entry.client), dh = header, len = entry.size, tcp = entry.tcp ~= 0,
    getHeader = function() return header end,
    getProtocol = function() return recent.protocol(entry) end}
end

local function filtered()
  local wanted, name = filter(query_of())
  if wanted then
    add(tostring(name), entry.weight)
  end
end

local function take()
  for _ = 1, filter and EACH_FILTERED or EACH do
    if not C.sluice_counted_next(entry) then
      return
    elseif filter then
      driver.guarded(filtered)
    else
      add(ffi.string(entry.name.wire, entry.name.length), entry.weight)
    end
  end
end

-- Once a turn, while queries are counted.
function driver.count()
  if enabled then
    take()
  end
end

function counts.setQueryCount(value)
  if type(value) ~= 'boolean' then
    check.fail('setQueryCount takes true or false, not %s', type(value))
  end
  enabled = value
  C.sluice_counted_set(value)
end

function counts.setQueryCountFilter(callback)
  filter = check.callback(callback, 'filter')
  known, size, others = {}, 0, 0
end

-- Names are in wire format, unless a filter has given them as text.
local function text_of(key)
  local name = Name()
  return C.sluice_name_load(key, #key, name) == 0 and name:toString() or key
end

local steps = 0

-- So many names take longer than a call may: the watchdog is told.
local function step()
  steps = steps + 1
  if steps % EACH == 0 then
    C.sluice_progress()
  end
end

local function before(a, b)
  step()
  return a[2] > b[2] or a[2] == b[2] and a[1] < b[1]
end

-- The first `most`, without sorting all the names that clients could think of.
local function best(most)
  local list = {}
  for key, value in pairs(known) do
    step()
    list[#list + 1] = {key, value}
    if #list >= 2 * most + EACH then
      table.sort(list, before)
      for index = #list, most + 1, -1 do
        list[index] = nil
      end
    end
  end
  table.sort(list, before)
  return list
end

function counts.getQueryCounters(most)
  most = check.range(most or 10, 'the number', 0, 4294967295)
  driver.count()
  local list = best(most)
  local lines = {('query counting is currently: %s (%d records in buffer)'):format(
    enabled and 'enabled' or 'disabled', size)}
  for index = 1, math.min(most, #list) do
    step()
    lines[#lines + 1] = ('%-3d %s: %d request(s)'):format(index, text_of(list[index][1]),
      list[index][2])
  end
  local lost = C.sluice_counted_lost()
  if others > 0 or lost > 0 then
    lines[#lines + 1] = ('%d of other names, and %d that were lost'):format(others, lost)
  end
  return table.concat(lines, '\n') .. '\n'
end

function counts.clearQueryCounters()
  local count = size
  known, size, others = {}, 0, 0
  return ('%d records cleared from query counter buffer\n'):format(count)
end

return counts
