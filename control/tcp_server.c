/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Connections to servers. A few a server, each with several queries in flight; one that is refused
 * is tried again after a time that doubles, as often as the server's options say.
 */
#include "control/tcp_server.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONNECTIONS_MAX 32u /* a backend, unless its options say otherwise */
#define BACKOFF_MIN_MS 10u
#define BACKOFF_MAX_MS 1000u
#define PARTS 32u

/* ---- the table ---- */

int tcp_servers_create(struct tcp *tcp)
{
	TAILQ_INIT(&tcp->servers_spare);
	TAILQ_INIT(&tcp->servers_ready);
	TAILQ_INIT(&tcp->active);
	tcp->servers = calloc(TCP_SERVERS_MAX, sizeof(*tcp->servers));
	tcp->backends = calloc(POLICY_BACKENDS_MAX, sizeof(*tcp->backends));
	if (tcp->servers == NULL || tcp->backends == NULL)
		return -ENOMEM;
	for (unsigned i = 0; i < POLICY_BACKENDS_MAX; i++) {
		TAILQ_INIT(&tcp->backends[i].servers);
		TAILQ_INIT(&tcp->backends[i].waiting);
	}
	return 0;
}

static struct tcp_server *slot_take(struct tcp *tcp)
{
	struct tcp_server *server = TAILQ_FIRST(&tcp->servers_spare);
	if (server != NULL)
		TAILQ_REMOVE(&tcp->servers_spare, server, sibling);
	else if (tcp->servers_used < TCP_SERVERS_MAX)
		server = &tcp->servers[tcp->servers_used++];
	return server;
}

void tcp_backend_activate(struct tcp *tcp, struct tcp_backend *backend)
{
	if (backend->is_active)
		return;
	backend->is_active = true;
	TAILQ_INSERT_TAIL(&tcp->active, backend, active);
}

static struct tcp_server_stats *stats_of(struct tcp *tcp, const struct tcp_server *server)
{
	return &tcp->stats.server[server->number];
}

/* ---- ends ---- */

/* What becomes of the queries of a connection that is gone. */
enum fate { FATE_RETRY, FATE_FAIL };

static void ask_settle(struct tcp *tcp, struct tcp_backend *backend, struct tcp_ask *ask,
		       enum fate fate)
{
	if (fate == FATE_RETRY && !ask->begun && ask->attempts < backend->backend->tcp.retries) {
		ask->attempts++;
		TAILQ_INSERT_TAIL(&backend->waiting, ask, link);
	} else {
		tcp_ask_fail(tcp, ask);
	}
}

static void server_close(struct tcp *tcp, struct tcp_server *server, enum fate fate)
{
	struct tcp_backend *backend = &tcp->backends[server->number];
	struct tcp_server_stats *stats = stats_of(tcp, server);
	struct tcp_ask *ask;
	close(server->fd);
	server->fd = -1;
	while ((ask = TAILQ_FIRST(&server->asks)) != NULL) {
		tcp_ask_withdraw(server, ask);
		ask_settle(tcp, backend, ask, fate);
	}
	tcp_set(&tcp->stats.stashed, tcp->stats.stashed - server->stash.size);
	tcp_stash_free(&server->stash);
	if (server->ready)
		TAILQ_REMOVE(&tcp->servers_ready, server, readying);
	TAILQ_REMOVE(&backend->servers, server, sibling);
	TAILQ_INSERT_TAIL(&tcp->servers_spare, server, sibling);
	backend->count--;
	tcp_set(&stats->current, stats->current - 1);
	tcp_count(&stats->ended, 1);
	tcp_count(&stats->queries, server->queries);
	tcp_count(&stats->duration, tcp->now - server->opened);
}

/* No connection came about: the next attempt waits, each time twice as long. */
static void connect_failed(struct tcp *tcp, struct tcp_backend *backend, struct tcp_server *server)
{
	uint64_t wait = BACKOFF_MIN_MS << RTE_MIN(backend->failures, 7u);
	struct tcp_asks waiting = TAILQ_HEAD_INITIALIZER(waiting);
	struct tcp_ask *ask;
	backend->failures++;
	backend->retry = tcp->now + RTE_MIN(wait, (uint64_t)BACKOFF_MAX_MS);
	/* Those that wait had no better luck. */
	TAILQ_CONCAT(&waiting, &backend->waiting, link);
	if (server != NULL)
		server_close(tcp, server, FATE_RETRY);
	while ((ask = TAILQ_FIRST(&waiting)) != NULL) {
		TAILQ_REMOVE(&waiting, ask, link);
		ask_settle(tcp, backend, ask, FATE_RETRY);
	}
}

/* ---- beginnings ---- */

