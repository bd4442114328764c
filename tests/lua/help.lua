-- SPDX-License-Identifier: BSD-2-Clause
-- Each function that is there has its line, each line its function, and docs/functions.md has them.
-- SLUICE_WRITE=1 in the environment writes that page anew.
local help = require('sluice.help')
local entries = help.entries()
local ours = {'^@lua/', 'lua/unsupported%.lua$'}

local missing = {}
local function look(prefix, list)
  for name, value in pairs(list) do
    local source = type(value) == 'function' and debug.getinfo(value, 'S').source or ''
    local entry = entries[(prefix .. name):lower()]
    if source:find(ours[1]) and not source:find(ours[2]) and name ~= 'tostring' and
        (entry == nil or entry.name ~= prefix .. name) then
      missing[#missing + 1] = prefix .. name
    end
  end
end
look('', _G)
look('sluice.', sluice)
assert(#missing == 0, 'lua/help.lua says nothing of ' .. table.concat(missing, ' '))

for _, entry in pairs(entries) do
  local member = entry.name:match('^sluice%.(.*)')
  local value = member and sluice[member] or _G[entry.name]
  assert(type(value) == 'function' and not debug.getinfo(value, 'S').source:find(ours[2]),
    ('lua/help.lua tells of %s, which is not there'):format(entry.name))
end

equal(help.help('RDRule'), 'RDRule() -- recursion is desired\n')
equal(help.help('rdrule()'), 'RDRule() -- recursion is desired\n')
equal(help.help('suspended'), help.help('sluice.suspended'))
equal(help.help('mvCacheMissRuleToTop'),
  'mvCacheMissRuleToTop() -- moves the last rule for queries that the cache cannot answer to ' ..
  'the front\n')
equal(select(2, help.help('Metric'):gsub('\n', '\n')), 5)
assert(help.help():find('\n# Selectors\nAllRule() -- every packet\n', 1, true))
raises('there is no function "newThread"', function() help.help('newThread') end)

local path = (os.getenv('SLUICE_SOURCE') or '.') .. '/docs/functions.md'
if os.getenv('SLUICE_WRITE') then
  local file = assert(io.open(path, 'w'))
  file:write(help.document())
  file:close()
end
local file = assert(io.open(path))
assert(file:read('*a') == help.document(), 'docs/functions.md is not what lua/help.lua says: ' ..
  'run this test with SLUICE_WRITE=1')
file:close()
