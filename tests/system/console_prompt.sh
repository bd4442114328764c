#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# The console at a terminal: completion, history and long results. And without one: none of that.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

lab_config <<-'END'
	newServer('10.53.0.2:5300')
	verdicts = newNetworkListener()
	own = {deep = {treasure = 1, trap = print}}
END
lab_net
lab_sluice
mkdir "$work/home"
HOME=$work/home timeout 60 /usr/bin/python3 -B "$top/tests/system/console_prompt.py" "$binary" \
	"$console_socket" "$work" || fail "at a terminal"

console 'help()' | grep '^AllRule() -- ' >/dev/null || fail "help() from the command line"
[ "$(stat -c %a "$work/home/.sluice_history")" = 600 ] || fail "others may read the history"
grep -q 'help' "$work/home/.sluice_history" || fail "the history is empty"
[ ! -e "$work/other/.sluice_history" ] || fail "a history without HOME"
[ "$(readlink "$work/linked/.sluice_history")" = /dev/null ] || fail "the link was replaced"
[ "$(stat -c %a /dev/null)" = 666 ] || fail "/dev/null is another"
alive
