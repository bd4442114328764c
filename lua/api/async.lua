-- SPDX-License-Identifier: BSD-2-Clause
-- Suspended packets, endpoints and listeners.
local ffi = require('ffi')
local question = require('question')
local values = require('values')
local C = ffi.C

local async = {callbacks = {}}
local OK, GONE, RESUMED, DROPPED = 0, 1, 2, 3
local fates = {resume = 0, servfail = 1, refused = 2, drop = 3}
local anchors = {}

local function fate(name, level)
  local number = fates[name]
  if not number then
    error(tostring(name) .. ': expected resume, servfail, refused or drop', level + 1)
  end
  return number
end

-- ---- AsynchronousObject

local Object = {}
Object.__index = Object

local function object(ref)
  return setmetatable({ref = ref, state = OK}, Object)
end

local function refuse(state, what)
  local why = state == RESUMED and 'it was resumed' or state == DROPPED and 'it was dropped'
    or 'it has expired or was suspended anew'
  error(what .. ': the packet is no longer suspended: ' .. why, 3)
end

local function question_of(self, what)
  if self.state ~= OK then
    refuse(self.state, what)
  end
  local dq = question.new()
  local state = C.sluice_async_question(self.ref, dq)
  if state ~= OK then
    refuse(state, what)
  end
  return dq
end

function Object:getDQ() return question_of(self, 'getDQ') end
function Object:getDR() return question_of(self, 'getDR') end

function Object:resume()
  if self.state == RESUMED then
    return true
  end
  local state = self.state == OK and C.sluice_async_resume(self.ref) or self.state
  if state == DROPPED or state == GONE then
    refuse(state, 'resume')
  end
  self.state = RESUMED
  return true
end

function Object:drop()
  local state = self.state == OK and C.sluice_async_drop(self.ref) or self.state
  if state ~= OK then
    refuse(state, 'drop')
  end
  self.state = DROPPED
  return true
end

function Object:setRCode(rcode, clear)
  local state = self.state
  if state == OK then
    state = C.sluice_async_rcode(self.ref, values.integer(rcode, 'rcode'), clear and true or false)
  end
  if state ~= OK then
    refuse(state, 'setRCode')
  end
  return true
end

function async.getAsynchronousObject(async_id, query_id)
  local ref = ffi.new('struct lua_ref')
  if not C.sluice_async_fetch(values.integer(async_id, 'asyncID') % 65536,
      values.integer(query_id, 'queryID') % 65536, ref) then
    error('Unable to find asynchronous object', 2)
  end
  return object(ref)
end

function async.suspend(dq, options)
  options = options or {}
  for key in pairs(options) do
    if key ~= 'timeout' and key ~= 'on_expiry' and key ~= 'continue_rules' then
      error('sluice.suspend: unknown key ' .. tostring(key), 2)
    end
  end
  local expiry = options.on_expiry and fate(options.on_expiry, 2) or -1
  local id = dq.suspended == 0 and C.sluice_suspend_id(dq,
    values.integer(options.timeout or 1000, 'timeout'), expiry, options.continue_rules == true) or 0
  if id == 0 then
    return nil, 'the registry is full or the packet is suspended already'
  end
  return id
end

function async.suspended(id)
  local ref = ffi.new('struct lua_ref')
  if not C.sluice_async_find(tonumber(id) or 0, ref) then
    return nil
  end
  return object(ref)
end

function async.showSuspended()
  return ffi.string(C.sluice_async_list())
end

-- ---- endpoints

local Endpoint = {}
Endpoint.__index = Endpoint

function async.newNetworkEndpoint(path)
  local handle = C.sluice_endpoint(path, #path)
  if handle == nil then
    error('newNetworkEndpoint: not a usable path: ' .. path, 2)
  end
  return setmetatable({handle = handle}, Endpoint)
end

function Endpoint:isValid() return C.sluice_endpoint_valid(self.handle) end
function Endpoint:send(payload)
  return C.sluice_endpoint_send(self.handle, payload, #payload)
end

function async.onSendFailure(endpoint, name)
  C.sluice_endpoint_fate(endpoint.handle, name == nil and -1 or fate(name, 2))
end

-- ---- listeners

local Listener = {}
Listener.__index = Listener

local function listen(self, path, id, callback, is_ffi)
  if type(callback) ~= 'function' then
    error(callback == nil and 'the callback is nil: define the function before this line'
      or 'the callback is a ' .. type(callback), 3)
  end
  table.insert(async.callbacks, callback)
  table.insert(self.waiting, {path = path, id = values.integer(id, 'endpointID', 3) % 65536,
    callback = #async.callbacks, ffi = is_ffi})
  if self.started then
    self:start()
  end
  return true
end

function async.newNetworkListener()
  return setmetatable({waiting = {}, started = false}, Listener)
end
function Listener:addUnixListeningEndpoint(path, id, callback)
  return listen(self, path, id, callback, false)
end
function Listener:addUnixListeningEndpointFFI(path, id, callback)
  return listen(self, path, id, callback, true)
end
function Listener:start()
  local message = ffi.new('char[256]')
  if #self.waiting == 0 and not self.started then
    error('start: the listener has no endpoint yet', 2)
  end
  for _, wanted in ipairs(self.waiting) do
    if not C.sluice_listen(wanted.path, #wanted.path, wanted.id, wanted.callback, wanted.ffi,
        message, 256) then
      error(ffi.string(message), 2)
    end
  end
  self.waiting = {}
  self.started = true
  anchors[self] = true
end

return async
