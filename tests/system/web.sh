#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# dnsdist's REST interface: what its paths say, who may ask for it, and functions of the policy.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

lab_up <<-END
	newServer({address = '10.53.0.2:5300', name = 'nsd.one'})
	addAction(QNameRule('no.demo.test'), RCodeAction(DNSRCode.REFUSED), {name = 'no'})
	addDynamicBlock(newCA('192.0.2.7'), 'why "so"', DNSAction.Refused, 60)
	registerWebHandler('/mine', function(request, response)
	  response.status, response.headers['X-Mine'] = 201, request.headers['x-given']
	  response.body = ('%s %s %s %s'):format(request.method, request.getvars.a, request.postvars.b, #request.body)
	end)
	registerWebHandler('/broken', function() error('on purpose') end)
	registerWebHandler('/none', function(request, response) response.status = 0 end)
	setAPIWritable(true, '$work')
END
api=http://127.0.0.1:8083/api/v1/servers/localhost
get() { in_sluice curl -s --max-time 10 "$@"; }
code() { get -o /dev/null -w '%{http_code}' "$@"; }
# is TEXT EXPRESSION ARGUMENTS...: the Python expression over what was got gives the text.
is() {
	local wanted=$1 expression=$2 found
	shift 2
	found=$(get "$@" | python3 -c "import json, sys; d = json.load(sys.stdin); print($expression)") || fail "$* gave no JSON"
	[ "$found" = "$wanted" ] || fail "$expression is $found, not $wanted"
}
coded() { [ "$(code "${@:2}")" = "$1" ] || fail "${*:2} gave $(code "${@:2}"), not $1"; }

expect 192.0.2.2 c1.demo.test A
expect 'status: REFUSED' no.demo.test
is "['nsd.one', '10.53.0.2:5300', 'up', 1, ['']]" '[d["servers"][0][k] for k in ("name", "address", "state", "queries", "pools")]' $api
is "['no', 1]" '[d["rules"][0][k] for k in ("name", "matches")]' $api
is True '{f["type"] for f in d["frontends"]} >= {"UDP"} and sum(f["queries"] for f in d["frontends"]) == 2' $api
is 1 'd["statistics"]["rule-refused"]' $api
is True 'any(i["name"] == "queries" and i["value"] == 2 for i in d)' $api/statistics
is "['', 1]" '[d["stats"]["name"], len(d["servers"])]' "$api/pool?name="
is "['c1.demo.test.', 'no.demo.test.']" 'sorted(q["name"] for q in d["queries"])' "$api/rings"
is '[1, 0]' '[len(d["queries"]), len(d["responses"])]' "$api/rings?maxQueries=1&maxResponses=0"
is leastOutstanding '[s["value"] for s in d if s["name"] == "server-policy"][0]' $api/config
is 1 'd["rule-refused"]' 'http://127.0.0.1:8083/jsonstat?command=stats'
is "['why \"so\"', 'Send Refused', 0]" '[d["192.0.2.7/32"][k] for k in ("reason", "action", "blocks")]' 'http://127.0.0.1:8083/jsonstat?command=dynblocklist'
for none in 'http://127.0.0.1:8083/jsonstat?command=none' "$api/pool?name=none"; do coded 404 "$none"; done
coded 405 -X POST "$api"

is "['10.0.0.0/8', '192.0.2.0/24']" 'd["value"]' -X PUT -d '{"value": ["10.0.0.0/8", "192.0.2.0/24"]}' $api/config/allow-from
for wrong in '{"value": ["10.0.0.0/8", "x"]}' '{"value": "10.0.0.0/8"}' '' '{"value": ["10.0.0.0/8"' "$(printf '[%.0s' {1..5000})"; do
	coded 400 -X PUT -d "$wrong" $api/config/allow-from
done
is "['10.0.0.0/8', '192.0.2.0/24']" 'd["value"]' $api/config/allow-from
grep -qx 'setACL({"10.0.0.0/8", "192.0.2.0/24"})' "$work/acl.conf" || fail "the ACL was not kept"
coded 413 -X PUT -d "@$binary" $api/config/allow-from

[ "$(get -D - -H 'X-Given: it' -d 'b=%41+' 'http://127.0.0.1:8083/mine?a=1%202' | tr -d '\r' | grep -E '^(HTTP|X-Mine|POST)')" = $'HTTP/1.1 201 Created\nX-Mine: it\nPOST 1 2 A  6' ] ||
	fail "the handler gave $(get -d 'b=%41+' 'http://127.0.0.1:8083/mine?a=1%202')"
coded 500 http://127.0.0.1:8083/broken
coded 500 'http://127.0.0.1:8083/none?pool=&name=demo.test'
for read in -G -I; do coded 405 $read 'http://127.0.0.1:8083/api/v1/cache?pool=&name=demo.test'; done
coded 413 -d "@$binary" http://127.0.0.1:8083/mine
alive
