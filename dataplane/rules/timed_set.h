/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A set of addresses that are in it for a time each. The control lcore adds to it while workers
 * look into it: a cell gets its address first and its time last, and never becomes another
 * address's. What has expired leaves when the set is written anew into other memory.
 */
#ifndef SLUICE_DATAPLANE_RULES_TIMED_SET_H
#define SLUICE_DATAPLANE_RULES_TIMED_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "dataplane/hash.h"

struct timed_cell {
	uint64_t address[2]; /* IPv4: in the form ::ffff:192.0.2.1 */
	uint64_t until;	     /* TSC; 0: free */
};

struct timed_set {
	uint64_t seed; /* that its addresses are hashed with */
	uint32_t mask;
	uint32_t used; /* cells that are not free; control lcore only */
	struct timed_cell cells[];
};

/* Bytes of a set for `count` addresses, to be given to timed_set_init() zeroed. */
size_t timed_set_size(uint32_t count);
struct timed_set *timed_set_init(void *memory, uint32_t count, uint64_t seed);

/* Whether one more address may need a larger set. */
bool timed_set_is_full(const struct timed_set *set);

/*
 * Puts an address in (as in struct query_state) until then; a later time that it has stays, as
 * in dnsdist. There must be room. Control lcore only, as the next three.
 */
void timed_set_add(struct timed_set *set, const uint8_t *address, bool ipv6, uint64_t until);

/* Everything expires. */
void timed_set_clear(struct timed_set *set);

/* How many have not expired. */
uint32_t timed_set_count(const struct timed_set *set, uint64_t now);

/* Copies what has not expired into an empty set with room for it. */
void timed_set_copy(struct timed_set *to, const struct timed_set *from, uint64_t now);

/*
 * For any lcore: how a set is asked. A chain may have a thousand of them; so what all sets with one
 * seed have in common is made once, and where a set is looked at first is known without reading it.
 */

/* The address as cells have it. */
static inline void timed_set_address(const uint8_t *bytes, bool ipv6, uint64_t address[static 2])
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	if (ipv6) {
		memcpy(address, bytes, 16);
		return;
	}
	memcpy(address, mapped, sizeof(mapped));
	memcpy((uint8_t *)address + sizeof(mapped), bytes, 4);
}

/* Never 0. */
static inline uint64_t timed_set_hash(uint64_t seed, const uint64_t address[static 2])
{
	uint64_t hash = hash_pair(address, seed, seed << 1 ^ 0x9e3779b97f4a7c15u);
	return (hash ^ hash >> 32) | (uint64_t)1 << 63;
}

/* The set has 2^bits cells, as long as it lies where it does. */
static inline uint16_t timed_set_bits(const struct timed_set *set)
{
	return (uint16_t)__builtin_popcount(set->mask);
}

/* What is read first. */
static inline const void *timed_set_start(const struct timed_set *set, unsigned bits, uint64_t hash)
{
	return &set->cells[(uint32_t)hash & ((1u << bits) - 1)].until;
}

/* The cell of the address, or the free one where it would be; `*until` is its time. */
static inline const struct timed_cell *timed_set_cell(const struct timed_set *set, unsigned bits,
						      uint64_t hash,
						      const uint64_t address[static 2],
						      uint64_t *until)
{
	uint32_t mask = (1u << bits) - 1;
	for (uint32_t at = (uint32_t)hash & mask;; at = (at + 1) & mask) {
		const struct timed_cell *cell = &set->cells[at];
		*until = __atomic_load_n(&cell->until, __ATOMIC_ACQUIRE);
		if (*until == 0 ||
		    (cell->address[0] == address[0] && cell->address[1] == address[1]))
			return cell;
	}
}

/* Whether the address, which has this hash, is in the set now. */
static inline bool timed_set_find(const struct timed_set *set, unsigned bits, uint64_t hash,
				  const uint64_t address[static 2], uint64_t now)
{
	uint64_t until;
	timed_set_cell(set, bits, hash, address, &until);
	return until > now;
}

/* The same for one set alone. */
bool timed_set_has(const struct timed_set *set, const uint8_t *address, bool ipv6, uint64_t now);

#endif
