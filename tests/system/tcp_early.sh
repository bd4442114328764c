#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# A server that answers queries over TCP before all of them has been sent to it, under IDs that it can guess: what it
# reads is queries nevertheless, whole and one after the other, and it is asked others over another connection.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

lab_config <<-'END'
	newServer({address = '10.53.0.2:5303', tcpOnly = true, healthCheckMode = 'up'})
END
lab_net
lab_tcp
mkfifo "$work/go"
cat >"$work/early.py" <<'END'
import socket, struct, sys
listening = socket.create_server(('10.53.0.2', 5303))
listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
print('listening', file=sys.stderr, flush=True)
early = True
while True:
    stream, _ = listening.accept()
    read = stream.makefile('rb')
    try:
        while len(head := read.read(4)) == 4:
            size, id = struct.unpack('!HH', head)
            if early:
                open(sys.argv[1]).read() # what there is to be sent waits for this
                for n in range(8):
                    stream.sendall(struct.pack('!7H', 12, (id + 0x100 * n & 0xff00) + n, 0x8180, 0, 0, 0, 0))
                early = False
            rest = read.read(size - 2)
            if len(rest) == size - 2:
                fine = rest[:2] == b'\1\0' and len(set(rest[40:])) < 2
                print('whole' if fine else 'garbage', size, file=sys.stderr, flush=True)
                stream.sendall(head + b'\x81\x80' + rest[2:])
    except OSError:
        pass
END
ip netns exec "$backend" /usr/bin/python3 "$work/early.py" "$work/go" 2>"$work/early.log" &
pids+=($!)
wait_for 10 "the server" grep -q listening "$work/early.log"
lab_sluice
lab_python "early answers" <<'END'
import os, struct
import dns.edns, dns.message
from streams import Answers, connect, framed
from lab import metrics, until
streams = [connect() for _ in range(9)]
for n in range(8):
    letters = dns.edns.GenericOption(dns.edns.OptionType.PADDING, b'%c' % (ord('a') + n) * 60000)
    wire = dns.message.make_query('x.test', 'A', id=n, use_edns=0, options=[letters]).to_wire(max_size=65535)
    streams[n].sendall(struct.pack('!H', len(wire)) + wire)
until('all are with the server', lambda: metrics()['sluice_inflight_queries'] == 8)
open(os.environ['work'] + '/go', 'w').close()
until('it has answered', lambda: metrics()['sluice_inflight_queries'] == 0)
streams[8].sendall(framed('short.test', 9))
assert Answers(streams[8]).take(1)[0].id == 9
END
grep -q '^whole' "$work/early.log" || fail "nothing came"
grep '^garbage' "$work/early.log" && fail "the server got what is no query"
stop_pid "$sluice_pid"
