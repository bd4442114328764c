/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Messages over TCP. The TCP thread has the connections: whole messages come from it and go back to
 * it over rings, and meet the same stages as those of UDP.
 */
#include "dataplane/pipeline_parts.h"

#define TRANSFER_MS 3600000u /* for a zone */
#define SLACK_MS 1000u

static void item_push(struct worker *worker, void *item)
{
	worker->tcp_handed = true;
	/* There is room for the end of each query that the TCP thread hands over at a time: see below. */
	if (unlikely(rte_ring_sp_enqueue(worker->handoff.tcp_out, item) != 0)) {
		stats_add(&worker->stats.drop[DROP_TCP_FULL], 1);
		if (!handoff_is_end(item))
			rte_pktmbuf_free(item);
	}
}

void pipeline_tcp_end(struct worker *worker, const struct query_state *query,
		      enum drop_reason reason, bool more)
{
	const struct packet_connection *connection = &query->connection;
	struct handoff_end end = {
		.slot = connection->slot,
		.generation = connection->generation[0] |
			      (uint32_t)connection->generation[1] << 16,
		.close = more || reason == DROP_QUERY_SHORT || reason == DROP_QUERY_NONCOMPLIANT ||
			 reason == DROP_QUERY_MALFORMED || reason == DROP_TCP_GAVE_UP ||
			 reason == DROP_PROXY || reason == DROP_ACL, /* so would be what follows */
		.more = more,
		.broken = reason == DROP_TCP_GAVE_UP,
		.timeout = reason == DROP_TIMEOUT,
	};
	item_push(worker, handoff_end_pack(&end));
}

/* A buffer of TCP's. NULL: there is none, in replay never, and the packet stays as it is. */
static struct rte_mbuf *buffer_change(struct worker *worker, struct rte_mbuf *mbuf)
{
	const struct dataplane *dataplane = worker->dataplane;
	if (mbuf->pool == dataplane->tcp_small || mbuf->pool == dataplane->tcp_large)
		return mbuf;
	uint16_t length = packet_of(mbuf)->dns_length;
	bool large = length + (uint32_t)RTE_PKTMBUF_HEADROOM > PACKET_DATA_SIZE;
	struct rte_mempool *pool = large ? dataplane->tcp_large : dataplane->tcp_small;
	struct rte_mbuf *changed = pool != NULL ? rte_pktmbuf_alloc(pool) : NULL;
	if (unlikely(changed == NULL))
		return NULL;
	if (length > rte_pktmbuf_tailroom(changed))
		changed->data_off = 0;
	packet_move(changed, mbuf);
	return changed;
}

struct rte_mbuf *pipeline_tcp_buffer(struct worker *worker, struct rte_mbuf *mbuf)
{
	struct rte_mbuf *changed = buffer_change(worker, mbuf);
	if (unlikely(changed == NULL))
		pipeline_drop(worker, mbuf, DROP_TCP_FULL);
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
	if (packet->kind == PACKET_PROXIED) {
		enum drop_reason reason = pipeline_proxy_take(policy_now(worker), mbuf);
		packet->kind = PACKET_QUERY;
		if (unlikely(reason != DROP_NONE)) {
			pipeline_drop(worker, mbuf, reason);
			return;
		}
	}
	stats_add(&worker->stats.port[packet->query.port].queries, 1);
	stats_add(&frontend_of(worker, &packet->query)->queries, 1);
	pipeline_query(worker, mbuf);
}

/* ---- servers ---- */

struct rte_mbuf *pipeline_tcp_keep(struct worker *worker, struct rte_mbuf *mbuf)
{
	uint16_t length = packet_of(mbuf)->dns_length;
	struct rte_mbuf *kept = rte_pktmbuf_alloc(worker->dataplane->tcp_small);
	if (unlikely(kept == NULL))
		return NULL;
	if (unlikely(length > rte_pktmbuf_tailroom(kept))) {
		rte_pktmbuf_free(kept);
		return NULL;
	}
	memcpy(packet_of(kept), packet_of(mbuf), offsetof(struct packet, key));
	packet_of(kept)->dns_offset = 0;
	packet_of(kept)->l3_offset = 0;
	packet_dns_resize(kept, length);
	memcpy(packet_dns(kept), packet_dns(mbuf), length);
	return kept;
}

/* Puts a PROXY header before the message, for the start of the connection; how long it is. */
static uint16_t head_put(struct rte_mbuf *mbuf, const struct inflight_entry *entry)
{
	uint16_t length = packet_of(mbuf)->dns_length;
	pipeline_proxy_put(mbuf, entry->probe ? NULL : &entry->query);
	return (uint16_t)(packet_of(mbuf)->dns_length - length);
}

/* The buffer begins with the header then, or where there is none with the message. */
static void head_skip(struct rte_mbuf *mbuf, uint16_t head)
{
	struct packet *packet = packet_of(mbuf);
	uint16_t length = (uint16_t)(packet->dns_length - head);
	mbuf->data_off = (uint16_t)(mbuf->data_off + packet->dns_offset);
	packet->dns_offset = head;
	packet_dns_resize(mbuf, length);
}

