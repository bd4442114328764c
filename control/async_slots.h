/* SPDX-License-Identifier: BSD-2-Clause */
/* What the registry is made of: its slots, their lists and the index. Only async.c includes it. */
#ifndef SLUICE_CONTROL_ASYNC_SLOTS_H
#define SLUICE_CONTROL_ASYNC_SLOTS_H

#include "control/async.h"
#include "control/async_ids.h"
#include "control/wheel.h"

/* Keys of both kinds share one index: this bit tells a pair of 16-bit numbers from an id. */
#define KEY_PAIR (UINT64_C(1) << 63)
#define KEY_NONE 0u
#define ID_LIMIT (UINT64_C(1) << 53) /* Lua numbers are exact below it */

enum async_slot_state {
	SLOT_FREE,
	SLOT_IN_HAND,
	SLOT_SUSPENDED,
	SLOT_FETCHED,
	SLOT_ENDED, /* on the list of those that ended, until popped */
};

struct async_slot {
	struct wheel_node timer; /* first, so that a node is its slot */
	struct rte_mbuf *mbuf;
	uint64_t key;	       /* of the last suspension; KEY_NONE: none yet */
	uint64_t suspended_at; /* ms */
	uint32_t chained;      /* next slot of the same index bucket */
	uint32_t older;	       /* in the list of its state: suspended, ended, free */
	uint32_t newer;
	uint32_t generation; /* of handles */
	uint32_t taken;	     /* times it was taken: of tags */
	uint32_t timeout_ms; /* of the last suspension */
	int32_t dns_id;	     /* -1: none */
	uint8_t state;	     /* enum async_slot_state */
	uint8_t end;	     /* enum async_end, where it ended */
	uint8_t fate;	     /* enum async_fate */
	uint8_t flags;	     /* enum async_flag */
	bool indexed;	     /* can be found by its key */
	bool answered;
	bool popped;	     /* ended, and its holder knows */
	bool refused;	     /* max_suspended kept it from being suspended */
};

struct async_slot_list {
	uint32_t oldest;
	uint32_t newest;
};

struct async {
	struct async_slot *slots;
	uint32_t *buckets; /* heads of the index */
	uint32_t bucket_shift;
	uint64_t hash_factor; /* random and odd, so that nobody can choose keys that collide */
	uint32_t max_packets;
	uint32_t max_suspended;
	uint32_t untouched; /* slots from here on were never used, and are in no list */
	uint32_t in_hand;
	uint32_t suspended;
	uint32_t on_expiry;
	uint64_t now;
	uint64_t next_id;
	struct async_slot_list free;
	struct async_slot_list parked; /* suspended and fetched, by age */
	struct async_slot_list done;
	struct async_ids *ids;
	struct async_counters counters;
	struct wheel wheel;
};

/* ---- lists of slots ---- */

static inline void async_list_append(struct async *async, struct async_slot_list *list,
				     uint32_t index)
{
	struct async_slot *slot = &async->slots[index];

	slot->older = list->newest;
	slot->newer = ASYNC_NONE;
	if (list->newest == ASYNC_NONE)
		list->oldest = index;
	else
		async->slots[list->newest].newer = index;
	list->newest = index;
}

static inline void async_list_remove(struct async *async, struct async_slot_list *list,
				     uint32_t index)
{
	struct async_slot *slot = &async->slots[index];

	if (slot->older == ASYNC_NONE)
		list->oldest = slot->newer;
	else
		async->slots[slot->older].newer = slot->newer;
	if (slot->newer == ASYNC_NONE)
		list->newest = slot->older;
	else
		async->slots[slot->newer].older = slot->older;
}

/* ---- index ---- */

static inline uint32_t *async_index_bucket(const struct async *async, uint64_t key)
{
	return &async->buckets[(key * async->hash_factor) >> async->bucket_shift];
}

static inline uint32_t async_index_find(const struct async *async, uint64_t key)
{
	uint32_t index = *async_index_bucket(async, key);
	while (index != ASYNC_NONE && async->slots[index].key != key)
		index = async->slots[index].chained;
	return index;
}

static inline void async_index_add(struct async *async, uint32_t index, uint64_t key)
{
	uint32_t *bucket = async_index_bucket(async, key);

	async->slots[index].key = key;
	async->slots[index].indexed = true;
	async->slots[index].chained = *bucket;
	*bucket = index;
}

static inline void async_index_remove(struct async *async, uint32_t index)
{
	struct async_slot *slot = &async->slots[index];
	if (!slot->indexed)
		return;

	uint32_t *link = async_index_bucket(async, slot->key);
	while (*link != index)
		link = &async->slots[*link].chained;
	*link = slot->chained;
	slot->indexed = false;
}

static inline uint64_t async_pair_key(uint16_t async_id, uint16_t query_id)
{
	return KEY_PAIR | (uint64_t)async_id << 16 | query_id;
}

#endif
