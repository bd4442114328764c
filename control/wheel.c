/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A time is a number of eleven digits of six bits. A node lies on the level of the highest digit in
 * which its deadline differs from now, in the bucket of that digit. So everything on a level comes
 * before anything on the levels above it, within a level the buckets are in order of time and none
 * before the present digit is filled: the first set bit of the lowest level that has one is next.
 */
#include "control/wheel.h"

#include <stddef.h>
#include <string.h>

#define SLOT_MASK (WHEEL_SLOTS - 1)

static struct wheel_node *bucket_of(struct wheel *wheel, uint32_t level, uint32_t slot)
{
	return &wheel->buckets[level * WHEEL_SLOTS + slot];
}

void wheel_init(struct wheel *wheel, uint64_t now)
{
	memset(wheel, 0, sizeof(*wheel));
	wheel->now = now;
	for (uint32_t i = 0; i < WHEEL_LEVELS * WHEEL_SLOTS; i++) {
		wheel->buckets[i].next = &wheel->buckets[i];
		wheel->buckets[i].previous = &wheel->buckets[i];
	}
}

static void place(struct wheel *wheel, struct wheel_node *node)
{
	uint64_t at = node->deadline > wheel->now ? node->deadline : wheel->now;
	uint64_t differs = at ^ wheel->now;
	uint32_t level = differs ? (63 - (uint32_t)__builtin_clzll(differs)) / WHEEL_LEVEL_BITS : 0;
	uint32_t slot = (at >> (level * WHEEL_LEVEL_BITS)) & SLOT_MASK;
	struct wheel_node *bucket = bucket_of(wheel, level, slot);

	node->bucket = level * WHEEL_SLOTS + slot;
	node->next = bucket;
	node->previous = bucket->previous;
	bucket->previous->next = node;
	bucket->previous = node;
	wheel->filled[level] |= UINT64_C(1) << slot;
}

void wheel_add(struct wheel *wheel, struct wheel_node *node, uint64_t deadline)
{
	node->deadline = deadline;
	place(wheel, node);
}

void wheel_cancel(struct wheel *wheel, struct wheel_node *node)
{
	if (!node->next)
		return;
	if (node->next == node->previous) /* the last one: both are the bucket itself */
		wheel->filled[node->bucket / WHEEL_SLOTS] &=
			~(UINT64_C(1) << (node->bucket & SLOT_MASK));
	node->next->previous = node->previous;
	node->previous->next = node->next;
	node->next = NULL;
	node->previous = NULL;
}

/* The lowest level that has a node, WHEEL_LEVELS when there is none. */
static uint32_t lowest_level(const struct wheel *wheel)
{
	uint32_t level = 0;
	while (level < WHEEL_LEVELS && !wheel->filled[level])
		level++;
	return level;
}

/* When the first filled bucket of a level begins. */
static uint64_t bucket_start(const struct wheel *wheel, uint32_t level)
{
	uint32_t shift = level * WHEEL_LEVEL_BITS;
	uint64_t slot = (uint64_t)__builtin_ctzll(wheel->filled[level]);
	/* The top level has four bits only: what is above a level is shifted out in two steps. */
	uint64_t above = wheel->now >> shift >> WHEEL_LEVEL_BITS << WHEEL_LEVEL_BITS << shift;

	return above | (slot << shift);
}

uint64_t wheel_next(const struct wheel *wheel)
{
	uint32_t level = lowest_level(wheel);
	return level < WHEEL_LEVELS ? bucket_start(wheel, level) : WHEEL_NEVER;
}

/* Moves a bucket whose time has come to the levels below. */
static void cascade(struct wheel *wheel, uint32_t level)
{
	uint32_t slot = (uint32_t)__builtin_ctzll(wheel->filled[level]);
	struct wheel_node *bucket = bucket_of(wheel, level, slot);
	struct wheel_node *node = bucket->next;

	wheel->filled[level] &= ~(UINT64_C(1) << slot);
	bucket->next = bucket;
	bucket->previous = bucket;
	while (node != bucket) {
		struct wheel_node *next = node->next;
		place(wheel, node);
		node = next;
	}
}

struct wheel_node *wheel_expire(struct wheel *wheel, uint64_t now)
{
	for (;;) {
		uint32_t level = lowest_level(wheel);
		uint64_t start = level < WHEEL_LEVELS ? bucket_start(wheel, level) : WHEEL_NEVER;
		if (level == WHEEL_LEVELS || start > now)
			break;

		wheel->now = start;
		if (level > 0) {
			cascade(wheel, level);
			continue;
		}
		struct wheel_node *node = bucket_of(wheel, 0, start & SLOT_MASK)->next;
		wheel_cancel(wheel, node);
		return node;
	}
	if (now > wheel->now)
		wheel->now = now;
	return NULL;
}
