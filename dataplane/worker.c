/* SPDX-License-Identifier: BSD-2-Clause */
#include "dataplane/worker.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <rte_ethdev.h>
#include <rte_prefetch.h>

#include "dataplane/clock.h"
#include "dataplane/net/frame.h"
#include "dataplane/net/icmp.h"
#include "dataplane/pipeline_parts.h"
#include "dataplane/progress.h"

#define PREFETCH_AHEAD 4
#define PIECES_CACHE 64

struct worker workers[WORKERS_MAX];

/* Buffers and the table for frames and datagrams that come in pieces. */
static int pieces_create(struct worker *worker, int socket)
{
	const struct dataplane *dataplane = worker->dataplane;
	char name[RTE_MEMPOOL_NAMESIZE];
	uint32_t count = dataplane->fragments_max * NET_FRAGMENT_BUFFERS + WORKER_PIECES;
	uint32_t room = RTE_MAX(PACKET_DATA_SIZE, RTE_PKTMBUF_HEADROOM + dataplane->frame_max);
	snprintf(name, sizeof(name), "pieces_%u", worker->index);
	worker->pieces = rte_pktmbuf_pool_create(name, count, PIECES_CACHE, PACKET_PRIVATE_SIZE,
						 (uint16_t)room, socket);
	if (worker->pieces == NULL)
		return -ENOMEM;
	if (dataplane->fragments_max == 0)
		return 0;
	worker->fragments = net_fragments_create(dataplane->fragments_max,
						 dataplane->fragments_patience * worker->tsc_per_ms,
						 worker->pieces, &worker->stats, socket);
	return worker->fragments == NULL ? -ENOMEM : 0;
}

int worker_create(struct worker *worker, struct dataplane *dataplane, unsigned index,
		  uint32_t max_inflight, int socket)
{
	worker->dataplane = dataplane;
	worker->index = index;
	kernel_queues_init(worker);
	worker->first_port = (uint16_t)(INFLIGHT_PORTS_FIRST + index * dataplane->ports_share);
	worker->tsc_per_ms = rte_get_tsc_hz() / 1000;
	/* A trifle more, so that no whole microsecond ends up just below itself. */
	worker->us_per_tsc = 1000.0 / (double)worker->tsc_per_ms * (1 + 0x1p-50);
	worker->inflight = inflight_create(max_inflight, worker->first_port, dataplane->ports_share);
	worker->balance = calloc(1, sizeof(*worker->balance));
	worker->places = calloc(1, sizeof(*worker->places));
	worker->seconds = (uint32_t)(clock_now() / worker->tsc_per_ms / 1000);
	worker->rule_hits = calloc(RULE_HIT_SLOTS, sizeof(*worker->rule_hits));
	worker->backends = calloc(POLICY_BACKENDS_MAX, sizeof(*worker->backends));
	worker->path_mtu = path_mtu_create();
	worker->held = held_create();
	port_wakes_init(&worker->nap.ports);
	worker->progress = progress_create();
	int error = handoff_create(&worker->handoff, index, socket);
	if (error == 0)
		error = pieces_create(worker, socket);
	if (error == 0 && (worker->inflight == NULL || worker->balance == NULL ||
			   worker->places == NULL || worker->path_mtu == NULL || worker->held == NULL ||
			   worker->rule_hits == NULL || worker->backends == NULL ||
			   worker->progress == NULL))
		error = -ENOMEM;
	if (error != 0) {
		worker_destroy(worker);
		return error;
	}
	worker->rules.stats = &worker->stats;
	worker->rules.rule_hits = worker->rule_hits;
	worker->rules.lcore = (uint16_t)index;
	worker->rules.ports = dataplane->ports;
	dataplane->backends[index] = worker->backends;
	worker->rules.backends = dataplane->backends;
	balance_init(worker->balance, &worker->rules, worker->backends, rte_get_tsc_hz());
	worker->rules.random = clock_now() ^ (uint64_t)(index + 1) << 32;
	return 0;
}

void worker_destroy(struct worker *worker)
{
	port_wakes_fini(&worker->nap.ports);
	kernel_queues_free(worker);
	handoff_destroy(&worker->handoff);
	inflight_destroy(worker->inflight);
	net_fragments_destroy(worker->fragments);
	path_mtu_destroy(worker->path_mtu);
	held_destroy(worker->held);
	progress_destroy(worker->progress);
	free(worker->balance);
	free(worker->places);
	free(worker->rule_hits);
	if (worker->dataplane != NULL)
		worker->dataplane->backends[worker->index] = NULL;
	free(worker->backends);
	worker->inflight = NULL;
	worker->fragments = NULL;
	worker->path_mtu = NULL;
	worker->held = NULL;
	worker->progress = NULL;
	worker->pieces = NULL; /* ports may still have some of its buffers; it ends with EAL */
	worker->balance = NULL;
	worker->places = NULL;
	worker->rule_hits = NULL;
	worker->backends = NULL;
}

