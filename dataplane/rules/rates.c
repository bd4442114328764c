/* SPDX-License-Identifier: BSD-2-Clause */
#define ALLOW_EXPERIMENTAL_API /* rte_atomic128_cmp_exchange() */
#include "dataplane/rules/rates.h"

#include <assert.h>
#include <string.h>

#include <rte_atomic.h>

#define TRIES 16 /* at a cell that others keep changing */

static_assert(sizeof(struct rate_cell) * RATE_TABLE_WAYS == RTE_CACHE_LINE_SIZE, "a line a look-up");

struct rate_limit rate_limit_of(double rate, double burst, uint64_t hz)
{
	struct rate_limit limit = {.period = UINT64_MAX / 4};
	if (rate <= 0 || burst < 1)
		return limit;
	double period = (double)hz / rate, depth = period * burst;
	const double most = (double)(UINT64_MAX / 8);
	limit.period = period < 1 ? 1 : period < most ? (uint64_t)period : UINT64_MAX / 8;
	limit.depth = depth < most ? (uint64_t)depth : UINT64_MAX / 8;
	if (limit.depth < limit.period)
		limit.depth = limit.period;
	return limit;
}

/* When the bucket is full again after a token is taken now; 0 if there is none. */
static uint64_t full_after(uint64_t full, const struct rate_limit *limit, uint64_t now)
{
	uint64_t after = (full > now ? full : now) + limit->period;
	return after - now <= limit->depth ? after : 0;
}

bool rate_take(struct rate *rate, uint64_t now)
{
	uint64_t full = __atomic_load_n(&rate->full, __ATOMIC_RELAXED);
	uint64_t after;
	do {
		after = full_after(full, &rate->limit, now);
		if (after == 0)
			return false;
	} while (!__atomic_compare_exchange_n(&rate->full, &full, after, true, __ATOMIC_RELAXED,
					      __ATOMIC_RELAXED));
	return true;
}

/* ---- by client ---- */

static uint32_t lines_of(uint32_t clients)
{
	uint32_t lines = 2;
	/* Twice as many cells as clients: few lines get more clients than they have cells. */
	while (lines < (1u << 28) && lines * (RATE_TABLE_WAYS / 2) < clients)
		lines *= 2;
	return lines;
}

size_t rate_table_size(uint32_t clients)
{
	return (size_t)lines_of(clients) * RATE_TABLE_WAYS * sizeof(struct rate_cell);
}

void rate_table_init(struct rate_table *table, void *cells, uint32_t clients,
		     struct rate_limit limit, uint8_t v4_prefix, uint8_t v6_prefix,
		     const uint64_t seed[2])
{
	*table = (struct rate_table){
		.limit = limit,
		.seed = {seed[0], seed[1]},
		.cells = cells,
		.mask = lines_of(clients) - 1,
		.v4_prefix = v4_prefix,
		.v6_prefix = v6_prefix,
	};
}

static uint64_t mix(uint64_t a, uint64_t b)
{
	unsigned __int128 product = (unsigned __int128)a * b;
	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* The first `length` bits of eight bytes. */
static uint64_t bits_load(const uint8_t *bytes, unsigned length)
{
	uint64_t value;
	memcpy(&value, bytes, sizeof(value));
	value = __builtin_bswap64(value);
	return length == 0 ? 0 : length >= 64 ? value : value & ~(UINT64_MAX >> length);
}

/* The client's network as a number that nobody can aim at without the seed; never 0. */
uint64_t rate_table_key(const struct rate_table *table, const uint8_t *address, bool ipv6)
{
	uint64_t high, low = 0;
	if (ipv6) {
		unsigned length = table->v6_prefix;
		high = bits_load(address, length);
		low = bits_load(address + 8, length > 64 ? length - 64 : 0);
	} else {
		uint8_t padded[8] = {0};
		memcpy(padded, address, 4);
		high = bits_load(padded, table->v4_prefix) | 1; /* no IPv6 network of 64 bits */
	}
	uint64_t key = mix(mix(high ^ table->seed[0], 0x9e3779b97f4a7c15u ^ table->seed[1]),
			   low ^ table->seed[1] ^ ipv6);
	return key != 0 ? key : 1;
}

/*
 * Writes a cell that is as it was seen. If it is the client's already only the time changes; should
 * another client get the cell with that very time meanwhile, it pays for the token.
 */
static bool cell_set(struct rate_cell *cell, struct rate_cell old, struct rate_cell new)
{
	if (old.key == new.key)
		return __atomic_compare_exchange_n(&cell->full, &old.full, new.full, true,
						   __ATOMIC_RELAXED, __ATOMIC_RELAXED);
	rte_int128_t expected = {.val = {old.key, old.full}};
	const rte_int128_t wanted = {.val = {new.key, new.full}};
	return rte_atomic128_cmp_exchange((rte_int128_t *)cell, &expected, &wanted, true,
					  __ATOMIC_RELAXED, __ATOMIC_RELAXED);
}

/* Two reads: if another lcore writes between them the exchange will fail. */
static struct rate_cell cell_load(const struct rate_cell *cell)
{
	return (struct rate_cell){
		.key = __atomic_load_n(&cell->key, __ATOMIC_RELAXED),
		.full = __atomic_load_n(&cell->full, __ATOMIC_RELAXED),
	};
}

/* The client's cell in a line, or else the one whose bucket is full first. */
static struct rate_cell *line_choose(struct rate_cell *line, uint64_t key, struct rate_cell *seen)
{
	struct rate_cell *chosen = NULL;
	for (unsigned i = 0; i < RATE_TABLE_WAYS; i++) {
		struct rate_cell cell = cell_load(&line[i]);
		if (cell.key == key) {
			*seen = cell;
			return &line[i];
		}
		if (chosen == NULL || cell.full < seen->full) {
			chosen = &line[i];
			*seen = cell;
		}
	}
	return chosen;
}

/* Likewise in its line and the one beside that, where those are that found the line full. */
static struct rate_cell *cell_choose(const struct rate_table *table, uint64_t key,
				     struct rate_cell *seen)
{
	struct rate_cell beside;
	struct rate_cell *chosen = line_choose(rate_table_line(table, key), key, seen);
	if (seen->key == key)
		return chosen;
	struct rate_cell *other = line_choose(rate_table_line(table, key ^ 1), key, &beside);
	if (beside.key != key && beside.full >= seen->full)
		return chosen;
	*seen = beside;
	return other;
}

bool rate_table_take(const struct rate_table *table, uint64_t key, uint64_t now)
{
	for (unsigned i = 0; i < TRIES; i++) {
		struct rate_cell seen;
		struct rate_cell *cell = cell_choose(table, key, &seen);
		uint64_t full = seen.key == key ? seen.full : 0;
		struct rate_cell new = {key, full_after(full, &table->limit, now)};
		if (new.full == 0)
			return false;
		if (cell_set(cell, seen, new))
			return true;
	}
	return true; /* so many at once that one more does not matter */
}
