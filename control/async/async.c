/* SPDX-License-Identifier: BSD-2-Clause */
#include "control/async/async.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/random.h>

#include "control/async/slots.h"
#include "dataplane/packet.h"

/* ---- life of the registry ---- */

static uint32_t bucket_bits(uint32_t max_packets)
{
	uint32_t bits = 4;
	while ((UINT64_C(1) << bits) < max_packets)
		bits++;
	return bits;
}

size_t async_memory_for(const struct async_config *config)
{
	return sizeof(struct async) + config->max_packets * sizeof(struct async_slot) +
	       (sizeof(uint32_t) << bucket_bits(config->max_packets)) + async_ids_memory();
}

/* Pages of 2 MiB where the kernel has them; untouched ones take no memory. */
static struct async_slot *slots_allocate(uint32_t count)
{
	size_t size = (size_t)count * sizeof(struct async_slot);
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		return NULL;
	(void)madvise(memory, size, MADV_HUGEPAGE);
	return memory;
}

static int async_allocate(struct async *async, const struct async_config *config, uint64_t now)
{
	uint32_t bits = bucket_bits(config->max_packets);

	async->slots = slots_allocate(config->max_packets);
	async->buckets = malloc(sizeof(*async->buckets) << bits);
	async->ids = async_ids_create(now);
	if (!async->slots || !async->buckets || !async->ids)
		return -ENOMEM;
	if (getrandom(&async->hash_factor, sizeof(async->hash_factor), 0) < 0)
		return -errno;
	async->hash_factor |= 1;
	async->bucket_shift = 64 - bits;
	for (uint32_t i = 0; i < (UINT32_C(1) << bits); i++)
		async->buckets[i] = ASYNC_NONE;
	return 0;
}

struct async *async_create(const struct async_config *config, uint64_t now)
{
	if (config->max_packets == 0 || config->max_packets > ASYNC_PACKETS_MAX ||
	    (unsigned int)config->on_expiry > ASYNC_FATE_DROP) {
		errno = EINVAL;
		return NULL;
	}
	struct async *async = calloc(1, sizeof(*async));
	if (!async)
		return NULL;

	async->max_packets = config->max_packets;
	int error = async_allocate(async, config, now);
	if (error) {
		async_destroy(async);
		errno = -error;
		return NULL;
	}
	async->max_suspended = config->max_suspended;
	async->on_expiry = config->on_expiry;
	async->now = now;
	async->id_shift = bucket_bits(config->max_packets);
	async->free = (struct async_slot_list){ASYNC_NONE, ASYNC_NONE};
	async->done = async->free;
	wheel_init(&async->wheel, now, async->slots);
	return async;
}

void async_destroy(struct async *async)
{
	if (!async)
		return;
	async_ids_destroy(async->ids);
	free(async->buckets);
	if (async->slots)
		munmap(async->slots, (size_t)async->max_packets * sizeof(*async->slots));
	free(async);
}

size_t async_memory(const struct async *async)
{
	struct async_config config = {.max_packets = async->max_packets};
	return async_memory_for(&config);
}

void async_set_on_expiry(struct async *async, enum async_fate fate)
{
	async->on_expiry = fate;
}

enum async_fate async_on_expiry(const struct async *async)
{
	return async->on_expiry;
}

/* ---- slots ---- */

static bool is_taken(const struct async *async, uint32_t index)
{
	return index < async->untouched && async->slots[index].state != SLOT_FREE;
}

/* Handles made before are gone. Generation 0 is never valid. */
static void renew(struct async_slot *slot)
{
	if (++slot->generation == 0) {
		slot->generation = 1;
		slot->epoch++;
	}
}

uint32_t async_take(struct async *async, struct rte_mbuf *mbuf)
{
	uint32_t index = async->free.newest; /* the one most likely in the CPU's cache */
	if (index != ASYNC_NONE)
		async_list_remove(async, &async->free, index);
	else if (async->untouched < async->max_packets)
		index = async->untouched++;
	else
		return ASYNC_NONE;

	struct async_slot *slot = &async->slots[index];
	slot->mbuf = mbuf;
	slot->state = SLOT_IN_HAND;
	slot->has_dns_id = false;
	slot->by_id = false;
	slot->timeout_ms = 0;
	slot->flags = 0;
	slot->answered = false;
	slot->popped = false;
	slot->refused = false;
	renew(slot);
	slot->taken += slot->taken == UINT32_MAX ? 2 : 1; /* tag 0 is never valid */
	async->in_hand++;
	return index;
}