/* Every worker learns from what one of them received: the others get copies. */
static void link_replicate(struct worker *worker, struct rte_mbuf *mbuf)
{
	for (unsigned i = 0; i < worker->dataplane->n_workers; i++) {
		if (i == worker->index)
			continue;
		struct rte_mbuf *copy = rte_pktmbuf_copy(mbuf, mbuf->pool, 0, UINT32_MAX);
		if (copy == NULL)
			continue;
		*packet_of(copy) = *packet_of(mbuf);
		packet_of(copy)->kind = PACKET_LINK;
		if (rte_ring_enqueue(workers[i].handoff.inbox, copy) != 0)
			rte_pktmbuf_free(copy);
		else
			waker_wake(&workers[i].handoff.worker_waker);
	}
}

static void link_input(struct worker *worker, unsigned port, struct rte_mbuf *mbuf,
		       enum net_class class, bool reply)
{
	uint64_t now = worker->now_ms;
	if (class == NET_CLASS_ARP)
		neighbour_arp_input(worker->neighbours, port, mbuf, now, reply);
	else if (class == NET_CLASS_ICMP6 && neighbour_nd_wants(mbuf))
		neighbour_nd_input(worker->neighbours, port, mbuf, now, reply);
	else if (path_mtu_wants(mbuf))
		pipeline_report(worker, mbuf);
	else if (!icmp_input(&worker->icmp, &worker->dataplane->ports[port], mbuf, now,
			     &worker->tx[port], &worker->stats))
		kernel_offer(worker, port, mbuf, DROP_ICMP);
}

/* Whether queries may have gone out from there. */
static bool is_source_port(const struct worker *worker, const struct packet *packet)
{
	uint16_t port = packet->destination_port;
	return port >= INFLIGHT_PORTS_FIRST &&
	       (worker->dataplane->ports[packet->query.port].steer[packet->ipv6] != NULL ||
		port - INFLIGHT_PORTS_FIRST <
			worker->dataplane->ports_share * worker->dataplane->n_workers);
}

/* The ACL; a proxy that is trusted needs none but its own. */
static enum drop_reason client_check(const struct policy *policy,
				     const struct policy_listener *listener, struct rte_mbuf *mbuf)
{
	const struct packet *packet = packet_of(mbuf);
	const uint8_t *client = packet->query.client_addr;
	if (unlikely(policy_expects_proxy(policy, listener, client, packet->ipv6)))
		return pipeline_proxy_take(policy, mbuf);
	return likely(policy_allows(policy, client, packet->ipv6)) ? DROP_NONE : DROP_ACL;
}

static void udp_input(struct worker *worker, const struct policy *policy, struct rte_mbuf *mbuf)
{
	struct packet *packet = packet_of(mbuf);
	const struct policy_listener *listener = policy_listener_find(
		policy, packet->query.local_addr, packet->ipv6, packet->destination_port);
	if (listener != NULL) {
		if (unlikely(worker->draining)) {
			pipeline_drop(worker, mbuf, DROP_DRAINING);
			return;
		}
		enum drop_reason reason = client_check(policy, listener, mbuf);
		if (unlikely(reason != DROP_NONE)) {
			pipeline_drop(worker, mbuf, reason);
		} else {
			packet->query.frontend = listener->frontend;
			stats_add(&worker->stats.port[packet->query.port].queries, 1);
			stats_add(&frontend_of(worker, &packet->query)->queries, 1);
			pipeline_query(worker, mbuf);
		}
	} else if (is_source_port(worker, packet)) {
		pipeline_response_collect(worker, mbuf);
	} else {
		kernel_offer(worker, packet->query.port, mbuf, DROP_UDP_PORT);
	}
}

/* A piece of a datagram; with the last one comes the whole. */
static void fragment_input(struct worker *worker, const struct policy *policy, unsigned port,
			   struct rte_mbuf *mbuf)
{
	uint8_t reason = DROP_FRAGMENT_FULL;
	enum net_class class = NET_CLASS_DROP;
	if (worker->fragments != NULL)
		class = net_fragments_input(worker->fragments, &mbuf, worker->now, &reason);
	if (class == NET_CLASS_FRAGMENT)
		return;
	packet_of(mbuf)->query.port = (uint8_t)port;
	if (class == NET_CLASS_UDP)
		udp_input(worker, policy, mbuf);
	else
		pipeline_drop(worker, mbuf, reason);
}

