/* SPDX-License-Identifier: BSD-2-Clause */
#include "dataplane/rules/prefix_index.h"

#include <stdlib.h>
#include <string.h>

#include "dataplane/rules/key_tree.h"

#define DEPTH_MAX 130u /* prefixes around one address */
#define NOTHING UINT32_MAX

/* The addresses of a family at which the answer changes. */
struct changes {
	struct key_tree keys; /* empty: there are no prefixes of the family */
	uint64_t *low;	   /* IPv6, whose keys are the high halves: the low ones; NULL: all are 0 */
	uint32_t *members; /* what holds from there on, or NOTHING */
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
	bool ipv6;
	uint32_t open[DEPTH_MAX];
	unsigned depth;
};

/* The later of two changes at one address counts; what changes nothing is none. */
static void change(struct sweep *sweep, prefix_address at, uint32_t member)
{
	struct changes *changes = sweep->changes;
	uint64_t *keys = changes->keys.levels[0];
	uint32_t *count = &changes->keys.counts[0];
	uint64_t high = sweep->ipv6 ? (uint64_t)(at >> 64) : (uint64_t)at;
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

/* Whether some prefix begins or ends within what has one high half. */
static bool low_needed(const struct prefix_member *members, uint32_t from, uint32_t to)
{
	for (uint32_t i = from; i < to; i++)
		if (members[i].prefix.length > 64)
			return true;
	return false;
}

static bool changes_build(struct changes *changes, const struct prefix_member *members,
			  uint32_t from, uint32_t to, bool ipv6)
{
	struct sweep sweep = {.members = members, .changes = changes, .ipv6 = ipv6};
	size_t room = 2 * (size_t)(to - from);
	bool low = ipv6 && low_needed(members, from, to);
	if (from == to)
		return true;
	changes->members = key_tree_array(room, sizeof(uint32_t));
	changes->low = low ? key_tree_array(room, sizeof(uint64_t)) : NULL;
	if (!key_tree_open(&changes->keys, room) || changes->members == NULL ||
	    (low && changes->low == NULL))
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

/* An address as a key, and the low half of an IPv6 one. */
static inline uint64_t key_of(const uint8_t *address, bool ipv6)
{
	uint64_t high;
	uint32_t whole;
	if (ipv6) {
		memcpy(&high, address, sizeof(high));
		return __builtin_bswap64(high);
	}
	memcpy(&whole, address, sizeof(whole));
	return __builtin_bswap32(whole);
}

static inline uint64_t low_of(const uint8_t *address)
{
	uint64_t low;
	memcpy(&low, address + 8, sizeof(low));
	return __builtin_bswap64(low);
}

/* What holds from change `at` on; `at` is the last that is not above the key. */
static inline const struct prefix_member *member_at(const struct prefix_index *index,
						    const struct changes *changes, uint32_t at,
						    uint64_t key, const uint8_t *address)
{
	if (at != KEY_TREE_NONE && changes->low != NULL)
		at = key_tree_rank_low(&changes->keys, changes->low, at, key, low_of(address));
	if (at == KEY_TREE_NONE || changes->members[at] == NOTHING)
		return NULL;
	return &index->members[changes->members[at]];
}

const struct prefix_member *prefix_index_find(const struct prefix_index *index,
					      const uint8_t *address, bool ipv6)
{
	const struct changes *changes = ipv6 ? &index->v6 : &index->v4;
	if (changes->keys.n_levels == 0)
		return NULL;
	uint64_t key = key_of(address, ipv6);
	uint32_t at = key_tree_rank(&changes->keys, key, members_fetch, changes);
	return member_at(index, changes, at, key, address);
}

/* Those of one family, which are these numbers of all. */
static void family_find(const struct prefix_index *index, bool ipv6,
			const uint8_t *const addresses[], const uint8_t numbers[], unsigned count,
			const struct prefix_member *members[])
{
	const struct changes *changes = ipv6 ? &index->v6 : &index->v4;
	uint64_t keys[PREFIX_INDEX_BULK_MAX];
	uint32_t at[PREFIX_INDEX_BULK_MAX];
	for (unsigned i = 0; i < count; i++) {
		members[numbers[i]] = NULL;
		keys[i] = key_of(addresses[numbers[i]], ipv6);
	}
	if (changes->keys.n_levels == 0)
		return;
	key_tree_rank_bulk(&changes->keys, keys, count, at, members_fetch, changes);
	for (unsigned i = 0; i < count; i++)
		members[numbers[i]] =
			member_at(index, changes, at[i], keys[i], addresses[numbers[i]]);
}

void prefix_index_find_bulk(const struct prefix_index *index, const uint8_t *const addresses[],
			    uint64_t ipv6, unsigned count, const struct prefix_member *members[])
{
	uint8_t numbers[2][PREFIX_INDEX_BULK_MAX];
	unsigned counts[2] = {0};
	for (unsigned i = 0; i < count && i < PREFIX_INDEX_BULK_MAX; i++) {
		unsigned family = ipv6 >> i & 1;
		numbers[family][counts[family]++] = (uint8_t)i;
	}
	family_find(index, false, addresses, numbers[0], counts[0], members);
	family_find(index, true, addresses, numbers[1], counts[1], members);
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
