/* SPDX-License-Identifier: BSD-2-Clause */
#include "control/http/http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include <microhttpd.h>

#include "control/http/cache.h"
#include "control/http/clients.h"
#include "control/loop.h"
#include "control/lua/policy.h"
#include "control/metrics/metrics.h"

#define IDLE_SECONDS 10
#define CONTENT_TEXT "text/plain; version=0.0.4; charset=utf-8"
#define CONTENT_JSON "application/json"
#define BODY_MAX 65536u /* bytes */
#define PAIRS_MAX 64u	/* headers and arguments that are told of */

static struct MHD_Daemon *daemon_of_http;

/* A request while its body comes in. */
struct request {
	char *body;
	size_t length;
	bool too_large;
};

/* The answer, with the headers that the policy has for it. */
static enum MHD_Result answer_send(struct MHD_Connection *connection, const struct lua_web *web,
				   unsigned status, const char *type, char *text, size_t size,
				   enum MHD_ResponseMemoryMode mode)
{
	struct MHD_Response *response = MHD_create_response_from_buffer(size, text, mode);
	if (response == NULL) {
		if (mode == MHD_RESPMEM_MUST_FREE)
			free(text);
		return MHD_NO;
	}
	if (type != NULL)
		MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	for (unsigned i = 0; i < web->n_headers; i++)
		MHD_add_response_header(response, web->headers[i][0], web->headers[i][1]);
	enum MHD_Result result = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return result;
}

static enum MHD_Result metrics_answer(const struct control *control,
				      struct MHD_Connection *connection, const struct lua_web *web)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	if (out == NULL)
		return MHD_NO;
	metrics_print(control, out);
	fclose(out);
	return answer_send(connection, web, MHD_HTTP_OK, CONTENT_TEXT, text, size,
			   MHD_RESPMEM_MUST_FREE);
}

static const char *argument(struct MHD_Connection *connection, const char *name)
{
	return MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, name);
}

static enum MHD_Result cache_answer(const struct control *control,
				    struct MHD_Connection *connection, const struct lua_web *web)
{
	char text[HTTP_CACHE_TEXT];
	struct http_cache_request request = {
		.pool = argument(connection, "pool"),
		.name = argument(connection, "name"),
		.type = argument(connection, "type"),
		.suffix = argument(connection, "suffix"),
	};
	unsigned status = http_cache_delete(&request, control->dataplane->n_workers, text);
	return answer_send(connection, web, status, CONTENT_JSON, text, strlen(text),
			   MHD_RESPMEM_MUST_COPY);
}

/* ---- what the policy gets to see ---- */

static bool client_read(struct MHD_Connection *connection, struct lua_web_request *request)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	const struct sockaddr *client = info != NULL ? info->client_addr : NULL;
	if (client == NULL)
		return false;
	if (client->sa_family == AF_INET) {
		const struct sockaddr_in *v4 = (const struct sockaddr_in *)client;
		memcpy(request->client.bytes, &v4->sin_addr, 4);
		request->client.port = ntohs(v4->sin_port);
		request->here = request->client.bytes[0] == 127;
		return true;
	}
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)client;
	memcpy(request->client.bytes, &v6->sin6_addr, 16);
	request->client.port = ntohs(v6->sin6_port);
	request->client.ipv6 = 1;
	request->here = IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
	return true;
}

struct pairs {
	uint32_t count;
	struct lua_web_pair list[PAIRS_MAX];
};

static enum MHD_Result pair_add(void *context, enum MHD_ValueKind kind, const char *key,
				const char *value)
{
	struct pairs *pairs = context;
	if (pairs->count == PAIRS_MAX)
		return MHD_NO;
	value = value != NULL ? value : "";
	pairs->list[pairs->count++] = (struct lua_web_pair){
		.kind = kind == MHD_GET_ARGUMENT_KIND, .key = {key, strlen(key)},
		.value = {value, strlen(value)}};
	return MHD_YES;
}

static enum MHD_Result policy_answer(struct control *control, struct MHD_Connection *connection,
				     const char *url, const char *method,
				     const struct request *request)
{
	struct pairs pairs = {0};
	struct lua_web web = {.request = {.method = {method, strlen(method)},
					  .path = {url, strlen(url)},
					  .body = {request->body, request->length},
					  .pairs = pairs.list}};
	enum MHD_Result result;
	if (!client_read(connection, &web.request))
		return MHD_NO;
	MHD_get_connection_values(connection, MHD_HEADER_KIND, pair_add, &pairs);
	MHD_get_connection_values(connection, MHD_GET_ARGUMENT_KIND, pair_add, &pairs);
	web.request.count = pairs.count;
	if (request->too_large)
		web.status = MHD_HTTP_CONTENT_TOO_LARGE;
	else
		lua_policy_web(control, &web);
	bool reads = strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
	bool is_metrics = reads && strcmp(url, "/metrics") == 0;
	bool is_cache = strcmp(method, "DELETE") == 0 && strcmp(url, "/api/v1/cache") == 0;
	if (is_metrics && web.metrics_open) /* they tell what is wrong, also when Lua is broken */
		web.status = 0;
	if (web.status == 0 && !is_metrics && !is_cache)
		web.status = MHD_HTTP_INTERNAL_SERVER_ERROR;
	if (web.status != 0)
		result = answer_send(connection, &web, web.status, NULL, web.body, web.length,
				     MHD_RESPMEM_MUST_COPY);
	else if (is_metrics)
		result = metrics_answer(control, connection, &web);
	else
		result = cache_answer(control, connection, &web);
	lua_web_free(&web);
	return result;
}

/* ---- requests ---- */

static void body_add(struct request *request, const char *bytes, size_t length)
{
	char *grown = NULL;
	if (request->too_large) /* a later piece that fits would close the gap */
		return;
	if (length <= BODY_MAX - request->length)
		grown = realloc(request->body, request->length + length);
	if (grown == NULL) {
		request->too_large = true;
		return;
	}
	memcpy(grown + request->length, bytes, length);
	request->body = grown;
	request->length += length;
}

/* Called when the headers are there, for each piece of a body, and when all is. */
static enum MHD_Result request_answer(void *context, struct MHD_Connection *connection,
				      const char *url, const char *method, const char *version,
				      const char *upload, size_t *upload_size, void **kept)
{
	struct request *request = *kept;
	(void)version;
	http_client_heard(connection);
	if (request == NULL) {
		*kept = calloc(1, sizeof(*request));
		return *kept != NULL ? MHD_YES : MHD_NO;
	}
	if (*upload_size > 0) {
		body_add(request, upload, *upload_size);
		*upload_size = 0;
		return MHD_YES;
	}
	return policy_answer(context, connection, url, method, request);
}

static void request_end(void *context, struct MHD_Connection *connection, void **kept,
			enum MHD_RequestTerminationCode code)
{
	struct request *request = *kept;
	(void)context, (void)connection, (void)code;
	if (request == NULL)
		return;
	free(request->body);
	free(request);
	*kept = NULL;
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
		&address, MHD_OPTION_CONNECTION_LIMIT, HTTP_CONNECTIONS_MAX,
		MHD_OPTION_NOTIFY_CONNECTION, http_client_notify, NULL, MHD_OPTION_NOTIFY_COMPLETED,
		request_end, NULL, MHD_OPTION_CONNECTION_TIMEOUT, IDLE_SECONDS, MHD_OPTION_END);
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
