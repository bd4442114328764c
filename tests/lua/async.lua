-- SPDX-License-Identifier: BSD-2-Clause
local ffi = require('ffi')
local RESUMED, DROPPED, EXPIRED = 0, 1, 2

local function suspend(bytes, chain, query_id)
  return act(bytes, chain, function(dq)
    equal(dq:suspend(65536 + 1, query_id, 100), true)
    equal(dq.dh:getID(), 0x1234)
    equal(tostring(dq.qname), 'www.Example.org.')
    equal(pcall(dq.setTag, dq, 'a', 'b'), false)
    equal(pcall(function() dq.dh:setRD(false) end), false)
    equal(dq:suspend(1, query_id + 1, 100), false)
    return DNSAction.Allow
  end)
end

raises('Unable to find asynchronous object', getAsynchronousObject, 1, 7)

local slot, item = suspend(QUERY, 0, 7)
equal(item.failed, 0)
equal(item.suspended, 1)
equal(showSuspended():match('1/7') ~= nil, true)
local object = getAsynchronousObject(1, '7')
raises('Unable to find', getAsynchronousObject, 1, 7)
local dq = object:getDQ()
dq:setTag('filtering', 'pass')
raises('a query', object.getDR, object)
equal(object:resume(), true)
equal(object:resume(), true)
raises('resumed', object.getDQ, object)
raises('resumed', object.setRCode, object, 5, true)
raises('resumed', object.drop, object)
equal(pcall(dq.setTag, dq, 'x', 'y'), false)
equal(dq:getTag('filtering'), 'pass')
equal(ffi.C.test_turn(1), 1)
equal(ffi.C.test_ended(slot), RESUMED)
ffi.C.test_release(slot)
equal(object:resume(), true)

slot = suspend(ANSWER, 2, 8)
object = getAsynchronousObject(1, 8)
equal(object:getDR():getRestartCount(), 0)
equal(object:setRCode(DNSRCode.REFUSED, true), true)
equal(object:getDR().rcode, 5)
equal(object:drop(), true)
raises('dropped', object.resume, object)
ffi.C.test_turn(2)
equal(ffi.C.test_ended(slot), DROPPED)
ffi.C.test_release(slot)

-- Fetched and forgotten: it expires.
slot = suspend(QUERY, 0, 9)
object = getAsynchronousObject(1, 9)
ffi.C.test_turn(500)
equal(ffi.C.test_ended(slot), EXPIRED)
raises('gone', object.resume, object)
ffi.C.test_release(slot)

-- The same key: the second goes on.
slot = suspend(QUERY, 0, 10)
local other, second = act(QUERY, 0, function(query)
  equal(query:suspend(1, 10, 100), false)
  return DNSAction.Refused
end)
equal(second.suspended, 0)
equal(second.action, 2)
ffi.C.test_release(other)
-- Anew from a callback.
object = getAsynchronousObject(1, 10)
equal(object:getDQ():suspend(2, 10, 100), true)
raises('gone', object.resume, object)
equal(getAsynchronousObject(2, 10):resume(), true)
ffi.C.test_turn(501)
ffi.C.test_release(slot)

-- An error after suspend(): the packet is suspended all the same.
for _, is_ffi in ipairs({false, true}) do
  slot, item = act(QUERY, 0, function(query)
    if is_ffi then
      equal(ffi.C.dnsdist_ffi_dnsquestion_set_async(query, 1, 13, 100), true)
    else
      equal(query:suspend(1, 13, 100), true)
    end
    error('too late')
  end, is_ffi)
  equal(item.suspended, 1)
  equal(item.failed, 1)
  equal(getAsynchronousObject(1, 13):resume(), true)
  ffi.C.test_turn(501)
  -- And on at the next rule: it can be edited and suspended once more.
  ffi.C.test_fill(slot, require('sluice.driver').register(function(query)
    query:setTag('second', 'rule')
    equal(query:suspend(1, 14, 100), true)
    equal(pcall(query.setTag, query, 'third', 'rule'), false)
    return DNSAction.Allow
  end), false, false)
  driver.run(0, 1)
  ffi.C.test_settle(1)
  equal(item.failed, 0)
  equal(item.suspended, 1)
  object = getAsynchronousObject(1, 14)
  equal(object:getDQ():getTag('second'), 'rule')
  equal(object:resume(), true)
  ffi.C.test_turn(501)
  ffi.C.test_release(slot)
