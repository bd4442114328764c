-- SPDX-License-Identifier: BSD-2-Clause
-- Who asked most of late and what, and the late queries and responses as lines: for the console.
local ffi = require('ffi')
local check = require('sluice.check')
local recent = require('sluice.recent')
local address = require('sluice.address')
local name = require('sluice.name')
local constants = require('sluice.constants')
local C = ffi.C
check.own()

local tops = {}
local COUNT = 10
local SLOW = 500 -- milliseconds

-- ---- the most, and the rest of them

-- Sums over entries: amount(entry) times what it stands for, nil: not this one; by key(entry).
local function sums_of(kinds, key, amount)
  local sums, total = {}, 0
  recent.each(kinds, 0, function(entry)
    local much = amount(entry)
    if much then
      local which = key(entry)
      sums[which] = (sums[which] or 0) + much * entry.weight
      total = total + much * entry.weight
    end
  end)
  return sums, total
end

-- A heap of keys, the least of them first: `less(a, b)`.
local function sift_down(heap, less)
  local at, count = 1, #heap
  while 2 * at <= count do
    local child = 2 * at
    if child < count and less(heap[child + 1], heap[child]) then
      child = child + 1
    end
    if not less(heap[child], heap[at]) then
      return
    end
    heap[at], heap[child], at = heap[child], heap[at], child
  end
end

local function sift_up(heap, less)
  local at = #heap
  while at > 1 and less(heap[at], heap[math.floor(at / 2)]) do
    local parent = math.floor(at / 2)
    heap[at], heap[parent], at = heap[parent], heap[at], parent
  end
end

