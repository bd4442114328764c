/* SPDX-License-Identifier: BSD-2-Clause */
/* Queries to servers: taken from workers, their answers or failures given back. */
#include <errno.h>

#include <rte_random.h>

#include "control/tcp/server.h"
#include "dataplane/dns/message.h"

/* Messages of a transfer on their way to a client that has not taken those before. */
#define TRANSFER_AHEAD 8u

static struct tcp_ask *ask_of(struct rte_mbuf *mbuf)
{
	return (struct tcp_ask *)&packet_of(mbuf)->key;
}

const uint8_t *tcp_ask_head(const struct tcp_ask *ask, uint16_t *length)
{
	*length = packet_of(ask->mbuf)->dns_offset;
	return rte_pktmbuf_mtod(ask->mbuf, const uint8_t *);
}

static struct tcp_client *client_of(struct tcp *tcp, const struct tcp_ask *ask)
{
	const struct packet_connection *from = &packet_of(ask->mbuf)->query.connection;
	return tcp_client_find(tcp, from->slot,
			       from->generation[0] | (uint32_t)from->generation[1] << 16);
}

void tcp_ask_fail(struct tcp *tcp, struct tcp_ask *ask)
{
	struct rte_mbuf *mbuf = ask->mbuf;
	unsigned worker = ask->worker;
	tcp_count(&tcp->stats.server[packet_of(mbuf)->query.backend].gave_up, 1);
	memcpy(packet_dns(mbuf), &ask->entry_id, sizeof(ask->entry_id));
	/* Without room the worker's own clock ends it. */
	if (!tcp_worker_push(tcp, worker, mbuf))
		rte_pktmbuf_free(mbuf);
}

void tcp_ask_take(struct tcp *tcp, struct rte_mbuf *mbuf, uint8_t worker)
{
	struct tcp_ask *ask = ask_of(mbuf);
	const struct query_state *query = &packet_of(mbuf)->query;
	*ask = (struct tcp_ask){.mbuf = mbuf, .since = tcp->now, .worker = worker};
	memcpy(&ask->entry_id, packet_dns(mbuf), sizeof(ask->entry_id));
	ask->is_xfr = (query->flags & QUERY_TCP) != 0 &&
		      (query->qtype == DNS_TYPE_AXFR || query->qtype == DNS_TYPE_IXFR);
	if (ask->is_xfr)
		tcp_xfr_begin(&ask->xfr, packet_dns(mbuf), packet_of(mbuf)->dns_length,
			      query->qtype);
	const struct backend *backend = policy_backend(tcp->policy, query->backend);
	if (backend == NULL) {
		tcp_ask_fail(tcp, ask);
		return;
	}
	struct tcp_backend *of = &tcp->backends[query->backend];
	of->backend = backend;
	TAILQ_INSERT_TAIL(&of->waiting, ask, link);
	tcp_backend_activate(tcp, of);
}

void tcp_ask_assign(struct tcp_server *server, struct tcp_ask *ask)
{
	unsigned place = 0;
	while (server->by_id[place] != NULL)
		place++;
	/* The round makes an ID that was in use lately another than the one in use. */
	ask->wire_id = rte_cpu_to_be_16((uint16_t)(server->round++ << 8 | place));
	server->by_id[place] = ask;
	memcpy(packet_dns(ask->mbuf), &ask->wire_id, sizeof(ask->wire_id));
	TAILQ_INSERT_TAIL(&server->asks, ask, link);
	server->in_flight++;
	server->queries++;
	if (server->next == NULL)
		server->next = ask;
}

void tcp_ask_withdraw(struct tcp_server *server, struct tcp_ask *ask)
{
	if (server->next == ask)
		server->next = TAILQ_NEXT(ask, link);
	server->by_id[rte_be_to_cpu_16(ask->wire_id) & 0xff] = NULL;
	server->in_flight--;
	TAILQ_REMOVE(&server->asks, ask, link);
}

static void latency_take(struct tcp_server_stats *stats, uint64_t ms)
{
	double us = (double)ms * 1000;
	stats->latency = stats->latency == 0 ? us : stats->latency * 127 / 128 + us / 128;
}

/*
 * What is known of the message, as if it had come in a frame. It may take the place of its query, of
 * which all that is asked here is asked before.
 */
