#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# PROXY headers over TCP to servers that want them: written once, at the start of connections that clients do not
# share; where there are fewer of those than clients, each has its turn.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

lab_config <<-'END'
	newServer({address = '10.53.0.2:5302', name = 'udp', useProxyProtocol = true, checkTCP = true, mustResolve = true})
	newServer({address = '10.53.0.2:5302', name = 'tcp', useProxyProtocol = true, tcpOnly = true, pool = 'only', healthCheckMode = 'up'})
	newServer({address = '10.53.0.2:5302', name = 'few', useProxyProtocol = true, tcpOnly = true, pool = 'few', healthCheckMode = 'up',
	  maxConcurrentTCPConnections = 2})
	for _, pool in ipairs{'only', 'few'} do addAction(QNameSuffixRule(pool .. '.test'), PoolAction(pool)) end
END
lab_net
lab_tcp
lab_proxy_server
lab_sluice
wait_for 10 "the check over TCP, as Sluice's own" test "$(console 'return getServer(0):isUp()')" = true
lab_python "PROXY headers to servers" <<'END'
from proxied import connect, told
from streams import Answers, framed
for pool in 'x.test', 'x.only.test': # after a truncated answer, and at once
    for source in '10.53.2.2', 'fd53:2::2':
        streams = [connect(source) for _ in range(2)]
        numbers = set()
        for stream in streams:
            both = told(stream, ['a.' + pool, 'b.' + pool]) + told(stream, ['c.' + pool])
            assert all(who == '%s %d 1 ' % (source, stream.getsockname()[1]) for _, who in both), both
            numbers |= {number for number, _ in both}
        assert len(numbers) == 2, numbers # a connection for each client, for all that it asks
# More clients than connections: each in its turn, under its own name.
streams = [connect('10.53.2.2') for _ in range(20)]
for n, stream in enumerate(streams):
    stream.sendall(framed('x.few.test', n, 'TXT'))
for n, stream in enumerate(streams):
    assert Answers(stream).take(1)[0].answer[0][0].strings[1].decode().split()[1] == str(stream.getsockname()[1])
# More than are kept idle: those go that were idle longest, not the one that has just been used.
streams = [connect('10.53.2.2') for _ in range(15)]
for stream in streams:
    told(stream, ['x.only.test'])
for _ in range(2):
    (one, _), = told(streams[-1], ['a.only.test'])
    (other, _), = told(streams[-1], ['b.only.test'])
    assert one == other, (one, other)
END
stop_pid "$sluice_pid"
