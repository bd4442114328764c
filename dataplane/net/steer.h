/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which source ports bring a server's answers home: to the queue, and so to the worker, that asked.
 *
 * A port that tells its RSS key and redirection table puts an answer where the Toeplitz hash of
 * (server, ours, server's port, source port) points. That hash is linear: it is the hash of the first
 * three, which is known when the route to the server is, XOR that of the source port alone. So the
 * source ports are sorted once into classes of equal hash, as far as the table looks at it, and a
 * worker draws from the classes that lead to its own entries of the table. It gets a fair part of
 * all source ports to each server, and the parts of the workers are disjoint.
 */
#ifndef SLUICE_DATAPLANE_NET_STEER_H
#define SLUICE_DATAPLANE_NET_STEER_H

#include "dataplane/net/net.h"

#define NET_STEER_ENTRIES_MAX 512u /* of a redirection table */
#define NET_STEER_KEY_MIN 40u	   /* bytes of an RSS key that hashes IPv6 addresses and ports */
#define NET_STEER_QUEUES_MAX 64u
#define NET_STEER_PORTS_FIRST 16384u /* source ports go from here to 65535 */
#define NET_STEER_PORTS (65536u - NET_STEER_PORTS_FIRST)

/* Of one port and address family. Written at start-up, read by workers. */
struct net_steer {
	uint32_t key[NET_STEER_KEY_MIN / 4]; /* bytes in the order of the port's */
	uint32_t mask; /* of the hash: entries of the table less one */
	uint32_t least; /* source ports that the worker with the fewest has to any server */
	bool ipv6;
	uint16_t table[NET_STEER_ENTRIES_MAX]; /* the queue of each entry */
	uint16_t entries_start[NET_STEER_QUEUES_MAX + 1];
	uint16_t entries[NET_STEER_ENTRIES_MAX]; /* by queue */
	uint32_t class_start[NET_STEER_ENTRIES_MAX + 1];
	uint16_t class_ports[NET_STEER_PORTS]; /* by class */
};

/* What a worker draws its source ports to a server from. */
struct net_steer_way {
	const struct net_steer *steer;
	uint32_t hash; /* net_steer_hash() of the server */
	uint32_t queue;
};

/*
 * Fills in `steer`, all zero, for `queues` queues from the RSS key and the redirection table of a
 * port, which has `entries` entries. -ENOTSUP: the table is no power of two long, is too long, or
 * leads some queue nothing from some server.
 */
int net_steer_fill(struct net_steer *steer, const uint8_t key[static NET_STEER_KEY_MIN],
		   const uint16_t *table, unsigned entries, unsigned queues, bool ipv6);

/* The part of the hash that the server and our address make up. `port` in host byte order. */
uint32_t net_steer_hash(const struct net_steer *steer, const struct net_address *server,
			uint16_t port, const struct net_address *ours);

/*
 * The queue at which an answer to this source port arrives. Bytes as in struct query_state; of
 * addresses of the family that `steer` is for.
 */
unsigned net_steer_queue(const struct net_steer *steer, const uint8_t *server, uint16_t port,
			 const uint8_t *ours, uint16_t source_port);

/* Draws a source port; `random` is uniform. */
static inline uint16_t net_steer_draw(const struct net_steer_way *way, uint32_t random)
{
	const struct net_steer *steer = way->steer;
	uint32_t first = steer->entries_start[way->queue];
	uint64_t draw = (uint64_t)random * (steer->entries_start[way->queue + 1] - first);
	uint32_t class = steer->entries[first + (uint32_t)(draw >> 32)] ^ (way->hash & steer->mask);
	uint32_t start = steer->class_start[class];
	uint64_t place = (draw & UINT32_MAX) * (steer->class_start[class + 1] - start);
	return steer->class_ports[start + (uint32_t)(place >> 32)];
}

#endif
