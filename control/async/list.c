/* SPDX-License-Identifier: BSD-2-Clause */
/* What is suspended, as people see it. */
#include "control/async/slots.h"

struct async_view async_view_of(const struct async *async, uint32_t index, uint64_t now)
{
	const struct async_slot *slot = &async->slots[index];
	uint64_t deadline = slot->timer.deadline;
	uint64_t since = deadline - slot->timeout_ms;
	return (struct async_view){
		.ref = async_ref_of(async, index),
		.id = slot->by_id ? async_serial(slot) << async->id_shift | index : 0,
		.async_id = slot->by_id ? 0 : (uint16_t)(slot->pair >> 16),
		.query_id = slot->by_id ? 0 : (uint16_t)slot->pair,
		.fetched = slot->state == SLOT_FETCHED,
		.age = now > since ? now - since : 0,
		.remaining = deadline > now ? deadline - now : 0,
		.mbuf = slot->mbuf,
	};
}

bool async_list(const struct async *async, uint64_t now, uint32_t *cursor, struct async_view *view)
{
	while (*cursor < async->untouched && !async_is_parked(&async->slots[*cursor]))
		++*cursor;
	if (*cursor == async->untouched)
		return false;
	*view = async_view_of(async, (*cursor)++, now);
	return true;
}

/* ---- the oldest ---- */

static bool is_older(const struct async *async, uint32_t a, uint32_t b)
{
	const struct async_slot *left = &async->slots[a], *right = &async->slots[b];
	uint64_t since_a = left->timer.deadline - left->timeout_ms;
	uint64_t since_b = right->timer.deadline - right->timeout_ms;
	return since_a != since_b ? since_a < since_b : a < b;
}

/* A heap with the youngest on top, where `at` may be older than those below it. */
static void sink(const struct async *async, uint32_t *heap, uint32_t count, uint32_t at)
{
	uint32_t slot = heap[at];
	for (uint32_t child; (child = 2 * at + 1) < count; at = child) {
		if (child + 1 < count && is_older(async, heap[child], heap[child + 1]))
			child++;
		if (!is_older(async, slot, heap[child]))
			break;
		heap[at] = heap[child];
	}
	heap[at] = slot;
}

uint32_t async_oldest(const struct async *async, uint32_t *slots, uint32_t size)
{
	uint32_t count = 0;
	for (uint32_t i = 0; i < async->untouched; i++) {
		if (!async_is_parked(&async->slots[i]))
			continue;
		if (count < size) {
			slots[count++] = i;
			for (uint32_t at = count / 2; count == size && at > 0; at--)
				sink(async, slots, count, at - 1);
		} else if (size > 0 && is_older(async, i, slots[0])) {
			slots[0] = i;
			sink(async, slots, count, 0);
		}
	}
	for (uint32_t at = count / 2; count < size && at > 0; at--)
		sink(async, slots, count, at - 1);
	for (uint32_t left = count; left > 1; left--) {
		uint32_t youngest = slots[0];
		slots[0] = slots[left - 1];
		slots[left - 1] = youngest;
		sink(async, slots, left - 1, 0);
	}
	return count;
}
