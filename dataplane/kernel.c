/* SPDX-License-Identifier: BSD-2-Clause */
#include "dataplane/kernel.h"

#include <rte_ethdev.h>

#include "dataplane/net/frame.h"
#include "dataplane/net/host_frame.h"
#include "dataplane/pipeline_parts.h"

#define PACKET_COST 1000u
#define CREDIT_MS 50u /* that a silence is remembered */
#define CREDIT_MIN (64 * PACKET_COST) /* of a full bucket */
#define TICK_MS_MAX 1000u
#define UDP_MS 60000u

static uint32_t credit_max(const struct kernel_port *kernel)
{
	return RTE_MAX(kernel->rate * CREDIT_MS, CREDIT_MIN);
}

void kernel_queues_init(struct worker *worker)
{
	for (unsigned port = 0; port < worker->dataplane->n_ports; port++)
		worker->kernels[port].credit = credit_max(&worker->dataplane->kernels[port]);
}

void kernel_tick(struct worker *worker)
{
	uint64_t now = worker->now_ms;
	struct kernel_udp *udp = &worker->dataplane->kernel_udp;
	for (unsigned port = 0; port < worker->dataplane->n_ports; port++) {
		const struct kernel_port *kernel = &worker->dataplane->kernels[port];
		struct kernel_queue *queue = &worker->kernels[port];
		if (!kernel->open)
			continue;
		uint64_t earned = RTE_MIN(now - queue->filled, TICK_MS_MAX) * kernel->rate;
		queue->filled = now;
		queue->credit = (uint32_t)RTE_MIN(queue->credit + earned, credit_max(kernel));
	}
	if (worker->index == 0 && now - udp->since > UDP_MS) {
		udp->since = now;
		for (unsigned i = 0; i < RTE_DIM(udp->now); i++) {
			uint64_t word = __atomic_exchange_n(&udp->now[i], 0, __ATOMIC_RELAXED);
			__atomic_store_n(&udp->before[i], word, __ATOMIC_RELAXED);
		}
	}
}

/*
 * Takes one packet's credit. Half of the credit, and half of the queue, are kept for what matters:
 * whatever strangers begin, the sessions that are up live on.
 */
static enum drop_reason admit(struct worker *worker, unsigned port, bool matters)
{
	struct kernel_queue *queue = &worker->kernels[port];
	uint32_t kept = matters ? 0 : credit_max(&worker->dataplane->kernels[port]) / 2;
	if (queue->credit < kept + PACKET_COST)
		return DROP_KERNEL_RATE;
	if (queue->tail - queue->head >= (matters ? KERNEL_QUEUE : KERNEL_QUEUE / 2))
		return DROP_KERNEL_FULL;
	queue->credit -= PACKET_COST;
	return DROP_NONE;
}

static void queue_push(struct worker *worker, unsigned port, struct rte_mbuf *mbuf)
{
	struct kernel_queue *queue = &worker->kernels[port];
	net_frame_untag(mbuf);
	queue->mbufs[queue->tail++ % KERNEL_QUEUE] = mbuf;
}

void kernel_offer(struct worker *worker, unsigned port, struct rte_mbuf *mbuf,
		  enum drop_reason reason)
{
	/* Without a link header it was put together here, and is no frame any more. */
	if (worker->dataplane->kernels[port].open && packet_of(mbuf)->l3_offset != 0) {
		bool link = stats_drops[reason].stage == DROP_STAGE_LINK;
		count(worker, link ? STATS_KERNEL_LINK : STATS_KERNEL_PASSED);
		reason = admit(worker, port, net_frame_matters(mbuf));
	}
	if (reason == DROP_NONE)
		queue_push(worker, port, mbuf);
	else
		pipeline_drop(worker, mbuf, reason);
}

void kernel_copy(struct worker *worker, unsigned port, struct rte_mbuf *mbuf)
{
	if (!worker->dataplane->kernels[port].open)
		return;
	count(worker, STATS_KERNEL_LINK);
	enum drop_reason reason = admit(worker, port, net_frame_matters(mbuf));
	struct rte_mbuf *copy = NULL;
	if (reason == DROP_NONE)
		copy = rte_pktmbuf_copy(mbuf, mbuf->pool, 0, UINT32_MAX);
	if (copy == NULL) {
		stats_add(&worker->stats.drop[reason == DROP_NONE ? DROP_KERNEL_FULL : reason], 1);
		return;
	}
	*packet_of(copy) = *packet_of(mbuf);
	queue_push(worker, port, copy);
}

