/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What people do with a packet cache: empty it, empty it of a name, look at all of it. Control lcore
 * only; `lcore` is policy_cache_lcore(), `now` seconds as workers count them. Each walks over the whole cache, about a tenth of a second
 * for a million responses, while workers go on.
 */
#ifndef SLUICE_CONTROL_CACHE_ADMIN_H
#define SLUICE_CONTROL_CACHE_ADMIN_H

#include "dataplane/serve/cache.h"

/* Some questions. */
struct cache_names {
	const uint8_t *name; /* in wire form */
	size_t length;
	int32_t qtype; /* -1: any */
	bool below;    /* and all names below */
};

/* Whether a response is to one of these questions. */
bool cache_names_have(const struct cache_names *names, const struct cache_view *view);

/* Removes responses until `left` are left, of those only what has expired; how many went. */
uint64_t cache_remove(struct cache *cache, uint64_t left, bool expired_only, uint32_t now,
		      unsigned lcore);
uint64_t cache_remove_names(struct cache *cache, const struct cache_names *names, unsigned lcore);

/* Writes a line for each response, with `raw` all of it too. How many, or -errno. */
int64_t cache_dump(struct cache *cache, const char *path, bool raw, uint32_t now,
		   unsigned lcore);

#endif
