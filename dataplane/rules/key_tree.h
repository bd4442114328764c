/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sorted numbers of 64 bits, tens of millions of them, that one is looked up among: a tree of
 * sixteen keys a node, whose nodes need no pointers. A look-up reads two lines of memory a level,
 * and five levels hold a million.
 *
 * It is filled once, in order, and then read by any lcore without a lock.
 */
#ifndef SLUICE_DATAPLANE_RULES_KEY_TREE_H
#define SLUICE_DATAPLANE_RULES_KEY_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __SSE4_2__
#include <nmmintrin.h>
#endif

#define KEY_TREE_FANOUT 16u
#define KEY_TREE_LEVELS_MAX 9u /* 16^9 is more than any count */
#define KEY_TREE_NONE UINT32_MAX

struct key_tree {
	uint64_t *levels[KEY_TREE_LEVELS_MAX]; /* [0] has all, each above the first of every sixteen
						*/
	uint32_t counts[KEY_TREE_LEVELS_MAX];
	uint32_t n_levels; /* 0: there are no keys */
};

/*
 * Makes room for `count` keys, to be written to levels[0] in ascending order, and counted in
 * counts[0]. Keys may be equal. 0 is no room and no keys. False without memory.
 */
bool key_tree_open(struct key_tree *tree, size_t count);

/* Makes the levels above them. False without memory. */
bool key_tree_close(struct key_tree *tree);

/* Frees what there is; all zero is nothing to free. */
void key_tree_free(struct key_tree *tree);

/* Bytes of keys in all levels. */
size_t key_tree_memory(const struct key_tree *tree);

/*
 * Memory for what goes with the keys, one element for each: not cleared, in huge pages where that
 * is worth it, and such that the elements of a node of keys are fetched with it. To be freed with
 * free(). NULL without memory.
 */
void *key_tree_array(size_t count, size_t size);

/* How many of a node's keys are not above this one, without branches. */
static inline uint32_t key_tree_node_rank(const uint64_t keys[static KEY_TREE_FANOUT], uint64_t key)
{
#ifdef __SSE4_2__
	/* Compares signed numbers: those of which one bit is turned have the order that we want. */
	const __m128i bias = _mm_set1_epi64x(INT64_MIN);
	const __m128i wanted = _mm_xor_si128(_mm_set1_epi64x((int64_t)key), bias);
	__m128i even = _mm_setzero_si128(), odd = even;
	for (unsigned i = 0; i < KEY_TREE_FANOUT; i += 4) {
		__m128i left = _mm_load_si128((const __m128i *)&keys[i]);
		__m128i right = _mm_load_si128((const __m128i *)&keys[i + 2]);
		even = _mm_add_epi64(even, _mm_cmpgt_epi64(_mm_xor_si128(left, bias), wanted));
		odd = _mm_add_epi64(odd, _mm_cmpgt_epi64(_mm_xor_si128(right, bias), wanted));
	}
	even = _mm_add_epi64(even, odd); /* less one for each that is above */
	even = _mm_add_epi64(even, _mm_unpackhi_epi64(even, even));
	return KEY_TREE_FANOUT + (uint32_t)_mm_cvtsi128_si32(even);
#else
	uint32_t rank = 0;
	for (unsigned i = 0; i < KEY_TREE_FANOUT; i++)
		rank += keys[i] <= key;
	return rank;
#endif
}

/* From node `at` of a level to that of the level below; KEY_TREE_NONE: all keys are above. */
static inline uint32_t key_tree_step(const struct key_tree *tree, unsigned level, uint32_t at,
				     uint64_t key)
{
	size_t node = (size_t)at * KEY_TREE_FANOUT;
	uint32_t left = tree->counts[level] - (uint32_t)node;
	uint32_t rank = key_tree_node_rank(tree->levels[level] + node, key);
	if (rank > left)
		rank = left; /* what fills the last node up may equal the key */
	return rank == 0 ? KEY_TREE_NONE : (uint32_t)node + rank - 1;
}

/* Fetches what goes with the keys of a node, which are the sixteenth `node` of all. */
typedef void key_tree_fetch_fn(const void *data, size_t node);

/*
 * Number of the last key that is not above this one; KEY_TREE_NONE: all are. Calls `fetch` with its
 * node, before that is read. The tree must have keys.
 */
static inline __attribute__((always_inline)) uint32_t
key_tree_rank(const struct key_tree *tree, uint64_t key, key_tree_fetch_fn *fetch, const void *data)
{
	uint32_t at = 0;
	for (unsigned level = tree->n_levels; level-- > 0 && at != KEY_TREE_NONE;) {
		if (level == 0)
			fetch(data, at);
		at = key_tree_step(tree, level, at, key);
	}
	return at;
}

static inline void key_tree_node_fetch(const struct key_tree *tree, unsigned level, uint32_t node)
{
	const uint64_t *keys = tree->levels[level] + (size_t)node * KEY_TREE_FANOUT;
	__builtin_prefetch(keys);
	__builtin_prefetch(keys + KEY_TREE_FANOUT / 2);
}

/* The same for many keys, which wait for memory together: once a level, and not once a key. */
static inline __attribute__((always_inline)) void
key_tree_rank_bulk(const struct key_tree *tree, const uint64_t keys[], unsigned count,
		   uint32_t at[], key_tree_fetch_fn *fetch, const void *data)
{
	for (unsigned i = 0; i < count; i++)
		at[i] = 0;
	for (unsigned level = tree->n_levels; level-- > 0;)
		for (unsigned i = 0; i < count; i++) {
			if (at[i] == KEY_TREE_NONE)
				continue;
			at[i] = key_tree_step(tree, level, at[i], keys[i]);
			if (level == 0 || at[i] == KEY_TREE_NONE)
				continue;
			key_tree_node_fetch(tree, level - 1, at[i]);
			if (level == 1)
				fetch(data, at[i]);
		}
}

/*
 * Among keys with a low half each: the last one that is not above `key` and `low`, given the last
 * one that is not above `key`, which is no KEY_TREE_NONE but may become one.
 */
uint32_t key_tree_rank_low(const struct key_tree *tree, const uint64_t *lows, uint32_t at,
			   uint64_t key, uint64_t low);

#endif
