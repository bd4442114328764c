# SPDX-License-Identifier: BSD-2-Clause
"""The client, the filter and the hand on the policy (repl.lua) of the asynchronous tests, in one
process: nothing is waited for but what is to come. lib.sh runs it with its folder in the path."""
import os
import socket
import subprocess
import time

import dns.edns
import dns.flags
import dns.message
import dns.rcode

RUN = os.environ['work'] + '/run/'
SERVER = os.environ['server']
PATIENCE = 5  # seconds, for what has to come


def datagrams(name):
    made = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    path = name if name.startswith('\0') else RUN + name
    if os.path.exists(RUN + name.strip('\0')):
        os.unlink(path)  # of the test's part before this one
    made.bind(path)
    made.settimeout(PATIENCE)
    return made


results = datagrams('results.sock')
filter = datagrams('filter.sock')


class LuaError(Exception):
    pass


def lua(code, *values):
    """Runs Lua in a listener callback of the policy: its result as text."""
    results.sendto((code % values).encode('latin-1'), RUN + 'lua.sock')
    result = results.recv(100000).decode('latin-1')
    if result[0] == '!':
        raise LuaError(result[1:])
    return result[1:]


def fails(text, code, *values):
    """That the Lua raises an error with this text."""
    try:
        result = lua(code, *values)
    except LuaError as error:
        assert text in str(error), str(error)
        return
    raise AssertionError('%s gives %s' % (code % values, result))


class Query:
    """A query under way, from a socket of its own."""

    def __init__(self, name, flags=dns.flags.RD, id=0x4711, **options):
        self.question = dns.message.make_query(name, 'A', id=id, flags=flags, **options)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.connect((SERVER, 53))
        self.sent = time.monotonic()
        self.socket.send(self.question.to_wire())

    def raw(self, patience=PATIENCE):
        self.socket.settimeout(patience)
        return self.socket.recv(65535)

    def answer(self, rcode='NOERROR'):
        wire = self.raw()
        self.took = time.monotonic() - self.sent
        found = dns.message.from_wire(wire)
        assert found.id == self.question.id, (found.id, self.question.id)
        assert found.question == self.question.question, found
        assert dns.rcode.to_text(found.rcode()) == rcode, found
        self.length = len(wire)
        return found

    def silence(self):
        """That no answer has come, although everything before has taken effect."""
        lua('return 1')
        self.socket.setblocking(False)
        try:
            found = self.socket.recv(65535)
        except BlockingIOError:
            return
        raise AssertionError('answered: %r' % found)


def asked():
    """What the filter is asked next: the DNS ID and the message."""
    message = filter.recv(65535)
    return int.from_bytes(message[:2], 'big'), message


def address(message):
    return message.answer[0][0].address if message.answer else None


def metrics():
    text = subprocess.run(['ip', 'netns', 'exec', os.environ['sluice'], 'curl', '-s', '--max-time',
                           '5', 'http://127.0.0.1:8083/metrics'],
                          check=True, capture_output=True, text=True).stdout
    return {line.rsplit(' ', 1)[0]: float(line.rsplit(' ', 1)[1])
            for line in text.splitlines() if not line.startswith('#')}


def resident():
    """Bytes of memory that Sluice has, but for hugepages."""
    with open('/proc/%s/statm' % os.environ['sluice_pid']) as file:
        return int(file.read().split()[1]) * 4096


def until(what, condition):
    """Polls until the condition holds; its value."""
    deadline = time.monotonic() + 4 * PATIENCE  # a machine may be busy
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.01)
    raise AssertionError('waited in vain for ' + what)


def counts(name, wanted):
    """That a counter of sluice_async_..._total gets there, and no further."""
    key = 'sluice_async_%s_total' % name
    until('%s = %d' % (key, wanted), lambda: metrics()[key] >= wanted)
    assert metrics()[key] == wanted, (key, metrics()[key])
