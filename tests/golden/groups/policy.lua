-- SPDX-License-Identifier: BSD-2-Clause
addAction('nx.test.', RCodeAction(DNSRCode.NXDOMAIN))
addAction(AllRule(), RCodeAction(DNSRCode.REFUSED))

local dbr = dynBlockRulesGroup()
dbr:setMasks(32, 64)
dbr:setQueryRate(2, 10, 'Exceeded query rate', 10)
dbr:setRCodeRatio(DNSRCode.NXDOMAIN, 0.5, 10, 'Exceeded NXD ratio', 20, 12, DNSAction.Truncate)
dbr:setQuiet(true)
dbr:excludeRange({'10.53.0.0/28'})
dbr:includeRange('10.53.0.9/32')

function maintenance()
  dbr:apply()
end
