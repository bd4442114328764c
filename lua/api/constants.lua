-- SPDX-License-Identifier: BSD-2-Clause
-- The constant tables of dnsdist's language.
local constants = {}

constants.DNSAction = {
  Drop = 0, Nxdomain = 1, Refused = 2, Spoof = 3, Allow = 4, HeaderModify = 5, Pool = 6, Delay = 7,
  Truncate = 8, ServFail = 9, None = 10, NoOp = 11, NoRecurse = 12, SpoofRaw = 13, SpoofPacket = 14,
  SetTag = 15,
}
constants.DNSResponseAction = {
  Allow = 0, Delay = 1, Drop = 2, HeaderModify = 3, ServFail = 4, Truncate = 5, None = 6,
}
constants.DNSQType = {
  A = 1, NS = 2, CNAME = 5, SOA = 6, PTR = 12, MX = 15, TXT = 16, AAAA = 28, SRV = 33, NAPTR = 35,
  DNAME = 39, OPT = 41, DS = 43, RRSIG = 46, NSEC = 47, DNSKEY = 48, NSEC3 = 50, TLSA = 52,
  SVCB = 64, HTTPS = 65, IXFR = 251, AXFR = 252, ANY = 255, CAA = 257,
}
constants.DNSClass = {IN = 1, CHAOS = 3, NONE = 254, ANY = 255}
constants.DNSRCode = {
  NOERROR = 0, FORMERR = 1, SERVFAIL = 2, NXDOMAIN = 3, NOTIMP = 4, REFUSED = 5, YXDOMAIN = 6,
  YXRRSET = 7, NXRRSET = 8, NOTAUTH = 9, NOTZONE = 10, BADVERS = 16, BADSIG = 16, BADKEY = 17,
  BADTIME = 18, BADMODE = 19, BADNAME = 20, BADALG = 21, BADTRUNC = 22, BADCOOKIE = 23,
}
constants.DNSOpcode = {Query = 0, IQuery = 1, Status = 2, Notify = 4, Update = 5}
constants.DNSSection = {Question = 0, Answer = 1, Authority = 2, Additional = 3}
constants.EDNSOptionCode = {
  NSID = 3, DAU = 5, DHU = 6, N3U = 7, ECS = 8, EXPIRE = 9, COOKIE = 10, TCPKEEPALIVE = 11,
  PADDING = 12, CHAIN = 13, KEYTAG = 14, EXTENDEDERROR = 15,
}

return constants
