/* SPDX-License-Identifier: BSD-2-Clause */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "dataplane/dns/name.h"
#include "dataplane/rules/subscriber_parts.h"

#define DEPTH_MAX 130u /* entries around one address, all different */
#define SET_SIZE_MAX (1 + SUBSCRIBER_TAGS_MAX * (2 + 2 * SUBSCRIBER_TEXT_MAX))
#define V4_LAST (((uint64_t)1 << 48) - 1)

/* An entry until the table is made. */
struct item {
	uint64_t first; /* key */
	uint64_t more;	/* IPv4: the last key; IPv6: the low half of the first address */
	uint32_t record;
	uint32_t line;
	uint8_t length; /* IPv6: of the prefix */
	bool ports;
	bool dropped;
};

static_assert(sizeof(struct item) == 32, "there are millions");

struct items {
	struct item *items;
	size_t count, size;
};

struct subscriber_builder {
	struct items v4, v6;
	struct subscriber_pool records, tags;
	uint32_t *sets; /* hash table of the sets in `tags`: where each is, and 1; 0: free */
	uint32_t sets_mask;
	uint32_t n_sets;
	uint64_t secret[2];
};

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
		hash = dns_hash_mix(hash ^ word, secret[1]);
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

static struct item *item_new(struct items *items)
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

static void item_fill(struct item *item, const struct subscriber_entry *entry)
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
	struct items *items = entry->prefix.ipv6 ? &builder->v6 : &builder->v4;
	if (!entry_fits(entry))
		return -EINVAL;
	if (items->count >= INT32_MAX)
		return -EFBIG;
	struct item *item = item_new(items);
	if (item == NULL)
		return -ENOMEM;
	int64_t tags = set_add(builder, entry->tags, entry->n_tags);
	if (tags < 0)
		return (int)tags;
	int64_t record = record_add(&builder->records, (uint32_t)tags, entry->id, entry->id_length);
	if (record < 0)
		return (int)record;
	*item = (struct item){.record = (uint32_t)record};
	item_fill(item, entry);
	items->count++;
	return 0;
}

/* ---- order and conflicts ---- */

#define COMPARE(a, b) (((a) > (b)) - ((a) < (b)))

/* Wider ones first, prefixes before ports, so that each lies within those before it or behind. */
static int v4_compare(const void *a, const void *b)
{
	const struct item *left = a, *right = b;
	int order = COMPARE(left->first, right->first);
	if (order == 0)
		order = COMPARE(right->more, left->more);
	if (order == 0)
		order = left->ports - right->ports;
	return order != 0 ? order : COMPARE(left->line, right->line);
}

static int v6_compare(const void *a, const void *b)
{
	const struct item *left = a, *right = b;
	int order = COMPARE(left->first, right->first);
	if (order == 0)
		order = COMPARE(left->more, right->more);
	if (order == 0)
		order = left->length - right->length;
	return order != 0 ? order : COMPARE(left->line, right->line);
}

/* Files are often in order already. */
static void items_sort(struct items *items, int (*compare)(const void *, const void *))
{
	for (size_t i = 1; i < items->count; i++)
		if (compare(&items->items[i - 1], &items->items[i]) > 0) {
			qsort(items->items, items->count, sizeof(*items->items), compare);
			return;
		}
}

/* Of two, which are in this order, the one that is left out: that of the later line. */
static struct item *loser(struct item *left, struct item *right)
{
	return left->line > right->line ? left : right;
}

/* Leaves out what is in conflict with an earlier line; returns how many are left. */
static size_t conflicts_drop(struct items *items, subscriber_conflict_fn *conflict, void *data)
{
	struct item *prefix = NULL, *ports = NULL; /* the last ones that count */
	size_t count = items->count;
	for (size_t i = 0; i < items->count; i++) {
		struct item *item = &items->items[i];
		struct item **last = item->ports ? &ports : &prefix;
		bool clash =
			*last != NULL && (item->ports ? item->first <= (*last)->more
						      : item->first == (*last)->first &&
								item->more == (*last)->more &&
								item->length == (*last)->length);
		struct item *other = *last;
		*last = item;
		if (!clash)
			continue;
		struct item *dropped = loser(other, item);
		*last = dropped == item ? other : item;
		dropped->dropped = true;
		count--;
		if (conflict != NULL)
			conflict(data, dropped->line, (*last)->line, item->ports);
	}
	return count;
}

/* ---- the changes ---- */

/* The way over the sorted entries of a family, each within those that are open. */
struct sweep {
	struct subscriber_changes *changes;
	bool ipv6;
	struct {
		prefix_address last;
		uint32_t record;
	} open[DEPTH_MAX];
	unsigned depth;
};

