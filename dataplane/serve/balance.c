/* SPDX-License-Identifier: BSD-2-Clause */
#include "dataplane/serve/balance.h"

#include <stdlib.h>

#include <rte_jhash.h>

#include "dataplane/dns/name.h"

#define REFRESH_US 50u /* the load of a pool is summed up this often at most */
#define LOAD_AHEAD 8u  /* servers whose counters are on their way while others' are summed up */
#define REFRESH_SERVERS 64u /* and of one with more servers less often, in proportion */
#define RING_STEP 32u
#define TRIES 8u       /* other places by chance, before all are looked at in turn */
#define MIX 0x9e3779b1u

void balance_init(struct balance *balance, struct rule_context *rules,
		  const struct backend_stats *own, uint64_t hz)
{
	balance->rules = rules;
	balance->own = own;
	balance->refresh = hz / 1000000 * REFRESH_US;
}

/* ---- hashes ---- */

uint32_t balance_hash(const uint8_t *name, size_t length, uint32_t perturbation)
{
	uint8_t lower[DNS_NAME_MAX];
	dns_name_lower(lower, name, length);
	return rte_jhash(lower, (uint32_t)length, perturbation);
}

uint32_t balance_point_hash(const char *id, uint32_t number, uint32_t perturbation)
{
	return rte_jhash(id, (uint32_t)strlen(id), rte_jhash_1word(number, perturbation));
}

static int points_compare(const void *a, const void *b)
{
	const struct balance_point *left = a, *right = b;
	if (left->hash != right->hash)
		return left->hash < right->hash ? -1 : 1;
	return left->place < right->place ? -1 : left->place > right->place;
}

void balance_points_sort(struct balance_point *points, size_t count)
{
	qsort(points, count, sizeof(*points), points_compare);
}

/* ---- what servers have to do ---- */

struct choice {
	const struct policy *policy;
	const struct policy_pool *pool;
	struct balance *balance;
	uint64_t now;
	uint16_t number; /* of the pool, or BALANCE_NO_POOL */
	double most; /* queries per unit of weight that a server may have to answer; 0: any */
};

static struct backend *server_at(const struct choice *choice, unsigned place)
{
	return choice->policy->backends[choice->pool->servers[place]];
}

static uint64_t outstanding_of(const struct choice *choice, const struct backend *backend)
{
	return backend_outstanding(backend->number, choice->balance->rules->backends);
}

/* Up, and not at its own limit. */
static bool usable(const struct choice *choice, const struct backend *backend)
{
	if (!backend_is_up(backend))
		return false;
	uint32_t most = backend->max_outstanding;
	return likely(most == 0) || outstanding_of(choice, backend) < most;
}

/*
 * Usable, and within what the balancing factor leaves it: by what this worker knows now, and what was
 * seen of the others when the load was summed up, whose counters are lines of other CPUs.
 */
static bool acceptable(const struct choice *choice, unsigned place)
{
	const struct backend *backend = server_at(choice, place);
	if (!usable(choice, backend))
		return false;
	if (choice->most == 0)
		return true;
	const struct balance *balance = choice->balance;
	uint64_t has = backend_unanswered(&balance->own[backend->number]) +
		       balance->others[backend->number];
	return (double)has <= choice->most * backend->weight;
}

/* Whether what was summed up then still serves. */
static bool is_fresh(const struct choice *choice, uint64_t at)
{
	uint64_t age = choice->balance->refresh * (1 + choice->pool->count / REFRESH_SERVERS);
	return at != 0 && choice->now - at < age;
}

/* Lines of memory that nobody else has in mind: of the server, and its counters on each lcore. */
static void load_prefetch(const struct choice *choice, unsigned place)
{
	uint16_t number = choice->pool->servers[place];
	const struct backend_stats *const *stats = choice->balance->rules->backends;
	rte_prefetch0(choice->policy->backends[number]);
	rte_prefetch0(&choice->balance->own[number]);
	for (; *stats != NULL; stats++)
		rte_prefetch0(&(*stats)[number]);
}

