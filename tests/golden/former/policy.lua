-- SPDX-License-Identifier: BSD-2-Clause
local ffi = require('ffi')
local C = ffi.C
newServer('10.53.0.53:53')
getPool(''):setCache(newPacketCache(100))

addAction('former.test', LuaFFIAction(function(dq)
  C.dnsdist_ffi_dnsquestion_set_alternate_name(dq, '\3new\4test\0', 10, 'renamed', 7, 'once', 4,
    'former', 6)
  return DNSAction.None
end))
addAction('again.test', LuaFFIAction(function(dq)
  C.dnsdist_ffi_dnsquestion_set_restartable(dq)
  return DNSAction.None
end))

-- Another name is asked for in its place, once; false where no query was kept.
addResponseAction({'again.test', 'lost.test'}, LuaFFIResponseAction(function(dr)
  local id = C.dnsdist_ffi_dnsquestion_get_id(dr)
  C.dnsdist_ffi_dnsresponse_set_async(dr, 1, id, 1000)
  if not C.dnsdist_ffi_resume_from_async_with_alternate_name(1, id, '\3new\4test\0', 10, 'renamed',
      7, 'again', 5, 'former', 6) then
    C.dnsdist_ffi_set_rcode_from_async(1, id, DNSRCode.REFUSED, true)
  end
  return DNSResponseAction.Allow
end))
local buffer = ffi.new('char[256]')
addResponseAction(TagRule('renamed'), LuaFFIResponseAction(function(dr)
  local length = C.dnsdist_ffi_dnsquestion_get_tag_raw(dr, 'former', buffer, 256)
  C.dnsdist_ffi_dnsresponse_rebase(dr, buffer, length)
  return DNSResponseAction.None
end))
