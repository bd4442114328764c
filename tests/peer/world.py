# SPDX-License-Identifier: BSD-2-Clause
"""What is around a program under test: clients, and name servers that do what the name says that they are asked."""
import select
import socket
import threading

import dns.edns
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset

import poison
import ways

SERVERS = [("10.53.0.53", 53), ("10.53.0.54", 53), ("10.53.0.55", 53), ("10.53.0.55", 5353), ("fd53::53", 53)]
SOA = "ns.test. hostmaster.test. 1 2 3 4 %d"


def opened(address, port=0):
    return ways.bound(address, port, socket.SOCK_DGRAM)


def connected(address, destination):
    """A connection from there to port 53."""
    sock = ways.bound(address, 0, socket.SOCK_STREAM)
    sock.settimeout(5)
    sock.connect((destination, 53))
    return sock


def text(message):
    """A message in one line for each record; the ID is left out, which is random."""
    if message is None:
        return "nothing"
    try:
        read = dns.message.from_wire(message, one_rr_per_rrset=True)
    except dns.exception.DNSException as error:
        return "%s %s" % (type(error).__name__, message[2:].hex())
    lines = ["%s %s" % (dns.rcode.to_text(read.rcode()), dns.flags.to_text(read.flags))]
    if read.edns >= 0:
        lines[0] += " edns %d %s %d %s" % (read.edns, dns.flags.edns_to_text(read.ednsflags), read.payload,
                                           "; ".join("%d %s" % (o.otype, o.to_wire().hex()) for o in read.options))
    for mark, section in zip("?+=*", read.sections):
        lines += [mark + " " + one.to_text() for one in section]
    return "\n".join(lines)


def labels(name):
    """{word: number or None} of its labels: `ttl5.nx.test` is ttl: 5 and nx."""
    found = {}
    for label in name.lower().split("."):
        word = label.rstrip("0123456789")
        found[word] = int(label[len(word):]) if label[len(word):] else None
    return found


def option_ecs(query, scope):
    for option in query.options:
        if option.otype == dns.edns.ECS:
            return [dns.edns.ECSOption(option.address, option.srclen, scope)]
    return []


def answer(query, number, tcp=False):
    """What server `number` says, or None."""
    asked = query.question[0]
    name, words = asked.name.to_text(), labels(asked.name.to_text())
    if "silent" in words and words["silent"] in (None, number):
        return None
    made = dns.message.make_response(query, recursion_available=True)
    made.flags |= dns.flags.CD & query.flags
    if "aa" in words:
        made.flags |= dns.flags.AA
    if "ad" in words:
        made.flags |= dns.flags.AD
    ttl = words.get("ttl", 300)
    rcode = next((code for word, code in (("nx", 3), ("servfail", 2), ("refused", 5), ("notimp", 4), ("formerr", 1))
                  if word in words and words[word] in (None, number)), 0)
    made.set_rcode(rcode)
    if query.edns >= 0:
        made.use_edns(0, query.ednsflags, 1232, options=option_ecs(query, words["scope"]) if "scope" in words else [])
    if "tc" in words or "tcudp" in words and not tcp:
        made.flags |= dns.flags.TC
    if "empty" in words:
        return made
    if rcode == 3 or "nodata" in words:
        made.authority.append(dns.rrset.from_text("test.", ttl, "IN", "SOA", SOA % words.get("min", ttl)))
    elif rcode == 0:
        kind = dns.rdatatype.to_text(asked.rdtype)
        data = {"A": "192.0.2.%d" % number, "AAAA": "2001:db8::%d" % number, "TXT": '"%d"' % number}
        count = words.get("many", 1)
        for i in range(count):
            if kind in data:
                made.answer.append(dns.rrset.from_text(name, ttl + (i if "rising" in words else 0), "IN", kind,
                                                       data[kind].replace("0.2.", "0.%d." % (2 + i))))
        if "extra" in words:
            made.additional.append(dns.rrset.from_text("extra.test.", words["extra"], "IN", "A", "192.0.2.99"))
    return made


class World:
    """Clients, and servers in threads of their own. `seen`: [(server, message, how it came)] since it was last taken."""

    def __init__(self):
        self.servers = {opened(*at): number for number, at in enumerate(SERVERS, 1)}
        self.listeners = {ways.listening(*at): number for number, at in enumerate(SERVERS, 1)}
        for sock in self.servers:
            ways.datagrams_told(sock)
        self.stopped, self.checks, self.seen = set(), {}, []
        self.lock, self.over = threading.Lock(), False
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.over = True
        self.thread.join()
        for sock in [*self.servers, *self.listeners]:
            sock.close()

    def serve(self):
        while not self.over:
            for sock in select.select([*self.servers, *self.listeners], [], [], 0.05)[0]:
                if sock in self.listeners:
                    self.connected(self.listeners[sock], *sock.accept())
                else:
                    message, sender, way = ways.datagram(sock)
                    made = self.asked(self.servers[sock], message, way)
                    if made is not None:
                        sock.sendto(made, sender)

    def connected(self, number, sock, sender):
        if number in self.stopped:
            sock.close()
            return
        threading.Thread(target=ways.stream, daemon=True,
                         args=(sock, sender, lambda message, way: self.asked(number, message, way))).start()

    def asked(self, number, wire, way):
        """The answer, or None."""
        try:
            query = dns.message.from_wire(wire)
            name = query.question[0].name.to_text().lower()
        except (dns.exception.DNSException, IndexError):
            query, name = None, ""
        check = name.startswith("check") or name == "a.root-servers.net."
        with self.lock:
            if check:
                self.checks.setdefault(number, []).append((wire, way))
            else:
                self.seen.append((number, wire, way))
            stopped = number in self.stopped
        if stopped or query is None:
            return None
        made = answer(query, number, way.startswith("tcp"))
        return None if made is None else poison.spoilt(labels(name), made.to_wire(max_size=65535))

    def took(self):
        with self.lock:
            seen, self.seen = self.seen, []
        return seen

    def burst(self, wires, client):
        """How many of these, sent at once, are answered."""
        with opened(client) as sock:
            for wire in wires:
                sock.sendto(wire, ("10.53.0.1", 53))
            sock.settimeout(0.5)
            answers = 0
            try:
                while sock.recv(65535):
                    answers += 1
            except TimeoutError:
                return answers

    def ask(self, wire, client, destination, patience, over="udp"):
        """(answer or None, [(server, query, how it came)])"""
        self.took()
        with opened(client) if over == "udp" else connected(client, destination) as sock:
            sock.settimeout(patience)
            self.port = sock.getsockname()[1]
            try:
                if over == "udp":
                    sock.sendto(wire, (destination, 53))
                    got = sock.recv(65535)
                else:
                    sock.sendall(ways.framed(wire))
                    got = ways.exactly(sock, int.from_bytes(ways.exactly(sock, 2), "big"))
            except (TimeoutError, EOFError):
                got = None
        return got, self.took()
