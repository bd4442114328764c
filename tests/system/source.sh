#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Queries leave from the address that their server's `source` says, and answers to it come home: Unbound
# answers each of our addresses in its own way. What is no address or port of ours is an error.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

lab_config <<-'END'
	local function add(source, pool, address)
	  newServer({address = address or '10.53.0.11:5300', source = source, pool = pool, checkName = 'demo.test.',
	    mustResolve = true})
	  addAction(QNameRule(pool .. '.demo.test'), PoolAction(pool))
	end
	add('10.53.0.3', 'three')
	add('10.53.0.4@back', 'four')
	add('back', 'one')
	add('fd53::4', 'six', '[fd53::11]:5300')
	add('10.53.2.1', 'nowhere') -- its port does not lead there
END
sed -i 's#"fd53::1/64"\]#"fd53::1/64", 10.53.0.3/24, 10.53.0.4/24, "fd53::4/64"]#' "$work/sluice.yml"
lab_net
lab_nsd
for address in 10.53.0.11/24 fd53::11/64; do ip -n "$backend" addr add "$address" dev b0 nodad 2>/dev/null; done
views=() control=()
for entry in three:10.53.0.3/32:3 four:10.53.0.4/32:4 one:10.53.0.1/32:1; do
	IFS=: read -r name address number <<<"$entry"
	views+=("view:" "  name: $name" "  view-first: yes" "  local-data: \"$name.demo.test. A 192.0.2.$number\"")
	control+=("access-control-view: $address $name")
done
lab_unbound unbound 10.53.0.11@5300 'interface: fd53::11@5300' "${control[@]}" 'access-control-view: fd53::4/128 six' \
	"${views[@]}" 'view:' '  name: six' '  view-first: yes' '  local-data: "six.demo.test. A 192.0.2.6"'
lab_sluice
for entry in three:3 four:4 one:1 six:6; do
	[ "$(ask "${entry%:*}.demo.test" A +short)" = "192.0.2.${entry#*:}" ] || fail "${entry%:*}: $(ask "${entry%:*}.demo.test" A)"
done
[ "$(console "return #getServers()")" = 5 ] || fail "servers of other sources are not servers of their own"
grep -q 'no route to server 10.53.0.11:5300' "$work/sluice.log" || fail "a source whose port leads nowhere is not told of"
in_sluice curl -s --max-time 5 http://127.0.0.1:8083/metrics | sed -n 's/ [^ ]*$//; /^[^#]/p' | sort | uniq -d >"$work/twice"
[ ! -s "$work/twice" ] || fail "metrics are there twice: $(head -3 "$work/twice")"
kill -HUP "$sluice_pid"
wait_for 5 "the reload" grep -q 'policy reloaded' "$work/sluice.log"
[ "$(ask four.demo.test A +short)" = 192.0.2.4 ] || fail "after a reload: $(ask four.demo.test A)"
alive
# refused SOURCE TEXT [ADDRESS]: with that error.
refused() {
	echo "newServer({address = '${3:-10.53.0.11}', source = '$1'})" >"$work/bad.lua"
	! "$binary" check -c "$work/sluice.yml" -p "$work/bad.lua" >"$work/check.log" 2>&1 || fail "source $1 is taken"
	grep -qF "bad.lua:1: newServer: source: $2" "$work/check.log" || fail "source $1: $(cat "$work/check.log")"
}
refused 10.53.0.9 '10.53.0.9 is an address of no port'
refused 10.53.2.1@back '10.53.2.1 is no address of the port "back"'
refused eth0 'there is no port "eth0"'
refused 10.53.0.3@eth0 'there is no port "eth0"'
refused nothing@back '"nothing" is no address'
refused fd53::4 "fd53::4 is not of the server's address family"
refused 10.53.0.3 "10.53.0.3 is not of the server's address family" fd53::11
