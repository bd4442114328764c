# SPDX-License-Identifier: BSD-2-Clause
"""Requests one behind another in one go: web_pipeline.py PORT. All are answered."""
import socket
import sys

PORT = int(sys.argv[1])
GET = b"GET /mine?a=1 HTTP/1.1\r\nHost: x\r\n"

with socket.create_connection(("127.0.0.1", PORT), timeout=20) as sock:
    sock.sendall((GET + b"\r\n") * 50 + GET + b"Connection: close\r\n\r\n")
    ANSWERS = b""
    while piece := sock.recv(65536):
        ANSWERS += piece
    assert ANSWERS.count(b"HTTP/1.1 200 OK") == 51, ANSWERS.count(b"HTTP/1.1 200 OK")
