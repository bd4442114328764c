/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Answers over UDP that are held back, as DelayAction wants them, until their time.
 *
 * Each worker holds those that it would have sent, so that they go out by the same last stage, cost no
 * ring and no other lcore, and outlast policies. A wheel of slots of a millisecond: holding one back
 * is O(1), and a worker passes each slot once a millisecond while it holds any. What is due later than
 * one turn of the wheel stays in its slot for the next. Messages are in buffers of their own, so that
 * reception has its; there are as many as dataplane.max_delayed allows, and an answer for which there
 * is none is sent at once: a delay never costs a client its answer.
 */
#ifndef SLUICE_DATAPLANE_HELD_H
#define SLUICE_DATAPLANE_HELD_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>

#define HELD_SLOTS 4096u /* ms, a power of two */
#define HELD_LARGE_SHARE 16u /* one of so many messages may be larger than a small buffer */

struct held;

/* NULL: no memory. */
struct held *held_create(void);

/* Frees it, and nothing that it holds. */
void held_destroy(struct held *held);

/*
 * Holds the packet until `ms` milliseconds have passed, and up to two more; at most
 * NOTE_DELAY_MAX. `now` is the caller's clock in milliseconds.
 */
void held_add(struct held *held, struct rte_mbuf *mbuf, uint32_t ms, uint64_t now);

/* A packet whose time has come, in the order in which they are due; NULL: none. */
struct rte_mbuf *held_take(struct held *held, uint64_t now);

/* Some packet, whatever its time; NULL: none is held. */
struct rte_mbuf *held_any(struct held *held);

/* How many are held. Any lcore; NULL counts as none. */
uint32_t held_count(const struct held *held);

#endif
