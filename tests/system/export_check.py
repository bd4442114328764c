#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""What export.sh's collector was told, field by field."""
import ast
import base64
import sys
import time

import dns.message

with open(sys.argv[1], encoding="ascii") as file:
    told = [ast.literal_eval(line) for line in file]
CLIENT, LOCAL = bytes([10, 53, 2, 2]), bytes([10, 53, 2, 1])


def check(message, **wanted):
    """All fields but those that are different each time are as they should be, and no others are there."""
    assert abs(time.time() - message.pop("timeSec")[0]) < 120
    assert message.pop("timeUsec")[0] < 1000000
    assert message.pop("fromPort")[0] > 1023
    message.pop("inBytes")
    response = message["response"][0]
    assert abs(time.time() - response.pop("queryTimeSec")[0]) < 120
    assert response.pop("queryTimeUsec")[0] < 1000000
    identity = message.pop("messageId")[0]
    assert len(identity) == 16 and identity[6] >> 4 == 4 and identity[8] >> 6 == 2, identity
    number = message.pop("id")[0]
    if "meta" in message:
        meta = {entry["key"][0]: entry["value"][0] for entry in message.pop("meta")}
        if b"content" in meta:
            query = dns.message.from_wire(base64.b64decode(meta.pop(b"content")["stringVal"][0]))
            assert query.id == number and wanted["question"][0]["qName"][0].decode() == str(query.question[0].name)
        message["meta"] = meta
    base = {"socketFamily": [1], "socketProtocol": [1], "from": [CLIENT], "to": [LOCAL], "toPort": [53]}
    if "tags" in response:
        response["tags"].sort()
    assert message == {**base, **wanted}, f"{message}\nis not\n{base | wanted}"
    return identity, number


def question(name):
    return [{"qName": [name], "qType": [1], "qClass": [1]}]


METAS = {b"pool": {"stringVal": [b""]}, b"tag": {"stringVal": [b"b"]}, b"none": {"stringVal": [b""]},
         b"all": {"stringVal": [b"a:b", b"p-empty"]}}
AD = 0x2001  # what dig sets: RD and AD
for name, kind in ((b"c1.demo.test.", "forward"), (b"spoof.demo.test.", "spoof")):
    ids = [check(told.pop(0), type=[1], question=question(name), serverIdentity=[b"here"], headerFlags=[AD], meta=METAS,
                 response=[{"tags": [b"a:b", b"p-empty"]}])]
    encrypted = told.pop(0)
    address = encrypted["from"]
    assert address != [CLIENT] and len(address[0]) == 4, address
    ids.append(check(encrypted, **{"from": address}, type=[1], question=question(name), headerFlags=[AD],
                     response=[{"tags": [b"empty"]}]))
    answer = told.pop(0)
    flags, records = answer.pop("headerFlags"), answer["response"][0].pop("rrs")
    assert flags[0] & 0x80, flags
    assert records[0] | {"ttl": 0} == {"name": [name], "type": [1], "class": [1], "ttl": 0,
                                       "rdata": records[0]["rdata"]} and len(records[0]["rdata"][0]) == 4, records
    ids.append(check(answer, type=[2], question=question(name), packetCacheHit=[0],
                     outgoingQueries=[int(kind == "forward")],
                     response=[{"rcode": [0], **({"tags": [b"a:b"]} if kind == "forward" else {})}]))
    assert len(set(ids)) == 1, ids

# By another lcore than the response: either may be told first.
changed = next(message for message in told if message.get("serverIdentity") == [b"me"])
told.remove(changed)
assert changed.pop("timeSec") == [5] and changed.pop("timeUsec") == [6] and changed.pop("fromPort") == [99]
assert changed.pop("messageId") and changed.pop("id")
assert changed == {
    "type": [2], "serverIdentity": [b"me"], "socketFamily": [1], "socketProtocol": [1],
    "from": [bytes([192, 0, 2, 1])], "to": [bytes.fromhex("20010db8000000000000000000000001")], "inBytes": [77],
    "question": [{"qName": [b"other.test."], "qType": [28], "qClass": [3]}],
    "response": [{"rcode": [3], "rrs": [{"name": [b"rr.test."], "type": [1], "class": [1], "ttl": [60],
                                         "rdata": [b"abcd"]}],
                  "tags": [b"one", b"two", b"three"], "queryTimeSec": [9], "queryTimeUsec": [10]}],
    "originalRequestorSubnet": [bytes([192, 0, 2, 0])], "requestorId": [b"requestor"], "deviceId": [b"device"],
    "deviceName": [b"name"], "toPort": [53], "headerFlags": [AD],
    "meta": [{"key": [b"own"], "value": [{"stringVal": [b"v1"], "intVal": [7]}]}]}, changed
refused = told.pop(0)
assert refused["response"][0]["rcode"] == [5] and refused["deviceId"] == [b"device"], refused
assert refused["meta"][-1:] == [{"key": [b"ede"], "value": [{"stringVal": [b"because"], "intVal": [15]}]}], refused
assert not told, told
