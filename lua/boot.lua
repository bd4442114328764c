-- SPDX-License-Identifier: BSD-2-Clause
-- Makes the globals of a policy. ffi.cdef() has had control/lua/cdef*.h; the modules are found as
-- sluice.<name>. Returns the functions that C calls: lua/driver.lua.
local ffi = require('ffi')
local check = require('sluice.check')
check.own()
if ffi.C.sluice_guarded() then
  require('jit').off() -- so that errors know their lines
end
require('sluice.guard')

local SHARED = [[lua_question lua_batch lua_datagram lua_mailbox lua_name lua_address lua_prefix
  lua_bytes lua_tag lua_header lua_facts lua_object lua_view lua_option lua_record lua_soa
  lua_reply_options lua_list_options lua_lookup
  lua_list_status lua_server lua_server_tcp lua_listener_tcp lua_health lua_server_view lua_check
  lua_rule lua_cache_options lua_cache_stats lua_bench lua_block lua_recent lua_suffix
  lua_group_column lua_group_client
  lua_export lua_export_setting lua_export_logger lua_export_stats
  dnsdist_ffi_ednsoption dnsdist_ffi_tag dnsdist_ffi_raw_value]]

local index = 0
for name in SHARED:gmatch('%S+') do
  local theirs, own = tonumber(ffi.C.sluice_sizeof(index)), ffi.sizeof('struct ' .. name)
  if theirs ~= own then
    error(('struct %s has %d bytes in C and %d in Lua'):format(name, theirs, own))
  end
  index = index + 1
end

local globals = _G
local function install(list, ...)
  local hidden = check.keys(...)
  for name, value in pairs(list) do
    if not hidden[name] then
      globals[name] = value
    end
  end
end

install(require('sluice.constants'))
install(require('sluice.name'), 'parse', 'is', 'of', 'is_set', 'is_node')
install(require('sluice.address'), 'parse', 'is', 'of', 'is_group', 'is_netmask', 'array',
  'group_remove')
install(require('sluice.packet'))
install(require('sluice.selectors').globals)
install(require('sluice.actions').globals)
install(require('sluice.export').globals)
install(require('sluice.chains'), 'each_chain')
install(require('sluice.server'))
install(require('sluice.tcp').globals)
install(require('sluice.servers'), 'wrap', 'is', 'number', 'pointer', 'where', 'rates')
install(require('sluice.balancing'))
install(require('sluice.cache').globals)
install(require('sluice.metrics'), 'each_statistic', 'each_sample')
install(require('sluice.svcb'))
install(require('sluice.binds'))
install(require('sluice.recent').globals)
install(require('sluice.tops'))
install(require('sluice.counts'))
install(require('sluice.async'))
install(require('sluice.lists').globals)
install(require('sluice.interfaces'))
install(require('sluice.delta'), 'watch')
install(require('sluice.web').globals)
install(require('sluice.carbon'))
install(require('sluice.stores'), 'is', 'selector', 'action')
install(require('sluice.blocks').globals)
install(require('sluice.groups').globals)
for _, module in ipairs({'lists', 'selectors', 'actions', 'cache', 'blocks'}) do
  for name, value in pairs(require('sluice.' .. module).sluice) do
    globals.sluice[name] = value
  end
end
globals.help = require('sluice.help').help
require('sluice.unsupported').install(globals)

-- LuaJIT does not compile tostring() of its own for our objects; through a method it does.
local plain, name, address = tostring, require('sluice.name'), require('sluice.address')
function globals.tostring(...)
  local value = ...
  if type(value) == 'cdata' and (name.is(value) or address.is(value)) then
    return value:toString()
  end
  return plain(...)
end

local driver = require('sluice.driver')
globals.addMaintenanceCallback = driver.addMaintenanceCallback
globals.addExitCallback = driver.addExitCallback
globals.addServerStateChangeCallback = driver.addServerStateChangeCallback

-- The lines of a policy run once each: what they call would be compiled for the line that calls
-- it, and for the next one anew, and at last be given up for good. So only what is run much more
-- often is compiled until the policy is read.
local READING, RUNNING = 'hotloop=20000', 'hotloop=56'
require('jit.opt').start(READING)
function driver.settle()
  require('sluice.part').settle()
  require('jit.opt').start(RUNNING)
  require('jit').flush()
  check.recompile()
end

return driver
