#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Hosts by name and by MAC, queries counted by name, and a listening address that is muted.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

lab_up <<-END
	newServer('10.53.0.2:5300')
	setQueryCount(true)
	getAddressInfo('localhost', function(host, addresses)
	  found = host
	  for _, address in ipairs(addresses) do found = found .. ' ' .. address:toString() end
	end)
	addAction('mac.demo.test', LuaFFIAction(function(dq)
	  local ffi = require('ffi')
	  local mac = ffi.new('uint8_t[6]')
	  local size = tonumber(ffi.C.dnsdist_ffi_dnsquestion_get_mac_addr(dq, mac, 6))
	  theirs = ffi.string(mac, size)
	  return DNSAction.Refused
	end))
	function hex(text) return (text:gsub('.', function(c) return (':%02x'):format(c:byte()) end):sub(2)) end
END

resolved() { [ "$(console 'found ~= nil')" = true ]; }
wait_for 20 "the host" resolved
console found | grep -qE '^localhost( 127\.0\.0\.1| ::1)+$' || fail "localhost is $(console found)"
{ console "getAddressInfo(('a'):rep(300), print)" 2>&1 || true; } | grep -q 'so long a name' || fail "a long name is asked for"
{ console "getAddressInfo('localhost')" 2>&1 || true; } | grep -q 'callback is nil' || fail "no function is called back"

expect 'status: REFUSED' mac.demo.test
mac=$(ip -n "$client" -o link show c0 | grep -oE 'link/ether [0-9a-f:]+' | cut -d' ' -f2)
[ "$(console 'hex(theirs)')" = "$mac" ] || fail "the question's MAC is $(console 'hex(theirs)'), not $mac"
[ "$(console "hex(getMACAddress('10.53.2.2'))")" = "$mac" ] || fail "the client's MAC is not known"
[ "$(console "#getMACAddress('192.0.2.77')")" = 0 ] || fail "nobody has a MAC"
ip -n "$sluice" addr add 10.99.0.1/24 dev lo
ip -n "$sluice" neigh replace 10.99.0.7 lladdr 02:00:00:00:00:07 dev edge
[ "$(console "hex(getMACAddress('10.99.0.7'))")" = 02:00:00:00:00:07 ] || fail "the kernel's neighbours are not known"

for name in c1 C1 c2 c1; do expect 'status: NOERROR' $name.demo.test; done
counted() { console 'getQueryCounters(1)' | grep -q '^1   c1.demo.test.: 3 request'; }
wait_for 5 "c1 to be counted" counted

console 'getBind(0).muted = true getBind(2).muted = true'
silent() { ! ask +time=1 +tries=1 c1.demo.test | grep -q 'status:'; }
wait_for 5 "silence" silent
[ "$(metric 'sluice_drops_total{reason="muted"}')" -ge 1 ] || fail "what is muted is not counted"
console 'getBind(0).muted = false getBind(2).muted = false'
heard() { ask +time=1 +tries=1 c1.demo.test | grep -q 'status: NOERROR'; }
wait_for 5 "an answer" heard
alive
