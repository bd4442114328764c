/* SPDX-License-Identifier: BSD-2-Clause */
#include "dataplane/rules/name_set.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "dataplane/dns/name.h"

#define SLOTS_MIN 8u
#define SLOTS_MAX (1u << 31)
#define SLOT_FREE 0u
#define SLOT_REMOVED 1u
#define BYTES_START 2u /* the first position that is not one of those two */

static uint32_t name_hash(const struct name_set *set, const uint8_t *name, size_t length)
{
	return dns_name_hash32(name, length, set->seed);
}

static bool labels_has(const struct name_set *set, unsigned labels)
{
	return set->labels[labels / 64] >> labels % 64 & 1;
}

/* The slot of this name, NULL if it is no member. */
static struct name_set_slot *slot_find(const struct name_set *set, const uint8_t *name,
				       size_t length)
{
	if (set->count == 0)
		return NULL;
	uint32_t hash = name_hash(set, name, length);
	for (uint32_t i = hash & set->mask;; i = (i + 1) & set->mask) {
		struct name_set_slot *slot = &set->slots[i];
		if (slot->at == SLOT_FREE)
			return NULL;
		if (slot->at == SLOT_REMOVED || slot->hash != hash)
			continue;
		const uint8_t *member = set->bytes + slot->at;
		if (dns_name_equal(member + 1, member[0], name, length))
			return slot;
	}
}

uint32_t name_set_find(const struct name_set *set, const uint8_t *name, size_t length)
{
	const struct name_set_slot *slot = slot_find(set, name, length);
	return slot ? (uint32_t)(slot - set->slots) : NAME_SET_NONE;
}

bool name_set_has(const struct name_set *set, const uint8_t *name, size_t length)
{
	return slot_find(set, name, length) != NULL;
}

bool name_set_covers(const struct name_set *set, const uint8_t *name, size_t length,
		     size_t *suffix)
{
	uint8_t offsets[DNS_LABELS_MAX];
	if (length == 0 || length > DNS_NAME_MAX || set->count == 0)
		return false;
	unsigned labels = dns_name_split(name, length, offsets);
	for (unsigned skip = 0; skip <= labels; skip++) {
		if (!labels_has(set, labels - skip))
			continue;
		size_t at = skip < labels ? offsets[skip] : length - 1;
		if (slot_find(set, name + at, length - at)) {
			if (suffix)
				*suffix = at;
			return true;
		}
	}
	return false;
}

/* Puts a name that is no member into the first slot that is not taken. */
static void slot_take(struct name_set_slot *slots, uint32_t mask, uint32_t hash, uint32_t at)
{
	uint32_t i = hash & mask;
	while (slots[i].at != SLOT_FREE)
		i = (i + 1) & mask;
	slots[i] = (struct name_set_slot){.hash = hash, .at = at};
}

/* At most half of the slots are in use, so probing always ends soon. */
static uint32_t slots_for(uint32_t count)
{
	uint32_t slots = SLOTS_MIN;
	while (slots < SLOTS_MAX && slots / 2 < count)
		slots *= 2;
	return slots;
}

/* Moves the members into new memory: their slots, then their bytes, packed. */
static void members_move(const struct name_set *from, struct name_set_slot *slots, uint32_t mask,
			 uint8_t *bytes, uint32_t *bytes_used)
{
	uint32_t cursor = 0, at = BYTES_START;
	const uint8_t *name;
	size_t length;

	memset(slots, 0, sizeof(*slots) * ((size_t)mask + 1));
	memset(bytes, 0, BYTES_START);
	while ((name = name_set_next(from, &cursor, &length))) {
		memcpy(bytes + at, name - 1, length + 1);
		slot_take(slots, mask, name_hash(from, name, length), at);
		at += (uint32_t)length + 1;
	}
	*bytes_used = at;
}

/* Gives the set new memory with room for `count` members and `size` bytes of names. */
static int set_resize(struct name_set *set, uint32_t count, uint32_t size)
{
	uint32_t mask = slots_for(count) - 1;
	struct name_set_slot *slots = malloc(sizeof(*slots) * ((size_t)mask + 1));
	uint8_t *bytes = malloc(size);
	if (!slots || !bytes) {
		free(slots);
		free(bytes);
		return -ENOMEM;
	}
	members_move(set, slots, mask, bytes, &set->bytes_used);
	free(set->slots);
	free(set->bytes);
	set->slots = slots;
	set->bytes = bytes;
	set->mask = mask;
	set->used = set->count;
	set->bytes_size = size;
	return 0;
}

