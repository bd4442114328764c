/* SPDX-License-Identifier: BSD-2-Clause */
#include "dataplane/rules/prefix_index.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define FANOUT 16u
#define LEVELS_MAX 9u	/* 16^9 is more than any count */
#define DEPTH_MAX 130u	/* prefixes around one address */
#define NOTHING UINT32_MAX
#define LINE 64u
#define HUGE_PAGE ((size_t)2 << 20)

/* The addresses of a family at which the answer changes. */
struct changes {
	uint64_t *levels[LEVELS_MAX]; /* [0] has all, each above the first of every sixteen */
	uint32_t counts[LEVELS_MAX];
	uint32_t n_levels; /* 0: there are no prefixes of the family */
	uint64_t *low;	   /* IPv6: the low half of each address in levels[0]; else NULL */
	uint32_t *members; /* what holds from there on, or NOTHING; a line for each node's keys */
	size_t bytes;
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
	uint32_t *count = &changes->counts[0];
	uint64_t high = changes->low != NULL ? (uint64_t)(at >> 64) : (uint64_t)at;
	bool same = *count > 0 && changes->levels[0][*count - 1] == high &&
		    (changes->low == NULL || changes->low[*count - 1] == (uint64_t)at);
	if (same)
		--*count;
	if ((*count > 0 ? changes->members[*count - 1] : NOTHING) == member)
		return;
	changes->levels[0][*count] = high;
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

static size_t padded(size_t count)
{
	return (count + FANOUT - 1) / FANOUT * FANOUT;
}

static void *array(struct changes *changes, size_t count, size_t size)
{
	size_t align = count * size < HUGE_PAGE ? LINE : HUGE_PAGE;
	size_t bytes = (count * size + align - 1) / align * align;
	void *memory = aligned_alloc(align, bytes);
	changes->bytes += count * size;
	if (memory != NULL && align == HUGE_PAGE)
		(void)madvise(memory, bytes, MADV_HUGEPAGE); /* fewer misses of the TLB */
	return memory;
}

/* Makes a level above the last one, unless that is one node. False without memory. */
static bool level_add(struct changes *changes)
{
	unsigned below = changes->n_levels - 1;
	uint32_t count = (uint32_t)(padded(changes->counts[below]) / FANOUT);
	uint64_t *keys = array(changes, padded(count), sizeof(*keys));
	if (keys == NULL)
		return false;
	for (size_t i = 0; i < padded(count); i++)
		keys[i] = i < count ? changes->levels[below][i * FANOUT] : UINT64_MAX;
	changes->levels[changes->n_levels] = keys;
	changes->counts[changes->n_levels++] = count;
	return true;
}

static bool changes_build(struct changes *changes, const struct prefix_member *members,
			  uint32_t from, uint32_t to, bool ipv6)
{
	struct sweep sweep = {.members = members, .changes = changes};
	size_t room = padded(2 * (size_t)(to - from));
	if (from == to)
		return true;
	changes->n_levels = 1;
	changes->levels[0] = array(changes, room, sizeof(uint64_t));
	changes->members = array(changes, room, sizeof(uint32_t));
	changes->low = ipv6 ? array(changes, room, sizeof(uint64_t)) : NULL;
	if (changes->levels[0] == NULL || changes->members == NULL ||
	    (ipv6 && changes->low == NULL))
		return false;
	sweep_run(&sweep, from, to, ipv6 ? ~(prefix_address)0 : UINT32_MAX);
	for (size_t i = changes->counts[0]; i < room; i++)
		changes->levels[0][i] = UINT64_MAX;
	while (changes->counts[changes->n_levels - 1] > FANOUT)
		if (!level_add(changes))
			return false;
	return true;
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
	for (unsigned i = 0; i < changes->n_levels; i++)
		free(changes->levels[i]);
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

/* How many of a node's keys are not above this one, without branches. */
static inline uint32_t node_rank(const uint64_t keys[static FANOUT], uint64_t key)
{
	uint32_t rank = 0;
	for (unsigned i = 0; i < FANOUT; i++)
		rank += keys[i] <= key;
	return rank;
}

/* Number of the last key in levels[0] that is not above this one; UINT32_MAX: all are. */
static inline uint32_t changes_rank(const struct changes *changes, uint64_t key)
{
	uint32_t at = 0;
	for (unsigned level = changes->n_levels; level-- > 0;) {
		if (level == 0)
			__builtin_prefetch(changes->members + (size_t)at * FANOUT);
		uint32_t left = changes->counts[level] - at * FANOUT;
		uint32_t rank = node_rank(changes->levels[level] + (size_t)at * FANOUT, key);
		if (rank > left)
			rank = left; /* what fills the last node up equals the last address */
		if (rank == 0)
			return UINT32_MAX;
		at = at * FANOUT + rank - 1;
	}
	return at;
}

/* The same for an IPv6 address, where number `at` is the last of those with its high half. */
static uint32_t changes_rank_low(const struct changes *changes, uint32_t at, uint64_t high,
				 uint64_t low)
{
	uint32_t from = 0, to = at; /* how many are not above: more than `at` is no question here */
	if (changes->levels[0][at] != high || changes->low[at] <= low)
		return at;
	while (from < to) {
		uint32_t middle = from + (to - from) / 2;
		if (changes->levels[0][middle] == high && changes->low[middle] > low)
			to = middle;
		else
			from = middle + 1;
	}
	return from - 1; /* UINT32_MAX for none */
}

const struct prefix_member *prefix_index_find(const struct prefix_index *index,
					      const uint8_t *address, bool ipv6)
{
	const struct changes *changes = ipv6 ? &index->v6 : &index->v4;
	uint32_t at, short_address;
	uint64_t halves[2];
	if (changes->n_levels == 0)
		return NULL;
	if (ipv6) {
		memcpy(halves, address, sizeof(halves));
		halves[0] = __builtin_bswap64(halves[0]);
		at = changes_rank(changes, halves[0]);
		if (at != UINT32_MAX)
			at = changes_rank_low(changes, at, halves[0],
					      __builtin_bswap64(halves[1]));
	} else {
		memcpy(&short_address, address, sizeof(short_address));
		at = changes_rank(changes, __builtin_bswap32(short_address));
	}
	if (at == UINT32_MAX || changes->members[at] == NOTHING)
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

size_t prefix_index_memory(const struct prefix_index *index)
{
	return sizeof(*index) + index->count * sizeof(*index->members) + index->v4.bytes +
	       index->v6.bytes;
}
