#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# What a policy says of TCP sockets has got to the kernel, and a new policy's too: places for connections that wait,
# and the key of TCP Fast Open.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

key=00112233-44556677-8899aabb-ccddeeff
lab_config <<-END
	setMaxTCPQueuedConnections(7)
	setTCPFastOpenKey('$key')
	addLocal('10.53.2.1:54', {tcpListenQueueSize = 9, tcpFastOpenQueueSize = 5})
	addAction('quick.test.', SpoofAction('192.0.2.2'))
END
lab_net
lab_tcp
in_sluice sysctl -qw net.ipv4.tcp_fastopen=3
in_client sysctl -qw net.ipv4.tcp_fastopen=1
lab_sluice
has_room() { [ "$(in_sluice ss -Hltn "sport = :$1 and src 10.53.2.1" | awk '{print $3}')" = "$2" ]; }
has_room 53 7 || fail "not as many may wait as the policy says"
has_room 54 9 || fail "not as many may wait as the address says"
# The cookie that a listener gives depends on its key and the addresses alone: it is that of another one with the key.
ip netns exec "$sluice" /usr/bin/python3 - "$key" >"$work/other.log" 2>&1 <<'END' &
import socket, struct, sys
made = socket.create_server(('10.53.2.1', 5400))
made.setsockopt(socket.IPPROTO_TCP, socket.TCP_FASTOPEN, 5)
made.setsockopt(socket.IPPROTO_TCP, 33, struct.pack('<4I', *(int(word, 16) for word in sys.argv[1].split('-'))))
print('listening', flush=True)
while True:
    made.accept()
END
pids+=($!)
wait_for 10 "the other listener" grep -q listening "$work/other.log"
cookie() { # PORT
	in_client ip tcp_metrics flush all >/dev/null 2>&1
	in_client /usr/bin/python3 -c "import socket
made = socket.socket()
made.sendto(b'x', socket.MSG_FASTOPEN, ('10.53.2.1', $1))"
	in_client ip tcp_metrics show 10.53.2.1 | grep -o 'fo_cookie [0-9a-f]*'
}
wanted=$(cookie 5400)
got=$(cookie 54) || fail "no cookie of TCP Fast Open"
[ "$got" = "$wanted" ] || fail "the cookie $got is not that of the key, $wanted"
sed -i 's/ccddeeff/ccddee00/; s/Connections(7)/Connections(11)/' "$work/policy.lua"
kill -HUP "$sluice_pid"
wait_for 10 "the new policy's places" has_room 53 11
[ "$(cookie 54)" != "$wanted" ] || fail "the new policy's key is not in use"
stop_pid "$sluice_pid"
