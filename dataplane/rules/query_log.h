/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What rules say is to be logged of a packet: records of one size, on a ring of each lcore that runs
 * rules, for a thread that writes them to files. The lcore never waits: no room is a counted drop.
 */
#ifndef SLUICE_DATAPLANE_RULES_QUERY_LOG_H
#define SLUICE_DATAPLANE_RULES_QUERY_LOG_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>

#define QUERY_LOG_RECORDS 8192u /* of a ring: a power of two */

struct rule_context;

struct query_record {
	uint64_t arrival;     /* TSC when the query was received */
	uint16_t file;	      /* number that log_writer_open() gave */
	uint16_t id;	      /* the client's, network byte order */
	uint16_t qtype, qclass;
	uint16_t client_port; /* host byte order, as the others */
	uint8_t rcode;
	bool response;
	bool ipv6;
	uint8_t name_length;
	uint8_t client[16]; /* IPv4 in the first four bytes */
	uint8_t name[256];  /* wire form; only name_length bytes are written */
	uint16_t matched_length; /* 0: the rule asked no list */
	char matched[334]; /* what the rule found, as text, likewise; longer ones are cut */
};

static_assert(sizeof(struct query_record) == 632, "8,192 of them are 5 MiB");

/* One producer, one consumer. Memory that is cleared, as calloc() gives it, is an empty ring. */
struct query_log_ring {
	uint32_t head; /* the producer's alone but for reading */
	uint32_t tail_seen; /* the producer's: what it knows of `tail` */
	uint32_t tail __rte_cache_aligned; /* the consumer's, likewise */
	struct query_record records[QUERY_LOG_RECORDS] __rte_cache_aligned;
};

/* Logs the packet, a query or a response by the chain that it is in; context->log may be NULL. */
void query_log_push(const struct rule_context *context, uint16_t file, struct rte_mbuf *mbuf);

/* The oldest record, NULL: there is none. Valid until query_log_done(), which takes it off. */
static inline const struct query_record *query_log_peek(struct query_log_ring *ring)
{
	if (ring->tail == __atomic_load_n(&ring->head, __ATOMIC_ACQUIRE))
		return NULL;
	return &ring->records[ring->tail % QUERY_LOG_RECORDS];
}

static inline void query_log_done(struct query_log_ring *ring)
{
	__atomic_store_n(&ring->tail, ring->tail + 1, __ATOMIC_RELEASE);
}

#endif
