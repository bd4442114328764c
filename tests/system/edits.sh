#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Answers and edits by rules and by Lua actions, as dig and NSD see them.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

lab_up <<-'END'
	newServer('10.53.0.2:5300')
	addAction('cname.demo.test', SpoofCNAMEAction('portal.demo.test', {ttl = 5}))
	addAction('raw.demo.test', SpoofRawAction({'\003abc\002de', '\001x'}))
	addAction('nxd.demo.test', NegativeAndSOAAction(true, 'demo.test', 30, 'ns.demo.test',
	  'mail.demo.test', 1, 2, 3, 4, 5, {soaInAuthoritySection = true}))
	addAction('refused.demo.test', ContinueAction(RCodeAction(DNSRCode.REFUSED, {aa = true})))
	addAction('refused.demo.test', SetExtendedDNSErrorAction(17, 'filtered'))
	addAction('option.load.demo.test', SetEDNSOptionAction(65001, 'hello'))
	addAction('lua-option.load.demo.test', LuaAction(function(dq)
	  dq:setEDNSOption(65001, 'hello')
	  return DNSAction.Allow
	end))
	addAction(AndRule({QNameSuffixRule('large.demo.test'), LuaRule(function(dq)
	  return dq.qtype == DNSQType.TXT
	end)}), LuaAction(function(dq)
	  -- Beyond the buffer in which it is parked; ten of them are beyond the MTU, too.
	  local texts = {}
	  for i = 1, tostring(dq.qname):find('larger') and 10 or 6 do
	    texts[i] = '\200' .. string.rep(string.char(64 + i), 200)
	  end
	  dq:spoof(texts, DNSQType.TXT, 60)
	  return DNSAction.HeaderModify
	end))
	addAction('selector.demo.test', ContinueAction(LuaAction(function(dq)
	  dq:setTag('seen', 'yes')
	  return DNSAction.Drop
	end)))
	addAction(TagRule('seen', 'yes'), SpoofAction('192.0.2.77'))
	addAction(LuaRule(function() error('a selector that fails does not match') end), DropAction())
	addResponseAction('ttl.load.demo.test', SetMaxTTLResponseAction(7))
	addResponseAction('clear.load.demo.test', ClearRecordTypesResponseAction(DNSQType.A))
	addResponseAction('lua-ttl.load.demo.test', LuaResponseAction(function(dr)
	  dr:editTTLs(function(section, class, qtype, ttl) return 9 end)
	  return DNSResponseAction.Allow
	end))
END

expect 'CNAME.portal\.demo\.test\.' cname.demo.test
expect '5.IN.CNAME' cname.demo.test
expect 'TXT."abc" "de"' raw.demo.test TXT
expect 'status: NXDOMAIN' nxd.demo.test
expect '30.IN.SOA.ns\.demo\.test\. mail\.demo\.test\. 1 2 3 4 5' nxd.demo.test
expect 'status: REFUSED' refused.demo.test
expect 'flags: qr aa' refused.demo.test
expect 'EDE: 17 .*filtered' refused.demo.test
expect 'status: NOERROR' option.load.demo.test +noedns
for name in option.load.demo.test lua-option.load.demo.test; do
	ask "$name" +noedns | grep 'OPT PSEUDOSECTION' && fail "an OPT for a client without EDNS"
	expect 'OPT PSEUDOSECTION' "$name"
done
expect 'ANSWER: 6' large.demo.test TXT +bufsize=4096
expect 'FFFFFFFF' large.demo.test TXT +bufsize=4096
expect 'flags: qr tc' larger.large.demo.test TXT +bufsize=4096 +ignore
expect 'flags: qr tc' large.demo.test TXT +bufsize=512 +ignore
expect '192\.0\.2\.77' selector.demo.test
expect 'ANSWER: 1,' any.load.demo.test
expect '[^0-9]7.IN.A' ttl.load.demo.test
expect '[^0-9]9.IN.A' lua-ttl.load.demo.test
expect 'ANSWER: 0' clear.load.demo.test
alive
