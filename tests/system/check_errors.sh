#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# sluice check: every error with its position, those of the configuration and of the policy in one go.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# check STATUS ARGUMENTS... <<<PATTERNS: it ends so, and its lines are these, in this order, and no others.
check() {
	local expected=$1 got=0 line=0 pattern && shift
	timeout 30 "$binary" check "$@" >"$work/said.log" 2>&1 || got=$?
	[ "$got" -eq "$expected" ] || fail "sluice check $* ends with $got, not $expected"
	mapfile -t said <"$work/said.log"
	while read -r pattern; do
		grep -qE -- "^$work/$pattern" <<<"${said[line]:-}" || fail "'${said[line]:-nothing}' is not '$pattern'"
		line=$((line + 1))
	done
	[ "$line" -eq ${#said[@]} ] || fail "and more: ${said[*]:line}"
}

lab_config <<<"newServer('10.53.0.2:5300')"
check 0 -c "$work/sluice.yml" </dev/null
check 1 -c "$work/missing.yml" <<<'missing\.yml:1:1: cannot read the file: No such file or directory$'
check 1 -c "$work/sluice.yml" -p "$work/none.lua" <<<'none\.lua:1:1: cannot read the file: No such file or directory$'
check 1 -c "$work/sluice.yml" -p "$work/run" <<<'run:1:1: cannot read the file: Is a directory$'
cat >"$work/wrong.yml" <<-END
	eal: {memory: plenty}
	lcores: {control: 0, workers: [4096, 0]}
	ports:
	  - name: edge
	    device: net_null0
	    addresses: [10.53.2.1/33, 10.53.2.1/24]
	    colour: blue
	listen: [10.99.0.1:53]
	policy: wrong.lua
	async: {on_expiry: explode, max_suspended: -1}
	console: {socket: /run/sluice/$(printf '%0100d' 0).sock}
END
all='wrong\.yml:1:15: memory: .*plenty
	wrong\.yml:2:32: workers: .* 4096 here
	wrong\.yml:2:38: workers: CPU 0 is used twice
	wrong\.yml:6:17: addresses: .*10\.53\.2\.1/33
	wrong\.yml:7:5: .*colour
	wrong\.yml:8:10: listen: .*10\.99\.0\.1
	wrong\.yml:10:20: on_expiry: .*explode
	wrong\.yml:10:44: max_suspended: -1 is out of range, 1 to 4000000 are possible
	wrong\.yml:11:19: socket: '
# The policy too, and no error of it that is only there for those above.
echo 'newServer({address = "10.53.2.2", source = "10.53.2.77"})' >"$work/wrong.lua"
check 1 -c "$work/wrong.yml" <<<"$all"
echo 'local function (' >>"$work/wrong.lua"
check 1 -c "$work/wrong.yml" <<<"$all"$'\nwrong\\.lua:2: '
check 1 -c "$work/missing.yml" -p "$work/none.lua" <<<$'missing\\.yml:1:1: \nnone\\.lua:1:1: '
printf 'ports: [\n' >"$work/no.yml"
check 1 -c "$work/no.yml" -p "$work/none.lua" <<<$'no\\.yml:2:1: \nnone\\.lua:1:1: '
