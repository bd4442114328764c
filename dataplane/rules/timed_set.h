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

struct timed_cell {
	uint64_t address[2]; /* IPv4: in the form ::ffff:192.0.2.1 */
	uint64_t until;	     /* TSC; 0: free */
};

struct timed_set {
	uint64_t seed;
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
 * Puts an address in (as in struct query_state) until then; an earlier time of its own is
 * overwritten. There must be room. Control lcore only, as the next three.
 */
void timed_set_add(struct timed_set *set, const uint8_t *address, bool ipv6, uint64_t until);

/* Everything expires. */
void timed_set_clear(struct timed_set *set);

/* How many have not expired. */
uint32_t timed_set_count(const struct timed_set *set, uint64_t now);

/* Copies what has not expired into an empty set with room for it. */
void timed_set_copy(struct timed_set *to, const struct timed_set *from, uint64_t now);

/* Any lcore. */
bool timed_set_has(const struct timed_set *set, const uint8_t *address, bool ipv6, uint64_t now);

#endif
