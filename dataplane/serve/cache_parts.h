/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of the packet cache share: how it lies in memory, and how an entry is found there. */
#ifndef SLUICE_DATAPLANE_SERVE_CACHE_PARTS_H
#define SLUICE_DATAPLANE_SERVE_CACHE_PARTS_H

#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif
#include <rte_branch_prediction.h>

#include "dataplane/dns/message.h"
#include "dataplane/serve/cache.h"

#define LINE 64u
#define BUCKET_DATA (CACHE_BUCKET_SIZE - LINE)
#define UNIT LINE /* entries begin at multiples of it: short ones are in two lines, not three */

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

static inline void count(uint64_t *cell)
{
	__atomic_store_n(cell, *cell + 1, __ATOMIC_RELAXED);
}

static inline uint8_t tag_of(uint64_t hash)
{
	return (uint8_t)(hash & 0xff ? hash & 0xff : 1);
}

static inline uint32_t bucket_number(const struct cache *cache, uint64_t hash)
{
	return (uint32_t)((hash >> 32) * cache->n_buckets >> 32);
}

/* Bits 16 to 47: neither all of the tag's nor all of the bucket's. */
static inline uint32_t hash_of(uint64_t hash)
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

static inline size_t entry_size(size_t tail_length, size_t n_places, size_t length)
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

/* Notes that the worker hit it. */
static inline void touch(const struct cache_lookup *lookup, unsigned worker, unsigned way)
{
	uint32_t *touched = &lookup->cache->touched[worker][lookup->number];
	uint32_t ways = __atomic_load_n(touched, __ATOMIC_RELAXED);
	if ((ways & 1u << way) == 0)
		__atomic_store_n(touched, ways | 1u << way, __ATOMIC_RELAXED);
}

#endif
