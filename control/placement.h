/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * On which NUMA nodes lcores and ports are, and what is wrong with that: every packet that a worker
 * takes from a port of another node, or hands to the control lcore there, crosses between the nodes.
 */
#ifndef SLUICE_CONTROL_PLACEMENT_H
#define SLUICE_CONTROL_PLACEMENT_H

#include <stddef.h>

#include "dataplane/worker.h"

#define PLACEMENT_NOWHERE (-1) /* the node is not known, as of devices made of software */

struct placement {
	int control;
	unsigned n_workers;
	int workers[WORKERS_MAX];
	unsigned cpus[WORKERS_MAX];
	unsigned n_ports;
	struct {
		const char *name;
		int node;
	} ports[NET_PORTS_MAX];
};

/*
 * What a port's workers or the control lcore have to cross nodes for: `say` gets a sentence for each
 * port that some worker is far from, and one if no worker is near the control lcore. How many.
 */
unsigned placement_check(const struct placement *placement, void (*say)(const char *sentence));

/*
 * Has memory that this thread touches first lie on that node, as far as there is room, until
 * placement_anywhere(). Where there are no nodes nothing happens.
 */
void placement_prefer(int node);
void placement_anywhere(void);

#endif
