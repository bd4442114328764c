-- SPDX-License-Identifier: BSD-2-Clause
-- Dynamic blocks: how they are added, what becomes of those that there are, and how they look.
local ffi = require('ffi')
local C = ffi.C
local blocks = require('sluice.blocks')

local HEAD = 'What                      Seconds   Blocks Warning    Action               ' ..
  'eBPF       Reason\n'
equal(showDynBlocks(), HEAD)
equal(next(getDynamicBlocks()), nil)

addDynamicBlock('192.0.2.99', 'too many', DNSAction.Refused, 60, 24)
addDynamicBlock(newCA('[2001:db8::1]:20000'), 'ports', nil, 30, 128, 2)
addDynBlocks({[newCA('198.51.100.7')] = 12}, 'rate', 20, DNSAction.NoOp)
addDynBlockSMT({'Example.ORG', newDNSName('a.test.')}, 'suffix', 15, DNSAction.SetTag,
  {tagName = 'who', tagValue = 'them'})
equal(showDynBlocks(), HEAD .. [[
192.0.2.0/24                   60        0 false      Send Refused         false      too many
198.51.100.7/32                20        0 false      Do nothing           false      rate
[2001:db8::1]:16384/2          30        0 false      Drop                 false      ports
a.test.                        15        0 false      Set Tag              false      suffix
example.org.                   15        0 false      Set Tag              false      suffix
]])
local block = getDynamicBlocks()['192.0.2.0/24']
equal(block.reason, 'too many')
equal(block.action, DNSAction.Refused)
equal(block.blocks, 0)
equal(block.warning, false)
equal(block.bpf, false)
equal(math.abs(block['until'].tv_sec - os.time() - 60) <= 2, true)
equal(block['until'].tv_nsec >= 0 and block['until'].tv_nsec < 1e9, true)
equal(getDynamicBlocks()['[2001:db8::1]:16384/2'].action, DNSAction.Drop)
equal(getDynamicBlocksSMT()['example.org.'].domain, newDNSName('example.org'))
equal(getDynamicBlocksSMT()['192.0.2.0/24'], nil)

setDynBlocksAction(DNSAction.Nxdomain)
equal(getDynamicBlocks()['[2001:db8::1]:16384/2'].action, DNSAction.Nxdomain)
setDynBlocksPurgeInterval(5)
raises('setDynBlocksAction takes', setDynBlocksAction, DNSAction.SetTag)
raises('setDynBlocksAction takes', setDynBlocksAction, DNSAction.None)
raises('dynamic blocks can', setDynBlocksAction, DNSAction.Pool)
raises('dynamic blocks can', addDynamicBlock, '192.0.2.1', 'x', DNSAction.ServFail)
raises('needs tagName', addDynamicBlock, '192.0.2.1', 'x', DNSAction.SetTag)
raises('unknown key "tag"', addDynamicBlock, '192.0.2.1', 'x', nil, 10, 32, 0, {tag = 'x'})
raises('a port mask is for whole addresses', addDynamicBlock, '192.0.2.1', 'x', nil, 10, 24, 2)
raises('the number of bits', addDynamicBlock, '192.0.2.1', 'x', nil, 10, 33)
raises('the port mask', addDynamicBlock, '192.0.2.1', 'x', nil, 10, 32, 17)
raises('the seconds', addDynamicBlock, '192.0.2.1', 'x', nil, -1)
raises('is not a netmask', addDynamicBlock, 'nobody', 'x')
raises('is not a domain name', addDynBlockSMT, {'a..b'}, 'x')
raises('a table whose keys', addDynBlocks, '192.0.2.1', 'x')

-- One at a time, as it is shown, and by what it is of.
equal(sluice.removeDynBlock('192.0.2.77/24'), true)
equal(sluice.removeDynBlock('192.0.2.77/24'), false)
equal(sluice.removeDynBlock('198.51.100.7'), true)
equal(sluice.removeDynBlock('2001:db8::1'), false)
equal(sluice.removeDynBlock('2001:db8::1/128'), false)
equal(sluice.removeDynBlock('[2001:db8::1]:16384/2'), true)
equal(sluice.removeDynBlock(newDNSName('A.test')), true)
equal(next(getDynamicBlocks()), nil)
clearDynBlocks()
equal(showDynBlocks(), HEAD)

-- What others add: whether it is new, and whether anything is other than it was.
local function added(...)
  return tostring((...)) .. ' ' .. tostring((select(2, ...)))
