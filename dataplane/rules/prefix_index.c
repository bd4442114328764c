/* SPDX-License-Identifier: BSD-2-Clause */
#include "dataplane/rules/prefix_index.h"

#include <stdlib.h>
#include <string.h>

#include "dataplane/rules/key_tree.h"

#define DEPTH_MAX 130u	/* prefixes around one address */
#define NOTHING UINT32_MAX

/* The addresses of a family at which the answer changes. */
struct changes {
	struct key_tree keys; /* empty: there are no prefixes of the family */
	uint64_t *low;	      /* IPv6: the low half of each address, whose keys are the high ones */
	uint32_t *members;    /* what holds from there on, or NOTHING */
};

struct prefix_index {
	struct prefix_member *members; /* sorted */
	size_t count;
	struct changes v4, v6;
};

/* ---- building ---- */

/* qsort() does not keep the order of those that are equal. */
struct place {
	struct prefix_member member;
	uint32_t order;
};

static int places_compare(const void *a, const void *b)
{
	const struct place *left = a, *right = b;
	int order = prefix_compare(&left->member.prefix, &right->member.prefix);
	return order != 0 ? order : (left->order > right->order) - (left->order < right->order);
}

/* The members sorted; of equal prefixes the last one. False without memory. */
static bool members_sort(struct prefix_index *index, const struct prefix_member *members,
			 size_t count)
{
	struct place *places = malloc((count | 1) * sizeof(*places));
	if (places == NULL)
		return false;
	for (size_t i = 0; i < count; i++)
		places[i] = (struct place){members[i], (uint32_t)i};
	qsort(places, count, sizeof(*places), places_compare);
	index->members = malloc((count | 1) * sizeof(*index->members));
	for (size_t i = 0; index->members != NULL && i < count; i++) {
		struct prefix_member *last = index->members + index->count - 1;
		bool same = index->count > 0 &&
			    prefix_compare(&last->prefix, &places[i].member.prefix) == 0;
		index->count -= same;
		index->members[index->count++] = places[i].member;
	}
	free(places);
	return index->members != NULL;
}

/* The way over the sorted prefixes of a family, each within those that are open. */
struct sweep {
	const struct prefix_member *members;
	struct changes *changes;
	uint32_t open[DEPTH_MAX];
	unsigned depth;
};

/* The later of two changes at one address counts; what changes nothing is none. */
static void change(struct sweep *sweep, prefix_address at, uint32_t member)
{
	struct changes *changes = sweep->changes;
	uint64_t *keys = changes->keys.levels[0];
	uint32_t *count = &changes->keys.counts[0];
	uint64_t high = changes->low != NULL ? (uint64_t)(at >> 64) : (uint64_t)at;
	bool same = *count > 0 && keys[*count - 1] == high &&
		    (changes->low == NULL || changes->low[*count - 1] == (uint64_t)at);
	if (same)
		--*count;
	if ((*count > 0 ? changes->members[*count - 1] : NOTHING) == member)
		return;
	keys[*count] = high;
	if (changes->low != NULL)
		changes->low[*count] = (uint64_t)at;
	changes->members[(*count)++] = member;
}

/* A negated prefix is there to hide those around it. */
static uint32_t holder(const struct sweep *sweep, uint32_t member)
{
	return sweep->members[member].prefix.negated ? NOTHING : member;
}

/* Closes what ends before `first`. */
static void sweep_close(struct sweep *sweep, prefix_address first)
{
	while (sweep->depth > 0) {
		const struct prefix_member *top = &sweep->members[sweep->open[sweep->depth - 1]];
		prefix_address last = prefix_last(&top->prefix);
		if (last >= first)
			return;
		sweep->depth--;
		change(sweep, last + 1,
		       sweep->depth > 0 ? holder(sweep, sweep->open[sweep->depth - 1]) : NOTHING);
	}
}

static void sweep_run(struct sweep *sweep, uint32_t from, uint32_t to, prefix_address last)
{
	for (uint32_t i = from; i < to; i++) {
		prefix_address first = prefix_first(&sweep->members[i].prefix);
		sweep_close(sweep, first);
		sweep->open[sweep->depth++] = i;
		change(sweep, first, holder(sweep, i));
	}
	/* What reaches to the last address of all ends nowhere. */
	sweep_close(sweep, last);
}

