-- SPDX-License-Identifier: BSD-2-Clause
-- What was entered at the console and changed the policy, since the policy file was read.
local ffi = require('ffi')
local check = require('sluice.check')
local C = ffi.C
check.own()

local delta = {}
local LINES = 1000 -- the last ones
local lines, first = {}, 1
local date = os.date

-- Runs `enter`, and remembers `text` if that changed something, be it before an error.
function delta.watch(text, enter, ...)
  local before = C.sluice_policy_changes()
  local ok, message = enter(...)
  if C.sluice_policy_changes() ~= before then
    lines[#lines + 1] = date('-- %a %b %d %Y %H:%M:%S %Z\n') .. text .. '\n'
    if #lines - first >= LINES then
      lines[first], first = '', first + 1
    end
  end
  return ok, message
end

function delta.delta() return table.concat(lines, '', first) end

return delta
