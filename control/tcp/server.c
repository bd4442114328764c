/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Connections to servers. A few a server, each with several queries in flight; one that is refused
 * is tried again after a time that doubles, as often as the server's options say.
 */
#include "control/tcp/server.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKOFF_MIN_MS 10u
#define BACKOFF_MAX_MS 1000u
#define PARTS 32u
#define LOOK_AHEAD 64u /* queries for which connections are looked for, where clients do not share them */

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

void tcp_backend_activate(struct tcp *tcp, struct tcp_backend *backend)
{
	if (backend->is_active)
		return;
	backend->is_active = true;
	TAILQ_INSERT_TAIL(&tcp->active, backend, active);
}

/* ---- ends ---- */

static void ask_settle(struct tcp *tcp, struct tcp_backend *backend, struct tcp_ask *ask,
		       enum tcp_fate fate)
{
	if (fate == TCP_FATE_RETRY && !ask->begun && ask->attempts < backend->backend->tcp.retries) {
		ask->attempts++;
		TAILQ_INSERT_TAIL(&backend->waiting, ask, link);
	} else {
		tcp_ask_fail(tcp, ask);
	}
}

void tcp_server_close(struct tcp *tcp, struct tcp_server *server, enum tcp_fate fate)
{
	struct tcp_backend *backend = &tcp->backends[server->number];
	struct tcp_server_stats *stats = tcp_server_stats_of(tcp, server);
	struct tcp_ask *ask;
	close(server->fd);
	server->fd = -1;
	while ((ask = TAILQ_FIRST(&server->asks)) != NULL) {
		tcp_ask_withdraw(server, ask);
		ask_settle(tcp, backend, ask, fate);
	}
	tcp_set(&tcp->stats.stashed, tcp->stats.stashed - server->stash.size);
	tcp_stash_free(&server->stash);
	free(server->head);
	server->head = NULL;
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
		tcp_server_close(tcp, server, TCP_FATE_RETRY);
	while ((ask = TAILQ_FIRST(&waiting)) != NULL) {
		TAILQ_REMOVE(&waiting, ask, link);
		ask_settle(tcp, backend, ask, TCP_FATE_RETRY);
	}
}

/* ---- in turn ---- */

/*
 * Gives what waits to connections, new ones where those that there are have enough. Where clients have
 * connections of their own, one that has to wait does not hold up all behind it.
 */
static void backend_serve(struct tcp *tcp, struct tcp_backend *backend)
{
	unsigned chances = backend->backend->proxy ? LOOK_AHEAD : 1;
	struct tcp_ask *ask, *next;
	for (ask = TAILQ_FIRST(&backend->waiting); ask != NULL && chances > 0; ask = next) {
		bool failed = false;
		next = TAILQ_NEXT(ask, link);
		struct tcp_server *server = tcp_server_provide(tcp, backend, ask, &failed);
		if (failed) {
			connect_failed(tcp, backend, NULL);
			return;
		}
		if (server == NULL) {
			chances--;
			continue;
		}
		server->exclusive = ask->is_xfr;
		if (server->in_flight == 0)
			server->since = tcp->now;
		TAILQ_REMOVE(&backend->waiting, ask, link);
		tcp_ask_assign(server, ask);
	}
}

/* ---- out ---- */

/* The PROXY header if it is not out yet, and queries with their lengths; how many parts that makes. */
static unsigned asks_gather(const struct tcp_server *server, struct iovec *parts,
			    uint8_t (*heads)[TCP_FRAME_HEAD])
{
	uint32_t skip = server->sent;
	unsigned count = 0;
	*parts++ = (struct iovec){server->head + server->head_sent,
				  server->head_length - server->head_sent};
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
	return 1 + 2 * count;
}

