/* SPDX-License-Identifier: BSD-2-Clause */
/* Tables for the longest match of prefixes, from a list of them: one sweep over the addresses. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/lists/rpz_build.h"

#define NESTED_MAX 129u /* prefixes within each other: one of each length */

/* Where the answer changes, and to what. */
struct flip {
	prefix_address address;
	uint32_t entry;
};

struct sweep {
	struct flip *flips;
	size_t count;
	unsigned depth;
	struct {
		prefix_address end;
		uint32_t entry;
	} open[NESTED_MAX];
};

static int prefix_compare(const void *a, const void *b)
{
	const struct prefix_entry *x = &((const struct rpz_prefix *)a)->prefix;
	const struct prefix_entry *y = &((const struct rpz_prefix *)b)->prefix;
	if (x->ipv6 != y->ipv6)
		return x->ipv6 - y->ipv6;
	int order = memcmp(x->address, y->address, sizeof(x->address));
	if (order != 0)
		return order;
	return x->length - y->length;
}

/* Of those that are the same the one with the lower reference first: the result is always one. */
static int item_compare(const void *a, const void *b)
{
	const struct rpz_prefix *x = a, *y = b;
	int order = prefix_compare(a, b);
	if (order != 0)
		return order;
	return x->action < y->action ? -1 : x->action > y->action;
}

void rpz_prefixes_join(struct rpz_build *build, struct rpz_array *array)
{
	struct rpz_prefix *items = array->items;
	size_t kept = 0;

	if (array->count > 0)
		qsort(items, array->count, sizeof(*items), item_compare);
	for (size_t i = 0; i < array->count; i++) {
		if (kept > 0 && prefix_compare(&items[kept - 1], &items[i]) == 0)
			items[kept - 1].action = rpz_refs_join(build, items[kept - 1].action,
							       items[i].action);
		else
			items[kept++] = items[i];
	}
	array->count = kept;
}

static void flip_put(struct sweep *sweep, prefix_address address, uint32_t entry)
{
	if (sweep->count > 0 && sweep->flips[sweep->count - 1].address == address)
		sweep->count--;
	sweep->flips[sweep->count++] = (struct flip){address, entry};
}

/* Closes the open prefixes that end before the address; all of them if there is none. */
static void sweep_close(struct sweep *sweep, const prefix_address *before, prefix_address highest)
{
	while (sweep->depth > 0 && (!before || sweep->open[sweep->depth - 1].end < *before)) {
		prefix_address end = sweep->open[--sweep->depth].end;
		if (end == highest)
			continue;
		flip_put(sweep, end + 1,
			 sweep->depth > 0 ? sweep->open[sweep->depth - 1].entry : 0);
	}
}

/* Sweeps over sorted prefixes of one family; `first` is the number of the first of them. */
static void sweep_run(struct sweep *sweep, const struct rpz_prefix *prefixes, uint32_t first,
		      uint32_t end)
{
	prefix_address highest = ~(prefix_address)0;

	sweep->count = sweep->depth = 0;
	if (first < end && !prefixes[first].prefix.ipv6)
		highest = UINT32_MAX;
	for (uint32_t i = first; i < end; i++) {
		prefix_address start = prefix_first(&prefixes[i].prefix);
		sweep_close(sweep, &start, highest);
		flip_put(sweep, start, i + 1);
		sweep->open[sweep->depth].end = prefix_last(&prefixes[i].prefix);
		sweep->open[sweep->depth++].entry = i + 1;
	}
	sweep_close(sweep, NULL, highest);
}

static int v4_make(const struct sweep *sweep, struct rpz_prefixes *prefixes)
{
	uint32_t *at = calloc(sweep->count + 1, sizeof(*at));
	uint32_t *entry = calloc(sweep->count + 1, sizeof(*entry));
	prefixes->v4 = at;
	prefixes->v4_entry = entry;
	if (!at || !entry)
		return -ENOMEM;
	for (size_t i = 0; i < sweep->count; i++) {
		at[i] = (uint32_t)sweep->flips[i].address;
		entry[i] = sweep->flips[i].entry;
	}
	prefixes->v4_count = (uint32_t)sweep->count;
	return 0;
}

static int v6_make(const struct sweep *sweep, struct rpz_prefixes *prefixes)
{
	struct prefix_v6 *at = calloc(sweep->count + 1, sizeof(*at));
	uint32_t *entry = calloc(sweep->count + 1, sizeof(*entry));
	prefixes->v6 = at;
	prefixes->v6_entry = entry;
	if (!at || !entry)
		return -ENOMEM;
	for (size_t i = 0; i < sweep->count; i++) {
		at[i].high = (uint64_t)(sweep->flips[i].address >> 64);
		at[i].low = (uint64_t)sweep->flips[i].address;
		entry[i] = sweep->flips[i].entry;
	}
	prefixes->v6_count = (uint32_t)sweep->count;
	return 0;
}

int rpz_prefixes_make(struct rpz_array *from, struct rpz_prefixes *prefixes)
{
	struct rpz_prefix *entries = from->items;
	uint32_t count = (uint32_t)from->count, v6 = 0;
	struct sweep sweep;

	prefixes->entries = entries;
	prefixes->count = count;
	*from = (struct rpz_array){0};
	if (count == 0)
		return 0;
	while (v6 < count && !entries[v6].prefix.ipv6)
		v6++;
	/* Each prefix starts one stretch of addresses and ends one. */
	sweep.flips = malloc((2 * (size_t)count + 1) * sizeof(*sweep.flips));
	if (!sweep.flips)
		return -ENOMEM;
	sweep_run(&sweep, entries, 0, v6);
	int error = v4_make(&sweep, prefixes);
	sweep_run(&sweep, entries, v6, count);
	if (error == 0)
		error = v6_make(&sweep, prefixes);
	free(sweep.flips);
	return error;
}
