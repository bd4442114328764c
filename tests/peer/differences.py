# SPDX-License-Identifier: BSD-2-Clause
"""Where Sluice is meant to do something else than dnsdist 2.1, by the names of rows, and why."""
MORE = "Sluice takes what dnsdist does not"
POINTERS = "the same records, with the names in them compressed where dnsdist writes them anew"
COMPRESSED = "dnsdist leaves an answer as it is when a record's data has compressed names"
QUESTION = "the question becomes the query's, or the client would not take the answer"
PAYLOAD = "dnsdist announces 1,500 bytes at most, as that is its receive buffer"
TIME = "a rate recovers while nothing comes back, which only a clock shows"
DIFFERENCES = {
    "a public resolver": TIME,
    "QNameRule DNSName": MORE,
    "LimitTTLResponseAction min": MORE,
    "LuaFFIPerThreadAction string": MORE,
    "PoolAvailableRule empty": "dnsdist drops queries whose rule asks for a pool that is not there",
    "PoolAction no pool": "dnsdist drops queries for a pool that is not there",
    "PoolOutstandingRule": "its pool's server is at a port without a socket here, and so is down",
    "SpoofSVCAction": "without the addresses in the additional section, and RA is as RD",
    "SpoofPacketAction": QUESTION,
    "LuaAction SpoofPacket": QUESTION,
    "SetExtendedDNSErrorAction": POINTERS,
    "SetExtendedDNSErrorResponseAction": POINTERS,
    "SetEDNSOptionResponseAction": POINTERS,
    "SetEDNSOptionAction": "an answer made here has no OPT where the client had none: RFC 6891, section 7",
    "ClearRecordTypesResponseAction": COMPRESSED,
    "ClearRecordTypesResponseAction one": COMPRESSED,
    "setPayloadSizeOnSelfGeneratedAnswers": PAYLOAD,
    "setPayloadSizeOnSelfGeneratedAnswers Lua": PAYLOAD,
}


def reason(name):
    return DIFFERENCES.get(name)
