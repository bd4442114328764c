-- SPDX-License-Identifier: BSD-2-Clause
-- What policies say of TCP.
setTCPRecvTimeout(3)
setTCPSendTimeout(0.5)
setMaxTCPConnectionsPerClient(10)
raises('setTCPSendTimeout', setTCPSendTimeout, 0)
raises('setTCPConnectionsMaskV4', setTCPConnectionsMaskV4, 33)
raises('takes a number', setMaxTCPQueriesPerConnection, 'many')
addLocal('127.0.0.9:5353', {maxInFlight = 10, maxConcurrentTCPConnections = 100, doTCP = false})
raises('tcpFastOpenQueueSize', addLocal, '127.0.0.10:5353', {tcpFastOpenQueueSize = -1})
newServer({address = '127.0.0.11', tcpOnly = true, checkTCP = true, retries = 1, maxInFlight = 5})
raises('tcpRecvTimeout must be a number', newServer, {address = '127.0.0.12', tcpRecvTimeout = 'x'})
addXFRResponseAction(AllRule(), DropResponseAction())
equal(getXFRResponseRule(0):getSelector():toString(), 'All')
setTCPConnectionRateInterval(1)
raises('setTCPConnectionRateInterval', setTCPConnectionRateInterval, 0)
setMaxTCPReadIOsPerQuery(0)
setBanDurationForExceedingMaxReadIOsPerQuery(5)
setMaxTCPQueuedConnections(0)
raises('setMaxTCPQueuedConnections', setMaxTCPQueuedConnections, -1)
setTCPConnectionsMaskV4Port(16)
raises('setTCPConnectionsMaskV4Port', setTCPConnectionsMaskV4Port, 17)
setTCPFastOpenKey('00112233-44556677-8899aabb-CCDDEEFF')
for _, key in ipairs{'', '0011223344556677-8899aabb-ccddeeff',
  '00112233-44556677-8899aabb-ccddeefg', 7} do
  raises('takes a key like', setTCPFastOpenKey, key)
end
requestTCPStatesDump()
