/* SPDX-License-Identifier: BSD-2-Clause */
/* The entries of a subscriber table before it is built, their texts and their sets of tags. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "dataplane/dns/name.h"
#include "dataplane/rules/subscriber_parts.h"

#define SET_SIZE_MAX (1 + SUBSCRIBER_TAGS_MAX * (2 + 2 * SUBSCRIBER_TEXT_MAX))

/* ---- texts ---- */

/* Where room for so many bytes begins, or -errno. */
static int64_t pool_extend(struct subscriber_pool *pool, size_t length)
{
	if (pool->used + length >= SUBSCRIBER_NOBODY)
		return -EFBIG;
	if (pool->size - pool->used < length) {
		size_t size = (pool->size + length) * 2;
		void *grown = realloc(pool->bytes, size);
		if (grown == NULL)
			return -ENOMEM;
		pool->bytes = grown;
		pool->size = size;
	}
	pool->used += length;
	return (int64_t)(pool->used - length);
}

/* Where the record is, or -errno. */
static int64_t record_add(struct subscriber_pool *records, uint32_t tags, const char *id,
			  size_t length)
{
	int64_t at = pool_extend(records, SUBSCRIBER_RECORD_ID + length);
	if (at < 0)
		return at;
	uint8_t *record = records->bytes + at;
	memcpy(record, &tags, sizeof(tags));
	record[SUBSCRIBER_RECORD_ID - 1] = (uint8_t)length;
	memcpy(record + SUBSCRIBER_RECORD_ID, id, length);
	return at;
}

/* ---- sets of tags, each of which is kept once ---- */

static size_t set_write(uint8_t set[static SET_SIZE_MAX], const struct subscriber_tag *tags,
			unsigned count)
{
	uint8_t *at = set;
	*at++ = (uint8_t)count;
	for (unsigned i = 0; i < count; i++) {
		*at++ = tags[i].key_length;
		*at++ = tags[i].value_length;
		at = mempcpy(at, tags[i].key, tags[i].key_length);
		if (tags[i].value_length > 0)
			at = mempcpy(at, tags[i].value, tags[i].value_length);
	}
	return (size_t)(at - set);
}

static size_t set_size(const uint8_t *set)
{
	const uint8_t *at = set + 1;
	for (unsigned i = 0; i < set[0]; i++)
		at += 2 + at[0] + at[1];
	return (size_t)(at - set);
}

static uint64_t set_hash(const uint64_t secret[static 2], const uint8_t *set, size_t size)
{
	uint64_t hash = secret[0], word;
	for (size_t at = 0; at < size; at += sizeof(word)) {
		size_t left = size - at;
		word = 0;
		memcpy(&word, set + at, left < sizeof(word) ? left : sizeof(word));
		hash = hash_mix(hash ^ word, secret[1]);
	}
	return hash;
}

/* Its cell in the hash table, or the free one where it belongs. */
static uint32_t *set_cell(const struct subscriber_builder *builder, const uint8_t *set, size_t size)
{
	uint32_t at = (uint32_t)set_hash(builder->secret, set, size) & builder->sets_mask;
	const struct subscriber_pool *tags = &builder->tags;
	while (builder->sets[at] != 0) {
		size_t place = builder->sets[at] - 1;
		/* What is equal that far has the same tags, and so the same end. */
		if (tags->used - place >= size && memcmp(tags->bytes + place, set, size) == 0)
			break;
		at = (at + 1) & builder->sets_mask;
	}
	return &builder->sets[at];
}

/* A hash table twice as large. */
static bool sets_grow(struct subscriber_builder *builder)
{
	uint32_t *old = builder->sets;
	uint32_t cells = old == NULL ? 64 : 2 * (builder->sets_mask + 1);
	builder->sets = cells > 0 ? calloc(cells, sizeof(*builder->sets)) : NULL;
	if (builder->sets == NULL) {
		builder->sets = old;
		return false;
	}
	builder->sets_mask = cells - 1;
	for (size_t at = 0; at < builder->tags.used;) {
		const uint8_t *set = builder->tags.bytes + at;
		size_t size = set_size(set);
		*set_cell(builder, set, size) = (uint32_t)at + 1;
		at += size;
	}
	free(old);
	return true;
}