-- The keys with the largest sums, at most `count`, those first. Not table.sort(): there may be a
-- name for each of thousands of entries.
local function largest(sums, count)
  local heap, list = {}, {}
  local function less(a, b)
    if sums[a] ~= sums[b] then
      return sums[a] < sums[b]
    end
    return a > b
  end
  for key in pairs(sums) do
    if #heap < count then
      heap[#heap + 1] = key
      sift_up(heap, less)
    elseif count > 0 and less(heap[1], key) then
      heap[1] = key
      sift_down(heap, less)
    end
  end
  for place = #heap, 1, -1 do
    list[place], heap[1] = heap[1], heap[place]
    heap[place] = nil
    sift_down(heap, less)
  end
  return list
end

-- As dnsdist has it: tables of text, sum and per cent; the last is the rest.
local function most_of(count, sums, total, print)
  local list, rest = {}, total
  for place, key in ipairs(largest(sums, count)) do
    list[place], rest = {print(key), sums[key], 100 * sums[key] / total}, rest - sums[key]
  end
  list[#list + 1] = {'Rest', rest, total > 0 and 100 * rest / total or 100}
  return list
end

local function count_of(count) return check.range(count or COUNT, 'the count', 0, 4294967295) end
local function one() return 1 end

local function names(kinds, count, labels, amount)
  labels = labels ~= nil and check.range(labels, 'the number of labels', 0, 128) or nil
  local sums, total = sums_of(kinds, function(entry) return recent.name_key(entry, labels) end,
    amount)
  return most_of(count_of(count), sums, total,
    function(key) return name.newDNSNameFromRaw(key):toString() end)
end

local function clients(kinds, count, amount)
  local sums, total = sums_of(kinds, recent.client_key, amount)
  return most_of(count_of(count), sums, total,
    function(key) return recent.client_of(key):toString() end)
end

function tops.getTopQueries(count, labels) return names(recent.QUERIES, count, labels, one) end

function tops.getTopResponses(count, rcode, labels)
  rcode = check.range(rcode or 0, 'the rcode', 0, 65535)
  return names(recent.RESPONSES, count, labels,
    function(entry) return recent.rcode(entry) == rcode and 1 or nil end)
end

-- Those without any answer are left out, or all there is: topTimeouts().
function tops.getSlowResponses(count, ms, labels, timeouts)
  ms = check.range(ms or SLOW, 'the number of milliseconds', 0, 4294967)
  return names(recent.RESPONSES, count, labels, function(entry)
    local late = entry.us == recent.TIMEOUT
    return (timeouts and late or not timeouts and not late and entry.us > ms * 1000) and 1 or nil
  end)
end

function tops.getTopBandwidth(count)
  return clients(recent.ALL, count, function(entry) return entry.size end)
end

local function show(list)
  local lines = {}
  for place, line in ipairs(list) do
    lines[place] = ('%4d  %-40s %4d %4.1f%%\n'):format(place, line[1], line[2], line[3])
  end
  return table.concat(lines)
end

function tops.topClients(count) return show(clients(recent.QUERIES, count, one)) end
function tops.topQueries(count, labels) return show(tops.getTopQueries(count, labels)) end
function tops.topResponses(count, rcode, labels)
  return show(tops.getTopResponses(count, rcode, labels))
end
function tops.topSlow(count, ms, labels) return show(tops.getSlowResponses(count, ms, labels)) end
function tops.topBandwidth(count) return show(tops.getTopBandwidth(count)) end
function tops.topTimeouts(count, labels)
  return show(tops.getSlowResponses(count, 0, labels, true))
end

-- ---- lines

local RCODES = {[0] = 'No Error', 'Form Error', 'Server Failure', 'Non-Existent domain',
  'Not Implemented', 'Query Refused', 'Name Exists when it should not',
  'RR Set Exists when it should not', 'RR Set that should exist does not',
  'Server Not Authoritative for zone / Not Authorized', 'Name not contained in zone'}

local function reversed(list)
  local texts = {}
  for text, number in pairs(list) do
    texts[number] = text
  end
  return texts
end
local TYPES, OPCODES = reversed(constants.DNSQType), reversed(constants.DNSOpcode)

local LINE = '%-7s %-47s %-12s %-12s %-5s %-25s %-5s %-6s %-2s %-2s %-2s %s\n'
local HEAD = LINE:format('Time', 'Client', 'Protocol', 'Server', 'ID', 'Name', 'Type', 'Lat.', 'TC',
  'RD', 'AA', 'Rcode')

local function server_of(entry)
  if entry.origin == 2 then
    return 'Cache', '-'
  elseif entry.origin == 0 then
    return '-', '-'
  end
  return entry.server.port ~= 0 and entry.server:toStringWithPort() or '?', recent.protocol(entry)
end

local function outcome_of(entry)
  local bytes = entry.header.bytes
  if entry.response == 0 then
    local opcode = math.floor(bytes[2] / 8) % 16
    return 'Question' .. (opcode ~= 0 and (' (%s)'):format(OPCODES[opcode] or opcode) or '')
  end
  local rcode = recent.rcode(entry)
  local text = RCODES[rcode] or ('Err#%d'):format(rcode)
  return rcode == 0 and ('%s. %d answers'):format(text, bytes[6] * 256 + bytes[7]) or text
end

local function line_of(entry)
  local header, server, protocol, latency = entry.header, '', recent.protocol(entry), ''
  if entry.response ~= 0 then
    server, protocol = server_of(entry)
    latency = entry.us == recent.TIMEOUT and 'T.O' or ('%.1f'):format(entry.us / 1000)
  end
  return LINE:format(('%.1f'):format(-entry.age), entry.client:toStringWithPort(), protocol, server,
    header:getID(), entry.name:toString(), TYPES[entry.qtype] or 'TYPE' .. entry.qtype, latency,
    header:getTC() and 'TC' or '', header:getRD() and 'RD' or '', header:getAA() and 'AA' or '',
    outcome_of(entry))
end

-- What all entries must be: of a client's network, of names below one, slower than so many ms.
local function selector_of(texts)
  local wanted = {}
  for _, text in ipairs(type(texts) == 'table' and texts or {texts}) do
    text = check.string(text, 'the selector')
    local ms = text:match('^>?%s*(%d+)ms$')
    if ms then
      wanted.us = tonumber(ms) * 1000
    elseif address.is_netmask(text) then
      wanted.network = address.newNetmask(text)
    else
      wanted.name = name.parse(text) or
        check.fail('Could not parse \'%s\' as domain name or netmask', text)
    end
  end
  return wanted
end

local function matches(entry, wanted)
  return (not wanted.network or C.sluice_prefix_match(wanted.network, entry.client)) and
    (not wanted.name or entry.name.length > 0 and
      C.sluice_name_within(entry.name, wanted.name)) and
    (not wanted.us or entry.response ~= 0 and entry.us > wanted.us)
end

local LINES = 1000 -- of each kind, unless it is said how many

-- Those of the newest that match, the newest first: at most `count` queries and as many responses.
local function newest(array, total, wanted, count)
  local found, left = {}, {[0] = count, count}
  for index = 0, total - 1 do
    local entry = array[index]
    if left[entry.response] > 0 and matches(entry, wanted) then
      found[#found + 1] = index
      left[entry.response] = left[entry.response] - 1
    end
  end
  return found
end

local grepq_keys = check.keys('outputFile')
function tops.grepq(selectors, count, options)
  options = check.options(options, 'grepq', grepq_keys)
  count = count ~= nil and count_of(count) or 0
  local wanted = selector_of(selectors)
  local list, array, total = recent.open(recent.ALL)
  local found = newest(array, total, wanted, count > 0 and count or LINES)
  local lines = {HEAD}
  for place = #found, 1, -1 do
    lines[#lines + 1] = line_of(array[found[place]])
  end
  recent.close(list)
  local text = table.concat(lines)
  if options.outputFile == nil then
    return text
  end
  local path = check.string(options.outputFile, 'outputFile')
  local result = C.sluice_file_new(path, text, #text)
  if result < 0 then
    check.fail('grepq: %s: %s', path, ffi.string(C.sluice_strerror(result)))
  end
  return ('wrote %d lines to %s\n'):format(#found, path)
end

return tops
