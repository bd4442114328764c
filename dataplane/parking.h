/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Buffers of packets that leave their worker, so that however long they stay away, reception has its
 * own. In hand of the control lcore a packet has room to become its answer; while it is suspended it
 * lies in a buffer that holds its message and little more, and it moves again where it goes on.
 * Where a pool has none left the next larger one has: a packet stays where it is rather than be lost.
 * Any lcore may take from any of them.
 */
#ifndef SLUICE_DATAPLANE_PARKING_H
#define SLUICE_DATAPLANE_PARKING_H

#include "dataplane/packet.h"

#define PARKING_SMALL 640u  /* data room of a buffer to work in, headroom included */
#define PARKING_HEADERS 80u /* before a suspended message; PACKET_HEADERS_MAX, in words */

static_assert(PARKING_HEADERS >= PACKET_HEADERS_MAX && PARKING_HEADERS % 16 == 0,
	      "headers are written before a message where it lies");

struct parking {
	struct rte_mempool *suspended; /* the control lcore takes them, and moves packets into them */
	struct rte_mempool *small;
	struct rte_mempool *large;
	uint32_t small_kept; /* so many are not for suspended packets, as large_kept of large ones */
	uint32_t large_kept;
};

/* A buffer to work in, for a message of so many bytes; NULL: there is none, or none is so large. */
static inline struct rte_mbuf *parking_take(const struct parking *parking, size_t length)
{
	struct rte_mbuf *mbuf = NULL;
	if (length + RTE_PKTMBUF_HEADROOM <= PARKING_SMALL)
		mbuf = rte_pktmbuf_alloc(parking->small);
	if (mbuf == NULL && length + RTE_PKTMBUF_HEADROOM <= PACKET_DATA_SIZE)
		mbuf = rte_pktmbuf_alloc(parking->large);
	return mbuf;
}

/* The packet moves to where it lies while it is suspended; the same where that is too small or full. */
static inline struct rte_mbuf *parking_rest(const struct parking *parking, struct rte_mbuf *mbuf)
{
	uint32_t room = rte_pktmbuf_data_room_size(parking->suspended) - PARKING_HEADERS;
	if (unlikely(packet_of(mbuf)->dns_length > room || mbuf->pool == parking->suspended))
		return mbuf;
	struct rte_mbuf *rest = rte_pktmbuf_alloc(parking->suspended);
	if (unlikely(rest == NULL))
		return mbuf;
	rest->data_off = PARKING_HEADERS;
	packet_move(rest, mbuf);
	return rest;
}

/* Whether a packet may be suspended in the buffer it has, and leaves enough for others to work in. */
static inline bool parking_may_stay(const struct parking *parking, const struct rte_mbuf *mbuf)
{
	if (mbuf->pool == parking->small)
		return rte_mempool_avail_count(parking->small) >= parking->small_kept;
	if (mbuf->pool == parking->large)
		return rte_mempool_avail_count(parking->large) >= parking->large_kept;
	return true; /* of its own kind, or of TCP, whose connections are few */
}

/* Where there is no room to work in, the packet moves to where there is; the same if nowhere. */
static inline struct rte_mbuf *parking_widen(const struct parking *parking, struct rte_mbuf *mbuf)
{
	if (mbuf->buf_len >= PARKING_SMALL)
		return mbuf;
	struct rte_mbuf *wide = parking_take(parking, packet_of(mbuf)->dns_length);
	if (unlikely(wide == NULL))
		return mbuf;
	packet_move(wide, mbuf);
	return wide;
}

/* The largest room that there is, for what found none where it lies; the same if there is no larger. */
static inline struct rte_mbuf *parking_largest(const struct parking *parking, struct rte_mbuf *mbuf)
{
	if (mbuf->buf_len >= PACKET_DATA_SIZE)
		return mbuf;
	struct rte_mbuf *large = rte_pktmbuf_alloc(parking->large);
	if (unlikely(large == NULL))
		return mbuf;
	packet_move(large, mbuf);
	return large;
}

#endif
