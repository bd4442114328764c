/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sets of IPv4 and IPv6 prefixes, some of them negated: the longest prefix that covers an address
 * decides, and an address that no prefix covers is not in the set.
 *
 * A prefix list can be edited. For workers it is frozen into a prefix set: the addresses at which
 * the answer flips, sorted, so a look-up is one binary search whatever the prefixes. Where it flips
 * nowhere among the IPv4 addresses with the same first octet, it needs none.
 * IPv4-mapped IPv6 addresses are IPv6 here.
 */
#ifndef SLUICE_DATAPLANE_RULES_PREFIX_SET_H
#define SLUICE_DATAPLANE_RULES_PREFIX_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct prefix_entry {
	uint8_t address[16]; /* IPv4 in the first four; bits after the length are 0 */
	uint8_t length;
	uint8_t ipv6;
	uint8_t negated;
};

/* Sorted: IPv4 first, then by address, then by length. */
struct prefix_list {
	struct prefix_entry *entries;
	size_t count;
	size_t size;
};

struct prefix_v6 {
	uint64_t high, low;
};

/* Immutable; the arrays follow it in the same memory. */
struct prefix_set {
	const uint32_t *v4; /* where the answer flips, from "not in the set" at address 0 */
	const struct prefix_v6 *v6;
	uint32_t v4_count;
	uint32_t v6_count;
	uint64_t settled[4]; /* a bit for each first octet: all of its addresses have the same answer, */
	uint64_t inside[4];  /* which is this one */
};

/* An address as a number, IPv4 in the low 32 bits. */
__extension__ typedef unsigned __int128 prefix_address;

/* The first and the last address of a prefix. */
prefix_address prefix_first(const struct prefix_entry *entry);
prefix_address prefix_last(const struct prefix_entry *entry);

/* Below, equal to or above 0, as lists are sorted; whether they are negated does not matter. */
int prefix_compare(const struct prefix_entry *left, const struct prefix_entry *right);

/* An empty list is all zero. */
void prefix_list_clear(struct prefix_list *list);

/* "[!]address[/length]": 0 or -EINVAL. Bits after the length are cleared. */
int prefix_parse(const char *text, struct prefix_entry *entry);

/* Adds; the same prefix again only changes whether it is negated. -EINVAL, -ENOMEM. */
int prefix_list_add(struct prefix_list *list, const struct prefix_entry *entry);

/*
 * Adds many as if one by one, however they are ordered: each of a hundred thousand would move half of
 * the others else. All of them or, with an error, none. As above.
 */
int prefix_list_add_all(struct prefix_list *list, const struct prefix_entry *entries, size_t count);

/* Parses and adds. 0, -EINVAL or -ENOMEM. */
int prefix_list_add_text(struct prefix_list *list, const char *text);

/* Removes the prefix, negated or not. 0 or -ENOENT. */
int prefix_list_remove(struct prefix_list *list, const struct prefix_entry *entry);

/* Adds all of `from`. 0 or -ENOMEM. */
int prefix_list_add_list(struct prefix_list *list, const struct prefix_list *from);

/* Cold: looks at all entries. */
bool prefix_list_match(const struct prefix_list *list, const uint8_t *address, bool ipv6);

/* Writes "[!]address/length" and a NUL; 64 bytes always do. Length or -ENOSPC. */
int prefix_print(const struct prefix_entry *entry, char *text, size_t size);

/* Bytes that the frozen set of this list takes at most, aligned to 8. */
size_t prefix_set_frozen_size(const struct prefix_list *list);

/* Writes the frozen set to `memory`, which is aligned to 8 and as large as that. */
struct prefix_set *prefix_set_freeze(const struct prefix_list *list, void *memory);

bool prefix_set_search_v4(const struct prefix_set *set, const uint8_t address[static 4]);
bool prefix_set_match_v6(const struct prefix_set *set, const uint8_t address[static 16]);

static inline bool prefix_set_match_v4(const struct prefix_set *set, const uint8_t address[static 4])
{
	unsigned word = address[0] / 64, bit = address[0] % 64;
	if (__builtin_expect(set->settled[word] >> bit & 1, 1))
		return set->inside[word] >> bit & 1;
	return prefix_set_search_v4(set, address);
}

static inline bool prefix_set_match(const struct prefix_set *set, const uint8_t *address, bool ipv6)
{
	return ipv6 ? prefix_set_match_v6(set, address) : prefix_set_match_v4(set, address);
}

#endif
