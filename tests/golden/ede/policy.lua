-- SPDX-License-Identifier: BSD-2-Clause
addAction(QNameSuffixRule({'blocked.test'}), SetExtendedDNSErrorAction(15, 'by order'))
addAction(QNameSuffixRule({'blocked.test'}), RCodeAction(DNSRCode.NXDOMAIN))
addResponseAction(QNameSuffixRule({'stale.test'}), SetExtendedDNSErrorResponseAction(3))
newServer('10.53.0.53:53')
