/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How a subscriber table lies in memory, for the files that build it and read it.
 *
 * Keys are the numbers at which somebody else begins: IPv4 addresses times 65,536 plus the port,
 * and the high halves of IPv6 addresses. Records lie one behind the other in the order of their
 * keys, so that those of a node can be fetched together with it: where the set of tags is, 4 bytes;
 * the length of the id, a byte; the id. Sets of tags: a byte with their number, then for each tag
 * the lengths of key and value, a byte each, and the two.
 */
#ifndef SLUICE_DATAPLANE_RULES_SUBSCRIBER_PARTS_H
#define SLUICE_DATAPLANE_RULES_SUBSCRIBER_PARTS_H

#include <assert.h>

#include "dataplane/rules/key_tree.h"
#include "dataplane/rules/subscriber_table.h"

#define SUBSCRIBER_RECORD_ID 5u /* where the id begins in a record */

struct subscriber_changes {
	struct key_tree keys;
	uint32_t *records; /* where that of who it is from a key on is, or SUBSCRIBER_NOBODY */
	uint32_t *starts;  /* for each node of keys: the first record of those that begin there */
	const uint8_t *bytes; /* the table's records */
	uint64_t *low;	      /* IPv6: the low halves of the addresses; NULL: all are 0 */
};

/* How many nodes so many keys have. */
static inline size_t subscriber_nodes(size_t keys)
{
	return (keys + KEY_TREE_FANOUT - 1) / KEY_TREE_FANOUT;
}

struct subscriber_table {
	struct subscriber_changes v4, v6;
	const uint8_t *records, *tags;
	/* what look-ups do not need */
	size_t records_size, tags_size;
	size_t count, tag_sets;
};

/* Bytes, one text behind the other. */
struct subscriber_pool {
	uint8_t *bytes;
	size_t used, size;
};

/* An entry until the table is made. */
struct subscriber_item {
	uint64_t first; /* key */
	uint64_t more;	/* IPv4: the last key; IPv6: the low half of the first address */
	uint32_t record;
	uint32_t line;
	uint8_t length; /* IPv6: of the prefix */
	bool ports;
	bool dropped;
};

static_assert(sizeof(struct subscriber_item) == 32, "there are millions");

struct subscriber_items {
	struct subscriber_item *items;
	size_t count, size;
};

struct subscriber_builder {
	struct subscriber_items v4, v6;
	struct subscriber_pool records, tags;
	uint32_t *sets; /* hash table of the sets in `tags`: where each is, and 1; 0: free */
	uint32_t sets_mask;
	uint32_t n_sets;
	uint64_t secret[2];
};

#endif
