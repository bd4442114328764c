/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who holds the connections of the web server. Where all are taken, a newcomer gets the place of the
 * one that has been silent longest of those from the address that has most: nobody, and no few
 * together, keep others out. An IPv6 client is known by its /64, as it has all of that.
 */
#ifndef SLUICE_CONTROL_HTTP_CLIENTS_H
#define SLUICE_CONTROL_HTTP_CLIENTS_H

#include <microhttpd.h>

#define HTTP_CLIENTS_MAX 32u
/* For the daemon: those that have been told to go are its own for a moment more. */
#define HTTP_CONNECTIONS_MAX (2u * HTTP_CLIENTS_MAX)

/* For MHD_OPTION_NOTIFY_CONNECTION. */
void http_client_notify(void *context, struct MHD_Connection *connection, void **kept,
			enum MHD_ConnectionNotificationCode code);

/* It has sent something that is a request, or more of one. */
void http_client_heard(struct MHD_Connection *connection);

#endif
