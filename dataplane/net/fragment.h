/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Datagrams put together from IPv4 and IPv6 fragments (RFC 791; RFC 8200, section 4.5). One table a
 * worker, its own alone; ports spread fragments by addresses only, so those of one datagram meet.
 *
 * Fragments are kept in buffers of the table's own, as many as were asked for at the start, so that
 * however many come, reception has its buffers and whole packets do not notice. Those that are tiny,
 * overlap or contradict each other, never get complete or exceed what a message may have are dropped,
 * each for a reason of its own.
 */
#ifndef SLUICE_DATAPLANE_NET_FRAGMENT_H
#define SLUICE_DATAPLANE_NET_FRAGMENT_H

#include "dataplane/net/frame.h"

/* Bytes that each fragment but the last has to carry: paths that need less are none of today's. */
#define NET_FRAGMENT_MIN 256u
/* Bytes of a datagram, UDP header included: the largest message and headers that it hides behind. */
#define NET_FRAGMENT_DATAGRAM_MAX (PACKET_MESSAGE_MAX + 8u + 64u)
/* Buffers that a table holds at most, for each datagram that it is for. */
#define NET_FRAGMENT_BUFFERS 4u

struct net_fragments;

/*
 * A table for `datagrams` at a time that gives up on one `patience` (TSC) after its first fragment.
 * Copies come from `pool`, whose buffers have PACKET_DATA_SIZE bytes. NULL: no memory. Start-up.
 */
struct net_fragments *net_fragments_create(uint32_t datagrams, uint64_t patience,
					   struct rte_mempool *pool, struct stats *stats,
					   int socket);
void net_fragments_destroy(struct net_fragments *fragments);

/*
 * Takes a packet that net_frame_classify() called NET_CLASS_FRAGMENT. NET_CLASS_FRAGMENT: it is kept.
 * NET_CLASS_UDP: *mbuf is the whole datagram now, classified and in one buffer, its UDP checksum
 * verified. NET_CLASS_DROP: *mbuf is to be dropped for *reason. What falls out of the table meanwhile is
 * counted and freed. `now` in TSC.
 */
enum net_class net_fragments_input(struct net_fragments *fragments, struct rte_mbuf **mbuf,
				   uint64_t now, uint8_t *reason);

/* Gives up on what has waited too long; every few milliseconds. */
void net_fragments_expire(struct net_fragments *fragments, uint64_t now);

/* Fragments that wait for others. Any lcore. */
uint32_t net_fragments_held(const struct net_fragments *fragments);

#endif
