/* SPDX-License-Identifier: BSD-2-Clause */
/* Requests to the web server, for Lua to answer. */
#include "control/lua/abi.h"

#include <stdlib.h>
#include <string.h>

const struct lua_web_request *sluice_web_request(void)
{
	const struct lua_web *web = lua_abi_context()->web;
	return web != NULL ? &web->request : NULL;
}

void sluice_web_metrics_open(bool open)
{
	lua_abi_context()->metrics_closed = !open;
}

void sluice_web_header(const char *name, const char *value)
{
	struct lua_web *web = lua_abi_context()->web;
	if (web == NULL || web->n_headers == LUA_WEB_HEADERS)
		return;
	char *name_kept = strdup(name), *value_kept = strdup(value);
	if (name_kept == NULL || value_kept == NULL) {
		free(name_kept);
		free(value_kept);
		return;
	}
	web->headers[web->n_headers][0] = name_kept;
	web->headers[web->n_headers++][1] = value_kept;
}

void sluice_web_answer(uint32_t status, const char *body, size_t length)
{
	struct lua_web *web = lua_abi_context()->web;
	char *kept = web != NULL ? malloc(length + 1) : NULL;
	if (kept == NULL)
		return;
	memcpy(kept, body, length);
	free(web->body);
	web->body = kept;
	web->length = length;
	web->status = status;
}

void lua_web_free(struct lua_web *web)
{
	for (unsigned i = 0; i < web->n_headers; i++) {
		free(web->headers[i][0]);
		free(web->headers[i][1]);
	}
	free(web->body);
	web->n_headers = 0;
	web->body = NULL;
}
