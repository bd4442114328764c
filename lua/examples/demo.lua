-- SPDX-License-Identifier: BSD-2-Clause
-- Asks an external filter about every query and every response, and does what it says: the filter
-- answers "<DNS ID> <verdict>", the verdict being pass, refuse or drop. When no verdict comes in
-- time the message goes on: this policy fails open. It runs on dnsdist 1.8 and later, too.
local FILTER, VERDICTS = '/run/sluice/filter.sock', '/run/sluice/verdicts.sock'
local ASYNC_ID, PATIENCE_MS = 0, 300

local act = {
  pass = function(object)
    object:resume()
  end,
  refuse = function(object)
    object:setRCode(DNSRCode.REFUSED, true)
    object:resume()
  end,
  drop = function(object)
    object:drop()
  end,
}

local function onVerdict(_, datagram)
  local id, verdict = datagram:match('^(%d+) (%l+)$')
  local action = act[verdict]
  if action == nil then
    return -- not a verdict: whatever it was about goes on after its timeout
  end
  action(getAsynchronousObject(ASYNC_ID, tonumber(id)))
end

-- Globals, because dnsdist collects an endpoint or a listener that nothing refers to.
filter = newNetworkEndpoint(FILTER)
verdicts = newNetworkListener()
verdicts:addUnixListeningEndpoint(VERDICTS, 0, onVerdict)
verdicts:start()

local function ask(message, allow)
  local content = message:getContent()
  if message:suspend(ASYNC_ID, message.dh:getID(), PATIENCE_MS) then
    filter:send(content)
  end
  return allow
end

newServer('10.53.0.2:5300')
addAction(AllRule(), LuaAction(function(dq) return ask(dq, DNSAction.Allow) end))
addResponseAction(AllRule(), LuaResponseAction(function(dr) return ask(dr, DNSResponseAction.Allow) end))
