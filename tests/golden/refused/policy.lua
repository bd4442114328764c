-- SPDX-License-Identifier: BSD-2-Clause
addAction(QNameSuffixRule({'refused.test'}), RCodeAction(DNSRCode.REFUSED))
addAction(AllRule(), RCodeAction(DNSRCode.NXDOMAIN))
