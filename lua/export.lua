-- SPDX-License-Identifier: BSD-2-Clause
-- Collectors of queries and responses, what actions tell them, and copies of queries.
local ffi = require('ffi')
local check = require('sluice.check')
local actions = require('sluice.actions')
local address = require('sluice.address')
local constants = require('sluice.constants')
local driver = require('sluice.driver')
local name = require('sluice.name')
local C = ffi.C
check.own()

local globals = {}
local LENGTHS, FRAMES, COPIES = 0, 1, 2 -- enum exporter_kind
local PROTOBUF, DNSTAP, COPY = 0, 1, 2 -- enum export_encoding
local IDENTITY, TAG, PREFIX, META, ERRORS, CIPHER = 0, 1, 2, 3, 4, 5 -- enum export_option
local CNAMES, KEYS_ONLY, STRIP, SUBNET, PROXY = 1, 2, 4, 8, 16 -- enum export_form_flag
-- enum export_item_kind
local ITEM = {tag = 5, question = 6, bytes = 7, time = 8, query_time = 9, rcode = 10,
  requestor = 11, responder = 12, server = 13, subnet = 14, record = 15, type = 16, extra = 17}
local SECONDS_MAX, BYTES_PER_MESSAGE, FRAMES_PER_QUEUE = 4294967, 100, 512
local stats = ffi.new('struct lua_export_stats')

-- ---- collectors

local Logger = {}
Logger.__index = Logger

local function failed(what, error)
  check.fail('%s: %s', what, ffi.string(C.sluice_strerror(error)))
end

local function logger(class, kind, what, title, where, options)
  local made = ffi.new('struct lua_export_logger', options)
  made.kind, made.name = kind, title
  local number = C.sluice_export_logger(made, where, nil)
  if number < 0 then
    failed(what .. ' to ' .. title, number)
  end
  return setmetatable({number = number, title = title}, class)
end

local Remote, Frames
local function is_logger(value, what)
  if type(value) ~= 'table' or getmetatable(getmetatable(value)) ~= Logger then
    check.fail('%s takes a logger, as newRemoteLogger() makes one, not %s', what, type(value))
  end
  return value
end

-- Frame Streams say what is in them, and that is dnstap.
local function is_remote(value, what)
  if getmetatable(is_logger(value, what)) == Frames then
    check.fail('%s takes a logger that newRemoteLogger() made; one of newFrameStream...Logger() ' ..
      'is for DnstapLogAction()', what)
  end
  return value
end

function Logger:getStats()
  C.sluice_export_stats(self.number, stats)
  return {queued = tonumber(stats.queued), pipeFull = tonumber(stats.full),
    tooLarge = tonumber(stats.too_large), otherError = tonumber(stats.failures),
    sent = tonumber(stats.sent), connections = tonumber(stats.connected)}
end

-- The two kinds tell of themselves in different words.
local function kind_of(text)
  local class = setmetatable({}, Logger)
  class.__index = function(_, key) return class[key] or Logger[key] end
  class.toString = text
  class.__tostring = text
  return class
end
Remote = kind_of(function(self)
  local all = self:getStats()
  return ('%s (%d processed, %d dropped)'):format(self.title, all.queued,
    all.pipeFull + all.tooLarge)
end)
Frames = kind_of(function(self)
  local all = self:getStats()
  return ('FrameStreamLogger to %s (%d frames sent, %d dropped, %d permanent failures)'):format(
    self.title, all.queued, all.pipeFull, all.tooLarge)
end)

local function seconds(value, default, what)
  return check.range(value or default, what, 0, SECONDS_MAX) * 1000
end

function globals.newRemoteLogger(where, timeout, queue, reconnect, connections, stall)
  local at = address.of(where)
  if timeout == 0 then
    timeout = nil
  end
  return logger(Remote, LENGTHS, 'newRemoteLogger', at:toStringWithPort(), at, {
    queue = check.range(queue or 100, 'maxQueued', 0, 10000000) * BYTES_PER_MESSAGE,
    connect_ms = seconds(timeout, 2, 'the timeout'),
    reconnect_ms = seconds(reconnect, 1, 'reconnectWait'),
    connections = check.range(connections or 1, 'the number of connections', 1, 16),
    stall_ms = seconds(stall, 5, 'stalledWriteTimeout'),
  })
end

