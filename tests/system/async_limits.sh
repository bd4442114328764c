#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# async.on_expiry, async.max_suspended and async.on_overflow of the configuration: every fate.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

lab_repl <<-'END'
	-- Not through ask(): a suspend() that fails is no error.
	addAction(QNameSuffixRule('ask.demo.test'), LuaAction(function(dq)
	  local content = dq:getContent()
	  if dq:suspend(1, dq.dh:getID(), 300) then filter:send(content) end
	  return DNSAction.Allow
	end))
	addResponseAction(QNameSuffixRule('free.demo.test'), LuaResponseAction(function(dr)
	  dr:suspend(2, dr.dh:getID(), 100)
	  return DNSResponseAction.Allow
	end))
END
printf 'async: {max_suspended: 2, on_expiry: resume, on_overflow: resume}\n' >>"$work/sluice.yml"
lab_net
lab_nsd
lab_sluice
reloads=0
for fate in resume servfail refused drop; do
	sed -i "s/^async:.*/async: {max_suspended: 2, on_expiry: $fate, on_overflow: $fate}/" "$work/sluice.yml"
	kill -HUP "$sluice_pid"
	reloads=$((reloads + 1))
	wait_for 5 "the reload" sh -c "[ \$(grep -c 'policy reloaded' '$work/sluice.log') -ge $reloads ]"
	export fate
	lab_python "fate $fate" <<-'END'
		from lab import *
		fate = os.environ['fate']
		rcode = {'servfail': 'SERVFAIL', 'refused': 'REFUSED'}.get(fate, 'NOERROR')
		before = metrics()

		def ends(query):
		    return query.silence() if fate == 'drop' else query.answer(rcode)

		full = [Query('f%d.ask.demo.test' % n) for n in range(2)]
		for _ in full:
		    asked()
		over = Query('f2.ask.demo.test')
		counts('overflow', before['sluice_async_overflow_total'] + 1)
		ends(over)
		assert fate == 'drop' or over.took < 0.2, over.took
		counts('expired', before['sluice_async_expired_total'] + 2)
		for query in full:
		    ends(query)
		response = Query('r.free.demo.test')
		counts('expired', before['sluice_async_expired_total'] + 3)
		answer = ends(response)
		if fate == 'drop':
		    after = metrics()
		    assert after['sluice_drops_total{reason="async_full"}'] == 1
		    assert after['sluice_drops_total{reason="async_expired"}'] == 3
		else:
		    assert address(answer) == ('192.0.2.252' if fate == 'resume' else None)
	END
done
