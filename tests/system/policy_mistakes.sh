#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Policies that are hostile by accident: each mistake costs its own query and nothing else.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

lab_up <<-'END'
	newServer('10.53.0.2:5300')
	kept = {}
	local mistakes = {
	  c0 = function() os.exit(0) end,
	  c1 = function() return io.read() end,
	  c2 = function() local function f() return string.gsub('a', 'a', f) end return f() end,
	  c3 = function() local function f() return coroutine.wrap(f)() end return f() end,
	  c4 = function() local t = {} for i = 1, 1e9 do t[i] = {i} end end,
	  c5 = function() error(setmetatable({}, {__tostring = function() error('again') end})) end,
	  c6 = function() return io.open('/run/sluice/fifo'):read() end,
	  c7 = function() return require('ffi').C.dnsdist_ffi_dnsquestion_get_qtype(nil) + 9 end,
	  c8 = function() return ('x'):rep(1e10) end,
	  leak = function() for i = 1, 1000 do kept[#kept + 1] = ('x'):rep(9000) .. #kept end end,
	  c9 = function() local function f() return pcall(f) end return f() end,
	}
	addAction('test', LuaAction(function(dq)
	  return (mistakes[dq.qname:toStringNoDot():match('^[^.]*')] or
	    function() return DNSAction.None end)(dq)
	end))
	-- The strings of selectors end with them, also where no action in Lua follows.
	addAction(AllRule(), SetTagAction('long', ('x'):rep(500)))
	local ffi = require('ffi')
	addAction(LuaFFIRule(function(dq)
	  return ffi.C.dnsdist_ffi_dnsquestion_get_tag(dq, 'long') ~= nil
	end), SpoofAction('192.0.2.99'))
END
mkfifo "$work/run/fifo"

for round in 1 2; do
	for n in 0 1 2 3 4 5 6 7 8 9; do
		expect 'status: SERVFAIL' "c$n.demo.test"
		alive
		expect 'status: NOERROR' "good$round.demo.test"
	done
done
expect 'status: SERVFAIL' c0.demo.test
expect 'status: SERVFAIL' c6.demo.test
grep -q 'os.exit: a policy cannot end Sluice' "$work/sluice.log" || fail "os.exit() is not explained"

load 4000 load.demo.example 2000 || fail "queries behind the FFI selector were lost"
got=$(ask last.demo.example +short)
[ "$got" = 192.0.2.99 ] || fail "the FFI selector no longer sees its tag: '$got'"
alive

# Memory that is used up little by little: the policy starts afresh.
leaks() {
	ask leak.demo.test >/dev/null || true
	grep -q 'its memory is full' "$work/sluice.log"
}
wait_for 60 "the end of a policy that keeps everything" leaks
[ "$(ask after.demo.example +short)" = 192.0.2.99 ] || fail "after the leak nothing works"

# The same at load is an error, not the end.
printf 'local function f() return string.gsub("a", "a", f) end\nf()\n' >"$work/deep.lua"
status=0
"$binary" check -c "$work/sluice.yml" -p "$work/deep.lua" >"$work/deep.log" 2>&1 || status=$?
[ "$status" -eq 1 ] || fail "deep recursion at load ends with $status"
grep -q 'stack overflow' "$work/deep.log" || fail "the error is not named"

# A policy that fails half way: what it had begun to listen on is closed, the one before goes on.
cp "$work/policy.lua" "$work/good.lua"
cat >"$work/policy.lua" <<-'END'
	listener = newNetworkListener()
	listener:addUnixListeningEndpoint('/run/sluice/half.sock', 0, print)
	listener:start()
	setLocal('10.53.2.1:5353')
	newServer('10.53.0.9:5300')
	error('half way')
END
kill -HUP "$sluice_pid"
wait_for 10 "the refusal" grep -q 'the policy is refused' "$work/sluice.log"
grep -q 'policy.lua:6: half way' "$work/sluice.log" || fail "the error is not told"
[ ! -S "$work/run/half.sock" ] || fail "the refused policy still listens"
expect 'status: SERVFAIL' c0.demo.test
[ "$(ask last.demo.example +short)" = 192.0.2.99 ] || fail "the policy before is gone"
mv "$work/good.lua" "$work/policy.lua"
kill -HUP "$sluice_pid"
wait_for 10 "the reload" grep -q 'policy reloaded' "$work/sluice.log"
[ "$(ask last.demo.example +short)" = 192.0.2.99 ] || fail "the policy was not loaded again"
alive