static void answer_fill(struct rte_mbuf *mbuf, const struct tcp_backend *from,
			const struct tcp_ask *ask, const uint8_t *message, uint16_t length)
{
	struct packet *packet = packet_of(mbuf);
	const uint16_t port = packet_of(ask->mbuf)->source_port;
	const bool streamed = (packet_of(ask->mbuf)->query.flags & QUERY_TCP) != 0;
	memset(packet, 0, offsetof(struct packet, key));
	packet->kind = PACKET_OTHER;
	packet->ipv6 = from->backend->address.ipv6;
	packet->source_port = from->backend->port;
	packet->destination_port = port;
	memcpy(packet->query.client_addr, from->backend->address.bytes, 16);
	packet_dns_resize(mbuf, length);
	memcpy(packet_dns(mbuf), message, length);
	memcpy(packet_dns(mbuf), &ask->entry_id, sizeof(ask->entry_id));
	/* For a client of UDP it needs room for headers. */
	if (!streamed)
		packet_headroom_make(mbuf);
}

/*
 * A buffer for an answer. With all of them in use its query's, which the last message ends: so queries that
 * wait never keep their own answers out.
 */
static struct rte_mbuf *answer_buffer(struct tcp *tcp, const struct tcp_ask *ask, uint16_t length,
				      bool more)
{
	struct rte_mbuf *mbuf = tcp_buffer(tcp, length);
	if (mbuf != NULL || more || length + (uint32_t)RTE_PKTMBUF_HEADROOM > ask->mbuf->buf_len)
		return mbuf;
	rte_pktmbuf_reset(ask->mbuf);
	return ask->mbuf;
}

/* The answer is whole: its query is not needed any more, but for its buffer perhaps. */
static void ask_end(struct tcp *tcp, struct tcp_server *server, struct tcp_ask *ask,
		    const struct rte_mbuf *answer)
{
	latency_take(&tcp->stats.server[server->number], tcp->now - ask->since);
	tcp_ask_withdraw(server, ask);
	if (answer != ask->mbuf)
		rte_pktmbuf_free(ask->mbuf);
}

static enum tcp_answer transfer_check(struct tcp *tcp, const struct tcp_ask *ask)
{
	const struct tcp_client *client = client_of(tcp, ask);
	if (client == NULL)
		return TCP_ANSWER_UNWANTED;
	/* Rules may hold one message back, which those behind it must not pass. */
	if (client->expected > 0 && tcp->policy->chains[CHAIN_XFR].count > 0)
		return TCP_ANSWER_LATER;
	return client->queued + client->expected < TRANSFER_AHEAD ? TCP_ANSWER_TAKEN
								  : TCP_ANSWER_LATER;
}

/*
 * Whether all of the query has been sent. One that is answered before cannot be taken from the
 * connection: what follows would be sent from a place beyond its own end on.
 */
static bool is_sent(const struct tcp_server *server, const struct tcp_ask *ask)
{
	const struct tcp_ask *unsent = server->next;
	while (unsent != NULL && unsent != ask)
		unsent = TAILQ_NEXT(unsent, link);
	return unsent == NULL;
}

enum tcp_answer tcp_ask_answer(struct tcp *tcp, struct tcp_server *server, const uint8_t *message,
			       uint16_t length)
{
	uint16_t id;
	memcpy(&id, message, sizeof(id));
	unsigned place = rte_be_to_cpu_16(id) & 0xff;
	struct tcp_ask *ask = place < TCP_ASKS_MAX ? server->by_id[place] : NULL;
	if (ask == NULL || ask->wire_id != id)
		return TCP_ANSWER_TAKEN; /* nobody waits for it */
	if (!is_sent(server, ask))
		return TCP_ANSWER_UNWANTED;
	if (ask->is_xfr) {
		enum tcp_answer check = transfer_check(tcp, ask);
		if (check != TCP_ANSWER_TAKEN)
			return check;
	}
	struct tcp_xfr after = ask->xfr;
	const bool more = ask->is_xfr && !tcp_xfr_ended(&after, message, length);
	const unsigned worker = ask->worker;
	struct rte_mbuf *mbuf = NULL;
	if (!tcp_worker_has_room(worker) || (mbuf = answer_buffer(tcp, ask, length, more)) == NULL)
		return TCP_ANSWER_LATER;
	answer_fill(mbuf, &tcp->backends[server->number], ask, message, length);
	packet_of(mbuf)->more = more;
	ask->xfr = after;
	ask->begun = true;
	if (more)
		client_of(tcp, ask)->expected++;
	else
		ask_end(tcp, server, ask, mbuf);
	tcp_worker_push(tcp, worker, mbuf); /* there is room */
	return TCP_ANSWER_TAKEN;
}
