#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# A response policy zone with every action has the outcome that it has in Unbound, which reads the same
# file: what is answered, truncated, dropped, and left alone.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

cat >"$work/zone.rpz" <<-'END'
	$ORIGIN rpz.test.
	$TTL 300
	@ SOA ns.rpz.test. hostmaster.rpz.test. 7 3600 600 86400 120
	  NS ns.rpz.test.
	gone.demo.test CNAME .
	*.gone.demo.test CNAME .
	pass.gone.demo.test CNAME rpz-passthru.
	*.below.demo.test CNAME .
	nodata.demo.test CNAME *.
	dropped.demo.test CNAME rpz-drop.
	tcp.demo.test CNAME rpz-tcp-only.
	data.demo.test A 198.51.100.1
	               A 198.51.100.2
	               TXT "walled garden"
	alias.demo.test CNAME garden.demo.test.
	*.wild.demo.test CNAME *.garden.demo.test.
	*.walled.demo.test A 198.51.100.3
	32.2.2.0.192.rpz-ip CNAME .
	32.3.2.0.192.rpz-ip CNAME *.
	32.4.2.0.192.rpz-ip CNAME rpz-drop.
	32.5.2.0.192.rpz-ip A 198.51.100.5
	32.6.2.0.192.rpz-ip CNAME rpz-passthru.
	32.7.2.0.192.rpz-ip CNAME garden.demo.test.
	32.8.2.0.192.rpz-ip CNAME rpz-tcp-only.
END
cat >"$work/ask.py" <<-'END'
	import json, sys, dns.exception, dns.flags, dns.message, dns.query
	names = '''gone x.gone a.b.gone pass.gone below x.below nodata x.nodata dropped tcp data x.data alias
	    x.wild x.y.wild x.walled c1 c2 c3 c4 c5 c6 c7 c8'''.split()
	def outcome(name, kind):
	    query = dns.message.make_query(name + '.demo.test', kind)
	    try: answer = dns.query.udp(query, sys.argv[1], timeout=3, port=int(sys.argv[2]))
	    except dns.exception.Timeout: return 'nothing'
	    own = [rrset for rrset in answer.answer if rrset.name == query.question[0].name] # not what an alias leads to
	    alias = any(rrset.rdtype == 5 for rrset in own)
	    return [0 if alias else answer.rcode(), bool(answer.flags & dns.flags.TC), sorted(str(r) for s in own for r in s)]
	print(json.dumps([[name, kind, outcome(name, kind)] for name in names for kind in ('A', 'TXT')], indent=0))
END
lab_config <<-END
	newServer({address = '10.53.0.2:5300', healthCheckMode = 'up'})
	local zone = sluice.loadNames('$work/zone.rpz', {watch = false})
	addAction(AllRule(), sluice.RPZAction(zone))
	addResponseAction(AllRule(), sluice.RPZResponseAction(zone))
END
lab_net
ip -n "$backend" addr add 10.53.0.11/24 dev b0
lab_nsd 'pass.gone A 203.0.113.1' 'below A 203.0.113.2' '*.nodata A 203.0.113.3' '*.data A 203.0.113.4' 'garden A 203.0.113.5'
lab_unbound unbound 10.53.0.11@5300 'module-config: "respip iterator"' 'rpz:' 'name: rpz.test.' "zonefile: \"$work/zone.rpz\""
lab_sluice
in_backend /usr/bin/python3 "$work/ask.py" 10.53.0.11 5300 >"$work/theirs"
in_client /usr/bin/python3 "$work/ask.py" 10.53.2.1 53 >"$work/ours"
[ "$(grep -c nothing "$work/theirs")" -eq 3 ] || fail "Unbound does not have the zone: $(cat "$work/theirs" "$work/unbound.log")"
diff "$work/theirs" "$work/ours" || fail "another outcome than Unbound's"
