#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Scripts that are called in another way than theirs do nothing and say which it is.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

while read -ra words; do
	"$top/scripts/${words[0]}" "${words[@]:1}" >"$work/said.log" 2>&1 && fail "accepted: scripts/${words[*]}"
	grep -q "^${words[0]}: usage: scripts/${words[0]}" "$work/said.log" || fail "no word of how: scripts/${words[*]}"
	[ "$(wc -l <"$work/said.log")" -eq 1 ] || fail "more than that: scripts/${words[*]}"
done <<-END
	demo --twice
	demo --once more
	test --every
	test --quick more
	install more
	hugepages many
	hugepages 0
	hugepages undo more
	bind 0000:00:00.0 vfio-pci more
	release --help
	release --plain --quick
	release $work/a $work/b
END
[ ! -e "$work/a" ] || fail "scripts/release began"
