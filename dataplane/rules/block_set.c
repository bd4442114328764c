/* SPDX-License-Identifier: BSD-2-Clause */
#include "dataplane/rules/block_parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rte_common.h>
#include <rte_rcu_qsbr.h>

#define SWEEP 4096u /* blocks that a call looks at, or frees */

struct block_set *block_set_create(const struct blocks **now, struct rte_rcu_qsbr *rcu,
				   unsigned lcores, uint64_t seed)
{
	struct block_set *set = calloc(1, sizeof(*set));
	if (set == NULL)
		return NULL;
	set->now = now;
	set->rcu = rcu;
	set->lcores = lcores;
	set->seed = seed;
	*now = NULL;
	return set;
}

/* ---- hit counters ---- */

static uint64_t *slot_cells(const struct block_set *set, uint32_t slot)
{
	return set->chunks[slot / BLOCK_HITS_ROW] + slot % BLOCK_HITS_ROW;
}

static int chunk_add(struct block_set *set)
{
	size_t bytes = (size_t)set->lcores * BLOCK_HITS_ROW * sizeof(uint64_t);
	if (set->n_chunks == BLOCK_CHUNKS)
		return -ENOSPC;
	uint32_t room = (set->n_chunks + 1) * BLOCK_HITS_ROW;
	uint32_t *slots = realloc(set->slots, room * sizeof(*slots));
	if (slots == NULL)
		return -ENOMEM;
	set->slots = slots;
	uint64_t *chunk = aligned_alloc(RTE_CACHE_LINE_SIZE, bytes);
	if (chunk == NULL)
		return -ENOMEM;
	memset(chunk, 0, bytes);
	set->chunks[set->n_chunks++] = chunk;
	for (uint32_t i = BLOCK_HITS_ROW; i > 0; i--)
		set->slots[set->n_slots++] = room - BLOCK_HITS_ROW + i - 1;
	return 0;
}

static void slot_give(struct block_set *set, uint32_t slot)
{
	for (unsigned i = 0; i < set->lcores; i++)
		slot_cells(set, slot)[i * BLOCK_HITS_ROW] = 0;
	set->slots[set->n_slots++] = slot;
}

static uint64_t hits_of(const struct block_set *set, const struct block *block)
{
	uint64_t sum = 0;
	for (unsigned i = 0; i < set->lcores; i++)
		sum += __atomic_load_n(&block->hits[i * BLOCK_HITS_ROW], __ATOMIC_RELAXED);
	return sum;
}

uint64_t block_set_hits(const struct block_set *set, const struct block *block)
{
	return hits_of(set, block) - block->before;
}

/* ---- what workers may still read ---- */

static void retired_free(struct block_set *set, struct block_retired *list)
{
	while (list != NULL) {
		struct block_retired *next = list->next;
		if (list->slot != BLOCK_SLOT_NONE)
			slot_give(set, list->slot);
		free(list->memory);
		list = next;
	}
}

/* Frees so many of what was cleared first, if workers are done with it. */
static void cleared_free(struct block_set *set, uint32_t most)
{
	struct block_cleared *cleared = set->cleared;
	if (cleared == NULL ||
	    (set->rcu != NULL && rte_rcu_qsbr_check(set->rcu, cleared->token, false) != 1))
		return;
	for (; most > 0 && cleared->count > 0; most--) {
		struct block *block = cleared->blocks[--cleared->count];
		slot_give(set, block->retired.slot);
		free(block->reason);
		free(block);
	}
	if (cleared->count > 0)
		return;
	set->cleared = cleared->next;
	free(cleared->blocks);
	free(cleared);
}

void block_set_reclaim(struct block_set *set)
{
	cleared_free(set, SWEEP);
	if (set->waiting != NULL &&
	    (set->rcu == NULL || rte_rcu_qsbr_check(set->rcu, set->token, false) == 1)) {
		retired_free(set, set->waiting);
		set->waiting = NULL;
	}
	if (set->waiting == NULL && set->fresh != NULL) {
		set->waiting = set->fresh;
		set->fresh = NULL;
		if (set->rcu != NULL)
			set->token = rte_rcu_qsbr_start(set->rcu);
	}
}

