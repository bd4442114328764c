/* SPDX-License-Identifier: BSD-2-Clause */
#include "dataplane/clock.h"

uint64_t clock_replayed;