static void frame_input(struct worker *worker, const struct policy *policy, unsigned port,
			struct rte_mbuf *mbuf);

static void chain_input(struct worker *worker, const struct policy *policy, unsigned port,
			struct rte_mbuf *mbuf)
{
	uint8_t reason;
	struct rte_mbuf *whole = net_frame_whole(mbuf, worker->pieces, &reason);
	if (whole != NULL)
		frame_input(worker, policy, port, whole);
	else
		pipeline_drop(worker, mbuf, reason);
}

/* What is no UDP for us, or not at once. */
static __rte_noinline void frame_other(struct worker *worker, const struct policy *policy,
				       unsigned port, struct rte_mbuf *mbuf, enum net_class class,
				       uint8_t reason)
{
	switch (class) {
	case NET_CLASS_ARP:
	case NET_CLASS_ICMP:
	case NET_CLASS_ICMP6:
		stats_add(&worker->stats.counter[STATS_LINK_PACKETS], 1);
		packet_of(mbuf)->query.port = (uint8_t)port;
		if (class == NET_CLASS_ARP ||
		    (class == NET_CLASS_ICMP6 && neighbour_nd_wants(mbuf))) {
			link_replicate(worker, mbuf);
			kernel_copy(worker, port, mbuf);
		}
		link_input(worker, port, mbuf, class, true);
		break;
	case NET_CLASS_CHAINED:
		chain_input(worker, policy, port, mbuf);
		break;
	case NET_CLASS_FRAGMENT:
		fragment_input(worker, policy, port, mbuf);
		break;
	case NET_CLASS_HOST:
		kernel_offer(worker, port, mbuf, reason);
		break;
	default:
		pipeline_drop(worker, mbuf, reason);
	}
}

static void frame_input(struct worker *worker, const struct policy *policy, unsigned port,
			struct rte_mbuf *mbuf)
{
	uint8_t reason = DROP_NONE;
	enum net_class class = net_frame_classify(&worker->dataplane->ports[port], mbuf, &reason);
	if (unlikely(class != NET_CLASS_UDP)) {
		frame_other(worker, policy, port, mbuf, class, reason);
		return;
	}
	packet_of(mbuf)->query.port = (uint8_t)port;
	udp_input(worker, policy, mbuf);
}

static unsigned port_receive(struct worker *worker, const struct policy *policy, unsigned port)
{
	STAGE(worker, RX);
	struct rte_mbuf *mbufs[WORKER_BURST];
	uint16_t count = rte_eth_rx_burst(worker->dataplane->ports[port].id,
					  (uint16_t)worker->index, mbufs, WORKER_BURST);
	STAGE_NEXT(worker, FRAME);
	for (unsigned i = 0; i < count && i < PREFETCH_AHEAD; i++)
		rte_prefetch0(rte_pktmbuf_mtod(mbufs[i], void *));
	for (unsigned i = 0; i < count; i++) {
		if (i + PREFETCH_AHEAD < count)
			rte_prefetch0(rte_pktmbuf_mtod(mbufs[i + PREFETCH_AHEAD], void *));
		frame_input(worker, policy, port, mbufs[i]);
	}
	pipeline_responses(worker);
	pipeline_queries(worker);
	if (count != 0)
		stats_add(&worker->stats.counter[STATS_RX_PACKETS], count);
	return count;
}

static unsigned inbox_receive(struct worker *worker)
{
	STAGE(worker, HANDOFF);
	struct rte_mbuf *mbufs[HANDOFF_BURST];
	unsigned count = rte_ring_sc_dequeue_burst(worker->handoff.inbox, (void **)mbufs,
						   HANDOFF_BURST, NULL);
	for (unsigned i = 0; i < count; i++) {
		struct packet *packet = packet_of(mbufs[i]);
		unsigned port = packet->query.port;
		if (packet->kind == PACKET_LINK)
			link_input(worker, port, mbufs[i],
				   neighbour_nd_wants(mbufs[i]) ? NET_CLASS_ICMP6 : NET_CLASS_ARP,
				   false);
		else if (packet->kind == PACKET_REPORT)
			pipeline_report(worker, mbufs[i]);
		else if (packet->kind == PACKET_PATH)
			pipeline_path(worker, mbufs[i]);
		else if (packet->kind == PACKET_PROBE)
			pipeline_probe(worker, mbufs[i]);
		else if (packet->kind == PACKET_OTHER)
			pipeline_response(worker, mbufs[i]);
		else
			pipeline_return(worker, mbufs[i]);
	}
	pipeline_lookups(worker);
	return count;
}

