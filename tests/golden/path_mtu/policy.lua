-- SPDX-License-Identifier: BSD-2-Clause
newServer('10.53.0.53:53')
