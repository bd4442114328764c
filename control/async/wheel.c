/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A time is a number of eleven digits of six bits. A node lies on the level of the highest digit in
 * which its deadline differs from now, in the bucket of that digit. So everything on a level comes
 * before anything on the levels above it, within a level the buckets are in order of time and none
 * before the present digit is filled: the first set bit of the lowest level that has one is next.
 */
#include "control/async/wheel.h"

#include <stddef.h>
#include <string.h>

#define SLOT_MASK (WHEEL_SLOTS - 1)
#define BUCKETS (WHEEL_LEVELS * WHEEL_SLOTS)
/* A link is 0, or one more than a node's distance from the base in units, or that of a bucket. */
#define LINK_UNIT 8u
#define LINK_BUCKETS (UINT32_MAX - BUCKETS + 1)

static struct wheel_node *node_at(struct wheel *wheel, uint32_t link)
{
	if (link >= LINK_BUCKETS)
		return &wheel->buckets[link - LINK_BUCKETS];
	return (struct wheel_node *)(wheel->base + (size_t)(link - 1) * LINK_UNIT);
}

static uint32_t link_of(const struct wheel *wheel, const struct wheel_node *node)
{
	return (uint32_t)((size_t)((const char *)node - wheel->base) / LINK_UNIT) + 1;
}

static void bucket_clear(struct wheel *wheel, uint32_t bucket)
{
	wheel->buckets[bucket].next = LINK_BUCKETS + bucket;
	wheel->buckets[bucket].previous = LINK_BUCKETS + bucket;
}

void wheel_init(struct wheel *wheel, uint64_t now, void *base)
{
	memset(wheel, 0, sizeof(*wheel));
	wheel->now = now;
	wheel->base = base;
	for (uint32_t i = 0; i < BUCKETS; i++)
		bucket_clear(wheel, i);
}

static void place(struct wheel *wheel, struct wheel_node *node)
{
	uint64_t at = node->deadline > wheel->now ? node->deadline : wheel->now;
	uint64_t differs = at ^ wheel->now;
	uint32_t level = differs ? (63 - (uint32_t)__builtin_clzll(differs)) / WHEEL_LEVEL_BITS : 0;
	uint32_t slot = (at >> (level * WHEEL_LEVEL_BITS)) & SLOT_MASK;
	uint32_t number = level * WHEEL_SLOTS + slot;
	struct wheel_node *bucket = &wheel->buckets[number];
	uint32_t link = link_of(wheel, node);

	node->next = LINK_BUCKETS + number;
	node->previous = bucket->previous;
	node_at(wheel, bucket->previous)->next = link;
	bucket->previous = link;
	wheel->filled[level] |= UINT64_C(1) << slot;
}

void wheel_add(struct wheel *wheel, struct wheel_node *node, uint64_t deadline)
{
	node->deadline = deadline;
	place(wheel, node);
}

void wheel_cancel(struct wheel *wheel, struct wheel_node *node)
{
	if (node->next == 0)
		return;
	if (node->next == node->previous) { /* the last one: both are the bucket itself */
		uint32_t bucket = node->next - LINK_BUCKETS;
		wheel->filled[bucket / WHEEL_SLOTS] &= ~(UINT64_C(1) << (bucket & SLOT_MASK));
	}
	node_at(wheel, node->next)->previous = node->previous;
	node_at(wheel, node->previous)->next = node->next;
	node->next = 0;
	node->previous = 0;
}

void wheel_prefetch(struct wheel *wheel, const struct wheel_node *node)
{
	if (node->next == 0)
		return;
	__builtin_prefetch(node_at(wheel, node->next), 1);
	__builtin_prefetch(node_at(wheel, node->previous), 1);
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
	uint32_t bucket = level * WHEEL_SLOTS + slot;
	uint32_t link = wheel->buckets[bucket].next;

	wheel->filled[level] &= ~(UINT64_C(1) << slot);
	bucket_clear(wheel, bucket);
	while (link < LINK_BUCKETS) {
		struct wheel_node *node = node_at(wheel, link);
		link = node->next;
		place(wheel, node);
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
		struct wheel_node *node = node_at(wheel, wheel->buckets[start & SLOT_MASK].next);
		wheel_cancel(wheel, node);
		return node;
	}
	if (now > wheel->now)
		wheel->now = now;
	return NULL;
}
