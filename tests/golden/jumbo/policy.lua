-- SPDX-License-Identifier: BSD-2-Clause
newServer('10.53.0.53:53')
addAction(NotRule(makeRule('served.test')), RCodeAction(DNSRCode.REFUSED))
