-- SPDX-License-Identifier: BSD-2-Clause
-- What collectors are told: what is taken, and what is an error.
local logger = newRemoteLogger('127.0.0.1:6999', 2, 100, 1, 2, 5)
local frames = newFrameStreamUnixLogger('/tmp/tap.sock', {reopenInterval = 1, connectionCount = 2})
equal(logger:toString(), '127.0.0.1:6999 (0 processed, 0 dropped)')
equal(frames:toString(), 'FrameStreamLogger to /tmp/tap.sock (0 frames sent, 0 dropped, ' ..
  '0 permanent failures)')
equal(logger:getStats().queued, 0)
equal(newFrameStreamTcpLogger('[::1]:6001'):toString():match('to (%S+)'), '[::1]:6001')

addAction(AllRule(), RemoteLogAction(logger, nil, {serverID = 'a', exportTags = '*'},
  {m = 'tag:x'}))
addAction(AllRule(), RemoteLogAction(logger, nil, {exportTags = {'a', 'b'},
  exportTagsKeyOnly = true, ipEncryptKey = makeIPCipherKey('secret')}))
addAction(AllRule(), DnstapLogAction('us', frames, function(_, tap) tap:setExtra('x') end))
addAction(AllRule(), ContinueAction(TeeAction('127.0.0.1:5301')))
addResponseAction(AllRule(), RemoteLogResponseAction(logger, nil, true))
addResponseAction(AllRule(), DnstapLogResponseAction('us', frames))
equal(getAction(0):toString(), 'remote log to 127.0.0.1:6999')
local tee = TeeAction('192.0.2.1')
equal(tee:toString(), 'tee to 192.0.2.1:53')
equal(tee:getStats()['tcp-drops'], 0)
equal(select(2, tee:printStats():gsub('\n', '')), 12)
clearRules()
clearResponseRules()

raises('takes a logger', RemoteLogAction, 'logger')
raises('takes a logger that newRemoteLogger() made', RemoteLogAction, frames)
raises('takes a logger that newRemoteLogger() made', RemoteLogResponseAction, frames)
DnstapLogAction('identity', logger) -- which is usual with dnsdist
raises('takes a logger', DnstapLogAction, 'us', {})
raises('unknown key "serverId"', RemoteLogAction, logger, nil, {serverId = 'a'})
raises('there is no metadata "tagx"', RemoteLogAction, logger, nil, nil, {m = 'tagx'})
raises('there is no metadata "proxy-protocol-value:256"', RemoteLogAction, logger, nil, {},
  {m = 'proxy-protocol-value:256'})
raises('must have 16 bytes', RemoteLogAction, logger, nil, {ipEncryptKey = 'short'})
raises('methods "legacy" and "ipcrypt-pfx"', RemoteLogAction, logger, nil,
  {ipEncryptMethod = 'rot13'})
raises('must have 32 bytes', RemoteLogAction, logger, nil,
  {ipEncryptMethod = 'ipcrypt-pfx', ipEncryptKey = ('k'):rep(16)})
raises('halves that differ', RemoteLogAction, logger, nil,
  {ipEncryptMethod = 'ipcrypt-pfx', ipEncryptKey = ('k'):rep(32)})
RemoteLogAction(logger, nil, {ipEncryptMethod = 'ipcrypt-pfx',
  ipEncryptKey = '12345678901234567890123456789012'})
raises('one for queries', addResponseAction, AllRule(), RemoteLogAction(logger))
raises('unknown key "flush"', newFrameStreamUnixLogger, '/tmp/tap.sock', {flush = 1})
raises('File name too long', newFrameStreamUnixLogger, ('x'):rep(200))
raises('is not an address', newRemoteLogger, 'nonsense')
raises('not supported by protocol', TeeAction, '192.0.2.1', false, '::1')
