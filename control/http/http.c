/* SPDX-License-Identifier: BSD-2-Clause */
#include "control/http/http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include <microhttpd.h>

#include "control/http/cache.h"
#include "control/loop.h"
#include "control/metrics/metrics.h"

#define CONNECTIONS_MAX 32
#define IDLE_SECONDS 10
#define CONTENT_TEXT "text/plain; version=0.0.4; charset=utf-8"
#define CONTENT_JSON "application/json"

static struct MHD_Daemon *daemon_of_http;

static enum MHD_Result answer_send(struct MHD_Connection *connection, unsigned status,
				   const char *type, char *text, size_t size,
				   enum MHD_ResponseMemoryMode mode)
{
	struct MHD_Response *response = MHD_create_response_from_buffer(size, text, mode);
	if (response == NULL)
		return MHD_NO;
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	enum MHD_Result result = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return result;
}

static enum MHD_Result metrics_answer(const struct control *control,
				      struct MHD_Connection *connection)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	if (out == NULL)
		return MHD_NO;
	metrics_print(control, out);
	fclose(out);
	return answer_send(connection, MHD_HTTP_OK, CONTENT_TEXT, text, size,
			   MHD_RESPMEM_MUST_FREE);
}

/* What changes something asks for no password: so it is for this machine alone. */
static bool is_local(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	const struct sockaddr *client = info != NULL ? info->client_addr : NULL;
	if (client != NULL && client->sa_family == AF_INET)
		return ntohl(((const struct sockaddr_in *)client)->sin_addr.s_addr) >> 24 == 127;
	return client != NULL && client->sa_family == AF_INET6 &&
	       IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)client)->sin6_addr);
}

static const char *argument(struct MHD_Connection *connection, const char *name)
{
	return MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, name);
}

static enum MHD_Result cache_answer(const struct control *control,
				    struct MHD_Connection *connection)
{
	static char elsewhere[] = "{\"error\": \"only from this machine\"}\n";
	char text[HTTP_CACHE_TEXT];
	if (!is_local(connection))
		return answer_send(connection, MHD_HTTP_FORBIDDEN, CONTENT_JSON, elsewhere,
				   sizeof(elsewhere) - 1, MHD_RESPMEM_PERSISTENT);
	struct http_cache_request request = {
		.pool = argument(connection, "pool"),
		.name = argument(connection, "name"),
		.type = argument(connection, "type"),
		.suffix = argument(connection, "suffix"),
	};
	unsigned status = http_cache_delete(&request, control->dataplane->n_workers, text);
	return answer_send(connection, status, CONTENT_JSON, text, strlen(text),
			   MHD_RESPMEM_MUST_COPY);
}

static enum MHD_Result request_answer(void *context, struct MHD_Connection *connection,
				      const char *url, const char *method, const char *version,
				      const char *upload, size_t *upload_size, void **request)
{
	static char not_found[] = "only GET /metrics and DELETE /api/v1/cache are here\n";
	(void)version;
	(void)upload;
	(void)upload_size;
	(void)request;
	if (strcmp(method, MHD_HTTP_METHOD_GET) == 0 && strcmp(url, "/metrics") == 0)
		return metrics_answer(context, connection);
	if (strcmp(method, MHD_HTTP_METHOD_DELETE) == 0 && strcmp(url, "/api/v1/cache") == 0)
		return cache_answer(context, connection);
	return answer_send(connection, MHD_HTTP_NOT_FOUND, CONTENT_TEXT, not_found,
			   sizeof(not_found) - 1, MHD_RESPMEM_PERSISTENT);
}

int http_create(struct control *control, char *error, size_t size)
{
	const struct config_address *listen = &control->config->metrics.listen;
	struct sockaddr_storage address = {0};
	unsigned flags = MHD_USE_EPOLL;
	if (control->config->metrics.off)
		return 0;
	if (listen->ipv6) {
		struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&address;
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons(listen->port);
		memcpy(&v6->sin6_addr, listen->bytes, 16);
		flags |= MHD_USE_IPv6;
	} else {
		struct sockaddr_in *v4 = (struct sockaddr_in *)&address;
		v4->sin_family = AF_INET;
		v4->sin_port = htons(listen->port);
		memcpy(&v4->sin_addr, listen->bytes, 4);
	}
	daemon_of_http = MHD_start_daemon(
		flags, listen->port, NULL, NULL, request_answer, control, MHD_OPTION_SOCK_ADDR,
		&address, MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS_MAX,
		MHD_OPTION_CONNECTION_TIMEOUT, IDLE_SECONDS, MHD_OPTION_END);
	if (daemon_of_http == NULL) {
		snprintf(error, size,
			 "metrics: cannot listen on port %u; is it taken? Choose another "
			 "metrics.listen, or 'listen: off'",
			 listen->port);
		return -1;
	}
	const union MHD_DaemonInfo *info =
		MHD_get_daemon_info(daemon_of_http, MHD_DAEMON_INFO_EPOLL_FD);
	return loop_watch(control, info->epoll_fd, EPOLLIN);
}

void http_destroy(void)
{
	if (daemon_of_http != NULL)
		MHD_stop_daemon(daemon_of_http);
	daemon_of_http = NULL;
}

void http_turn(void)
{
	if (daemon_of_http != NULL)
		MHD_run(daemon_of_http);
}
