/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The policy as workers see it: immutable, read through one pointer; one piece of memory, and the
 * blobs that it shares with the policies before and after it.
 * Numbers of pools and backends stay the same from one policy to the next.
 */
#ifndef SLUICE_DATAPLANE_POLICY_H
#define SLUICE_DATAPLANE_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "dataplane/net/net.h"
#include "dataplane/packet.h"
#include "dataplane/rules/chain.h"
#include "dataplane/rules/matched.h"
#include "dataplane/rules/prefix_set.h"

#define POLICY_POOLS_MAX 4096u
#define POLICY_SERVERS_MAX 1024u
#define POLICY_BACKENDS_MAX (2 * POLICY_SERVERS_MAX) /* so that a policy of other servers may follow */
#define POLICY_LISTENERS_MAX 64u
#define POLICY_UDP_TIMEOUT_MS 2000u
#define POLICY_PORT 53u /* of listeners and servers unless they say otherwise */
#define POLICY_POOL_DEFAULT 0u /* number of the pool "" */

#define POLICY_POOL_UNKNOWN UINT16_MAX /* a pool without servers in every policy */

struct backend;
struct client_counts;
struct recent;
struct rule_threads;

#define POLICY_TCP_IN_FLIGHT 64u

struct policy_listener_tcp {
	bool off; /* UDP alone */
	uint16_t max_in_flight;	  /* queries of a connection at a time */
	uint16_t backlog;	  /* connections that wait to be accepted, 0: as TCP in general */
	uint16_t fast_open;	  /* likewise with data, 0: none */
	uint32_t max_connections; /* 0: no limit of its own */
};

/* An all-zero address is any address of its family. */
struct policy_listener {
	struct net_address address;
	uint16_t port; /* host byte order */
	bool any;
	uint8_t frontend; /* of struct stats_frontend; stays the same from one policy to the next */
	bool unproxied;	  /* no PROXY header is looked for */
	bool muted[2];	  /* queries over UDP, and over TCP, are answered by nobody */
	struct policy_listener_tcp tcp;
};

/* TCP in general: connections of clients, and how long those to servers may stand unused. */
struct policy_tcp {
	uint32_t receive_timeout, send_timeout; /* milliseconds */
	uint32_t max_queries;	/* of a connection, 0: no limit */
	uint32_t max_duration;	/* seconds, 0: no limit */
	uint32_t max_of_client; /* connections, 0: no limit */
	uint32_t max_rate; /* new connections of a client a second, 0: no limit */
	uint32_t rate_interval; /* minutes that this is an average over */
	uint32_t ban; /* seconds that a client gets none for who wants more */
	uint32_t max_reads; /* that bring one query, 0: no limit */
	uint32_t reads_ban; /* seconds that a client gets none for whose query takes more */
	uint32_t max_idle; /* connections to a server that nobody uses */
	uint32_t max_waiting; /* connections that wait to be accepted, 0: as many as the kernel likes */
	uint32_t fast_open_key[4]; /* as the kernel writes it; without one it has its own */
	uint8_t mask_v4, mask_v6; /* bits of addresses that are one client */
	uint8_t mask_v4_port;	  /* bits of the port that it has behind a whole address */
	bool fast_open_keyed;
	uint8_t overload; /* per cent of all connections from which on idle ones have less time */
	uint32_t server_idle; /* seconds */
};
#define POLICY_TCP_DEFAULT                                                                         \
	{.receive_timeout = 2000, .send_timeout = 2000, .mask_v4 = 32, .mask_v6 = 128,              \
	 .overload = 90, .server_idle = 300, .ban = 10, .max_idle = 10, .rate_interval = 5,         \
	 .max_reads = 50, .reads_ban = 60, .max_waiting = 1024}

enum balance_method {
	BALANCE_LEAST_OUTSTANDING,
	BALANCE_FIRST_AVAILABLE,
	BALANCE_ROUND_ROBIN,
	BALANCE_WRANDOM, /* from here on by weight */
	BALANCE_WHASHED,
	BALANCE_CHASHED, /* from here on with a ring of points */
	BALANCE_LUA,	/* the policy's Lua, on the control lcore */
	BALANCE_THREAD, /* Lua of the lcore's own */
	BALANCE_COUNT,
};

struct balance_point;
struct cache;

/* What servers are told of clients, unless the query says otherwise. */
struct policy_ecs {
	uint8_t v4_prefix, v6_prefix; /* bits of the client's address */
	bool override; /* also where the client sent a subnet itself */
};
#define POLICY_ECS_DEFAULT {.v4_prefix = 24, .v6_prefix = 56}

/* What is looked up for a burst of queries before they meet their rules. */
struct policy_ahead {
	const struct live_list *list;
	enum matched_trigger trigger;
};

/* A pool that exists in name only has no servers. */
struct policy_pool {
	const char *name; /* NULL: the number is not used by this policy */
	size_t name_length;
	const uint16_t *servers; /* backend numbers, by order */
	uint16_t count;
	uint8_t method; /* enum balance_method */
	bool lua_ffi; /* BALANCE_LUA: LuaFFI rather than Lua */
	int32_t lua; /* what to call, from BALANCE_LUA on */
	bool ecs; /* the client's subnet is part of the key: some server is told it */
	bool ecs_share; /* answers for all subnets may be kept for all of them */
	uint32_t n_points;
	const uint64_t *weights; /* by place: the sum up to and with it */
	const struct balance_point *points; /* of BALANCE_CHASHED, and where Lua may ask; sorted */
	struct cache *cache; /* NULL: it has none; one of the blobs holds it */
};

