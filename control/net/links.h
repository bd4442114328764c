/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The links of the ports, and of the legs of those that are bonded pairs: whether they are up, for the log
 * and the metrics. Drivers of interfaces of the kernel do not know, so that the kernel is asked about
 * those, which tells of each change; other drivers are asked several times a second.
 *
 * A pair of which one leg carries (mode 1 of net_bonding) is led from here, since net_bonding hears of no
 * change of such interfaces: when the leg that carries is down, another one that is up takes over, and
 * back if it is the `primary`. Control lcore only.
 */
#ifndef SLUICE_CONTROL_NET_LINKS_H
#define SLUICE_CONTROL_NET_LINKS_H

#include <stdbool.h>
#include <stdint.h>

#include "control/control.h"

struct link_state {
	unsigned port;	 /* in the configuration */
	const char *leg; /* its device's name; NULL: the port itself */
	bool up;
	uint64_t changes; /* since the start */
};

/* Once the ports are open and the loop is there. 0, or -errno and a sentence in `error`. */
int links_create(struct control *control, char *error, size_t size);
void links_destroy(struct control *control);

/* Hears what the kernel says and asks the drivers, if that is due; never blocks. */
void links_turn(struct control *control);

/* The links one after the other, the first after NULL; NULL after the last. In replay there are none. */
const struct link_state *links_next(const struct links *links, const struct link_state *link);

#endif
