/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The queries a worker has sent to servers and whose answers it waits for.
 *
 * Each gets a random DNS ID and a random source port out of the worker's own range, so that a blind
 * spoofer has to guess both (RFC 5452, section 4), and so that an answer tells whose it is by its
 * destination port. One table a worker, written and read by that worker alone.
 */
#ifndef SLUICE_DATAPLANE_SERVE_INFLIGHT_H
#define SLUICE_DATAPLANE_SERVE_INFLIGHT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/net/net.h"
#include "dataplane/packet.h"

#define INFLIGHT_PORTS_FIRST 16384u
#define INFLIGHT_QUEUES 64u
#define INFLIGHT_PORTS_MIN 4096u /* a worker: with the DNS ID 2^28 guesses */

struct inflight_entry {
	uint64_t deadline; /* TSC */
	uint64_t sent;	   /* likewise: when the server was asked; the caller's */
	uint32_t chain;	   /* next in the bucket, as an index; 0 ends it */
	uint32_t newer;	   /* next in its queue, 0 ends it */
	uint32_t older;
	uint32_t queue;
	uint16_t id;	      /* network byte order, as it stands in the packet */
	uint16_t source_port; /* host byte order */
	uint16_t server_port;
	uint8_t name_length;
	bool probe; /* the caller's, as token: who asked is the control lcore */
	bool keyed; /* the caller's: `key` is that of the query */
	uint32_t token;
	struct net_address server;
	struct query_state query;
	uint8_t name[255]; /* the question as it was sent */
	struct cache_key key;
};

struct inflight;

/*
 * How many source ports each of `workers` workers gets, a power of two; 0 if that would be fewer
 * than INFLIGHT_PORTS_MIN.
 */
uint32_t inflight_ports_share(unsigned workers);

/* A table for `capacity` queries over `ports` source ports from `first_port` on. NULL: no memory. */
struct inflight *inflight_create(uint32_t capacity, uint16_t first_port, uint32_t ports);
void inflight_destroy(struct inflight *table);

/* IDs and ports come from a generator of this seed from now on: for replay, never for traffic. */
void inflight_replay(struct inflight *table, uint64_t seed);

/* Bytes of memory of a table of this capacity. */
size_t inflight_memory(uint32_t capacity);

/*
 * A new entry with an ID and a port that are free, due `patience` after `now`, TSC both. NULL: the
 * table is full. There are INFLIGHT_QUEUES kinds of patience at a time: one more is as the nearest.
 */
struct inflight_entry *inflight_add(struct inflight *table, uint64_t now, uint64_t patience);

/* The entry that an answer to this port with this ID belongs to, or NULL. */
struct inflight_entry *inflight_find(struct inflight *table, uint16_t source_port, uint16_t id);

/* Takes an entry out; it may be read until the next inflight_add(). */
void inflight_remove(struct inflight *table, struct inflight_entry *entry);

/* An entry whose deadline is over, or NULL. The caller removes it. */
struct inflight_entry *inflight_expired(struct inflight *table, uint64_t now);

/* Some entry whatever its deadline, for the end of shutdown; NULL: there is none. */
struct inflight_entry *inflight_any(struct inflight *table);

/* Queries in flight. Any lcore. */
uint32_t inflight_count(const struct inflight *table);

#endif