/* The same for all sets of the process, as it is a system call. False if there is none. */
static bool seed_draw(uint32_t *seed)
{
	static atomic_uint drawn; /* 0: not yet */
	uint32_t fresh = 0;
	*seed = atomic_load(&drawn);
	if (*seed != 0)
		return true;
	if (getrandom(&fresh, sizeof(fresh), 0) != sizeof(fresh))
		return false;
	atomic_store(&drawn, *seed = fresh | 1);
	return true;
}

struct name_set *name_set_new(void)
{
	struct name_set *set = calloc(1, sizeof(*set));
	if (!set)
		return NULL;
	if (!seed_draw(&set->seed) || set_resize(set, 0, 64) != 0) {
		free(set);
		return NULL;
	}
	return set;
}

struct name_set *name_set_copy(const struct name_set *set)
{
	struct name_set *copy = name_set_new();
	uint32_t cursor = 0;
	const uint8_t *name;
	size_t length;

	while (copy && (name = name_set_next(set, &cursor, &length))) {
		if (name_set_add(copy, name, length) != 0) {
			name_set_free(copy);
			return NULL;
		}
	}
	return copy;
}

void name_set_free(struct name_set *set)
{
	if (!set)
		return;
	free(set->slots);
	free(set->bytes);
	free(set);
}

/* Makes room for one more name. */
static int set_reserve(struct name_set *set, size_t length)
{
	uint64_t bytes = (uint64_t)set->bytes_used + length + 1;
	if (set->used < (set->mask + 1) / 2 && bytes <= set->bytes_size)
		return 0;
	if (bytes * 2 > UINT32_MAX || set->count >= SLOTS_MAX / 2)
		return -E2BIG;
	return set_resize(set, (set->count + 1) * 2, (uint32_t)bytes * 2);
}

int name_set_add(struct name_set *set, const uint8_t *name, size_t length)
{
	uint8_t offsets[DNS_LABELS_MAX];
	if (slot_find(set, name, length))
		return -EEXIST;
	int error = set_reserve(set, length);
	if (error != 0)
		return error;
	uint32_t at = set->bytes_used;
	set->bytes[at] = (uint8_t)length;
	dns_name_lower(set->bytes + at + 1, name, length);
	slot_take(set->slots, set->mask, name_hash(set, name, length), at);
	unsigned labels = dns_name_split(name, length, offsets);
	set->labels[labels / 64] |= (uint64_t)1 << labels % 64;
	set->bytes_used += (uint32_t)length + 1;
	set->count++;
	set->used++;
	return 0;
}

int name_set_remove(struct name_set *set, const uint8_t *name, size_t length)
{
	struct name_set_slot *slot = slot_find(set, name, length);
	if (!slot)
		return -ENOENT;
	slot->at = SLOT_REMOVED;
	set->count--;
	return 0;
}

const uint8_t *name_set_next(const struct name_set *set, uint32_t *cursor, size_t *length)
{
	while (set->slots && *cursor <= set->mask) {
		uint32_t at = set->slots[(*cursor)++].at;
		if (at >= BYTES_START) {
			*length = set->bytes[at];
			return set->bytes + at + 1;
		}
	}
	return NULL;
}

static size_t members_bytes(const struct name_set *set)
{
	uint32_t cursor = 0;
	size_t length, bytes = BYTES_START;

	while (name_set_next(set, &cursor, &length))
		bytes += length + 1;
	return bytes;
}

size_t name_set_frozen_size(const struct name_set *set)
{
	size_t slots = sizeof(struct name_set_slot) * (size_t)slots_for(set->count);
	return (sizeof(struct name_set) + slots + members_bytes(set) + 7) & ~(size_t)7;
}

struct name_set *name_set_freeze(const struct name_set *set, void *memory)
{
	struct name_set *frozen = memory;
	*frozen = *set;
	frozen->mask = slots_for(set->count) - 1;
	frozen->slots = (void *)(frozen + 1);
	frozen->bytes = (uint8_t *)(frozen->slots + frozen->mask + 1);
	frozen->used = set->count;
	members_move(set, frozen->slots, frozen->mask, frozen->bytes, &frozen->bytes_used);
	frozen->bytes_size = frozen->bytes_used;
	return frozen;
}
