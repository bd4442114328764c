# SPDX-License-Identifier: BSD-2-Clause
"""Requests that no browser sends: web_rough.py PORT. Each gets one of the answers that it may get, "" being
none: the connection ends. What it is about has to be there afterwards."""
import socket
import sys

PORT = int(sys.argv[1])
END = b"\r\nHost: x\r\nConnection: close\r\n\r\n"


def asked(data, half=False):
    """The status of what comes back, "" where nothing does."""
    with socket.create_connection(("127.0.0.1", PORT), timeout=20) as peer:
        try:
            peer.sendall(data)
            if half:
                peer.shutdown(socket.SHUT_WR)
            found = b""
            while chunk := peer.recv(65536):
                found += chunk
        except (BrokenPipeError, ConnectionResetError):
            pass
    lines = found.split(b"\r\n", 1)[0].split()
    return lines[1].decode() if len(lines) > 1 else ""


def get(path, *headers):
    return b"GET " + path + b" HTTP/1.1" + b"".join(b"\r\n" + header for header in headers) + END


CASES = {
    "binary": (bytes(range(256)) * 40, {"", "400", "405"}),
    "no version": (b"GET /metrics\r\n\r\n", {"", "200", "400"}),
    "a line that does not end": (b"GET /" + b"a" * 100000, {"", "400", "413", "414", "431", "500"}),
    "headers that do not end": (get(b"/metrics", b"X: " + b"a" * 100000), {"", "413", "431"}),
    "many headers": (get(b"/metrics", *[b"X-%d: y" % i for i in range(300)]), {"200"}),
    "NUL and no UTF-8": (get(b"/metrics%00/%ff%c0%af"), {"200", "400", "404"}),
    "above the root": (get(b"/../../etc/passwd"), {"404"}),
    "broken escapes": (get(b"/mine?a=%zz&%&=&&a%0"), {"200"}),
    "an unknown method": (b"BREW /metrics HTTP/1.1" + END, {"405"}),
    "in small letters": (b"get /metrics HTTP/1.1" + END, {"400", "405", "501"}),
    "a negative length": (b"POST /mine HTTP/1.1\r\nContent-Length: -1" + END, {"", "400"}),
    "a huge length": (b"POST /mine HTTP/1.1\r\nContent-Length: 99999999999999999999" + END, {"", "400", "413"}),
    "a length and less": (b"POST /mine HTTP/1.1\r\nContent-Length: 10" + END + b"123", {""}),
    "broken chunks": (b"POST /mine HTTP/1.1\r\nTransfer-Encoding: chunked" + END + b"zz\r\nx", {"", "400"}),
    "too much": (b"POST /mine HTTP/1.1\r\nContent-Length: 1000000" + END + b"x" * 1000000, {"", "413"}),
    "no base64": (get(b"/api/v1/servers/localhost", b"Authorization: Basic " + b"!\xff" * 500), {"200"}),
    "a long password": (get(b"/api/v1/servers/localhost", b"Authorization: Basic " + b"QUFB" * 4000), {"200"}),
}

for name, (data, wanted) in CASES.items():
    found = asked(data, half=True)
    assert found in wanted, "%s: %r" % (name, found)
    assert asked(get(b"/metrics")) == "200", "nothing after: " + name
