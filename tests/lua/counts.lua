-- SPDX-License-Identifier: BSD-2-Clause
-- Queries counted by name, as workers record them.
local ffi = require('ffi')
ffi.cdef[[
void test_asked(const char *client, const char *dns, size_t length, uint32_t age_ms);
]]
local function asked(name, times)
  local dns = '\18\52\1\0\0\1\0\0\0\0\0\0' .. newDNSName(name):toDNSString() .. '\0\1\0\1'
  for _ = 1, times or 1 do
    ffi.C.test_asked('192.0.2.1:1111', dns, #dns, 0)
  end
end

asked('before.test')
equal(getQueryCounters(), 'query counting is currently: disabled (0 records in buffer)\n')
setQueryCount(true)
equal(getQueryCounters(), 'query counting is currently: enabled (0 records in buffer)\n')
asked('www.Example.org', 2)
asked('WWW.example.ORG')
asked('b.test')
asked('a.test')
equal(getQueryCounters(), 'query counting is currently: enabled (3 records in buffer)\n' ..
  '1   www.example.org.: 3 request(s)\n2   a.test.: 1 request(s)\n3   b.test.: 1 request(s)\n')
equal(getQueryCounters(1), 'query counting is currently: enabled (3 records in buffer)\n' ..
  '1   www.example.org.: 3 request(s)\n')
equal(clearQueryCounters(), '3 records cleared from query counter buffer\n')

-- Of more names than are kept in hand meanwhile, the best are found.
for index = 1, 40 do
  for each = 1, 30 do
    asked(('n%d.x%d.test'):format(index, each), 1)
  end
  driver.count()
end
asked('best.test', 3)
asked('next.test', 2)
equal(getQueryCounters(2), 'query counting is currently: enabled (1202 records in buffer)\n' ..
  '1   best.test.: 3 request(s)\n2   next.test.: 2 request(s)\n')
equal(clearQueryCounters(), '1202 records cleared from query counter buffer\n')

-- Some do not count, others do as what they are below; one that fails is the policy's error.
setQueryCountFilter(function(dq)
  local name = dq.qname:toStringNoDot()
  equal(dq.remoteaddr:toStringWithPort(), '192.0.2.1:1111')
  equal(dq.qtype, DNSQType.A)
  equal(dq.dh:getRD(), true)
  equal(dq:getProtocol(), 'Do53 UDP')
  equal(dq.tcp, false)
  return name ~= 'not.test', name:gsub('^www%.', '')
end)
asked('www.a.test')
asked('a.test')
asked('not.test')
equal(getQueryCounters(), 'query counting is currently: enabled (1 records in buffer)\n' ..
  '1   a.test: 2 request(s)\n')
setQueryCountFilter(function(dq) return dq.nothing.here end)
asked('a.test')
driver.count()
equal(getQueryCounters(), 'query counting is currently: enabled (0 records in buffer)\n')
raises('the filter is nil', setQueryCountFilter)
raises('takes true or false', setQueryCount, 'x')

-- What nobody took in time is lost, and that is told.
setQueryCountFilter(function() return true, 'all' end)
asked('a.test', 200)
equal(getQueryCounters():match('all: (%d+) request'), '64')
equal(getQueryCounters():match('(%d+) that were lost'), '136')
setQueryCount(false)
asked('a.test')
equal(getQueryCounters():match('is currently: disabled %((%d+) '), '1')