void pipeline_tcp_push(struct worker *worker, struct rte_mbuf *mbuf, bool proxied,
		       struct inflight_entry *entry)
{
	uint16_t number = packet_of(mbuf)->query.backend;
	uint16_t head = proxied ? head_put(mbuf, entry) : 0;
	struct rte_mbuf *changed = buffer_change(worker, mbuf);
	/* What ends the queries of clients has its place on the ring kept free. */
	if (changed == NULL ||
	    rte_ring_free_count(worker->handoff.tcp_out) <= HANDOFF_RING_SIZE / 2) {
		rte_pktmbuf_free(changed != NULL ? changed : mbuf);
		stats_add(&worker->backends[number].send_errors, 1);
		if (entry->probe)
			pipeline_probe_end(worker, entry, INFLIGHT_FORGOTTEN);
		else
			pipeline_entry_end(worker, entry, DROP_TCP_FULL);
		return;
	}
	struct packet *packet = packet_of(changed);
	packet->kind = PACKET_ASK;
	head_skip(changed, head);
	packet->source_port = entry->source_port;
	entry->tcp = true;
	if (!entry->probe) {
		count(worker, STATS_FORWARDED);
		stats_add(&worker->backends[number].queries, 1);
	}
	item_push(worker, changed);
}

/* The TCP thread says when a server cannot be asked; this is for when even that does not come. */
static uint64_t patience_ms(const struct backend *backend, const struct query_state *query)
{
	uint64_t once = (uint64_t)backend->tcp.connect_timeout + backend->tcp.send_timeout +
			backend->tcp.receive_timeout;
	return pipeline_is_xfr(query) ? TRANSFER_MS : once + SLACK_MS;
}

void pipeline_tcp_ask(struct worker *worker, struct rte_mbuf *mbuf, const struct backend *backend)
{
	const bool proxied = backend->proxy; /* a policy may change it meanwhile */
	if (proxied) {
		size_t size = pipeline_proxy_size(&packet_of(mbuf)->query);
		if ((mbuf = pipeline_proxy_reserve(worker, mbuf, size)) == NULL)
			return;
	}
	uint64_t patience = patience_ms(backend, &packet_of(mbuf)->query) * worker->tsc_per_ms;
	struct inflight_entry *entry = inflight_add(worker->inflight, worker->now, patience);
	if (unlikely(entry == NULL)) {
		pipeline_drop(worker, mbuf, DROP_INFLIGHT_FULL);
		return;
	}
	entry->sent = worker->now;
	entry->probe = false;
	pipeline_entry_fill(entry, backend, mbuf);
	pipeline_tcp_push(worker, mbuf, proxied, entry);
}

void pipeline_tcp_retry(struct worker *worker, struct inflight_entry *entry)
{
	struct rte_mbuf *kept = entry->kept;
	struct packet *packet = packet_of(kept);
	entry->kept = NULL;
	packet->query = entry->query;
	entry->query.notes = NULL;
	packet->keyed = entry->keyed;
	if (entry->keyed)
		packet->key = entry->key;
	stats_add(&worker->backends[entry->query.backend].responses, 1);
	count(worker, STATS_TCP_RETRIES);
	pipeline_entry_remove(worker, entry, INFLIGHT_WAS_ANSWERED);
	const struct backend *backend = policy_backend(policy_now(worker), packet->query.backend);
	if (unlikely(backend == NULL))
		pipeline_drop(worker, kept, DROP_NO_SERVER);
	else
		pipeline_tcp_ask(worker, kept, backend);
}

/* What the TCP thread could not ask, or got no whole answer to. */
static void ask_failed(struct worker *worker, struct rte_mbuf *mbuf)
{
	uint16_t id, port = packet_of(mbuf)->source_port;
	memcpy(&id, packet_dns(mbuf), sizeof(id));
	rte_pktmbuf_free(mbuf);
	struct inflight_entry *entry = inflight_find(worker->inflight, port, id);
	if (entry != NULL && entry->tcp)
		pipeline_tcp_failed(worker, entry);
}

void pipeline_tcp_failed(struct worker *worker, struct inflight_entry *entry)
{
	if (entry->probe) {
		pipeline_probe_end(worker, entry, INFLIGHT_TIMED_OUT);
		return;
	}
	stats_add(&worker->backends[entry->query.backend].timeouts, 1);
	/* The beginning of a zone may be with the client already. */
	if (pipeline_is_xfr(&entry->query))
		pipeline_entry_end(worker, entry, DROP_TCP_GAVE_UP);
	else
		pipeline_timed_out(worker, entry);
}

/* ---- in ---- */

unsigned pipeline_tcp_receive(struct worker *worker)
{
	struct rte_mbuf *mbufs[WORKER_BURST];
	unsigned count = rte_ring_sc_dequeue_burst(worker->handoff.tcp_in, (void **)mbufs,
						   WORKER_BURST, NULL);
	for (unsigned i = 0; i < count; i++) {
		switch (packet_of(mbufs[i])->kind) {
		case PACKET_QUERY:
		case PACKET_PROXIED:
			query_receive(worker, mbufs[i]);
			break;
		case PACKET_ASK:
			ask_failed(worker, mbufs[i]);
			break;
		default:
			pipeline_response(worker, mbufs[i]);
		}
	}
	if (count > 0)
		pipeline_queries(worker);
	return count;
}
