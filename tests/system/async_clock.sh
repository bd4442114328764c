#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Somebody sets the clock, by days: nothing that is suspended expires sooner or later for it.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

lab_repl <<-'END'
	addAction(QNameSuffixRule('ask.demo.test'), LuaAction(function(dq) return ask(dq, 60000) end))
	addAction(QNameSuffixRule('free.demo.test'), LuaAction(function(dq) return ask(dq, 300) end))
END
cc -std=gnu11 -O2 -Wall -Wextra -Werror -shared -fPIC -o "$work/clock_step.so" "$top/tests/system/clock_step.c"
export step=$work/step
printf '\0\0\0\0\0\0\0\0' >"$step"
lab_net
lab_nsd
LD_PRELOAD=$work/clock_step.so CLOCK_STEP=$step lab_sluice
lab_python "a clock that is set" <<-'END'
	from lab import *
	DAY = 86400
	off = 0

	def clock_set(days):
	    global off
	    before = int(lua('return os.time()'))
	    off += days * DAY
	    with open(os.environ['step'], 'r+b') as file:
	        file.write(off.to_bytes(8, 'little', signed=True))
	    moved = int(lua('return os.time()')) - before
	    assert abs(moved - days * DAY) < 600, moved  # that Sluice sees it

	for expired, days in enumerate((1, -2, 400, -800), 1):
	    patient, id = Query('a.ask.demo.test'), asked()[0]
	    brief = Query('a.free.demo.test')
	    asked()
	    clock_set(days)
	    assert address(brief.answer()) == '192.0.2.252' and brief.took >= 0.3, brief.took
	    later = Query('b.free.demo.test')  # suspended when the clock is as it is now
	    asked()
	    assert address(later.answer()) == '192.0.2.252' and later.took >= 0.3, later.took
	    counts('expired', 2 * expired)
	    patient.silence()
	    lua('getAsynchronousObject(1, %d):resume()', id)
	    assert address(patient.answer()) == '192.0.2.251'
	counts('late', 0)
END
