-- SPDX-License-Identifier: BSD-2-Clause
-- newDNSPacketOverlay() and the helpers that read records out of a packet's bytes.
local ffi = require('ffi')
local check = require('sluice.check')
local header = require('sluice.header')
local C = ffi.C
check.own()

local packet = {}
local Overlay = {}
Overlay.__index = Overlay

function packet.newDNSPacketOverlay(content)
  content = check.string(content, 'the packet')
  local question = ffi.new('struct lua_record')
  if not C.sluice_packet_question(content, #content, question) then
    check.fail('the packet is malformed')
  end
  local count = tonumber(C.sluice_records(content, #content, nil, 0))
  local records = ffi.new('struct lua_record[?]', count)
  C.sluice_records(content, #content, records, count)
  return setmetatable({
    qname = ffi.new('struct lua_name', question.name), qtype = question.type,
    qclass = question.rclass, dh = header.of_content(content), records = records, count = count,
  }, Overlay)
end

function Overlay:getRecordsCountInSection(section)
  local count = 0 -- the question is no record
  for i = 0, self.count - 1 do
    count = count + (self.records[i].place == section and 1 or 0)
  end
  return count
end

function Overlay:getRecord(index)
  index = check.integer(index, 'the index')
  if index < 0 or index >= self.count then
    check.fail('there is no record %d', index)
  end
  local record = self.records[index]
  return {
    name = ffi.new('struct lua_name', record.name), type = record.type, class = record.rclass,
    ttl = record.ttl, place = record.place, contentLength = record.length,
    contentOffset = record.offset,
  }
end

local function data(content, record, length)
  content = check.string(content, 'the packet')
  if record.contentLength ~= length or record.contentOffset + length > #content then
    return nil
  end
  return content:sub(record.contentOffset + 1, record.contentOffset + length)
end

local function address_parser(type_a, type_aaaa)
  return function(content, record)
    local length = record.type == type_a and 4 or record.type == type_aaaa and 16
    local raw = length and data(content, record, length)
    return raw and require('sluice.address').newCAFromRaw(raw) or nil
  end
end

packet.parseARecord = address_parser(1)
packet.parseAAAARecord = address_parser(nil, 28)
packet.parseAddressRecord = address_parser(1, 28)

function packet.parseCNAMERecord(content, record)
  local name = ffi.new('struct lua_name')
  content = check.string(content, 'the packet')
  if record.type ~= 5 or
      not C.sluice_packet_name(content, #content, record.contentOffset, name) then
    return nil
  end
  return name
end

return packet