/* From the address that UDP queries to this server come from. */
static int server_socket(const struct tcp *tcp, const struct backend *backend)
{
	const struct net_route *route = &tcp->dataplane->routes[backend->number];
	const int on = 1;
	union tcp_address from, to;
	socklen_t from_size = tcp_address_fill(&from, &route->source, 0);
	socklen_t to_size = tcp_address_fill(&to, &backend->address, backend->port);
	int fd = tcp_socket(tcp, route->port, backend->address.ipv6);
	if (fd < 0)
		return -1;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
	if (bind(fd, &from.any, from_size) == 0 &&
	    (connect(fd, &to.any, to_size) == 0 || errno == EINPROGRESS))
		return fd;
	close(fd);
	return -1;
}

static struct tcp_server *server_open(struct tcp *tcp, struct tcp_backend *backend)
{
	struct tcp_server *server = slot_take(tcp);
	if (server == NULL)
		return NULL;
	uint32_t generation = server->generation + 1;
	*server = (struct tcp_server){
		.fd = server_socket(tcp, backend->backend), .generation = generation,
		.number = backend->backend->number, .connecting = true, .opened = tcp->now,
		.since = tcp->now, .round = (uint8_t)tcp->now,
	};
	TAILQ_INIT(&server->asks);
	struct epoll_event event = {
		.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
		.data.u64 = tcp_event_data(TCP_KIND_SERVER, (uint32_t)(server - tcp->servers),
					   generation)};
	if (server->fd < 0 || epoll_ctl(tcp->epoll, EPOLL_CTL_ADD, server->fd, &event) != 0) {
		if (server->fd >= 0)
			close(server->fd);
		server->fd = -1;
		TAILQ_INSERT_TAIL(&tcp->servers_spare, server, sibling);
		return NULL;
	}
	TAILQ_INSERT_TAIL(&backend->servers, server, sibling);
	backend->count++;
	struct tcp_server_stats *stats = stats_of(tcp, server);
	tcp_count(&stats->opened, 1);
	tcp_count(&stats->current, 1);
	tcp_set(&stats->most, RTE_MAX(stats->most, stats->current));
	return server;
}

/* The connection with the fewest queries in flight that takes one more. */
static struct tcp_server *server_find(const struct tcp_backend *backend)
{
	struct tcp_server *server, *best = NULL;
	unsigned most = RTE_MIN(backend->backend->tcp.max_in_flight, TCP_ASKS_MAX);
	TAILQ_FOREACH(server, &backend->servers, sibling)
		if (!server->exclusive && server->in_flight < most &&
		    (best == NULL || server->in_flight < best->in_flight))
			best = server;
	return best;
}

static bool may_open(const struct tcp *tcp, const struct tcp_backend *backend)
{
	uint32_t most = backend->backend->tcp.max_connections;
	return backend->count < (most != 0 ? most : CONNECTIONS_MAX) && tcp->now >= backend->retry;
}

/* Gives what waits to connections, new ones where those that there are have enough. */
static void backend_serve(struct tcp *tcp, struct tcp_backend *backend)
{
	struct tcp_ask *ask;
	while ((ask = TAILQ_FIRST(&backend->waiting)) != NULL) {
		struct tcp_server *server = ask->is_xfr ? NULL : server_find(backend);
		if (server == NULL && !may_open(tcp, backend)) {
			tcp_count(&tcp->stats.server[backend->backend->number].too_many,
				  !ask->held && tcp->now >= backend->retry);
			ask->held = true;
			return;
		}
		if (server != NULL) {
			tcp_count(&stats_of(tcp, server)->reused, 1);
		} else if ((server = server_open(tcp, backend)) == NULL) {
			connect_failed(tcp, backend, NULL);
			return;
		}
		server->exclusive = ask->is_xfr;
		if (server->in_flight == 0)
			server->since = tcp->now;
		TAILQ_REMOVE(&backend->waiting, ask, link);
		tcp_ask_assign(server, ask);
	}
}

/* ---- out ---- */

static unsigned asks_gather(const struct tcp_server *server, struct iovec *parts,
			    uint8_t (*heads)[TCP_FRAME_HEAD])
{
	uint32_t skip = server->sent;
	unsigned count = 0;
	for (struct tcp_ask *ask = server->next; ask != NULL && count < PARTS;
	     ask = TAILQ_NEXT(ask, link), count++) {
		uint16_t length = packet_of(ask->mbuf)->dns_length;
		uint32_t of_head = RTE_MIN(skip, TCP_FRAME_HEAD), of_body = skip - of_head;
		heads[count][0] = (uint8_t)(length >> 8);
		heads[count][1] = (uint8_t)length;
		parts[2 * count] = (struct iovec){heads[count] + of_head, TCP_FRAME_HEAD - of_head};
		parts[2 * count + 1] =
			(struct iovec){packet_dns(ask->mbuf) + of_body, length - of_body};
		skip = 0;
	}
	return count;
}

