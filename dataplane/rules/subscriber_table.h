/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who a client is: millions of subscribers by their prefix, or by their part of the ports of an
 * address that they share (RFC 6888), each with an id and tags. Built once, off the workers, and
 * then read by any lcore without a lock.
 *
 * Addresses and ports become one number, and a range of ports is a prefix of that: a tree finds the
 * narrowest entry around a client, and with it where the id and the tags lie. An entry takes 18
 * bytes where it borders on the next, 30 where it stands alone, beside its id; in tables with IPv6
 * prefixes longer than 64 bits those of IPv6 take 8 or 16 more. Each set of tags is kept
 * once.
 */
#ifndef SLUICE_DATAPLANE_RULES_SUBSCRIBER_TABLE_H
#define SLUICE_DATAPLANE_RULES_SUBSCRIBER_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/rules/prefix_set.h"

#define SUBSCRIBER_ID_MAX 255u	 /* bytes of an id, at least one */
#define SUBSCRIBER_TEXT_MAX 255u /* bytes of a tag's key, at least one, and of its value */
#define SUBSCRIBER_TAGS_MAX 16u	 /* tags of a subscriber */
#define SUBSCRIBER_BULK_MAX 64u
#define SUBSCRIBER_NOBODY UINT32_MAX /* where no record lies */

struct note_block;
struct subscriber_builder;
struct subscriber_table;

struct subscriber_tag {
	const char *key, *value; /* bytes without a NUL behind them */
	uint8_t key_length, value_length;
};

/* What is put into a table. */
struct subscriber_entry {
	struct prefix_entry prefix;
	bool ports; /* only these, of one IPv4 address */
	uint16_t first_port, last_port;
	const char *id;
	size_t id_length;
	const struct subscriber_tag *tags; /* no key twice */
	unsigned n_tags;
	uint64_t line; /* to be named if it is in conflict with another; from 1 */
};

/* Somebody who was found; valid as long as the table. */
struct subscriber {
	const struct subscriber_table *table;
	uint32_t record; /* where it lies */
};

/* Two entries that cannot both be there: the later one, which is left out, and the one that counts.
 */
typedef void subscriber_conflict_fn(void *data, uint64_t line, uint64_t other, bool ports);

/* NULL without memory. */
struct subscriber_builder *subscriber_builder_new(void);
/* NULL is nothing to free. */
void subscriber_builder_free(struct subscriber_builder *builder);

/* 0; -EINVAL for texts or ports out of bounds; -EFBIG for more than 4 GiB of them; -ENOMEM. */
int subscriber_builder_add(struct subscriber_builder *builder,
			   const struct subscriber_entry *entry);

/*
 * The table, and the builder's end. The same prefix twice, and ranges of ports of one address that
 * overlap, are told to `conflict`, if that is not NULL. NULL without memory.
 */
struct subscriber_table *subscriber_builder_finish(struct subscriber_builder *builder,
						   subscriber_conflict_fn *conflict, void *data);
/* NULL is nothing to free. */
void subscriber_table_free(struct subscriber_table *table);

/*
 * Who uses this port of the address of 4 or 16 bytes: of the ranges of ports around it, and then of
 * the prefixes, the narrowest. Any lcore.
 */
bool subscriber_find(const struct subscriber_table *table, const uint8_t *address, bool ipv6,
		     uint16_t port, struct subscriber *found);

/* Who may be a subscriber. */
struct subscriber_client {
	const uint8_t *address; /* 4 or 16 bytes */
	bool ipv6;
	uint16_t port;
};

/*
 * The same for a burst of at most SUBSCRIBER_BULK_MAX clients, which wait for memory together:
 * fills in where the record of each lies, or SUBSCRIBER_NOBODY.
 */
void subscriber_find_bulk(const struct subscriber_table *table,
			  const struct subscriber_client clients[], unsigned count,
			  uint32_t records[]);

const char *subscriber_id(const struct subscriber *subscriber, size_t *length);

/* Fills in the tags, and returns how many there are. */
unsigned subscriber_tags(const struct subscriber *subscriber,
			 struct subscriber_tag tags[static SUBSCRIBER_TAGS_MAX]);

/*
 * Sets the tags, and `id_tag` to the id, as tag_set() in dataplane/rules/tags.h does. 0, -ENOMEM or
 * -E2BIG; then some are set.
 */
int subscriber_tags_set(const struct subscriber *subscriber, const char *id_tag,
			size_t id_tag_length, struct note_block **notes);

/* Entries; distinct sets of tags, that of none included; bytes in all. */
size_t subscriber_table_count(const struct subscriber_table *table);
size_t subscriber_table_tag_sets(const struct subscriber_table *table);
size_t subscriber_table_memory(const struct subscriber_table *table);

#endif
