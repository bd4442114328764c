/* SPDX-License-Identifier: BSD-2-Clause */
/* Connections as they are, in the log: a few a turn, since a log may be slow. */
#include <inttypes.h>

#include "control/log/log.h"
#include "control/tcp/client.h"
#include "control/tcp/server.h"
#include "dataplane/serve/backend.h"

#define DUMP_TURN 16u /* lines */

static const char *const waits[TCP_WAITS] = {
	[TCP_WAIT_IDLE] = "for a query",
	[TCP_WAIT_QUERY] = "for the rest of a query",
	[TCP_WAIT_ANSWER] = "for answers",
	[TCP_WAIT_SEND] = "for the client to read",
};

static void client_tell(const struct tcp *tcp, const struct tcp_client *client)
{
	char from[64], to[64];
	backend_address_print(&client->address, client->port, from, sizeof(from));
	backend_address_print(&client->local, client->local_port, to, sizeof(to));
	log_info("TCP: client %s to %s, open for %" PRIu64 " ms, waits %s since %" PRIu64
		 " ms: %u queries, %u in hand, %u answers to send, %u bytes kept%s",
		 from, to, tcp->now - client->accepted, waits[client->wait],
		 tcp->now - client->since, client->queries, client->in_flight, client->queued,
		 client->stash.size, client->finished ? ", ending" : "");
}

static void server_tell(const struct tcp *tcp, const struct tcp_server *server)
{
	const struct backend *backend = tcp->backends[server->number].backend;
	log_info("TCP: server %s, open for %" PRIu64 " ms%s: %u queries, %u in flight since %" PRIu64
		 " ms, %u bytes kept",
		 backend->title, tcp->now - server->opened,
		 server->connecting ? ", connecting" : "", server->queries, server->in_flight,
		 tcp->now - server->since, server->stash.size);
}

static void end_tell(const struct tcp *tcp)
{
	unsigned waiting = 0;
	for (unsigned i = 0; i < TCP_WAITS; i++) {
		const struct tcp_client *client;
		TAILQ_FOREACH(client, &tcp->waits[i], waiting)
			waiting++;
	}
	log_info("TCP: %u connections of clients, %" PRIu64 " bytes kept of messages", waiting,
		 tcp->stats.stashed);
}

/* Slots of clients come first, then those of servers. */
static bool slot_tell(const struct tcp *tcp, uint32_t slot)
{
	const struct tcp_client *client = slot < tcp->used ? &tcp->clients[slot] : NULL;
	if (client != NULL && client->fd >= 0)
		client_tell(tcp, client);
	else if (client == NULL && tcp->servers[slot - tcp->used].fd >= 0)
		server_tell(tcp, &tcp->servers[slot - tcp->used]);
	else
		return false;
	return true;
}

void tcp_dump_turn(struct tcp *tcp)
{
	if (__atomic_exchange_n(&tcp->dump, false, __ATOMIC_RELAXED) && !tcp->dumping) {
		tcp->dumping = true;
		tcp->dumped = 0;
	}
	if (!tcp->dumping)
		return;
	for (unsigned lines = 0; lines < DUMP_TURN; tcp->dumped++) {
		if (tcp->dumped >= tcp->used + tcp->servers_used) {
			tcp->dumping = false;
			end_tell(tcp);
			return;
		}
		lines += slot_tell(tcp, tcp->dumped);
	}
}
