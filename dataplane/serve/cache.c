/* SPDX-License-Identifier: BSD-2-Clause */
#include "dataplane/serve/cache.h"

#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif
#include <rte_branch_prediction.h>
#include <rte_common.h>

#include "dataplane/dns/message.h"

#define LINE 64u
#define BUCKET_DATA (CACHE_BUCKET_SIZE - LINE)
#define UNIT LINE /* entries begin at multiples of it: short ones are in two lines, not three */
#define BUCKET_MEAN 16u /* of the ways: by chance some buckets get more than others */
#define SPINS_MAX 100000u /* of who has to write into each bucket */

/*
 * A page, whose first line is all that a look-up needs to find the response: one miss in the TLB for
 * both, where pages are small or the machine below makes them so. Entries stand side by side, the
 * oldest first.
 */
struct cache_bucket {
	uint32_t version; /* odd: being written */
	uint8_t used;	  /* units of data */
	uint8_t hand;	  /* the unit before which the eviction stands */
	uint8_t count;
	uint8_t tags[CACHE_WAYS]; /* of the hash; 0: the way is empty */
	uint8_t at[CACHE_WAYS];	  /* the unit of data at which its entry begins */
	uint8_t spare[9];
	uint8_t data[BUCKET_DATA];
};

static_assert(sizeof(struct cache_bucket) == CACHE_BUCKET_SIZE, "a page");
static_assert(offsetof(struct cache_bucket, data) == LINE, "all but the data is in its first line");
static_assert(BUCKET_DATA / UNIT <= UINT8_MAX, "units are counted in bytes");

/* Followed by the key's padded tail, the places of TTLs and the message. */
struct entry {
	uint32_t hash;
	uint32_t inserted, expires; /* seconds */
	uint16_t size;		    /* of all of it, units */
	uint16_t length;	    /* of the message */
	uint16_t n_places;
	uint8_t tail_length;
	uint8_t head[CACHE_KEY_HEAD];
	uint8_t spare[2];
};

static_assert(sizeof(struct entry) == 32, "half a line");
static_assert(sizeof(struct entry) + CACHE_KEY_TAIL + 2 * 16 + CACHE_ENTRY_MAX <= BUCKET_DATA,
	      "the longest response has room, if it has no more records than that");

/* In a page of its own before the buckets. */
struct cache {
	struct cache_options options;
	uint64_t seed;
	uint32_t number;
	uint32_t n_buckets;
	uint32_t n_workers;
	struct cache_bucket *buckets;
	uint32_t *touched[CACHE_WORKERS_MAX]; /* by bucket: ways that the worker hit */
	struct cache_stats *stats[CACHE_WORKERS_MAX];
};

static_assert(sizeof(struct cache) <= CACHE_BUCKET_SIZE, "it has a page");

/* ---- memory ---- */

static size_t lines(size_t bytes)
{
	return (bytes + LINE - 1) & ~(size_t)(LINE - 1);
}

static uint32_t buckets_for(const struct cache_options *options)
{
	return (options->entries + BUCKET_MEAN - 1) / BUCKET_MEAN;
}

static size_t worker_memory(uint32_t buckets)
{
	return lines(buckets * sizeof(uint32_t)) + lines(sizeof(struct cache_stats)) + LINE;
}

size_t cache_memory(const struct cache_options *options, unsigned workers)
{
	uint32_t buckets = buckets_for(options);
	return CACHE_BUCKET_SIZE + (size_t)buckets * sizeof(struct cache_bucket) +
	       workers * worker_memory(buckets);
}

