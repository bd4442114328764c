-- SPDX-License-Identifier: BSD-2-Clause
addAction(QNameSuffixRule({'do.test'}), RCodeAction(DNSRCode.REFUSED))
newServer('10.53.0.53:53')
