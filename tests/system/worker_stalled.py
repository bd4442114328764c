# SPDX-License-Identifier: BSD-2-Clause
"""One worker's thread is stopped as a debugger does it, while the process goes on: it is named in the
log and the metrics, systemd's watchdog hears nothing, and both end when it goes on. Changes of the policy are
in force meanwhile; what they replaced is freed after it.

  worker_stalled.py PID LOG NOTIFY-SOCKET SLUICE CONSOLE-SOCKET"""
import contextlib
import ctypes
import glob
import os
import socket
import subprocess
import sys
import time
import urllib.request

PTRACE_SEIZE, PTRACE_INTERRUPT, PTRACE_DETACH = 0x4206, 0x4207, 17
WALL = 0x40000000  # waitpid() for threads, too
PATIENCE = 15
CHANGES, OLD = 200, 100  # several lines may be one change
libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]


def ptrace(request, thread):
    if libc.ptrace(request, thread, None, None) != 0:
        raise OSError(ctypes.get_errno(), "ptrace")


@contextlib.contextmanager
def stopped(thread):
    ptrace(PTRACE_SEIZE, thread)
    ptrace(PTRACE_INTERRUPT, thread)
    os.waitpid(thread, WALL)
    yield
    ptrace(PTRACE_DETACH, thread)


def thread_of(pid, worker):
    for task in glob.glob("/proc/%d/task/*" % pid):
        with open(task + "/comm") as comm:
            if comm.read().strip() in ("rte-worker-%d" % worker, "lcore-worker-%d" % worker):
                return int(task.rsplit("/", 1)[1])
    raise SystemExit("no thread of worker %d" % worker)


def metric(name):
    with urllib.request.urlopen("http://127.0.0.1:8083/metrics", timeout=PATIENCE) as page:
        for line in page.read().decode().splitlines():
            if line.startswith(name + " "):
                return float(line.rsplit(" ", 1)[1])
    raise SystemExit("no metric " + name)


def until(what, condition):
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "waited in vain for " + what
        time.sleep(0.02)


def change(times):
    lines = "".join("addAction('c%d.test.', DropAction())\n" % number for number in range(times))
    subprocess.run([sys.argv[4], "console", "-s", sys.argv[5]], input=lines, text=True, check=True,
                   timeout=PATIENCE, capture_output=True)


def messages(told):
    """What systemd was told since the last time."""
    found = []
    with contextlib.suppress(BlockingIOError):
        while True:
            found += told.recv(4096).decode().split("\n")
    return found


def main(pid, log, told):
    def logged(text):
        with open(log) as lines:
            return text in lines.read()

    until("the watchdog", lambda: "WATCHDOG=1" in messages(told))
    until("all to turn", lambda: metric('sluice_worker_stalled{worker="1"}') == 0)
    before = metric('sluice_worker_stalls_total{worker="1"}')  # a busy machine may stall it, too
    with stopped(thread_of(pid, 2)):  # lcore 0 is the control lcore, so 2 is worker 1
        until("the log", lambda: logged("worker 1 (lcore 2) is stalled"))
        until("the gauge", lambda: metric('sluice_worker_stalled{worker="1"}') == 1)
        until("worker 0 to turn", lambda: metric('sluice_worker_stalled{worker="0"}') == 0)
        messages(told)
        change(CHANGES)
        old = metric("sluice_policies_old")
        assert old >= OLD, "%d old policies are kept" % old
        until("two seconds", lambda: metric('sluice_worker_stalled_seconds{worker="1"}') >= 2)
        assert messages(told) == [], "systemd was told that all is well"
    until("the recovery", lambda: logged("worker 1 turns again, after "))
    until("the gauge", lambda: metric('sluice_worker_stalled{worker="1"}') == 0)
    until("old policies to be freed", lambda: metric("sluice_policies_old") == 0)
    until("the time", lambda: metric('sluice_worker_stalled_seconds{worker="1"}') == 0)
    assert metric('sluice_worker_stalls_total{worker="1"}') > before
    until("the watchdog again", lambda: "WATCHDOG=1" in messages(told))


with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
    systemd.bind(sys.argv[3])
    systemd.setblocking(False)
    main(int(sys.argv[1]), sys.argv[2], systemd)
