/* SPDX-License-Identifier: BSD-2-Clause */
/* What clients send: queries, behind a PROXY header where one is expected, given to workers. */
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "control/tcp/client.h"
#include "dataplane/net/proxy.h"

void tcp_client_event(struct tcp *tcp, struct tcp_client *client, uint32_t events)
{
	if ((events & (EPOLLERR | EPOLLHUP)) != 0) {
		/* With both sides closed that is how the end is told. */
		tcp_client_close(tcp, client,
				 client->lingers ? (enum tcp_end)client->end : TCP_END_FAILED);
		return;
	}
	client->hung_up |= (events & EPOLLRDHUP) != 0;
	client->readable |= (events & (EPOLLIN | EPOLLRDHUP)) != 0;
	tcp_client_ready(tcp, client);
	if ((events & EPOLLOUT) != 0 && client->first != NULL && !client->dirty) {
		client->dirty = true;
		STAILQ_INSERT_TAIL(&tcp->dirty, client, dirtied);
	}
}

/* The context that a frame would have given it. */
static void context_fill(const struct tcp *tcp, const struct tcp_client *client,
			 struct rte_mbuf *mbuf)
{
	struct packet *packet = packet_of(mbuf);
	memset(packet, 0, offsetof(struct packet, key));
	packet->kind = client->proxy != NULL ? PACKET_PROXIED : PACKET_QUERY;
	packet->ipv6 = client->address.ipv6;
	packet->source_port = client->port;
	packet->destination_port = client->local_port;
	struct query_state *query = &packet->query;
	memcpy(query->client_addr, client->address.bytes, 16);
	memcpy(query->local_addr, client->local.bytes, 16);
	query->client_port = client->port;
	query->local_port = client->local_port;
	query->port = client->net_port;
	query->frontend = client->frontend;
	query->flags = QUERY_TCP | (client->address.ipv6 ? QUERY_IPV6 : 0);
	query->connection = (struct packet_connection){
		.slot = (uint16_t)tcp_client_slot(tcp, client),
		.generation = {(uint16_t)client->generation, (uint16_t)(client->generation >> 16)}};
}

/*
 * Those that take nothing of their answers must not have all buffers. What came in this turn was not sent yet:
 * who is to have it did nothing wrong.
 */
static void unread_close(struct tcp *tcp, const struct tcp_client *but)
{
	struct tcp_client *unread = TAILQ_FIRST(&tcp->waits[TCP_WAIT_SEND]);
	if (unread != NULL && unread != but && unread->since < tcp->now)
		tcp_client_close(tcp, unread, TCP_END_UNREAD);
}

/* False: it cannot be taken now. */
static bool query_take(struct tcp *tcp, struct tcp_client *client, const uint8_t *message,
		       uint16_t length)
{
	if (!tcp_has_room(tcp))
		return false;
	uint16_t head = client->proxy_length; /* the worker takes it off again, as over UDP */
	struct rte_mbuf *mbuf = tcp_buffer(tcp, (uint16_t)(head + length));
	if (mbuf == NULL) {
		unread_close(tcp, client);
		return false;
	}
	context_fill(tcp, client, mbuf);
	packet_dns_resize(mbuf, (uint16_t)(head + length));
	if (head > 0)
		memcpy(packet_dns(mbuf), client->proxy, head);
	memcpy(packet_dns(mbuf) + head, message, length);
	if (!tcp_query_push(tcp, mbuf)) {
		rte_pktmbuf_free(mbuf);
		return false;
	}
	client->in_flight++;
	client->queries++;
	client->reads = 0;
	uint32_t most = tcp->policy->tcp.max_queries;
	if (most != 0 && client->queries >= most)
		tcp_client_finish(client, TCP_END_QUERIES);
	tcp_count(&tcp->stats.queries, 1);
	tcp_count(&tcp->stats.frontend[client->frontend].taken, 1);
	return true;
}

/*
 * The PROXY header that the connection has to begin with, once all of it is there. False: the
 * connection is over.
 */
static bool header_take(struct tcp *tcp, struct tcp_client *client, struct tcp_reader *reader)
{
	const struct policy *policy = tcp->policy;
	struct proxy_header header;
	int length = proxy_parse(reader->at, reader->left, &header);
	if (length < 0 || (length > 0 ? (size_t)length : reader->left) > policy->proxy_size) {
		tcp_count(&tcp->stats.proxy_invalid, 1);
		return false;
	}
	if (length == 0)
		return true;
	if (policy->proxy_clients_acl && !header.local &&
	    !policy_allows(policy, header.source, header.ipv6)) {
		tcp_count(&tcp->stats.refused[TCP_REFUSED_ACL], 1);
		return false;
	}
	client->headed = false;
	if (!header.local) {
		client->proxy = malloc((size_t)length);
		if (client->proxy == NULL)
			return false;
		memcpy(client->proxy, reader->at, (size_t)length);
		client->proxy_length = (uint16_t)length;
		tcp_set(&tcp->stats.stashed, tcp->stats.stashed + (uint64_t)length);
	}
	reader->at += length;
	reader->left -= (size_t)length;
	return true;
}

