-- SPDX-License-Identifier: BSD-2-Clause
newServer('10.53.0.53:53')
addAction(QNameSuffixRule({'red.test'}), SetTagAction('colour', 'red'))
addAction(QNameSuffixRule({'test'}), SetTagAction('seen', ''))
addAction(AndRule({TagRule('colour', 'red'), QTypeRule(DNSQType.TXT)}), RCodeAction(DNSRCode.REFUSED))
addResponseAction(TagRule('colour', 'red'), SetMaxReturnedTTLResponseAction(60))
addResponseAction(NotRule(TagRule('seen')), DropResponseAction())
