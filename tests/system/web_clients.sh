#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# The web server with those who know dnsdist's, with names that nobody should have, and with rough clients.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

lab_up <<-END
	newServer({address = '10.53.0.2:5300', name = 'nsd.one'})
	declareMetric('own-metric', 'counter', 'of the policy')
	addDynBlockSMT({newDNSNameFromRaw('\3a"\255\4\0b\\\\c\0')}, 'why "so"\n\255', 60, DNSAction.Refused)
	registerWebHandler('/mine', function(request, response) response.body = request.getvars.a or #request.body end)
	setAPIWritable(true)
END
root=http://127.0.0.1:8083
api=$root/api/v1/servers/localhost
get() { in_sluice curl -s --max-time 10 "$@"; }
# is TEXT EXPRESSION ARGUMENTS...: the Python expression over what was got gives the text.
is() {
	local found
	found=$(get "${@:3}" | python3 -c "import json, sys; d = json.load(sys.stdin); print($2)") || fail "${*:3} gave no JSON"
	[ "$found" = "$1" ] || fail "$2 is $found, not $1"
}

# What dnsdist's clients read.
expect 192.0.2.2 c1.demo.test A
is '[True, 0, 0]' '[d["servers"][0]["latency"] > 0] + [d["servers"][0][k] for k in ("qps", "dropRate")]' $api
console 'getServer(0):setDown()' >/dev/null
is '[None, None]' '[d["servers"][0][k] for k in ("latency", "tcpLatency")]' $api
console 'getServer(0):setUp()' >/dev/null
is "['', 2, 2]" '[s["value"] for k in ("control-socket", "tcp-recv-timeout", "tcp-send-timeout") for s in d if s["name"] == k]' $api/config
is 0 'd["own-metric"]' "$root/jsonstat?command=stats"

# And what they write: the document as they got it, with another list.
document='{"name": "allow-from", "type": "ConfigSetting", "value": ["10.0.0.0/8", "192.0.2.0/24"]}'
is "['10.0.0.0/8', '192.0.2.0/24']" 'd["value"]' -X PUT -d "$document" $api/config/allow-from
is "$document" 'json.dumps({k: d[k] for k in sorted(d)})' $api/config/allow-from

# Names.
for name in 'a"b\\c\000\255.demo.test' '</script>\009.demo.test'; do
	ask "$name" A >/dev/null || fail "no answer for $name"
done
is True 'any("\"b" in q["name"] and q["name"].isascii() and q["name"].endswith("\\000\\255.demo.test.") for q in d["queries"])' $api/rings
is 1 'len([k for k in d if "\"" in k and k.isascii()])' "$root/jsonstat?command=dynblocklist"
metrics=$(get $root/metrics)
! grep -vqE '^(#|[a-z0-9_]+(\{([a-z0-9_]+="([^"\\]|\\.)*",?)*\})? -?[0-9.e+naifNI-]+$)' <<<"$metrics" ||
	fail "not metrics: $(grep -vE '^(#|[a-z0-9_]+(\{([a-z0-9_]+="([^"\\]|\\.)*",?)*\})? -?[0-9.e+naifNI-]+$)' <<<"$metrics" | head -n 1)"

in_sluice python3 "$top/tests/system/web_rough.py" 8083 || fail "rough clients"
in_sluice python3 "$top/tests/system/web_pipeline.py" 8083 || fail "requests in one go"
in_sluice python3 "$top/tests/system/web_slow.py" 8083 || fail "slow clients"
quick c2.demo.test || fail "slow after rough clients"
is 2 'd' "$root/mine?a=2"
alive