static void sent_count(struct tcp_server *server, uint32_t sent)
{
	uint16_t of_head = (uint16_t)RTE_MIN(sent, (uint32_t)server->head_length - server->head_sent);
	server->head_sent = (uint16_t)(server->head_sent + of_head);
	server->sent += sent - of_head;
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
	struct iovec parts[1 + 2 * PARTS];
	while (server->next != NULL && !server->connecting) {
		struct msghdr message = {.msg_iov = parts,
					 .msg_iovlen = asks_gather(server, parts, heads)};
		ssize_t sent = sendmsg(server->fd, &message, MSG_NOSIGNAL);
		if (sent < 0 && errno == EAGAIN)
			return true;
		if (sent < 0) {
			tcp_count(&tcp_server_stats_of(tcp, server)->died_sending, 1);
			tcp_server_close(tcp, server, TCP_FATE_RETRY);
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
		tcp_count(&tcp_server_stats_of(tcp, server)->refused, 1);
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
	tcp_count(&tcp_server_stats_of(tcp, server)->died_reading, server->in_flight > 0);
	tcp_server_close(tcp, server, TCP_FATE_RETRY);
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
		tcp_server_close(tcp, server, TCP_FATE_FAIL);
		return;
	}
	tcp->throttled |= taken == TCP_ANSWER_LATER;
	server->readable |= ended && taken == TCP_ANSWER_LATER; /* to see the end again */
	if (ended && taken == TCP_ANSWER_TAKEN)
		server_ended(tcp, server);
	else if (server->exclusive && server->in_flight == 0)
		tcp_server_close(tcp, server, TCP_FATE_FAIL); /* the zone has come to its end */
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

/* How long it is kept unused, ms: one of a single client as long as that may be silent. */
static uint64_t idle_most(const struct tcp *tcp, const struct tcp_server *server)
{
	uint64_t most = tcp->policy->tcp.server_idle * 1000ull;
	return server->head_length > 0 ? RTE_MIN(most, (uint64_t)tcp->policy->tcp.receive_timeout)
				       : most;
}

/* False: the connection is gone. */
static bool server_expire(struct tcp *tcp, struct tcp_backend *backend, struct tcp_server *server)
{
	const struct backend *of = backend->backend;
	struct tcp_server_stats *stats = tcp_server_stats_of(tcp, server);
	uint64_t waited = tcp->now - server->since;
	if (server->connecting && waited >= of->tcp.connect_timeout) {
		tcp_count(&stats->connect_timeouts, 1);
		connect_failed(tcp, backend, server);
	} else if (!server->connecting && server->next != NULL && waited >= of->tcp.send_timeout) {
		tcp_count(&stats->write_timeouts, 1);
		tcp_server_close(tcp, server, TCP_FATE_RETRY);
	} else if (!server->connecting && server->in_flight > 0 &&
		   waited >= of->tcp.receive_timeout) {
		tcp_count(&stats->read_timeouts, 1);
		tcp_server_close(tcp, server, TCP_FATE_FAIL);
	} else if (server->in_flight == 0 && waited >= idle_most(tcp, server)) {
		tcp_server_close(tcp, server, TCP_FATE_FAIL);
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
		tcp_count(&tcp_server_stats_of(tcp, server)->read_timeouts, 1);
		tcp_ask_withdraw(server, ask);
		tcp_ask_fail(tcp, ask);
	}
}

static bool is_idle(const struct tcp_server *server)
{
	return server->in_flight == 0 && !server->connecting;
}

/* The connection that has been idle longest, if more are than the policy wants; else NULL. */
static struct tcp_server *idle_surplus(const struct tcp *tcp, const struct tcp_backend *backend)
{
	struct tcp_server *server, *longest = NULL;
	/* Of a server that no policy has, none is kept. */
	const bool wanted = policy_backend(tcp->policy, (uint16_t)(backend - tcp->backends)) != NULL;
	unsigned idle = 0;
	TAILQ_FOREACH(server, &backend->servers, sibling) {
		if (!is_idle(server))
			continue;
		idle++;
		if (longest == NULL || server->since < longest->since)
			longest = server;
	}
	return idle > (wanted ? tcp->policy->tcp.max_idle : 0) ? longest : NULL;
}

static void backend_turn(struct tcp *tcp, struct tcp_backend *backend)
{
	struct tcp_server *next, *surplus;
	waiting_expire(tcp, backend);
	backend_serve(tcp, backend);
	for (struct tcp_server *server = TAILQ_FIRST(&backend->servers); server != NULL;
	     server = next) {
		next = TAILQ_NEXT(server, sibling);
		if (!server_flush(tcp, server) || !server_expire(tcp, backend, server))
			continue;
		asks_expire(tcp, backend, server);
	}
	while ((surplus = idle_surplus(tcp, backend)) != NULL)
		tcp_server_close(tcp, surplus, TCP_FATE_FAIL);
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
			tcp_server_close(tcp, TAILQ_FIRST(&backend->servers), TCP_FATE_FAIL);
	free(tcp->servers);
	free(tcp->backends);
}