/*
 * Queries per unit of weight over the servers of the pool that are up, this one included. Summed
 * up anew when it is REFRESH_US old: with many servers that is what a choice would cost, and a query
 * more or less says little.
 */
static double pool_load(const struct choice *choice, uint16_t number)
{
	struct balance *balance = choice->balance;
	if (is_fresh(choice, balance->pools[number].at))
		return balance->pools[number].load;
	double queries = 1, weight = 0;
	for (unsigned i = 0; i < choice->pool->count; i++) {
		const struct backend *backend = server_at(choice, i);
		if (i + LOAD_AHEAD < choice->pool->count)
			load_prefetch(choice, i + LOAD_AHEAD);
		uint64_t own = backend_unanswered(&balance->own[backend->number]);
		uint64_t all = RTE_MAX(outstanding_of(choice, backend), own);
		balance->others[backend->number] = (uint32_t)(all - own);
		if (!backend_is_up(backend))
			continue;
		queries += (double)all;
		weight += backend->weight;
	}
	balance->pools[number].at = choice->now;
	balance->pools[number].load = weight > 0 ? queries / weight : 0;
	return balance->pools[number].load;
}

/* ---- methods: the place in the pool, or its count if there is none ---- */

/* Fewest queries to answer, then lowest order, then quickest. */
static unsigned least_outstanding(const struct choice *choice)
{
	unsigned best = choice->pool->count;
	uint64_t least = 0;
	for (unsigned i = 0; i < choice->pool->count; i++) {
		const struct backend *backend = server_at(choice, i);
		if (!usable(choice, backend))
			continue;
		uint64_t has = outstanding_of(choice, backend);
		if (best < choice->pool->count) {
			const struct backend *other = server_at(choice, best);
			const struct backend_stats *own = choice->balance->own;
			if (has > least || (has == least && backend->order > other->order) ||
			    (has == least && backend->order == other->order &&
			     own[backend->number].latency >= own[other->number].latency))
				continue;
		}
		best = i;
		least = has;
	}
	return best;
}

/* ---- the same of many servers ---- */

#define MANY 16u /* servers from which on they are not all looked at for each query */
#define PLACE_BITS 10u
#define LATENCY_BITS 20u /* microseconds: more than a second is a second */
#define ORDER_BITS 10u
#define LATENCY_AT PLACE_BITS
#define ORDER_AT (LATENCY_AT + LATENCY_BITS)
#define QUERIES_AT (ORDER_AT + ORDER_BITS)
#define QUERIES_MAX ((UINT64_C(1) << (64 - QUERIES_AT)) - 1)
#define QUERY (UINT64_C(1) << QUERIES_AT)
#define UNUSABLE (QUERIES_MAX << QUERIES_AT)

static_assert(POLICY_SERVERS_MAX <= 1u << PLACE_BITS && POLICY_SERVERS_MAX <= 1u << ORDER_BITS,
	      "a word has room for the places of all servers");

static uint64_t heap_key(const struct choice *choice, unsigned place, unsigned order)
{
	const struct backend *backend = server_at(choice, place);
	double us = RTE_MIN(choice->balance->own[backend->number].latency,
			    (double)((1u << LATENCY_BITS) - 1));
	uint64_t queries = RTE_MIN(outstanding_of(choice, backend), QUERIES_MAX - 1);
	return (backend_is_up(backend) ? queries << QUERIES_AT : UNUSABLE) |
	       (uint64_t)order << ORDER_AT | (uint64_t)us << LATENCY_AT | place;
}

/* Moves what became more down to its place, from `at` on. */
static void heap_sink(struct balance_heap *heap, unsigned at)
{
	uint64_t key = heap->keys[at];
	for (unsigned child; (child = 2 * at + 1) < heap->count; at = child) {
		child += child + 1 < heap->count && heap->keys[child + 1] < heap->keys[child];
		if (heap->keys[child] >= key)
			break;
		heap->keys[at] = heap->keys[child];
	}
	heap->keys[at] = key;
}

