/* SPDX-License-Identifier: BSD-2-Clause */
/* Pools and their packet caches, under dnsdist's names. */
#include <inttypes.h>
#include <string.h>

#include "control/metrics/metrics.h"
#include "control/publish.h"
#include "dataplane/serve/backend.h"
#include "dataplane/serve/cache.h"

#define POOL_DEFAULT_NAME "_default_"

static void sample_head(FILE *out, const char *name, const struct policy_pool *pool)
{
	bool unnamed = pool->name_length == 0;
	fprintf(out, "%s{pool=\"", name);
	metrics_label(out, unnamed ? POOL_DEFAULT_NAME : pool->name,
		      unnamed ? strlen(POOL_DEFAULT_NAME) : pool->name_length);
	fputs("\"} ", out);
}

static unsigned servers_up(const struct policy *policy, const struct policy_pool *pool)
{
	unsigned up = 0;
	for (unsigned i = 0; i < pool->count; i++) {
		const struct backend *backend = policy_backend(policy, pool->servers[i]);
		up += backend != NULL && backend_is_up(backend);
	}
	return up;
}

static void servers_print(const struct policy *policy, bool active, FILE *out)
{
	const char *name = active ? "dnsdist_pool_active_servers" : "dnsdist_pool_servers";
	metrics_head(out, name, "gauge",
		     active ? "Number of available servers in that pool"
			    : "Number of servers in that pool");
	for (unsigned i = 0; i < policy->n_pools; i++) {
		const struct policy_pool *pool = &policy->pools[i];
		if (pool->name == NULL)
			continue;
		sample_head(out, name, pool);
		fprintf(out, "%u\n", active ? servers_up(policy, pool) : pool->count);
	}
}

enum cache_value { VALUE_SIZE, VALUE_ENTRIES, VALUE_HITS, VALUE_MISSES, VALUE_DEFERRED_INSERTS,
		   VALUE_DEFERRED_LOOKUPS, VALUE_LOOKUP_COLLISIONS, VALUE_INSERT_COLLISIONS,
		   VALUE_TTL_TOO_SHORTS, VALUE_CLEANUPS, VALUE_STALE_HITS, VALUE_INSERTS,
		   VALUE_EVICTIONS, VALUE_UNFIT, VALUE_TOO_LARGE };

static uint64_t cache_value(const struct cache *cache, enum cache_value which)
{
	struct cache_stats sum = cache_stats_sum(cache);
	switch (which) {
	case VALUE_SIZE:
		return cache_options_of(cache)->entries;
	case VALUE_ENTRIES:
		return cache_count(cache);
	case VALUE_HITS:
		return sum.hits;
	case VALUE_MISSES:
		return sum.misses;
	case VALUE_DEFERRED_INSERTS:
		return sum.deferred_inserts;
	case VALUE_DEFERRED_LOOKUPS:
		return sum.deferred_lookups;
	case VALUE_LOOKUP_COLLISIONS:
		return sum.lookup_collisions;
	case VALUE_TTL_TOO_SHORTS:
		return sum.ttl_too_short;
	case VALUE_STALE_HITS:
		return sum.stale_hits;
	case VALUE_INSERTS:
		return sum.inserts;
	case VALUE_EVICTIONS:
		return sum.evictions;
	case VALUE_UNFIT:
		return sum.unfit;
	case VALUE_TOO_LARGE:
		return sum.too_large;
	case VALUE_CLEANUPS:
		return sum.cleanups;
	case VALUE_INSERT_COLLISIONS: /* the newer response takes the place of the older */
		break;
	}
	return 0;
}

static void caches_print(const struct policy *policy, FILE *out)
{
	static const struct {
		const char *name, *type, *help;
	} rows[] = {
		[VALUE_SIZE] = {"dnsdist_pool_cache_size", "gauge",
				"Maximum number of entries that this cache can hold"},
		[VALUE_ENTRIES] = {"dnsdist_pool_cache_entries", "gauge",
				   "Number of entries currently present in that cache"},
		[VALUE_HITS] = {"dnsdist_pool_cache_hits", "counter",
				"Number of hits from that cache"},
		[VALUE_MISSES] = {"dnsdist_pool_cache_misses", "counter",
				  "Number of misses from that cache"},
		[VALUE_DEFERRED_INSERTS] = {"dnsdist_pool_cache_deferred_inserts", "counter",
					    "Number of insertions into that cache skipped because "
					    "it was being written"},
		[VALUE_DEFERRED_LOOKUPS] = {"dnsdist_pool_cache_deferred_lookups", "counter",
					    "Number of lookups into that cache skipped because it "
					    "was being written"},
		[VALUE_LOOKUP_COLLISIONS] = {"dnsdist_pool_cache_lookup_collisions", "counter",
					     "Number of lookups into that cache that triggered a "
					     "collision"},
		[VALUE_INSERT_COLLISIONS] = {"dnsdist_pool_cache_insert_collisions", "counter",
					     "Number of insertions into that cache that triggered "
					     "a collision"},
		[VALUE_TTL_TOO_SHORTS] = {"dnsdist_pool_cache_ttl_too_shorts", "counter",
					  "Number of insertions into that cache skipped because "
					  "the TTL was too short"},
		[VALUE_CLEANUPS] = {"dnsdist_pool_cache_cleanup_count_total", "counter",
				    "Number of times the cache has been scanned to remove expired "
				    "entries"},
		[VALUE_STALE_HITS] = {"sluice_cache_stale_hits_total", "counter",
				      "hits on what had expired"},
		[VALUE_INSERTS] = {"sluice_cache_inserts_total", "counter", "responses put in"},
		[VALUE_EVICTIONS] = {"sluice_cache_evictions_total", "counter",
				     "responses taken out to make room"},
		[VALUE_UNFIT] = {"sluice_cache_unfit_responses_total", "counter",
				 "responses that may not be kept"},
		[VALUE_TOO_LARGE] = {"sluice_cache_large_responses_total", "counter",
				     "responses larger than maximumEntrySize"},
	};
	for (unsigned r = 0; r < RTE_DIM(rows); r++) {
		metrics_head(out, rows[r].name, rows[r].type, rows[r].help);
		for (unsigned i = 0; i < policy->n_pools; i++) {
			const struct policy_pool *pool = &policy->pools[i];
			if (pool->name == NULL || pool->cache == NULL)
				continue;
			sample_head(out, rows[r].name, pool);
			fprintf(out, "%" PRIu64 "\n",
				cache_value(pool->cache, (enum cache_value)r));
		}
	}
}

void metrics_pools_print(FILE *out)
{
	const struct policy *policy = policy_current();
	if (policy == NULL)
		return;
	servers_print(policy, false, out);
	servers_print(policy, true, out);
	caches_print(policy, out);
}
