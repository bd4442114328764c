# SPDX-License-Identifier: BSD-2-Clause
"""dnsdist from Debian, in a folder of its own, to compare with. SLUICE_PEER says the release it is from."""
import os
import shutil
import subprocess
import sys

import lab

SUITE = os.environ.get("SLUICE_PEER", "trixie")
ROOT = "/var/cache/sluice-bench/" + SUITE
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"


def set_up():
    """Installs dnsdist with debootstrap, once. Nothing is started."""
    program = os.path.join(ROOT, "usr/bin/dnsdist")
    if os.path.exists(program):
        return
    if shutil.which("debootstrap") is None:
        print("bench: installing debootstrap", file=sys.stderr, flush=True)
        lab.run(["apt-get", "install", "-y", "-q", "--no-install-recommends", "debootstrap",
                 "debian-archive-keyring"], env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"})
    print(f"bench: setting up dnsdist in {ROOT}: this takes some minutes", file=sys.stderr, flush=True)
    os.makedirs(os.path.dirname(ROOT), exist_ok=True)
    shutil.rmtree(ROOT, ignore_errors=True)
    try:
        lab.run(["debootstrap", "--variant=minbase", "--keyring=" + KEYRING, SUITE, ROOT,
                 os.environ.get("DEBIAN_MIRROR", "http://deb.debian.org/debian")])
        with open(os.path.join(ROOT, "usr/sbin/policy-rc.d"), "w", encoding="ascii") as file:
            file.write("#!/bin/sh\nexit 101\n")
        os.chmod(file.name, 0o755)
        lab.run(["chroot", ROOT, "apt-get", "install", "-y", "-q", "--no-install-recommends", "dnsdist"],
                env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND": "noninteractive"})
    except lab.Failure as failure:
        shutil.rmtree(ROOT, ignore_errors=True)
        raise lab.Failure(f"dnsdist cannot be set up here: {failure}") from failure


def inside(folder):
    """An empty folder that it sees by that name."""
    path = os.path.join(ROOT, folder)
    shutil.rmtree(path, ignore_errors=True)
    os.makedirs(path, mode=0o777)
    return path


def available():
    """Sets it up if need be; without it the others are measured all the same."""
    try:
        set_up()
    except lab.Failure as failure:
        print(f"bench: going on without a peer: {failure}", file=sys.stderr, flush=True)
        return False
    return True


def dnsdist(bench, policy, drive):
    """Runs it on CPU 0 where Sluice was, and drives it; what the driver returns."""
    client, server = bench.pair()
    with open(os.path.join(ROOT, "etc/sluice-bench.conf"), "w", encoding="ascii") as file:
        file.write(f"setLocal('{lab.SERVER}:53')\nsetACL('0.0.0.0/0')\nsetSecurityPollSuffix('')\n{policy}")
    lab.run(["ip", "-n", server, "addr", "add", lab.SERVER + "/24", "dev", "e0"])
    lab.run(["ip", "-n", server, "addr", "add", lab.BACK + "/24", "dev", "e1"])
    lab.run(["ip", "-n", server, "neigh", "replace", lab.BACKEND, "lladdr", lab.BACKEND_MAC, "dev", "e1"])
    lab.run(["ip", "-n", server, "neigh", "replace", lab.NOBODY, "lladdr", "02:00:00:00:00:02", "dev", "e0"])
    process = bench.start(["ip", "netns", "exec", server, "taskset", "-c", "0", "chroot", ROOT,
                           "/usr/bin/dnsdist", "--supervised", "--disable-syslog", "-C", "/etc/sluice-bench.conf"],
                          "dnsdist.log")
    try:
        lab.wait_for("dnsdist:\n" + bench.log("dnsdist.log"), 15, lambda: subprocess.run(
            ["ip", "netns", "exec", client, "dig", "+tries=1", "+time=1", "@" + lab.SERVER, "ready.test"],
            capture_output=True, check=False).returncode == 0)
        return drive(bench, client)
    finally:
        bench.stop(process)
        lab.run(["ip", "-n", server, "addr", "del", lab.SERVER + "/24", "dev", "e0"])
        lab.run(["ip", "-n", server, "addr", "del", lab.BACK + "/24", "dev", "e1"])
