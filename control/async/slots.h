/* SPDX-License-Identifier: BSD-2-Clause */
/* What the registry is made of: its slots, their lists and the index. Only the files of this room include it. */
#ifndef SLUICE_CONTROL_ASYNC_SLOTS_H
#define SLUICE_CONTROL_ASYNC_SLOTS_H

#include <assert.h>

#include "control/async/async.h"
#include "control/async/ids.h"
#include "control/async/wheel.h"

#define ID_BITS 53 /* Lua numbers are exact below 2^53 */
#define ASYNC_LEAVING 16u
#define IDS_LEFT_MIN 4096u /* with fewer a slot is not used again: a packet may need several */

enum async_slot_state {
	SLOT_FREE,
	SLOT_IN_HAND,
	SLOT_SUSPENDED,
	SLOT_FETCHED,
	SLOT_ENDED, /* on the list of those that ended, until popped */
};

/*
 * One cache line: with a million of them suspended, each that is touched is a read of memory.
 *
 * The id of a packet that is suspended by id is its slot's serial, which goes up with each
 * suspension, and the slot's number below it: what is found by it needs no index.
 */
struct async_slot {
	struct wheel_node timer; /* first, so that a node is its slot */
	struct rte_mbuf *mbuf;
	uint32_t pair;	     /* async_id and query_id of the last suspension, if by_id is not set */
	uint32_t chained;    /* next slot of the same index bucket */
	uint32_t older;	     /* in the list of its state: ended, free */
	uint32_t newer;
	uint32_t generation; /* of handles, and the lower half of the serial */
	uint32_t taken;	     /* times it was taken: of tags */
	uint32_t timeout_ms; /* of the last suspension */
	uint16_t epoch;	     /* the upper part of the serial */
	uint16_t dns_id;     /* where has_dns_id is set */
	uint8_t state : 3;   /* enum async_slot_state */
	uint8_t end : 2;     /* enum async_end, where it ended */
	uint8_t fate : 2;    /* enum async_fate */
	uint8_t flags : 1;   /* enum async_flag */
	bool has_dns_id : 1;
	bool by_id : 1;	     /* suspended under an id */
	bool indexed : 1;    /* can be found by its pair */
	bool answered : 1;
	bool popped : 1;     /* ended, and its holder knows */
	bool refused : 1;    /* max_suspended kept it from being suspended */
} __attribute__((aligned(64)));

static_assert(sizeof(struct async_slot) == 64, "the registry's cost is the lines it touches");

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
	uint32_t id_shift; /* bits of a slot's number in an id */
	/*
	 * Of the packets that ended lately these are still in the wheel: what stands beside them there is
	 * fetched meanwhile, so that nobody waits for memory. Suspended ones are in no list: to leave it they
	 * would touch two more lines.
	 */
	uint32_t leaving[ASYNC_LEAVING];
	uint32_t n_leaving;
	struct async_slot_list free;
	struct async_slot_list done;
	struct async_ids *ids;
	struct async_counters counters;
	struct wheel wheel;
};

static inline bool async_is_parked(const struct async_slot *slot)
{
	return slot->state == SLOT_SUSPENDED || slot->state == SLOT_FETCHED;
}

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

/* ---- the index of pairs ---- */

static inline uint32_t *async_index_bucket(const struct async *async, uint32_t pair)
{
	return &async->buckets[(pair * async->hash_factor) >> async->bucket_shift];
}

static inline uint32_t async_index_find(const struct async *async, uint32_t pair)
{
	uint32_t index = *async_index_bucket(async, pair);
	while (index != ASYNC_NONE && async->slots[index].pair != pair)
		index = async->slots[index].chained;
	return index;
}

static inline void async_index_add(struct async *async, uint32_t index, uint32_t pair)
{
	uint32_t *bucket = async_index_bucket(async, pair);

	async->slots[index].pair = pair;
	async->slots[index].indexed = true;
	async->slots[index].chained = *bucket;
	*bucket = index;
}

static inline void async_index_remove(struct async *async, uint32_t index)
{
	struct async_slot *slot = &async->slots[index];
	if (!slot->indexed)
		return;

	uint32_t *link = async_index_bucket(async, slot->pair);
	while (*link != index)
		link = &async->slots[*link].chained;
	*link = slot->chained;
	slot->indexed = false;
}

static inline uint32_t async_pair(uint16_t async_id, uint16_t query_id)
{
	return (uint32_t)async_id << 16 | query_id;
}

/* ---- ids ---- */

static inline uint64_t async_serial(const struct async_slot *slot)
{
	return (uint64_t)slot->epoch << 32 | slot->generation;
}

/* How many ids below 2^53 this slot has yet to give. */
static inline uint64_t async_ids_left(const struct async *async, const struct async_slot *slot)
{
	uint64_t limit = UINT64_C(1) << (ID_BITS - async->id_shift), serial = async_serial(slot);
	return serial < limit ? limit - serial : 0;
}

#endif
