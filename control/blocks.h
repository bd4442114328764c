/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Dynamic blocks on the control lcore: they outlive policies. Policies add them (lua/abi_blocks.c),
 * workers apply them (pipeline_blocks.c), and what has expired is cleared away here.
 */
#ifndef SLUICE_CONTROL_BLOCKS_H
#define SLUICE_CONTROL_BLOCKS_H

#include "control/control.h"

/* Once the workers exist. 0 or -ENOMEM. */
int blocks_create(struct control *control);

/* When no worker runs. */
void blocks_destroy(struct control *control);

/* Now and then: counts, purges as the policy in force says, and frees. Never takes long. */
void blocks_tick(struct control *control);

#endif