local frame_keys = check.keys('bufferHint', 'flushTimeout', 'inputQueueSize', 'outputQueueSize',
  'queueNotifyThreshold', 'reopenInterval', 'connectionCount')
local function frame_options(options, what)
  options = check.options(options, what, frame_keys)
  local function number(key, max)
    local value = check.range(options[key] or 0, key, 0, max)
    return value > 0 and value or nil
  end
  local waiting = math.max(number('inputQueueSize', 1000000) or 512,
    number('outputQueueSize', 1000000) or 0)
  for _, key in ipairs({'bufferHint', 'flushTimeout', 'queueNotifyThreshold'}) do
    number(key, 4294967295) -- messages are sent as they come
  end
  return {queue = waiting * FRAMES_PER_QUEUE, connect_ms = 5000, stall_ms = 0,
    reconnect_ms = (number('reopenInterval', SECONDS_MAX) or 5) * 1000,
    connections = number('connectionCount', 16) or 1}
end
function globals.newFrameStreamUnixLogger(path, options)
  path = check.string(path, 'the path')
  return logger(Frames, FRAMES, 'newFrameStreamUnixLogger', path, nil,
    frame_options(options, 'newFrameStreamUnixLogger'))
end
function globals.newFrameStreamTcpLogger(where, options)
  local at = address.of(where)
  return logger(Frames, FRAMES, 'newFrameStreamTcpLogger', at:toStringWithPort(), at,
    frame_options(options, 'newFrameStreamTcpLogger'))
end

-- ---- what actions say

