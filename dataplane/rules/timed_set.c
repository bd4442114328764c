/* SPDX-License-Identifier: BSD-2-Clause */
#include "dataplane/rules/timed_set.h"

#define EXPIRED 1u /* a TSC that is long past, but not free */

static uint32_t cells_of(uint32_t count)
{
	uint32_t cells = 16;
	while (cells < (1u << 30) && cells / 2 < count)
		cells *= 2;
	return cells;
}

size_t timed_set_size(uint32_t count)
{
	return sizeof(struct timed_set) + (size_t)cells_of(count) * sizeof(struct timed_cell);
}

struct timed_set *timed_set_init(void *memory, uint32_t count, uint64_t seed)
{
	struct timed_set *set = memory;
	set->seed = seed;
	set->mask = cells_of(count) - 1;
	set->used = 0;
	return set;
}

/* Half full at most: a search ends soon. */
bool timed_set_is_full(const struct timed_set *set)
{
	return set->used > set->mask / 2;
}

static void cell_put(struct timed_set *set, const uint64_t address[2], uint64_t until)
{
	uint64_t before;
	uint64_t hash = timed_set_hash(set->seed, address);
	struct timed_cell *cell = (struct timed_cell *)timed_set_cell(set, timed_set_bits(set),
								      hash, address, &before);
	if (before == 0) {
		cell->address[0] = address[0];
		cell->address[1] = address[1];
		set->used++;
	} else if (before > until) {
		return;
	}
	__atomic_store_n(&cell->until, until != 0 ? until : EXPIRED, __ATOMIC_RELEASE);
}

void timed_set_add(struct timed_set *set, const uint8_t *address, bool ipv6, uint64_t until)
{
	uint64_t words[2];
	timed_set_address(address, ipv6, words);
	cell_put(set, words, until);
}

void timed_set_clear(struct timed_set *set)
{
	for (uint32_t at = 0; at <= set->mask; at++)
		if (set->cells[at].until != 0)
			__atomic_store_n(&set->cells[at].until, EXPIRED, __ATOMIC_RELAXED);
}

uint32_t timed_set_count(const struct timed_set *set, uint64_t now)
{
	uint32_t count = 0;
	for (uint32_t at = 0; at <= set->mask; at++)
		count += set->cells[at].until > now;
	return count;
}

void timed_set_copy(struct timed_set *to, const struct timed_set *from, uint64_t now)
{
	for (uint32_t at = 0; at <= from->mask; at++)
		if (from->cells[at].until > now)
			cell_put(to, from->cells[at].address, from->cells[at].until);
}

bool timed_set_has(const struct timed_set *set, const uint8_t *address, bool ipv6, uint64_t now)
{
	uint64_t words[2];
	timed_set_address(address, ipv6, words);
	return timed_set_find(set, timed_set_bits(set), timed_set_hash(set->seed, words), words,
			      now);
}
