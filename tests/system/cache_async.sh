#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Packets that are suspended in the chains around the cache go on behind that chain, once; what is
# kept is what was approved.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

lab_repl <<-'END'
	pc = newPacketCache(1000)
	getPool(''):setCache(pc)
	addCacheMissAction(QNameSuffixRule('ask.demo.test'), LuaAction(ask))
	addCacheHitResponseAction(QNameRule('hit.free.demo.test'), LuaResponseAction(ask))
	addCacheInsertedResponseAction(QNameRule('inserted.free.demo.test'), LuaResponseAction(ask))
	addResponseAction(QNameRule('response.free.demo.test'), LuaResponseAction(ask))
END
lab_net
lab_nsd
lab_sluice
lab_python "packets suspended around the cache" <<'END'
from lab import Query, address, asked, lua
FREE, ASK = '192.0.2.252', '192.0.2.251'

def verdict(code='suspended:resume()'):
    lua('local suspended = getAsynchronousObject(1, %d) ' + code, asked()[0])

def stat(name):
    return int(lua('return pc:getStats().' + name))

# Behind the cache-miss rules, to the server; then it is kept.
query = Query('a.ask.demo.test')
verdict()
assert address(query.answer()) == ASK
assert address(Query('a.ask.demo.test').answer()) == ASK
assert (stat('misses'), stat('hits'), stat('entries')) == (1, 1, 1)
# A refusal of one is not an answer for all.
query = Query('b.ask.demo.test')
verdict('suspended:setRCode(5) suspended:resume()')
query.answer('REFUSED')
assert stat('entries') == 1

# Behind the cache-hit rules: out.
assert address(Query('hit.free.demo.test').answer()) == FREE
query = Query('hit.free.demo.test', id=7)
verdict()
assert address(query.answer()) == FREE
query = Query('hit.free.demo.test')
verdict('suspended:setRCode(3) suspended:resume()')
query.answer('NXDOMAIN')
query = Query('hit.free.demo.test')
verdict('suspended:drop()')
query.silence()

# Behind the cache-inserted rules: out, and it is in the cache.
query = Query('inserted.free.demo.test')
verdict()
assert address(query.answer()) == FREE
assert address(Query('inserted.free.demo.test').answer()) == FREE

# What a response rule refused is asked for again; what it let pass is kept.
for code, rcode in (('suspended:setRCode(5) suspended:resume()', 'REFUSED'), ('suspended:resume()', 'NOERROR')):
    query = Query('response.free.demo.test')
    verdict(code)
    query.answer(rcode)
assert address(Query('response.free.demo.test').answer()) == FREE
assert stat('entries') == 4, stat('entries')
END
