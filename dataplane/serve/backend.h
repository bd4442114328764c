/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Servers that queries are sent to. A backend outlives policies: the same address and name is the
 * same backend with the same number, so that its counters and its state carry over.
 */
#ifndef SLUICE_DATAPLANE_SERVE_BACKEND_H
#define SLUICE_DATAPLANE_SERVE_BACKEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <rte_common.h>

#include "dataplane/net/net.h"
#include "dataplane/net/route.h"
#include "dataplane/policy.h"
#include "dataplane/rules/rates.h"

#define BACKEND_NAME_SIZE 128u
#define BACKEND_TITLE_SIZE (BACKEND_NAME_SIZE + 68u)
#define BACKEND_NONE UINT16_MAX

/* How it is asked over TCP. */
struct backend_tcp {
	bool only;  /* never over UDP */
	bool check; /* nor are its checks */
	uint16_t retries; /* with another connection, where one fails */
	uint16_t max_in_flight; /* queries of a connection */
	uint32_t max_connections; /* 0: as many as Sluice allows itself */
	uint32_t connect_timeout, send_timeout, receive_timeout; /* milliseconds */
};
#define BACKEND_TCP_DEFAULT                                                                        \
	{.retries = 5, .max_in_flight = 32, .connect_timeout = 5000, .send_timeout = 30000,         \
	 .receive_timeout = 30000}

/*
 * What policies say of a server: changed in their models, and told to the server when one comes into
 * force. Those of a server are its own members.
 */
#define BACKEND_OPTIONS                                                                            \
	uint32_t weight;                                                                            \
	int32_t order;                                                                              \
	uint32_t udp_timeout; /* milliseconds, 0: the policy's */                                   \
	uint32_t max_outstanding; /* queries at a time, 0: no limit */                              \
	uint8_t dscp; /* RFC 2474, of what is sent to it */                                         \
	bool ecs; /* it is told the client's subnet */                                              \
	bool ecs_no_share; /* what it says of all subnets is not believed */                        \
	bool proxy; /* queries, and checks, begin with a PROXY header */                            \
	struct backend_tcp tcp;                                                                     \
	struct rate_limit qps_limit; /* a period of 0: none */                                      \
	char id[40] __rte_aligned(4); /* UUID; rte_jhash() reads it by words */

struct backend_options {
	BACKEND_OPTIONS
};

/* Control writes, workers read. What may be another policy's by and by is as the one in force has it. */
struct backend {
	struct net_address address;
	uint16_t port; /* host byte order */
	struct net_source source; /* of what it is sent */
	uint16_t number;
	uint32_t serial; /* tells it from those that had its number before */
	uint8_t down; /* atomic, relaxed: see backend_is_up() */
	union {
		struct backend_options options;
		struct {
			BACKEND_OPTIONS
		};
	};
	char name[BACKEND_NAME_SIZE];	   /* may be empty */
	char title[BACKEND_TITLE_SIZE];	   /* name and address, for people */
	struct rate qps; /* what BALANCE_FIRST_AVAILABLE gives it */
} __rte_cache_aligned;

/* One per lcore and backend number; only that lcore writes. */
struct backend_stats {
	uint64_t queries;
	uint64_t responses;
	uint64_t timeouts;
	uint64_t send_errors;
	uint64_t servfails; /* among the responses */
	uint64_t noncompliant; /* what it sent for queries that is no response to them */
	double latency;	      /* microseconds, on average over about 128 responses */
};

static inline bool backend_is_up(const struct backend *backend)
{
	return !__atomic_load_n(&backend->down, __ATOMIC_RELAXED);
}

/* Control lcore only; takes effect with the next packet. */
static inline void backend_up_set(struct backend *backend, bool up)
{
	__atomic_store_n(&backend->down, !up, __ATOMIC_RELAXED);
}

/* Whether some server of the pool is up. */
bool backend_pool_available(const struct policy *policy, uint16_t pool);

/*
 * Queries that one worker has sent and a server has not answered yet. What has ended is read first: a
 * query that ends meanwhile counts, none is counted below zero.
 */
static inline uint64_t backend_unanswered(const struct backend_stats *stats)
{
	uint64_t ended = __atomic_load_n(&stats->responses, __ATOMIC_ACQUIRE) +
			 __atomic_load_n(&stats->timeouts, __ATOMIC_ACQUIRE);
	uint64_t queries = __atomic_load_n(&stats->queries, __ATOMIC_RELAXED);
	return queries > ended ? queries - ended : 0;
}

/* The same over all workers; as for the pool below. */
uint64_t backend_outstanding(uint16_t number, const struct backend_stats *const *stats);

/*
 * Queries that the servers of the pool have not answered yet, over all workers, each of whose
 * counters are at stats[worker]; NULL ends them. Any lcore; others count on meanwhile.
 */
uint64_t backend_pool_outstanding(const struct policy *policy, uint16_t pool,
				  const struct backend_stats *const *stats);

/*
 * Reads "address", "address:port", "[v6]:port" or "v6". `port` gets `default_port` if the text has
 * none. 0 or -EINVAL.
 */
int backend_address_parse(const char *text, uint16_t default_port, struct net_address *address,
			  uint16_t *port);

/* Writes "address:port" or "[v6]:port" and a NUL: 64 bytes always do. */
void backend_address_print(const struct net_address *address, uint16_t port, char *text,
			   size_t size);

#endif
