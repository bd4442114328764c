/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How a name index lies in memory, for the two files that build it and read it.
 *
 * Records, one behind the other in the order in which they were added: value, length, flags, name
 * in lower case, padded to 4 bytes. Buckets, a cache line each: 8 tags (32 bits of the hash) and
 * the positions of 8 records. A name is in the bucket that its hash says, or behind it if that one
 * is full; at 3 names a bucket on average one in a hundred is, so a miss reads one line a candidate.
 *
 * The hash of a name is made from its end on, so that one pass over a name gives the hashes of all its
 * suffixes, each by one step more, and none waits for another's.
 */
#ifndef SLUICE_DATAPLANE_RULES_NAME_INDEX_PARTS_H
#define SLUICE_DATAPLANE_RULES_NAME_INDEX_PARTS_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __SSE4_1__
#include <smmintrin.h>
#endif

#include "dataplane/dns/name.h"
#include "dataplane/rules/name_index.h"

#define NAME_BUCKET_SLOTS 8u
#define NAME_BUCKET_LOAD 3u /* names a bucket when the index is built */
#define NAME_CHUNK 16u	    /* bytes of a name that are read at a time */
#define NAME_RECORD_UNIT 4u /* positions count these */

struct name_bucket {
	uint32_t tags[NAME_BUCKET_SLOTS];
	uint32_t at[NAME_BUCKET_SLOTS]; /* position of the record; 0: free, and so are all behind */
} __attribute__((aligned(64)));

static_assert(sizeof(struct name_bucket) == 64, "a bucket is a cache line");

struct name_record {
	uint32_t value;
	uint8_t length;
	uint8_t flags;
	uint8_t name[];
};

static_assert(offsetof(struct name_record, name) == 6, "records are packed without a gap");

/* Anonymous memory, in huge pages where the system gives them. */
struct name_memory {
	uint8_t *bytes;
	size_t size; /* mapped */
};

struct name_index {
	uint64_t labels[2]; /* bit n: some entry has n labels */
	uint64_t secret[3];
	const struct name_bucket *buckets;
	const uint8_t *records;
	uint32_t n_buckets;
	uint8_t labels_least, labels_most; /* of an entry */
	/* what look-ups do not need */
	struct name_memory bucket_memory, record_memory;
	size_t records_end; /* bytes used */
	size_t count;
	size_t text;
};

static inline size_t name_record_size(size_t name_length)
{
	size_t size = offsetof(struct name_record, name) + name_length;
	return (size + NAME_RECORD_UNIT - 1) & ~(size_t)(NAME_RECORD_UNIT - 1);
}

static inline const struct name_record *name_record_at(const uint8_t *records, uint32_t at)
{
	return (const void *)(records + (size_t)at * NAME_RECORD_UNIT);
}

/*
 * A name whose suffixes are hashed. What a suffix has in common with the others is counted from the
 * end: whole chunks, one behind the other, whose states each suffix takes from here. No byte before
 * or behind the name is read.
 */
struct name_view {
	size_t length;
	uint64_t states[DNS_NAME_MAX / NAME_CHUNK + 1]; /* of so many chunks */
	uint8_t lower[DNS_NAME_MAX + NAME_CHUNK]; /* in lower case, zeros behind it */
};

/* Sixteen bytes in lower case, and as two words. */
static inline void name_chunk_lower(const uint8_t *from, uint8_t *to, uint64_t words[static 2])
{
#ifdef __SSE4_1__
	__m128i chunk = _mm_loadu_si128((const __m128i *)from);
	/* 'A' becomes the least of all numbers, so that one comparison finds capital letters. */
	__m128i from_a = _mm_add_epi8(chunk, _mm_set1_epi8((char)(INT8_MIN - 'A')));
	__m128i upper = _mm_cmplt_epi8(from_a, _mm_set1_epi8(INT8_MIN + 26));
	chunk = _mm_or_si128(chunk, _mm_and_si128(upper, _mm_set1_epi8('a' - 'A')));
	_mm_storeu_si128((__m128i *)to, chunk);
	words[0] = (uint64_t)_mm_cvtsi128_si64(chunk);
	words[1] = (uint64_t)_mm_extract_epi64(chunk, 1);
#else
	for (unsigned i = 0; i < 2; i++)
		words[i] = dns_word_fold(dns_word_load(from + 8 * i));
	memcpy(to, words, NAME_CHUNK);
#endif
}

/* A name that is shorter than a chunk. */
static inline void name_view_open_short(struct name_view *view, const uint8_t *name, size_t length)
{
	uint64_t words[2];
	uint8_t bytes[NAME_CHUNK] = {0};
	for (size_t i = 0; length < 8 && i < length; i++)
		bytes[i] = name[i];
	if (length >= 8) { /* some bytes twice */
		memcpy(bytes, name, 8);
		memcpy(bytes + length - 8, name + length - 8, 8);
	}
	name_chunk_lower(bytes, view->lower, words);
}

/* `length` is at least 1. */
static inline void name_view_open(struct name_view *view, const uint64_t secret[static 3],
				  const uint8_t *name, size_t length)
{
	uint64_t words[2], state = secret[0], *next = view->states;
	size_t at = length;
	view->length = length;
	*next++ = state;
	memset(view->lower + length, 0, NAME_CHUNK);
	if (length < NAME_CHUNK) {
		name_view_open_short(view, name, length);
		return;
	}
	for (; at > NAME_CHUNK; at -= NAME_CHUNK) {
		name_chunk_lower(name + at - NAME_CHUNK, view->lower + at - NAME_CHUNK, words);
		state = dns_hash_mix(state ^ words[0], secret[1] ^ words[1]);
		*next++ = state;
	}
	name_chunk_lower(name, view->lower, words);
}

/*
 * Hash of the suffix that begins at `offset`. Its first sixteen bytes overlap with the chunk behind
 * them, or with zeros, so that nothing has to be cut off; then the length tells apart what would be
 * alike.
 */
static inline uint64_t name_view_hash(const struct name_view *view, const uint64_t secret[static 3],
				      size_t offset)
{
	size_t length = view->length - offset;
	uint64_t state = view->states[(length - 1) / NAME_CHUNK];
	const uint8_t *first = view->lower + offset;
	return dns_hash_mix(state ^ dns_word_load(first), secret[2] ^ dns_word_load(first + 8)) +
	       length * UINT64_C(0x9e3779b97f4a7c15);
}

static inline uint32_t name_hash_tag(uint64_t hash)
{
	return (uint32_t)hash;
}

static inline uint32_t name_hash_bucket(uint64_t hash, uint32_t n_buckets)
{
	return (uint32_t)((hash >> 32) * n_buckets >> 32);
}

#endif
