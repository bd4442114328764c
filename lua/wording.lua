-- SPDX-License-Identifier: BSD-2-Clause
-- What selectors and actions call numbers, where people read of them: the words that dnsdist has.
local check = require('sluice.check')
local constants = require('sluice.constants')
check.own()

local wording = {}
local types = {}
for name, number in pairs(constants.DNSQType) do
  types[number] = name
end
-- RFC 1035, RFC 2136, and the IANA's names of extended ones.
local rcodes = {[0] = 'No Error', 'Form Error', 'Server Failure', 'Non-Existent domain',
  'Not Implemented', 'Query Refused', 'Name Exists when it should not',
  'RR Set Exists when it should not', 'RR Set that should exist does not',
  'Server Not Authoritative for zone / Not Authorized', 'Name not contained in zone',
  [16] = 'Bad OPT Version / TSIG Signature Failure', [17] = 'Key not recognized',
  [18] = 'Signature out of time window', [19] = 'Bad TKEY Mode', [20] = 'Duplicate key name',
  [21] = 'Algorithm not supported', [22] = 'Bad Truncation', [23] = 'Bad/missing Server Cookie'}
local sections = {[0] = 'QD', 'AN', 'NS', 'AR'}
local comparisons = {equal = 'equal to', greater = 'greater than', smaller = 'smaller than',
  greaterOrEqual = 'equal to or greater than', smallerOrEqual = 'equal to or smaller than'}

function wording.type(number) return types[number] or ('TYPE%d'):format(number) end
function wording.rcode(number) return rcodes[number] or ('Err#%d'):format(number) end
function wording.section(number) return sections[number] end
function wording.comparison(name) return comparisons[name] end

return wording
