-- SPDX-License-Identifier: BSD-2-Clause
equal(declareMetric('custom-queries', 'counter', 'Queries of ours'), true)
equal(declareMetric('custom-queries', 'counter', 'Queries of ours'), true) -- as when reloaded
equal(incMetric('custom-queries'), 1)
equal(incMetric('custom-queries', 10), 11)
equal(decMetric('custom-queries', {step = 3}), 8)
equal(getMetric('custom-queries'), 8)

declareMetric('load', 'gauge', 'How much', 'our_load')
equal(setMetric('load', 0.25), 0.25)
equal(getMetric('load'), 0.25)
equal(setMetric('load', -3), -3)

declareMetric('by-kind', 'counter', 'By kind', {name = 'our_kinds', withLabels = true})
equal(incMetric('by-kind', {labels = {kind = 'a', more = 'x"\\\n'}}), 1)
equal(incMetric('by-kind', {step = 4, labels = {more = 'x"\\\n', kind = 'a'}}), 5)
equal(incMetric('by-kind', {labels = {kind = 'b'}}), 1)
equal(getMetric('by-kind', {labels = {kind = 'b'}}), 1)

raises('the name is not valid', function() declareMetric('Upper', 'counter', 'x') end)
raises('the name is not valid', function() declareMetric('ok', 'counter', 'x', 'not valid') end)
raises('sluice_ are its own', function() declareMetric('ok', 'gauge', 'x', 'sluice_in_hand') end)
raises('neither counter nor gauge', function() declareMetric('ok', 'histogram', 'x') end)
raises('in another way already', function() declareMetric('load', 'counter', 'x') end)
raises('in another way already', function() declareMetric('other', 'gauge', 'x', 'our_load') end)
raises('there is no counter "load"', function() incMetric('load') end)
raises('there is no gauge "custom-queries"', function() setMetric('custom-queries', 1) end)
raises('there is no metric "none"', function() getMetric('none') end)
raises('with labels and is used without', function() incMetric('by-kind') end)
raises('with labels and is used without', function()
  incMetric('custom-queries', {labels = {a = 'b'}})
end)
raises('no name of a label', function() incMetric('by-kind', {labels = {['a b'] = 'c'}}) end)
raises('the step must be between', function() incMetric('custom-queries', -1) end)

local C = require('ffi').C
local function call(name, metric, ...)
  return C['dnsdist_ffi_metric_' .. name](metric, #metric, ...)
end
equal(call('declare', 'from-ffi', 'counter', 'x', nil), true)
equal(call('declare', 'from-ffi', 'gauge', 'x', nil), false)
call('inc', 'from-ffi')
call('inc_by', 'from-ffi', 6)
call('dec', 'from-ffi')
call('inc', 'nobody')
call('set', 'from-ffi', 99)
equal(call('get', 'from-ffi', true), 6)
equal(call('get', 'from-ffi', false), 0)
call('set', 'load', 1.5)
equal(getMetric('load'), 1.5)
equal(type(getStatisticsCounters()), 'table')

-- Bytes that Prometheus could not read are written as in names.
declareMetric('by-bytes', 'counter', 'x', {withLabels = true})
local function count(bytes) return getMetric('by-bytes', {labels = {a = bytes}}) end
for _, bytes in ipairs({'x\0y', '\255', 'a\195', '\237\160\128', '\195\169', '\240\159\146\169'}) do
  incMetric('by-bytes', {labels = {a = bytes}})
end
equal(count('x'), 0)
equal(count('x\\000y'), 1)
equal(count('\\255'), 1)
equal(count('a\\195'), 1)
equal(count('\\237\\160\\128'), 1)
equal(count('\\195\\169'), 0)
equal(count('\195\169'), 1)
equal(count('\240\159\146\169'), 1)
