/* SPDX-License-Identifier: BSD-2-Clause */
#include "dataplane/held.h"

#include <stdlib.h>

#include "dataplane/packet.h"

struct held_list {
	struct rte_mbuf *first;
	struct rte_mbuf *last;
};

struct held {
	uint32_t count;
	uint64_t swept; /* ms; what was due then or before is in `due` */
	struct held_list due;
	struct held_list slots[HELD_SLOTS];
};

struct held *held_create(void)
{
	return calloc(1, sizeof(struct held));
}

void held_destroy(struct held *held)
{
	free(held);
}

uint32_t held_count(const struct held *held)
{
	return held != NULL ? __atomic_load_n(&held->count, __ATOMIC_RELAXED) : 0;
}

static void count_set(struct held *held, uint32_t count)
{
	__atomic_store_n(&held->count, count, __ATOMIC_RELAXED);
}

static void append(struct held_list *list, struct rte_mbuf *mbuf)
{
	packet_of(mbuf)->link = NULL;
	if (list->first == NULL)
		list->first = mbuf;
	else
		packet_of(list->last)->link = mbuf;
	list->last = mbuf;
}

static struct rte_mbuf *remove_first(struct held_list *list)
{
	struct rte_mbuf *mbuf = list->first;
	if (mbuf != NULL)
		list->first = packet_of(mbuf)->link;
	return mbuf;
}

void held_add(struct held *held, struct rte_mbuf *mbuf, uint32_t ms, uint64_t now)
{
	if (held->count == 0)
		held->swept = now;
	/* The millisecond that has begun does not count: never earlier than asked for. */
	uint64_t due = now + ms + 1;
	packet_of(mbuf)->due = (uint32_t)due;
	append(&held->slots[due % HELD_SLOTS], mbuf);
	count_set(held, held->count + 1);
}

/* What is due in one millisecond; what is in its slot for a later turn stays. */
static void slot_sweep(struct held *held, uint64_t at, uint64_t now)
{
	struct held_list *slot = &held->slots[at % HELD_SLOTS];
	struct held_list all = *slot;
	struct rte_mbuf *mbuf;
	if (likely(all.first == NULL))
		return;
	*slot = (struct held_list){0};
	while ((mbuf = remove_first(&all)) != NULL) {
		bool due = (int32_t)(packet_of(mbuf)->due - (uint32_t)now) <= 0;
		append(due ? &held->due : slot, mbuf);
	}
}

static void sweep(struct held *held, uint64_t now)
{
	/* A worker that stood still for more than a turn of the wheel sees each slot once. */
	uint64_t slots = RTE_MIN(now - held->swept, (uint64_t)HELD_SLOTS);
	for (uint64_t at = now - slots + 1; at <= now; at++)
		slot_sweep(held, at, now);
	held->swept = now;
}

struct rte_mbuf *held_take(struct held *held, uint64_t now)
{
	if (held->count == 0)
		return NULL;
	if (now > held->swept)
		sweep(held, now);
	struct rte_mbuf *mbuf = remove_first(&held->due);
	if (mbuf != NULL)
		count_set(held, held->count - 1);
	return mbuf;
}

struct rte_mbuf *held_any(struct held *held)
{
	struct rte_mbuf *mbuf = NULL;
	if (held_count(held) == 0)
		return NULL;
	mbuf = remove_first(&held->due);
	for (unsigned i = 0; mbuf == NULL && i < HELD_SLOTS; i++)
		mbuf = remove_first(&held->slots[i]);
	if (mbuf != NULL)
		count_set(held, held->count - 1);
	return mbuf;
}