/* After removing; without memory, workers look for more than there is. */
static void view_settle(struct block_set *set)
{
	/* Once the last of a kind is gone there is no table to look into. */
	struct block_table *tables[BLOCK_KINDS] = {
		set->counts[BLOCK_CLIENTS] > 0 ? set->tables[BLOCK_CLIENTS] : NULL,
		set->counts[BLOCK_NAMES] > 0 ? set->tables[BLOCK_NAMES] : NULL,
	};
	struct blocks *view = NULL;
	if (!set->reshaped || (block_count_all(set) > 0 && (view = block_view_new(set, tables)) == NULL))
		return;
	block_view_publish(set, view, tables);
}

/* ---- adding ---- */

/* Room for one block more in the list of all, and a slot. */
static int room_make(struct block_set *set)
{
	if (block_count_all(set) == set->size) {
		uint32_t size = set->size > 0 ? set->size * 2 : 64;
		struct block **all = realloc(set->all, size * sizeof(struct block *));
		if (all == NULL)
			return -ENOMEM;
		set->all = all;
		set->size = size;
	}
	if (set->n_slots == 0)
		cleared_free(set, SWEEP);
	return set->n_slots > 0 ? 0 : chunk_add(set);
}

static void list_remove(struct block_set *set, struct block *block)
{
	uint32_t last = block_count_all(set) - 1;
	set->all[block->index] = set->all[last];
	set->all[block->index]->index = block->index;
	if (set->swept > last)
		set->swept = last;
	set->counts[block_kind(block)]--;
	block_shape_count(set, block, -1);
}

static void block_remove(struct block_set *set, struct block_cell *cell)
{
	struct block *block = cell->block;
	__atomic_store_n(&cell->block, NULL, __ATOMIC_RELEASE);
	list_remove(set, block);
	free(block->reason);
	block_retire(set, &block->retired);
}

/* A block with the key of `key` and the order's tag behind its name. */
static struct block *block_new(const struct block *key, const struct block_order *order)
{
	size_t tag = RTE_ALIGN(sizeof(struct block) + key->name_length, _Alignof(struct block_tag));
	size_t size = tag;
	if (order->tag != NULL)
		size += sizeof(struct block_tag) + order->tag_length + order->value_length;
	size = RTE_ALIGN(size, RTE_CACHE_LINE_SIZE);
	struct block *block = aligned_alloc(RTE_CACHE_LINE_SIZE, size);
	if (block == NULL)
		return NULL;
	memset(block, 0, size);
	block->client = key->client;
	block->name_length = key->name_length;
	memcpy(block->name, key->name, key->name_length);
	if (order->tag != NULL) {
		struct block_tag *made = (struct block_tag *)((char *)block + tag);
		made->key_length = order->tag_length;
		made->value_length = order->value_length;
		memcpy(made->bytes, order->tag, order->tag_length);
		if (order->value_length > 0)
			memcpy(made->bytes + order->tag_length, order->value, order->value_length);
		block->tag = made;
	}
	block->retired.slot = BLOCK_SLOT_NONE;
	block->retired.memory = block;
	return block;
}

static bool tag_is_same(const struct block_tag *tag, const struct block_order *order)
{
	if (tag == NULL || order->tag == NULL)
		return tag == NULL && order->tag == NULL;
	return tag->key_length == order->tag_length && tag->value_length == order->value_length &&
	       memcmp(tag->bytes, order->tag, tag->key_length) == 0 &&
	       (tag->value_length == 0 ||
		memcmp(tag->bytes + tag->key_length, order->value, tag->value_length) == 0);
}

