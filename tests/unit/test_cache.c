/* SPDX-License-Identifier: BSD-2-Clause */
/* The packet cache: what is the same, what goes first. What may be kept: test_cache_answer.c. */
#include "tests/unit/cache_lab.h"
#include "tests/unit/unit.h"

#include <pthread.h>

START_TEST(a_response_is_found_again)
{
	struct message query = query_of("www.example.com", DNS_TYPE_A);
	struct message response = answer_to(&query, 300);
	ck_assert(!get(&query));
	ck_assert(put_at(&query, &response, NOW));
	ck_assert(get(&query));
	ck_assert_uint_eq(found.length, response.length);
	ck_assert_mem_eq(answer.bytes, response.bytes, response.length);
	ck_assert_uint_eq(cache_count(cache), 1);
	ck_assert_uint_eq(cache_stats_of(cache, 0)->hits, 1);
	ck_assert_uint_eq(cache_stats_of(cache, 0)->misses, 1);
}
END_TEST

START_TEST(id_case_and_skipped_options_make_no_difference)
{
	struct message query = query_of("www.example.com", DNS_TYPE_A);
	option_add(&query, DNS_OPTION_COOKIE, "12345678");
	struct message response = answer_to(&query, 300);
	ck_assert(put_at(&query, &response, NOW));
	struct message other = query_of("WWW.Example.COM", DNS_TYPE_A);
	option_add(&other, DNS_OPTION_COOKIE, "abcdefgh");
	other.bytes[0] = 99;
	ck_assert(get(&other));
}
END_TEST

/* Each of these may get another answer. */
START_TEST(everything_else_does)
{
	struct message query = query_of("www.example.com", DNS_TYPE_A), other;
	struct message response = answer_to(&query, 300);
	ck_assert(put_at(&query, &response, NOW));
	other = query_of("www.example.com", DNS_TYPE_AAAA);
	ck_assert(!get(&other));
	other = query_of("www.example.org", DNS_TYPE_A);
	ck_assert(!get(&other));
	other = query;
	dns_u16_store(other.bytes + other.question_end - 2, DNS_CLASS_CHAOS);
	ck_assert(!get(&other));
	other = query;
	other.bytes[2] ^= 1; /* RD */
	ck_assert(!get(&other));
	other = query;
	other.bytes[3] ^= 0x10; /* CD */
	ck_assert(!get(&other));
	other = query;
	opt_add(&other, 1232, false);
	ck_assert(!get(&other));
	opt_add(&query, 1232, true);
	ck_assert(put_at(&query, &response, NOW));
	ck_assert(get(&query));
	ck_assert(!get(&other));
	option_add(&query, DNS_OPTION_ECS, "subnet");
	ck_assert(!get(&query));

	struct cache_key key;
	query = query_of("www.example.com", DNS_TYPE_A);
	ck_assert(cache_key_of(cache, &key, query.bytes, query.length, query.question_end, CACHE_KEY_TCP));
	ck_assert(!get_by(&query, &key, NOW, 0));
}
END_TEST

/* What a server is told of the client is part of the question; an answer for all is found by all. */
START_TEST(subnets_are_told_apart)
{
	static const uint8_t near[] = {0, 1, 24, 0, 192, 0, 2}, far[] = {0, 1, 24, 0, 198, 51, 100};
	struct message query = query_of("www.example.com", DNS_TYPE_A);
	struct message response = answer_to(&query, 300);
	const uint8_t *name = query.bytes + DNS_HEADER_SIZE;
	size_t size = name_length(&query), length;
	struct cache_key plain = key_of(&query), ours = plain, theirs = plain, all = plain;
	ck_assert(cache_key_subnet_add(&ours, near, sizeof(near)));
	ck_assert(cache_key_subnet_add(&theirs, far, sizeof(far)));
	cache_key_hash_for(cache, &ours, name, size);
	cache_key_hash_for(cache, &theirs, name, size);
	ck_assert_ptr_null(cache_key_subnet(&plain, &length));
	ck_assert_mem_eq(cache_key_subnet(&ours, &length), near, sizeof(near));
	ck_assert_uint_eq(length, sizeof(near));

	ck_assert(put_by(&ours, &response, NOW));
	ck_assert(get_by(&query, &ours, NOW, 0));
	ck_assert(!get_by(&query, &theirs, NOW, 0));
	ck_assert(!get_by(&query, &plain, NOW, 0));
	ck_assert_uint_eq(cache_stats_of(cache, 0)->misses, 2);

	/* The key of what is for all is the same, whoever asked; no other name's becomes one. */
	all.head[CACHE_KEY_HEAD - 1] |= CACHE_KEY_SHARED;
	cache_key_hash_for(cache, &all, name, size);
	ck_assert(!get_by(&query, &all, NOW, 0));
	ck_assert_uint_eq(cache_stats_of(cache, 0)->misses, 2);
	ck_assert(!cache_key_share_for(cache, &ours, (const uint8_t *)"\1x", 3));
	ck_assert(cache_key_share_for(cache, &ours, name, size));
	ck_assert(put_by(&ours, &response, NOW));
	ck_assert(get_by(&query, &all, NOW, 0));
	ck_assert(!get_by(&query, &plain, NOW, 0));
	ck_assert(!get_by(&query, &theirs, NOW, 0));
	ck_assert(cache_key_share_for(cache, &theirs, name, size));
	ck_assert(get_by(&query, &theirs, NOW, 0));

	plain.tail_length = CACHE_KEY_TAIL - sizeof(near);
	ck_assert(!cache_key_subnet_add(&plain, near, sizeof(near)));
}
END_TEST

