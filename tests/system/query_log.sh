#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# LogAction and LogResponseAction: lines and records, their files anew, and what cannot be opened.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

has() { grep -qE -- "$2" "$work/$1"; }
lines() { [ "$(wc -l <"$work/$1")" -eq "$2" ]; }
# records COUNT: as many binary ones, each with the time and the name.
records() {
	/usr/bin/python3 - "$work/binary" "$1" <<-'END'
		import struct, sys, time
		data, count = open(sys.argv[1], 'rb').read(), 0
		while data:
		    seconds, nanoseconds = struct.unpack_from('=QI', data)
		    assert abs(time.time() - seconds - nanoseconds / 1e9) < 60, seconds
		    end = data.index(b'\4test\0', 14) + 6
		    assert data[14:end].endswith(b'\2c1\4demo\4test\0'), data[14:end]
		    assert data[end:end + 10] == struct.pack('=HHH', 1, 1, 2) + bytes([10, 53, 2, 2]), data
		    assert struct.unpack_from('!H', data, end + 10)[0] > 1024
		    data, count = data[end + 12:], count + 1
		assert count == int(sys.argv[2]), count
	END
}
policy() {
	cat <<-END
		newServer('10.53.0.2:5300')
		addAction(AllRule(), LogAction('$work/text', false))
		addAction(AllRule(), LogAction('$work/kept', false, true, true))
		addAction(AllRule(), LogAction('$work/binary', true, false, false, true, true))
		addAction(AllRule(), LogAction('', false, false, false, false))
		log = LogResponseAction('$work/answers', false, false, true, true)
		addResponseAction(AllRule(), log)
	END
}

printf 'before\n' | tee "$work/text" >"$work/kept"
lab_up < <(policy)
expect 'status: NOERROR' c1.demo.test
wait_for 5 "the line" has text '^Packet from 10\.53\.2\.2:[0-9]+ for c1\.demo\.test\. A with id [0-9]+$'
wait_for 5 "the answer" has answers \
	'^\[[0-9]+\.[0-9]+\] Answer to 10\.53\.2\.2:[0-9]+ for c1\.demo\.test\. A \(No Error\) with id [0-9]+$'
wait_for 5 "the log's" has sluice.log '^sluice: Packet from .* for c1\.demo\.test\. A '
wait_for 5 "the line that was held back" has kept c1.demo
lines text 1 || fail "what the file had before is still there"
lines kept 2 || fail "what the file to append to had is gone"
wait_for 5 "the record" records 1
# The files are moved away: SIGHUP, then the action alone.
mv "$work/text" "$work/text.1"
mv "$work/answers" "$work/answers.1"
kill -HUP "$sluice_pid"
wait_for 10 "the new file" test -e "$work/text"
load 500 c1.demo.test 500 || fail "not all of 500 queries were answered"
wait_for 10 "all lines" lines text 500
wait_for 10 "all records" records 501
mv "$work/answers" "$work/answers.2"
in_sluice "$binary" console -s "$console_socket" -e 'log:reload()'
wait_for 10 "the new file of the action" test -e "$work/answers"
why=$(in_sluice "$binary" console -s "$console_socket" -e "LogAction('$work/none/log')" 2>&1) && fail "no error"
[[ $why = *"log to $work/none/log: "* ]] || fail "the error is: $why"
alive
