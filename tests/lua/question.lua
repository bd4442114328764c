-- SPDX-License-Identifier: BSD-2-Clause
local ffi = require('ffi')

local kept, _
local slot, item = with(QUERY, 0, function(dq)
  kept = dq
  equal(tostring(dq.qname), 'www.Example.org.')
  equal(dq.qtype, DNSQType.A)
  equal(dq.qclass, DNSClass.IN)
  equal(dq.dh:getID(), 0x1234)
  equal(dq.dh:getRD(), true)
  equal(dq.len, #QUERY)
  equal(dq.tcp, false)
  equal(dq:getContent(), QUERY)
  equal(dq.remoteaddr:toStringWithPort(), '192.0.2.1:4242')
  equal(dq.localaddr:toStringWithPort(), '10.53.0.1:53')
  equal(dq:getEDNSOptions()[10]:getValues()[1], 'ABCDEFGH')
  equal(dq:getProtocol(), 'Do53 UDP')
  equal(dq.nonsense, nil)
  equal(dq.editTTLs, nil)
  raises('question.lua:21: there is no member', function() dq.nonsense = 1 end)
  dq.qtype = 5
  equal(dq.qtype, 1)

  dq:setTag('a', 'b\0c')
  dq:setTagArray({x = 'y'})
  equal(dq:getTag('a'), 'b\0c')
  equal(dq:getTagArray().x, 'y')
  dq:unsetTag('a')
  equal(dq:getTag('a'), '')
  dq.skipCache = true
  equal(dq.skipCache, true)
  dq.tempFailureTTL = '60.9'
  equal(dq.tempFailureTTL, 60)
  dq.tempFailureTTL = nil
  equal(dq.tempFailureTTL, nil)
  dq.pool = 'abuse'
  equal(dq.pool, 'abuse')

  local header = dq:getHeader()
  header:setCD(true)
  equal(dq.dh:getCD(), false)
  dq:setHeader(header)
  equal(dq.dh:getCD(), true)
  equal(dq:changeName('much.longer.name.example.net'), true)
  equal(tostring(dq.qname), 'much.longer.name.example.net.')
  dq:setEDNSOption(65001, ('z'):rep(2000)) -- needs a larger buffer
  equal(dq:getEDNSOptions()[65001]:getValues()[1], ('z'):rep(2000))
  dq:setContent('\0\0' .. ANSWER:sub(3))
  equal(dq.dh:getID(), 0x1234)
  raises('malformed', dq.setContent, dq, 'short')
  raises('too large', dq.setContent, dq, ('z'):rep(65500))
end)
equal(item.action, 4)
equal(ffi.string(item.text, item.text_length), 'text')
ffi.C.test_release(slot)
raises('no longer in hand', function() return kept.qname end)
raises('no longer in hand', function() kept:setTag('a', 'b') end)
raises('no longer in hand', function() return kept.dh end)

with(QUERY, 0, function(dq)
  dq:spoof({newCA('192.0.2.9')})
  equal(#newDNSPacketOverlay(dq:getContent()):getRecord(0).name:toString(), 16)
end)

with(ANSWER, 2, function(dr)
  dr:editTTLs(function(section, class, qtype, ttl)
    equal(section * 1000 + class * 100 + qtype, 1101)
    return ttl / 7
  end)
  local overlay = newDNSPacketOverlay(dr:getContent())
  local record = overlay:getRecord(0)
  equal(record.ttl, 42)
  equal(parseARecord(dr:getContent(), record):toString(), '192.0.2.7')
  equal(overlay:getRecordsCountInSection(0), 0)
  equal(overlay:getRecordsCountInSection(1), 1)
  equal(dr.setEDNSOption, nil)
  raises('no record', overlay.getRecord, overlay, 1)
  raises('the packet is malformed', newDNSPacketOverlay, dr:getContent():sub(1, -2))
end)

-- What actions may do wrong: all of it is ServFail and counted.
local errors = tonumber(ffi.C.test_logged())
for _, wrong in ipairs({function() end, function() return 'x' end, function() error('boom') end,
    function() error({}) end}) do
  slot, item = act(QUERY, 0, wrong)
  equal(item.action, 9)
  ffi.C.test_release(slot)
  slot, item = act(ANSWER, 2, wrong)
  equal(item.action, 4)
  ffi.C.test_release(slot)
end
equal(tonumber(ffi.C.test_logged()), errors + 8)

_, item = act(QUERY, 0, function(dq)
  local size, name = ffi.new('size_t[1]'), ffi.new('const char *[1]')
  ffi.C.dnsdist_ffi_dnsquestion_get_qname_raw(dq, name, size)
  equal(tonumber(size[0]), 17)
  equal(ffi.C.dnsdist_ffi_dnsquestion_get_id(dq), 0x1234)
  ffi.C.dnsdist_ffi_dnsquestion_set_rcode(dq, 5)
  equal(ffi.C.dnsdist_ffi_dnsquestion_get_rcode(dq), 5)
  equal(ffi.C.dnsdist_ffi_dnsquestion_get_data(dq)[2], 0x81) -- RD, and QR, as in dnsdist
  ffi.C.dnsdist_ffi_dnsquestion_set_tag(dq, 'k', 'v')
  equal(ffi.string(ffi.C.dnsdist_ffi_dnsquestion_get_tag(dq, 'k')), 'v')
  ffi.C.dnsdist_ffi_dnsquestion_set_result(dq, 'pool', 4)
  return DNSAction.Pool
end, true)
equal(item.action, 6)
equal(ffi.string(item.text, item.text_length), 'pool')