/* A name set, a prefix set or the like: shared by policies, so that a large one is built once. */
struct policy_blob {
	uint32_t users; /* control lcore only */
	uint32_t spare;
	struct policy_blob *holds; /* what its data points to, with a use of it; NULL: nothing */
	void (*close)(void *data); /* before the blob is freed; NULL: nothing is to be done */
	uint64_t data[];
};

/* A group of dynamic blocks: what is counted of clients for it. */
struct policy_group {
	struct client_counts *counts; /* one of the blobs holds it */
	const struct prefix_set *excluded; /* clients that are not counted; NULL: all are */
	const uint32_t *limits; /* by column: of a worker alone, for client_counts_flush() */
};

struct policy_pool_name {
	const char *name;
	uint32_t length;
	uint16_t pool;
};

struct policy {
	uint32_t generation; /* never 0, grows with each policy */
	uint32_t udp_timeout; /* milliseconds a server has */
	uint32_t stale; /* seconds for which expired answers serve when no server is up */
	uint32_t stale_timeout; /* and when the server that was asked did not answer */
	uint16_t n_listeners;
	uint16_t n_pools;    /* numbers below this one may be used */
	uint16_t n_backends; /* likewise */
	uint16_t n_pool_names;
	bool servfail_when_no_server;
	bool round_robin_fail; /* without a server that is up: none, rather than any */
	uint32_t perturbation; /* of the hashes of names and points */
	double weighted_factor, consistent_factor; /* above its part of the load; 0: no bound */
	uint8_t block_action; /* of dynamic blocks that say none: enum rule_result */
	bool answer_empty; /* a query without a question gets NOTIMP, else nothing */
	uint16_t own_udp_size; /* what the OPT of answers made here announces; 0: they have none */
	bool allow_empty_response; /* a server's answer may lack the question */
	bool cut_truncated;	   /* of a server's answer with TC, clients get no records */
	bool verbose_checks;	   /* the control lcore's: it logs each check that fails */
	struct policy_ecs ecs;
	struct policy_tcp tcp;
	struct rule_chain chains[CHAIN_COUNT];
	uint64_t timed_seed; /* of the sets of addresses with a time that rules ask */
	uint16_t n_ahead;
	struct policy_ahead ahead[RULE_AHEAD_LISTS]; /* what the first query rules ask of lists */
	const struct prefix_set *acl;
	const struct prefix_set *proxy_acl; /* who has to send PROXY headers; NULL: nobody */
	uint16_t proxy_size; /* bytes of those, at most */
	bool proxy_clients_acl; /* the ACL is for the clients that they name, too */
	const struct policy_listener *listeners;
	const struct policy_pool *pools;	     /* by pool number */
	struct backend *const *backends;	     /* by backend number, NULL: not in this policy */
	const struct policy_pool_name *pool_names; /* sorted by length and bytes */
	const struct policy_group *groups;
	uint16_t n_groups;
	bool groups_answers; /* some group counts answers */
	bool answers_watched; /* some group does, or some address is muted */
	uint64_t muted[2]; /* over UDP, and over TCP; bit n: the listening addresses with number n */
	struct policy_blob *const *blobs;	     /* what the rules point to */
	size_t n_blobs;
	struct recent *recent; /* the lcores' rings of what was asked and answered; NULL: none */
	struct policy_blob *recent_holder;
	struct rule_threads *threads; /* Lua of the lcores' own; NULL: none */
	struct policy *next; /* of old ones that wait to be freed, the control lcore's alone; likewise: */
	uint64_t token; /* its grace period */
	struct hs_scratch **scratch; /* by lcore, for regular expressions; NULL: there are none */
	uint16_t n_scratch;
};

/* The listener that a packet to this address (as in struct query_state) and port is for, or NULL. */
static inline const struct policy_listener *policy_listener_find(const struct policy *policy,
								 const uint8_t *address, bool ipv6,
								 uint16_t port)
{
	for (unsigned i = 0; i < policy->n_listeners; i++) {
		const struct policy_listener *listener = &policy->listeners[i];
		/* Compared with lengths that the compiler knows: no call. */
		if (listener->port == port && listener->address.ipv6 == ipv6 &&
		    (listener->any || (ipv6 ? memcmp(listener->address.bytes, address, 16) == 0
					    : memcmp(listener->address.bytes, address, 4) == 0)))
			return listener;
	}
	return NULL;
}

static inline bool policy_allows(const struct policy *policy, const uint8_t *address, bool ipv6)
{
	return prefix_set_match(policy->acl, address, ipv6);
}

/* Whether what this client sends has to begin with a PROXY header. */
static inline bool policy_expects_proxy(const struct policy *policy,
					const struct policy_listener *listener,
					const uint8_t *address, bool ipv6)
{
	return policy->proxy_acl != NULL && !listener->unproxied &&
	       prefix_set_match(policy->proxy_acl, address, ipv6);
}

/* The number of the pool with this name, -1 if the policy has none. */
int policy_pool_find(const struct policy *policy, const char *name, size_t length);

/* The backend with this number, NULL if the policy has none. */
static inline struct backend *policy_backend(const struct policy *policy, uint16_t number)
{
	return number < policy->n_backends ? policy->backends[number] : NULL;
}

/* How the pool with this number is balanced; as if by none if the policy has no such pool. */
static inline enum balance_method policy_method(const struct policy *policy, uint16_t pool)
{
	return pool < policy->n_pools ? (enum balance_method)policy->pools[pool].method
				      : BALANCE_LEAST_OUTSTANDING;
}

/*
 * Control lcore only, and not before all workers have passed a quiescent state without it. NULL is
 * fine.
 */
void policy_free(struct policy *policy);

/* A blob of `size` bytes, all zero, with one user. NULL without memory. */
struct policy_blob *policy_blob_new(size_t size);

/* Gives up one use of a blob. NULL is fine. */
void policy_blob_release(struct policy_blob *blob);

#endif
