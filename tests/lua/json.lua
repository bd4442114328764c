-- SPDX-License-Identifier: BSD-2-Clause
-- What the REST interface says and is told.
local json = require('sluice.json')

equal(json.encode({}), '{}')
equal(json.encode(json.array()), '[]')
equal(json.encode({b = json.array({1, 2.5, true}), a = {c = 'x'}}),
  '{"a": {"c": "x"}, "b": [1, 2.5, true]}')
equal(json.encode('a "b"\\\n\0\255'), '"a \\"b\\"\\\\\\n\\u0000\\u00ff"')
equal(json.encode(json.array({0 / 0, math.huge, 2 ^ 40})), '[null, null, 1099511627776]')

local function strings(text)
  local found = json.strings(text, 'value')
  return found and table.concat(found, '|')
end
equal(strings('{"value": ["10.0.0.0/8", "::/0"]}'), '10.0.0.0/8|::/0')
equal(strings(' { "value" : [ "a" ,"b" ] } \n'), 'a|b')
equal(strings('{"value": []}'), '')
-- Beside others, as dnsdist's own documents are.
equal(strings('{"name": "allow-from", "type": "ConfigSetting", "value": ["a", "b"]}'), 'a|b')
equal(strings([=[{"value":["a"],"x":{"value":["y"],"z":[1,-2.5e3,true,false,null,{},[]]},
  "\u00e9\"":"\n"}]=]), 'a')
equal(strings('{"x": ' .. ('['):rep(15) .. (']'):rep(15) .. ', "value": ["a"]}'), 'a')
equal(strings('{"x": ' .. ('['):rep(16) .. (']'):rep(16) .. ', "value": ["a"]}'), nil)
for _, wrong in ipairs({'', '[]', '{"value": "a"}', '{"value": ["a"', '{"value": ["a"]',
  '{"value": ["a",]}',
  '{"value": ["a" "b"]}', '{"value": ["a\\"b"]}', '{"value": ["a"]} x', '{"other": ["a"]}',
  '{"value": [1]}', '{"x": [1,], "value": ["a"]}', '{"x": "\\q", "value": ["a"]}',
  '{"x" "value": ["a"]}',
  '{"x": nul, "value": ["a"]}', '{"x": {"y"}, "value": ["a"]}', '{"x": ["a"], "value": ["a"]',
  '{"value": ["a"],}', '{"x": "value", "y": ["a"]}'}) do
  equal(strings(wrong), nil)
end
-- In time that grows with the length alone.
equal(strings('{"value": ' .. ('['):rep(60000)), nil)
equal(#strings('{"value": ["a"' .. (',"a"'):rep(15000) .. ']}'), 30001)
equal(strings('{"value": [' .. (' '):rep(60000)), nil)
equal(strings('{"value": ["a"' .. (' '):rep(60000) .. ',' .. ('"'):rep(60000)), nil)
