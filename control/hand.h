/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The packets in hand: taken from the workers, through Lua and the registry, back to the workers.
 */
#ifndef SLUICE_CONTROL_HAND_H
#define SLUICE_CONTROL_HAND_H

#include "control/control.h"

/* Takes what the workers handed over and runs its rules; how many packets. */
unsigned hand_receive(struct control *control);

/* Expires what is due and sends every packet that ended on its way; how many. */
unsigned hand_finish(struct control *control);

/* Tries the backlogs again; how many packets still wait. */
unsigned hand_flush(struct control *control);

/* Gives a worker a probe; hand_flush() carries it there. */
void hand_probe(struct control *control, unsigned worker, struct rte_mbuf *mbuf);

/* At the end: everything still in hand goes back to be dropped. */
void hand_drop_all(struct control *control);

#endif
