/* SPDX-License-Identifier: BSD-2-Clause */
/* Connections of clients: who may have one, what they wait for, and for how long. */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "control/tcp/client.h"
#include "dataplane/clock.h"
#include "dataplane/net/frame.h"

/* Of a query whose answer does not come: rules may hold it for as long as they like, but not forever. */
#define ANSWER_MS 600000u

const char *const tcp_end_names[TCP_ENDS_COUNT] = {
#define X(end, name, help) name,
	TCP_ENDS(X)
#undef X
};

const char *const tcp_refusal_names[TCP_REFUSALS_COUNT] = {
	[TCP_REFUSED_ACL] = "acl",
	[TCP_REFUSED_CLIENT] = "client_limit",
	[TCP_REFUSED_RATE] = "client_rate",
	[TCP_REFUSED_LISTENER] = "listener_limit",
	[TCP_REFUSED_FULL] = "full",
};

/* ---- the table ---- */

uint32_t tcp_client_slot(const struct tcp *tcp, const struct tcp_client *client)
{
	return (uint32_t)(client - tcp->clients);
}

struct tcp_client *tcp_client_find(struct tcp *tcp, uint32_t slot, uint32_t generation)
{
	if (slot >= tcp->used || tcp->clients[slot].fd < 0 ||
	    tcp->clients[slot].generation != generation)
		return NULL;
	return &tcp->clients[slot];
}

static struct tcp_client *slot_take(struct tcp *tcp)
{
	struct tcp_client *client = TAILQ_FIRST(&tcp->spare);
	if (client != NULL)
		TAILQ_REMOVE(&tcp->spare, client, age);
	else if (tcp->used < tcp->capacity)
		client = &tcp->clients[tcp->used++];
	return client;
}

/* ---- what they wait for ---- */

static enum tcp_wait wait_of(const struct tcp_client *client)
{
	if (client->first != NULL)
		return TCP_WAIT_SEND;
	if (client->in_flight > 0)
		return TCP_WAIT_ANSWER;
	return tcp_stash_waiting(&client->stash) > 0 ? TCP_WAIT_QUERY : TCP_WAIT_IDLE;
}

void tcp_client_wait(struct tcp *tcp, struct tcp_client *client, enum tcp_wait wait)
{
	TAILQ_REMOVE(&tcp->waits[client->wait], client, waiting);
	client->wait = (uint8_t)wait;
	client->since = tcp->now;
	TAILQ_INSERT_TAIL(&tcp->waits[wait], client, waiting);
}

bool tcp_client_may_read(const struct tcp_client *client)
{
	return !client->finished && client->in_flight + client->queued < client->max_in_flight;
}

void tcp_client_ready(struct tcp *tcp, struct tcp_client *client)
{
	bool more = client->readable || client->ended || client->leaving ||
		    tcp_stash_waiting(&client->stash) > TCP_FRAME_HEAD;
	if (client->ready || !more || !(tcp_client_may_read(client) || client->lingers))
		return;
	client->ready = true;
	TAILQ_INSERT_TAIL(&tcp->ready, client, readying);
}

static void stash_drop(struct tcp *tcp, struct tcp_client *client)
{
	tcp_set(&tcp->stats.stashed, tcp->stats.stashed - client->stash.size);
	tcp_stash_free(&client->stash);
}

/*
 * A client that did nothing wrong is told the end, and what it still sends is read and forgotten until it has
 * seen that: closed at once, with bytes unread, the kernel would reset the connection, and answers on their
 * way would be lost. False: it need not be waited for.
 */
static bool linger(struct tcp *tcp, struct tcp_client *client)
{
	if (client->lingers)
		return true;
	if (client->ended || (client->end != TCP_END_DURATION && client->end != TCP_END_QUERIES &&
			      client->end != TCP_END_STOPPED))
		return false;
	client->lingers = true;
	shutdown(client->fd, SHUT_WR);
	stash_drop(tcp, client);
	tcp_client_wait(tcp, client, TCP_WAIT_IDLE);
	tcp_client_ready(tcp, client);
	return true;
}

void tcp_client_settle(struct tcp *tcp, struct tcp_client *client)
{
	if (client->finished && client->in_flight == 0 && client->first == NULL) {
		if (!linger(tcp, client))
			tcp_client_close(tcp, client, (enum tcp_end)client->end);
		return;
	}
	if (wait_of(client) != client->wait)
		tcp_client_wait(tcp, client, wait_of(client));
}

void tcp_client_finish(struct tcp_client *client, enum tcp_end end)
{
	if (client->finished)
		return;
	client->finished = true;
	client->end = (uint8_t)end;
}

/* ---- beginning and end ---- */

