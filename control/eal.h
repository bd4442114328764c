/* SPDX-License-Identifier: BSD-2-Clause */
/* DPDK's environment layer, started as the configuration says. Start-up only. */
#ifndef SLUICE_CONTROL_EAL_H
#define SLUICE_CONTROL_EAL_H

#include <stddef.h>

#include "config/config.h"

/* 0, or -errno with a sentence in `error` that says what to do. */
int eal_start(const struct config *config, char *error, size_t size);
void eal_stop(void);

#endif