static void sent_count(struct tcp_server *server, uint32_t sent)
{
	server->sent += sent;
	while (server->next != NULL) {
		uint32_t whole = TCP_FRAME_HEAD + packet_of(server->next->mbuf)->dns_length;
		if (server->sent < whole)
			return;
		server->sent -= whole;
		server->next = TAILQ_NEXT(server->next, link);
	}
}

/* False: the connection is gone. */
static bool server_flush(struct tcp *tcp, struct tcp_server *server)
{
	uint8_t heads[PARTS][TCP_FRAME_HEAD];
	struct iovec parts[2 * PARTS];
	while (server->next != NULL && !server->connecting) {
		struct msghdr message = {.msg_iov = parts,
					 .msg_iovlen = 2 * asks_gather(server, parts, heads)};
		ssize_t sent = sendmsg(server->fd, &message, MSG_NOSIGNAL);
		if (sent < 0 && errno == EAGAIN)
			return true;
		if (sent < 0) {
			tcp_count(&stats_of(tcp, server)->died_sending, 1);
			server_close(tcp, server, FATE_RETRY);
			return false;
		}
		server->since = tcp->now;
		sent_count(server, (uint32_t)sent);
	}
	return true;
}

/* ---- in ---- */

static void ready_mark(struct tcp *tcp, struct tcp_server *server)
{
	if (server->ready)
		return;
	server->ready = true;
	TAILQ_INSERT_TAIL(&tcp->servers_ready, server, readying);
}

void tcp_server_event(struct tcp *tcp, uint32_t slot, uint32_t generation, uint32_t events)
{
	if (slot >= tcp->servers_used || tcp->servers[slot].fd < 0 ||
	    tcp->servers[slot].generation != generation)
		return;
	struct tcp_server *server = &tcp->servers[slot];
	struct tcp_backend *backend = &tcp->backends[server->number];
	if (server->connecting && (events & (EPOLLERR | EPOLLHUP)) != 0) {
		tcp_count(&stats_of(tcp, server)->refused, 1);
		connect_failed(tcp, backend, server);
		return;
	}
	if (server->connecting && (events & EPOLLOUT) != 0) {
		server->connecting = false;
		server->since = tcp->now;
		backend->failures = 0;
		backend->retry = 0;
	}
	if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLERR | EPOLLHUP)) != 0) {
		server->readable = true;
		ready_mark(tcp, server);
	}
}

/* Takes what is whole. */
static enum tcp_answer answers_take(struct tcp *tcp, struct tcp_server *server,
				    struct tcp_reader *reader)
{
	for (;;) {
		struct tcp_reader before = *reader;
		const uint8_t *message;
		uint16_t length;
		enum tcp_frame frame = tcp_frame_next(reader, &message, &length);
		if (frame == TCP_FRAME_GARBAGE ||
		    (frame == TCP_FRAME_PART && !tcp_frame_may_be(reader, true)))
			return TCP_ANSWER_UNWANTED;
		if (frame == TCP_FRAME_PART)
			return TCP_ANSWER_TAKEN;
		enum tcp_answer taken = tcp_ask_answer(tcp, server, message, length);
		if (taken != TCP_ANSWER_TAKEN) {
			*reader = before;
			return taken;
		}
		server->since = tcp->now;
	}
}

/* An end that the server made: what waits for its answer is asked again. */
static void server_ended(struct tcp *tcp, struct tcp_server *server)
{
	tcp_count(&stats_of(tcp, server)->died_reading, server->in_flight > 0);
	server_close(tcp, server, FATE_RETRY);
}

static void server_read(struct tcp *tcp, struct tcp_server *server)
{
	ssize_t length = 0;
	bool ended = false;
	if (server->readable && tcp_stash_waiting(&server->stash) < TCP_FRAME_MAX) {
		length = recv(server->fd, tcp->scratch, sizeof(tcp->scratch), 0);
		ended = length == 0 || (length < 0 && errno != EAGAIN);
		server->readable = length > 0;
	}
	struct tcp_reader reader;
	uint32_t before = server->stash.size;
	bool kept = tcp_stash_open(&server->stash, tcp->scratch, length > 0 ? (size_t)length : 0,
				   &reader);
	enum tcp_answer taken = kept ? answers_take(tcp, server, &reader) : TCP_ANSWER_UNWANTED;
	kept = kept && tcp_stash_close(&server->stash, &reader);
	tcp_set(&tcp->stats.stashed, tcp->stats.stashed - before + server->stash.size);
	if (taken == TCP_ANSWER_UNWANTED || !kept) {
		server_close(tcp, server, FATE_FAIL);
		return;
	}
	tcp->throttled |= taken == TCP_ANSWER_LATER;
	server->readable |= ended && taken == TCP_ANSWER_LATER; /* to see the end again */
	if (ended && taken == TCP_ANSWER_TAKEN)
		server_ended(tcp, server);
	else if (server->exclusive && server->in_flight == 0)
		server_close(tcp, server, FATE_FAIL); /* the zone has come to its end */
	else if (server->readable || taken == TCP_ANSWER_LATER)
		ready_mark(tcp, server);
}