static int port_find(const struct tcp *tcp, const struct net_address *address)
{
	for (unsigned i = 0; i < tcp->dataplane->n_ports; i++)
		if (net_port_owns(&tcp->dataplane->ports[i], address->bytes, address->ipv6))
			return (int)i;
	return -1;
}

uint8_t tcp_port_of(const struct tcp *tcp, const struct net_address *address)
{
	int port = port_find(tcp, address);
	return port >= 0 ? (uint8_t)port : 0;
}

static void local_read(int fd, struct net_address *address)
{
	struct sockaddr_storage name;
	socklen_t length = sizeof(name);
	*address = (struct net_address){0};
	if (getsockname(fd, (struct sockaddr *)&name, &length) != 0)
		return;
	address->ipv6 = name.ss_family == AF_INET6;
	if (address->ipv6)
		memcpy(address->bytes, &((struct sockaddr_in6 *)&name)->sin6_addr, 16);
	else
		memcpy(address->bytes, &((struct sockaddr_in *)&name)->sin_addr, 4);
}

static void refuse(struct tcp *tcp, int fd, enum tcp_refusal why)
{
	tcp_count(&tcp->stats.refused[why], 1);
	close(fd);
}

void tcp_client_add(struct tcp *tcp, const struct policy_listener *listener, int fd,
		    const struct net_address *address, uint16_t port)
{
	/* A proxy that is trusted needs no ACL but its own. */
	bool headed = policy_expects_proxy(tcp->policy, listener, address->bytes, address->ipv6);
	if (!headed && !policy_allows(tcp->policy, address->bytes, address->ipv6)) {
		refuse(tcp, fd, TCP_REFUSED_ACL);
		return;
	}
	struct net_address local = listener->address;
	if (listener->any)
		local_read(fd, &local);
	if (listener->any && port_find(tcp, &local) < 0) { /* an address of the machine's own */
		refuse(tcp, fd, TCP_REFUSED_ACL);
		return;
	}
	uint32_t most = listener->tcp.max_connections;
	if (most != 0 && tcp->stats.frontend[listener->frontend].current >= most) {
		refuse(tcp, fd, TCP_REFUSED_LISTENER);
		return;
	}
	if (!tcp_rate_take(tcp, address, port)) {
		refuse(tcp, fd, TCP_REFUSED_RATE);
		return;
	}
	int32_t limit;
	if (!tcp_limit_take(tcp, address, port, &limit)) {
		refuse(tcp, fd, TCP_REFUSED_CLIENT);
		return;
	}
	struct tcp_client *client = slot_take(tcp);
	if (client == NULL && tcp_client_evict(tcp))
		client = slot_take(tcp);
	if (client == NULL) {
		tcp_limit_give(tcp, limit);
		refuse(tcp, fd, TCP_REFUSED_FULL);
		return;
	}
	uint32_t generation = client->generation + 1;
	*client = (struct tcp_client){
		.fd = fd, .generation = generation, .address = *address, .local = local,
		.port = port, .local_port = listener->port, .frontend = listener->frontend,
		.max_in_flight = listener->tcp.max_in_flight, .limit = limit, .wait = TCP_WAIT_IDLE,
		.since = tcp->now, .accepted = tcp->now, .headed = headed,
	};
	client->net_port = tcp_port_of(tcp, &client->local);
	struct tcp_frontend_stats *stats = &tcp->stats.frontend[client->frontend];
	tcp_count(&stats->accepted, 1);
	tcp_count(&stats->current, 1);
	tcp_count(&tcp->stats.current, 1);
	tcp_set(&stats->most, RTE_MAX(stats->most, stats->current));
	TAILQ_INSERT_TAIL(&tcp->age, client, age);
	TAILQ_INSERT_TAIL(&tcp->waits[TCP_WAIT_IDLE], client, waiting);
	struct epoll_event event = {
		.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
		.data.u64 = tcp_event_data(TCP_KIND_CLIENT, tcp_client_slot(tcp, client), generation)};
	if (epoll_ctl(tcp->epoll, EPOLL_CTL_ADD, fd, &event) != 0)
		tcp_client_close(tcp, client, TCP_END_FAILED);
}

