# SPDX-License-Identifier: BSD-2-Clause
"""Queries from many ports at once: each is answered exactly once, every worker receives some, and what
workers hand over to the control lcore comes back to them.

  workers.py SERVER NAME TELEMETRY-SOCKET WORKERS"""
import json
import select
import socket
import struct
import sys
import time

CLIENTS, EACH, PATIENCE = 64, 16, 30


def query(ident, text):
    labels = b"".join(bytes([len(label)]) + label.encode() for label in text.split("."))
    return struct.pack(">HHHHHH", ident, 0x100, 1, 0, 0, 0) + labels + b"\0\0\1\0\1"


def counters(path, worker):
    """Of a worker, from DPDK's telemetry."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as asked:
        asked.connect(path)
        asked.recv(4096)
        asked.send(b"/sluice/workers,%d" % worker)
        (sums,) = json.loads(asked.recv(65536)).values()
    return sums


def take(clients, answers, patience):
    """Counts what has come: {(client, ID): how often}."""
    for client in select.select(clients, [], [], patience)[0]:
        data = client.recv(4096)
        key = (client.getsockname()[1], struct.unpack(">H", data[:2])[0])
        answers[key] = answers.get(key, 0) + 1
        assert data[2] & 0x80 and data[3] & 15 == 0, data.hex(" ")


def main(server, name, telemetry, workers):
    clients = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(CLIENTS)]
    answers, wanted = {}, set()
    for client in clients:
        client.connect((server, 53))
    before = [counters(telemetry, worker) for worker in range(workers)]
    for number in range(EACH):  # a burst of one query a client, answered before the next
        for client in clients:
            client.send(query(number, name % number))
            wanted.add((client.getsockname()[1], number))
        deadline = time.monotonic() + PATIENCE
        while not wanted <= set(answers):
            take(clients, answers, 1)
            assert time.monotonic() < deadline, "%d are not answered" % len(wanted - set(answers))
    # What would come twice came before the answer to a query that was sent behind it.
    for client in clients:
        client.send(query(9999, name % 0))
    while sum(number == 9999 for _, number in answers) < CLIENTS:
        take(clients, answers, PATIENCE)
    twice = [key for key, count in answers.items() if count != 1]
    assert not twice, "answered more than once: %s" % twice[:5]
    after = [counters(telemetry, worker) for worker in range(workers)]
    shares = [end["received_packets"] - start["received_packets"]
              for start, end in zip(before, after)]
    print("packets of each worker:", *shares)
    assert min(shares) > 0, "a worker receives nothing"
    handed = [(end["handed_over"], end["taken_back"]) for end in after]
    assert all(over == back for over, back in handed), "not all came back: %s" % handed


main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]))
