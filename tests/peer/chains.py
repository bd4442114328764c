# SPDX-License-Identifier: BSD-2-Clause
"""Scenarios of rule chains."""
SCENARIOS = []