struct cache *cache_create(void *memory, const struct cache_options *options, unsigned workers,
			   uint32_t number, uint64_t seed)
{
	struct cache *cache = memory;
	uint8_t *at = memory;
	cache->options = *options;
	cache->seed = seed;
	cache->number = number;
	cache->n_buckets = buckets_for(options);
	cache->n_workers = workers;
	at += CACHE_BUCKET_SIZE;
	cache->buckets = (struct cache_bucket *)at;
	at += cache->n_buckets * sizeof(struct cache_bucket);
	for (unsigned i = 0; i < workers; i++) {
		cache->touched[i] = (uint32_t *)at;
		at += lines(cache->n_buckets * sizeof(uint32_t));
		cache->stats[i] = (struct cache_stats *)at;
		at += lines(sizeof(struct cache_stats)) + LINE;
	}
	return cache;
}

const struct cache_options *cache_options_of(const struct cache *cache)
{
	return &cache->options;
}

uint32_t cache_number(const struct cache *cache)
{
	return cache->number;
}

struct cache_stats *cache_stats_of(struct cache *cache, unsigned worker)
{
	return cache->stats[worker];
}

uint64_t cache_capacity(const struct cache *cache)
{
	return (uint64_t)cache->n_buckets * CACHE_WAYS;
}

struct cache_stats cache_stats_sum(const struct cache *cache)
{
	struct cache_stats sum = {0};
	uint64_t *to = &sum.hits;
	for (unsigned i = 0; i < cache->n_workers; i++)
		for (size_t cell = 0; cell < CACHE_STATS_COUNT; cell++)
			to[cell] += __atomic_load_n(&cache->stats[i]->hits + cell,
						    __ATOMIC_RELAXED);
	return sum;
}

uint64_t cache_count(const struct cache *cache)
{
	struct cache_stats sum = cache_stats_sum(cache);
	return sum.inserts > sum.removals ? sum.inserts - sum.removals : 0;
}

static inline void count(uint64_t *cell)
{
	__atomic_store_n(cell, *cell + 1, __ATOMIC_RELAXED);
}

bool cache_key_of(const struct cache *cache, struct cache_key *key, const uint8_t *query,
		  size_t length, size_t question_end, uint8_t flags)
{
	key->cache = cache->number;
	return cache_key_make(key, &cache->options.key, cache->seed, query, length, question_end,
			      flags);
}

void cache_key_hash_for(const struct cache *cache, struct cache_key *key, const uint8_t *name,
			size_t name_length)
{
	key->hash = cache_key_hash(key, cache->seed, name, name_length);
}

bool cache_key_share_for(const struct cache *cache, struct cache_key *key, const uint8_t *name,
			 size_t name_length)
{
	if (cache_key_hash(key, cache->seed, name, name_length) != key->hash)
		return false;
	cache_key_share(key);
	cache_key_hash_for(cache, key, name, name_length);
	return true;
}

/* ---- entries ---- */

static uint8_t tag_of(uint64_t hash)
{
	return (uint8_t)(hash & 0xff ? hash & 0xff : 1);
}

static uint32_t bucket_number(const struct cache *cache, uint64_t hash)
{
	return (uint32_t)((hash >> 32) * cache->n_buckets >> 32);
}

/* Bits 16 to 47: neither all of the tag's nor all of the bucket's. */
static uint32_t hash_of(uint64_t hash)
{
	return (uint32_t)(hash >> 16);
}

/* Ways whose tag it is, as bits. */
#ifdef __SSE2__
static inline uint32_t ways_of(const struct cache_bucket *bucket, uint8_t tag)
{
	static_assert(CACHE_WAYS == 24, "two overlapping vectors");
	__m128i wanted = _mm_set1_epi8((char)tag);
	__m128i low = _mm_loadu_si128((const void *)bucket->tags);
	__m128i high = _mm_loadu_si128((const void *)(bucket->tags + 8));
	return (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(low, wanted)) |
	       ((uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(high, wanted)) & 0xff00) << 8;
}
#else
static inline uint32_t ways_of(const struct cache_bucket *bucket, uint8_t tag)
{
	uint32_t ways = 0;
	for (unsigned way = 0; way < CACHE_WAYS; way++)
		ways |= (uint32_t)(bucket->tags[way] == tag) << way;
	return ways;
}
#endif

