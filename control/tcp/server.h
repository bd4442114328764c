/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files about servers share. */
#ifndef SLUICE_CONTROL_TCP_SERVER_H
#define SLUICE_CONTROL_TCP_SERVER_H

#include "control/tcp/parts.h"
#include "dataplane/serve/backend.h"

enum tcp_answer {
	TCP_ANSWER_TAKEN,
	TCP_ANSWER_LATER,    /* there is no place for it now */
	TCP_ANSWER_UNWANTED, /* who asked is gone, and more would come; or has not asked yet */
};

/* The PROXY header that a connection has to have begun with to take the query; no bytes: none. */
const uint8_t *tcp_ask_head(const struct tcp_ask *ask, uint16_t *length);

/* The worker is told that the server cannot be asked; the query is not on any list. */
void tcp_ask_fail(struct tcp *tcp, struct tcp_ask *ask);

/* The query is the connection's, under an ID of its own; there is a place for it. */
void tcp_ask_assign(struct tcp_server *server, struct tcp_ask *ask);
void tcp_ask_withdraw(struct tcp_server *server, struct tcp_ask *ask);

/* A message of the server. */
enum tcp_answer tcp_ask_answer(struct tcp *tcp, struct tcp_server *server, const uint8_t *message,
			       uint16_t length);

/* What becomes of the queries of a connection that is gone. */
enum tcp_fate { TCP_FATE_RETRY, TCP_FATE_FAIL };

void tcp_server_close(struct tcp *tcp, struct tcp_server *server, enum tcp_fate fate);

/* A connection for it, NULL: there can be none now. `failed`: one could not be made. */
struct tcp_server *tcp_server_provide(struct tcp *tcp, struct tcp_backend *backend,
				      struct tcp_ask *ask, bool *failed);

static inline struct tcp_server_stats *tcp_server_stats_of(struct tcp *tcp,
							   const struct tcp_server *server)
{
	return &tcp->stats.server[server->number];
}

/* Something is to be done for it. */
void tcp_backend_activate(struct tcp *tcp, struct tcp_backend *backend);

#endif