/* Of a subnet that is replaced before servers see it nothing counts but that there was one. */
START_TEST(replaced_subnets_do_not_count)
{
	struct message one = query_of("www.example.com", DNS_TYPE_A), other = one, bare = one;
	struct message response = answer_to(&one, 300);
	struct cache_key keys[3];
	opt_add(&one, 1232, false);
	other = bare = one;
	option_add(&one, DNS_OPTION_ECS, "subnet");
	option_add(&other, DNS_OPTION_ECS, "another");
	struct message *const queries[] = {&one, &other, &bare};
	for (unsigned i = 0; i < 3; i++)
		ck_assert(cache_key_of(cache, &keys[i], queries[i]->bytes, queries[i]->length,
				       queries[i]->question_end, CACHE_KEY_REPLACED));
	ck_assert(put_by(&keys[0], &response, NOW));
	ck_assert(get_by(&other, &keys[1], NOW, 0));
	ck_assert(!get_by(&bare, &keys[2], NOW, 0));
	ck_assert(!get(&one));
}
END_TEST

/* A hash that two queries share must not be enough. */
START_TEST(equal_hashes_are_told_apart)
{
	struct message query = query_of("www.example.com", DNS_TYPE_A);
	struct message other = query_of("www.example.com", DNS_TYPE_AAAA);
	struct message response = answer_to(&query, 300);
	ck_assert(put_at(&query, &response, NOW));
	struct cache_key key = key_of(&other);
	key.hash = key_of(&query).hash;
	ck_assert(!get_by(&other, &key, NOW, 0));
	ck_assert_uint_eq(cache_stats_of(cache, 0)->lookup_collisions, 1);
	other = query_of("wwx.example.com", DNS_TYPE_A);
	key = key_of(&other);
	key.hash = key_of(&query).hash;
	ck_assert(!get_by(&other, &key, NOW, 0));
}
END_TEST

START_TEST(queries_without_a_key)
{
	struct cache_key key;
	struct message query = query_of("www.example.com", DNS_TYPE_A);
	char text[CACHE_KEY_TAIL + 1];
	memset(text, 'x', sizeof(text));
	text[CACHE_KEY_TAIL] = 0;
	option_add(&query, 65001, text);
	ck_assert(!cache_key_of(cache, &key, query.bytes, query.length, query.question_end, 0));
	query = query_of("www.example.com", DNS_TYPE_A);
	option_add(&query, DNS_OPTION_COOKIE, "12345678");
	query.bytes[query.length - 9]++; /* the option runs over the end of the OPT */
	ck_assert(!cache_key_of(cache, &key, query.bytes, query.length, query.question_end, 0));
}
END_TEST

START_TEST(udp_sizes_are_ranked)
{
	struct cache_options options = defaults;
	options.key.n_ranks = 2;
	options.key.ranks[0] = 512;
	options.key.ranks[1] = 1232;
	struct cache *plain = cache;
	cache = cache_make(&options);
	struct message query = query_of("www.example.com", DNS_TYPE_A), other = query;
	struct message response = answer_to(&query, 300);
	opt_add(&query, 1232, false);
	opt_add(&other, 4096, false);
	ck_assert(put_at(&query, &response, NOW));
	ck_assert(get(&other));
	other = query_of("www.example.com", DNS_TYPE_A);
	opt_add(&other, 1231, false);
	ck_assert(!get(&other));
	for (uint16_t size = 510; size < 512; size++) { /* below all ranks each is its own */
		other = query_of("www.example.com", DNS_TYPE_A);
		opt_add(&other, size, false);
		ck_assert(!get(&other));
		ck_assert(put_at(&other, &response, NOW));
	}
	free(cache);
	cache = plain;
}
END_TEST