static prefix_address item_first(const struct item *item, bool ipv6)
{
	return ipv6 ? (prefix_address)item->first << 64 | item->more : item->first;
}

static prefix_address item_last(const struct item *item, bool ipv6)
{
	if (!ipv6)
		return item->more;
	prefix_address rest = item->length == 128 ? 0 : ~(prefix_address)0 >> item->length;
	return item_first(item, true) | rest;
}

/* The later of two changes at one place counts; what changes nothing is none. */
static void change(struct sweep *sweep, prefix_address at, uint32_t record)
{
	struct subscriber_changes *changes = sweep->changes;
	uint64_t *keys = changes->keys.levels[0];
	uint32_t *count = &changes->keys.counts[0];
	uint64_t key = sweep->ipv6 ? (uint64_t)(at >> 64) : (uint64_t)at;
	uint64_t low = changes->low != NULL ? (uint64_t)at : 0;
	bool same = *count > 0 && keys[*count - 1] == key &&
		    (changes->low == NULL || changes->low[*count - 1] == low);
	if (same)
		--*count;
	uint32_t before = *count > 0 ? changes->records[*count - 1] : SUBSCRIBER_NOBODY;
	if (before == record)
		return;
	keys[*count] = key;
	if (changes->low != NULL)
		changes->low[*count] = low;
	changes->records[(*count)++] = record;
}

/* Closes what ends before `first`. */
static void sweep_close(struct sweep *sweep, prefix_address first)
{
	while (sweep->depth > 0 && sweep->open[sweep->depth - 1].last < first) {
		prefix_address last = sweep->open[--sweep->depth].last;
		change(sweep, last + 1,
		       sweep->depth > 0 ? sweep->open[sweep->depth - 1].record : SUBSCRIBER_NOBODY);
	}
}

static void sweep_run(struct sweep *sweep, const struct items *items)
{
	for (size_t i = 0; i < items->count; i++) {
		const struct item *item = &items->items[i];
		if (item->dropped)
			continue;
		prefix_address first = item_first(item, sweep->ipv6);
		sweep_close(sweep, first);
		sweep->open[sweep->depth].last = item_last(item, sweep->ipv6);
		sweep->open[sweep->depth++].record = item->record;
		change(sweep, first, item->record);
	}
	/* What reaches to the last key of all ends nowhere. */
	sweep_close(sweep, sweep->ipv6 ? ~(prefix_address)0 : V4_LAST);
}

/* Whether some prefix ends within what has one high half. */
static bool low_needed(const struct items *items)
{
	for (size_t i = 0; i < items->count; i++)
		if (items->items[i].length > 64)
			return true;
	return false;
}

static bool changes_build(struct subscriber_changes *changes, const struct items *items,
			  size_t count, bool ipv6)
{
	struct sweep sweep = {.changes = changes, .ipv6 = ipv6};
	bool low = ipv6 && low_needed(items);
	if (count == 0)
		return true;
	changes->records = key_tree_array(2 * count, sizeof(*changes->records));
	changes->low = low ? key_tree_array(2 * count, sizeof(*changes->low)) : NULL;
	if (!key_tree_open(&changes->keys, 2 * count) || changes->records == NULL ||
	    (low && changes->low == NULL))
		return false;
	sweep_run(&sweep, items);
	return key_tree_close(&changes->keys);
}

static uint8_t *pool_take(struct subscriber_pool *pool)
{
	uint8_t *bytes = pool->used > 0 ? realloc(pool->bytes, pool->used) : NULL;
	bytes = bytes != NULL ? bytes : pool->bytes;
	pool->bytes = NULL;
	return bytes;
}

struct subscriber_table *subscriber_builder_finish(struct subscriber_builder *builder,
						   subscriber_conflict_fn *conflict, void *data)
{
	struct subscriber_table *table = calloc(1, sizeof(*table));
	struct items *v4 = &builder->v4, *v6 = &builder->v6;
	bool done = false;
	if (table != NULL) {
		items_sort(v4, v4_compare);
		size_t n_v4 = conflicts_drop(v4, conflict, data);
		items_sort(v6, v6_compare);
		size_t n_v6 = conflicts_drop(v6, conflict, data);
		table->count = n_v4 + n_v6;
		table->tag_sets = builder->n_sets;
		table->records_size = builder->records.used;
		table->tags_size = builder->tags.used;
		table->records = pool_take(&builder->records);
		table->tags = pool_take(&builder->tags);
		done = changes_build(&table->v4, v4, n_v4, false) &&
		       changes_build(&table->v6, v6, n_v6, true);
	}
	subscriber_builder_free(builder);
	if (done)
		return table;
	subscriber_table_free(table);
	return NULL;
}
