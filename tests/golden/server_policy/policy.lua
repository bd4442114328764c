-- SPDX-License-Identifier: BSD-2-Clause
-- Before all, so that its packets are on the control lcore when their server is chosen.
addAction('action.test', LuaAction(function(dq)
  dq:setTag('action', 'ran')
  return DNSAction.None
end))

-- Two servers for each pool of its own name.
for _, pool in ipairs({'object', 'index', 'none', 'wrong', 'ours', 'ffi', 'beyond', 'thread',
    'action', 'cached', 'readonly'}) do
  for number, address in ipairs({'10.53.0.53', '10.53.0.54'}) do
    newServer({address = address, name = pool .. number, pool = pool, order = number})
  end
  addAction(QNameSuffixRule(pool .. '.test'), PoolAction(pool))
end
newServer({address = '10.53.0.55', name = 'other', pool = 'other'})

-- A server, an index from 1, one of another pool, nothing, what is neither.
setPoolServerPolicyLua('object', function(servers, dq)
  assert(#servers == 2 and servers[1]:getName() == 'object1')
  table.remove(servers, 1) -- the next one gets a table of its own
  return servers[1]
end, 'object')
setPoolServerPolicy(newServerPolicy('index', function(_, dq)
  return dq.qname:toString() == 'two.index.test.' and 2 or 1
end), 'index')
setPoolServerPolicyLua('none', function(servers) return nil end, 'none')
setPoolServerPolicyLua('wrong', function(servers, dq)
  if dq.qname:toString() == 'far.wrong.test.' then
    return 3
  end
  return 'second'
end, 'wrong')
setPoolServerPolicyLua('ours', function(servers, dq)
  if dq.qname:toString() == 'other.ours.test.' then
    return leastOutstanding.policy(getPoolServers('other'), dq)
  end
  servers[1]:setDown()
  local chosen = chashed.policy(servers, dq)
  servers[1]:setUp()
  return chosen
end, 'ours')
setPoolServerPolicyLua('readonly', function(servers, dq)
  assert(dq:getTag('seen') == '')
  assert(not pcall(dq.setTag, dq, 'seen', 'yes'))
  assert(not dq:suspend(1, 2, 3))
  return 2
end, 'readonly')

-- dnsdist's FFI: indices from 0.
local ffi = require('ffi')
local C = ffi.C
setPoolServerPolicyLuaFFI('ffi', function(list, dq)
  assert(C.dnsdist_ffi_servers_list_get_count(list) == 2)
  local out = ffi.new('const dnsdist_ffi_server_t *[1]')
  C.dnsdist_ffi_servers_list_get_server(list, 1, out)
  local one = out[0]
  assert(ffi.string(C.dnsdist_ffi_server_get_name(one)) == 'ffi2')
  assert(ffi.string(C.dnsdist_ffi_server_get_name_with_addr(one)) == 'ffi2 (10.53.0.54:53)')
  assert(C.dnsdist_ffi_server_is_up(one) and C.dnsdist_ffi_server_get_outstanding(one) == 0)
  assert(C.dnsdist_ffi_server_get_weight(one) == 1 and C.dnsdist_ffi_server_get_order(one) == 2)
  assert(C.dnsdist_ffi_server_get_latency(one) == 0)
  C.dnsdist_ffi_servers_list_get_server(list, 2, out)
  assert(out[0] == nil)
  assert(not C.dnsdist_ffi_server_is_up(out[0]) and C.dnsdist_ffi_server_get_name(out[0]) == nil)
  assert(C.dnsdist_ffi_server_get_name_with_addr(out[0]) == nil)
  assert(C.dnsdist_ffi_server_get_weight(out[0]) + C.dnsdist_ffi_server_get_order(out[0]) == 0)
  assert(C.dnsdist_ffi_server_get_latency(out[0]) == 0)
  assert(C.dnsdist_ffi_server_get_outstanding(out[0]) == 0)
  local hashed = C.dnsdist_ffi_servers_list_whashed(list, dq, 0)
  assert(hashed == 0 and C.dnsdist_ffi_servers_list_whashed(list, dq, 4294967295) == 1)
  assert(C.dnsdist_ffi_servers_list_chashed(list, dq, 7) < 2)
  return 1
end, 'ffi')
setPoolServerPolicyLuaFFI('beyond', function() return 2 end, 'beyond')
setPoolServerPolicyLuaFFIPerThread('thread', [[
  local ffi = require('ffi')
  local C = ffi.C
  local asked = 0
  return function(list, dq)
    asked = asked + 1
    if asked == 3 then
      error('meant')
    end
    C.dnsdist_ffi_dnsquestion_set_tag(dq, 'chosen', 'by thread')
    return C.dnsdist_ffi_servers_list_get_count(list) - asked
  end
]], 'thread')

setPoolServerPolicyLua('action', function(servers, dq)
  return dq:getTag('action') == 'ran' and 2 or 1
end, 'action')

-- The policy is asked where the cache has no answer. 54, then 53.
getPool('cached'):setCache(newPacketCache(100))
local asked = 0
setPoolServerPolicyLua('cached', function()
  asked = asked + 1
  return asked == 1 and 2 or 1
end, 'cached')

setServFailWhenNoServer(true)
addResponseAction(TagRule('chosen', 'by thread'), SetMaxReturnedTTLResponseAction(5))
