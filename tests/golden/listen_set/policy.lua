-- SPDX-License-Identifier: BSD-2-Clause
addLocal('10.53.0.1:5302')
setLocal('127.0.0.5:5301')
addLocal('[fd53::1]')
addAction(AllRule(), RCodeAction(DNSRCode.REFUSED))