-- `settings`: {kind, value, key} each.
local function form(what, encoding, target, flags, settings)
  local list = ffi.new('struct lua_export_setting[?]', #settings)
  for i, setting in ipairs(settings) do
    local kind, value, key = unpack(setting)
    list[i - 1].kind, list[i - 1].value, list[i - 1].value_length = kind, value, #value
    list[i - 1].key, list[i - 1].key_length = key or '', key and #key or 0
  end
  local made = ffi.new('struct lua_export')
  local error = C.sluice_export_form(encoding, target, flags, list, #settings, made)
  if error < 0 then
    failed(what, error)
  end
  return made
end

-- The values of a table or of a list with commas.
local function each(value, what, call)
  local list = value
  if type(value) ~= 'table' then
    list = {}
    for member in check.string(value, what):gmatch('[^,]+') do
      list[#list + 1] = member:match('^%s*(.-)%s*$')
    end
  end
  for _, member in ipairs(list) do
    call(check.string(member, what))
  end
end

local METAS = {['tags'] = true, pool = true, ['b64-content'] = true, sni = true,
  ['proxy-protocol-values'] = true, ['doh-host'] = true, ['doh-path'] = true,
  ['doh-query-string'] = true, ['doh-scheme'] = true}
local function meta_check(value, what)
  value = check.string(value, 'the metadata')
  local number = tonumber(value:match('^proxy%-protocol%-value:(%d+)$'))
  if not METAS[value] and not value:find('^tag:') and not value:find('^doh%-header:') and
      not (number and number < 256) then
    check.fail('%s: there is no metadata "%s"', what, value)
  end
  return value
end

local remote_keys = check.keys('serverID', 'useServerID', 'ipEncryptKey', 'ipEncryptMethod',
  'exportTags', 'exportTagsKeyOnly', 'exportTagsPrefixes', 'exportTagsStripPrefixes',
  'exportExtendedErrorsToMeta')
local function remote_settings(what, options, metas)
  options = check.options(options, what, remote_keys)
  local settings, flags = {}, 0
  local function add(kind, value, key) settings[#settings + 1] = {kind, value, key} end
  if options.serverID then
    add(IDENTITY, check.string(options.serverID, 'serverID'))
  elseif options.useServerID then
    add(IDENTITY, require('sluice.server').getServerID())
  end
  local method = options.ipEncryptMethod or 'legacy'
  if method ~= 'legacy' and method ~= 'ipcrypt-pfx' then
    check.fail('%s: addresses can be encrypted by the methods "legacy" and "ipcrypt-pfx"', what)
  end
  if options.ipEncryptKey and options.ipEncryptKey ~= '' then
    local key = check.string(options.ipEncryptKey, 'ipEncryptKey')
    if method == 'legacy' and #key ~= 16 then
      check.fail('%s: ipEncryptKey must have 16 bytes, as makeIPCipherKey() makes them', what)
    elseif method == 'ipcrypt-pfx' and (#key ~= 32 or key:sub(1, 16) == key:sub(17)) then
      check.fail('%s: ipEncryptKey must have 32 bytes, two halves that differ', what)
    end
    add(CIPHER, key)
  end
  each(options.exportTags or {}, 'exportTags', function(tag) add(TAG, tag) end)
  each(options.exportTagsPrefixes or {}, 'exportTagsPrefixes',
    function(prefix) add(PREFIX, prefix) end)
  if options.exportExtendedErrorsToMeta then
    add(ERRORS, check.string(options.exportExtendedErrorsToMeta, 'exportExtendedErrorsToMeta'))
  end
  flags = flags + (options.exportTagsKeyOnly and KEYS_ONLY or 0) +
    (options.exportTagsStripPrefixes and STRIP or 0)
  local names = {}
  for key in pairs(metas or {}) do
    names[#names + 1] = check.string(key, 'the key')
  end
  table.sort(names) -- so that the same policy says the same
  for _, key in ipairs(names) do
    add(META, meta_check(metas[key], what), key)
  end
  return settings, flags
end

-- ---- messages that a function of the policy changes

local ends = {} -- by kind of message: whether one is in the making
local function put(self, kind, value, code, key)
  if ends.message ~= self then
    check.fail('the message is no longer in hand')
  end
  local error = C.sluice_export_item(ITEM[kind], code or 0, key or '', key and #key or 0, value,
    #value)
  if error < 0 then
    failed('the message', error)
  end
end
local pair = ffi.new('uint32_t[2]')
local function put_pair(self, kind, first, second)
  pair[0], pair[1] = check.range(first, 'the seconds', 0, 4294967295),
    check.range(second, 'the rest', 0, 4294967295)
  put(self, kind, ffi.string(pair, 8))
end

local Message = {}
Message.__index = Message
function Message:setTag(tag) put(self, 'tag', check.string(tag, 'the tag')) end
function Message:setTagArray(tags)
  for _, tag in pairs(tags) do
    self:setTag(tag)
  end
end
function Message:setQuestion(question, qtype, qclass)
  question = name.of(question)
  local types = ffi.new('uint16_t[2]', check.range(qtype, 'the type', 0, 65535),
    check.range(qclass, 'the class', 0, 65535))
  put(self, 'question', ffi.string(question.wire, question.length), 0, ffi.string(types, 4))
end
function Message:setBytes(bytes)
  local number = ffi.new('uint64_t[1]', check.range(bytes, 'the size', 0, 2 ^ 53))
  put(self, 'bytes', ffi.string(number, 8))
end
function Message:setTime(first, microseconds) put_pair(self, 'time', first, microseconds) end
function Message:setQueryTime(first, microseconds)
  put_pair(self, 'query_time', first, microseconds)
end
function Message:setResponseCode(rcode)
  put(self, 'rcode', '', check.range(rcode, 'the rcode', 0, 65535))
end
local function address_put(self, kind, value, port)
  local at = address.of(value)
  local key
  if port ~= nil or at.port ~= 0 then
    key = ffi.string(ffi.new('uint16_t[1]',
      port ~= nil and check.range(port, 'the port', 0, 65535) or at.port), 2)
  end
  put(self, kind, ffi.string(at.bytes, at.ipv6 ~= 0 and 16 or 4), 0, key)
end
function Message:setRequestor(value, port) address_put(self, 'requestor', value, port) end
function Message:setResponder(value, port) address_put(self, 'responder', value, port) end
Message.setRequestorFromString, Message.setResponderFromString =
  Message.setRequestor, Message.setResponder
function Message:setServerIdentity(text)
  put(self, 'server', check.string(text, 'the identity'))
end
function Message:setEDNSSubnet(netmask, bits)
  local network = address.newNetmask(netmask, bits):getMaskedNetwork()
  put(self, 'subnet', ffi.string(network.bytes, network.ipv6 ~= 0 and 16 or 4))
end
function Message:addResponseRR(owner, rtype, rclass, ttl, data)
  owner, data = name.of(owner), check.string(data, 'the data')
  local types = ffi.new('uint16_t[2]', check.range(rtype, 'the type', 0, 65535),
    check.range(rclass, 'the class', 0, 65535))
  local life = ffi.new('uint32_t[1]', check.range(ttl, 'the TTL', 0, 4294967295))
  put(self, 'record', data, 0, ffi.string(owner.wire, owner.length) .. ffi.string(types, 4) ..
    ffi.string(life, 4))
end
function Message:setProtobufResponseType(first, microseconds)
  put(self, 'type', '')
  if first ~= nil then
    self:setQueryTime(first, microseconds or 0)
  end
end

local Tap = {}
Tap.__index = Tap
function Tap:setExtra(text) put(self, 'extra', check.string(text, 'the text')) end
function Tap:toString()
  return ('dnstap message of a %s for %s'):format(self.response and 'response' or 'query',
    self.question.qname:toString())
end
Tap.__tostring = Tap.toString

-- The action itself where nothing is changed; else Lua that changes and tells.
local function telling(class, alter, response, made, ...)
  if alter == nil then
    return actions.made(C.sluice_action_export(made), response, ...)
  end
  check.callback(alter, 'function')
  local none = response and constants.DNSResponseAction.None or constants.DNSAction.None
  local reference = driver.register(function(question)
    local message = setmetatable({response = response, question = question}, class)
    C.sluice_export_begin()
    ends.message = message
    alter(question, message)
    ends.message = nil
    C.sluice_export_push(question.handle, made)
    return none
  end)
  return actions.made(C.sluice_action_lua(reference, false), response, ...)
end

function globals.RemoteLogAction(target, alter, options, metas)
  target = is_remote(target, 'RemoteLogAction')
  local settings, flags = remote_settings('RemoteLogAction', options, metas)
  return telling(Message, alter, false,
    form('RemoteLogAction', PROTOBUF, target.number, flags, settings), 'remote log to %s',
    target.title)
end
local told_delay = false
function globals.RemoteLogResponseAction(target, alter, cnames, options, metas, delay)
  if delay and not told_delay then
    told_delay = true
    local text = 'RemoteLogResponseAction: delay has no effect in this version'
    C.sluice_log(2, text, #text)
  end
  target = is_remote(target, 'RemoteLogResponseAction')
  local settings, flags = remote_settings('RemoteLogResponseAction', options, metas)
  return telling(Message, alter, true, form('RemoteLogResponseAction', PROTOBUF, target.number,
    flags + (cnames and CNAMES or 0), settings), 'remote log response to %s', target.title)
end
local function tap_action(what, response, text)
  return function(identity, target, alter)
    identity = check.string(identity, 'the identity')
    target = is_logger(target, what)
    return telling(Tap, alter, response,
      form(what, DNSTAP, target.number, 0, {{IDENTITY, identity}}), text, target.title)
  end
end
globals.DnstapLogAction = tap_action('DnstapLogAction', false, 'remote log as dnstap to %s')
globals.DnstapLogResponseAction =
  tap_action('DnstapLogResponseAction', true, 'log response as dnstap to %s')

-- ---- copies

local Tee = actions.class()
function Tee:getStats()
  local all, number = {}, 0
  C.sluice_export_stats(self.number, stats)
  local counter = C.sluice_export_counter(number)
  while counter ~= nil do
    all[ffi.string(counter)] = tonumber(stats.copies[number])
    number = number + 1
    counter = C.sluice_export_counter(number)
  end
  return all
end
function Tee:printStats()
  local lines = {}
  for key, value in pairs(self:getStats()) do
    lines[#lines + 1] = ('%s\t%d\n'):format(key, value)
  end
  table.sort(lines)
  return table.concat(lines)
end

function globals.TeeAction(remote, ecs, source, proxy)
  local at = address.of(remote)
  if at.port == 0 then
    at = ffi.new('struct lua_address', at)
    at.port = 53
  end
  local from = source ~= nil and address.of(source) or nil
  local title = at:toStringWithPort() .. (from and ' from ' .. from:toStringWithPort() or '')
  local made = ffi.new('struct lua_export_logger', {kind = COPIES, name = title})
  local number = C.sluice_export_logger(made, at, from)
  if number < 0 then
    failed('TeeAction to ' .. title, number)
  end
  local flags = (ecs and SUBNET or 0) + (proxy and PROXY or 0)
  local object = actions.made(C.sluice_action_export(form('TeeAction', COPY, number, flags, {})),
    false, 'tee to %s', title)
  object.number = number
  return setmetatable(object, Tee)
end

return {globals = globals}
