#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Listeners of a policy that is long to read, and of the one in force meanwhile: each has its own callbacks, the old
# one's are closed with it, and the new one's are open then.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# policy NAME: listens at NAME.sock and both.sock, and is read for as long as there is a file "wait".
policy() {
	cat >"$work/policy.lua" <<-END
		function hear(path, name)
		  local listener = newNetworkListener()
		  listener:addUnixListeningEndpoint('$work/run/' .. path .. '.sock', 1, function() heard = name end)
		  listener:start()
		end
		hear('$1', '$1')
		hear('both', '$1')
		$(waits "$1")
	END
}
heard() { [ "$(console 'heard')" = "$1" ]; }
# hears SOCKET NAME: what comes to this one is heard by the callback of this name.
hears() {
	console 'heard = nil'
	/usr/bin/python3 -c 'import socket, sys
socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(b"x", sys.argv[1])' "$work/run/$1.sock"
	wait_for 10 "a datagram to $1.sock" heard "$2"
}

policy old
lab_up <<<"$(cat "$work/policy.lua")"
touch "$work/wait"
policy new
kill -HUP "$sluice_pid"
wait_for 20 "the new policy to be read" said 'new is being read'
console "hear('other', 'other')"
hears other other
hears old old
hears both old
rm "$work/wait"
wait_for 20 "the new policy" said 'policy reloaded'
hears new new
hears both new
[ ! -e "$work/run/other.sock" ] && [ ! -e "$work/run/old.sock" ] || fail "what nobody wants is still there"
alive
