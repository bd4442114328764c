/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The time that packets are handled at: the time stamp counter, except in `sluice replay`, whose
 * time is that of the packets it reads.
 */
#ifndef SLUICE_DATAPLANE_CLOCK_H
#define SLUICE_DATAPLANE_CLOCK_H

#include <stdint.h>

#include <rte_branch_prediction.h>
#include <rte_cycles.h>

/* What clock_now() gives, 0: the counter. Replay alone writes it, on the one lcore that it has. */
extern uint64_t clock_replayed;

/* In units of rte_get_tsc_hz(), of any lcore. */
static inline uint64_t clock_now(void)
{
	return likely(clock_replayed == 0) ? rte_rdtsc() : clock_replayed;
}

#endif
