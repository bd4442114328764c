-- SPDX-License-Identifier: BSD-2-Clause
addAction(QNameSuffixRule({'tc.test'}), TCAction())
newServer('10.53.0.53:53')
