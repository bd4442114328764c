-- SPDX-License-Identifier: BSD-2-Clause
addAction(QNameRule('drop.test'), DropAction())
addAction(NetmaskGroupRule('10.53.0.128/25'), DropAction())
addAction(QTypeRule(DNSQType.ANY), DropAction())
addResponseAction(QNameSuffixRule({'lost.test'}), DropResponseAction())
addAction(QNameSuffixRule({'test'}), AllowAction())
addAction(AllRule(), DropAction())
newServer('10.53.0.53:53')
