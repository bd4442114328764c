-- SPDX-License-Identifier: BSD-2-Clause
newServer('10.53.0.53:53')

-- Globals and upvalues last from packet to packet, and are the code's own.
addAction(QNameSuffixRule('spoof.test'), LuaFFIPerThreadAction([[
  local ffi = require('ffi')
  asked = 0
  return function(dq)
    asked = asked + 1
    ffi.C.dnsdist_ffi_dnsquestion_set_tag(dq, 'asked', tostring(asked))
    return DNSAction.Spoof, '192.0.2.' .. asked
  end
]]))
addAction(LuaFFIPerThreadRule([[
  local C = require('ffi').C
  assert(asked == nil)
  return function(dq) return C.dnsdist_ffi_dnsquestion_get_qtype(dq) == DNSQType.MX end
]]), RCodeAction(DNSRCode.REFUSED))
addAction(LuaFFIPerThreadRule("return function() error('no match') end"), DropAction())
addAction('error.test', LuaFFIPerThreadAction("return function() error('meant') end"))
addAction('nothing.test', LuaFFIPerThreadAction('return function() end'))
addAction('endless.test', LuaFFIPerThreadAction('return function() while true do end end'))
addAction('result.test', LuaFFIPerThreadAction([[
  local C = require('ffi').C
  return function(dq)
    C.dnsdist_ffi_dnsquestion_set_result(dq, 'cname.test', 10)
    return DNSAction.Spoof
  end
]]))
-- Behind an action of the control lcore, which goes on with the chain.
addAction('both.test', LuaAction(function(dq)
  dq:setTag('first', 'here')
  return DNSAction.None
end))
addAction('both.test', ContinueAction(LuaFFIPerThreadAction([[
  local C = require('ffi').C
  return function(dq)
    local first = C.dnsdist_ffi_dnsquestion_get_tag(dq, 'first')
    return require('ffi').string(first) == 'here' and DNSAction.Refused or DNSAction.Drop
  end
]])))
addAction('rename.test', LuaFFIPerThreadAction([[
  local C = require('ffi').C
  return function(dq)
    C.dnsdist_ffi_dnsquestion_set_alternate_name(dq, '\5other\4test\0', 12, nil, 0, nil, 0, nil, 0)
    return DNSAction.None
  end
]]))
-- Nearly as long as the buffer, and longer than it: no query goes to a server.
addAction(QNameSuffixRule('packet.test'), LuaFFIPerThreadAction([[
  local ffi = require('ffi')
  local text, C = '\200' .. ('p'):rep(200), ffi.C
  local function packet(count)
    return '\0\0\129\128\0\1\0' .. string.char(count) .. '\0\0\0\0\6packet\4test\0\0\16\0\1' ..
      ('\192\12\0\16\0\1\0\0\0\60\0\201' .. text):rep(count)
  end
  local long, longer = packet(18), packet(25)
  return function(dq)
    local answer = C.dnsdist_ffi_dnsquestion_get_id(dq) == 13 and long or longer
    C.dnsdist_ffi_dnsquestion_spoof_packet(dq, answer, #answer)
    return DNSAction.HeaderModify
  end
]]))
addAction('other.test', SpoofAction('192.0.2.99'))
addResponseAction(LuaFFIPerThreadRule('return function() return true end'),
  LuaFFIPerThreadResponseAction([[
  local C = require('ffi').C
  return function(dr)
    C.dnsdist_ffi_dnsresponse_set_max_ttl(dr, 7)
    return C.dnsdist_ffi_dnsquestion_get_rcode(dr) == DNSRCode.NXDOMAIN and
      DNSResponseAction.Drop or DNSResponseAction.Allow
  end
]]))
