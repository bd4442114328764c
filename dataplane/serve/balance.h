/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which server of a pool gets a query. What a method needs of the pool is prepared when the policy
 * is compiled; a choice reads the counters of all workers and writes nothing that others read.
 *
 * A server that is down, or has as much to do as it may have, is passed over. Where the method
 * goes by the name or by chance, only the queries of that server go elsewhere: all other names
 * keep theirs.
 */
#ifndef SLUICE_DATAPLANE_SERVE_BALANCE_H
#define SLUICE_DATAPLANE_SERVE_BALANCE_H

#include "dataplane/serve/backend.h"

#define BALANCE_POINTS_MAX (4u << 20) /* of a pool that is balanced by consistent hashing */

/* Rounds and loads are kept by pool; here, those of lists that are no pool. */
#define BALANCE_NO_POOL POLICY_POOLS_MAX

#define BALANCE_HEAPS 64u

/*
 * The servers of a pool by what they have to do, the one with the least first: a heap of words, which
 * hold queries, order, latency and place, from the highest bits down. What it was made from grows old;
 * what its worker sends meanwhile is added.
 */
struct balance_heap {
	uint64_t at; /* TSC; 0: never */
	uint32_t generation; /* of its policy */
	uint16_t pool;
	uint16_t count;
	uint64_t keys[POLICY_SERVERS_MAX];
};

/* A worker's part. Zeroed at start, then balance_init(). */
struct balance {
	struct rule_context *rules; /* the worker's: all workers' counters, and its chance */
	const struct backend_stats *own;
	uint64_t refresh; /* TSC cycles for which a pool's load counts as known */
	uint32_t next[POLICY_POOLS_MAX + 1]; /* place in the pool's round */
	/* Queries that the pool's servers have not answered, per unit of weight, and when it was so. */
	struct {
		uint64_t at; /* TSC; 0: never */
		double load;
	} pools[POLICY_POOLS_MAX + 1];
	uint32_t others[POLICY_BACKENDS_MAX]; /* of a server's, those of other workers, as of then */
	struct balance_heap heaps[BALANCE_HEAPS]; /* by the rest of the pool's number */
};

/* Servers to choose from, on one lcore; what policies in Lua get. */
struct balance_list {
	const struct policy *policy;
	const struct policy_pool *pool;
	uint16_t number; /* of the pool, or BALANCE_NO_POOL */
	uint64_t now;	 /* TSC */
	struct balance *balance;
};

/* A point of the ring that consistent hashing goes round: sorted by hash. */
struct balance_point {
	uint32_t hash;
	uint32_t place; /* of the server in its pool */
};

/* `own` is among the counters that `rules` knows. `hz` is TSC cycles a second. */
void balance_init(struct balance *balance, struct rule_context *rules,
		  const struct backend_stats *own, uint64_t hz);

/*
 * The number of the server that gets a query for this name (in wire form), at TSC `now`;
 * BACKEND_NONE if the pool has none that may have it, or is not the policy's. Where Lua is to choose,
 * this does as leastOutstanding. Worker only.
 */
uint16_t balance_choose(const struct policy *policy, uint16_t pool, const uint8_t *name,
			size_t length, uint64_t now, struct balance *balance);

/*
 * The place of the server that a method gives a query with this hash of its name, whatever the
 * pool's own method is; the pool's count: none.
 */
unsigned balance_place(const struct balance_list *list, enum balance_method method, uint32_t hash);

/* The hash of a name, whatever its case. Never changes: names keep their servers over restarts. */
uint32_t balance_hash(const uint8_t *name, size_t length, uint32_t perturbation);

/* The hash of a server's point on the ring; `id` is its UUID. Likewise. */
uint32_t balance_point_hash(const char *id, uint32_t number, uint32_t perturbation);

/* Sorts the points of a ring. */
void balance_points_sort(struct balance_point *points, size_t count);

#endif
