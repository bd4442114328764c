-- SPDX-License-Identifier: BSD-2-Clause
newServer('10.53.0.53:53')
addAction(AllRule(), SetMacAddrAction(5))
addACL('192.0.2.0/24')
