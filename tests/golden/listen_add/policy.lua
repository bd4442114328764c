-- SPDX-License-Identifier: BSD-2-Clause
addLocal('127.0.0.5:5301')
addLocal('[fd53::1]')
addAction(AllRule(), RCodeAction(DNSRCode.REFUSED))
