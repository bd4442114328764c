#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# The policy changes while packets are suspended: by a callback, from the console, and as a whole.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

lab_repl <<-'END'
	ran = ''
	function note(text) return LuaAction(function() ran = ran .. text return DNSAction.None end) end
	addAction(QNameSuffixRule('ask.demo.test'), LuaAction(function(dq)
	  dq.pool = 'later'
	  return ask(dq, 60000)
	end))
	addAction(QNameSuffixRule('next.demo.test'), LuaAction(function(dq)
	  id = assert(sluice.suspend(dq, {timeout = 60000, continue_rules = true}))
	  return DNSAction.Allow
	end))
	addAction(QNameSuffixRule('next.demo.test'), note('own'))
	newServer({address = '10.53.0.2:5399', pool = 'later', healthCheckMode = 'up'}) -- where nobody is
END
lab_net
lab_nsd
lab_sluice
export pid=$sluice_pid binary console_socket
lab_python "a policy that changes" <<-'END'
	from lab import *
	import signal

	def console(code):
	    return subprocess.run([os.environ['binary'], 'console', '-s', os.environ['console_socket'], '-e', code],
	                          check=True, capture_output=True, text=True).stdout.strip()

	def reload():
	    said = open(os.environ['work'] + '/sluice.log').read
	    before = said().count('policy reloaded')
	    os.kill(int(os.environ['pid']), signal.SIGHUP)
	    until('the reload', lambda: said().count('policy reloaded') > before)

	# A pool and a rule that come later hold for what goes on then; resumed from the console, at once.
	query, id = Query('a.ask.demo.test'), asked()[0]
	lua("rmServer(1) newServer({address = '[fd53::2]:5300', pool = 'later', healthCheckMode = 'up'})")
	console('getAsynchronousObject(1, %d):resume()' % id)
	assert address(query.answer()) == '192.0.2.251' and query.took < 4
	# The rule at which one would go on is another's by now: it goes on behind the chain.
	query = Query('a.next.demo.test')
	until('it', lambda: lua('return id') != 'nil')
	lua("addAction(QNameSuffixRule('next.demo.test'), note('new')) mvRuleToTop()")
	lua('sluice.suspended(id):resume()')
	query.answer('NXDOMAIN')
	assert lua('return ran') == '', lua('return ran')
	# Whatever the new file says, who is suspended under the old one is found, and goes to the new one's servers.
	query, id = Query('a.ask.demo.test'), asked()[0]
	with open(os.environ['work'] + '/policy.lua', 'a') as file:
	    file.write("clearRules() newServer({address = '[fd53::2]:5300', pool = 'later', healthCheckMode = 'up'})\n"
	               "rmServer(getServer(1))\n"
	               "addResponseAction(AllRule(), LuaResponseAction(function(dr) new = dr.pool return 0 end))\n")
	reload()
	query.silence()
	lua('getAsynchronousObject(1, %d):resume()', id)
	assert address(query.answer()) == '192.0.2.251'
	assert lua('return new') == 'later'
	Query('b.ask.demo.test').answer()  # and those that come are not suspended
	counts('resumed', 3)
	counts('expired', 0)
END
