/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Large sets of prefixes, a million and more of both families, some of them negated: an immutable
 * index that finds the longest prefix which covers an address. It is built once, off the workers,
 * and then read by any lcore without a lock.
 *
 * Prefixes become the addresses at which the answer changes, sorted, and a tree of sixteen keys a
 * node above them: a look-up reads two lines of memory a level, and five levels hold a million.
 * IPv4-mapped IPv6 addresses are IPv6 here.
 */
#ifndef SLUICE_DATAPLANE_RULES_PREFIX_INDEX_H
#define SLUICE_DATAPLANE_RULES_PREFIX_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/rules/prefix_set.h"

#define PREFIX_INDEX_BULK_MAX 64u

struct prefix_index;

/* What is put into an index, and found. */
struct prefix_member {
	struct prefix_entry prefix; /* bits after the length are 0 */
	uint32_t value;		    /* the caller's */
};

/*
 * The index of these prefixes, in whatever order; of one that is there several times the last
 * counts. NULL without memory, or for more than 2^31 - 1 of them.
 */
struct prefix_index *prefix_index_build(const struct prefix_member *members, size_t count);

/* NULL is nothing to free. */
void prefix_index_free(struct prefix_index *index);

/*
 * The longest prefix that covers the address of 4 or 16 bytes; NULL if none does or it is negated.
 * Valid as long as the index. Any lcore.
 */
const struct prefix_member *prefix_index_find(const struct prefix_index *index,
					      const uint8_t *address, bool ipv6);

/*
 * The same for a burst of at most PREFIX_INDEX_BULK_MAX addresses, which wait for memory together.
 * Bit n of `ipv6`: addresses[n] has 16 bytes.
 */
void prefix_index_find_bulk(const struct prefix_index *index, const uint8_t *const addresses[],
			    uint64_t ipv6, unsigned count, const struct prefix_member *members[]);

/* Prefixes, and each of them by its number: sorted. */
size_t prefix_index_count(const struct prefix_index *index);
const struct prefix_member *prefix_index_at(const struct prefix_index *index, size_t number);

/* Bytes in all. */
size_t prefix_index_memory(const struct prefix_index *index);

#endif