void tcp_client_close(struct tcp *tcp, struct tcp_client *client, enum tcp_end end)
{
	struct tcp_frontend_stats *stats = &tcp->stats.frontend[client->frontend];
	/* A reset spares the kernel the wait for a client that only costs. */
	if (end == TCP_END_GARBAGE || end == TCP_END_SLOW || end == TCP_END_UNREAD ||
	    end == TCP_END_EVICTED || end == TCP_END_MEMORY || end == TCP_END_READS) {
		struct linger reset = {.l_onoff = 1, .l_linger = 0};
		setsockopt(client->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	}
	close(client->fd);
	client->fd = -1;
	while (client->first != NULL) {
		struct rte_mbuf *mbuf = client->first;
		client->first = packet_of(mbuf)->link;
		rte_pktmbuf_free(mbuf);
	}
	stash_drop(tcp, client);
	tcp_set(&tcp->stats.stashed, tcp->stats.stashed - client->proxy_length);
	free(client->proxy);
	client->proxy = NULL;
	tcp_count(&stats->ended[end], 1);
	tcp_count(&stats->queries, client->queries);
	tcp_count(&stats->duration, tcp->now - client->accepted);
	tcp_set(&stats->current, stats->current - 1);
	tcp_set(&tcp->stats.current, tcp->stats.current - 1);
	tcp_limit_give(tcp, client->limit);
	TAILQ_REMOVE(&tcp->age, client, age);
	TAILQ_REMOVE(&tcp->waits[client->wait], client, waiting);
	if (client->ready)
		TAILQ_REMOVE(&tcp->ready, client, readying);
	if (client->dirty)
		STAILQ_REMOVE(&tcp->dirty, client, tcp_client, dirtied);
	TAILQ_INSERT_TAIL(&tcp->spare, client, age);
}

bool tcp_client_evict(struct tcp *tcp)
{
	struct tcp_client *client = TAILQ_FIRST(&tcp->waits[TCP_WAIT_IDLE]);
	if (client == NULL)
		client = TAILQ_FIRST(&tcp->waits[TCP_WAIT_QUERY]);
	if (client == NULL)
		return false;
	tcp_client_close(tcp, client, TCP_END_EVICTED);
	return true;
}

/* What came of it has not been read, or not been taken for lack of a place: it is not the client that is slow. */
static bool waits_for_us(const struct tcp_client *client)
{
	return client->ready && !client->lingers &&
	       (client->wait == TCP_WAIT_IDLE || client->wait == TCP_WAIT_QUERY);
}

/* `patience` is above 0: who has all of it once more comes last. */
static void list_expire(struct tcp *tcp, enum tcp_wait wait, uint64_t patience, enum tcp_end end)
{
	struct tcp_client *client;
	while ((client = TAILQ_FIRST(&tcp->waits[wait])) != NULL &&
	       tcp->now - client->since >= patience)
		if (waits_for_us(client))
			tcp_client_wait(tcp, client, wait);
		else
			tcp_client_close(tcp, client,
					 client->lingers ? (enum tcp_end)client->end : end);
}

/* Those whose listener the policy does not have any more: what they asked is answered. */
void tcp_clients_review(struct tcp *tcp)
{
	struct tcp_client *client, *next;
	for (client = TAILQ_FIRST(&tcp->age); client != NULL; client = next) {
		const struct policy_listener *listener = policy_listener_find(
			tcp->policy, client->local.bytes, client->local.ipv6, client->local_port);
		next = TAILQ_NEXT(client, age);
		if ((listener != NULL && !listener->tcp.off) || client->finished)
			continue;
		client->leaving = true;
		client->readable |= !client->read_out; /* perhaps nobody has looked yet */
		tcp_client_ready(tcp, client);
	}
}

/* Their queries in hand are answered first. */
static void age_expire(struct tcp *tcp, uint64_t most)
{
	struct tcp_client *client, *next;
	for (client = TAILQ_FIRST(&tcp->age); client != NULL && tcp->now - client->accepted >= most;
	     client = next) {
		next = TAILQ_NEXT(client, age);
		tcp_client_finish(client, TCP_END_DURATION);
		tcp_client_settle(tcp, client);
	}
}

void tcp_clients_expire(struct tcp *tcp)
{
	const struct policy_tcp *limits = &tcp->policy->tcp;
	uint32_t receive = limits->receive_timeout;
	/* With most places taken, those that do nothing have a tenth of the time. */
	if (limits->overload != 0 &&
	    tcp->stats.current * 100 >= (uint64_t)tcp->capacity * limits->overload)
		receive = RTE_MAX(receive / 10, 1u);
	list_expire(tcp, TCP_WAIT_IDLE, receive, TCP_END_IDLE);
	list_expire(tcp, TCP_WAIT_QUERY, receive, TCP_END_SLOW);
	list_expire(tcp, TCP_WAIT_SEND, limits->send_timeout, TCP_END_UNREAD);
	if (limits->max_duration != 0)
		age_expire(tcp, limits->max_duration * 1000ull);
	list_expire(tcp, TCP_WAIT_ANSWER, ANSWER_MS, TCP_END_FAILED);
}

/* ---- out ---- */

void tcp_client_end(struct tcp *tcp, const struct handoff_end *end)
{
	struct tcp_client *client = tcp_client_find(tcp, end->slot, end->generation);
	if (client == NULL)
		return;
	if (end->more) { /* a part of a zone is missing now */
		tcp_client_close(tcp, client, TCP_END_BROKEN);
		return;
	}
	client->in_flight--;
	tcp_count(&tcp->stats.frontend[client->frontend].server_timeouts, end->timeout);
	if (end->close)
		tcp_client_finish(client, end->broken ? TCP_END_BROKEN : TCP_END_GARBAGE);
	tcp_client_settle(tcp, client);
	if (client->fd >= 0)
		tcp_client_ready(tcp, client);
}

static void latency_count(struct tcp *tcp, const struct query_state *query)
{
	int64_t cycles = (int64_t)(clock_now() - query->arrival);
	double us = cycles > 0 ? (double)cycles * 1000 / (double)tcp->tsc_per_ms : 0;
	for (unsigned i = 0; i < STATS_AVERAGES; i++) {
		double average = tcp->stats.latency[i];
		average += (us - average) / stats_averages_over[i];
		__atomic_store(&tcp->stats.latency[i], &average, __ATOMIC_RELAXED);
	}
}

void tcp_client_answer(struct tcp *tcp, struct rte_mbuf *mbuf)
{
	const struct packet *packet = packet_of(mbuf);
	const struct packet_connection *to = &packet->query.connection;
	struct tcp_client *client = tcp_client_find(
		tcp, to->slot, to->generation[0] | (uint32_t)to->generation[1] << 16);
	if (client == NULL) {
		tcp_count(&tcp->stats.late, 1);
		rte_pktmbuf_free(mbuf);
		return;
	}
	if (!packet->more)
		latency_count(tcp, &packet->query);
	client->in_flight -= !packet->more;
	client->expected -= packet->more && client->expected > 0;
	client->queued++;
	packet_of(mbuf)->link = NULL;
	if (client->first == NULL)
		client->first = mbuf;
	else
		packet_of(client->last)->link = mbuf;
	client->last = mbuf;
	tcp_count(&tcp->stats.answers, 1);
	if (!client->dirty) {
		client->dirty = true;
		STAILQ_INSERT_TAIL(&tcp->dirty, client, dirtied);
	}
}

/* Frees what has gone out. */
static void sent_free(struct tcp_client *client, size_t sent)
{
	client->sent += (uint32_t)sent;
	while (client->first != NULL) {
		struct rte_mbuf *mbuf = client->first;
		uint32_t whole = TCP_FRAME_HEAD + packet_of(mbuf)->dns_length;
		if (client->sent < whole)
			return;
		client->sent -= whole;
		client->first = packet_of(mbuf)->link;
		client->queued--;
		rte_pktmbuf_free(mbuf);
	}
}

/* Gathers answers with their lengths; what has been sent of the first is left out. */
static unsigned answers_gather(const struct tcp_client *client, struct iovec *parts,
			       uint8_t (*heads)[TCP_FRAME_HEAD], unsigned most)
{
	uint32_t skip = client->sent;
	unsigned count = 0;
	for (struct rte_mbuf *mbuf = client->first; mbuf != NULL && count < most;
	     mbuf = packet_of(mbuf)->link, count++) {
		uint16_t length = packet_of(mbuf)->dns_length;
		uint32_t of_head = RTE_MIN(skip, TCP_FRAME_HEAD), of_body = skip - of_head;
		heads[count][0] = (uint8_t)(length >> 8);
		heads[count][1] = (uint8_t)length;
		parts[2 * count] = (struct iovec){heads[count] + of_head, TCP_FRAME_HEAD - of_head};
		parts[2 * count + 1] =
			(struct iovec){packet_dns(mbuf) + of_body, length - of_body};
		skip = 0;
	}
	return count;
}

static void client_flush(struct tcp *tcp, struct tcp_client *client)
{
	uint8_t heads[TCP_BURST][TCP_FRAME_HEAD];
	struct iovec parts[2 * TCP_BURST];
	ssize_t sent = 0;
	bool progress = false;
	while (client->first != NULL) {
		unsigned count = answers_gather(client, parts, heads, TCP_BURST);
		struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2 * count};
		sent = sendmsg(client->fd, &message, MSG_NOSIGNAL);
		if (sent < 0)
			break;
		progress |= sent > 0;
		sent_free(client, (size_t)sent);
	}
	if (sent < 0 && errno != EAGAIN && errno != EINTR) {
		tcp_client_close(tcp, client, TCP_END_FAILED);
		return;
	}
	tcp_client_settle(tcp, client);
	if (client->fd < 0)
		return;
	if (progress)
		tcp_client_wait(tcp, client, wait_of(client));
	tcp_client_ready(tcp, client);
}

void tcp_clients_flush(struct tcp *tcp)
{
	struct tcp_client *client;
	while ((client = STAILQ_FIRST(&tcp->dirty)) != NULL) {
		STAILQ_REMOVE_HEAD(&tcp->dirty, dirtied);
		client->dirty = false;
		client_flush(tcp, client);
	}
}