/* An ID rests for the packet's timeout where its verdict may still be under way. */
static void id_release(struct async *async, struct async_slot *slot)
{
	bool expired = slot->state == SLOT_ENDED && slot->end == ASYNC_END_EXPIRED;
	if (!slot->has_dns_id)
		return;
	async_ids_release(async->ids, slot->dns_id, expired ? slot->timeout_ms : 0,
			  async->now);
	slot->has_dns_id = false;
}

int async_id_take(struct async *async, uint32_t index)
{
	if (!is_taken(async, index))
		return -1;
	struct async_slot *slot = &async->slots[index];
	id_release(async, slot);
	int id = async_ids_take(async->ids);
	slot->has_dns_id = id >= 0;
	slot->dns_id = (uint16_t)id;
	return id;
}

/* Those that leave are queued as ended, in the order in which they did. */
static void leaving_settle(struct async *async)
{
	for (uint32_t i = 0; i < async->n_leaving; i++) {
		uint32_t index = async->leaving[i];
		wheel_cancel(&async->wheel, &async->slots[index].timer);
		async_list_append(async, &async->done, index);
	}
	async->n_leaving = 0;
}

/*
 * Takes a suspended packet out of everything that can end it, and queues it as ended: out of the wheel
 * only once leaving_settle() is called, before anybody looks there.
 */
static void slot_end(struct async *async, uint32_t index, enum async_end end)
{
	struct async_slot *slot = &async->slots[index];

	async_index_remove(async, index);
	if (async->n_leaving == ASYNC_LEAVING)
		leaving_settle(async);
	wheel_prefetch(&async->wheel, &slot->timer);
	__builtin_prefetch(packet_of(slot->mbuf), 1);
	async->leaving[async->n_leaving++] = index;
	async->suspended--;
	slot->state = SLOT_ENDED;
	slot->end = end;
	slot->popped = false;
}

void async_release(struct async *async, uint32_t index)
{
	if (!is_taken(async, index))
		return;
	struct async_slot *slot = &async->slots[index];
	if (async_is_parked(slot)) {
		slot_end(async, index, ASYNC_END_DROPPED);
		async->counters.dropped++;
	}
	if (slot->state == SLOT_ENDED && !slot->popped) {
		leaving_settle(async);
		async_list_remove(async, &async->done, index);
	}
	id_release(async, slot);
	slot->state = SLOT_FREE;
	slot->mbuf = NULL;
	renew(slot);
	/* Years of use: a slot that has no id left to give is not used again. */
	if (async_ids_left(async, slot) >= IDS_LEFT_MIN)
		async_list_append(async, &async->free, index);
	async->in_hand--;
}

struct rte_mbuf *async_mbuf(const struct async *async, uint32_t index)
{
	return is_taken(async, index) ? async->slots[index].mbuf : NULL;
}

void async_set_mbuf(struct async *async, uint32_t index, struct rte_mbuf *mbuf)
{
	if (is_taken(async, index))
		async->slots[index].mbuf = mbuf;
}

int async_id(const struct async *async, uint32_t index)
{
	bool there = is_taken(async, index) && async->slots[index].has_dns_id;
	return there ? async->slots[index].dns_id : -1;
}

/* ---- handles ---- */

struct async_ref async_ref_of(const struct async *async, uint32_t index)
{
	if (!is_taken(async, index))
		return (struct async_ref){0, 0};
	return (struct async_ref){index, async->slots[index].generation};
}

enum async_result async_state(const struct async *async, struct async_ref ref)
{
	if (!is_taken(async, ref.slot) || async->slots[ref.slot].generation != ref.generation)
		return ASYNC_GONE;
	const struct async_slot *slot = &async->slots[ref.slot];
	if (async_is_parked(slot))
		return ASYNC_OK;
	if (slot->state == SLOT_IN_HAND)
		return ASYNC_NOT_SUSPENDED;
	if (slot->end == ASYNC_END_RESUMED)
		return ASYNC_RESUMED;
	return slot->end == ASYNC_END_DROPPED ? ASYNC_DROPPED : ASYNC_GONE;
}

bool async_ref_valid(const struct async *async, struct async_ref ref)
{
	return async_state(async, ref) == ASYNC_OK;
}

