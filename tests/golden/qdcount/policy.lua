-- SPDX-License-Identifier: BSD-2-Clause
addAction(AllRule(), RCodeAction(DNSRCode.REFUSED))
