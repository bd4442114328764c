-- SPDX-License-Identifier: BSD-2-Clause
-- A resolver's front end as one has it in dnsdist: two pools with caches of their own, servers by
-- weight, lazy checks, what is not to be asked, and a policy that sends some names to servers of
-- their own. Nothing in it is Sluice's alone.

setLocal('0.0.0.0:53')
setACL({'10.0.0.0/8', '192.168.0.0/16', '127.0.0.0/8', 'fd00::/8'})
setServFailWhenNoServer(true)

-- The resolvers: the first does three quarters of the work.
newServer({address = '10.53.0.11:5300', name = 'big', weight = 3, checkName = 'demo.test.', mustResolve = true,
  checkTimeout = 500, maxCheckFailures = 2, rise = 2})
newServer({address = '10.53.0.12:5300', name = 'small', weight = 1, checkName = 'demo.test.', mustResolve = true,
  checkTimeout = 500, maxCheckFailures = 2, rise = 2})

-- A server of the company's own names, asked about its health only once queries fail.
newServer({address = '10.53.0.13:5300', name = 'own', pool = {'own', 'both'}, healthCheckMode = 'lazy',
  checkName = 'demo.test.', checkInterval = 1, checkTimeout = 500, udpTimeout = 1,
  lazyHealthCheckMode = 'TimeoutOrServFail', lazyHealthCheckSampleSize = 10, lazyHealthCheckMinSampleCount = 5,
  lazyHealthCheckThreshold = 20, lazyHealthCheckFailedInterval = 1})
-- The same machine as above, and an order: it steps in where the one before it is down.
newServer({address = '10.53.0.11:5300', name = 'big, for both', pool = 'both', order = 2,
  checkName = 'demo.test.'})

-- Caches: answers of the resolvers serve a while longer when nobody is there to ask.
resolved = newPacketCache(10000, {maxTTL = 3600, minTTL = 0, temporaryFailureTTL = 10, staleTTL = 30,
  keepStaleData = true, numberOfShards = 10})
getPool(''):setCache(resolved)
getPool('own'):setCache(newPacketCache(1000, {maxTTL = 60}))
setStaleCacheEntriesTTL(300)

-- How each pool is balanced.
setServerPolicy(whashed)
setWHashedPertubation(42)
setPoolServerPolicy(firstAvailable, 'both')
setPoolServerPolicyLua('by the name', function(servers, dq)
  if dq.qname:countLabels() > 4 then
    return leastOutstanding.policy(getPoolServers('both'), dq)
  end
  return servers[1]
end, 'own')

-- Rules.
addAction(MaxQPSIPRule(1000), DropAction())
addAction(QTypeRule(DNSQType.ANY), TCAction())
addAction(AndRule({QClassRule(DNSClass.CHAOS), NotRule(NetmaskGroupRule('127.0.0.0/8'))}),
  RCodeAction(DNSRCode.REFUSED))
addAction('own.demo.test.', PoolAction('own'))
addAction(QNameSuffixRule({'both.demo.test.'}), PoolAction('both'))
addResponseAction(RCodeRule(DNSRCode.SERVFAIL), SetTagResponseAction('failed', 'yes'))

function maintenance()
  for _, server in ipairs(getPoolServers('')) do
    if not server:isUp() then
      vinfolog('still down: ' .. server:getNameWithAddr())
    end
  end
end
