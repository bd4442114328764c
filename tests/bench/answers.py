# SPDX-License-Identifier: BSD-2-Clause
"""A name server for lanes that ask it little: answers.py ADDRESS PORT. One address for every name, for a day."""
import socket
import sys

RECORD = bytes.fromhex("c00c00010001000151800004c0000201")


def answer(query):
    end = 12
    while query[end] != 0:
        end += query[end] + 1
    counts = b"\0\1\0\1\0\0\0\0"
    return query[:2] + bytes([query[2] | 0x80, 0x80]) + counts + query[12:end + 5] + RECORD


with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
    server.bind((sys.argv[1], int(sys.argv[2])))
    while True:
        message, client = server.recvfrom(4096)
        if len(message) > 16:
            server.sendto(answer(message), client)
