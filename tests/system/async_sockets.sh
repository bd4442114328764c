#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Endpoints and listeners: mistakes at load, what may come late, sizes, names, a slow callback.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# refuses PATTERN POLICY: sluice check ends with 1 and says so.
refuses() {
	local status=0
	printf '%s\n' "$2" >"$work/wrong.lua"
	"$binary" check -c "$work/sluice.yml" -p "$work/wrong.lua" >"$work/said.log" 2>&1 || status=$?
	[ "$status" -eq 1 ] || fail "sluice check ends with $status for $2"
	grep -qE -- "$1" "$work/said.log" || fail "no '$1' for $2"
}

lab_repl <<-'END'
	-- With a garbage collection after each step: what start() was given stays.
	got, count = {}, 0
	local function keep(id, data, from)
	  count = count + 1
	  got = {id = id, size = #data, from = from}
	  filter:send(id .. ' ' .. #data .. ' ' .. from)
	end
	do
	  local listener = newNetworkListener()
	  listener:addUnixListeningEndpoint('/run/sluice/first.sock', 65536 + 1, keep)
	  listener:start()
	  listener:addUnixListeningEndpoint('/run/sluice/second.sock', 2, keep)
	  later = function() listener:addUnixListeningEndpoint(abstract, 3, keep) end
	end
	collectgarbage()
	collectgarbage()
	-- Declared after start(): part of the policy all the same.
	newServer({address = '[fd53::2]:5300', pool = 'late'})
	addAction(QNameSuffixRule('ask.demo.test'), LuaAction(function(dq) return ask(dq) end))
	addAction(QNameSuffixRule('c1.demo.test'), LuaAction(function(dq)
	  dq.pool = 'late'
	  return ask(dq)
	end))
	absent = newNetworkEndpoint('/run/sluice/absent.sock')
	sluice.onSendFailure(absent, 'refused')
	addAction(QNameSuffixRule('c2.demo.test'), LuaAction(function(dq)
	  assert(dq:suspend(1, dq.dh:getID(), 5000))
	  absent:send(dq:getContent())
	  return DNSAction.Allow
	end))
	function spin(ms)
	  local clock = os.clock
	  local over = clock() + ms / 1000
	  while clock() < over do end
	  return ms
	end
END
printf 'lua: {watchdog: 2s}\n' >>"$work/sluice.yml"
refuses 'wrong\.lua:3: the callback is nil: define the function before this line' \
	$'local l = newNetworkListener()\n\nl:addUnixListeningEndpoint("/run/sluice/a.sock", 0, later)'
refuses 'wrong\.lua:1: .*no endpoint' 'newNetworkListener():start()'
lab_net
lab_nsd
lab_sluice
lab_python "sockets" <<-'END'
	from lab import *
	import ctypes
	import threading
	SNDBUFFORCE, RCVBUFFORCE = 32, 33  # of asm-generic/socket.h, unknown to Python
	sender = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
	sender.setsockopt(socket.SOL_SOCKET, SNDBUFFORCE, 1 << 20)

	def heard(to, data, who=sender):
	    who.sendto(data, to if to[0] == '\0' else RUN + to)
	    return filter.recv(1000).decode()

	lua('for _ = 1, 20 do collectgarbage() end')
	assert heard('first.sock', b'x') == '1 1 '
	assert heard('second.sock', b'yy') == '2 2 '
	bound = datagrams('own.sock')
	assert heard('first.sock', b'x', bound) == '1 1 ' + RUN + 'own.sock'

	name = '\0' + os.path.basename(os.environ['work'])
	lua("abstract = '\\0' .. '%s-in' later()", name[1:])  # on the running listener
	lua("out = newNetworkEndpoint('\\0%s-out')", name[1:])
	# Abstract names are the network namespace's own, and Sluice is in another.
	home = os.open('/proc/self/ns/net', os.O_RDONLY)
	libc = ctypes.CDLL(None)
	assert libc.setns(os.open('/run/netns/' + os.environ['sluice'], os.O_RDONLY), 0) == 0
	there, back = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM), datagrams(name + '-out')
	assert libc.setns(home, 0) == 0
	assert heard(name + '-in', b'abc', there) == '3 3 '
	assert heard(name + '-in', b'abc', back) == '3 3 '  # an abstract sender has no path
	assert lua("return tostring(out:isValid()) .. tostring(out:send('hello'))") == 'truetrue'
	assert back.recv(100) == b'hello'

	most = 65535 + 4096
	before = int(lua('return count'))
	for size in (150000, most + 1, 0):
	    sender.sendto(b'z' * size, RUN + 'first.sock')
	assert heard('first.sock', b'z' * most) == '1 %d ' % most
	assert int(lua('return count')) == before + 1
	found = metrics()
	path = '{path="/run/sluice/first.sock"}'
	assert found['sluice_listener_oversized_total' + path] == 2
	assert found['sluice_listener_empty_total' + path] == 1
	filter.setsockopt(socket.SOL_SOCKET, RCVBUFFORCE, 1 << 20)
	assert lua("return filter:send(('z'):rep(%d))", most) == 'true'
	assert len(filter.recv(200000)) == most
	for size in (most + 1, 0):
	    assert lua("return filter:send(('z'):rep(%d))", size) == 'false'

	query = Query('c1.demo.test')
	lua('getAsynchronousObject(1, %d):resume()', asked()[0])
	assert address(query.answer()) == '192.0.2.2'
	query = Query('c2.demo.test')
	query.answer('REFUSED')
	assert query.took < 1

	# A callback that takes 400 ms: workers do not wait for it, what is suspended does.
	before = Query('x.ask.demo.test')
	id = asked()[0]
	slow = threading.Thread(target=lambda: lua('return spin(400)'))
	slow.start()
	waiting, worst = Query('y.ask.demo.test'), 0
	while slow.is_alive():
	    query = Query('x.free.demo.test')
	    query.answer()
	    worst = max(worst, query.took)
	slow.join()
	assert worst < 0.2, worst
	for number in (id, asked()[0]):
	    lua('getAsynchronousObject(1, %d):resume()', number)
	before.answer()
	waiting.answer()
END
