/* SPDX-License-Identifier: BSD-2-Clause */
/* The table that is made of a builder's entries. */
#include <stdlib.h>
#include <string.h>

#include "dataplane/rules/subscriber_parts.h"

#define DEPTH_MAX 130u /* entries around one address, all different */
#define V4_LAST (((uint64_t)1 << 48) - 1)

/* ---- order and conflicts ---- */

#define COMPARE(a, b) (((a) > (b)) - ((a) < (b)))

/* Wider ones first, prefixes before ports, so that each lies within those before it or behind. */
static int v4_compare(const void *a, const void *b)
{
	const struct subscriber_item *left = a, *right = b;
	int order = COMPARE(left->first, right->first);
	if (order == 0)
		order = COMPARE(right->more, left->more);
	if (order == 0)
		order = left->ports - right->ports;
	return order != 0 ? order : COMPARE(left->line, right->line);
}

static int v6_compare(const void *a, const void *b)
{
	const struct subscriber_item *left = a, *right = b;
	int order = COMPARE(left->first, right->first);
	if (order == 0)
		order = COMPARE(left->more, right->more);
	if (order == 0)
		order = left->length - right->length;
	return order != 0 ? order : COMPARE(left->line, right->line);
}

/* Files are often in order already. */
static void items_sort(struct subscriber_items *items, int (*compare)(const void *, const void *))
{
	for (size_t i = 1; i < items->count; i++)
		if (compare(&items->items[i - 1], &items->items[i]) > 0) {
			qsort(items->items, items->count, sizeof(*items->items), compare);
			return;
		}
}

/* Of two, which are in this order, the one that is left out: that of the later line. */
static struct subscriber_item *loser(struct subscriber_item *left, struct subscriber_item *right)
{
	return left->line > right->line ? left : right;
}

/* Leaves out what is in conflict with an earlier line; returns how many are left. */
static size_t conflicts_drop(struct subscriber_items *items, subscriber_conflict_fn *conflict,
			     void *data)
{
	struct subscriber_item *prefix = NULL, *ports = NULL; /* the last ones that count */
	size_t count = items->count;
	for (size_t i = 0; i < items->count; i++) {
		struct subscriber_item *item = &items->items[i];
		struct subscriber_item **last = item->ports ? &ports : &prefix;
		bool clash =
			*last != NULL && (item->ports ? item->first <= (*last)->more
						      : item->first == (*last)->first &&
								item->more == (*last)->more &&
								item->length == (*last)->length);
		struct subscriber_item *other = *last;
		*last = item;
		if (!clash)
			continue;
		struct subscriber_item *dropped = loser(other, item);
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

static prefix_address item_first(const struct subscriber_item *item, bool ipv6)
{
	return ipv6 ? (prefix_address)item->first << 64 | item->more : item->first;
}

static prefix_address item_last(const struct subscriber_item *item, bool ipv6)
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

/* Of those who begin in a node, the first has the first record. */
static void start_note(struct subscriber_changes *changes, uint32_t record)
{
	uint32_t *start = &changes->starts[(changes->keys.counts[0] - 1) / KEY_TREE_FANOUT];
	if (*start == SUBSCRIBER_NOBODY)
		*start = record;
}

static void sweep_run(struct sweep *sweep, const struct subscriber_items *items)
{
	for (size_t i = 0; i < items->count; i++) {
		const struct subscriber_item *item = &items->items[i];
		if (item->dropped)
			continue;
		prefix_address first = item_first(item, sweep->ipv6);
		sweep_close(sweep, first);
		sweep->open[sweep->depth].last = item_last(item, sweep->ipv6);
		sweep->open[sweep->depth++].record = item->record;
		change(sweep, first, item->record);
		start_note(sweep->changes, item->record);
	}
	/* What reaches to the last key of all ends nowhere. */
	sweep_close(sweep, sweep->ipv6 ? ~(prefix_address)0 : V4_LAST);
}

/* Whether some prefix ends within what has one high half. */
static bool low_needed(const struct subscriber_items *items)
{
	for (size_t i = 0; i < items->count; i++)
		if (items->items[i].length > 64)
			return true;
	return false;
}

/* Room for so many changes. False without memory. */
static bool changes_open(struct subscriber_changes *changes, size_t count, bool low)
{
	changes->records = key_tree_array(count, sizeof(*changes->records));
	changes->starts = key_tree_array(subscriber_nodes(count), sizeof(*changes->starts));
	changes->low = low ? key_tree_array(count, sizeof(*changes->low)) : NULL;
	return key_tree_open(&changes->keys, count) && changes->records != NULL &&
	       changes->starts != NULL && (!low || changes->low != NULL);
}

static bool changes_build(struct subscriber_changes *changes, const struct subscriber_items *items,
			  size_t count, bool ipv6)
{
	struct sweep sweep = {.changes = changes, .ipv6 = ipv6};
	size_t nodes = subscriber_nodes(2 * count);
	if (count == 0)
		return true;
	if (!changes_open(changes, 2 * count, ipv6 && low_needed(items)))
		return false;
	memset(changes->starts, 0xff, nodes * sizeof(*changes->starts));
	sweep_run(&sweep, items);
	for (size_t i = 0; i < nodes; i++)
		if (changes->starts[i] == SUBSCRIBER_NOBODY)
			changes->starts[i] = 0; /* nobody begins there */
	return key_tree_close(&changes->keys);
}

/* Moves the records of these entries, in their order, to `to`; returns the bytes they take. */
static size_t records_move(struct subscriber_items *items, const uint8_t *from, uint8_t *to,
			   size_t at)
{
	size_t start = at;
	for (size_t i = 0; i < items->count; i++) {
		struct subscriber_item *item = &items->items[i];
		const uint8_t *record = from + item->record;
		size_t size = SUBSCRIBER_RECORD_ID + record[SUBSCRIBER_RECORD_ID - 1];
		if (item->dropped)
			continue;
		memcpy(to + at, record, size);
		item->record = (uint32_t)at;
		at += size;
	}
	return at - start;
}

/* The records of all who count, sorted. False without memory. */
static bool records_build(struct subscriber_table *table, struct subscriber_builder *builder)
{
	uint8_t *to = key_tree_array(builder->records.used, 1);
	if (to == NULL)
		return false;
	size_t used = records_move(&builder->v4, builder->records.bytes, to, 0);
	used += records_move(&builder->v6, builder->records.bytes, to, used);
	table->records = table->v4.bytes = table->v6.bytes = to;
	table->records_size = used;
	free(builder->records.bytes);
	builder->records.bytes = NULL;
	return true;
}

struct subscriber_table *subscriber_builder_finish(struct subscriber_builder *builder,
						   subscriber_conflict_fn *conflict, void *data)
{
	struct subscriber_table *table = calloc(1, sizeof(*table));
	struct subscriber_items *v4 = &builder->v4, *v6 = &builder->v6;
	bool done = false;
	if (table != NULL) {
		items_sort(v4, v4_compare);
		size_t n_v4 = conflicts_drop(v4, conflict, data);
		items_sort(v6, v6_compare);
		size_t n_v6 = conflicts_drop(v6, conflict, data);
		table->count = n_v4 + n_v6;
		table->tag_sets = builder->n_sets;
		table->tags_size = builder->tags.used;
		table->tags = builder->tags.bytes;
		builder->tags.bytes = NULL;
		done = records_build(table, builder) &&
		       changes_build(&table->v4, v4, n_v4, false) &&
		       changes_build(&table->v6, v6, n_v6, true);
	}
	subscriber_builder_free(builder);
	if (done)
		return table;
	subscriber_table_free(table);
	return NULL;
}
