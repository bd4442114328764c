-- SPDX-License-Identifier: BSD-2-Clause
-- The head of the policies of the asynchronous tests: a filter to ask, and a listener that runs the
-- Lua it is sent and answers with the result. tests/system/lab.py is the other side.
filter = newNetworkEndpoint('/run/sluice/filter.sock')
local results = newNetworkEndpoint('/run/sluice/results.sock')

local function onLua(_, code)
  local chunk, result = loadstring(code)
  local ok = chunk ~= nil
  if ok then
    ok, result = pcall(chunk)
  end
  results:send((ok and '=' or '!') .. tostring(result))
end

do
  local listener = newNetworkListener() -- start() keeps it
  listener:addUnixListeningEndpoint('/run/sluice/lua.sock', 0, onLua)
  listener:start()
end

-- Suspends and asks the filter, as most policies do.
function ask(message, timeout)
  local content = message:getContent()
  assert(message:suspend(1, message.dh:getID(), timeout or 5000))
  filter:send(content)
  return 4 -- DNSAction.Allow; in response rules it is another number
end

newServer('10.53.0.2:5300')
