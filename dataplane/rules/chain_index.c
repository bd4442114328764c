/* SPDX-License-Identifier: BSD-2-Clause */
#include "dataplane/rules/chain_index.h"

#include <stdlib.h>
#include <string.h>

#include "dataplane/dns/name.h"

static uint32_t name_hash(const uint8_t *name, size_t length)
{
	/* Members come from the operator, so nobody can choose them to collide. */
	return dns_name_hash32(name, length, 0);
}

/* ---- look-up */

static bool labels_has(const uint64_t labels[2], unsigned count)
{
	return labels[count / 64] >> count % 64 & 1;
}

static const struct chain_index_entry *entry_find(const struct chain_index *index,
						  const uint8_t *name, size_t length)
{
	uint32_t hash = name_hash(name, length);
	for (uint32_t i = hash & index->mask;; i = (i + 1) & index->mask) {
		const struct chain_index_slot *slot = &index->slots[i];
		if (slot->entry == 0)
			return NULL;
		const struct chain_index_entry *entry = &index->entries[slot->entry - 1];
		const uint8_t *member = index->bytes + entry->name;
		if (slot->hash == hash && dns_name_equal(member + 1, member[0], name, length))
			return entry;
	}
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
		const struct chain_index_entry *entry = entry_find(index, name + at, length - at);
		if (entry == NULL)
			continue;
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

struct measures {
	size_t names;
	size_t bytes;
	uint32_t slots;
};

/* At most half of the slots are in use, so probing always ends soon. */
static struct measures needs_measure(const struct chain_need *needs, size_t count)
{
	struct measures sum = {.slots = 8};
	for (size_t i = 0; i < count; i++) {
		if (i > 0 && names_compare(&needs[i - 1], &needs[i]) == 0)
			continue;
		sum.names++;
		sum.bytes += needs[i].length + 1u;
	}
	while (sum.slots < sum.names * 2)
		sum.slots *= 2;
	return sum;
}

static void slot_take(struct chain_index_slot *slots, uint32_t mask, uint32_t hash, uint32_t entry)
{
	uint32_t i = hash & mask;
	while (slots[i].entry != 0)
		i = (i + 1) & mask;
	slots[i] = (struct chain_index_slot){hash, entry};
}

/* One name: all needs from this one on that have it. Returns their number. */
static size_t entry_fill(struct chain_index *index, struct chain_index_entry *entry,
			 const struct chain_need *needs, size_t count, uint16_t *rules)
{
	uint8_t offsets[DNS_LABELS_MAX];
	unsigned labels = dns_name_split(needs[0].name, needs[0].length, offsets);
	size_t used = 0;

	for (; used < count && names_compare(&needs[0], &needs[used]) == 0; used++) {
		uint64_t *bits = needs[used].below ? index->labels_below : index->labels_itself;
		bits[labels / 64] |= (uint64_t)1 << labels % 64;
		rules[used] = needs[used].rule;
		entry->below += needs[used].below;
		entry->itself += !needs[used].below;
	}
	return used;
}

struct chain_index *chain_index_new(struct chain_need *needs, size_t count)
{
	qsort(needs, count, sizeof(*needs), needs_compare);
	count = doubles_remove(needs, count);
	struct measures sum = needs_measure(needs, count);
	size_t slots_size = sum.slots * sizeof(struct chain_index_slot);
	size_t entries_size = sum.names * sizeof(struct chain_index_entry);
	struct chain_index *index = calloc(1, sizeof(*index) + slots_size + entries_size +
						      count * sizeof(uint16_t) + sum.bytes);
	if (index == NULL)
		return NULL;
	struct chain_index_slot *slots = (void *)(index + 1);
	struct chain_index_entry *entries = (void *)(slots + sum.slots);
	uint16_t *rules = (void *)(entries + sum.names);
	uint8_t *bytes = (void *)(rules + count);
	index->mask = sum.slots - 1;
	index->slots = slots;
	index->entries = entries;
	index->rules = rules;
	index->bytes = bytes;

	uint32_t number = 0, at = 0;
	for (size_t i = 0; i < count; number++) {
		entries[number] = (struct chain_index_entry){.name = at, .rules = (uint32_t)i};
		bytes[at] = needs[i].length;
		memcpy(bytes + at + 1, needs[i].name, needs[i].length);
		slot_take(slots, index->mask, name_hash(needs[i].name, needs[i].length), number + 1);
		at += needs[i].length + 1u;
		i += entry_fill(index, &entries[number], needs + i, count - i, rules + i);
	}
	return index;
}

void chain_index_free(struct chain_index *index)
{
	free(index);
}
