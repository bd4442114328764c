#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# The path of a listener: a stale socket is replaced, a file or a missing folder refused.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# refused WHAT: Sluice ends by itself with a configuration or a system error that names the path.
refused() {
	local status=0
	timeout 30 bash -c "$(declare -f sluice_exec); sluice_exec run -c '$work/sluice.yml'" \
		2>"$work/sluice.log" || status=$?
	[ "$status" -eq 1 ] || [ "$status" -eq 3 ] || fail "$1: exit code $status"
	grep -q 'verdicts.sock' "$work/sluice.log" || fail "$1: the error does not name the path"
	! grep -q '^sluice: ready' "$work/sluice.log" || fail "$1: it became ready"
}

export sluice work binary
lab_config <"$top/lua/examples/async-filter.lua"
lab_net
lab_nsd

printf 'precious\n' >"$work/run/verdicts.sock"
refused "a regular file"
[ "$(cat "$work/run/verdicts.sock")" = precious ] || fail "the regular file was touched"
rm "$work/run/verdicts.sock"

sed -i 's,/run/sluice/verdicts,/run/sluice/nowhere/verdicts,' "$work/policy.lua"
refused "a missing folder"
[ ! -e "$work/run/nowhere" ] || fail "the missing folder was made"

cp "$top/lua/examples/async-filter.lua" "$work/policy.lua"
python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).bind(sys.argv[1])' \
	"$work/run/verdicts.sock"
[ -S "$work/run/verdicts.sock" ] || fail "no stale socket to try with"
lab_filter
lab_sluice
quick c1.demo.test || fail "no verdict over the replaced socket"
