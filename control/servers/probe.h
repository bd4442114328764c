/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The questions that tell which servers are up, on their way through the workers: so they test the
 * path that queries take. Control lcore only.
 */
#ifndef SLUICE_CONTROL_SERVERS_PROBE_H
#define SLUICE_CONTROL_SERVERS_PROBE_H

#include "control/control.h"
#include "control/servers/health.h"

/* Makes control->health. 0 or -ENOMEM. */
int probe_init(struct control *control);
void probe_fini(struct control *control);

/* Takes the answers, and asks who is due; how many answers. Often: it is cheap when nothing is. */
unsigned probe_turn(struct control *control);

/* Servers were added, or are watched in another way: the next turn looks at all of them. */
void probe_changed(struct control *control);

/* The question as a message: at most DNS_HEADER_SIZE + DNS_NAME_MAX + 4 bytes. Its length. */
size_t probe_write(const struct health_question *question, uint8_t *dns);

#endif
