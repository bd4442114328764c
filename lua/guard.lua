-- SPDX-License-Identifier: BSD-2-Clause
-- What the standard library offers and a policy inside of Sluice must not do.
local check = require('sluice.check')
check.own()

local guard = {}

-- Coroutines inside of coroutines use the C stack, which LuaJIT does not watch.
local NESTED = 64
local depth = 0
local resume, create = coroutine.resume, coroutine.create

local function back(...)
  depth = depth - 1
  return ...
end

local function resume_here(thread, ...)
  if depth >= NESTED then
    return false, 'too many coroutines inside of coroutines'
  end
  depth = depth + 1
  return back(resume(thread, ...))
end

local function results(ok, ...)
  if not ok then
    error((...), 0)
  end
  return ...
end

function coroutine.resume(thread, ...)
  if type(thread) ~= 'thread' then
    check.fail('coroutine.resume takes a coroutine, not %s', type(thread))
  end
  return resume_here(thread, ...)
end

function coroutine.wrap(fn)
  local thread = create(fn)
  return function(...)
    return results(resume_here(thread, ...))
  end
end

function os.exit()
  check.fail('os.exit: a policy cannot end Sluice')
end

-- At the bottom of a call by C: an error out of the depth of the stack may have lost count.
function guard.reset()
  depth = 0
end

return guard