static unsigned kernel_send(struct worker *worker, unsigned port)
{
	struct kernel_queue *queue = &worker->kernels[port];
	uint32_t head = queue->head % KERNEL_QUEUE;
	uint32_t waiting = RTE_MIN(queue->tail - queue->head, KERNEL_QUEUE - head);
	uint16_t wanted = (uint16_t)RTE_MIN(waiting, KERNEL_BURST);
	if (wanted == 0)
		return 0;
	uint16_t sent = rte_eth_tx_burst(worker->dataplane->kernels[port].id,
					 (uint16_t)worker->index, queue->mbufs + head, wanted);
	stats_add(&worker->stats.counter[STATS_KERNEL_SENT], sent);
	stats_add(&worker->stats.drop[DROP_KERNEL_FULL], wanted - sent);
	rte_pktmbuf_free_bulk(queue->mbufs + head + sent, wanted - sent);
	queue->head += wanted;
	return wanted;
}

static void udp_note(struct kernel_udp *udp, uint16_t port)
{
	uint64_t *word = &udp->now[port / 64], bit = 1ull << port % 64;
	if ((__atomic_load_n(word, __ATOMIC_RELAXED) & bit) == 0)
		__atomic_fetch_or(word, bit, __ATOMIC_RELAXED);
}

bool kernel_udp_used(const struct kernel_udp *udp, uint16_t port)
{
	uint64_t word = __atomic_load_n(&udp->now[port / 64], __ATOMIC_RELAXED) |
			__atomic_load_n(&udp->before[port / 64], __ATOMIC_RELAXED);
	return (word & 1ull << port % 64) != 0;
}

/* Makes the frame one of the port's; false if it is not to go out. */
static bool frame_ready(struct worker *worker, unsigned port, struct rte_mbuf **mbuf)
{
	const struct net_port *net = &worker->dataplane->ports[port];
	uint16_t source;
	switch (net_host_frame_read(net, *mbuf, &source)) {
	case NET_HOST_FRAME_ANSWER:
		count(worker, STATS_KERNEL_SILENCED);
		return false;
	case NET_HOST_FRAME_UDP:
		if (source >= INFLIGHT_PORTS_FIRST)
			udp_note(&worker->dataplane->kernel_udp, source);
		break;
	default:
		break;
	}
	(*mbuf)->ol_flags &= NET_MBUF_ATTACHED;
	(*mbuf)->vlan_tci = net->vlan;
	return net->vlan == 0 || rte_vlan_insert(mbuf) == 0;
}

static unsigned kernel_receive(struct worker *worker, unsigned port)
{
	struct rte_mbuf *mbufs[KERNEL_BURST];
	uint16_t ready = 0, total = rte_eth_rx_burst(worker->dataplane->kernels[port].id,
						     (uint16_t)worker->index, mbufs, KERNEL_BURST);
	if (total == 0)
		return 0;
	for (uint16_t i = 0; i < total; i++) {
		struct rte_mbuf *mbuf = mbufs[i];
		if (frame_ready(worker, port, &mbuf))
			mbufs[ready++] = mbuf;
		else
			rte_pktmbuf_free(mbuf);
	}
	uint16_t sent = rte_eth_tx_burst(worker->dataplane->ports[port].id,
					 (uint16_t)worker->index, mbufs, ready);
	rte_pktmbuf_free_bulk(mbufs + sent, ready - sent);
	stats_add(&worker->stats.counter[STATS_KERNEL_RECEIVED], total);
	stats_add(&worker->stats.counter[STATS_TX_PACKETS], sent);
	stats_add(&worker->stats.counter[STATS_TX_UNSENT], ready - sent);
	return total;
}

unsigned kernel_turn(struct worker *worker)
{
	unsigned work = 0;
	for (unsigned port = 0; port < worker->dataplane->n_ports; port++)
		if (worker->dataplane->kernels[port].open)
			work += kernel_send(worker, port) + kernel_receive(worker, port);
	return work;
}

void kernel_queues_free(struct worker *worker)
{
	for (unsigned port = 0; port < NET_PORTS_MAX; port++) {
		struct kernel_queue *queue = &worker->kernels[port];
		for (; queue->head != queue->tail; queue->head++)
			rte_pktmbuf_free(queue->mbufs[queue->head % KERNEL_QUEUE]);
	}
}
