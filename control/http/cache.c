/* SPDX-License-Identifier: BSD-2-Clause */
#include "control/http/cache.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "control/cache_admin.h"
#include "control/lists/zone.h"
#include "control/publish.h"

enum { STATUS_OK = 200, STATUS_BAD_REQUEST = 400, STATUS_NOT_FOUND = 404 };

static unsigned refuse(unsigned status, const char *why, char *text)
{
	snprintf(text, HTTP_CACHE_TEXT, "{\"error\": \"%s\"}\n", why);
	return status;
}

unsigned http_cache_delete(const struct http_cache_request *request, unsigned lcore,
			   char text[static HTTP_CACHE_TEXT])
{
	uint8_t name[DNS_NAME_MAX];
	struct cache_names names = {.name = name, .qtype = -1, .below = request->suffix != NULL};
	if (request->pool == NULL || request->name == NULL)
		return refuse(STATUS_BAD_REQUEST, "pool and name must be given", text);
	int length = dns_name_parse(request->name, strlen(request->name), name);
	if (length < 0)
		return refuse(STATUS_BAD_REQUEST, "the name is none", text);
	names.length = (size_t)length;
	if (request->type != NULL && strcmp(request->type, "ANY") != 0) {
		names.qtype = zone_type_parse(&(struct zone_token){
			.text = request->type, .length = (uint32_t)strlen(request->type)});
		if (names.qtype < 0)
			return refuse(STATUS_BAD_REQUEST, "the type is none", text);
	}
	const struct policy *policy = policy_current();
	int pool = policy == NULL
			   ? -1
			   : policy_pool_find(policy, request->pool, strlen(request->pool));
	if (pool < 0 || policy->pools[pool].cache == NULL)
		return refuse(STATUS_NOT_FOUND, "there is no such pool, or it has no cache", text);
	uint64_t count = cache_remove_names(policy->pools[pool].cache, &names, lcore);
	snprintf(text, HTTP_CACHE_TEXT, "{\"count\": \"%" PRIu64 "\", \"status\": \"purged\"}\n",
		 count);
	return STATUS_OK;
}
