#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""console_prompt.py SLUICE SOCKET FOLDER: types into a console at a terminal of 24 lines."""
import fcntl
import os
import pty
import re
import select
import struct
import sys
import termios
import time

SLUICE, SOCKET, FOLDER = sys.argv[1:]
ROWS, COLUMNS = 24, 80
MORE = b"-- more: space, return, or q --"


class Console:
    def __init__(self, **environment):
        """What is None there is not in the environment."""
        self.output = b""
        self.child, self.terminal = pty.fork()
        if self.child == 0:
            for name, value in dict({"TERM": "xterm", "PAGER": None}, **environment).items():
                os.environ.pop(name, None)
                if value is not None:
                    os.environ[name] = value
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("4H", ROWS, COLUMNS, 0, 0))
            os.execv(SLUICE, [SLUICE, "console", "-s", SOCKET])
        self.expect(b"> ")

    def expect(self, wanted, after=None):
        """Types `after`, then waits for the text; returns what came up to its end."""
        if after is not None:
            os.write(self.terminal, after)
        end = time.monotonic() + 10
        while wanted not in self.output:
            ready, _, _ = select.select([self.terminal], [], [], max(0, end - time.monotonic()))
            if not ready:
                sys.exit("no %r after %r, but %r" % (wanted, after, self.output))
            self.output += os.read(self.terminal, 65536)
        at = self.output.index(wanted) + len(wanted)
        seen, self.output = self.output[:at], self.output[at:]
        return seen

    def quit(self):
        os.write(self.terminal, b"quit\n")
        _, status = os.waitpid(self.child, 0)
        assert os.waitstatus_to_exitcode(status) == 0, status
        os.close(self.terminal)


# Completion: a global, a member of a module, of a table in a table, of an object; what is nothing.
console = Console()
console.expect(b"Cr. Order", b"showRu\t{showUUIDs=true})\n")
console.expect(b"> ")
seen = console.expect(b"sluice.suspended(", b"sluice.sus\t\t")
assert b"sluice.suspend(" in seen, seen
console.expect(b"\n1\r\n", b"\x15own.deep.tre\t\n")
console.expect(b"has no endpoint", b"verdicts:st\t)\n")
console.expect(b"attempt to index", b"nothing.like.th\tis\n")
console.expect(b"> ")

# Long results: a page, a line, a page, no more; lines that are wider than the window are several.
page = console.expect(MORE, b"('x\\n'):rep(100)\n")
assert page.count(b"x\r\n") == ROWS - 1, page
assert console.expect(MORE, b"\n").count(b"x\r\n") == 1
assert console.expect(MORE, b" ").count(b"x\r\n") == ROWS - 1
console.expect(b"> ", b"?q")
page = console.expect(MORE, b"string.char(0x7e):rep(2000)\n")
assert page.count(b"~") == (ROWS - 1) * COLUMNS, page
page = console.expect(b"> ", b" ")
assert page.count(b"~") == 2000 - (ROWS - 1) * COLUMNS, page
console.expect(b"2\r\n", b"1 + 1\n")
console.expect(b"> ")
console.quit()

# What was typed is there again; $PAGER gets what is long, and one that does not exist is none.
console = Console(PAGER="cat >%s/paged" % FOLDER)
console.expect(b"> ", b"help()\n")
with open(FOLDER + "/paged", encoding="ascii") as file:
    paged = file.read()
assert re.search("^# Rules\n", paged) and paged.endswith("getServerID() -- what setServerID() said\n"), paged
console.expect(b"1 + 1", b"\x1b[A\x1b[A")
console.expect(b"2\r\n", b"\n")
console.expect(b"> ")
console.quit()
console = Console(PAGER="%s/none" % FOLDER)
console.expect(MORE, b"help()\n")
console.expect(b"> ", b"\x03")
console.quit()

# No history without a place, nor where the place is something else.
os.mkdir(FOLDER + "/other")
os.chdir(FOLDER + "/other")
os.mkdir(FOLDER + "/linked")
os.symlink("/dev/null", FOLDER + "/linked/.sluice_history")
for home in (None, "", FOLDER + "/linked"):
    console = Console(HOME=home)
    console.expect(b"3\r\n", b"1 + 2\n")
    console.quit()
