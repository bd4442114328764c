/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What makes two queries the same for the packet cache: header without ID, name in any case, type,
 * class, EDNS, the transport, and whether the client knows EDNS. The name is not copied: it stands in the query, and in its
 * response. Two queries whose answers could differ never have the same key.
 */
#ifndef SLUICE_DATAPLANE_SERVE_CACHE_KEY_H
#define SLUICE_DATAPLANE_SERVE_CACHE_KEY_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CACHE_KEY_HEAD 11u  /* ten bytes of the header, enum cache_key_flag */
#define CACHE_KEY_TAIL 104u /* what follows the name; queries with more are not cached */
#define CACHE_QUERY_REST 256u /* bytes behind the question; queries with more are not cached either */
#define CACHE_SKIP_MAX 16u
#define CACHE_RANKS_MAX 16u

enum cache_key_flag {
	CACHE_KEY_TCP = 1 << 0,
	CACHE_KEY_NO_EDNS = 1 << 1, /* the client sent none; the policy may have added it */
	CACHE_KEY_SUBNET = 1 << 2, /* the tail ends in the subnet that the server is told */
	CACHE_KEY_SHARED = 1 << 3, /* the server was told one, and answered for all */
	CACHE_KEY_REPLACED = 1 << 4, /* in place of the one that the client sent */
};

struct cache_key {
	uint64_t hash;
	uint32_t cache; /* number of the cache that it was made for: others may make it otherwise */
	uint8_t tail_length;
	uint8_t head[CACHE_KEY_HEAD];
	uint8_t tail[CACHE_KEY_TAIL]; /* and zero up to the next multiple of eight */
};

static_assert(CACHE_KEY_TAIL % 8 == 0 && CACHE_KEY_HEAD >= 8, "both are read by words");
static_assert(sizeof(struct cache_key) == 128, "packets and the in-flight table hold one");

/* Bytes that a tail of so many takes, as it is read by words. */
static inline size_t cache_key_padded(size_t length)
{
	return (length + 7) & ~(size_t)7;
}

/* What of a query is not part of the key. */
struct cache_key_rules {
	uint16_t n_skip; /* options that count by code and length alone */
	uint16_t n_ranks;
	uint16_t skip[CACHE_SKIP_MAX];
	uint16_t ranks[CACHE_RANKS_MAX]; /* ascending; UDP sizes count as the largest not above them, if any */
};

/*
 * Fills in all of the key but `cache`, for a query whose question ends at `question_end` and has
 * been parsed. False: it has no key, and must not be cached. Hot path.
 */
bool cache_key_make(struct cache_key *key, const struct cache_key_rules *rules, uint64_t seed,
		    const uint8_t *query, size_t length, size_t question_end, uint8_t flags);

/*
 * The key of the same query to a server that is told the client's subnet: the data of the option, at
 * most 255 bytes. The hash is not made anew. False: there is no room.
 */
bool cache_key_subnet_add(struct cache_key *key, const uint8_t *data, size_t length);

/* What was added so; NULL: nothing. */
const uint8_t *cache_key_subnet(const struct cache_key *key, size_t *length);

/* From the key with a subnet to that of an answer for all subnets; likewise. */
void cache_key_share(struct cache_key *key);

/* Whether these are its head and its tail; that has as many bytes as its own, padded. */
bool cache_key_same(const struct cache_key *key, const uint8_t *head, const uint8_t *tail);

/* The hash of head, tail and this name. */
uint64_t cache_key_hash(const struct cache_key *key, uint64_t seed, const uint8_t *name,
			size_t length);

#endif
