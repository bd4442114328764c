/* SPDX-License-Identifier: BSD-2-Clause */
/* The workers: each made with its memory on its own NUMA node, before they run. Control lcore only. */
#ifndef SLUICE_CONTROL_CREW_H
#define SLUICE_CONTROL_CREW_H

#include "control/control.h"

/* 0, or -1 and one sentence in `error`; either way crew_destroy() frees what was made. */
int crew_create(struct control *control, char *error, size_t size);
void crew_destroy(struct control *control);

#endif
