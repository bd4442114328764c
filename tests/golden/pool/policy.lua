-- SPDX-License-Identifier: BSD-2-Clause
newServer('10.53.0.53:53')
newServer({address='10.53.0.54:5353', pool='other'})
addAction(QNameSuffixRule({'other.test'}), PoolAction('other'))
addAction(QNameSuffixRule({'empty.test'}), PoolAction('empty'))
setServFailWhenNoServer(true)
