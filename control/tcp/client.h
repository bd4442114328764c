/* SPDX-License-Identifier: BSD-2-Clause */
/* What the two files about connections of clients share. */
#ifndef SLUICE_CONTROL_TCP_CLIENT_H
#define SLUICE_CONTROL_TCP_CLIENT_H

#include "control/tcp/parts.h"

uint32_t tcp_client_slot(const struct tcp *tcp, const struct tcp_client *client);

/* Whether another query of it may be taken in hand. */
bool tcp_client_may_read(const struct tcp_client *client);

/* It is read in its turn, if there is something to read and a place for it. */
void tcp_client_ready(struct tcp *tcp, struct tcp_client *client);

/* After anything has happened: it waits for something else, or is at its end. */
void tcp_client_settle(struct tcp *tcp, struct tcp_client *client);

/* What it waits for begins now. */
void tcp_client_wait(struct tcp *tcp, struct tcp_client *client, enum tcp_wait wait);

/* No more queries are read of it; those in hand are answered first. */
void tcp_client_finish(struct tcp_client *client, enum tcp_end end);

#endif
