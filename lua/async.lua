-- SPDX-License-Identifier: BSD-2-Clause
-- Suspended packets, endpoints, listeners, and the table `sluice`.
local ffi = require('ffi')
local check = require('sluice.check')
local driver = require('sluice.driver')
local question = require('sluice.question')
local C = ffi.C
check.own()

local async = {sluice = {}}
local Object = {}
local FATES = {resume = 0, servfail = 1, refused = 2, drop = 3}
local EALREADY = -114

local function done(result, what)
  if result < 0 then
    check.fail('%s: %s', what, ffi.string(C.sluice_strerror(result)))
  end
  return true
end

local function fate_of(value, what)
  return FATES[value] or
    check.fail('%s must be "resume", "servfail", "refused" or "drop", not "%s"', what,
      tostring(value))
end

-- ---- AsynchronousObject

function Object:getDQ()
  local handle = ffi.new('struct lua_question')
  done(C.sluice_object_question(self, handle), 'getDQ')
  return question.wrap(handle)
end

function Object:getDR()
  local handle = ffi.new('struct lua_question')
  done(C.sluice_object_question(self, handle), 'getDR')
  if handle.flags % 2 == 0 then
    check.fail('getDR: what is suspended is a query')
  end
  return question.wrap(handle)
end

function Object:resume()
  local result = C.sluice_object_resume(self)
  if result == EALREADY then
    return true -- once is enough
  end
  return done(result, 'resume')
end

function Object:drop()
  return done(C.sluice_object_drop(self), 'drop')
end

function Object:setRCode(rcode, clear)
  rcode = check.range(rcode, 'the rcode', 0, 255)
  return done(C.sluice_object_rcode(self, rcode, clear and true or false), 'setRCode')
end

local new_object = ffi.metatype('struct lua_object', {
  __index = function(_, key) return Object[key] end,
  __newindex = function(_, key)
    check.fail('AsynchronousObject has no member "%s" to set', tostring(key))
  end,
})

function async.getAsynchronousObject(async_id, query_id)
  local object = new_object()
  async_id, query_id = check.wrapped(async_id, 'asyncID'), check.wrapped(query_id, 'queryID')
  if not C.sluice_object_fetch(async_id, query_id, object) then
    check.fail('Unable to find asynchronous object %d with ID %d', async_id, query_id)
  end
  return object
end

-- ---- endpoints

local Endpoint = {}
Endpoint.__index = Endpoint

function async.newNetworkEndpoint(path)
  path = check.string(path, 'the path')
  local endpoint = C.sluice_endpoint_open(path, #path)
  if endpoint == nil then
    check.fail('cannot use "%s" as an endpoint: %s', path,
      ffi.string(C.sluice_strerror(ffi.errno())))
  end
  return setmetatable({endpoint = endpoint}, Endpoint)
end

function Endpoint:isValid() return C.sluice_endpoint_valid(self.endpoint) end
function Endpoint:send(data)
  data = check.string(data, 'the datagram')
  return C.sluice_endpoint_send(self.endpoint, data, #data)
end

-- ---- listeners. C knows a path from start() on, and keeps it.

local Listener = {}
Listener.__index = Listener

local function listen(wanted)
  if not C.sluice_listen(wanted.path, #wanted.path, wanted.id, wanted.reference, wanted.ffi) then
    check.fail('%s', ffi.string(C.sluice_listen_error()))
  end
end

local function add(self, path, id, callback, is_ffi)
  path = check.string(path, 'the path')
  id = check.wrapped(id, 'the endpoint ID')
  check.callback(callback, 'callback')
  local wanted = {path = path, id = id, reference = driver.register(callback), ffi = is_ffi}
  if self.started then
    listen(wanted)
  end
  table.insert(self.wanted, wanted)
  return true
end

function async.newNetworkListener()
  return setmetatable({wanted = {}, started = false}, Listener)
end

function Listener:addUnixListeningEndpoint(path, id, callback)
  return add(self, path, id, callback, false)
end

function Listener:addUnixListeningEndpointFFI(path, id, callback)
  return add(self, path, id, callback, true)
end

function Listener:start()
  if #self.wanted == 0 then
    check.fail('the listener has no endpoint: add one before start()')
  elseif self.started then
    check.fail('the listener has been started')
  end
  self.started = true
  for _, wanted in ipairs(self.wanted) do
    listen(wanted)
  end
end

-- ---- beyond dnsdist

local suspend_keys = check.keys('timeout', 'on_expiry', 'continue_rules')

function async.sluice.suspend(dq, options)
  if not question.is(dq) then
    check.fail('sluice.suspend takes a DNSQuestion or DNSResponse')
  end
  options = check.options(options, 'sluice.suspend', suspend_keys)
  local timeout = check.range(options.timeout or 1000, 'timeout', 0, 4294967295)
  local fate = options.on_expiry ~= nil and fate_of(options.on_expiry, 'on_expiry') or -1
  local id = C.sluice_suspend_id(dq.handle, timeout, fate, options.continue_rules == true)
  if id == 0 then
    return nil, ffi.string(C.sluice_suspend_reason())
  end
  return tonumber(id)
end

function async.sluice.suspended(id)
  local object = new_object()
  id = check.integer(id, 'the id')
  if id < 1 or id >= 2 ^ 53 or not C.sluice_object_find(id, object) then
    return nil
  end
  return object
end

function async.sluice.onSendFailure(endpoint, fate)
  if getmetatable(endpoint) ~= Endpoint then
    check.fail('sluice.onSendFailure takes a NetworkEndpoint')
  end
  done(C.sluice_endpoint_fate_set(endpoint.endpoint, fate_of(fate, 'the fate')), 'onSendFailure')
end

function async.showSuspended(limit)
  local size = check.range(limit or 100, 'the limit', 1, 10000)
  local views = ffi.new('struct lua_view[?]', size)
  local count = tonumber(C.sluice_suspended_list(views, size))
  local lines = {('%-18s %-9s %8s %10s  %s'):format('ID', 'Kind', 'Age ms', 'Left ms', 'Question')}
  for i = 0, count - 1 do
    local view = views[i]
    local id = view.id ~= 0 and tostring(tonumber(view.id)) or
      view.async_id .. '/' .. view.query_id
    lines[#lines + 1] = ('%-18s %-9s %8d %10d  %s %d'):format(id,
      view.response ~= 0 and 'response' or 'query', tonumber(view.age), tonumber(view.remaining),
      view.qname:toString(), view.qtype)
  end
  lines[#lines + 1] = ('%d of %d suspended'):format(count, tonumber(C.sluice_suspended_now()))
  return table.concat(lines, '\n') .. '\n'
end

return async
