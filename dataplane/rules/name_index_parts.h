/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How a name index lies in memory, for the two files that build it and read it.
 *
 * Records, one behind the other in the order in which they were added: value, length, flags, name
 * in lower case, padded to 4 bytes. Buckets, a cache line each: 8 tags (32 bits of the hash) and
 * the positions of 8 records. A name is in the bucket that its hash says, or behind it if that one
 * is full; at 3 names a bucket on average one in a hundred is, so a miss reads one line a candidate.
 *
 * The hash of a name is made label by label from the root, so that one pass over a name gives the
 * hashes of all its suffixes.
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
#define NAME_CHUNK 16u	     /* bytes of a name that are read at a time */
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

/* Hash of the root, from which all others start. */
static inline uint64_t name_hash_root(const uint64_t secret[static 3])
{
	return dns_hash_mix(secret[0], secret[2]);
}

/*
 * A name that is read sixteen bytes at a time, and never past its end: what is nearer to that is
 * read from a copy with zeros behind.
 */
struct name_view {
	const uint8_t *name;
	size_t length;	/* at least 1 */
	size_t tail_at; /* where in the name the copy begins */
	uint8_t tail[2 * NAME_CHUNK];
};

static inline void name_view_open(struct name_view *view, const uint8_t *name, size_t length)
{
	view->name = name;
	view->length = length;
	view->tail_at = length > NAME_CHUNK ? length - NAME_CHUNK : 0;
	memset(view->tail, 0, sizeof(view->tail));
	if (length >= NAME_CHUNK)
		memcpy(view->tail, name + view->tail_at, NAME_CHUNK);
	else
		memcpy(view->tail, name, length);
}

static inline const uint8_t *name_view_chunk(const struct name_view *view, size_t at)
{
	return at + NAME_CHUNK <= view->length ? view->name + at : view->tail + (at - view->tail_at);
}

/* The first `count` of sixteen bytes in lower case, as two words; the others are 0. */
static inline void name_chunk_words(const uint8_t *bytes, size_t count, uint64_t words[static 2])
{
	static const uint8_t masks[2 * NAME_CHUNK] = {255, 255, 255, 255, 255, 255, 255, 255,
						      255, 255, 255, 255, 255, 255, 255, 255};
#ifdef __SSE4_1__
	const __m128i before_a = _mm_set1_epi8('A' - 1), behind_z = _mm_set1_epi8('Z' + 1);
	__m128i chunk = _mm_loadu_si128((const __m128i *)bytes);
	__m128i mask = _mm_loadu_si128((const __m128i *)(masks + NAME_CHUNK - count));
	__m128i upper = _mm_and_si128(_mm_cmpgt_epi8(chunk, before_a),
				      _mm_cmplt_epi8(chunk, behind_z));
	chunk = _mm_or_si128(chunk, _mm_and_si128(upper, _mm_set1_epi8('a' - 'A')));
	chunk = _mm_and_si128(chunk, mask);
	words[0] = (uint64_t)_mm_cvtsi128_si64(chunk);
	words[1] = (uint64_t)_mm_extract_epi64(chunk, 1);
#else
	const uint8_t *mask = masks + NAME_CHUNK - count;
	for (unsigned i = 0; i < 2; i++)
		words[i] = dns_word_fold(dns_word_load(bytes + 8 * i)) & dns_word_load(mask + 8 * i);
#endif
}

/* Hash of so many whole chunks of a long label, not inlined: few labels are long. */
static __attribute__((noinline)) uint64_t
name_hash_chunks(const uint64_t secret[static 3], const struct name_view *view, size_t at,
		 size_t count)
{
	uint64_t words[2], hash = secret[0];
	for (; count > 0; count--, at += NAME_CHUNK) {
		name_chunk_words(name_view_chunk(view, at), NAME_CHUNK, words);
		hash = dns_hash_mix(hash ^ words[0], secret[1] ^ words[1]);
	}
	return hash;
}

/*
 * Hash of the label at `at`. Nearly all have up to 15 bytes, which take one multiplication and no
 * branch: their lengths, ten of a name, are not to be guessed.
 */
static inline uint64_t name_hash_label(const uint64_t secret[static 3],
				       const struct name_view *view, size_t at)
{
	uint64_t words[2], hash = secret[0];
	size_t left = view->name[at] + 1u;
	if (left > NAME_CHUNK) {
		size_t count = (left - 1) / NAME_CHUNK;
		hash = name_hash_chunks(secret, view, at, count);
		at += count * NAME_CHUNK;
		left -= count * NAME_CHUNK;
	}
	name_chunk_words(name_view_chunk(view, at), left, words);
	return dns_hash_mix(hash ^ words[0], secret[1] ^ words[1]);
}

/* Hash of the suffix that starts with this label, given that of the suffix behind it. */
static inline uint64_t name_hash_join(const uint64_t secret[static 3], uint64_t behind,
				      uint64_t label)
{
	return dns_hash_mix(behind ^ label, secret[2]);
}

/* Likewise, with the label at `at`. */
static inline uint64_t name_hash_step(const uint64_t secret[static 3], uint64_t behind,
				      const struct name_view *view, size_t at)
{
	return name_hash_join(secret, behind, name_hash_label(secret, view, at));
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
