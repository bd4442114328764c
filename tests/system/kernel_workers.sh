#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# The kernel path with four workers: what any of them receives reaches the kernel and comes back, and a
# question for our MAC has one answer.
exec "$(dirname "${BASH_SOURCE[0]}")/kernel_path.sh" many