static void announce(struct worker *worker)
{
	uint32_t ports = __atomic_exchange_n(&worker->announce, 0, __ATOMIC_RELAXED);
	for (unsigned port = 0; port < worker->dataplane->n_ports; port++)
		if ((ports & 1u << port) != 0)
			neighbour_announce(worker->neighbours, (uint8_t)port);
}

static void housekeep(struct worker *worker)
{
	const uint32_t seconds = (uint32_t)(worker->now_ms / 1000);
	if (unlikely(seconds != worker->seconds))
		progress_look(worker->progress, worker);
	worker->housekept = worker->now;
	worker->seconds = seconds;
	pipeline_expire(worker, false);
	if (worker->dataplane->has_kernel)
		kernel_tick(worker);
	neighbour_tick(worker->neighbours, worker->now_ms);
	if (unlikely(__atomic_load_n(&worker->announce, __ATOMIC_RELAXED) != 0))
		announce(worker);
	if (worker->fragments != NULL)
		net_fragments_expire(worker->fragments, worker->now);
	pipeline_lookups(worker); /* what timed out may have begun some */
	rte_rcu_qsbr_quiescent(worker->dataplane->rcu, worker->index);
}

/* A function of its own in each build: callgrind counts between its begin and its end. */
__rte_noinline bool worker_turn(struct worker *worker)
{
	unsigned work = 0;
	worker->now = clock_now();
	worker->now_ms = worker->now / worker->tsc_per_ms;
	STAGES_OPEN(worker, OTHER);
	const struct policy *policy = __atomic_load_n(&worker->policy, __ATOMIC_ACQUIRE);
	recent_turn(&worker->recent, policy->recent, worker->index);
	for (unsigned port = 0; port < worker->dataplane->n_ports; port++)
		work += port_receive(worker, policy, port);
	work += inbox_receive(worker);
	work += pipeline_tcp_receive(worker);
	work += pipeline_delayed(worker);
	if (worker->now - worker->housekept > worker->tsc_per_ms)
		housekeep(worker);
	pipeline_hand_over(worker);
	pipeline_lookups(worker); /* of what a full ring sent on: none outlives the turn */
	pipeline_tcp_hand_over(worker);
	if (unlikely(policy_now(worker)->n_groups != 0))
		pipeline_groups_flush(worker);
	for (unsigned port = 0; port < worker->dataplane->n_ports; port++)
		pipeline_transmit(worker, port);
	if (worker->dataplane->has_kernel)
		work += kernel_turn(worker);
	STAGES_CLOSE(worker, work != 0);
	if (work != 0) {
		stats_add(&worker->stats.counter[STATS_BUSY_TURNS], 1);
		stats_add(&worker->stats.counter[STATS_BUSY_CYCLES], clock_now() - worker->now);
	}
	return work != 0;
}

int worker_main(void *argument)
{
	struct worker *worker = argument;
	struct rte_rcu_qsbr *rcu = worker->dataplane->rcu;
	rte_rcu_qsbr_thread_register(rcu, worker->index);
	rte_rcu_qsbr_thread_online(rcu, worker->index);
	inflight_warm(worker->inflight);
	draw_warm(&worker->fragment_ids);
	__atomic_store_n(&worker->warm, 1, __ATOMIC_RELEASE);
	while (!__atomic_load_n(&worker->stop, __ATOMIC_RELAXED)) {
		bool work = worker_turn(worker);
		/* On one CPU the ring would stay full until the kernel takes this thread off it. */
		if (worker->dataplane->cpus_shared && !rte_ring_empty(worker->handoff.to_control))
			sched_yield();
		if (!work) {
			stats_add(&worker->stats.counter[STATS_IDLE_TURNS], 1);
			if (worker->dataplane->idle_sleep && ++worker->idle_turns > NAP_SPIN_TURNS)
				work = nap_take(worker);
		}
		if (work)
			worker->idle_turns = 0;
	}
	pipeline_delayed_end(worker);
	pipeline_expire(worker, true);
	rte_rcu_qsbr_thread_offline(rcu, worker->index);
	rte_rcu_qsbr_thread_unregister(rcu, worker->index);
	return 0;
}
