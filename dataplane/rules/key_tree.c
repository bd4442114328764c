/* SPDX-License-Identifier: BSD-2-Clause */
#include "dataplane/rules/key_tree.h"

#include <stdlib.h>
#include <sys/mman.h>

#define LINE 64u
#define HUGE_PAGE ((size_t)2 << 20)

static size_t padded(size_t count)
{
	return (count + KEY_TREE_FANOUT - 1) / KEY_TREE_FANOUT * KEY_TREE_FANOUT;
}

/* Whole nodes, each of which begins a line. */
void *key_tree_array(size_t count, size_t size)
{
	size_t wanted = padded(count | 1) * size;
	size_t align = wanted < HUGE_PAGE ? LINE : HUGE_PAGE;
	size_t bytes = (wanted + align - 1) / align * align;
	void *memory = aligned_alloc(align, bytes);
	if (memory != NULL && align == HUGE_PAGE)
		(void)madvise(memory, bytes, MADV_HUGEPAGE); /* fewer misses of the TLB */
	return memory;
}

bool key_tree_open(struct key_tree *tree, size_t count)
{
	*tree = (struct key_tree){0};
	if (count == 0)
		return true;
	tree->levels[0] = key_tree_array(count, sizeof(uint64_t));
	tree->n_levels = tree->levels[0] != NULL;
	return tree->levels[0] != NULL;
}

/* The keys that complete the last node, or are the only one. */
static void level_fill(uint64_t *keys, uint32_t count)
{
	size_t end = count == 0 ? KEY_TREE_FANOUT : padded(count);
	for (size_t i = count; i < end; i++)
		keys[i] = UINT64_MAX;
}

/* Makes a level above the last one. False without memory. */
static bool level_add(struct key_tree *tree)
{
	unsigned below = tree->n_levels - 1;
	uint32_t count = (uint32_t)(padded(tree->counts[below]) / KEY_TREE_FANOUT);
	uint64_t *keys = key_tree_array(count, sizeof(*keys));
	if (keys == NULL)
		return false;
	for (size_t i = 0; i < count; i++)
		keys[i] = tree->levels[below][i * KEY_TREE_FANOUT];
	level_fill(keys, count);
	tree->levels[tree->n_levels] = keys;
	tree->counts[tree->n_levels++] = count;
	return true;
}

bool key_tree_close(struct key_tree *tree)
{
	if (tree->n_levels == 0)
		return true;
	level_fill(tree->levels[0], tree->counts[0]);
	while (tree->counts[tree->n_levels - 1] > KEY_TREE_FANOUT)
		if (!level_add(tree))
			return false;
	return true;
}

void key_tree_free(struct key_tree *tree)
{
	for (unsigned i = 0; i < tree->n_levels; i++)
		free(tree->levels[i]);
	*tree = (struct key_tree){0};
}

size_t key_tree_memory(const struct key_tree *tree)
{
	size_t bytes = 0;
	for (unsigned i = 0; i < tree->n_levels; i++)
		bytes += padded(tree->counts[i]) * sizeof(uint64_t);
	return bytes;
}

uint32_t key_tree_rank_low(const struct key_tree *tree, const uint64_t *lows, uint32_t at,
			   uint64_t key, uint64_t low)
{
	const uint64_t *keys = tree->levels[0];
	uint32_t from = 0, to = at; /* how many are not above: more than `at` is no question here */
	if (keys[at] != key || lows[at] <= low)
		return at;
	while (from < to) {
		uint32_t middle = from + (to - from) / 2;
		if (keys[middle] == key && lows[middle] > low)
			to = middle;
		else
			from = middle + 1;
	}
	return from - 1; /* KEY_TREE_NONE for none */
}