/* The pool is sorted by order: those of one order have one number. */
static void heap_make(const struct choice *choice, struct balance_heap *heap)
{
	unsigned order = 0;
	heap->at = choice->now;
	heap->generation = choice->policy->generation;
	heap->pool = choice->number;
	heap->count = choice->pool->count;
	for (unsigned i = 0; i < heap->count; i++) {
		order += i > 0 && server_at(choice, i)->order != server_at(choice, i - 1)->order;
		heap->keys[i] = heap_key(choice, i, order);
	}
	for (unsigned i = heap->count / 2; i > 0; i--)
		heap_sink(heap, i - 1);
}

static unsigned least_of_many(const struct choice *choice)
{
	struct balance_heap *heap = &choice->balance->heaps[choice->number % BALANCE_HEAPS];
	if (heap->pool != choice->number || heap->generation != choice->policy->generation ||
	    !is_fresh(choice, heap->at))
		heap_make(choice, heap);
	while (heap->keys[0] < UNUSABLE) {
		unsigned place = heap->keys[0] & ((1u << PLACE_BITS) - 1);
		const struct backend *backend = server_at(choice, place);
		uint32_t most = backend->max_outstanding;
		bool is_usable = backend_is_up(backend) &&
				 (likely(most == 0) || heap->keys[0] >> QUERIES_AT < most);
		heap->keys[0] = is_usable ? heap->keys[0] + QUERY : heap->keys[0] | UNUSABLE;
		heap_sink(heap, 0);
		if (likely(is_usable))
			return place;
	}
	return choice->pool->count;
}

static unsigned least(const struct choice *choice)
{
	/* Of one, nobody's counters need to be read. */
	if (choice->pool->count == 1)
		return usable(choice, server_at(choice, 0)) ? 0 : 1;
	return choice->pool->count < MANY || choice->number == BALANCE_NO_POOL
		       ? least_outstanding(choice)
		       : least_of_many(choice);
}

/* The pool is sorted by order. */
static unsigned first_available(const struct choice *choice)
{
	for (unsigned i = 0; i < choice->pool->count; i++) {
		struct backend *backend = server_at(choice, i);
		if (usable(choice, backend) &&
		    (backend->qps.limit.period == 0 || rate_take(&backend->qps, choice->now)))
			return i;
	}
	return least(choice);
}

static unsigned round_step(unsigned at, unsigned count)
{
	return at + 1 < count ? at + 1 : 0;
}

static unsigned round_robin(const struct choice *choice, uint16_t number)
{
	unsigned count = choice->pool->count;
	uint32_t *next = &choice->balance->next[number];
	unsigned at = *next < count ? *next : 0;
	unsigned tried = 0;
	for (; tried < count && !usable(choice, server_at(choice, at)); tried++)
		at = round_step(at, count);
	/* With none that is up, back where it began. */
	if (tried == count && choice->policy->round_robin_fail)
		return count;
	*next = round_step(at, count);
	return at;
}

/* The place whose part of all weights a hash falls into. */
static unsigned weighted_place(const struct policy_pool *pool, uint32_t hash)
{
	uint64_t total = pool->weights[pool->count - 1];
	uint64_t at = (uint64_t)(((unsigned __int128)total * hash) >> 32);
	unsigned base = 0;
	/* Without a branch: which way it goes is chance. */
	for (unsigned count = pool->count, half; count > 1; count -= half) {
		half = count / 2;
		base += pool->weights[base + half - 1] <= at ? half : 0;
	}
	return base;
}