START_TEST(responses_end_and_may_be_stale)
{
	struct message query = query_of("www.example.com", DNS_TYPE_A);
	struct message response = answer_to(&query, 300);
	ck_assert(put_at(&query, &response, NOW));
	ck_assert(get_at(&query, NOW + 299, 0));
	ck_assert_uint_eq(found.age, 299);
	ck_assert_uint_eq(found.expired, 0);
	ck_assert_uint_eq(dns_u32_load(answer.bytes + query.question_end + 6), 1);
	ck_assert(!get_at(&query, NOW + 300, 0));
	ck_assert(get_at(&query, NOW + 300, 10));
	ck_assert_uint_eq(found.expired, 1);
	ck_assert_uint_eq(dns_u32_load(answer.bytes + query.question_end + 6), 60);
	ck_assert(!get_at(&query, NOW + 310, 10));
}
END_TEST

/* Its ID and the case of its name are the client's; where there is no room, it is a miss. */
START_TEST(the_query_keeps_what_is_its_own)
{
	struct message query = query_of("www.example.com", DNS_TYPE_A);
	struct message response = answer_to(&query, 300), other = query_of("WwW.eXample.com", DNS_TYPE_A);
	struct cache_lookup lookup;
	struct cache_key key = key_of(&other);
	ck_assert(put_at(&query, &response, NOW));
	dns_u16_store(other.bytes, 0x4321);
	ck_assert(get(&other));
	ck_assert_uint_eq(dns_u16_load(answer.bytes), 0x4321);
	ck_assert_mem_eq(answer.bytes + 2, response.bytes + 2, 10);
	ck_assert_mem_eq(answer.bytes + 12, other.bytes + 12, other.question_end - 12);
	ck_assert_mem_eq(answer.bytes + query.question_end, response.bytes + query.question_end,
			 response.length - query.question_end);
	struct cache_query small = {
		.message = other.bytes,
		.length = other.length,
		.room = response.length + CACHE_SLACK - 1,
		.name_length = name_length(&other),
	};
	cache_lookup_open(&lookup, cache, &key, 0);
	const struct cache_stats *stats = cache_stats_of(cache, 0);
	uint64_t misses = stats->misses;
	small.again = true;
	ck_assert(!cache_lookup_answer(&lookup, &key, &small, NOW, 0, 0, &found));
	ck_assert(found.narrow);
	ck_assert_uint_eq(stats->misses, misses);
	small.again = false;
	ck_assert(!cache_lookup_answer(&lookup, &key, &small, NOW, 0, 0, &found));
	ck_assert(found.narrow);
	ck_assert_uint_eq(stats->misses, misses + 1);
	small.room++;
	ck_assert(cache_lookup_answer(&lookup, &key, &small, NOW, 0, 0, &found));
	ck_assert(!found.narrow);
}
END_TEST

/* As they are read while somebody writes: places that lead elsewhere than to records change nothing. */
START_TEST(places_elsewhere_are_passed_over)
{
	struct message query = query_of("www.example.com", DNS_TYPE_A);
	struct message response = answer_to(&query, 300), before = response;
	const uint16_t wrong[] = {0, 11, 12, (uint16_t)(response.question_end - 1),
				  (uint16_t)(response.length - 3), 65535};
	const uint16_t right = (uint16_t)(query.question_end + 6);
	cache_answer_age(response.bytes, query.question_end, response.length,
			 (const uint8_t *)wrong, 6, 10);
	cache_answer_ttl_set(response.bytes, query.question_end, response.length,
			     (const uint8_t *)wrong, 6, 10);
	ck_assert_mem_eq(response.bytes, before.bytes, response.length);
	cache_answer_age(response.bytes, query.question_end, response.length,
			 (const uint8_t *)&right, 1, 10);
	ck_assert_uint_eq(dns_u32_load(response.bytes + right), 290);
}
END_TEST

START_TEST(the_newer_response_takes_the_place)
{
	struct message query = query_of("www.example.com", DNS_TYPE_A);
	struct message first = answer_to(&query, 300), second = answer_to(&query, 100);
	ck_assert(put_at(&query, &first, NOW));
	ck_assert(put_at(&query, &second, NOW + 1));
	ck_assert_uint_eq(cache_count(cache), 1);
	ck_assert(get(&query));
	ck_assert_mem_eq(answer.bytes, second.bytes, second.length);
}
END_TEST

/* ---- all of it ---- */

