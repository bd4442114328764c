#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# What policies say of servers holds from the moment they are in force, and not before; numbers of servers
# that are gone are others'; checks are made, and judged, by the policy's functions.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

policy() {
	cat <<-END
		local function add(options)
		  options.address, options.name, options.checkInterval = '10.53.0.2:5300', 'only', 1
		  return newServer(options)
		end
		only = add({weight = $1, order = $1, qps = $1, udpTimeout = $1, maxOutstandingQueries = $1, dscp = $1,
		  useClientSubnet = $2, id = '00000000-0000-4000-8000-00000000000$1', checkName = 'demo.test.',
		  checkFunction = function(name, qtype, class, dh)
		    dh:setRD(false) dh:setAD(true) dh:setCD(true)
		    return name, DNSQType.SOA, class
		  end})
		only:setHealthCheckResponseValidator(function(content, dh)
		  local answer = newDNSPacketOverlay(content)
		  judged = ('%s %s %s %s %d'):format(dh:getRD(), dh:getAA(), dh:getID() ~= 0, answer.qtype == DNSQType.SOA,
		    answer:getRecordsCountInSection(1))
		  return not refuse
		end)
	END
}
# What is in force, from all sides.
seen() {
	console 'return only:getID(), only.weight, only.order' # what the model says
	console 'showServers()' | awk '/ only /{print $1, $5, $7, $8, $9}'
	metrics | grep -E '^dnsdist_server_(weight|order)\{'
}
metrics() { in_sluice curl -s --max-time 5 http://127.0.0.1:8083/metrics; }
is_up() { [ "$(console 'return only:isUp()')" = "$1" ]; }
reloaded() { [ "$(grep -c 'policy reloaded' "$work/sluice.log")" -ge "$1" ]; }

lab_up < <(policy 3 false)
wait_for 5 "the server to be up" is_up true
before=$(seen)
[[ $before == *-000000000003*3*3* ]] || fail "options are not in force: $before"
[ "$(console 'return judged')" = "false true true true 1" ] || fail "the check was $(console 'return judged')"

# Refused at its last line: all is as it was.
{ policy 7 true; echo "only:setDown() only:setAuto(false) error('no')"; } >"$work/policy.lua"
kill -HUP "$sluice_pid"
wait_for 5 "the refusal" grep -q 'policy.lua:[0-9]*: no' "$work/sluice.log"
[ "$(seen)" = "$before" ] || fail "a policy that was refused changed a server: $(seen), not $before"
is_up true || fail "a policy that was refused took a server out"
policy 7 false >"$work/policy.lua"
kill -HUP "$sluice_pid"
wait_for 5 "the reload" reloaded 1
[[ $(seen) == *-000000000007*7*7* ]] || fail "options of a reload are not in force: $(seen)"

# The policy's word is the last: an answer that it does not take is none.
console 'refuse = true'
wait_for 5 "the server to be out" is_up false
console 'refuse = false'
wait_for 5 "the server to be back" is_up true

# Thousands come and go, in force and asked, in one go and in many.
for turn in {1..12}; do
	console "for n = 1, 250 do rmServer(newServer({address = '10.53.0.2:' .. n + $turn * 1000, pool = 'other'})) end"
done
gone() { console "$1 for n = 1, 900 do newServer({address = '10.53.0.2:' .. $2 + n, pool = 'other', healthCheckMode = 'up'}) end return #getServers()"; }
for turn in 1 2 3 4 5; do
	remove="for _, s in ipairs(getPoolServers('other')) do rmServer(s) end"
	full() { [ "$(gone "$remove" $((turn * 1000)))" = 901 ]; }
	wait_for 10 "numbers for 900 servers, for the ${turn}th time" full
	[ "$(console "$remove return #getServers()")" = 1 ] || fail "servers are left"
done
expect NOERROR demo.test SOA
alive
