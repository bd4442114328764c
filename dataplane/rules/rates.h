/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rate limits that hold over all lcores together, without a lock: token buckets, each kept as the
 * one moment at which it will be full again. A token is taken with one compare-and-exchange.
 *
 * Time is the TSC; it runs alike on all cores that DPDK uses. Any lcore may take tokens.
 */
#ifndef SLUICE_DATAPLANE_RULES_RATES_H
#define SLUICE_DATAPLANE_RULES_RATES_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_common.h>

/* How fast tokens come and how many a bucket holds. */
struct rate_limit {
	uint64_t period; /* TSC cycles a token takes to come back */
	uint64_t depth;	 /* cycles that all tokens of a bucket take; below `period`: none ever */
};

struct rate {
	uint64_t full; /* TSC at which the bucket is full again */
	struct rate_limit limit;
} __rte_cache_aligned;

/* `rate` tokens a second, at most `burst` at once, at `hz` TSC cycles a second. */
struct rate_limit rate_limit_of(double rate, double burst, uint64_t hz);

/* Takes a token at TSC `now`; false if there is none. */
bool rate_take(struct rate *rate, uint64_t now);

#endif