/* Makes the block one that workers find; what that needs is made first. */
static int block_publish(struct block_set *set, struct block *block)
{
	enum block_kind kind = block_kind(block);
	bool full = block_table_is_full(set->tables[kind]);
	struct block_table *tables[BLOCK_KINDS] = {set->tables[BLOCK_CLIENTS], set->tables[BLOCK_NAMES]};
	struct blocks *view = NULL;
	if (full && (tables[kind] = block_table_renew(set, kind)) == NULL)
		return -ENOMEM;
	block_shape_count(set, block, 1);
	if ((full || set->reshaped) && (view = block_view_new(set, tables)) == NULL) {
		block_shape_count(set, block, -1);
		if (full)
			free(tables[kind]);
		return -ENOMEM;
	}
	block->retired.slot = set->slots[--set->n_slots];
	block->hits = slot_cells(set, block->retired.slot);
	block->index = block_count_all(set);
	set->all[block->index] = block;
	set->counts[kind]++;
	block_table_put(set, tables[kind], block);
	if (view != NULL)
		block_view_publish(set, view, tables);
	return 0;
}

static int block_insert(struct block_set *set, const struct block *key,
			const struct block_order *order)
{
	if (block_count_all(set) >= BLOCKS_MAX)
		return -ENOSPC;
	struct block *block = block_new(key, order);
	if (block == NULL || (block->reason = strdup(order->reason)) == NULL ||
	    room_make(set) != 0)
		goto fail;
	block->until = order->until;
	block->action = order->action;
	block->warning = order->warning;
	if (block_publish(set, block) == 0)
		return BLOCK_ADDED;
fail:
	if (block != NULL)
		free(block->reason);
	free(block);
	return -ENOMEM;
}

/* What another tag makes another block, which takes over what the one before counted. */
static int block_replace(struct block_set *set, struct block_cell *cell,
			 const struct block_order *order, char *reason)
{
	struct block *old = cell->block;
	struct block *block = block_new(old, order);
	if (block == NULL)
		return -ENOMEM;
	block->retired.slot = old->retired.slot;
	block->hits = old->hits;
	block->before = old->before;
	block->index = old->index;
	memcpy(block->marks, old->marks, sizeof(block->marks));
	block->recent = old->recent;
	block->reason = reason;
	block->until = order->until;
	block->action = order->action;
	block->warning = order->warning;
	set->all[block->index] = block;
	__atomic_store_n(&cell->block, block, __ATOMIC_RELEASE);
	free(old->reason);
	old->retired.slot = BLOCK_SLOT_NONE;
	block_retire(set, &old->retired);
	return 0;
}

static int block_update(struct block_set *set, struct block_cell *cell,
			const struct block_order *order)
{
	struct block *block = cell->block;
	char *reason = strdup(order->reason);
	if (reason == NULL)
		return -ENOMEM;
	if (!tag_is_same(block->tag, order)) {
		int error = block_replace(set, cell, order, reason);
		if (error != 0)
			free(reason);
		return error;
	}
	free(block->reason);
	block->reason = reason;
	block->warning = order->warning;
	__atomic_store_n(&block->action, order->action, __ATOMIC_RELAXED);
	__atomic_store_n(&block->until, order->until, __ATOMIC_RELAXED);
	return 0;
}

/* dnsdist's rules of what becomes of a block that there is already. */
static int block_add(struct block_set *set, const struct block *key,
		     const struct block_order *order, uint64_t now)
{
	struct block_cell *cell = block_cell_find(set, key);
	if (cell == NULL)
		return block_insert(set, key, order);
	struct block *block = cell->block;
	bool expired = block->until <= now;
	bool was_warning = block->warning && !order->warning;
	if (!expired && ((order->warning && !block->warning) ||
			 (!was_warning && order->until < block->until)))
		return BLOCK_KEPT;
	if (expired) { /* what that one counted is not of this one */
		block->before = hits_of(set, block);
		memset(block->marks, 0, sizeof(block->marks));
		block->recent = 0;
	}
	int error = block_update(set, cell, order);
	return error != 0 ? error : expired || was_warning ? BLOCK_ADDED : BLOCK_EXTENDED;
}

/* A key to look for; `space` has room for the longest name behind it. */
union block_key {
	struct block block;
	uint8_t space[sizeof(struct block) + DNS_NAME_MAX];
};

static struct block *client_key(union block_key *key, const struct block_client *client)
{
	key->block.client = *client;
	key->block.name_length = 0;
	return &key->block;
}