static bool is_even(void *context, const struct cache_view *view)
{
	uint64_t *seen = context;
	(*seen)++;
	return view->message[DNS_HEADER_SIZE + view->message[DNS_HEADER_SIZE]] % 2 == 0;
}

START_TEST(some_are_taken_out)
{
	uint64_t seen = 0;
	for (int i = 0; i < 1000; i++) {
		char name[64];
		snprintf(name, sizeof(name), "%d.example.com", i);
		struct message query = query_of(name, DNS_TYPE_A);
		struct message response = answer_to(&query, 300);
		ck_assert(put_at(&query, &response, NOW));
	}
	ck_assert_uint_eq(cache_walk(cache, is_even, &seen, 2), 500);
	ck_assert_uint_eq(seen, 1000);
	ck_assert_uint_eq(cache_count(cache), 500);
	for (int i = 0; i < 1000; i++) {
		char name[64];
		snprintf(name, sizeof(name), "%d.example.com", i);
		struct message query = query_of(name, DNS_TYPE_A);
		ck_assert_int_eq(get(&query), i % 2);
	}
}
END_TEST

/* ---- while others write ---- */

#define RACE_NAMES 64
#define RACE_TURNS 60000

/* All bytes of a record say which of them it is. */
static struct message race_response(const struct message *query, uint8_t mark)
{
	struct message response = response_to(query);
	uint8_t data[200];
	memset(data, mark, sizeof(data));
	record_add(&response, DNS_SECTION_ANSWER, DNS_TYPE_TXT, 300, data,
		   (uint16_t)(50 + mark % 150));
	return response;
}

static void *race_write(void *stop)
{
	struct message queries[RACE_NAMES];
	for (int i = 0; i < RACE_NAMES; i++) {
		char name[64];
		snprintf(name, sizeof(name), "%d.example.com", i);
		queries[i] = query_of(name, DNS_TYPE_A);
	}
	for (unsigned turn = 0; !__atomic_load_n((bool *)stop, __ATOMIC_RELAXED); turn++) {
		const struct message *query = &queries[turn % RACE_NAMES];
		struct message response = race_response(query, (uint8_t)(turn / RACE_NAMES));
		put_at(query, &response, NOW);
	}
	return NULL;
}

START_TEST(readers_never_see_half_a_response)
{
	static struct message became;
	struct cache_found seen;
	struct cache_options options = defaults;
	options.entries = 24; /* one bucket, always full */
	free(cache);
	cache = cache_make(&options);
	bool stop = false;
	pthread_t writer;
	ck_assert_int_eq(pthread_create(&writer, NULL, race_write, &stop), 0);
	unsigned hits = 0;
	for (unsigned turn = 0; turn < RACE_TURNS || hits == 0; turn++) {
		char name[64];
		snprintf(name, sizeof(name), "%u.example.com", turn % RACE_NAMES);
		struct message query = query_of(name, DNS_TYPE_A);
		struct cache_key key = key_of(&query);
		struct cache_lookup lookup;
		cache_lookup_open(&lookup, cache, &key, 1);
		if (!ask(&lookup, &query, &key, NOW, 0, 1, &became, &seen))
			continue;
		uint8_t mark = became.bytes[seen.length - 1];
		struct message expected = race_response(&query, mark);
		hits++;
		if (seen.length != expected.length ||
		    memcmp(became.bytes, expected.bytes, seen.length) != 0)
			ck_abort_msg("a response of two halves");
	}
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	pthread_join(writer, NULL);
}
END_TEST

Suite *suite(void);
Suite *suite(void)
{
	Suite *made = suite_create("cache");
	TCase *tests = tcase_create("cache");
	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, a_response_is_found_again);
	tcase_add_test(tests, the_query_keeps_what_is_its_own);
	tcase_add_test(tests, places_elsewhere_are_passed_over);
	tcase_add_test(tests, id_case_and_skipped_options_make_no_difference);
	tcase_add_test(tests, everything_else_does);
	tcase_add_test(tests, subnets_are_told_apart);
	tcase_add_test(tests, replaced_subnets_do_not_count);
	tcase_add_test(tests, equal_hashes_are_told_apart);
	tcase_add_test(tests, queries_without_a_key);
	tcase_add_test(tests, udp_sizes_are_ranked);
	tcase_add_test(tests, responses_end_and_may_be_stale);
	tcase_add_test(tests, the_newer_response_takes_the_place);
	tcase_add_test(tests, some_are_taken_out);
	tcase_add_test(tests, readers_never_see_half_a_response);
	suite_add_tcase(made, tests);
	return made;
}

UNIT_MAIN(suite)