/* Where the parts of an entry stand. Reading without a lock, nothing that it says is believed. */
struct parts {
	const uint8_t *tail, *places, *message;
};

static size_t entry_size(size_t tail_length, size_t n_places, size_t length)
{
	return sizeof(struct entry) + cache_key_padded(tail_length) + 2u * n_places + length;
}

static inline bool parts_of(const struct cache_bucket *bucket, unsigned way, struct entry *entry,
			    struct parts *parts)
{
	size_t at = (size_t)bucket->at[way] * UNIT;
	if (at > BUCKET_DATA - sizeof(*entry))
		return false;
	memcpy(entry, bucket->data + at, sizeof(*entry));
	if (entry_size(entry->tail_length, entry->n_places, entry->length) > BUCKET_DATA - at ||
	    entry->n_places > CACHE_TTLS_MAX || entry->tail_length > CACHE_KEY_TAIL ||
	    entry->length > CACHE_ENTRY_MAX ||
	    entry->length < DNS_HEADER_SIZE + DNS_QUESTION_FIXED)
		return false;
	parts->tail = bucket->data + at + sizeof(*entry);
	parts->places = parts->tail + cache_key_padded(entry->tail_length);
	parts->message = parts->places + 2u * entry->n_places;
	return true;
}

static inline bool key_equals(const struct entry *entry, const struct parts *parts,
			      const struct cache_key *key, const uint8_t *name, size_t name_length)
{
	return entry->tail_length == key->tail_length &&
	       cache_key_same(key, entry->head, parts->tail) &&
	       entry->length >= DNS_HEADER_SIZE + DNS_QUESTION_FIXED + name_length &&
	       dns_name_same(parts->message + DNS_HEADER_SIZE, name, name_length);
}

/* ---- looking up ---- */

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