static struct block *name_key(union block_key *key, const uint8_t *name, size_t length)
{
	memset(&key->block.client, 0, sizeof(key->block.client));
	key->block.name_length = (uint8_t)length;
	dns_name_lower(key->block.name, name, length);
	return &key->block;
}

int block_set_add_client(struct block_set *set, const struct block_client *client,
			 const struct block_order *order, uint64_t now)
{
	union block_key key;
	return block_add(set, client_key(&key, client), order, now);
}

int block_set_add_name(struct block_set *set, const uint8_t *name, size_t length,
		       const struct block_order *order, uint64_t now)
{
	union block_key key;
	return block_add(set, name_key(&key, name, length), order, now);
}

/* ---- removing ---- */

static int remove_key(struct block_set *set, const struct block *key, uint64_t now)
{
	struct block_cell *cell = block_cell_find(set, key);
	if (cell == NULL)
		return -ENOENT;
	bool expired = cell->block->until <= now;
	block_remove(set, cell);
	view_settle(set);
	return expired ? -ENOENT : 0;
}

int block_set_remove_client(struct block_set *set, const struct block_client *client, uint64_t now)
{
	union block_key key;
	return remove_key(set, client_key(&key, client), now);
}

int block_set_remove_name(struct block_set *set, const uint8_t *name, size_t length, uint64_t now)
{
	union block_key key;
	return remove_key(set, name_key(&key, name, length), now);
}

/* Costs the same however many there are: they are taken out as a whole. */
void block_set_clear(struct block_set *set)
{
	static struct block_table *const none[BLOCK_KINDS];
	struct block_cleared *cleared = malloc(sizeof(*cleared)), **last = &set->cleared;
	if (cleared == NULL) {
		while (block_count_all(set) > 0)
			block_remove(set, block_cell_find(set, set->all[block_count_all(set) - 1]));
		view_settle(set);
		return;
	}
	*cleared = (struct block_cleared){.blocks = set->all, .count = block_count_all(set)};
	block_view_publish(set, NULL, none);
	if (set->rcu != NULL)
		cleared->token = rte_rcu_qsbr_start(set->rcu);
	while (*last != NULL)
		last = &(*last)->next;
	*last = cleared;
	set->all = NULL;
	set->size = set->swept = 0;
	memset(set->counts, 0, sizeof(set->counts));
	memset(set->lengths, 0, sizeof(set->lengths));
	memset(set->ports, 0, sizeof(set->ports));
	memset(set->labels, 0, sizeof(set->labels));
}

static void block_mark(const struct block_set *set, struct block *block)
{
	uint64_t hits = block_set_hits(set, block);
	memmove(block->marks, block->marks + 1, sizeof(block->marks) - sizeof(block->marks[0]));
	block->marks[RTE_DIM(block->marks) - 1] = hits;
	block->recent = hits - block->marks[0];
}

/* From the last to the first: what takes the place of one that is removed has been looked at. */
bool block_set_sweep(struct block_set *set, uint64_t now, bool purge, bool mark)
{
	if (set->swept == 0)
		set->swept = block_count_all(set);
	for (unsigned i = 0; i < SWEEP && set->swept > 0; i++) {
		struct block *block = set->all[--set->swept];
		if (purge && block->until <= now)
			block_remove(set, block_cell_find(set, block));
		else if (mark)
			block_mark(set, block);
	}
	view_settle(set);
	return set->swept == 0;
}

/* ---- what there is ---- */

uint32_t block_set_count(const struct block_set *set, bool names)
{
	return set->counts[names];
}

const struct block *block_set_next(const struct block_set *set, uint32_t *cursor)
{
	return *cursor < block_count_all(set) ? set->all[(*cursor)++] : NULL;
}

void block_set_destroy(struct block_set *set)
{
	if (set == NULL)
		return;
	block_set_clear(set);
	set->rcu = NULL;
	while (set->cleared != NULL)
		cleared_free(set, UINT32_MAX);
	retired_free(set, set->waiting);
	retired_free(set, set->fresh);
	for (uint32_t i = 0; i < set->n_chunks; i++)
		free(set->chunks[i]);
	free(set->slots);
	free(set->all);
	free(set);
}
