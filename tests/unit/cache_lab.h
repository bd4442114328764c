/* SPDX-License-Identifier: BSD-2-Clause */
/* A packet cache to ask, and messages to ask it with. */
#ifndef SLUICE_TESTS_CACHE_LAB_H
#define SLUICE_TESTS_CACHE_LAB_H

#include <stdio.h>
#include <stdlib.h>

#include "dataplane/dns/edns.h"
#include "dataplane/serve/cache.h"
#include "tests/unit/unit.h"

#define NOW 1000u
#define WORKERS 3u

struct message {
	uint8_t bytes[8192];
	size_t length;
	size_t question_end;
};

static struct cache *cache;
static struct cache_found found;
static struct message answer; /* what the last query became that had one */
static const struct cache_options defaults = {
	.entries = 4800,
	.ttls = {.max = 86400, .negative = 3600, .failure = 60},
	.stale_ttl = 60,
	.entry_max = 4096,
	.key = {.n_skip = 2, .skip = {DNS_OPTION_COOKIE, DNS_OPTION_PADDING}},
};

static inline struct cache *cache_make(const struct cache_options *options)
{
	size_t size = cache_memory(options, WORKERS);
	size = (size + CACHE_BUCKET_SIZE - 1) / CACHE_BUCKET_SIZE * CACHE_BUCKET_SIZE;
	void *memory = aligned_alloc(CACHE_BUCKET_SIZE, size);
	memset(memory, 0, size);
	return cache_create(memory, options, WORKERS, 1, 42);
}

static inline void setup(void)
{
	cache = cache_make(&defaults);
}

static inline void teardown(void)
{
	free(cache);
}

/* ---- messages ---- */

static inline struct message query_of(const char *name, uint16_t qtype)
{
	struct message query = {0};
	uint8_t *at = query.bytes;
	dns_u16_store(at, 0x1234);
	dns_u16_store(at + 2, DNS_FLAG_RD);
	dns_u16_store(at + 4, 1);
	int name_length = dns_name_parse(name, strlen(name), at + 12);
	ck_assert_int_gt(name_length, 0);
	dns_u16_store(at + 12 + name_length, qtype);
	dns_u16_store(at + 14 + name_length, DNS_CLASS_IN);
	query.length = query.question_end = 16 + (size_t)name_length;
	return query;
}

static inline void opt_add(struct message *message, uint16_t udp_size, bool dnssec)
{
	int length = dns_edns_add(message->bytes, message->length, sizeof(message->bytes), udp_size,
				  dnssec);
	ck_assert_int_gt(length, 0);
	message->length = (size_t)length;
}

static inline void option_add(struct message *message, uint16_t code, const char *data)
{
	int length = dns_option_set(message->bytes, message->length, sizeof(message->bytes), code,
				    (const uint8_t *)data, strlen(data), 1232);
	ck_assert_int_gt(length, 0);
	message->length = (size_t)length;
}

/* Appends a record owned by the question's name. */
static inline void record_add(struct message *message, enum dns_section section, uint16_t type,
		       uint32_t ttl, const void *data, uint16_t size)
{
	uint8_t *at = message->bytes + message->length;
	dns_u16_store(at, 0xc00c);
	dns_u16_store(at + 2, type);
	dns_u16_store(at + 4, DNS_CLASS_IN);
	dns_u32_store(at + 6, ttl);
	dns_u16_store(at + 10, size);
	memcpy(at + 12, data, size);
	message->length += 12u + size;
	dns_count_store(message->bytes, section,
			(uint16_t)(dns_count_load(message->bytes, section) + 1));
}

static inline struct message response_to(const struct message *query)
{
	struct message response = *query;
	response.length = query->question_end;
	dns_counts_store(response.bytes, 1, 0, 0, 0);
	dns_u16_store(response.bytes + 2, DNS_FLAG_QR | DNS_FLAG_RD | DNS_FLAG_RA);
	return response;
}

static inline struct message answer_to(const struct message *query, uint32_t ttl)
{
	struct message response = response_to(query);
	record_add(&response, DNS_SECTION_ANSWER, DNS_TYPE_A, ttl, "\xc0\0\2\1", 4);
	return response;
}

/* ---- with the cache ---- */

static inline struct cache_key key_of(const struct message *query)
{
	struct cache_key key;
	ck_assert(cache_key_of(cache, &key, query->bytes, query->length, query->question_end,
			       0));
	return key;
}

static inline size_t name_length(const struct message *message)
{
	return message->question_end - DNS_HEADER_SIZE - DNS_QUESTION_FIXED;
}

static inline bool put_by(const struct cache_key *key, const struct message *response, uint32_t now)
{
	struct cache_places places;
	uint32_t seconds;
	uint16_t qtype = dns_u16_load(response->bytes + response->question_end - 4);
	if (cache_answer_check(response->bytes, response->length, qtype,
			       &cache_options_of(cache)->ttls, UINT32_MAX, &places,
			       &seconds) != CACHE_FIT)
		return false;
	return cache_insert(cache, key, response->bytes, response->length, &places, now, seconds,
			    0);
}

static inline bool put_at(const struct message *query, const struct message *response, uint32_t now)
{
	struct cache_key key = key_of(query);
	return put_by(&key, response, now);
}

/* A copy of the query becomes its answer, or stays what it is. */
static inline bool ask(const struct cache_lookup *lookup, const struct message *query,
		const struct cache_key *key, uint32_t now, uint32_t stale, unsigned worker,
		struct message *to, struct cache_found *seen)
{
	*to = *query;
	struct cache_query asked = {
		.message = to->bytes,
		.length = query->length,
		.room = sizeof(to->bytes),
		.name_length = name_length(query),
	};
	bool hit = cache_lookup_answer(lookup, key, &asked, now, stale, worker, seen);
	if (hit)
		to->length = seen->length;
	else
		ck_assert_mem_eq(to->bytes, query->bytes, query->length);
	return hit;
}

static inline bool get_by(const struct message *query, const struct cache_key *key, uint32_t now,
		   uint32_t stale)
{
	struct cache_lookup lookup;
	cache_lookup_open(&lookup, cache, key, 0);
	cache_lookup_prefetch(&lookup, key);
	return ask(&lookup, query, key, now, stale, 0, &answer, &found);
}

static inline bool get_at(const struct message *query, uint32_t now, uint32_t stale)
{
	struct cache_key key = key_of(query);
	return get_by(query, &key, now, stale);
}

static inline bool get(const struct message *query)
{
	return get_at(query, NOW, 0);
}

#endif