/* The way that has the key, or -1; another one with its hash counts as `collision`. */
static inline int way_find(const struct cache_bucket *bucket, const struct cache_key *key,
			   const uint8_t *name, size_t name_length, struct entry *entry,
			   struct parts *parts, bool *collision)
{
	uint32_t ways = ways_of(bucket, tag_of(key->hash));
	for (; ways != 0; ways &= ways - 1) {
		unsigned way = (unsigned)__builtin_ctz(ways);
		if (!parts_of(bucket, way, entry, parts) || entry->hash != hash_of(key->hash))
			continue;
		if (likely(key_equals(entry, parts, key, name, name_length)))
			return (int)way;
		*collision = true;
	}
	return -1;
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

static void touch(const struct cache_lookup *lookup, unsigned worker, unsigned way)
{
	uint32_t *touched = &lookup->cache->touched[worker][lookup->number];
	uint32_t ways = __atomic_load_n(touched, __ATOMIC_RELAXED);
	if ((ways & 1u << way) == 0)
		__atomic_store_n(touched, ways | 1u << way, __ATOMIC_RELAXED);
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
	bool found_one = way >= 0 && fits(query, &entry) && ages(&entry, now, stale, found);
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

/* ---- writing ---- */

static bool write_begin(struct cache_bucket *bucket)
{
	uint32_t version = __atomic_load_n(&bucket->version, __ATOMIC_RELAXED);
	if ((version & 1) != 0 ||
	    !__atomic_compare_exchange_n(&bucket->version, &version, version + 1, false,
					 __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
		return false;
	/* Nobody sees what is written from here on without the odd version. */
	__atomic_thread_fence(__ATOMIC_RELEASE);
	return true;
}

static void write_end(struct cache_bucket *bucket)
{
	__atomic_store_n(&bucket->version, bucket->version + 1, __ATOMIC_RELEASE);
}

static uint32_t touched_by_any(const struct cache *cache, uint32_t number)
{
	uint32_t ways = 0;
	for (unsigned i = 0; i < cache->n_workers; i++)
		ways |= __atomic_load_n(&cache->touched[i][number], __ATOMIC_RELAXED);
	return ways;
}

/* The owner may set a bit at the same moment; then one of them is lost, which costs nothing. */
static void untouch(struct cache *cache, uint32_t number, unsigned way)
{
	for (unsigned i = 0; i < cache->n_workers; i++) {
		uint32_t *touched = &cache->touched[i][number];
		uint32_t ways = __atomic_load_n(touched, __ATOMIC_RELAXED);
		if ((ways & 1u << way) != 0)
			__atomic_store_n(touched, ways & ~(1u << way), __ATOMIC_RELAXED);
	}
}

static const struct entry *entry_at(const struct cache_bucket *bucket, unsigned way)
{
	return (const struct entry *)(const void *)(bucket->data + bucket->at[way] * UNIT);
}

/* Takes out what is in a way, and closes the gap in the data. */
static void way_remove(struct cache_bucket *bucket, unsigned way)
{
	unsigned at = bucket->at[way], size = entry_at(bucket, way)->size, end = at + size;
	memmove(bucket->data + at * UNIT, bucket->data + end * UNIT, (bucket->used - end) * UNIT);
	for (unsigned i = 0; i < CACHE_WAYS; i++)
		if (bucket->at[i] > at)
			bucket->at[i] = (uint8_t)(bucket->at[i] - size);
	bucket->used = (uint8_t)(bucket->used - size);
	bucket->tags[way] = 0;
	bucket->at[way] = 0;
	bucket->count--;
	if (bucket->hand > at)
		bucket->hand = (uint8_t)(bucket->hand - size);
}

/* The way before which the hand stands; of a bucket that is not empty. */
static unsigned way_at_hand(struct cache_bucket *bucket)
{
	if (bucket->hand >= bucket->used)
		bucket->hand = 0;
	unsigned way = 0;
	while (way < CACHE_WAYS - 1 &&
	       (bucket->tags[way] == 0 || bucket->at[way] != bucket->hand))
		way++;
	return way;
}

/* Moves the hand to what goes next, and takes it out. */
static void evict(struct cache *cache, struct cache_bucket *bucket, uint32_t number, uint32_t now)
{
	uint32_t touched = touched_by_any(cache, number);
	for (;;) {
		unsigned way = way_at_hand(bucket);
		bool expired = (int32_t)(now - entry_at(bucket, way)->expires) >= 0;
		if (expired || (touched & 1u << way) == 0) {
			way_remove(bucket, way);
			return;
		}
		touched &= ~(1u << way);
		untouch(cache, number, way);
		bucket->hand = (uint8_t)(bucket->hand + entry_at(bucket, way)->size);
	}
}

static void append(struct cache_bucket *bucket, unsigned way, const struct entry *entry,
		   const struct cache_key *key, const uint8_t *message,
		   const struct cache_places *places)
{
	uint8_t *to = bucket->data + bucket->used * UNIT;
	memcpy(to, entry, sizeof(*entry));
	to += sizeof(*entry);
	memcpy(to, key->tail, cache_key_padded(key->tail_length));
	to += cache_key_padded(key->tail_length);
	memcpy(to, places->at, 2u * places->count);
	to += 2u * places->count;
	memcpy(to, message, entry->length);
	bucket->tags[way] = tag_of(key->hash);
	bucket->at[way] = bucket->used;
	bucket->count++;
	bucket->used = (uint8_t)(bucket->used + entry->size);
}

static unsigned way_free(const struct cache_bucket *bucket)
{
	return (unsigned)__builtin_ctz(ways_of(bucket, 0));
}

/* Whether the message has the question that the key stands for. */
static bool key_fits(const struct cache *cache, const struct cache_key *key,
		     const uint8_t *message, size_t length, struct dns_question *question)
{
	return key->cache == cache->number &&
	       dns_question_parse(message, length, question) == DNS_OK &&
	       cache_key_hash(key, cache->seed, message + DNS_HEADER_SIZE,
			      question->qname_length) == key->hash;
}

bool cache_insert(struct cache *cache, const struct cache_key *key, const uint8_t *message,
		  size_t length, const struct cache_places *places, uint32_t now, uint32_t seconds,
		  unsigned worker)
{
	struct cache_stats *stats = cache->stats[worker];
	struct dns_question question;
	size_t size = entry_size(key->tail_length, places->count, length);
	if (length > cache->options.entry_max || length > CACHE_ENTRY_MAX || size > BUCKET_DATA) {
		count(&stats->too_large);
		return false;
	}
	if (!key_fits(cache, key, message, length, &question)) {
		count(&stats->unfit);
		return false;
	}
	struct entry entry = {
		.hash = hash_of(key->hash),
		.inserted = now,
		.expires = now + seconds,
		.size = (uint16_t)((size + UNIT - 1) / UNIT),
		.length = (uint16_t)length,
		.n_places = places->count,
		.tail_length = key->tail_length,
	};
	memcpy(entry.head, key->head, CACHE_KEY_HEAD);

	uint32_t number = bucket_number(cache, key->hash);
	struct cache_bucket *bucket = &cache->buckets[number];
	if (!write_begin(bucket)) {
		count(&stats->deferred_inserts);
		return false;
	}
	bool collision = false;
	struct entry other;
	struct parts parts;
	int before = way_find(bucket, key, message + DNS_HEADER_SIZE, question.qname_length, &other,
			      &parts, &collision);
	if (before >= 0) {
		way_remove(bucket, (unsigned)before);
		count(&stats->removals);
	}
	while (bucket->count == CACHE_WAYS || bucket->used + entry.size > BUCKET_DATA / UNIT) {
		evict(cache, bucket, number, now);
		count(&stats->evictions);
		count(&stats->removals);
	}
	unsigned way = way_free(bucket);
	untouch(cache, number, way);
	append(bucket, way, &entry, key, message, places);
	write_end(bucket);
	if (before >= 0) { /* it is no name that is asked but once */
		struct cache_lookup lookup = {.cache = cache, .bucket = bucket, .number = number};
		touch(&lookup, worker, way);
	}
	count(&stats->inserts);
	return true;
}

/* ---- all of it ---- */

static void view_of(const struct cache_bucket *bucket, unsigned way, struct cache_key *key,
		    struct cache_view *view)
{
	struct entry entry;
	struct parts parts = {0};
	parts_of(bucket, way, &entry, &parts);
	memcpy(key->head, entry.head, sizeof(key->head));
	key->tail_length = entry.tail_length;
	memcpy(key->tail, parts.tail, cache_key_padded(entry.tail_length));
	*view = (struct cache_view){
		.message = parts.message,
		.length = entry.length,
		.key = key,
		.inserted = entry.inserted,
		.expires = entry.expires,
	};
}

static uint64_t bucket_walk(struct cache *cache, struct cache_bucket *bucket,
			    cache_walk_fn *visit, void *context)
{
	struct cache_key key = {.cache = cache->number};
	struct cache_view view;
	uint64_t removed = 0;
	for (unsigned way = 0; way < CACHE_WAYS; way++) {
		if (bucket->tags[way] == 0)
			continue;
		view_of(bucket, way, &key, &view);
		if (visit(context, &view)) {
			way_remove(bucket, way);
			removed++;
		}
	}
	return removed;
}

uint64_t cache_walk(struct cache *cache, cache_walk_fn *visit, void *context, unsigned worker)
{
	uint64_t removed = 0;
	for (uint32_t i = 0; i < cache->n_buckets; i++) {
		struct cache_bucket *bucket = &cache->buckets[i];
		if (bucket->count == 0)
			continue;
		unsigned spins = 0;
		while (!write_begin(bucket) && ++spins < SPINS_MAX)
			;
		if (spins == SPINS_MAX)
			continue;
		removed += bucket_walk(cache, bucket, visit, context);
		write_end(bucket);
	}
	struct cache_stats *stats = cache->stats[worker];
	__atomic_store_n(&stats->removals, stats->removals + removed, __ATOMIC_RELAXED);
	return removed;
}