uint64_t async_tag(const struct async *async, uint32_t index)
{
	return is_taken(async, index) ? (uint64_t)async->slots[index].taken << 32 | index : 0;
}

bool async_tag_ref(const struct async *async, uint64_t tag, struct async_ref *ref)
{
	uint32_t index = (uint32_t)tag;
	if (!is_taken(async, index) || async->slots[index].taken != tag >> 32)
		return false;
	*ref = async_ref_of(async, index);
	return true;
}

struct rte_mbuf *async_tag_mbuf(const struct async *async, uint64_t tag)
{
	uint32_t index = (uint32_t)tag;
	bool there = is_taken(async, index) && async->slots[index].taken == tag >> 32;
	return there ? async->slots[index].mbuf : NULL;
}

/* ---- suspending ---- */

/*
 * Whether the slot may be suspended now: it is in hand, its verdict is being handled (fetched, or
 * under an id, which finding it leaves in the index), or it ended and its holder knows.
 */
static bool may_suspend(struct async *async, uint32_t index)
{
	if (!is_taken(async, index))
		return false;
	const struct async_slot *slot = &async->slots[index];
	if (slot->state == SLOT_SUSPENDED)
		return slot->by_id;
	if (slot->state == SLOT_ENDED && !slot->popped)
		return false;
	if (slot->state != SLOT_FETCHED && async->suspended >= async->max_suspended) {
		async->counters.overflow++;
		async->slots[index].refused = true;
		return false;
	}
	return true;
}

static void time_set(struct async *async, uint64_t now)
{
	if (now > async->now)
		async->now = now;
}

static void park(struct async *async, uint32_t index, uint32_t timeout_ms)
{
	struct async_slot *slot = &async->slots[index];

	if (async_is_parked(slot)) {
		async_index_remove(async, index);
		wheel_cancel(&async->wheel, &slot->timer);
	} else {
		async->suspended++;
		async->counters.suspended++;
	}
	if (slot->state != SLOT_IN_HAND)
		renew(slot);
	if (slot->state == SLOT_ENDED)
		slot->answered = false;
	slot->state = SLOT_SUSPENDED;
	slot->refused = false;
	slot->timeout_ms = timeout_ms;
	wheel_add(&async->wheel, &slot->timer, async->now + timeout_ms);
}

bool async_suspend(struct async *async, uint32_t index, uint16_t async_id, uint16_t query_id,
		   uint32_t timeout_ms, uint64_t now)
{
	uint32_t pair = async_pair(async_id, query_id);

	time_set(async, now);
	if (!may_suspend(async, index))
		return false;
	if (async_index_find(async, pair) != ASYNC_NONE) {
		async->counters.duplicate++;
		return false;
	}
	struct async_slot *slot = &async->slots[index];
	slot->fate = (uint8_t)async->on_expiry;
	slot->flags = 0;
	park(async, index, timeout_ms);
	slot->by_id = false;
	async_index_add(async, index, pair);
	return true;
}

uint64_t async_suspend_id(struct async *async, uint32_t index, uint32_t timeout_ms,
			  enum async_fate fate, uint32_t flags, uint64_t now)
{
	time_set(async, now);
	if (!may_suspend(async, index) || async_ids_left(async, &async->slots[index]) <= 1)
		return 0;
	struct async_slot *slot = &async->slots[index];
	id_release(async, slot);
	slot->fate = (uint8_t)fate;
	slot->flags = (uint8_t)flags;
	park(async, index, timeout_ms);
	slot->by_id = true;
	return async_serial(slot) << async->id_shift | index;
}

bool async_was_refused(const struct async *async, uint32_t index)
{
	return is_taken(async, index) && async->slots[index].refused;
}

/* ---- verdicts ---- */

bool async_fetch(struct async *async, uint16_t async_id, uint16_t query_id, struct async_ref *ref)
{
	uint32_t index = async_index_find(async, async_pair(async_id, query_id));
	if (index == ASYNC_NONE) {
		async->counters.late++;
		return false;
	}
	async_index_remove(async, index);
	async->slots[index].state = SLOT_FETCHED;
	*ref = async_ref_of(async, index);
	return true;
}

