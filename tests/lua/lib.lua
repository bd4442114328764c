-- SPDX-License-Identifier: BSD-2-Clause
-- What the specs share: real packets, and running an action over one.
local ffi = require('ffi')
ffi.cdef[[
int test_take(const char *dns, size_t length, int chain);
void test_fill(uint32_t slot, int reference, bool ffi, bool selector);
void test_fill_at(uint32_t index, uint32_t slot, int reference);
void test_settle(uint32_t count);
int test_turn(uint64_t now);
int test_ended(uint32_t slot);
void test_release(uint32_t slot);
size_t test_logged(void);
size_t test_heap(void);
void test_deliver(const char *data, size_t length, int reference);
void test_count(const char *client, uint32_t times, uint32_t value, bool answer, bool miss);
]]
local register = require('sluice.driver').register

-- www.Example.org A, ID 0x1234, RD, OPT with DO and a cookie.
QUERY = '\18\52\1\0\0\1\0\0\0\0\0\1\3www\7Example\3org\0\0\1\0\1' ..
  '\0\0\41\4\208\0\0\128\0\0\12\0\10\0\8ABCDEFGH'
-- Its answer: 192.0.2.7 with a TTL of 300.
ANSWER = '\18\52\129\128\0\1\0\1\0\0\0\0\3www\7Example\3org\0\0\1\0\1' ..
  '\192\12\0\1\0\1\0\0\1\44\0\4\192\0\2\7'

-- Runs a function over a packet in hand: its slot, and the item with the result.
function act(bytes, chain, fn, is_ffi)
  local slot = ffi.C.test_take(bytes, #bytes, chain)
  ffi.C.test_fill(slot, register(fn), is_ffi or false, false)
  driver.run(0, 1)
  ffi.C.test_settle(1)
  return slot, ffi.C.sluice_batch().items[0]
end

-- Runs a function over a packet; its errors are the spec's.
function with(bytes, chain, fn)
  local message
  local slot, item = act(bytes, chain, function(dq)
    local ok, found = xpcall(fn, debug.traceback, dq)
    message = not ok and found or nil
    return 4, 'text'
  end)
  if message then
    error(message, 0)
  end
  return slot, item
end

function equal(found, wanted)
  if found ~= wanted then
    error(('found %s, not %s'):format(tostring(found), tostring(wanted)), 2)
  end
end

-- That the call raises an error with this text.
function raises(text, fn, ...)
  local ok, message = pcall(fn, ...)
  if ok or not tostring(message):find(text, 1, true) then
    error(('found %s, not the error "%s"'):format(tostring(message), text), 2)
  end
end
