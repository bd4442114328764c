-- SPDX-License-Identifier: BSD-2-Clause
-- The web server as policies see it: who may ask for what, and functions that answer.
local ffi = require('ffi')
local bit = require('bit')
local address = require('sluice.address')
local check = require('sluice.check')
local driver = require('sluice.driver')
local C = ffi.C
check.own()

local web = {globals = {}}
local globals = web.globals

-- ---- settings

local settings = {stats = true, api = true, dashboard = true, connections = 32}
web.settings = settings

function globals.hashPassword(password, work)
  password = check.string(password, 'the password')
  local text = ffi.new('char[160]')
  local result = C.sluice_password_hash(password, #password,
    check.range(work or 1024, 'the work factor', 2, 65536), text)
  if result == -22 then
    check.fail('hashPassword: the work factor must be a power of two')
  elseif result < 0 then
    check.fail('hashPassword: no randomness or no memory')
  end
  return ffi.string(text)
end

local function secret_of(value, what, hash)
  value = check.string(value, what)
  if value == '' then
    return nil -- nobody has it any more
  end
  if value:find('^%$scrypt%$') and not C.sluice_password_is_hash(value, #value) then
    check.fail('setWebserverConfig: %s is no hash, or one that takes too long to check', what)
  end
  return hash and not C.sluice_password_is_hash(value, #value) and globals.hashPassword(value) or
    value
end

local function acl_of(value)
  local list = {}
  for mask in (type(value) == 'table' and table.concat(value, ',') or
      check.string(value, 'acl')):gmatch('[^,%s]+') do
    list[#list + 1] = mask
  end
  return address.newNMG(list)
end

local function headers_of(value)
  local list = {}
  if type(value) ~= 'table' then
    check.fail('setWebserverConfig: customHeaders must be a table, not %s', type(value))
  end
  for name, text in pairs(value) do
    name, text = check.string(name, 'the header'), check.string(text, 'the header')
    if not name:find('^[%w!#$%%&\'*+.^_`|~-]+$') or text:find('%c') then
      check.fail('setWebserverConfig: "%s" is no header', name)
    end
    list[name] = text
  end
  return list
end

local function truth(value, what)
  if type(value) ~= 'boolean' then
    check.fail('setWebserverConfig: %s must be true or false, not %s', what, type(value))
  end
  return value
end

local config_keys = check.keys('password', 'apiKey', 'acl', 'statsRequireAuthentication',
  'apiRequiresAuthentication', 'dashboardRequiresAuthentication', 'customHeaders',
  'allowCrossOriginRequests', 'prometheusAddInstanceLabel', 'maxConcurrentConnections',
  'hashPlaintextCredentials')
local switches = {statsRequireAuthentication = 'stats', apiRequiresAuthentication = 'api',
  dashboardRequiresAuthentication = 'dashboard', allowCrossOriginRequests = 'cross'}

-- Whether they are for everybody: C goes by it where Lua cannot answer.
local function metrics_are_open()
  local acl = settings.acl and ', ' .. settings.acl:toString() .. ','
  return not (settings.stats and (settings.password or settings.key)) and (not acl or
    acl:find(', 0.0.0.0/0,', 1, true) and acl:find(', ::/0,', 1, true) and not acl:find('!'))
end

function globals.setWebserverConfig(options)
  C.sluice_web_metrics_open(false) -- in case it comes to no end
  options = check.options(options, 'setWebserverConfig', config_keys)
  local hash = options.hashPlaintextCredentials
  settings.acl = settings.acl or acl_of('127.0.0.1, ::1')
  if options.password ~= nil then
    settings.password = secret_of(options.password, 'password', hash)
  end
  if options.apiKey ~= nil then
    settings.key = secret_of(options.apiKey, 'apiKey', hash)
  end
  if options.acl ~= nil then
    settings.acl = acl_of(options.acl)
  end
  if options.customHeaders ~= nil then
    settings.headers = headers_of(options.customHeaders)
  end
  for name, key in pairs(switches) do
    if options[name] ~= nil then
      settings[key] = truth(options[name], name)
    end
  end
  C.sluice_web_metrics_open(metrics_are_open() and true or false)
end

function globals.setAPIWritable(writable, folder)
  settings.writable = truth(writable, 'the first argument')
  settings.folder = folder ~= nil and check.string(folder, 'the folder') or nil
end

local function answer(value) return value and 'yes' or 'no' end

function globals.showWebserverConfig()
  local lines = {'Current web server configuration:',
    'ACL: ' .. (settings.acl and settings.acl:toString() or 'everybody'),
    'Custom headers: ' .. (settings.headers and '' or 'None')}
  for name, value in pairs(settings.headers or {}) do
    lines[#lines + 1] = ' - ' .. name .. ': ' .. value
  end
  for _, row in ipairs({{'API requires authentication: ', answer(settings.api)},
    {'Dashboard requires authentication: ', answer(settings.dashboard)},
    {'Statistics require authentication: ', answer(settings.stats)},
    {'Password: ', settings.password and 'set' or 'unset'},
    {'API key: ', settings.key and 'set' or 'unset'},
    {'API writable: ', answer(settings.writable)},
    {'API configuration directory: ', settings.folder or ''},
    {'Maximum concurrent connections: ', settings.connections}}) do
    lines[#lines + 1] = row[1] .. row[2]
  end
  return table.concat(lines, '\n') .. '\n'
end

-- ---- functions of policies

local handlers = {}

function globals.registerWebHandler(path, handler)
  path = check.string(path, 'the path')
  if path:sub(1, 1) ~= '/' then
    check.fail('registerWebHandler: the path "%s" does not begin with "/"', path)
  end
  handlers[path] = check.callback(handler, 'handler')
end

-- ---- who may ask

local ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'

-- The bytes of base64; nil: it is none.
local function base64(text)
  local bytes, bits, count = {}, 0, 0
  for letter in text:gsub('=*$', ''):gmatch('.') do
    local at = ALPHABET:find(letter, 1, true)
    if not at then
      return nil
    end
    bits, count = bit.bor(bit.lshift(bits, 6), at - 1), count + 6
    if count >= 8 then
      count = count - 8
      bytes[#bytes + 1] = string.char(bit.band(bit.rshift(bits, count), 255))
    end
  end
  return table.concat(bytes)
end

local function matches(wanted, given)
  if not wanted or not given then
    return false
  end
  C.sluice_progress() -- a hash takes milliseconds, and there may be two to be checked
  return C.sluice_password_try(wanted, #wanted, given, #given)
end

local function has_password(request)
  local text = (request.headers.authorization or ''):match('^[Bb]asic +(%S+)$')
  text = text and base64(text)
  return matches(settings.password, text and text:match('^[^:]*:(.*)$'))
end

local function has_key(request) return matches(settings.key, request.headers['x-api-key']) end

local function is_allowed(request)
  local path = request.path
  local is_api, is_stats = path:find('^/api/') ~= nil, path == '/metrics' or path == '/jsonstat'
  if not settings.password and not settings.key then -- a secret of nobody's
    return path == '/metrics' or request.here or
      not settings[is_api and 'api' or is_stats and 'stats' or 'dashboard']
  elseif is_api then
    return not settings.api or has_key(request) or
      (path == '/api/v1/servers/localhost' and has_password(request))
  elseif is_stats then
    return not settings.stats or has_key(request) or has_password(request)
  end
  return not settings.dashboard or has_password(request)
end

-- ---- a request

local KINDS = {[0] = 'headers', 'getvars'}

local function bytes_of(bytes) return ffi.string(bytes.data, bytes.length) end

local function unescape(text)
  return (text:gsub('+', ' '):gsub('%%(%x%x)', function(hex)
    return string.char(tonumber(hex, 16))
  end))
end

local function request_read()
  local from = C.sluice_web_request()
  local request = {path = bytes_of(from.path), method = bytes_of(from.method), version = 11,
    body = bytes_of(from.body), client = ffi.new('struct lua_address', from.client),
    here = from.here ~= 0, headers = {}, getvars = {}, postvars = {}}
  for index = 0, from.count - 1 do
    local pair = from.pairs[index]
    local key = bytes_of(pair.key)
    request[KINDS[pair.kind]][pair.kind == 0 and key:lower() or key] = bytes_of(pair.value)
  end
  if (request.headers['content-type'] or ''):find('^application/x%-www%-form%-urlencoded') then
    for part in request.body:gmatch('[^&]+') do
      local key, value = part:match('^([^=]*)=?(.*)$')
      request.postvars[unescape(key)] = unescape(value)
    end
  end
  return request
end

local SECURITY = {
  ['X-Content-Type-Options'] = 'nosniff', ['X-Frame-Options'] = 'deny',
  ['X-Permitted-Cross-Domain-Policies'] = 'none', ['X-XSS-Protection'] = '1; mode=block',
  ['Content-Security-Policy'] = "default-src 'self'; style-src 'self' 'unsafe-inline'",
}

local function cross(request, response)
  local origin = request.headers.origin
  if not origin or not settings.cross then
    return
  end
  local headers = response.headers
  headers['Access-Control-Allow-Origin'] = origin
  if request.method == 'OPTIONS' then
    headers['Access-Control-Allow-Methods'] = settings.writable and 'GET, PUT' or 'GET'
    headers['Access-Control-Allow-Headers'] = 'Content-Type, X-API-Key'
    headers['Access-Control-Max-Age'] = '86400'
  end
end

local WRITES = {PUT = '/api/v1/servers/localhost/config/allow-from', DELETE = '/api/v1/cache'}

local function is_method(request)
  local method = request.method
  if handlers[request.path] then
    return true
  elseif request.path == WRITES.DELETE then
    return method == 'DELETE'
  elseif method == 'PUT' then
    return settings.writable and request.path == WRITES.PUT
  end
  return method == 'GET' or method == 'HEAD'
end

local function refuse(response)
  response.status = 403 -- unless there is something to be told
  if settings.password or settings.key then
    response.status, response.body = 401, '<h1>Unauthorized</h1>'
    response.headers['WWW-Authenticate'] = 'Basic realm="Sluice"'
    response.headers['Content-Type'] = 'text/html'
  end
end

-- Status 0: what it is about is not Lua's.
local function answer_of(request, response)
  if settings.acl and not settings.acl:match(request.client) then
    response.status = 403
  elseif request.method == 'OPTIONS' then
    response.status = 200
  elseif not is_allowed(request) then
    refuse(response)
  elseif not is_method(request) then
    response.status = 405
  elseif handlers[request.path] then
    handlers[request.path](request, response)
    check.range(response.status, 'the status', 100, 599)
  else
    require('sluice.api').answer(request, response)
  end
end

local function give(response)
  for name, value in pairs(response.headers) do
    name, value = tostring(name), tostring(value)
    if not (name .. value):find('[%c]') then
      C.sluice_web_header(name, value)
    end
  end
  local body = tostring(response.body)
  C.sluice_web_answer(check.range(response.status, 'the status', 0, 599), body, #body)
end

-- A header of the policy's takes the place of ours, whatever its case; one without a value is left
-- out.
local function headers_add(headers, given)
  for name, value in pairs(given) do
    for known in pairs(headers) do
      if known:lower() == name:lower() then
        headers[known] = nil
      end
    end
    headers[name] = value ~= '' and value or nil
  end
end

local function serve()
  local request, response = request_read(), {status = 200, body = '', headers = {}}
  for name, value in pairs(SECURITY) do
    response.headers[name] = value
  end
  headers_add(response.headers, settings.headers or {})
  cross(request, response)
  answer_of(request, response)
  give(response)
end

-- One that is not answered is the server's error.
function driver.web()
  driver.guarded(serve)
end

return web
