/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How a subscriber table lies in memory, for the two files that build it and read it.
 *
 * Keys are the numbers at which somebody else begins: IPv4 addresses times 65,536 plus the port,
 * and the high halves of IPv6 addresses. Ids lie one behind the other, a byte with the length
 * before each; sets of tags likewise: a byte with their number, then for each tag the lengths of
 * key and value, a byte each, and the two.
 */
#ifndef SLUICE_DATAPLANE_RULES_SUBSCRIBER_PARTS_H
#define SLUICE_DATAPLANE_RULES_SUBSCRIBER_PARTS_H

#include "dataplane/rules/key_tree.h"
#include "dataplane/rules/subscriber_table.h"

#define SUBSCRIBER_NOBODY UINT32_MAX

/* Who it is from a key on. */
struct subscriber_place {
	uint32_t id;   /* in the table's ids, or SUBSCRIBER_NOBODY */
	uint32_t tags; /* in the table's sets of tags */
};

struct subscriber_changes {
	struct key_tree keys;
	struct subscriber_place *places;
	uint64_t *low; /* IPv6: the low halves of the addresses; NULL: all are 0 */
};

/* Bytes, one text behind the other. */
struct subscriber_pool {
	uint8_t *bytes;
	size_t used, size;
};

struct subscriber_table {
	struct subscriber_changes v4, v6;
	const uint8_t *ids, *tags;
	/* what look-ups do not need */
	size_t ids_size, tags_size;
	size_t count, tag_sets;
};

#endif