bool async_unfetch(struct async *async, struct async_ref ref)
{
	if (async_state(async, ref) != ASYNC_OK)
		return false;
	struct async_slot *slot = &async->slots[ref.slot];
	if (slot->state != SLOT_FETCHED || async_index_find(async, slot->pair) != ASYNC_NONE)
		return false;
	async_index_add(async, ref.slot, slot->pair);
	slot->state = SLOT_SUSPENDED;
	return true;
}

bool async_find(struct async *async, uint64_t id, struct async_ref *ref)
{
	uint32_t index = (uint32_t)(id & ((UINT64_C(1) << async->id_shift) - 1));
	const struct async_slot *slot = &async->slots[index];
	if (index >= async->untouched || slot->state != SLOT_SUSPENDED || !slot->by_id ||
	    async_serial(slot) != id >> async->id_shift) {
		async->counters.late++;
		return false;
	}
	*ref = async_ref_of(async, index);
	return true;
}

enum async_result async_resume(struct async *async, struct async_ref ref)
{
	enum async_result state = async_state(async, ref);
	if (state != ASYNC_OK)
		return state == ASYNC_RESUMED ? ASYNC_OK : state;
	slot_end(async, ref.slot, ASYNC_END_RESUMED);
	if (async->slots[ref.slot].answered)
		async->counters.answered++;
	else
		async->counters.resumed++;
	return ASYNC_OK;
}

enum async_result async_drop(struct async *async, struct async_ref ref)
{
	enum async_result state = async_state(async, ref);
	if (state != ASYNC_OK)
		return state;
	slot_end(async, ref.slot, ASYNC_END_DROPPED);
	async->counters.dropped++;
	return ASYNC_OK;
}

enum async_result async_mark_answered(struct async *async, struct async_ref ref)
{
	enum async_result state = async_state(async, ref);
	if (state == ASYNC_OK)
		async->slots[ref.slot].answered = true;
	return state;
}

enum async_result async_finish(struct async *async, struct async_ref ref, enum async_fate fate)
{
	enum async_result state = async_state(async, ref);
	if (state != ASYNC_OK)
		return state;
	async->slots[ref.slot].fate = (uint8_t)fate;
	slot_end(async, ref.slot, ASYNC_END_FINISHED);
	async->counters.finished++;
	return ASYNC_OK;
}

/* ---- time and the end of the turn ---- */

uint32_t async_advance(struct async *async, uint64_t now)
{
	uint32_t count = 0;
	struct wheel_node *node;

	time_set(async, now);
	leaving_settle(async);
	async_ids_advance(async->ids, async->now);
	while ((node = wheel_expire(&async->wheel, async->now))) {
		struct async_slot *slot = (struct async_slot *)node;
		if (slot->state == SLOT_FETCHED)
			async->counters.abandoned++;
		slot_end(async, (uint32_t)(slot - async->slots), ASYNC_END_EXPIRED);
		async->counters.expired++;
		count++;
	}
	return count;
}

bool async_done_pop(struct async *async, struct async_done *done)
{
	if (async->n_leaving > 0)
		leaving_settle(async);
	uint32_t index = async->done.oldest;
	if (index == ASYNC_NONE)
		return false;
	struct async_slot *slot = &async->slots[index];

	async_list_remove(async, &async->done, index);
	slot->popped = true;
	*done = (struct async_done){
		.slot = index,
		.end = slot->end,
		.fate = slot->fate,
		.continue_rules = slot->flags & ASYNC_CONTINUE_RULES,
		.deadline = slot->timer.deadline,
		.mbuf = slot->mbuf,
	};
	return true;
}

bool async_done_waiting(const struct async *async)
{
	return async->done.oldest != ASYNC_NONE || async->n_leaving > 0;
}

uint64_t async_next_deadline(const struct async *async)
{
	return wheel_next(&async->wheel);
}

/* ---- what is seen from outside ---- */

uint32_t async_in_hand(const struct async *async)
{
	return async->in_hand;
}

uint32_t async_suspended_now(const struct async *async)
{
	return async->suspended;
}

void async_backends_keep(const struct async *async, bool *unused)
{
	for (uint32_t i = 0; i < async->untouched; i++) {
		const struct async_slot *slot = &async->slots[i];
		if (slot->state != SLOT_FREE && slot->state != SLOT_ENDED &&
		    packet_of(slot->mbuf)->kind == PACKET_RESPONSE)
			unused[packet_of(slot->mbuf)->query.backend] = false;
	}
}

const struct async_counters *async_counters(const struct async *async)
{
	return &async->counters;
}
