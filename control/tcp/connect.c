/* SPDX-License-Identifier: BSD-2-Clause */
/* Which connection a query to a server goes over: one that there is, or a new one. */
#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "control/tcp/server.h"

#define CONNECTIONS_MAX 32u /* a backend, unless its options say otherwise */
#define CONNECTIONS_MAX_OWN 256u /* where each client needs one of its own */

static struct tcp_server *slot_take(struct tcp *tcp)
{
	struct tcp_server *server = TAILQ_FIRST(&tcp->servers_spare);
	if (server != NULL)
		TAILQ_REMOVE(&tcp->servers_spare, server, sibling);
	else if (tcp->servers_used < TCP_SERVERS_MAX)
		server = &tcp->servers[tcp->servers_used++];
	return server;
}

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

/* The connection begins with the PROXY header of this query. False without memory. */
static bool head_copy(struct tcp_server *server, const struct tcp_ask *ask)
{
	const uint8_t *head = tcp_ask_head(ask, &server->head_length);
	if (server->head_length == 0)
		return true;
	server->head = malloc(server->head_length);
	if (server->head != NULL)
		memcpy(server->head, head, server->head_length);
	return server->head != NULL;
}

static struct tcp_server *server_open(struct tcp *tcp, struct tcp_backend *backend,
				      const struct tcp_ask *ask)
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
	if (server->fd < 0 || !head_copy(server, ask) ||
	    epoll_ctl(tcp->epoll, EPOLL_CTL_ADD, server->fd, &event) != 0) {
		if (server->fd >= 0)
			close(server->fd);
		server->fd = -1;
		free(server->head);
		server->head = NULL;
		TAILQ_INSERT_TAIL(&tcp->servers_spare, server, sibling);
		return NULL;
	}
	TAILQ_INSERT_TAIL(&backend->servers, server, sibling);
	backend->count++;
	struct tcp_server_stats *stats = tcp_server_stats_of(tcp, server);
	tcp_count(&stats->opened, 1);
	tcp_count(&stats->current, 1);
	tcp_set(&stats->most, RTE_MAX(stats->most, stats->current));
	return server;
}

static bool head_matches(const struct tcp_server *server, const uint8_t *head, uint16_t length)
{
	return server->head_length == length &&
	       (length == 0 || memcmp(server->head, head, length) == 0);
}

/* The connection with the fewest queries in flight that takes this one too. */
static struct tcp_server *server_find(const struct tcp_backend *backend, const struct tcp_ask *ask)
{
	struct tcp_server *server, *best = NULL;
	uint16_t length;
	const uint8_t *head = tcp_ask_head(ask, &length);
	unsigned most = RTE_MIN(backend->backend->tcp.max_in_flight, TCP_ASKS_MAX);
	TAILQ_FOREACH(server, &backend->servers, sibling)
		if (!server->exclusive && server->in_flight < most &&
		    head_matches(server, head, length) &&
		    (best == NULL || server->in_flight < best->in_flight))
			best = server;
	return best;
}

static bool may_open(const struct tcp *tcp, const struct tcp_backend *backend)
{
	uint32_t usual = backend->backend->proxy ? CONNECTIONS_MAX_OWN : CONNECTIONS_MAX;
	uint32_t most = backend->backend->tcp.max_connections;
	return backend->count < (most != 0 ? most : usual) && tcp->now >= backend->retry;
}

/* Closes the connection unused longest, which another client cannot use. False: all are in use. */
static bool place_make(struct tcp *tcp, struct tcp_backend *backend)
{
	struct tcp_server *server, *oldest = NULL;
	TAILQ_FOREACH(server, &backend->servers, sibling)
		if (server->in_flight == 0 && !server->connecting &&
		    (oldest == NULL || server->since < oldest->since))
			oldest = server;
	if (oldest == NULL)
		return false;
	tcp_server_close(tcp, oldest, TCP_FATE_FAIL);
	return true;
}

struct tcp_server *tcp_server_provide(struct tcp *tcp, struct tcp_backend *backend,
					 struct tcp_ask *ask, bool *failed)
{
	struct tcp_server *server = ask->is_xfr ? NULL : server_find(backend, ask);
	if (server != NULL) {
		tcp_count(&tcp_server_stats_of(tcp, server)->reused, 1);
		return server;
	}
	if (!may_open(tcp, backend) && (tcp->now < backend->retry || !place_make(tcp, backend))) {
		tcp_count(&tcp->stats.server[backend->backend->number].too_many,
			  !ask->held && tcp->now >= backend->retry);
		ask->held = true;
		return NULL;
	}
	server = server_open(tcp, backend, ask);
	*failed = server == NULL;
	return server;
}
