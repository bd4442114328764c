/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The DNS IDs that packets in hand of the control lcore carry: each at most once at a time, reused
 * oldest first. One whose packet expired unanswered rests, so that a late verdict that names it
 * finds nothing rather than somebody else's packet.
 *
 * One lcore only. Times are milliseconds of a monotonic clock, handed in by the caller.
 */
#ifndef SLUICE_CONTROL_ASYNC_IDS_H
#define SLUICE_CONTROL_ASYNC_IDS_H

#include <stddef.h>
#include <stdint.h>

#define ASYNC_IDS_COUNT 65536u
/* An ID rests for so many times its packet's timeout, unless no other ID is left. */
#define ASYNC_IDS_LONG_REST 5u

struct async_ids;

/* NULL with errno when there is no memory. */
struct async_ids *async_ids_create(uint64_t now);
void async_ids_destroy(struct async_ids *ids);
size_t async_ids_memory(void); /* bytes of async_ids_create() */

/*
 * An ID that nobody has: the one that has been free longest; when none is, the one that has had
 * its short rest longest; -1 when every ID is in use or has to rest.
 */
int async_ids_take(struct async_ids *ids);

/* Gives `id`, which must be taken, back. rest_ms is its short rest; 0: free at once. */
void async_ids_release(struct async_ids *ids, uint16_t id, uint32_t rest_ms, uint64_t now);

/* Ends the rests that are over at `now`. */
void async_ids_advance(struct async_ids *ids, uint64_t now);

#endif