void tcp_servers_read(struct tcp *tcp)
{
	struct tcp_server *last = TAILQ_LAST(&tcp->servers_ready, tcp_servers), *server = NULL;
	tcp->throttled = false;
	while (server != last && (server = TAILQ_FIRST(&tcp->servers_ready)) != NULL) {
		TAILQ_REMOVE(&tcp->servers_ready, server, readying);
		server->ready = false;
		server_read(tcp, server);
	}
}

/* ---- turns ---- */

/* False: the connection is gone. */
static bool server_expire(struct tcp *tcp, struct tcp_backend *backend, struct tcp_server *server)
{
	const struct backend *of = backend->backend;
	struct tcp_server_stats *stats = stats_of(tcp, server);
	uint64_t waited = tcp->now - server->since;
	if (server->connecting && waited >= of->tcp.connect_timeout) {
		tcp_count(&stats->connect_timeouts, 1);
		connect_failed(tcp, backend, server);
	} else if (!server->connecting && server->next != NULL && waited >= of->tcp.send_timeout) {
		tcp_count(&stats->write_timeouts, 1);
		server_close(tcp, server, FATE_RETRY);
	} else if (!server->connecting && server->in_flight > 0 &&
		   waited >= of->tcp.receive_timeout) {
		tcp_count(&stats->read_timeouts, 1);
		server_close(tcp, server, FATE_FAIL);
	} else if (server->in_flight == 0 && waited >= tcp->policy->tcp.server_idle * 1000ull) {
		server_close(tcp, server, FATE_FAIL);
	} else {
		return true;
	}
	return false;
}

/* Those that found no connection for as long as an answer might have taken. */
static void waiting_expire(struct tcp *tcp, struct tcp_backend *backend)
{
	uint64_t patience = backend->backend->tcp.connect_timeout +
			    (uint64_t)backend->backend->tcp.receive_timeout;
	struct tcp_ask *ask;
	while ((ask = TAILQ_FIRST(&backend->waiting)) != NULL &&
	       tcp->now - ask->since >= patience) {
		TAILQ_REMOVE(&backend->waiting, ask, link);
		tcp_ask_fail(tcp, ask);
	}
}

/* Those that the server leaves out while it answers others. */
static void asks_expire(struct tcp *tcp, struct tcp_backend *backend, struct tcp_server *server)
{
	const struct backend_tcp *of = &backend->backend->tcp;
	uint64_t most = (uint64_t)of->connect_timeout + of->send_timeout + of->receive_timeout;
	struct tcp_ask *ask;
	while ((ask = TAILQ_FIRST(&server->asks)) != NULL && ask != server->next && !ask->is_xfr &&
	       tcp->now - ask->since >= most) {
		tcp_count(&stats_of(tcp, server)->read_timeouts, 1);
		tcp_ask_withdraw(server, ask);
		tcp_ask_fail(tcp, ask);
	}
}

static void backend_turn(struct tcp *tcp, struct tcp_backend *backend)
{
	struct tcp_server *next;
	waiting_expire(tcp, backend);
	backend_serve(tcp, backend);
	for (struct tcp_server *server = TAILQ_FIRST(&backend->servers); server != NULL;
	     server = next) {
		next = TAILQ_NEXT(server, sibling);
		if (server_flush(tcp, server) && server_expire(tcp, backend, server))
			asks_expire(tcp, backend, server);
	}
	if (TAILQ_EMPTY(&backend->servers) && TAILQ_EMPTY(&backend->waiting)) {
		backend->is_active = false;
		TAILQ_REMOVE(&tcp->active, backend, active);
	}
}

void tcp_servers_turn(struct tcp *tcp)
{
	struct tcp_backend *next;
	for (struct tcp_backend *backend = TAILQ_FIRST(&tcp->active); backend != NULL;
	     backend = next) {
		next = TAILQ_NEXT(backend, active);
		backend_turn(tcp, backend);
	}
}

void tcp_servers_close(struct tcp *tcp)
{
	struct tcp_backend *backend;
	TAILQ_FOREACH(backend, &tcp->active, active)
		while (!TAILQ_EMPTY(&backend->servers))
			server_close(tcp, TAILQ_FIRST(&backend->servers), FATE_FAIL);
	free(tcp->servers);
	free(tcp->backends);
}
