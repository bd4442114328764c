#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""A collector of what queries are told, and a reader of it that shares no code with the sender.

  collector.py listen PORT FILE   PowerDNS's kind: each message becomes a line of FILE
  collector.py stall PORT         takes one connection and never reads from it
  collector.py frames FILE        prints the messages of a file of Frame Streams, as fstrm_capture writes it
"""
import socket
import struct
import sys

PROTOBUF = {
    1: "type", 2: "messageId", 3: "serverIdentity", 4: "socketFamily", 5: "socketProtocol", 6: "from", 7: "to",
    8: "inBytes", 9: "timeSec", 10: "timeUsec", 11: "id",
    12: ("question", {1: "qName", 2: "qType", 3: "qClass"}),
    13: ("response", {1: "rcode", 2: ("rrs", {1: "name", 2: "type", 3: "class", 4: "ttl", 5: "rdata"}), 4: "tags",
                      5: "queryTimeSec", 6: "queryTimeUsec"}),
    14: "originalRequestorSubnet", 15: "requestorId", 17: "deviceId", 19: "deviceName", 20: "fromPort", 21: "toPort",
    22: ("meta", {1: "key", 2: ("value", {1: "stringVal", 2: "intVal"})}),
    26: "packetCacheHit", 27: "outgoingQueries", 28: "headerFlags"}
DNSTAP = {
    1: "identity", 2: "version", 3: "extra", 15: "type",
    14: ("message", {1: "type", 2: "socket_family", 3: "socket_protocol", 4: "query_address", 5: "response_address",
                     6: "query_port", 7: "response_port", 8: "query_time_sec", 9: "query_time_nsec",
                     10: "query_message", 12: "response_time_sec", 13: "response_time_nsec", 14: "response_message"})}


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value, at


def decode(data, names):
    """A dict of lists: protobuf's wire format, every field of a known number."""
    at, fields = 0, {}
    while at < len(data):
        tag, at = varint(data, at)
        kind, name = tag & 7, names[tag >> 3]
        if kind == 0:
            value, at = varint(data, at)
        elif kind == 5:
            value, at = struct.unpack_from("<I", data, at)[0], at + 4
        else:
            assert kind == 2, kind
            size, at = varint(data, at)
            value, at = data[at:at + size], at + size
            assert len(value) == size
        if isinstance(name, tuple):
            name, value = name[0], decode(value, name[1])
        fields.setdefault(name, []).append(value)
    return fields


def listening(port):
    server = socket.socket()
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind(("127.0.0.1", port))
    server.listen()
    return server


def listen(port, path):
    server = listening(port)
    with open(path, "a", encoding="ascii") as out:
        while True:
            stream = server.accept()[0].makefile("rb")
            while len(head := stream.read(2)) == 2:
                message = stream.read(struct.unpack("!H", head)[0])
                out.write(repr(decode(message, PROTOBUF)) + "\n")
                out.flush()


def frames(path):
    with open(path, "rb") as file:
        data = file.read()
    at = 0
    while at + 4 <= len(data):
        size, at = struct.unpack_from("!I", data, at)[0], at + 4
        if size == 0:  # a control frame
            size, at = struct.unpack_from("!I", data, at)[0], at + 4
        elif at + size <= len(data):
            print(repr(decode(data[at:at + size], DNSTAP)))
        at += size


if __name__ == "__main__":
    if sys.argv[1] == "listen":
        listen(int(sys.argv[2]), sys.argv[3])
    elif sys.argv[1] == "frames":
        frames(sys.argv[2])
    else:
        held = listening(int(sys.argv[2])).accept()
        while True:
            sys.stdin.read()
