/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The queries a worker has sent to servers and whose answers it waits for.
 *
 * Each gets a random DNS ID and a random source port, so that a blind spoofer has to guess both (RFC
 * 5452, section 4), and so that an answer tells whose it is by its destination port: one out of the
 * worker's own range, or one that brings the answer to the worker's queue (net/steer.h). One table a
 * worker, written and read by that worker alone.
 *
 * What became of those that have ended is remembered for a while, so that answers which come too
 * late, or twice, are told from those that nobody asked for. One record of 8 bytes a query, in place
 * of an older one: INFLIGHT_ANSWERED of those that were answered, for duplicates come at once; and of
 * those that timed out as many as can be in flight, so that the late answers of a server that hangs
 * are known for about as long as it was waited for, whatever the load.
 */
#ifndef SLUICE_DATAPLANE_SERVE_INFLIGHT_H
#define SLUICE_DATAPLANE_SERVE_INFLIGHT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/net/steer.h"
#include "dataplane/packet.h"

#define INFLIGHT_PORTS_FIRST NET_STEER_PORTS_FIRST
#define INFLIGHT_QUEUES 64u
#define INFLIGHT_NEVER UINT64_MAX
#define INFLIGHT_PORTS_MIN 512u	    /* a worker: with the DNS ID 2^25 guesses */
#define INFLIGHT_PORTS_ADVISED 4096u /* 2^28 */
#define INFLIGHT_ANSWERED 16384u /* records, a power of two: 128 KiB */

/* How a query ended, as far as is remembered. */
enum inflight_end {
	INFLIGHT_FORGOTTEN, /* it never was, was not sent, or is too long ago */
	INFLIGHT_WAS_ANSWERED,
	INFLIGHT_TIMED_OUT,
};

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
	bool tcp;   /* the caller's: asked over TCP */
	bool keyed; /* the caller's: `key` is that of the query */
	uint32_t token;
	struct net_address server;
	struct rte_mbuf *kept; /* the caller's: the query, to be asked over TCP; NULL: it will not */
	struct query_state query;
	uint8_t name[255]; /* the question as it was sent */
	struct cache_key key;
} __rte_cache_aligned;

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

/* On the lcore whose table it is, before its first query: its random words are at hand. */
void inflight_warm(struct inflight *table);

/* Bytes of memory of a table of this capacity. */
size_t inflight_memory(uint32_t capacity);

/*
 * A new entry with an ID and a port that are free, due `patience` after `now`, TSC both. NULL: the
 * table is full. There are INFLIGHT_QUEUES kinds of patience at a time: one more is as the nearest.
 * The port is drawn from `way`, or from the table's range if that is NULL.
 */
struct inflight_entry *inflight_add_on(struct inflight *table, uint64_t now, uint64_t patience,
				       const struct net_steer_way *way);

static inline struct inflight_entry *inflight_add(struct inflight *table, uint64_t now,
						  uint64_t patience)
{
	return inflight_add_on(table, now, patience, NULL);
}

/* Both parts are random, so folding them is all the hashing that is needed. */
static inline uint32_t inflight_fold(uint16_t source_port, uint16_t id)
{
	uint32_t key = (uint32_t)source_port << 16 | id;
	return key ^ key >> 15;
}

/* The entry that an answer to this port with this ID belongs to, or NULL. */
struct inflight_entry *inflight_find(struct inflight *table, uint16_t source_port, uint16_t id);

/*
 * Before answers of a burst are looked up: first for each of them the bucket, then what is in it, so
 * that neither is waited for. `fold` is inflight_fold() of their port and ID.
 */
void inflight_fetch_bucket(struct inflight *table, uint16_t source_port, uint32_t fold);
void inflight_fetch_entry(struct inflight *table, uint32_t fold);

/* Takes an entry out; it may be read until the next inflight_add(). How it ended is remembered. */
void inflight_remove(struct inflight *table, struct inflight_entry *entry, enum inflight_end end);

/*
 * What became of a query that this server was asked from this port with this ID and that is not in
 * flight any more. One that another server was asked is as one that never was.
 */
enum inflight_end inflight_recall(const struct inflight *table, uint16_t source_port, uint16_t id,
				  const struct net_address *server, uint16_t server_port);

/* Whether some query waits for its answer at this port, INFLIGHT_PORTS_FIRST or above. */
bool inflight_port_waits(const struct inflight *table, uint16_t source_port);

/* An entry whose deadline is over, or NULL. The caller removes it. */
struct inflight_entry *inflight_expired(struct inflight *table, uint64_t now);

/* The deadline that comes first, INFLIGHT_NEVER if there is none. */
uint64_t inflight_next(const struct inflight *table);

/* Some entry whatever its deadline, for the end of shutdown; NULL: there is none. */
struct inflight_entry *inflight_any(struct inflight *table);

/* Queries in flight. Any lcore. */
uint32_t inflight_count(const struct inflight *table);

#endif
