#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Four workers, each with a queue of each port, over af_packet, memifs and taps: every query is answered
# once, by rule, by a server whose answers may reach another worker, and after it was suspended.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

lab_config <<-END
	-- On a busy machine a worker may be without its CPU for seconds.
	setUDPTimeout(20)
	newServer({address = '10.53.0.2:5300', healthCheckMode = 'up'})
	addAction(QNameSuffixRule({'rule.test'}), SpoofAction('192.0.2.1'))
	addAction(QNameSuffixRule({'ask.load.demo.test'}), LuaAction(function(dq)
	  assert(dq:suspend(1, dq.dh:getID(), 30)) -- nobody is asked: it is resumed when that is over
	  return DNSAction.Allow
	end))
END
cpus=0,1,0,1
[ "$(nproc)" -gt 1 ] || cpus=0,0,0,0
sed -i "s/^eal:.*/eal: {hugepages: auto, memory: 512}/
	s/^lcores:.*/lcores: {control: 0, workers: [$cpus], share: true}/" "$work/sluice.yml"
lab_net
lab_nsd

answers() { in_client dig +tries=1 +time=1 "@$server" x.load.demo.test | grep -q 'status: NOERROR'; }
# once WHAT: all kinds of queries; and how many of the server's answers went over a ring.
once() {
	local name telemetry=/var/run/dpdk/sluice-$sluice_pid/dpdk_telemetry.v2
	in_client ip neigh flush all # the port has another MAC than the one before
	in_backend ip neigh flush all
	wait_for 30 "the server" answers
	for name in q%d.rule.test q%d.load.demo.test q%d.ask.load.demo.test; do
		in_client python3 "$top/tests/system/workers.py" "$server" "$name" "$telemetry" 4 ||
			fail "$1: $name was not answered once by all workers"
	done
	alive
	say "$1: $(in_sluice curl -s http://127.0.0.1:8083/metrics |
		sed -nE 's/^sluice_(backend_responses|responses_redirected)_total/\1/p' | tr '\n' ' ')"
	stop_pid "$sluice_pid"
}

lab_sluice
once af_packet
# testpmd stands between the veth pairs and Sluice's memifs, and hands on from queue to queue.
cp "$work/sluice.yml" "$work/first.yml"
bridges=()
for port in edge back; do
	memif="socket=$work/$port.sock,socket-abstract=no"
	sed -i "s|net_af_packet\([01]\),iface=$port|net_memif\1,id=\1,role=server,$memif,mac=02:00:00:00:00:0${#bridges[@]}|" \
		"$work/sluice.yml"
	bridges+=(--vdev "net_af_packet_$port,iface=$port,qpairs=4,framesz=2048,blocksz=65536,framecnt=4096,qdisc_bypass=1"
		--vdev "net_memif_$port,id=$((${#bridges[@]} / 4)),role=client,$memif")
done
lab_sluice
ip netns exec "$sluice" dpdk-testpmd --lcores '0@0,1@0' --file-prefix "peer-$run" --no-pci --no-huge \
	--no-shconf --no-telemetry -m 256 "${bridges[@]}" -- --forward-mode=io --total-num-mbufs=32768 \
	--rxq=4 --txq=4 --auto-start --stats-period 60 >"$work/testpmd.log" 2>&1 &
pids+=("$!")
once memif
stop_pid "${pids[-1]}"
# The kernel is at the other end of a tap, wherever that is moved.
sed 's/net_af_packet\([01]\)/net_tap\1/' "$work/first.yml" >"$work/sluice.yml"
ip -n "$sluice" link del edge && ip -n "$sluice" link del back
lab_sluice
ip -n "$sluice" link set edge netns "$client" && ip -n "$client" addr add 10.53.2.2/24 dev edge
ip -n "$sluice" link set back netns "$backend" && ip -n "$backend" addr add 10.53.0.2/24 dev back
ip -n "$client" link set edge up && ip -n "$backend" link set back up
once tap
