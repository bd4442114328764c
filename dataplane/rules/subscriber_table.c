/* SPDX-License-Identifier: BSD-2-Clause */
#include "dataplane/rules/subscriber_table.h"

#include <stdlib.h>
#include <string.h>

#include "dataplane/rules/subscriber_parts.h"

#define RECORDS_FETCHED 256u /* bytes of a node's: all of them for ids of 11 bytes */

static inline void records_fetch(const void *data, size_t node)
{
	const struct subscriber_changes *changes = data;
	const uint8_t *start = changes->bytes + changes->starts[node];
	__builtin_prefetch(changes->records + node * KEY_TREE_FANOUT);
	for (unsigned at = 0; at < RECORDS_FETCHED; at += 64)
		__builtin_prefetch(start + at);
}

static inline uint32_t changes_rank(const struct subscriber_changes *changes, uint64_t key)
{
	return key_tree_rank(&changes->keys, key, records_fetch, changes);
}

/* The change for an IPv6 address, where number `at` is the last of those with its high half. */
static uint32_t changes_rank_low(const struct subscriber_changes *changes, uint32_t at,
				 uint64_t high, uint64_t low)
{
	const uint64_t *keys = changes->keys.levels[0];
	uint32_t from = 0, to = at;
	if (changes->low == NULL || keys[at] != high || changes->low[at] <= low)
		return at;
	while (from < to) {
		uint32_t middle = from + (to - from) / 2;
		if (keys[middle] == high && changes->low[middle] > low)
			to = middle;
		else
			from = middle + 1;
	}
	return from - 1; /* KEY_TREE_NONE for none */
}

static uint32_t find_v4(const struct subscriber_changes *changes, const uint8_t *address,
			uint16_t port)
{
	uint32_t number;
	memcpy(&number, address, sizeof(number));
	return changes_rank(changes, (uint64_t)__builtin_bswap32(number) << 16 | port);
}

static uint32_t find_v6(const struct subscriber_changes *changes, const uint8_t *address)
{
	uint64_t halves[2];
	memcpy(halves, address, sizeof(halves));
	uint64_t high = __builtin_bswap64(halves[0]);
	uint32_t at = changes_rank(changes, high);
	if (at == KEY_TREE_NONE)
		return at;
	return changes_rank_low(changes, at, high, __builtin_bswap64(halves[1]));
}

bool subscriber_find(const struct subscriber_table *table, const uint8_t *address, bool ipv6,
		     uint16_t port, struct subscriber *found)
{
	const struct subscriber_changes *changes = ipv6 ? &table->v6 : &table->v4;
	if (changes->keys.n_levels == 0)
		return false;
	uint32_t at = ipv6 ? find_v6(changes, address) : find_v4(changes, address, port);
	if (at == KEY_TREE_NONE || changes->records[at] == SUBSCRIBER_NOBODY)
		return false;
	*found = (struct subscriber){table, changes->records[at]};
	return true;
}

const char *subscriber_id(const struct subscriber *subscriber, size_t *length)
{
	const uint8_t *record = subscriber->table->records + subscriber->record;
	*length = record[SUBSCRIBER_RECORD_ID - 1];
	return (const char *)record + SUBSCRIBER_RECORD_ID;
}

unsigned subscriber_tags(const struct subscriber *subscriber,
			 struct subscriber_tag tags[static SUBSCRIBER_TAGS_MAX])
{
	uint32_t set;
	memcpy(&set, subscriber->table->records + subscriber->record, sizeof(set));
	const uint8_t *at = subscriber->table->tags + set;
	unsigned count = *at++;
	for (unsigned i = 0; i < count; i++) {
		tags[i] = (struct subscriber_tag){.key_length = at[0], .value_length = at[1]};
		tags[i].key = (const char *)at + 2;
		tags[i].value = tags[i].key + tags[i].key_length;
		at += 2 + tags[i].key_length + tags[i].value_length;
	}
	return count;
}

size_t subscriber_table_count(const struct subscriber_table *table)
{
	return table->count;
}

size_t subscriber_table_tag_sets(const struct subscriber_table *table)
{
	return table->tag_sets;
}

static size_t changes_memory(const struct subscriber_changes *changes)
{
	size_t element = sizeof(*changes->records) + (changes->low ? sizeof(*changes->low) : 0);
	size_t nodes = subscriber_nodes(changes->keys.counts[0]);
	return key_tree_memory(&changes->keys) + changes->keys.counts[0] * element +
	       nodes * sizeof(*changes->starts);
}

size_t subscriber_table_memory(const struct subscriber_table *table)
{
	return sizeof(*table) + changes_memory(&table->v4) + changes_memory(&table->v6) +
	       table->records_size + table->tags_size;
}

static void changes_free(struct subscriber_changes *changes)
{
	key_tree_free(&changes->keys);
	free(changes->records);
	free(changes->starts);
	free(changes->low);
}

void subscriber_table_free(struct subscriber_table *table)
{
	if (table == NULL)
		return;
	changes_free(&table->v4);
	changes_free(&table->v6);
	free((void *)(uintptr_t)table->records);
	free((void *)(uintptr_t)table->tags);
	free(table);
}
