#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# The example policy with four workers: as with one, over UDP and TCP, IPv4 and IPv6.
export lab_workers=4
exec "$(dirname "${BASH_SOURCE[0]}")/async_example.sh"
