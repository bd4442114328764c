#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# RemoteLogAction and RemoteLogResponseAction: every field, as a reader of its own finds it; a collector that
# comes late, goes, and comes again.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

collect() {
	ip netns exec "$sluice" /usr/bin/python3 "$top/tests/system/collector.py" listen 6999 "$work/told" 2>>"$work/collector.log" &
	collector=$!
	pids+=("$collector")
}
told() { [ -e "$work/told" ] && [ "$(wc -l <"$work/told")" -ge "$1" ]; }

lab_up <<-'END'
	newServer('10.53.0.2:5300')
	logger = newRemoteLogger('127.0.0.1:6999', 1, 100, 1)
	addAction(AllRule(), SetTagAction('a', 'b'))
	addAction(AllRule(), SetTagAction('p-empty', ''))
	addAction('lua.demo.test.', LuaAction(function(dq)
	  dq:setMetaKey('own', {'v1', 7})
	  dq.deviceID, dq.deviceName, dq.requestorID = 'device', 'name', dq.deviceName .. 'requestor'
	  return DNSAction.None
	end))
	addAction('lua.demo.test.', RemoteLogAction(logger, function(dq, message)
	  message:setTag('one') message:setTagArray({'two', 'three'}) message:setQuestion(newDNSName('other.test.'), 28, 3)
	  message:setBytes(77) message:setTime(5, 6) message:setQueryTime(7, 8) message:setResponseCode(3)
	  message:setRequestor(newCA('192.0.2.1:99')) message:setResponderFromString('2001:db8::1')
	  message:setServerIdentity('me') message:setEDNSSubnet('192.0.2.77/24')
	  message:addResponseRR('rr.test.', 1, 1, 60, 'abcd') message:setProtobufResponseType(9, 10)
	end))
	addAction('lua.demo.test.', SetExtendedDNSErrorAction(15, 'because'))
	addAction('lua.demo.test.', RCodeAction(DNSRCode.REFUSED))
	addAction(AllRule(), RemoteLogAction(logger, nil, {serverID = 'here', exportTags = '*'},
	  {pool = 'pool', tag = 'tag:a', all = 'tags', content = 'b64-content', none = 'sni'}))
	addAction(AllRule(), RemoteLogAction(logger, nil, {exportTagsPrefixes = 'p-', exportTagsStripPrefixes = true,
	  ipEncryptKey = '0123456789abcdef'}))
	addAction('spoof.demo.test.', SpoofAction({'192.0.2.1'}))
	addResponseAction(AllRule(), RemoteLogResponseAction(logger, nil, true, {exportTags = 'a'}))
	addSelfAnsweredResponseAction(AllRule(), RemoteLogResponseAction(logger, nil, false, {exportExtendedErrorsToMeta = 'ede'}))
END
expect 'status: NOERROR' c1.demo.test
wait_for 10 "the first try" grep -q 'there is no connection' "$work/sluice.log"
collect
wait_for 10 "what waited" told 3
expect 'status: NOERROR' spoof.demo.test
expect 'status: REFUSED' lua.demo.test
wait_for 10 "all messages" told 8
/usr/bin/python3 "$top/tests/system/export_check.py" "$work/told" || fail "see above"
# The collector goes; what is said meanwhile waits for the next one.
stop_pid "$collector"
wait_for 10 "the loss" grep -q 'there is no connection, .*' <(tail -n 3 "$work/sluice.log")
rm "$work/told"
expect 'status: NOERROR' c2.demo.test
collect
wait_for 10 "what waited again" told 3
[[ $(console "logger:toString()") =~ ^127\.0\.0\.1:6999\ \(1[0-9]\ processed,\ 0\ dropped\)$ ]] || fail "what the logger says"
# A policy that is loaded anew keeps the connection.
kill -HUP "$sluice_pid"
wait_for 10 "the new policy" grep -q 'policy reloaded' "$work/sluice.log"
console_is "logger:getStats().connections" 1
alive
