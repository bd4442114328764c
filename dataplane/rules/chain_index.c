/* SPDX-License-Identifier: BSD-2-Clause */
#include "dataplane/rules/chain_index.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/dns/name.h"
#include "dataplane/rules/name_set.h"

/* ---- look-up */

static bool labels_has(const uint64_t labels[2], unsigned count)
{
	return labels[count / 64] >> count % 64 & 1;
}

static bool span_add(struct chain_candidates *candidates, const uint16_t *rules, uint16_t count)
{
	if (count == 0)
		return true;
	if (candidates->count == CHAIN_SPANS_MAX)
		return false;
	candidates->spans[candidates->count].next = rules;
	candidates->spans[candidates->count++].end = rules + count;
	return true;
}

bool chain_index_find(const struct chain_index *index, const uint8_t *name, size_t length,
		      struct chain_candidates *candidates)
{
	uint8_t offsets[DNS_LABELS_MAX];
	unsigned labels = dns_name_split(name, length, offsets);

	candidates->count = 0;
	for (unsigned skip = 0; skip <= labels; skip++) {
		bool itself = skip == 0 && labels_has(index->labels_itself, labels);
		if (!itself && !labels_has(index->labels_below, labels - skip))
			continue;
		size_t at = skip < labels ? offsets[skip] : length - 1;
		uint32_t slot = name_set_find(index->names, name + at, length - at);
		if (slot == NAME_SET_NONE)
			continue;
		const struct chain_index_entry *entry = &index->entries[slot];
		const uint16_t *rules = index->rules + entry->rules;
		if (!span_add(candidates, rules, entry->below) ||
		    (itself && !span_add(candidates, rules + entry->below, entry->itself)))
			return false;
	}
	return true;
}

/* ---- building */

static int names_compare(const struct chain_need *a, const struct chain_need *b)
{
	if (a->length != b->length)
		return a->length < b->length ? -1 : 1;
	return memcmp(a->name, b->name, a->length);
}

/* By name, what lies below first, then by rule. */
static int needs_compare(const void *left, const void *right)
{
	const struct chain_need *a = left, *b = right;
	int order = names_compare(a, b);
	if (order != 0)
		return order;
	if (a->below != b->below)
		return a->below ? -1 : 1;
	return (a->rule > b->rule) - (a->rule < b->rule);
}

static size_t doubles_remove(struct chain_need *needs, size_t count)
{
	size_t kept = 0;
	for (size_t i = 0; i < count; i++)
		if (kept == 0 || needs_compare(&needs[kept - 1], &needs[i]) != 0)
			needs[kept++] = needs[i];
	return kept;
}

/* The names of all needs: NULL without memory. */
static struct name_set *needs_names(const struct chain_need *needs, size_t count)
{
	struct name_set *names = name_set_new();
	for (size_t i = 0; names != NULL && i < count; i++) {
		int error = name_set_add(names, needs[i].name, needs[i].length);
		if (error != 0 && error != -EEXIST) {
			name_set_free(names);
			return NULL;
		}
	}
	return names;
}

static void labels_mark(struct chain_index *index, const struct chain_need *need)
{
	uint8_t offsets[DNS_LABELS_MAX];
	unsigned labels = dns_name_split(need->name, need->length, offsets);
	uint64_t *bits = need->below ? index->labels_below : index->labels_itself;
	bits[labels / 64] |= (uint64_t)1 << labels % 64;
}

/* Sorted needs: those of one name are neighbours, and so are their rules. */
static void needs_place(struct chain_index *index, struct chain_index_entry *entries,
			uint16_t *rules, const struct chain_need *needs, size_t count)
{
	struct chain_index_entry *entry = NULL;
	for (size_t i = 0; i < count; i++) {
		if (i == 0 || names_compare(&needs[i - 1], &needs[i]) != 0) {
			entry = &entries[name_set_find(index->names, needs[i].name,
						       needs[i].length)];
			entry->rules = (uint32_t)i;
		}
		entry->below += needs[i].below;
		entry->itself += !needs[i].below;
		rules[i] = needs[i].rule;
		labels_mark(index, &needs[i]);
	}
}

struct chain_index *chain_index_new(struct chain_need *needs, size_t count)
{
	if (count > 0) /* sets without names need nothing */
		qsort(needs, count, sizeof(*needs), needs_compare);
	count = doubles_remove(needs, count);
	struct name_set *names = needs_names(needs, count);
	if (names == NULL)
		return NULL;
	size_t slots = (size_t)names->mask + 1;
	struct chain_index *index =
		calloc(1, sizeof(*index) + slots * sizeof(struct chain_index_entry) +
				  count * sizeof(uint16_t));
	if (index == NULL) {
		name_set_free(names);
		return NULL;
	}
	struct chain_index_entry *entries = (void *)(index + 1);
	uint16_t *rules = (void *)(entries + slots);
	index->names = names;
	index->entries = entries;
	index->rules = rules;
	needs_place(index, entries, rules, needs, count);
	return index;
}

void chain_index_free(struct chain_index *index)
{
	if (index == NULL)
		return;
	name_set_free(index->names);
	free(index);
}
