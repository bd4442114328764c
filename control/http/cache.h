/* SPDX-License-Identifier: BSD-2-Clause */
/* DELETE /api/v1/cache, for whom the policy lets: packet caches are emptied of names, as in dnsdist. */
#ifndef SLUICE_CONTROL_HTTP_CACHE_H
#define SLUICE_CONTROL_HTTP_CACHE_H

#include <stddef.h>

#define HTTP_CACHE_TEXT 256u

/* The request's parameters, NULL where it has none. `pool` may be "". */
struct http_cache_request {
	const char *pool, *name;
	const char *type;   /* NULL: any */
	const char *suffix; /* any value: and all names below */
};

/* The HTTP status, and the answer in `text`. Control lcore only. */
unsigned http_cache_delete(const struct http_cache_request *request, unsigned lcore,
			   char text[static HTTP_CACHE_TEXT]);

#endif
