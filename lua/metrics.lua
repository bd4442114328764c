-- SPDX-License-Identifier: BSD-2-Clause
-- Metrics that a policy declares, and what is counted anyway.
local ffi = require('ffi')
local check = require('sluice.check')
local C = ffi.C
check.own()

local metrics = {}
local COUNTER, GAUGE = 0, 1
local KINDS = {counter = COUNTER, gauge = GAUGE}
local REASONS = {
  [1] = 'names that begin with sluice_ are its own', [17] = 'it is declared in another way already',
  [22] = 'the name is not valid', [28] = 'there are too many', [12] = 'no memory',
}

local declare_keys = check.keys('name', 'withLabels')
function metrics.declareMetric(name, kind, description, options)
  name, kind = check.string(name, 'the name'), check.string(kind, 'the type')
  description = check.string(description, 'the description')
  if not KINDS[kind] then
    check.fail('declareMetric: "%s" is neither counter nor gauge', kind)
  end
  options = type(options) == 'string' and {name = options} or
    check.options(options, 'declareMetric', declare_keys)
  local given = options.name ~= nil and check.string(options.name, 'the name') or nil
  local result = C.sluice_metric_declare(name, KINDS[kind] == GAUGE, description, given,
    options.withLabels == true)
  if result < 0 then
    check.fail('declareMetric: the metric "%s": %s', name, REASONS[-result] or 'it is not possible')
  end
  return true
end

local ESCAPES = {['\\'] = '\\\\', ['"'] = '\\"', ['\n'] = '\\n', ['\0'] = '\\\\000'}

-- One byte that is no UTF-8 would cost the reader all metrics: those are written as in names, \255.
local function utf8_of(text)
  local parts, at = {}, text:find('[\128-\255]')
  if not at then
    return text
  end
  local from = 1
  while at do
    local length = tonumber(C.sluice_utf8_length(text, #text, at - 1))
    local found = length > 0 and text:sub(at, at + length - 1)
    parts[#parts + 1] = text:sub(from, at - 1) .. (found or ('\\\\%03d'):format(text:byte(at)))
    from = at + (found and length or 1)
    at = text:find('[\128-\255]', from)
  end
  return table.concat(parts) .. text:sub(from)
end

-- As Prometheus has them, in the order of their names.
local function labels_of(labels)
  if labels == nil then
    return ''
  elseif type(labels) ~= 'table' then
    check.fail('the labels must be a table')
  end
  local texts = {}
  for name, value in pairs(labels) do
    if type(name) ~= 'string' or not name:match('^[%a_][%w_]*$') then
      check.fail('"%s" is no name of a label', tostring(name))
    end
    value = check.string(value, 'the label ' .. name):gsub('[\\"%z\n]', ESCAPES)
    texts[#texts + 1] = ('%s="%s"'):format(name, utf8_of(value))
  end
  table.sort(texts)
  return table.concat(texts, ',')
end

local value = ffi.new('double[1]')

local function fail(what, name, result)
  if result == -22 then
    check.fail('%s: the metric "%s" was declared with labels and is used without, or the reverse',
      what, name)
  end
  check.fail('%s: the metric "%s": %s', what, name, REASONS[-result] or 'it is not possible')
end

local function expect(what, name, kind)
  local found = C.sluice_metric_kind(name, #name)
  if found < 0 or (kind and found ~= kind) then
    check.fail('%s: there is no %s "%s"', what,
      kind == COUNTER and 'counter' or kind == GAUGE and 'gauge' or 'metric', name)
  end
end

local step_keys = check.keys('step', 'labels')
local function adder(what, sign)
  return function(name, options)
    name = check.string(name, 'the name')
    expect(what, name, COUNTER)
    options = type(options) == 'table' and check.options(options, what, step_keys) or
      {step = options}
    local step = check.range(options.step or 1, 'the step', 0, 2 ^ 53)
    local result = C.sluice_metric_add(name, #name, labels_of(options.labels), sign * step, value)
    if result < 0 then
      fail(what, name, result)
    end
    return value[0]
  end
end
metrics.incMetric, metrics.decMetric = adder('incMetric', 1), adder('decMetric', -1)

local label_keys = check.keys('labels')
function metrics.setMetric(name, now, options)
  name = check.string(name, 'the name')
  expect('setMetric', name, GAUGE)
  now = tonumber(now) or check.fail('setMetric: the value must be a number')
  options = check.options(options, 'setMetric', label_keys)
  local result = C.sluice_metric_set(name, #name, labels_of(options.labels), now)
  if result < 0 then
    fail('setMetric', name, result)
  end
  return now
end
function metrics.getMetric(name, options)
  name = check.string(name, 'the name')
  expect('getMetric', name)
  options = check.options(options, 'getMetric', label_keys)
  local result = C.sluice_metric_get(name, #name, labels_of(options.labels), value)
  if result < 0 then
    fail('getMetric', name, result)
  end
  return value[0]
end

-- ---- what is counted anyway: dnsdist's statistics by its names

local EACH = 256 -- samples after which the watchdog is told: there are some for every server

local function text_of()
  local text = ffi.new('struct lua_bytes')
  return C.sluice_metrics_text(text) and ffi.string(text.data, text.length) or ''
end

local function each_statistic(visit)
  for name, number in text_of():gmatch('\ndnsdist_([%w_]+) ([^\n]+)') do
    visit((name:gsub('_', '-')), tonumber(number))
  end
end
metrics.each_statistic = each_statistic

-- Those that have labels: the family without "dnsdist_", and the labels as a table.
function metrics.each_sample(visit)
  local count = 0
  for family, text, number in text_of():gmatch('\ndnsdist_([%w_]+)(%b{}) ([^\n]+)') do
    local labels = {}
    count = count + 1
    if count % EACH == 0 then
      C.sluice_progress()
    end
    for key, label in text:gmatch('([%w_]+)="([^"]*)"') do
      labels[key] = label
    end
    visit(family, labels, tonumber(number))
  end
end

function metrics.getStatisticsCounters()
  local list = {}
  each_statistic(function(name, number) list[name] = number end)
  return list
end
function metrics.dumpStats()
  local lines = {}
  each_statistic(function(name, number)
    lines[#lines + 1] = ('%-30s %15.15g'):format(name, number)
  end)
  table.sort(lines)
  return table.concat(lines, '\n') .. '\n'
end

return metrics