end

-- FFI, and ids of our own.
slot = suspend(QUERY, 0, 11)
equal(ffi.C.dnsdist_ffi_set_answer_from_async(1, 11, 'x', 1), false)
equal(ffi.C.dnsdist_ffi_set_rcode_from_async(1, 11, 5, true), true)
equal(ffi.C.dnsdist_ffi_drop_from_async(1, 11), false)
ffi.C.test_turn(502)
ffi.C.test_release(slot)
for _, use_cache in ipairs({true, false}) do
  for _, skip in ipairs({true, false}) do
    local kept
    slot = act(QUERY, 0, function(query)
      kept = query
      query.skipCache = skip
      equal(query:suspend(1, 15, 100), true)
      return DNSAction.Allow
    end)
    equal(ffi.C.dnsdist_ffi_resume_from_async(1, 15, 'tag', 3, 'value', 5, use_cache), true)
    equal(kept.skipCache, skip or not use_cache)
    equal(kept:getTag('tag'), 'value')
    ffi.C.test_turn(502)
    ffi.C.test_release(slot)
  end
end
local id
slot = act(QUERY, 0, function(query)
  raises('unknown key "timeot"', sluice.suspend, query, {timeot = 1})
  raises('on_expiry must be', sluice.suspend, query, {on_expiry = 'explode'})
  id = sluice.suspend(query, {timeout = 50, on_expiry = 'drop', continue_rules = true})
  equal(select(2, sluice.suspend(query)) ~= '', true)
  return DNSAction.Allow
end)
equal(sluice.suspended(id + 1), nil)
equal(sluice.suspended(id):resume(), true)
ffi.C.test_turn(503)
ffi.C.test_release(slot)

-- A send that fails takes effect at once if the policy says so.
local endpoint = newNetworkEndpoint('/nonexistent/filter')
equal(endpoint:isValid(), false)
raises('sluice.onSendFailure', sluice.onSendFailure, {}, 'drop')
sluice.onSendFailure(endpoint, 'servfail')
for _, before in ipairs({true, false}) do
  slot = act(QUERY, 0, function(query)
    if before then
      equal(endpoint:send('x'), false)
    end
    equal(query:suspend(1, 12, 100), true)
    return before and DNSAction.Allow or endpoint:send('x') and 1 or 0
  end)
  ffi.C.test_turn(504)
  equal(ffi.C.test_ended(slot), 3)
  ffi.C.test_release(slot)
end

-- Listeners.
local listener = newNetworkListener()
raises('no endpoint', listener.start, listener)
raises('async.lua:166: the callback is nil: define the function before this line',
  function() listener:addUnixListeningEndpoint('/a', 0, nil) end)
equal(listener:addUnixListeningEndpoint('/a', 0, print), true)
listener:start()
raises('/refused is in use', listener.addUnixListeningEndpoint, listener, '/refused', 0, print)
local heard
local register = require('sluice.driver').register
local reference = register(function(_, data, from) heard = data .. from end)
ffi.C.test_deliver('hello', 5, reference)
driver.deliver(0, 1)
equal(heard, 'hello')
local errors = tonumber(ffi.C.test_logged())
ffi.C.test_deliver('hello', 5, register(error))
driver.deliver(0, 1)
equal(tonumber(ffi.C.test_logged()), errors + 1)

-- An FFI verdict that cannot be put in leaves the packet suspended.
slot = suspend(QUERY, 0, 20)
equal(ffi.C.dnsdist_ffi_set_answer_from_async(1, 20, ('x'):rep(65000), 65000), false)
equal(ffi.C.dnsdist_ffi_resume_from_async_with_alternate_name(1, 20, 'junk', 4, nil, 0, nil, 0, nil,
  0), false)
equal(ffi.C.dnsdist_ffi_resume_from_async(1, 20, 'k', 1, 'v', 1, true), true)
ffi.C.test_turn(600)
equal(ffi.C.test_ended(slot), RESUMED)
ffi.C.test_release(slot)
