/* SPDX-License-Identifier: BSD-2-Clause */
#include "control/parking.h"

#include <errno.h>
#include <stdio.h>

#include <rte_lcore.h>
#include <rte_mempool.h>

#include "control/async/async.h"
#include "control/log/log.h"
#include "control/loop.h"
#include "dataplane/parking.h"
#include "dataplane/rules/tags.h"

#define CACHE 256u	   /* objects that an lcore keeps of a pool */
#define RARE_CACHE 32u	   /* of those that few packets need */
#define IN_HAND_MAX 8192u  /* packets of a worker, on both rings */
#define LONG_SHARE 16u	   /* one in so many suspended ones is longer than async.message_size ... */
#define LARGE_SHARE 64u	   /* ... and one in so many longer than small buffers are */
#define LARGE_MIN 4096u
#define LARGE_KEPT 1024u   /* of those not for suspended packets */
#define NOTES_SHARE 4u	   /* one in so many has tags; for those of others there is the heap */
#define NOTES_MIN 8192u
#define MIB (1024.0 * 1024)

static struct rte_mempool *notes;

static void *note_take(void)
{
	void *block;
	return rte_mempool_get(notes, &block) == 0 ? block : NULL;
}

static void note_give(void *block)
{
	rte_mempool_put(notes, block);
}

/* With what the caches of all lcores may have, which no other gets. */
static struct rte_mempool *pool_create(const struct control *control, const char *name, uint32_t count,
				       uint32_t cache, uint32_t room)
{
	uint32_t kept = (control->config->lcores.n_workers + 1) * cache * 3 / 2;
	return rte_pktmbuf_pool_create(name, count + kept, cache, PACKET_PRIVATE_SIZE,
				       (uint16_t)room, (int)rte_socket_id());
}

/* All that a pool takes: its objects with what stands around them, and the ring of the free ones. */
static double pool_mib(const struct rte_mempool *pool)
{
	double object = pool->header_size + pool->elt_size + pool->trailer_size;
	return (pool->size * object + rte_align32pow2(pool->size + 1) * sizeof(void *)) / MIB;
}

/* For answers that are held back. */
static struct rte_mempool *held_pool_create(const struct control *control, const char *name,
					    uint32_t each, uint32_t room)
{
	return pool_create(control, name, control->config->lcores.n_workers * each, RARE_CACHE, room);
}

static bool held_pools_create(struct control *control)
{
	struct dataplane *dataplane = control->dataplane;
	uint32_t each = control->config->dataplane.max_delayed;
	dataplane->held_max = each;
	dataplane->held_small = held_pool_create(control, "held_small", each, PARKING_SMALL);
	dataplane->held_large = held_pool_create(control, "held_large", each / HELD_LARGE_SHARE,
						 PACKET_DATA_SIZE);
	return dataplane->held_small != NULL && dataplane->held_large != NULL;
}

static void memory_tell(const struct control *control)
{
	const struct parking *parking = &control->dataplane->parking;
	double resting = pool_mib(parking->suspended), small = pool_mib(parking->small);
	double large = pool_mib(parking->large), blocks = pool_mib(notes);
	double registry = (double)async_memory(control->async) / MIB;
	log_info("memory: %.0f MiB for %u suspended packets (buffers %.0f of %u bytes a message, "
		 "%.0f of %u and %.0f of %u for longer ones and those in hand, registry %.0f, tags %.0f)",
		 resting + small + large + registry + blocks, control->config->async.max_suspended,
		 resting, rte_pktmbuf_data_room_size(parking->suspended) - PARKING_HEADERS, small,
		 PARKING_SMALL - RTE_PKTMBUF_HEADROOM, large, PACKET_DATA_SIZE - RTE_PKTMBUF_HEADROOM,
		 registry, blocks);
}

int parking_create(struct control *control)
{
	const struct config *config = control->config;
	uint32_t most = config->async.max_suspended, in_hand = config->lcores.n_workers * IN_HAND_MAX;
	struct parking *parking = &control->dataplane->parking;
	struct async_config async = {
		.max_packets = most + in_hand,
		.max_suspended = most,
		.on_expiry = (enum async_fate)config->async.on_expiry,
	};
	parking->suspended = pool_create(control, "suspended", most, CACHE,
					 PARKING_HEADERS + config->async.message_size);
	parking->small = pool_create(control, "parking_small", most / LONG_SHARE + in_hand, CACHE,
				     PARKING_SMALL);
	parking->small_kept = in_hand;
	parking->large_kept = LARGE_KEPT;
	parking->large = pool_create(control, "parking_large", RTE_MAX(most / LARGE_SHARE, LARGE_MIN),
				     RARE_CACHE, PACKET_DATA_SIZE);
	notes = rte_mempool_create("notes", RTE_MAX(most / NOTES_SHARE, NOTES_MIN), NOTE_BLOCK_SIZE, CACHE,
				   0, NULL, NULL, NULL, NULL, (int)rte_socket_id(), 0);
	bool held = held_pools_create(control);
	control->async = async_create(&async, 0);
	if (!held || parking->suspended == NULL || parking->small == NULL || parking->large == NULL ||
	    notes == NULL || control->async == NULL)
		return -ENOMEM;
	notes_allocator_set(note_take, note_give);
	memory_tell(control);
	return 0;
}

void parking_destroy(struct control *control)
{
	async_destroy(control->async);
}