static bool changes_build(struct changes *changes, const struct prefix_member *members,
			  uint32_t from, uint32_t to, bool ipv6)
{
	struct sweep sweep = {.members = members, .changes = changes};
	size_t room = 2 * (size_t)(to - from);
	if (from == to)
		return true;
	changes->members = key_tree_array(room, sizeof(uint32_t));
	changes->low = ipv6 ? key_tree_array(room, sizeof(uint64_t)) : NULL;
	if (!key_tree_open(&changes->keys, room) || changes->members == NULL ||
	    (ipv6 && changes->low == NULL))
		return false;
	sweep_run(&sweep, from, to, ipv6 ? ~(prefix_address)0 : UINT32_MAX);
	return key_tree_close(&changes->keys);
}

struct prefix_index *prefix_index_build(const struct prefix_member *members, size_t count)
{
	struct prefix_index *index = calloc(1, sizeof(*index));
	uint32_t v4 = 0;
	if (index == NULL || count > INT32_MAX || !members_sort(index, members, count)) {
		free(index);
		return NULL;
	}
	while (v4 < index->count && !index->members[v4].prefix.ipv6)
		v4++;
	if (changes_build(&index->v4, index->members, 0, v4, false) &&
	    changes_build(&index->v6, index->members, v4, (uint32_t)index->count, true))
		return index;
	prefix_index_free(index);
	return NULL;
}

static void changes_free(struct changes *changes)
{
	key_tree_free(&changes->keys);
	free(changes->low);
	free(changes->members);
}

void prefix_index_free(struct prefix_index *index)
{
	if (index == NULL)
		return;
	changes_free(&index->v4);
	changes_free(&index->v6);
	free(index->members);
	free(index);
}

/* ---- looking up ---- */

static inline void members_fetch(const void *data, size_t node)
{
	const struct changes *changes = data;
	__builtin_prefetch(changes->members + node * KEY_TREE_FANOUT);
}

static inline uint32_t changes_rank(const struct changes *changes, uint64_t key)
{
	return key_tree_rank(&changes->keys, key, members_fetch, changes);
}

/* The change for an IPv6 address, where number `at` is the last of those with its high half. */
static uint32_t changes_rank_low(const struct changes *changes, uint32_t at, uint64_t high,
				 uint64_t low)
{
	uint32_t from = 0, to = at; /* how many are not above: more than `at` is no question here */
	const uint64_t *keys = changes->keys.levels[0];
	if (keys[at] != high || changes->low[at] <= low)
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

const struct prefix_member *prefix_index_find(const struct prefix_index *index,
					      const uint8_t *address, bool ipv6)
{
	const struct changes *changes = ipv6 ? &index->v6 : &index->v4;
	uint32_t at, short_address;
	uint64_t halves[2];
	if (changes->keys.n_levels == 0)
		return NULL;
	if (ipv6) {
		memcpy(halves, address, sizeof(halves));
		halves[0] = __builtin_bswap64(halves[0]);
		at = changes_rank(changes, halves[0]);
		if (at != KEY_TREE_NONE)
			at = changes_rank_low(changes, at, halves[0],
					      __builtin_bswap64(halves[1]));
	} else {
		memcpy(&short_address, address, sizeof(short_address));
		at = changes_rank(changes, __builtin_bswap32(short_address));
	}
	if (at == KEY_TREE_NONE || changes->members[at] == NOTHING)
		return NULL;
	return &index->members[changes->members[at]];
}

size_t prefix_index_count(const struct prefix_index *index)
{
	return index->count;
}

const struct prefix_member *prefix_index_at(const struct prefix_index *index, size_t number)
{
	return &index->members[number];
}

static size_t changes_memory(const struct changes *changes)
{
	size_t elements = (changes->low != NULL ? sizeof(uint64_t) : 0) + sizeof(uint32_t);
	return key_tree_memory(&changes->keys) + changes->keys.counts[0] * elements;
}

size_t prefix_index_memory(const struct prefix_index *index)
{
	return sizeof(*index) + index->count * sizeof(*index->members) +
	       changes_memory(&index->v4) + changes_memory(&index->v6);
}
