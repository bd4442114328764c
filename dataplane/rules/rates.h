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
#include <stddef.h>
#include <stdint.h>

#include <rte_common.h>

#define RATE_TABLE_WAYS 4u

/* How fast tokens come and how many a bucket holds. */
struct rate_limit {
	uint64_t period; /* TSC cycles a token takes to come back */
	uint64_t depth;	 /* cycles that all tokens of a bucket take; below `period`: none ever */
};

struct rate {
	uint64_t full; /* TSC at which the bucket is full again */
	struct rate_limit limit;
} __rte_cache_aligned;

/* A bucket of some client. One that is full tells nothing that its absence would not. */
struct rate_cell {
	uint64_t key; /* 0: free */
	uint64_t full;
} __rte_aligned(16);

/*
 * Buckets by client network, in fixed memory: where all cells that a client may use are taken, it
 * gets the one that would be full first. This part never changes, and copies share the cells: a
 * chain has those of its rules side by side.
 */
struct rate_table {
	struct rate_limit limit;
	uint64_t seed[2];
	struct rate_cell *cells; /* RATE_TABLE_WAYS to a line */
	uint32_t mask; /* number of lines, less one */
	uint8_t v4_prefix, v6_prefix;
};

/* `rate` tokens a second, at most `burst` at once, at `hz` TSC cycles a second. */
struct rate_limit rate_limit_of(double rate, double burst, uint64_t hz);

/* Takes a token at TSC `now`; false if there is none. */
bool rate_take(struct rate *rate, uint64_t now);

/* Bytes of the cells for about `clients` clients, to be given to rate_table_init() zeroed. */
size_t rate_table_size(uint32_t clients);

/* `cells` is aligned to a cache line. The prefix lengths say what counts as one client. */
void rate_table_init(struct rate_table *table, void *cells, uint32_t clients,
		     struct rate_limit limit, uint8_t v4_prefix, uint8_t v6_prefix,
		     const uint64_t seed[2]);

/* What the table knows a client by. IPv4 addresses are in the first 4 bytes. */
uint64_t rate_table_key(const struct rate_table *table, const uint8_t *address, bool ipv6);

/* Whether both know a client by the same key. */
static inline bool rate_tables_alike(const struct rate_table *a, const struct rate_table *b)
{
	return a->v4_prefix == b->v4_prefix && a->v6_prefix == b->v6_prefix &&
	       a->seed[0] == b->seed[0] && a->seed[1] == b->seed[1];
}

static inline struct rate_cell *rate_table_line(const struct rate_table *table, uint64_t key)
{
	return &table->cells[(key & table->mask) * RATE_TABLE_WAYS];
}

/* Takes a token of the client's; false if it has none. */
bool rate_table_take(const struct rate_table *table, uint64_t key, uint64_t now);

#endif
