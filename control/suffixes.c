/* SPDX-License-Identifier: BSD-2-Clause */
#include "control/suffixes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ITEMS_MIN 256u

/* The name as its labels from the last on, each behind its length: who has it first is below it. */
struct suffix_item {
	struct suffix_sums sums;
	uint8_t length;
	uint8_t key[DNS_NAME_MAX];
};

/* A name that is being walked through. */
struct suffix_step {
	struct suffix_sums own, all; /* `all` is of those below, as far as they have been left */
	uint32_t children;
	uint8_t length; /* of its part of the key */
};

struct suffixes {
	struct suffix_item *items;
	size_t count, size;
	const struct suffix_item **order; /* NULL: the walk has not begun */
	size_t at;
	uint8_t key[DNS_NAME_MAX]; /* of the last step */
	unsigned depth; /* steps, the root included; 0: the walk has ended */
	struct suffix_step steps[DNS_LABELS_MAX + 1];
};

struct suffixes *suffixes_new(void)
{
	return calloc(1, sizeof(struct suffixes));
}

void suffixes_free(struct suffixes *suffixes)
{
	if (suffixes == NULL)
		return;
	free(suffixes->order);
	free(suffixes->items);
	free(suffixes);
}

int suffixes_add(struct suffixes *suffixes, const uint8_t *name, size_t length,
		 const struct suffix_sums *sums)
{
	uint8_t offsets[DNS_LABELS_MAX], lower[DNS_NAME_MAX];
	if (suffixes->count == suffixes->size) {
		size_t size = suffixes->size > 0 ? 2 * suffixes->size : ITEMS_MIN;
		void *items = realloc(suffixes->items, size * sizeof(suffixes->items[0]));
		if (items == NULL)
			return -ENOMEM;
		suffixes->items = items;
		suffixes->size = size;
	}
	struct suffix_item *item = &suffixes->items[suffixes->count++];
	item->sums = *sums;
	item->length = 0;
	dns_name_lower(lower, name, length);
	for (unsigned i = dns_name_split(name, length, offsets); i-- > 0;) {
		const uint8_t *label = lower + offsets[i];
		memcpy(item->key + item->length, label, label[0] + 1u);
		item->length += (uint8_t)(label[0] + 1u);
	}
	return 0;
}

static int items_compare(const void *a, const void *b)
{
	const struct suffix_item *first = *(const struct suffix_item *const *)a;
	const struct suffix_item *second = *(const struct suffix_item *const *)b;
	size_t common = first->length < second->length ? first->length : second->length;
	int order = memcmp(first->key, second->key, common);
	return order != 0 ? order : (int)first->length - (int)second->length;
}

/* False without memory. */
static bool walk_begin(struct suffixes *suffixes)
{
	suffixes->order = calloc(suffixes->count + 1, sizeof(suffixes->order[0]));
	if (suffixes->order == NULL)
		return false;
	for (size_t i = 0; i < suffixes->count; i++)
		suffixes->order[i] = &suffixes->items[i];
	qsort(suffixes->order, suffixes->count, sizeof(suffixes->order[0]), items_compare);
	suffixes->depth = 1;
	return true;
}

static void sums_add(struct suffix_sums *to, const struct suffix_sums *from)
{
	to->queries += from->queries;
	to->noerrors += from->noerrors;
	to->nxdomains += from->nxdomains;
	to->servfails += from->servfails;
	to->drops += from->drops;
	to->bytes += from->bytes;
	to->hits += from->hits;
}

/* Goes as far down to the next name as it leads. False: it is not below the last step. */
static bool descend(struct suffixes *suffixes, const struct suffix_item *item)
{
	struct suffix_step *top = &suffixes->steps[suffixes->depth - 1];
	if (item->length < top->length || memcmp(item->key, suffixes->key, top->length) != 0)
		return false;
	while (top->length < item->length) {
		uint8_t length = (uint8_t)(item->key[top->length] + 1);
		memcpy(suffixes->key + top->length, item->key + top->length, length);
		top->children++;
		top[1] = (struct suffix_step){.length = (uint8_t)(top->length + length)};
		suffixes->depth++;
		top++;
	}
	sums_add(&top->own, &item->sums);
	return true;
}

/* The labels of a key in their order. */
static void name_write(const uint8_t *key, uint8_t length, struct suffix_node *node)
{
	uint8_t *end = node->name + length;
	*end = 0;
	node->length = (uint8_t)(length + 1);
	for (unsigned at = 0; at < length; at += key[at] + 1u) {
		end -= key[at] + 1u;
		memcpy(end, key + at, key[at] + 1u);
	}
}

static void leave(struct suffixes *suffixes, struct suffix_node *node)
{
	struct suffix_step *top = &suffixes->steps[--suffixes->depth];
	sums_add(&top->all, &top->own);
	node->own = top->own;
	node->all = top->all;
	node->children = top->children;
	node->labels = suffixes->depth;
	name_write(suffixes->key, top->length, node);
	if (suffixes->depth > 0)
		sums_add(&top[-1].all, &top->all);
}

bool suffixes_next(struct suffixes *suffixes, struct suffix_node *node)
{
	if (suffixes->order == NULL && !walk_begin(suffixes))
		return false;
	if (suffixes->depth == 0)
		return false;
	while (suffixes->at < suffixes->count &&
	       descend(suffixes, suffixes->order[suffixes->at]))
		suffixes->at++;
	leave(suffixes, node);
	return true;
}