/* Where the set is, or -errno. */
static int64_t set_add(struct subscriber_builder *builder, const struct subscriber_tag *tags,
		       unsigned count)
{
	uint8_t set[SET_SIZE_MAX];
	size_t size = set_write(set, tags, count);
	if (builder->n_sets * 2 >= builder->sets_mask && !sets_grow(builder))
		return -ENOMEM;
	uint32_t *cell = set_cell(builder, set, size);
	if (*cell != 0)
		return *cell - 1;
	int64_t at = pool_extend(&builder->tags, size);
	if (at < 0)
		return at;
	memcpy(builder->tags.bytes + at, set, size);
	builder->n_sets++;
	*cell = (uint32_t)at + 1;
	return at;
}

/* ---- entries ---- */

struct subscriber_builder *subscriber_builder_new(void)
{
	struct subscriber_builder *builder = calloc(1, sizeof(*builder));
	if (builder == NULL)
		return NULL;
	if (getrandom(builder->secret, sizeof(builder->secret), 0) == sizeof(builder->secret) &&
	    sets_grow(builder) && set_add(builder, NULL, 0) == 0)
		return builder;
	subscriber_builder_free(builder);
	return NULL;
}

void subscriber_builder_free(struct subscriber_builder *builder)
{
	if (builder == NULL)
		return;
	free(builder->v4.items);
	free(builder->v6.items);
	free(builder->records.bytes);
	free(builder->tags.bytes);
	free(builder->sets);
	free(builder);
}

static struct subscriber_item *item_new(struct subscriber_items *items)
{
	if (items->count == items->size) {
		size_t size = items->size > 0 ? items->size * 2 : 1024;
		void *grown = realloc(items->items, size * sizeof(*items->items));
		if (grown == NULL)
			return NULL;
		items->items = grown;
		items->size = size;
	}
	return &items->items[items->count];
}

static bool entry_fits(const struct subscriber_entry *entry)
{
	const struct prefix_entry *prefix = &entry->prefix;
	bool whole = !prefix->ipv6 && prefix->length == 32;
	for (unsigned i = 0; i < entry->n_tags && i < SUBSCRIBER_TAGS_MAX; i++)
		if (entry->tags[i].key_length == 0)
			return false;
	return entry->id_length > 0 && entry->id_length <= SUBSCRIBER_ID_MAX &&
	       entry->n_tags <= SUBSCRIBER_TAGS_MAX && !prefix->negated &&
	       prefix->length <= (prefix->ipv6 ? 128 : 32) &&
	       (!entry->ports || (whole && entry->first_port <= entry->last_port));
}

static void item_fill(struct subscriber_item *item, const struct subscriber_entry *entry)
{
	prefix_address first = prefix_first(&entry->prefix), last = prefix_last(&entry->prefix);
	bool ipv6 = entry->prefix.ipv6;
	item->length = entry->prefix.length;
	item->ports = entry->ports;
	item->line = entry->line < UINT32_MAX ? (uint32_t)entry->line : UINT32_MAX;
	item->first = ipv6 ? (uint64_t)(first >> 64)
			   : (uint64_t)first << 16 | (entry->ports ? entry->first_port : 0);
	item->more = ipv6 ? (uint64_t)first
			  : (uint64_t)last << 16 | (entry->ports ? entry->last_port : UINT16_MAX);
}

int subscriber_builder_add(struct subscriber_builder *builder, const struct subscriber_entry *entry)
{
	struct subscriber_items *items = entry->prefix.ipv6 ? &builder->v6 : &builder->v4;
	if (!entry_fits(entry))
		return -EINVAL;
	if (items->count >= INT32_MAX)
		return -EFBIG;
	struct subscriber_item *item = item_new(items);
	if (item == NULL)
		return -ENOMEM;
	int64_t tags = set_add(builder, entry->tags, entry->n_tags);
	if (tags < 0)
		return (int)tags;
	int64_t record = record_add(&builder->records, (uint32_t)tags, entry->id, entry->id_length);
	if (record < 0)
		return (int)record;
	*item = (struct subscriber_item){.record = (uint32_t)record};
	item_fill(item, entry);
	items->count++;
	return 0;
}