static unsigned weighted(const struct choice *choice, uint32_t hash)
{
	unsigned count = choice->pool->count;
	for (unsigned i = 0; i < TRIES; i++) {
		unsigned place = weighted_place(choice->pool, hash);
		if (acceptable(choice, place))
			return place;
		hash = rte_jhash_1word(hash, MIX);
	}
	unsigned start = weighted_place(choice->pool, hash);
	for (unsigned i = 0, at = start; i < count; i++, at = round_step(at, count))
		if (acceptable(choice, at))
			return at;
	return count;
}

/*
 * The first point from the hash on; their count if there is none. Hashes are spread evenly, so it is
 * looked for around where it would be if they were so exactly.
 */
static size_t ring_find(const struct balance_point *points, size_t count, uint32_t hash)
{
	size_t low = ((uint64_t)hash * count) >> 32, high = low, step = RING_STEP;
	while (low > 0 && points[low - 1].hash >= hash) {
		high = low;
		low -= RTE_MIN(low, step);
		step *= 2;
	}
	while (high < count && points[high].hash < hash) {
		low = high + 1;
		high += RTE_MIN(count - high, step);
		step *= 2;
	}
	size_t base = low;
	for (size_t rest = high - low, half; rest > 0; rest -= half) {
		half = (rest + 1) / 2;
		base += points[base + half - 1].hash < hash ? half : 0;
	}
	return base;
}

/* Round the ring from the name's hash on: a server that is gone leaves its names to the next. */
static unsigned consistent(const struct choice *choice, uint32_t hash)
{
	const struct policy_pool *pool = choice->pool;
	size_t first = ring_find(pool->points, pool->n_points, hash);
	for (size_t i = 0, at = first; i < pool->n_points; i++, at++) {
		if (at >= pool->n_points)
			at -= pool->n_points;
		if (acceptable(choice, pool->points[at].place))
			return pool->points[at].place;
	}
	return pool->count;
}

/* The balancing factor that the policy sets for a method; 0: none. */
static double factor_of(const struct policy *policy, enum balance_method method)
{
	if (method == BALANCE_CHASHED)
		return policy->consistent_factor;
	return method == BALANCE_WRANDOM || method == BALANCE_WHASHED ? policy->weighted_factor : 0;
}

unsigned balance_place(const struct balance_list *list, enum balance_method method, uint32_t hash)
{
	struct choice choice = {list->policy, list->pool, list->balance, list->now, list->number, 0};
	double factor = factor_of(list->policy, method);
	if (list->pool->count == 0)
		return 0;
	if (factor > 0)
		choice.most = factor * pool_load(&choice, list->number);
	switch (method) {
	case BALANCE_FIRST_AVAILABLE:
		return first_available(&choice);
	case BALANCE_ROUND_ROBIN:
		return round_robin(&choice, list->number);
	case BALANCE_WRANDOM:
		return weighted(&choice, rule_random(list->balance->rules));
	case BALANCE_WHASHED:
		return weighted(&choice, hash);
	case BALANCE_CHASHED:
		return consistent(&choice, hash);
	default:
		return least(&choice);
	}
}

uint16_t balance_choose(const struct policy *policy, uint16_t number, const uint8_t *name,
			size_t length, uint64_t now, struct balance *balance)
{
	if (number >= policy->n_pools)
		return BACKEND_NONE;
	const struct policy_pool *pool = &policy->pools[number];
	enum balance_method method = (enum balance_method)pool->method;
	/* Of one, nobody's counters need to be read. */
	if (pool->count == 1 && method == BALANCE_LEAST_OUTSTANDING &&
	    policy->backends[pool->servers[0]]->max_outstanding == 0)
		return backend_is_up(policy->backends[pool->servers[0]]) ? pool->servers[0]
									 : BACKEND_NONE;
	const struct balance_list list = {policy, pool, number, now, balance};
	uint32_t hash = 0;
	if (method == BALANCE_WHASHED || method == BALANCE_CHASHED)
		hash = balance_hash(name, length, policy->perturbation);
	unsigned place = balance_place(&list, method, hash);
	return place < pool->count ? pool->servers[place] : BACKEND_NONE;
}