/* Takes what is whole. False: it is garbage. */
static bool queries_take(struct tcp *tcp, struct tcp_client *client, struct tcp_reader *reader)
{
	if (client->headed && !header_take(tcp, client, reader))
		return false;
	while (!client->headed && tcp_client_may_read(client)) {
		struct tcp_reader before = *reader;
		const uint8_t *message;
		uint16_t length;
		enum tcp_frame frame = tcp_frame_next(reader, &message, &length);
		if (frame == TCP_FRAME_GARBAGE ||
		    (frame == TCP_FRAME_PART && !tcp_frame_may_be(reader, false)))
			return false;
		if (frame == TCP_FRAME_PART)
			return true;
		if ((uint32_t)length + client->proxy_length > UINT16_MAX)
			return false; /* no query is that long */
		if (!query_take(tcp, client, message, length)) {
			*reader = before;
			client->reads = 0; /* it is there */
			tcp->stalled = true;
			return true;
		}
	}
	return true;
}

static bool stash_is_full(const struct tcp *tcp)
{
	return tcp->stats.stashed > (uint64_t)tcp->config->tcp.buffers << 20;
}

/* Bytes, none of them perhaps: those before may wait for a place. */
static void bytes_take(struct tcp *tcp, struct tcp_client *client, const uint8_t *bytes,
		       size_t length)
{
	struct tcp_reader reader;
	uint32_t before = client->stash.size;
	bool waited = client->wait == TCP_WAIT_QUERY;
	uint32_t queries = client->queries;
	bool kept = tcp_stash_open(&client->stash, bytes, length, &reader);
	bool fine = kept && queries_take(tcp, client, &reader);
	kept = kept && tcp_stash_close(&client->stash, &reader);
	tcp_set(&tcp->stats.stashed, tcp->stats.stashed - before + client->stash.size);
	if (!kept || (client->stash.size > before && stash_is_full(tcp))) {
		tcp_client_close(tcp, client, TCP_END_MEMORY);
		return;
	}
	if (!fine)
		tcp_client_finish(client, TCP_END_GARBAGE);
	else if ((client->ended || client->read_out) && tcp_client_may_read(client) && !tcp->stalled)
		/* What is left is not whole, and will not be. */
		tcp_client_finish(client, client->leaving ? TCP_END_STOPPED : TCP_END_CLIENT);
	tcp_client_settle(tcp, client);
	/* Each query has the time that it may take from its own first byte on. */
	if (client->fd >= 0 && waited && client->wait == TCP_WAIT_QUERY && client->queries != queries)
		tcp_client_wait(tcp, client, TCP_WAIT_QUERY);
}

/* Whether its query came in more pieces than it may; the client has no connection for a time then. */
static bool has_pieces(struct tcp *tcp, struct tcp_client *client)
{
	const uint32_t most = tcp->policy->tcp.max_reads;
	if (most == 0 || client->reads < most)
		return false;
	tcp_ban(tcp, &client->address, client->port);
	tcp_client_close(tcp, client, TCP_END_READS);
	return true;
}

static void client_read(struct tcp *tcp, struct tcp_client *client)
{
	ssize_t length = 0;
	/* What waits comes first, and is read on only when it is not whole. */
	if (client->readable && !client->ended && !client->read_out &&
	    tcp_stash_waiting(&client->stash) < TCP_FRAME_MAX) {
		if (has_pieces(tcp, client))
			return;
		length = recv(client->fd, tcp->scratch, sizeof(tcp->scratch), 0);
		tcp_count(&tcp->stats.frontend[client->frontend].reads, 1);
		if (length < (ssize_t)sizeof(tcp->scratch))
			client->readable = client->hung_up && length > 0;
		if (length < 0 && errno != EAGAIN) {
			tcp_client_close(tcp, client, TCP_END_FAILED);
			return;
		}
		client->ended |= length == 0;
		client->reads += length > 0;
		client->read_out |= client->leaving;
	}
	bytes_take(tcp, client, tcp->scratch, length > 0 ? (size_t)length : 0);
}

/* Reads on for the end alone. */
static void client_forget(struct tcp *tcp, struct tcp_client *client)
{
	ssize_t length = recv(client->fd, tcp->scratch, sizeof(tcp->scratch), 0);
	client->readable = length > 0;
	if (length == 0 || (length < 0 && errno != EAGAIN))
		tcp_client_close(tcp, client, (enum tcp_end)client->end);
}

void tcp_clients_read(struct tcp *tcp)
{
	struct tcp_client *client;
	tcp->stalled = false;
	for (unsigned i = 0; i < TCP_BURST && !tcp->stalled; i++) {
		client = TAILQ_FIRST(&tcp->ready);
		if (client == NULL)
			return;
		TAILQ_REMOVE(&tcp->ready, client, readying);
		client->ready = false;
		if (client->lingers)
			client_forget(tcp, client);
		else if (tcp_client_may_read(client))
			client_read(tcp, client);
		if (client->fd >= 0 && (client->readable || tcp->stalled))
			tcp_client_ready(tcp, client);
	}
}
