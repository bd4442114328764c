/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How a name index lies in memory, for the two files that build it and read it.
 *
 * Records, one behind the other in the order in which they were added: value, length, flags, name
 * in lower case, padded to 4 bytes. Buckets, a cache line each: 8 tags (32 bits of the hash) and
 * the positions of 8 records. A name is in the bucket that its hash says, or behind it if that one
 * is full; at 4 names a bucket on average few are, so a miss reads one line a candidate.
 *
 * The hash of a name is made label by label from the root, so that one pass over a name gives the
 * hashes of all its suffixes.
 */
#ifndef SLUICE_DATAPLANE_RULES_NAME_INDEX_PARTS_H
#define SLUICE_DATAPLANE_RULES_NAME_INDEX_PARTS_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/dns/name.h"
#include "dataplane/rules/name_index.h"

#define NAME_BUCKET_SLOTS 8u
#define NAME_BUCKET_LOAD 4u /* names a bucket when the index is built */
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
 * Eight bytes of a name from `at` on, or as many as there are before `length`; at < length.
 * The others are 0.
 */
static inline uint64_t name_word(const uint8_t *name, size_t at, size_t length)
{
	if (length >= 8) {
		size_t from = at + 8 <= length ? at : length - 8;
		return dns_word_load(name + from) >> 8 * (at - from);
	}
	uint64_t word = 0;
	for (size_t i = at; i < length; i++)
		word |= (uint64_t)name[i] << 8 * (i - at);
	return word;
}

/* Hash of the suffix that starts with the label at `at`, given that of the suffix behind it. */
static inline uint64_t name_hash_step(const uint64_t secret[static 3], uint64_t behind,
				      const uint8_t *name, size_t at, size_t length)
{
	size_t left = name[at] + 1u;
	uint64_t label = secret[0];
	for (; left > 8; at += 8, left -= 8)
		label = dns_hash_mix(label ^ dns_word_fold(name_word(name, at, length)), secret[1]);
	uint64_t word = dns_word_fold(name_word(name, at, length)) << (64 - 8 * left);
	label = dns_hash_mix(label ^ word, secret[1]);
	return dns_hash_mix(behind ^ label, secret[2]);
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
