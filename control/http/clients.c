/* SPDX-License-Identifier: BSD-2-Clause */
#include "control/http/clients.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

struct client {
	uint64_t heard; /* 0: the slot is free; else the greater the later */
	uint64_t address;
	int socket;
	bool leaving;
};

static struct client clients[HTTP_CONNECTIONS_MAX];
static uint64_t turns;

static uint64_t address_of(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	uint64_t address = 0;
	if (info == NULL || info->client_addr == NULL)
		return 0;
	if (info->client_addr->sa_family == AF_INET)
		memcpy(&address, &((const struct sockaddr_in *)info->client_addr)->sin_addr, 4);
	else
		memcpy(&address, &((const struct sockaddr_in6 *)info->client_addr)->sin6_addr, 8);
	return address;
}

static bool stays(const struct client *client)
{
	return client->heard != 0 && !client->leaving;
}

static unsigned count_of(uint64_t address)
{
	unsigned count = 0;
	for (unsigned i = 0; i < HTTP_CONNECTIONS_MAX; i++)
		count += stays(&clients[i]) && clients[i].address == address;
	return count;
}

/* Who has to go, if one is too many: never the newcomer, who was heard last. */
static struct client *client_choose(void)
{
	struct client *chosen = NULL;
	unsigned most = 0, all = 0;
	for (unsigned i = 0; i < HTTP_CONNECTIONS_MAX; i++)
		all += stays(&clients[i]);
	for (unsigned i = 0; all > HTTP_CLIENTS_MAX && i < HTTP_CONNECTIONS_MAX; i++) {
		struct client *client = &clients[i];
		unsigned count = stays(client) ? count_of(client->address) : 0;
		if (count > most || (count == most && count > 0 && client->heard < chosen->heard)) {
			most = count;
			chosen = client;
		}
	}
	return chosen;
}

static struct client *client_add(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct client *client = clients;
	while (client < clients + HTTP_CONNECTIONS_MAX && client->heard != 0)
		client++;
	if (client == clients + HTTP_CONNECTIONS_MAX || info == NULL)
		return NULL;
	*client = (struct client){
		.heard = ++turns, .address = address_of(connection), .socket = info->connect_fd};
	struct client *leaves = client_choose();
	if (leaves != NULL) {
		leaves->leaving = true;
		shutdown(leaves->socket, SHUT_RDWR); /* the daemon sees that, and ends it */
	}
	return client;
}

void http_client_notify(void *context, struct MHD_Connection *connection, void **kept,
			enum MHD_ConnectionNotificationCode code)
{
	struct client *client = *kept;
	(void)context;
	if (code == MHD_CONNECTION_NOTIFY_STARTED)
		*kept = client_add(connection);
	else if (client != NULL)
		client->heard = 0;
}

void http_client_heard(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	struct client *client = info != NULL ? info->socket_context : NULL;
	if (client != NULL)
		client->heard = ++turns;
}
