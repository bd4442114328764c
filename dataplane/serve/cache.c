/* SPDX-License-Identifier: BSD-2-Clause */
/* Its memory, what is put in and what goes. */
#include "dataplane/serve/cache_parts.h"

#define BUCKET_MEAN 16u /* of the ways: by chance some buckets get more than others */
#define SPINS_MAX 100000u /* of who has to write into each bucket */

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
