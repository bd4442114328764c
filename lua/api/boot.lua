-- SPDX-License-Identifier: BSD-2-Clause
-- Installs the language and returns the two drivers that C calls with batches.
local ffi = require('ffi')
local C = ffi.C
local constants = require('constants')
require('question')
local policy = require('policy')
local async = require('async')
local unsupported = require('unsupported')

for name, value in pairs(constants) do
  _G[name] = value
end
for name, value in pairs(policy.globals) do
  _G[name] = value
end
_G.newNetworkEndpoint = async.newNetworkEndpoint
_G.newNetworkListener = async.newNetworkListener
_G.getAsynchronousObject = async.getAsynchronousObject
_G.showSuspended = async.showSuspended
_G.sluice = {suspend = async.suspend, suspended = async.suspended, onSendFailure = async.onSendFailure}
unsupported(_G)

local questions = C.sluice_questions()
local datagrams = C.sluice_datagrams()
local progress = C.sluice_progress()
local SERVFAIL, RESPONSE_SERVFAIL = 9, 4

local function report(message)
  message = debug.traceback(tostring(message), 2)
  C.sluice_error(message, #message)
end

local anchor = {} -- keeps the results' strings alive until C has read them

local function run(first, count)
  for i = first, count - 1 do
    local q = questions[i]
    progress[0] = progress[0] + 1
    local ok, action, text = xpcall(policy.actions[q.reference], report, q)
    action = ok and tonumber(action)
    q.action = action or (q.response ~= 0 and RESPONSE_SERVFAIL or SERVFAIL)
    if text ~= nil and ok then
      text = tostring(text)
      anchor[i] = text
      q.text, q.text_length = text, #text
    end
  end
end

local function deliver(first, count)
  for i = first, count - 1 do
    local d = datagrams[i]
    progress[0] = progress[0] + 1
    local callback = async.callbacks[d.callback]
    if d.ffi ~= 0 then
      xpcall(callback, report, d)
    else
      xpcall(callback, report, d.endpoint_id, ffi.string(d.data, d.length),
        ffi.string(d.from, d.from_length))
    end
  end
end

return run, deliver
