/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The sleep of a worker that has nothing to do. Where all of its ports can wake it, it sleeps until
 * something comes or has its time; where one cannot, it looks at that one again after a nap, and naps
 * are the longer the longer nothing came. Other lcores wake it in any case.
 */
#ifndef SLUICE_DATAPLANE_NAP_H
#define SLUICE_DATAPLANE_NAP_H

#include "dataplane/port_wake.h"

#define NAP_SPIN_TURNS 2000u /* empty turns before the first */
#define NAP_MIN_US 20u	     /* they double from here ... */
#define NAP_MAX_US 400u	     /* ... to here: the most that a lone query waits at a port that cannot wake */
#define NAP_LONG_TURNS 256u  /* so many of those, a tenth of a second, and then ... */
#define NAP_LONG_US 800u     /* ... these: the most that one waits after silence */
#define NAP_SLEEP_US 10000u  /* where ports wake; then what is done every millisecond is done at once */

/* What ends it. */
enum nap_end { NAP_PACKET, NAP_LCORE, NAP_TIME, NAP_ENDS };

struct nap {
	struct port_wakes ports;
	uint64_t ended[NAP_ENDS]; /* the worker counts, control reads */
};

struct worker;

extern const char *const nap_ends[NAP_ENDS]; /* as metrics have them */

/* Sleeps, if nothing waits for the worker; whether there is work, or was after all. Its own lcore. */
bool nap_take(struct worker *worker);

/* How long it would, microseconds. */
uint32_t nap_length(const struct worker *worker);

#endif
