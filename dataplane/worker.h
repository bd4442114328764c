/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A worker: one lcore, one receive and one transmit queue of each port, run to completion.
 * workers[] is the program's only global.
 */
#ifndef SLUICE_DATAPLANE_WORKER_H
#define SLUICE_DATAPLANE_WORKER_H

#include <assert.h>

#include <rte_mempool.h>
#include <rte_rcu_qsbr.h>

#include "dataplane/draw.h"
#include "dataplane/handoff.h"
#include "dataplane/held.h"
#include "dataplane/kernel.h"
#include "dataplane/nap.h"
#include "dataplane/net/fragment.h"
#include "dataplane/net/icmp.h"
#include "dataplane/net/neighbour.h"
#include "dataplane/net/net.h"
#include "dataplane/net/path_mtu.h"
#include "dataplane/net/route.h"
#include "dataplane/parking.h"
#include "dataplane/policy.h"
#include "dataplane/recent.h"
#include "dataplane/rules/blocks.h"
#include "dataplane/serve/balance.h"
#include "dataplane/serve/cache.h"
#include "dataplane/serve/inflight.h"
#include "dataplane/stages.h"
#include "dataplane/stats.h"

#define WORKERS_MAX 64u /* as many as get INFLIGHT_PORTS_MIN source ports each */
#define WORKER_BURST 64u
#define WORKER_LOOKUPS (2 * WORKER_BURST) /* some queries are looked up twice */
#define WORKER_PIECES 1024u /* buffers beside those for fragments that wait for others */

enum worker_overflow { WORKER_OVERFLOW_RESUME, WORKER_OVERFLOW_SERVFAIL, WORKER_OVERFLOW_REFUSED,
		       WORKER_OVERFLOW_DROP };

/* Shared by all workers; written at start-up, read after. */
struct dataplane {
	unsigned n_ports;
	unsigned n_workers;
	struct net_port ports[NET_PORTS_MAX];
	struct kernel_port kernels[NET_PORTS_MAX];
	bool has_kernel; /* one of them is open */
	uint32_t ports_share; /* source ports per worker */
	bool idle_sleep;
	bool cpus_shared; /* a worker may stand where the control lcore wants to run, and back */
	enum worker_overflow on_overflow;
	uint32_t fragments_max;	     /* datagrams in pieces that a worker has at a time; 0: none */
	uint32_t fragments_patience; /* ms */
	uint32_t frame_max; /* bytes of the longest frame that any port receives */
	struct waker *control_waker;
	struct parking parking;
	struct rte_mempool *held_small; /* for answers that are held back */
	struct rte_mempool *held_large;
	uint32_t held_max; /* a worker */
	/* What comes and goes over TCP; NULL: nothing does. The TCP thread takes and gives buffers of
	 * these two alone, whose rings stop nobody when it is taken off its CPU. */
	struct rte_mempool *tcp_small;
	struct rte_mempool *tcp_large;
	struct waker *tcp_waker;
	struct rte_rcu_qsbr *rcu;
	const struct blocks *blocks; /* NULL: there are none; replaced while workers read */
	/* The workers' counters of backends, NULL after the last. */
	const struct backend_stats *backends[WORKERS_MAX + 1];
	/* By backend number, written before a policy with that backend is published. */
	struct net_route routes[POLICY_BACKENDS_MAX];
	bool routed[POLICY_BACKENDS_MAX];
	uint32_t silent_checks[POLICY_BACKENDS_MAX]; /* not answered; control writes, workers read */
	struct kernel_udp kernel_udp; /* workers write it, seldom */
};

static_assert(STATS_PORTS >= NET_PORTS_MAX, "each port has its counters");
static_assert(NET_STEER_QUEUES_MAX >= WORKERS_MAX && CACHE_WORKERS_MAX >= WORKERS_MAX,
	      "each worker has its ports and its part of caches");