end
equal(added(blocks.add_client('192.0.2.1', 'warned', 60, DNSAction.Drop, true)), 'true true')
equal(getDynamicBlocks()['192.0.2.1/32'].warning, true)
equal(getDynamicBlocks()['192.0.2.1/32'].action, DNSAction.NoOp)
equal(added(blocks.add_client('192.0.2.1', 'blocked', 30, DNSAction.Drop, false)), 'true true')
equal(added(blocks.add_client('192.0.2.1', 'shorter', 10, DNSAction.Drop, false)), 'false false')
equal(added(blocks.add_client('192.0.2.1', 'warned', 90, DNSAction.Drop, true)), 'false false')
equal(added(blocks.add_client('192.0.2.1', 'longer', 40, DNSAction.Drop, false)), 'false true')
equal(added(blocks.add_client(newNetmask('192.0.2.1/31'), 'net', 40)), 'true true')
equal(added(blocks.add_suffix('example.com', 'name', 40)), 'true true')
equal(added(blocks.add_suffix('.', 'all', 40)), 'true true')
blocks.say()
equal(getDynamicBlocks()['192.0.2.1/32'].reason, 'longer')
equal(getDynamicBlocksSMT()['.'].reason, 'all')
C.test_turn(39000)
equal(getDynamicBlocks()['192.0.2.1/32'].reason, 'longer')
C.test_turn(40001)
equal(next(getDynamicBlocks()), nil)
equal(next(getDynamicBlocksSMT()), nil)
equal(added(blocks.add_client('192.0.2.1', 'warned', 1, nil, true)), 'true true')
clearDynBlocks()

-- dnsdist's FFI.
local list = ffi.new('dnsdist_ffi_dynamic_blocks_list_t *[1]')
equal(C.dnsdist_ffi_dynamic_blocks_add('192.0.2.1:20000', 'why', DNSAction.Drop, 60, 32, 2, nil,
  nil), true)
equal(C.dnsdist_ffi_dynamic_blocks_add('192.0.2.1', 'why', DNSAction.SetTag, 60, 24, 0, 'k', 'v'),
  true)
equal(C.dnsdist_ffi_dynamic_blocks_add('192.0.2.1', 'why', DNSAction.Drop, 60, 24, 2, nil, nil),
  false)
equal(C.dnsdist_ffi_dynamic_blocks_add('192.0.2.1', 'why', DNSAction.Pool, 60, 32, 0, nil, nil),
  false)
equal(C.dnsdist_ffi_dynamic_blocks_add('x', 'why', DNSAction.Drop, 60, 24, 0, nil, nil), false)
equal(C.dnsdist_ffi_dynamic_blocks_add(nil, nil, DNSAction.Drop, 60, 24, 0, nil, nil), false)
equal(C.dnsdist_ffi_dynamic_blocks_smt_add('Bad.example', nil, DNSAction.Refused, 60, nil, nil),
  true)
equal(C.dnsdist_ffi_dynamic_blocks_smt_add('a..b', '', DNSAction.Refused, 60, nil, nil), false)
equal(tonumber(C.dnsdist_ffi_dynamic_blocks_get_entries(list)), 2)
local keys = {}
for index = 0, 1 do
  local entry = C.dnsdist_ffi_dynamic_blocks_list_get(list[0], index)
  keys[ffi.string(entry.key)] = entry.action
  equal(ffi.string(entry.reason), 'why')
  equal(tonumber(entry.remainingTime) <= 60, true)
  equal(entry.ebpf or entry.warning, false)
end
equal(keys['192.0.2.1:16384/2'], DNSAction.Drop)
equal(keys['192.0.2.0/24'], DNSAction.SetTag)
equal(C.dnsdist_ffi_dynamic_blocks_list_get(list[0], 2), nil)
equal(C.dnsdist_ffi_dynamic_blocks_list_get(nil, 0), nil)
C.dnsdist_ffi_dynamic_blocks_list_free(list[0])
equal(tonumber(C.dnsdist_ffi_dynamic_blocks_smt_get_entries(list)), 1)
equal(ffi.string(C.dnsdist_ffi_dynamic_blocks_list_get(list[0], 0).key), 'bad.example.')
C.dnsdist_ffi_dynamic_blocks_list_free(list[0])
C.dnsdist_ffi_dynamic_blocks_list_free(nil)

-- More than anybody reads: some are shown, and none are listed in part.
clearDynBlocks()
for number = 1, 5001 do
  blocks.add_client(('10.%d.%d.1'):format(number / 256, number % 256), 'many', 60)
end
equal(select(2, showDynBlocks():gsub('many\n', '')), 5000)
equal(showDynBlocks():match('5000 of 5001\n$'), '5000 of 5001\n')
raises('too many to list', getDynamicBlocks)
equal(next(getDynamicBlocksSMT()), nil)
clearDynBlocks()
equal(showDynBlocks(), HEAD)
