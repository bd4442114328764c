/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How a subscriber table lies in memory, for the two files that build it and read it.
 *
 * Keys are the numbers at which somebody else begins: IPv4 addresses times 65,536 plus the port,
 * and the high halves of IPv6 addresses. Records, one behind the other in the order in which they
 * were added: where the set of tags is, 4 bytes; the length of the id, a byte; the id. Sets of tags
 * likewise: a byte with their number, then for each tag the lengths of key and value, a byte each,
 * and the two.
 */
#ifndef SLUICE_DATAPLANE_RULES_SUBSCRIBER_PARTS_H
#define SLUICE_DATAPLANE_RULES_SUBSCRIBER_PARTS_H

#include "dataplane/rules/key_tree.h"
#include "dataplane/rules/subscriber_table.h"

#define SUBSCRIBER_NOBODY UINT32_MAX
#define SUBSCRIBER_RECORD_ID 5u /* where the id begins in a record */

struct subscriber_changes {
	struct key_tree keys;
	uint32_t *records; /* where that of who it is from a key on is, or SUBSCRIBER_NOBODY */
	uint64_t *low;	   /* IPv6: the low halves of the addresses; NULL: all are 0 */
};

/* Bytes, one text behind the other. */
struct subscriber_pool {
	uint8_t *bytes;
	size_t used, size;
};

struct subscriber_table {
	struct subscriber_changes v4, v6;
	const uint8_t *records, *tags;
	/* what look-ups do not need */
	size_t records_size, tags_size;
	size_t count, tag_sets;
};

#endif
