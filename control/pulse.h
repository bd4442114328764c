/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whether the workers turn. A worker counts its turns anyway, those of naps included, so that it has
 * nothing to do for this: one whose count stands still for PULSE_STALL_MS is stalled, whatever holds
 * it, until it counts again. Time in which nobody looked, since the whole process stood still or the
 * control lcore was busy, is held against no worker. Control lcore only.
 */
#ifndef SLUICE_CONTROL_PULSE_H
#define SLUICE_CONTROL_PULSE_H

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/worker.h"

#define PULSE_STALL_MS 1000u
#define PULSE_LOOK_MS 250u /* what is longer between two looks counts as this much */

struct pulse {
	struct {
		uint64_t turns;	    /* as last seen */
		uint64_t still;	    /* milliseconds for which they have been that many */
		uint64_t stalls;    /* since the start */
		bool stalled;
	} worker[WORKERS_MAX];
	uint64_t looked;   /* milliseconds, 0: not yet */
	uint64_t every;	   /* milliseconds between what systemd is told, 0: it does not ask */
	uint64_t notified; /* milliseconds */
};

/* What systemd wants to know of this process, if anything. */
void pulse_start(struct pulse *pulse);

/*
 * Looks at all workers, names in the log those that stall and those that recover, and tells systemd's
 * watchdog that all is well while it is. `now` in milliseconds; to be called every PULSE_LOOK_MS or
 * more often.
 */
void pulse_tick(struct pulse *pulse, const struct dataplane *dataplane, uint64_t now);

/* For how long a worker has not turned, in milliseconds; 0 unless it is stalled. */
static inline uint64_t pulse_stalled_ms(const struct pulse *pulse, unsigned worker)
{
	return pulse->worker[worker].stalled ? pulse->worker[worker].still : 0;
}

#endif
