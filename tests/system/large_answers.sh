#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Answers of 1,539 to 4,050 bytes of an Unbound behind packet sockets, whose kernel puts fragments together and
# leaves checksums to hardware that is not there: with one worker and with two, all come whole.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

lab_config <<-'END'
	newServer{address = '10.53.0.2:5301', checkName = 'demo.test.'}
END
sed -i 's/^eal:.*/eal: {hugepages: auto, memory: 512}/; s/\(name: [a-z]*\), /\1, oversize: fragment, /' "$work/sluice.yml"
lab_net
in_client ethtool -K c0 tx on >/dev/null 2>&1
in_backend ethtool -K b0 tx on >/dev/null 2>&1
lines=()
for count in 5 6 9 12 15; do
	lines+=("t$count 300 TXT$(seq -f ' "%0250g"' -s '' "$count") \"$(printf '%0230d' 0)\"")
done
nsd_answers=4096 lab_nsd "${lines[@]}"
lab_unbound unbound 10.53.0.2@5301 'edns-buffer-size: 4096' 'max-udp-size: 4096'

# all_whole: each size over UDP, twice: of the server, and what the cache has.
all_whole() {
	local count size output
	for count in 5 5 6 6 9 9 12 12 15 15; do
		size=$((count * 251 + 284 + (count > 9)))
		output=$(ask "t$count.demo.test" TXT +bufsize=4096 +ignore +nocookie 2>&1) || true
		grep -qE "MSG SIZE +rcvd: $size\$" <<<"$output" || fail "no answer of $size bytes:"$'\n'"$output"
	done
	metric sluice_received_packets_total >/dev/null
	! grep -E '^sluice_drops_total\{reason="(ip|udp|fragment|frame)_[a-z]+"\} [1-9]' "$work/metrics" ||
		fail "something was dropped"
}
lab_sluice
wait_for 10 "an answer" quick demo.test
all_whole
stop_pid "$sluice_pid"
sed -i 's/workers: [^}]*}/workers: [0, 0], share: true}/' "$work/sluice.yml"
lab_sluice
wait_for 10 "an answer" quick demo.test
all_whole
stop_pid "$sluice_pid"

# Places that are too small: what is cut off has a reason of its own.
sed -i 's/iface=back/&,framesz=2048/' "$work/sluice.yml"
lab_sluice
wait_for 10 "an answer" quick demo.test
ask t9.demo.test TXT +bufsize=4096 +ignore +time=1 | grep -q 'MSG SIZE' && fail "more came than has room"
metric_is_least 'sluice_drops_total{reason="ip_cut"}' 1 || fail "what was cut off is not counted"
alive
