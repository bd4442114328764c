/* SPDX-License-Identifier: BSD-2-Clause */
#include "dataplane/rules/subscriber_table.h"

#include <stdlib.h>
#include <string.h>

#include "dataplane/rules/subscriber_parts.h"

#define RECORDS_FETCHED 256u /* bytes of a node's: all of them for ids of 11 bytes */
#define RECORD_FETCHED 20u   /* bytes of one: the whole record for ids of 15 */

static inline void places_fetch(const void *data, size_t node)
{
	const struct subscriber_changes *changes = data;
	__builtin_prefetch(changes->records + node * KEY_TREE_FANOUT);
}

/* Which of a node's records it will be is not known yet. */
static inline void records_fetch(const void *data, size_t node)
{
	const struct subscriber_changes *changes = data;
	const uint8_t *start = changes->bytes + changes->starts[node];
	places_fetch(data, node);
	for (unsigned at = 0; at < RECORDS_FETCHED; at += 64)
		__builtin_prefetch(start + at);
}

static inline uint64_t key_of(const uint8_t *address, bool ipv6, uint16_t port)
{
	uint64_t high;
	uint32_t whole;
	if (ipv6) {
		memcpy(&high, address, sizeof(high));
		return __builtin_bswap64(high);
	}
	memcpy(&whole, address, sizeof(whole));
	return (uint64_t)__builtin_bswap32(whole) << 16 | port;
}

/* Who it is from change `at` on, the last that is not above the key; or SUBSCRIBER_NOBODY. */
static inline uint32_t record_at(const struct subscriber_changes *changes, uint32_t at,
				 uint64_t key, const uint8_t *address)
{
	uint64_t low;
	if (at != KEY_TREE_NONE && changes->low != NULL) {
		memcpy(&low, address + 8, sizeof(low));
		at = key_tree_rank_low(&changes->keys, changes->low, at, key,
				       __builtin_bswap64(low));
	}
	return at == KEY_TREE_NONE ? SUBSCRIBER_NOBODY : changes->records[at];
}

bool subscriber_find(const struct subscriber_table *table, const uint8_t *address, bool ipv6,
		     uint16_t port, struct subscriber *found)
{
	const struct subscriber_changes *changes = ipv6 ? &table->v6 : &table->v4;
	if (changes->keys.n_levels == 0)
		return false;
	uint64_t key = key_of(address, ipv6, port);
	uint32_t at = key_tree_rank(&changes->keys, key, records_fetch, changes);
	uint32_t record = record_at(changes, at, key, address);
	if (record == SUBSCRIBER_NOBODY)
		return false;
	*found = (struct subscriber){table, record};
	return true;
}

/* Those of one family, which are these numbers of all. */
static void family_find(const struct subscriber_table *table, bool ipv6,
			const struct subscriber_client clients[], const uint8_t numbers[],
			unsigned count, uint32_t records[])
{
	const struct subscriber_changes *changes = ipv6 ? &table->v6 : &table->v4;
	uint64_t keys[SUBSCRIBER_BULK_MAX];
	uint32_t at[SUBSCRIBER_BULK_MAX];
	for (unsigned i = 0; i < count; i++) {
		const struct subscriber_client *client = &clients[numbers[i]];
		records[numbers[i]] = SUBSCRIBER_NOBODY;
		keys[i] = key_of(client->address, ipv6, client->port);
	}
	if (changes->keys.n_levels == 0)
		return;
	key_tree_rank_bulk(&changes->keys, keys, count, at, places_fetch, changes);
	for (unsigned i = 0; i < count; i++) {
		uint32_t record = record_at(changes, at[i], keys[i], clients[numbers[i]].address);
		records[numbers[i]] = record;
		if (record == SUBSCRIBER_NOBODY)
			continue;
		__builtin_prefetch(changes->bytes + record);
		__builtin_prefetch(changes->bytes + record + RECORD_FETCHED);
	}
}

void subscriber_find_bulk(const struct subscriber_table *table,
			  const struct subscriber_client clients[], unsigned count,
			  uint32_t records[])
{
	uint8_t numbers[2][SUBSCRIBER_BULK_MAX];
	unsigned counts[2] = {0};
	for (unsigned i = 0; i < count && i < SUBSCRIBER_BULK_MAX; i++) {
		unsigned family = clients[i].ipv6;
		numbers[family][counts[family]++] = (uint8_t)i;
	}
	family_find(table, false, clients, numbers[0], counts[0], records);
	family_find(table, true, clients, numbers[1], counts[1], records);
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
