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
#define NAME_RECORDS_START NAME_CHUNK /* bytes that may be loaded before a name */

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

/*
 * Sixteen bytes of a name, in lower case. They are loaded from the name itself wherever a suffix
 * begins, as what was just written in other pieces is slow to load.
 */
#ifdef __SSE4_1__
typedef __m128i name_chunk;

/* Of what is in lower case already. */
static inline name_chunk name_chunk_take(const uint8_t *from)
{
	return _mm_loadu_si128((const __m128i *)from);
}

static inline name_chunk name_chunk_load(const uint8_t *from)
{
	__m128i chunk = name_chunk_take(from);
	/* 'A' becomes the least of all numbers, so that one comparison finds capital letters. */
	__m128i from_a = _mm_add_epi8(chunk, _mm_set1_epi8((char)(INT8_MIN - 'A')));
	__m128i upper = _mm_cmplt_epi8(from_a, _mm_set1_epi8(INT8_MIN + 26));
	return _mm_or_si128(chunk, _mm_and_si128(upper, _mm_set1_epi8('a' - 'A')));
}

/* Without its first bytes, and as many zeros at its end. */
static inline name_chunk name_chunk_skip(name_chunk chunk, size_t bytes)
{
	static const uint8_t from[2 * NAME_CHUNK] = {
		0,    1,    2,	  3,	4,    5,    6,	  7,	8,    9,    10,
		11,   12,   13,	  14,	15,   0x80, 0x80, 0x80, 0x80, 0x80, 0x80,
		0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80,
	};
	return _mm_shuffle_epi8(chunk, _mm_loadu_si128((const __m128i *)(from + bytes)));
}

static inline uint64_t name_chunk_hash(name_chunk chunk, uint64_t state, uint64_t secret)
{
	return hash_mix(state ^ (uint64_t)_mm_cvtsi128_si64(chunk),
			    secret ^ (uint64_t)_mm_extract_epi64(chunk, 1));
}

static inline bool name_chunk_same(name_chunk a, name_chunk b)
{
	return _mm_movemask_epi8(_mm_cmpeq_epi8(a, b)) == 0xffff;
}
#else
static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the first byte is the lowest");
__extension__ typedef unsigned __int128 name_chunk;

static inline name_chunk name_chunk_take(const uint8_t *from)
{
	return dns_word_load(from) | (name_chunk)dns_word_load(from + 8) << 64;
}

static inline name_chunk name_chunk_load(const uint8_t *from)
{
	return dns_word_fold(dns_word_load(from)) |
	       (name_chunk)dns_word_fold(dns_word_load(from + 8)) << 64;
}

static inline name_chunk name_chunk_skip(name_chunk chunk, size_t bytes)
{
	return chunk >> 8 * bytes;
}

static inline uint64_t name_chunk_hash(name_chunk chunk, uint64_t state, uint64_t secret)
{
	return hash_mix(state ^ (uint64_t)chunk, secret ^ (uint64_t)(chunk >> 64));
}

static inline bool name_chunk_same(name_chunk a, name_chunk b)
{
	return a == b;
}
#endif

/* So many bytes before the end of a name its first sixteen may be loaded. */
static inline size_t name_loaded(size_t length)
{
	return length < NAME_CHUNK ? NAME_CHUNK : length;
}

/*
 * The end of a name, with at least sixteen bytes that may be loaded before it: shorter ones are
 * copied to `room`. `length` is at least 1; no byte before or behind the name is read.
 */
static inline const uint8_t *name_end(const uint8_t *name, size_t length,
				      uint8_t room[static NAME_CHUNK])
{
	uint64_t word;
	uint8_t *end = room + NAME_CHUNK;
	if (length >= NAME_CHUNK)
		return name + length;
	if (length >= 8) { /* some bytes twice */
		memcpy(end - length, name, 8);
		memcpy(end - 8, name + length - 8, 8);
		return end;
	}
	for (word = 0; length > 0; length--, name++)
		word = word >> 8 | (uint64_t)*name << 56;
	memcpy(end - 8, &word, sizeof(word));
	return end;
}

/*
 * A name whose suffixes are hashed. What a suffix has in common with the others is counted from the
 * end: whole chunks, one behind the other, whose states each suffix takes from here.
 */
struct name_view {
	const uint8_t *end;
	uint64_t states[DNS_NAME_MAX / NAME_CHUNK + 1]; /* of so many chunks */
	uint8_t room[NAME_CHUNK];
};

/* `length` is at least 1. */
static inline void name_view_open(struct name_view *view, const uint64_t secret[static 3],
				  const uint8_t *name, size_t length)
{
	uint64_t state = secret[0], *next = view->states;
	const uint8_t *at = name_end(name, length, view->room);
	view->end = at;
	*next++ = state;
	for (; length > NAME_CHUNK; length -= NAME_CHUNK) {
		at -= NAME_CHUNK;
		state = name_chunk_hash(name_chunk_load(at), state, secret[1]);
		*next++ = state;
	}
}

/*
 * Hash of the suffix of this length. Its first sixteen bytes overlap with the chunk behind them, or
 * with zeros, so that nothing has to be cut off; the length then tells apart what would be alike,
 * which in one bucket is enough.
 */
static inline uint64_t name_view_hash(const struct name_view *view, uint64_t secret, size_t length)
{
	size_t loaded = name_loaded(length);
	name_chunk first = name_chunk_skip(name_chunk_load(view->end - loaded), loaded - length);
	return name_chunk_hash(first, view->states[(length - 1) / NAME_CHUNK], secret) + length;
}

/* Whether the record's name is this long and is what ends there, ignoring case. */
static inline bool name_record_same(const struct name_record *record, const uint8_t *end,
				    size_t length)
{
	if (record->length != length)
		return false;
	const uint8_t *at = record->name + length;
	size_t loaded = name_loaded(length);
	if (!name_chunk_same(name_chunk_skip(name_chunk_take(at - loaded), loaded - length),
			     name_chunk_skip(name_chunk_load(end - loaded), loaded - length)))
		return false;
	for (; length > NAME_CHUNK; length -= NAME_CHUNK) {
		at -= NAME_CHUNK;
		end -= NAME_CHUNK;
		if (!name_chunk_same(name_chunk_take(at), name_chunk_load(end)))
			return false;
	}
	return true;
}

static inline uint32_t name_hash_tag(uint64_t hash)
{
	return (uint32_t)hash;
}

static inline uint32_t name_hash_bucket(uint64_t hash, uint32_t n_buckets)
{
	__extension__ unsigned __int128 product = (unsigned __int128)hash * n_buckets;
	return (uint32_t)(product >> 64);
}

#endif
