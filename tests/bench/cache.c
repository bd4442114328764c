/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a look-up in the packet cache costs, and how its hit rate compares with that of an exact LRU
 * of as many responses: for names by Zipf's law alone, and under a flood of names asked once.
 *
 *   bench_cache [ENTRIES]    1,000,000 unless said otherwise
 */
#include "dataplane/serve/cache.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

#include "dataplane/dns/message.h"

#define BURST 64u
#define AHEAD 8u /* as LOOKUPS_AHEAD in dataplane/pipeline_cache.c */
#define LOOKUPS 4000000u
#define SIMULATED 24000u    /* responses: what is kept of */
#define SIMULATED_NAMES 240000u /* names that are asked by Zipf's law */
#define SIMULATED_ASKED 4000000u
#define NOW 1000u

static uint64_t state = 88172645463325252u;
static uint64_t draw(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

/* Ranks by Zipf's law with exponent 1: the sum of 1/r up to r is about ln r. */
static double *zipf_sums;
static uint32_t zipf_names;
static void zipf_make(uint32_t names)
{
	double sum = 0;
	zipf_names = names;
	zipf_sums = realloc(zipf_sums, names * sizeof(*zipf_sums));
	for (uint32_t i = 0; i < names; i++)
		zipf_sums[i] = sum += 1.0 / (i + 1);
}
static uint32_t zipf(void)
{
	double at = (double)(draw() >> 11) * 0x1p-53 * zipf_sums[zipf_names - 1];
	uint32_t low = 0, high = zipf_names - 1;
	while (low < high) {
		uint32_t middle = (low + high) / 2;
		if (zipf_sums[middle] < at)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* ---- messages ---- */

struct query {
	uint8_t bytes[128]; /* its answer has room, too */
	uint16_t length, name_length;
};

static void query_make(struct query *query, uint64_t number)
{
	char name[48];
	snprintf(name, sizeof(name), "www.%llx.example.com",
		 (unsigned long long)(number * 0x9e3779b97f4a7c15u));
	memset(query, 0, sizeof(*query));
	query->bytes[2] = 1;
	query->bytes[5] = 1;
	uint8_t wire[DNS_NAME_MAX];
	query->name_length = (uint16_t)dns_name_parse(name, strlen(name), wire);
	memcpy(query->bytes + 12, wire, query->name_length);
	query->bytes[13 + query->name_length] = DNS_TYPE_A;
	query->bytes[15 + query->name_length] = DNS_CLASS_IN;
	query->length = (uint16_t)(16 + query->name_length);
}

static size_t response_make(uint8_t *response, const struct query *query)
{
	static const uint8_t record[] = {0xc0, 12, 0, 1, 0, 1, 0, 0, 1, 44, 0, 4, 192, 0, 2, 1};
	memcpy(response, query->bytes, query->length);
	response[2] |= 0x80;
	response[7] = 1;
	memcpy(response + query->length, record, sizeof(record));
	return query->length + sizeof(record);
}

static struct cache_options options_of(uint32_t entries)
{
	return (struct cache_options){.entries = entries,
				      .ttls = {.max = 86400, .negative = 3600, .failure = 60},
				      .entry_max = 4096};
}

static void *memory; /* of the cache that there is */

static size_t cache_size(uint32_t entries)
{
	struct cache_options options = options_of(entries);
	return (cache_memory(&options, 1) + (2u << 20) - 1) & ~(size_t)((2u << 20) - 1);
}

/* In huge pages if enough are free, as Sluice has it. */
static struct cache *cache_make(uint32_t entries)
{
	struct cache_options options = options_of(entries);
	int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE;
	size_t size = cache_size(entries);
	memory = mmap(NULL, size, PROT_READ | PROT_WRITE, flags | MAP_HUGETLB, -1, 0);
	if (memory == MAP_FAILED)
		memory = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, -1, 0);
	if (memory == MAP_FAILED)
		exit(1);
	return cache_create(memory, &options, 1, 1, 42);
}

static void cache_unmake(uint32_t entries)
{
	munmap(memory, cache_size(entries));
}

static void key_of(const struct cache *cache, struct cache_key *key, const struct query *query)
{
	cache_key_of(cache, key, query->bytes, query->length, query->length, 0);
}

/* As a worker does, in the query's own buffer. */
static bool answer(const struct cache_lookup *lookup, struct query *query,
		   const struct cache_key *key, uint32_t now)
{
	struct cache_query asked = {
		.message = query->bytes,
		.length = query->length,
		.room = sizeof(query->bytes),
		.name_length = query->name_length,
	};
	struct cache_found found;
	return cache_lookup_answer(lookup, key, &asked, now, 0, 0, &found);
}

static bool get(struct cache *cache, struct query *query, const struct cache_key *key)
{
	struct cache_lookup lookup;
	cache_lookup_open(&lookup, cache, key, 0);
	return answer(&lookup, query, key, NOW);
}

static void put(struct cache *cache, const struct query *query, const struct cache_key *key)
{
	uint8_t response[128];
	struct cache_places places;
	uint32_t seconds;
	size_t length = response_make(response, query);
	struct cache_ttls ttls = cache_options_of(cache)->ttls;
	if (cache_answer_check(response, length, DNS_TYPE_A, &ttls, UINT32_MAX, &places,
			       &seconds) != CACHE_FIT)
		exit(1);
	cache_insert(cache, key, response, length, &places, NOW, seconds, 0);
}

/* ---- an exact LRU, by number ---- */

struct lru {
	uint32_t capacity, count, newest, oldest;
	uint32_t *newer, *older; /* by number; UINT32_MAX ends the list */
	bool *in;
};

static void lru_unlink(struct lru *lru, uint32_t n)
{
	if (lru->newer[n] != UINT32_MAX)
		lru->older[lru->newer[n]] = lru->older[n];
	else
		lru->newest = lru->older[n];
	if (lru->older[n] != UINT32_MAX)
		lru->newer[lru->older[n]] = lru->newer[n];
	else
		lru->oldest = lru->newer[n];
	lru->in[n] = false;
	lru->count--;
}

static bool lru_ask(struct lru *lru, uint32_t n)
{
	bool hit = lru->in[n];
	if (hit)
		lru_unlink(lru, n);
	else if (lru->count == lru->capacity)
		lru_unlink(lru, lru->oldest);
	lru->older[n] = lru->newest;
	lru->newer[n] = UINT32_MAX;
	if (lru->newest != UINT32_MAX)
		lru->newer[lru->newest] = n;
	else
		lru->oldest = n;
	lru->newest = n;
	lru->in[n] = true;
	lru->count++;
	return hit;
}

/* Of what is asked by Zipf's law; `flood` of 100 queries ask for a name that nobody asks again. */
static void simulate(unsigned flood)
{
	uint32_t names = SIMULATED_NAMES + SIMULATED_ASKED;
	struct cache *cache = cache_make(SIMULATED);
	struct lru lru = {.capacity = (uint32_t)cache_capacity(cache),
			  .newest = UINT32_MAX,
			  .oldest = UINT32_MAX,
			  .newer = calloc(names, 4),
			  .older = calloc(names, 4),
			  .in = calloc(names, 1)};
	uint64_t asked = 0, hits = 0, lru_hits = 0;
	for (uint32_t i = 0; i < SIMULATED_ASKED; i++) {
		bool random = draw() % 100 < flood;
		uint32_t name = random ? SIMULATED_NAMES + i : zipf();
		struct query query;
		struct cache_key key;
		query_make(&query, name);
		key_of(cache, &key, &query);
		bool hit = get(cache, &query, &key);
		if (!hit)
			put(cache, &query, &key);
		bool lru_hit = lru_ask(&lru, name);
		if (!random && i > SIMULATED_ASKED / 4) {
			asked++;
			hits += hit;
			lru_hits += lru_hit;
		}
	}
	printf("{\"bench\": \"cache_hit_rate\", \"flood_percent\": %u, \"hit_rate\": %.4f, "
	       "\"lru\": %.4f, \"points_above_lru\": %.2f}\n",
	       flood, (double)hits / (double)asked, (double)lru_hits / (double)asked,
	       100 * ((double)hits - (double)lru_hits) / (double)asked);
	free(lru.newer);
	free(lru.older);
	free(lru.in);
	cache_unmake(SIMULATED);
}

/* ---- speed ---- */

static double seconds(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Bursts as workers have them: keys, then buckets, then responses. `which` draws the names. */
static void lookups(struct cache *cache, const char *mix, uint32_t names, bool by_zipf, bool aged)
{
	struct query *queries = malloc(LOOKUPS / 16 * sizeof(*queries));
	struct cache_key keys[BURST];
	struct cache_lookup open[BURST];
	uint64_t hits = 0;
	double spent = 0;
	for (unsigned part = 0; part < 16; part++) {
		unsigned total = LOOKUPS / 16 / BURST * BURST;
		for (unsigned i = 0; i < total; i++)
			query_make(&queries[i], by_zipf ? zipf() : draw() % names);
		double start = seconds();
		for (unsigned i = 0; i < total; i += BURST) {
			for (unsigned j = 0; j < BURST; j++) {
				key_of(cache, &keys[j], &queries[i + j]);
				cache_lookup_open(&open[j], cache, &keys[j], 0);
			}
			for (unsigned j = 0; j < AHEAD; j++)
				cache_lookup_prefetch(&open[j], &keys[j]);
			for (unsigned j = 0; j < BURST; j++) {
				if (j + AHEAD < BURST)
					cache_lookup_prefetch(&open[j + AHEAD], &keys[j + AHEAD]);
				hits += answer(&open[j], &queries[i + j], &keys[j], NOW + aged);
			}
		}
		spent += seconds() - start;
	}
	printf("{\"bench\": \"cache_lookup\", \"mix\": \"%s\", \"entries\": %llu, "
	       "\"hit_rate\": %.3f, \"ns\": %.1f}\n",
	       mix, (unsigned long long)cache_count(cache),
	       (double)hits / (LOOKUPS / 16 / BURST * BURST * 16), spent * 1e9 / LOOKUPS);
	free(queries);
}

int main(int argc, char **argv)
{
	uint32_t entries = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 1000000;
	struct cache *cache = cache_make(entries);
	double start = seconds();
	for (uint32_t i = entries; i-- > 0;) { /* what is asked most comes last, and stays */
		struct query query;
		struct cache_key key;
		query_make(&query, i);
		key_of(cache, &key, &query);
		put(cache, &query, &key);
	}
	struct cache_options options = options_of(entries);
	printf("{\"bench\": \"cache_fill\", \"entries\": %u, \"kept\": %llu, \"ns\": %.1f, "
	       "\"bytes_each\": %.0f}\n",
	       entries, (unsigned long long)cache_count(cache), (seconds() - start) * 1e9 / entries,
	       (double)cache_memory(&options, 1) / entries);
	zipf_make(entries);
	lookups(cache, "zipf", entries, true, true);
	lookups(cache, "uniform", entries, false, true);
	cache_unmake(entries);
	zipf_make(SIMULATED_NAMES);
	simulate(0);
	simulate(50);
	simulate(90);
	free(zipf_sums);
	return 0;
}
