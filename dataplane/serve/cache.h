/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The packet cache: responses, found by the whole key of a query.
 *
 * A table of buckets in memory that is fixed when it is made. A bucket holds up to CACHE_WAYS
 * responses of any size side by side, and a version that is odd while somebody writes: readers
 * copy, look at the version again, and take no lock; a writer that finds another one in the bucket
 * goes away. So nobody ever waits. What was used is noted in lines that belong to the worker alone,
 * and once per round of the eviction, not per hit.
 *
 * When a bucket is full, a hand goes over it from old to new and takes out the first response that
 * nobody has asked for since it last came by (the SIEVE algorithm): names that are asked once, as a
 * random name attack makes them, go before those that are asked again.
 */
#ifndef SLUICE_DATAPLANE_SERVE_CACHE_H
#define SLUICE_DATAPLANE_SERVE_CACHE_H

#include "dataplane/serve/cache_answer.h"
#include "dataplane/serve/cache_key.h"

#define CACHE_WAYS 24u /* a multiple of 8, at most 32 */
#define CACHE_BUCKET_SIZE 4096u /* bytes, of which all but the first 64 are for responses */
#define CACHE_ENTRY_MAX 3840u	/* bytes of the longest response that a bucket takes */
#define CACHE_ENTRIES_MAX (1u << 27)
#define CACHE_WORKERS_MAX 64u

struct cache_options {
	uint32_t entries; /* as many as there is room for, at least */
	struct cache_ttls ttls;
	uint32_t stale_ttl; /* seconds: what the TTLs of stale responses become */
	uint32_t entry_max; /* bytes of a response */
	bool dont_age;	    /* TTLs stay what they were */
	bool shuffle;	    /* addresses change their order with each hit */
	bool parse_ecs;	    /* an answer for all subnets is kept for all of them */
	struct cache_key_rules key;
};

/* What one worker did. Others read it. */
struct cache_stats {
	uint64_t hits;
	uint64_t misses;
	uint64_t stale_hits; /* among the hits */
	uint64_t inserts;
	uint64_t evictions;
	uint64_t removals; /* evictions, replaced, expunged: what was inserted and is gone */
	uint64_t deferred_inserts; /* the bucket was being written */
	uint64_t deferred_lookups;
	uint64_t lookup_collisions; /* equal hash, other key */
	uint64_t ttl_too_short;
	uint64_t unfit; /* responses that may not be kept */
	uint64_t too_large;
	uint64_t cleanups; /* times that it was searched for what has expired */
};
#define CACHE_STATS_COUNT (sizeof(struct cache_stats) / sizeof(uint64_t))

struct cache;
struct cache_bucket;

/* Bytes of memory that a cache takes; `workers` is how many use it. */
size_t cache_memory(const struct cache_options *options, unsigned workers);

/*
 * A cache in `memory`, which is all zero, aligned to CACHE_BUCKET_SIZE and cache_memory() long; the
 * caller frees it when nobody uses the cache any more. `number` is not 0 and no other cache's.
 */
struct cache *cache_create(void *memory, const struct cache_options *options, unsigned workers,
			   uint32_t number, uint64_t seed);

const struct cache_options *cache_options_of(const struct cache *cache);
uint32_t cache_number(const struct cache *cache);
struct cache_stats *cache_stats_of(struct cache *cache, unsigned worker);

/* What all of them did. Any lcore. */
struct cache_stats cache_stats_sum(const struct cache *cache);

/* Responses that it has room for; they are CACHE_WAYS to a bucket, if they are short. */
uint64_t cache_capacity(const struct cache *cache);

/* Makes the key of a query for this cache, as cache_key_make(). */
bool cache_key_of(const struct cache *cache, struct cache_key *key, const uint8_t *query,
		  size_t length, size_t question_end, uint8_t flags);

/* Makes the hash anew, after the key was changed for a query for this name. */
void cache_key_hash_for(const struct cache *cache, struct cache_key *key, const uint8_t *name,
			size_t name_length);

/*
 * From the key with a subnet to that of an answer for all subnets. False, and nothing is changed: it
 * is not the key of a query for this name.
 */
bool cache_key_share_for(const struct cache *cache, struct cache_key *key, const uint8_t *name,
			 size_t name_length);

/* A look-up in steps, so that those of a burst wait for memory together. Worker only. */
struct cache_lookup {
	const struct cache *cache;
	const struct cache_bucket *bucket;
	uint32_t number; /* of the bucket */
};

/* A query that may become its answer. */
struct cache_query {
	uint8_t *message;
	size_t length;
	size_t room; /* that the message may grow to; it and its response leave CACHE_SLACK of that */
	size_t name_length;
	bool again; /* it will ask in a larger buffer if only room is missing: that is no miss yet */
};

#define CACHE_SLACK 16u /* bytes: so many are copied at a time */

/* What a look-up found. */
struct cache_found {
	uint32_t age;	  /* seconds since it was put in */
	uint32_t expired; /* seconds since it should have gone; 0: it is fresh */
	uint32_t length;
	bool narrow; /* nothing, but for want of room */
};

/* Finds the bucket and asks for its first line, and for what this worker touched of it. */
void cache_lookup_open(struct cache_lookup *lookup, const struct cache *cache,
		       const struct cache_key *key, unsigned worker);

/* Asks for the lines of what may be the response. */
void cache_lookup_prefetch(const struct cache_lookup *lookup, const struct cache_key *key);

/*
 * The query becomes the response as it was put in, but for its ID and the case of its name, which stay,
 * and for TTLs, which are aged as the cache's options say. False: it is what it was. `now` in seconds of a
 * steady clock; expired responses are found for `stale` seconds more. Counts hits and misses, but no miss
 * by a key with CACHE_KEY_SHARED: that is only the first of two look-ups, as may be one with `again`.
 */
bool cache_lookup_answer(const struct cache_lookup *lookup, const struct cache_key *key,
			 const struct cache_query *query, uint32_t now, uint32_t stale,
			 unsigned worker, struct cache_found *found);

/*
 * Puts a response in, for `seconds`; in place of one with the same key. `message` has the question
 * that the key was made for, else nothing is inserted: a policy may have renamed it.
 */
bool cache_insert(struct cache *cache, const struct cache_key *key, const uint8_t *message,
		  size_t length, const struct cache_places *places, uint32_t now, uint32_t seconds,
		  unsigned worker);

/* A response, for cache_walk(). The name is the first of `message`. */
struct cache_view {
	const uint8_t *message;
	size_t length;
	const struct cache_key *key; /* without its hash */
	uint32_t inserted, expires;
};

/* Whether the response is to go. */
typedef bool cache_walk_fn(void *context, const struct cache_view *view);

/*
 * Shows all responses, and removes those that `visit` wants gone; returns how many. Any lcore, one
 * at a time; its `worker` is for the counters. Workers look up and insert meanwhile: a bucket is
 * theirs again after a few microseconds.
 */
uint64_t cache_walk(struct cache *cache, cache_walk_fn *visit, void *context, unsigned worker);

/* Responses in the cache now, about. */
uint64_t cache_count(const struct cache *cache);

#endif
