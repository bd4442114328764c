-- SPDX-License-Identifier: BSD-2-Clause
-- The tables of numbers that policies use by name.
require('sluice.check').own()
local constants = {}

local function numbered(first, names)
  local list = {}
  for name in names:gmatch('%S+') do
    list[name] = first
    first = first + 1
  end
  return list
end

constants.DNSAction = numbered(0, [[Drop Nxdomain Refused Spoof Allow HeaderModify Pool Delay
  Truncate ServFail None NoOp NoRecurse SpoofRaw SpoofPacket SetTag]])
constants.DNSResponseAction = numbered(0, 'Allow Delay Drop HeaderModify ServFail Truncate None')
constants.DNSClass = {IN = 1, CHAOS = 3, NONE = 254, ANY = 255}
constants.DNSOpcode = {Query = 0, IQuery = 1, Status = 2, Notify = 4, Update = 5}
constants.DNSSection = {Question = 0, Answer = 1, Authority = 2, Additional = 3}
constants.DNSRCode = numbered(0, [[NOERROR FORMERR SERVFAIL NXDOMAIN NOTIMP REFUSED YXDOMAIN YXRRSET
  NXRRSET NOTAUTH NOTZONE]])
for name, code in pairs(numbered(16, [[BADVERS BADKEY BADTIME BADMODE BADNAME BADALG BADTRUNC
  BADCOOKIE]])) do
  constants.DNSRCode[name] = code
end
constants.DNSRCode.BADSIG = 16
constants.EDNSOptionCode = {NSID = 3, DAU = 5, DHU = 6, N3U = 7, ECS = 8, EXPIRE = 9, COOKIE = 10,
  TCPKEEPALIVE = 11, PADDING = 12, CHAIN = 13, KEYTAG = 14, EXTENDEDERROR = 15}
constants.DNSQType = {A = 1, NS = 2, CNAME = 5, SOA = 6, MB = 7, MG = 8, MR = 9, PTR = 12,
  HINFO = 13, MINFO = 14, MX = 15, TXT = 16, RP = 17, AFSDB = 18, SIG = 24, KEY = 25, AAAA = 28,
  LOC = 29, SRV = 33, NAPTR = 35, KX = 36, CERT = 37, A6 = 38, DNAME = 39, OPT = 41, APL = 42,
  DS = 43, SSHFP = 44, IPSECKEY = 45, RRSIG = 46, NSEC = 47, DNSKEY = 48, DHCID = 49, NSEC3 = 50,
  NSEC3PARAM = 51, TLSA = 52, SMIMEA = 53, RKEY = 57, CDS = 59, CDNSKEY = 60, OPENPGPKEY = 61,
  CSYNC = 62, ZONEMD = 63, SVCB = 64, HTTPS = 65, HHIT = 67, BRID = 68, SPF = 99, NID = 104,
  L32 = 105, L64 = 106, LP = 107, EUI48 = 108, EUI64 = 109, TKEY = 249, TSIG = 250, IXFR = 251,
  AXFR = 252, MAILB = 253, MAILA = 254, ANY = 255, URI = 256, CAA = 257}
constants.DNSCryptExchangeVersion = {VERSION1 = 1, VERSION2 = 2}
constants.pdns_features = {}

return constants
