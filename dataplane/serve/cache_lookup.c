/* SPDX-License-Identifier: BSD-2-Clause */
/* Looking up: queries that become their answers, without a lock beside whoever writes. */
#include "dataplane/serve/cache_parts.h"

#include <rte_common.h>

void cache_lookup_open(struct cache_lookup *lookup, const struct cache *cache,
		       const struct cache_key *key, unsigned worker)
{
	lookup->cache = cache;
	lookup->number = bucket_number(cache, key->hash);
	lookup->bucket = &cache->buckets[lookup->number];
	__builtin_prefetch(lookup->bucket);
	__builtin_prefetch(&cache->touched[worker][lookup->number]);
}

void cache_lookup_prefetch(const struct cache_lookup *lookup, const struct cache_key *key)
{
	uint32_t ways = ways_of(lookup->bucket, tag_of(key->hash));
	for (; ways != 0; ways &= ways - 1) {
		unsigned at = lookup->bucket->at[__builtin_ctz(ways)] * UNIT % BUCKET_DATA;
		__builtin_prefetch(lookup->bucket->data + at);
		__builtin_prefetch(lookup->bucket->data + at + LINE);
	}
}

/* The version before anything else is read, and whether it still holds after. */
static inline uint32_t read_begin(const struct cache_bucket *bucket)
{
	return __atomic_load_n(&bucket->version, __ATOMIC_ACQUIRE);
}

static inline bool read_holds(const struct cache_bucket *bucket, uint32_t version)
{
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	return (version & 1) == 0 &&
	       __atomic_load_n(&bucket->version, __ATOMIC_RELAXED) == version;
}

/* False: it is too old. Within the second in which it ends it has ended. */
static bool ages(const struct entry *entry, uint32_t now, uint32_t stale, struct cache_found *found)
{
	uint32_t late = now - entry->expires;
	bool fresh = (int32_t)late < 0;
	/* Another worker's clock may be a moment ahead. */
	found->age = (int32_t)(now - entry->inserted) > 0 ? now - entry->inserted : 0;
	found->expired = fresh ? 0 : late + 1;
	found->length = entry->length;
	return fresh || late < stale;
}

/* Up to CACHE_SLACK - 1 bytes more than asked for are read, and written. */
static inline void copy(uint8_t *to, const uint8_t *from, size_t length)
{
	for (size_t at = 0; at < length; at += CACHE_SLACK)
		memcpy(to + at, from + at, CACHE_SLACK);
}

/* Where in a query its answer is written over it: what is kept of it until that has proved whole. */
struct kept {
	uint8_t header[DNS_HEADER_SIZE];
	uint8_t rest[DNS_QUESTION_FIXED + CACHE_QUERY_REST + CACHE_SLACK];
};

static inline size_t question_type(const struct cache_query *query)
{
	return DNS_HEADER_SIZE + query->name_length;
}

/* Whether the answer has room, and there is room for what it takes the place of. */
static inline bool fits(const struct cache_query *query, const struct entry *entry)
{
	return RTE_MAX((size_t)entry->length, query->length) + CACHE_SLACK <= query->room &&
	       query->length - question_type(query) <= DNS_QUESTION_FIXED + CACHE_QUERY_REST;
}

static inline void query_keep(const struct cache_query *query, struct kept *kept)
{
	memcpy(kept->header, query->message, sizeof(kept->header));
	copy(kept->rest, query->message + question_type(query),
	     query->length - question_type(query));
}

static void query_restore(const struct cache_query *query, const struct kept *kept)
{
	memcpy(query->message, kept->header, sizeof(kept->header));
	memcpy(query->message + question_type(query), kept->rest,
	       query->length - question_type(query));
}

static inline void answer_write(const struct cache *cache, const struct entry *entry,
				const struct parts *parts, const struct cache_query *query,
				const struct cache_found *found)
{
	size_t type = question_type(query);
	memcpy(query->message + 2, parts->message + 2, DNS_HEADER_SIZE - 2);
	copy(query->message + type, parts->message + type, entry->length - type);
	if (unlikely(found->expired != 0))
		cache_answer_ttl_set(query->message, type + DNS_QUESTION_FIXED, entry->length,
				     parts->places, entry->n_places, cache->options.stale_ttl);
	else if (likely(!cache->options.dont_age))
		cache_answer_age(query->message, type + DNS_QUESTION_FIXED, entry->length,
				 parts->places, entry->n_places, found->age);
}

static void miss_count(struct cache_stats *stats, const struct cache_key *key)
{
	if ((key->head[CACHE_KEY_HEAD - 1] & CACHE_KEY_SHARED) == 0)
		count(&stats->misses);
}

bool cache_lookup_answer(const struct cache_lookup *lookup, const struct cache_key *key,
			 const struct cache_query *query, uint32_t now, uint32_t stale,
			 unsigned worker, struct cache_found *found)
{
	const struct cache_bucket *bucket = lookup->bucket;
	struct cache_stats *stats = lookup->cache->stats[worker];
	struct entry entry;
	struct parts parts;
	struct kept kept;
	bool collision = false;
	uint32_t version = read_begin(bucket);
	int way = -1;
	if (likely((version & 1) == 0))
		way = way_find(bucket, key, query->message + DNS_HEADER_SIZE, query->name_length,
			       &entry, &parts, &collision);
	bool alive = way >= 0 && ages(&entry, now, stale, found);
	bool found_one = alive && fits(query, &entry);
	found->narrow = false;
	if (unlikely(alive && !found_one)) {
		found->narrow = read_holds(bucket, version);
		if (found->narrow && query->again)
			return false;
	}
	if (likely(found_one)) {
		query_keep(query, &kept);
		answer_write(lookup->cache, &entry, &parts, query, found);
	}
	if (unlikely(!read_holds(bucket, version))) {
		if (found_one)
			query_restore(query, &kept);
		count(&stats->deferred_lookups);
		miss_count(stats, key);
		return false;
	}
	if (unlikely(!found_one)) {
		if (collision && way < 0)
			count(&stats->lookup_collisions);
		miss_count(stats, key);
		return false;
	}
	count(&stats->hits);
	if (unlikely(found->expired != 0))
		count(&stats->stale_hits);
	touch(lookup, worker, (unsigned)way);
	return true;
}