struct worker {
	/* Control writes, the worker reads. */
	const struct policy *policy;
	struct dataplane *dataplane;
	uint32_t index;
	uint32_t lcore;
	uint8_t draining; /* take no new queries, finish what is in flight */
	uint8_t stop;
	uint8_t warm; /* the worker writes it, once: it is in its loop */
	uint32_t announce; /* ports whose addresses are to be told on their links; both write it, seldom */
	struct handoff handoff;

	/* The worker alone. */
	struct inflight *inflight __rte_cache_aligned;
	struct neighbour_table *neighbours;
	struct progress *progress;
	struct rule_context rules;
	struct recent_lcore recent;
	struct icmp icmp;
	struct rte_mempool *pieces; /* buffers for what comes or goes in several of them */
	struct path_mtu *path_mtu;
	struct icmp reports; /* of path MTUs */
	struct draw fragment_ids;
	struct net_fragments *fragments; /* NULL: they are dropped */
	struct held *held; /* answers until their time */
	struct balance *balance;
	uint64_t tsc_per_ms;
	double us_per_tsc;
	uint64_t now; /* TSC at the start of the turn */
	uint64_t now_ms; /* the same in milliseconds */
	uint32_t seconds; /* the same, to about a hundredth */
	uint64_t housekept;
	uint32_t idle_turns;
	struct nap nap; /* control reads what it counts */
	uint16_t first_port;
	struct net_tx tx[NET_PORTS_MAX];
	struct kernel_queue kernels[NET_PORTS_MAX];
	uint16_t n_queries; /* of the burst, past the parser */
	struct rte_mbuf *queries[WORKER_BURST];
	uint16_t n_answers; /* of servers, of the burst, past the headers */
	struct rte_mbuf *answers[WORKER_BURST];
	uint32_t answer_folds[WORKER_BURST]; /* inflight_fold() of each */
	uint16_t n_lookups; /* queries past their rules, that the cache may answer */
	struct {
		struct rte_mbuf *mbuf;
		struct cache_lookup lookup;
	} lookups[WORKER_LOOKUPS];
	struct cache_places *places; /* of the response that is being kept */
	uint32_t probes;  /* of the entries in flight; control reads it */
	bool tcp_handed;  /* the TCP thread has something to take this turn */
	uint16_t handing; /* packets collected for the ring to the control lcore */
	struct rte_mbuf *hand[2 * HANDOFF_BURST];

	/* The worker writes, control reads. */
	struct stats stats;
	uint64_t *rule_hits;
	struct backend_stats *backends;
#ifdef SLUICE_STAGES
	struct stages stages;
#endif
} __rte_cache_aligned;

extern struct worker workers[WORKERS_MAX];

/* The counters of the address that a query came to, and of how it came. */
static inline struct stats_frontend *frontend_of(struct worker *worker,
						 const struct query_state *query)
{
	return &worker->stats.frontend[(query->flags & QUERY_TCP) != 0][query->frontend];
}

/* Has the worker say to all on the port's link, soon, whose its addresses are. Control lcore only. */
static inline void worker_announce(struct worker *worker, unsigned port)
{
	__atomic_fetch_or(&worker->announce, 1u << port, __ATOMIC_RELAXED);
	waker_wake(&worker->handoff.worker_waker);
}

/* Microseconds that so many cycles are: a product, for it is asked twice a query. */
static inline double worker_us(const struct worker *worker, uint64_t cycles)
{
	return (double)(int64_t)cycles * worker->us_per_tsc;
}

/* Start-up: memory, rings and tables of one worker. 0 or -errno. */
int worker_create(struct worker *worker, struct dataplane *dataplane, unsigned index,
		  uint32_t max_inflight, int socket);
void worker_destroy(struct worker *worker);

/* rte_eal_remote_launch() entry; `worker` is a struct worker. Returns when stop is set. */
int worker_main(void *worker);

/* One turn of the loop, for worker_main() and tests; whether there was work. */
bool worker_turn(struct worker *worker);

#endif
