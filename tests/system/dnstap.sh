#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# DnstapLogAction and DnstapLogResponseAction, over a unix socket and TCP, as fstrm_capture takes them.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

captures=()
told() {
	kill -HUP "${captures[@]}" # they write then
	/usr/bin/python3 "$top/tests/system/collector.py" frames "$work/$1" >"$work/$1.told"
	[ "$(wc -l <"$work/$1.told")" -ge "$2" ]
}
# capture NAME ARGUMENTS...: as a collector, into a file.
capture() {
	ip netns exec "$sluice" fstrm_capture -t protobuf:dnstap.Dnstap -w "$work/$1" "${@:2}" 2>"$work/$1.log" &
	pids+=($!) captures+=($!)
}
lab_config <<-END
	newServer('10.53.0.2:5300')
	unix = newFrameStreamUnixLogger('$work/tap.sock', {reopenInterval = 1})
	tcp = newFrameStreamTcpLogger('127.0.0.1:6001', {reopenInterval = 1, inputQueueSize = 1024})
	addAction(AllRule(), DnstapLogAction('identity', unix))
	addAction(AllRule(), DnstapLogAction('other', tcp, function(dq, tap)
	  tap:setExtra(tap:toString() .. ' from ' .. dq.remoteaddr:toString())
	end))
	addResponseAction(AllRule(), DnstapLogResponseAction('identity', unix))
END
lab_net; lab_nsd
capture unix -u "$work/tap.sock"
lab_sluice
capture tcp -a 127.0.0.1 -p 6001
expect 'status: NOERROR' c1.demo.test
wait_for 20 "query and response" told unix 2
wait_for 20 "what waited" told tcp 1
/usr/bin/python3 - "$work" <<-'END' || fail "see above"
	import ast, sys, time
	import dns.message
	def read(name):
	    return [ast.literal_eval(line) for line in open(f"{sys.argv[1]}/{name}.told", encoding="ascii")]
	(query, response), (other,) = read("unix"), read("tcp")
	common = {"socket_family": [1], "socket_protocol": [1], "query_address": [bytes([10, 53, 2, 2])],
	          "response_address": [bytes([10, 53, 2, 1])], "response_port": [53]}
	for tap, kind in ((query, 5), (response, 6), (other, 5)):
	    message = tap["message"][0]
	    assert message | common == message, message
	    assert message["type"] == [kind] and tap["type"] == [1], tap
	    assert abs(time.time() - message["query_time_sec"][0]) < 120
	    assert message["query_port"][0] > 1023 and tap["version"][0].startswith(b"sluice "), tap
	    wire = dns.message.from_wire(message["query_message" if kind == 5 else "response_message"][0])
	    assert str(wire.question[0]) == "c1.demo.test. IN A" and len(wire.answer) == (kind == 6), wire
	    assert len(message) == (10 if kind == 5 else 12), message
	for message in (query["message"][0], other["message"][0]):
	    message["at"] = message.pop("query_time_sec")[0] * 10 ** 9 + message.pop("query_time_nsec")[0]
	assert abs(query["message"][0].pop("at") - other["message"][0].pop("at")) < 10 ** 7
	assert query["message"] == other["message"], "the same query"
	assert "response_time_sec" in response["message"][0] and "extra" not in query
	assert [tap["identity"] for tap in (query, response, other)] == [[b"identity"], [b"identity"], [b"other"]]
	assert other["extra"] == [b"dnstap message of a query for c1.demo.test. from 10.53.2.2"], other
END
console_is 'unix:toString()' "FrameStreamLogger to $work/tap.sock (2 frames sent, 0 dropped, 0 permanent failures)"
alive
