/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A hierarchical timing wheel with ticks of 1 ms and intrusive nodes. Adding and cancelling are
 * O(1); a node moves at most once per level before it expires. Eleven levels of 64 buckets cover
 * all 64 bits, so that no deadline is out of range and no boundary of the clock is special.
 *
 * One lcore only. Times are milliseconds of a monotonic clock, handed in by the caller.
 */
#ifndef SLUICE_CONTROL_ASYNC_WHEEL_H
#define SLUICE_CONTROL_ASYNC_WHEEL_H

#include <stdbool.h>
#include <stdint.h>

#define WHEEL_LEVEL_BITS 6u
#define WHEEL_SLOTS (1u << WHEEL_LEVEL_BITS)
#define WHEEL_LEVELS 11u
#define WHEEL_NEVER UINT64_MAX

/*
 * All zero is a node that is in no wheel. The owner may read deadline and nothing else. Links are
 * numbers, so that a node leaves room in a cache line for what it belongs to.
 */
struct wheel_node {
	uint64_t deadline; /* ms */
	uint32_t next;
	uint32_t previous;
};

struct wheel {
	uint64_t now;		       /* ms; every node before it has been handed out */
	char *base;		       /* where links are counted from */
	uint64_t filled[WHEEL_LEVELS]; /* bit s: bucket s of the level has a node */
	struct wheel_node buckets[WHEEL_LEVELS * WHEEL_SLOTS];
};

/* All nodes lie within 32 GiB from `base`, and at multiples of 8 bytes from it. */
void wheel_init(struct wheel *wheel, uint64_t now, void *base);

/*
 * Puts `node`, which must be in no wheel, in for `deadline`. A deadline that has passed expires at
 * the next wheel_expire().
 */
void wheel_add(struct wheel *wheel, struct wheel_node *node, uint64_t deadline);

/* Takes `node` out; no effect when it is in no wheel. */
void wheel_cancel(struct wheel *wheel, struct wheel_node *node);

/* Begins to fetch what wheel_cancel() of the node will touch. */
void wheel_prefetch(struct wheel *wheel, const struct wheel_node *node);

/*
 * Turns the wheel to `now` and hands out one node whose deadline is not after it, earliest first,
 * already taken out; NULL when there is none left. Nodes may be added and cancelled between calls.
 * A `now` before the last one counts as the last one.
 */
struct wheel_node *wheel_expire(struct wheel *wheel, uint64_t now);

/*
 * When wheel_expire() should next be called: the earliest deadline when it is within the current
 * 64 ms, else a time not after it (at most ten such stops on the way). WHEEL_NEVER when empty.
 */
uint64_t wheel_next(const struct wheel *wheel);

static inline bool wheel_node_is_waiting(const struct wheel_node *node)
{
	return node->next != 0;
}

#endif
