/* SPDX-License-Identifier: BSD-2-Clause */
/* Messages that not every path takes in one packet, and what routers say of them. */
#include "dataplane/pipeline_parts.h"

#include <rte_udp.h>

#include "dataplane/dns/rewrite.h"
#include "dataplane/kernel.h"

static uint16_t path_mtu(const struct worker *worker, const struct net_port *port,
			 const struct net_address *to)
{
	return path_mtu_find(worker->path_mtu, port, to, worker->now_ms);
}

bool pipeline_large_fits(const struct worker *worker, unsigned port, const struct net_address *to,
			 size_t length)
{
	const struct net_port *way = &worker->dataplane->ports[port];
	return (way->fragments && length <= PACKET_MESSAGE_MAX) ||
	       length <= net_message_room(path_mtu(worker, way, to), to->ipv6);
}

unsigned pipeline_large_write(struct worker *worker, unsigned port, struct rte_mbuf *mbuf,
			      const struct net_flow *flow,
			      struct rte_mbuf *frames[static NET_FRAGMENTS_MAX])
{
	const struct net_port *way = &worker->dataplane->ports[port];
	uint16_t mtu = path_mtu(worker, way, &flow->destination);
	uint16_t length = packet_of(mbuf)->dns_length;
	bool whole = length <= net_message_room(mtu, flow->destination.ipv6);
	if (!whole && !way->fragments)
		return 0;
	/* Routers do not report IPv4 fragments: they cut them further. */
	if (whole || flow->destination.ipv6)
		path_mtu_sent(worker->path_mtu, flow,
			      (uint16_t)(length + sizeof(struct rte_udp_hdr)),
			      net_frame_checksum(flow, mbuf), worker->now_ms);
	if (whole) {
		packet_headroom_make(mbuf);
		net_frame_write(way, mbuf, flow);
		frames[0] = mbuf;
		return 1;
	}
	unsigned n = net_fragments_write(way, mbuf, flow, mtu, worker->pieces,
					 draw_next(&worker->fragment_ids), frames);
	if (n != 0)
		count(worker, STATS_FRAGMENTED);
	return n;
}

/* False: it has been dropped. */
static bool answer_cut(struct worker *worker, struct rte_mbuf *mbuf, uint16_t room)
{
	if (packet_of(mbuf)->dns_length <= room)
		return true;
	int length = dns_response_truncate(packet_dns(mbuf), packet_of(mbuf)->dns_length, room);
	if (length < 0) {
		count(worker, STATS_TRUNC_FAILURES);
		pipeline_drop(worker, mbuf, DROP_REPLY_BUILD);
		return false;
	}
	count(worker, STATS_TRUNCATED);
	packet_dns_resize(mbuf, (uint16_t)length);
	return true;
}

void pipeline_large_answer(struct worker *worker, struct rte_mbuf *mbuf,
			   const struct net_flow *flow)
{
	struct rte_mbuf *frames[NET_FRAGMENTS_MAX];
	const struct query_state *query = &packet_of(mbuf)->query;
	const uint8_t port = query->port;
	const struct net_port *way = &worker->dataplane->ports[port];
	uint16_t whole = net_message_room(path_mtu(worker, way, &flow->destination),
					  flow->destination.ipv6);
	uint16_t room = way->fragments ? PACKET_MESSAGE_MAX : whole;
	if (!answer_cut(worker, mbuf, RTE_MIN(query->client_size, room)))
		return;
	unsigned n = pipeline_large_write(worker, port, mbuf, flow, frames);
	if (n == 0) { /* no buffers for fragments */
		if (!answer_cut(worker, mbuf, RTE_MIN(query->client_size, whole)))
			return;
		n = pipeline_large_write(worker, port, mbuf, flow, frames);
	}
	pipeline_answer_count(worker, mbuf);
	for (unsigned i = 0; i < n; i++)
		pipeline_push(worker, port, frames[i]);
}

/* ---- reports ---- */

static void report_end(struct worker *worker, struct rte_mbuf *mbuf, enum drop_reason reason)
{
	if (reason == DROP_MTU_FOREIGN) { /* about a packet of the kernel's, perhaps */
		packet_of(mbuf)->query.notes = NULL;
		kernel_offer(worker, packet_of(mbuf)->query.port, mbuf, reason);
		return;
	}
	stats_add(&worker->stats.drop[reason], 1);
	rte_pktmbuf_free(mbuf);
}

/* To the next worker, until all have seen it as what it is. False: they have, or that one is too busy. */
static bool report_pass(struct worker *worker, struct rte_mbuf *mbuf, enum packet_kind kind)
{
	struct packet *packet = packet_of(mbuf);
	unsigned next = worker->index + 1 < worker->dataplane->n_workers ? worker->index + 1 : 0;
	if (packet->kind != kind) {
		packet->kind = (uint8_t)kind;
		packet->worker = (uint8_t)worker->index;
	}
	if (next == packet->worker || rte_ring_enqueue(workers[next].handoff.inbox, mbuf) != 0)
		return false;
	waker_wake(&workers[next].handoff.worker_waker);
	return true;
}

static void path_pass(struct worker *worker, struct rte_mbuf *mbuf)
{
	if (!report_pass(worker, mbuf, PACKET_PATH))
		rte_pktmbuf_free(mbuf);
}

void pipeline_path(struct worker *worker, struct rte_mbuf *mbuf)
{
	const struct net_port *port = &worker->dataplane->ports[packet_of(mbuf)->query.port];
	path_mtu_learn(worker->path_mtu, port, mbuf, worker->now_ms);
	path_pass(worker, mbuf);
}

void pipeline_report(struct worker *worker, struct rte_mbuf *mbuf)
{
	struct packet *packet = packet_of(mbuf);
	const struct net_port *port = &worker->dataplane->ports[packet->query.port];
	if (packet->kind != PACKET_REPORT && !icmp_rate_allows(&worker->reports, worker->now_ms)) {
		report_end(worker, mbuf, DROP_ICMP);
		return;
	}
	switch (path_mtu_input(worker->path_mtu, port, mbuf, worker->now_ms)) {
	case PATH_MTU_LEARNED:
		count(worker, STATS_PATH_MTUS);
		path_pass(worker, mbuf);
		break;
	case PATH_MTU_MALFORMED:
		report_end(worker, mbuf, DROP_ICMP);
		break;
	case PATH_MTU_UNSAFE:
		report_end(worker, mbuf, DROP_MTU_UNSAFE);
		break;
	case PATH_MTU_FOREIGN:
		if (!report_pass(worker, mbuf, PACKET_REPORT))
			report_end(worker, mbuf, DROP_MTU_FOREIGN);
		break;
	}
}
