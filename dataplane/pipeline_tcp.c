/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Messages over TCP. The TCP thread has the connections: whole messages come from it and go back to
 * it over rings, and meet the same stages as those of UDP.
 */
#include "dataplane/pipeline_parts.h"

static void item_push(struct worker *worker, void *item)
{
	worker->tcp_handed = true;
	/* There is room for the end of each query that the TCP thread hands over at a time. */
	if (unlikely(rte_ring_sp_enqueue(worker->handoff.tcp_out, item) != 0)) {
		stats_add(&worker->stats.drop[DROP_TCP_FULL], 1);
		if (!handoff_is_end(item))
			rte_pktmbuf_free(item);
	}
}

void pipeline_tcp_end(struct worker *worker, const struct query_state *query,
		      enum drop_reason reason)
{
	const struct packet_connection *connection = &query->connection;
	struct handoff_end end = {
		.slot = connection->slot,
		.generation = connection->generation[0] |
			      (uint32_t)connection->generation[1] << 16,
		.garbage = reason == DROP_QUERY_SHORT || reason == DROP_QUERY_NONCOMPLIANT ||
			   reason == DROP_QUERY_MALFORMED,
	};
	item_push(worker, handoff_end_pack(&end));
}

struct rte_mbuf *pipeline_tcp_buffer(struct worker *worker, struct rte_mbuf *mbuf)
{
	const struct dataplane *dataplane = worker->dataplane;
	if (mbuf->pool == dataplane->tcp_small || mbuf->pool == dataplane->tcp_large)
		return mbuf;
	uint16_t length = packet_of(mbuf)->dns_length;
	bool large = length + (uint32_t)RTE_PKTMBUF_HEADROOM > PACKET_DATA_SIZE;
	struct rte_mbuf *changed = rte_pktmbuf_alloc(large ? dataplane->tcp_large
							   : dataplane->tcp_small);
	if (unlikely(changed == NULL)) {
		pipeline_drop(worker, mbuf, DROP_TCP_FULL);
		return NULL;
	}
	if (length > rte_pktmbuf_tailroom(changed))
		changed->data_off = 0;
	packet_move(changed, mbuf);
	return changed;
}

void pipeline_tcp_answer(struct worker *worker, struct rte_mbuf *mbuf)
{
	item_push(worker, mbuf);
}

void pipeline_tcp_hand_over(struct worker *worker)
{
	if (likely(!worker->tcp_handed))
		return;
	worker->tcp_handed = false;
	waker_wake(worker->dataplane->tcp_waker);
}

/* Its connection was allowed, and its context is filled in as a frame's would be. */
static void query_receive(struct worker *worker, struct rte_mbuf *mbuf)
{
	struct packet *packet = packet_of(mbuf);
	stats_add(&worker->stats.port[packet->query.port].queries, 1);
	stats_add(&frontend_of(worker, &packet->query)->queries, 1);
	pipeline_query(worker, mbuf);
}

unsigned pipeline_tcp_receive(struct worker *worker)
{
	struct rte_mbuf *mbufs[WORKER_BURST];
	unsigned count = rte_ring_sc_dequeue_burst(worker->handoff.tcp_in, (void **)mbufs,
						   WORKER_BURST, NULL);
	for (unsigned i = 0; i < count; i++)
		query_receive(worker, mbufs[i]);
	if (count > 0)
		pipeline_queries(worker);
	return count;
}
