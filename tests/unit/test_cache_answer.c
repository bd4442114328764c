/* SPDX-License-Identifier: BSD-2-Clause */
/* The packet cache: what may be kept, and for how long. */
#include "tests/unit/cache_lab.h"
#include "tests/unit/unit.h"

static const struct cache_ttls ttls = {.max = 1000, .min = 10, .negative = 100, .failure = 30};

static enum cache_fitness check(const struct message *response, uint32_t *seconds)
{
	struct cache_places places;
	return cache_answer_check(response->bytes, response->length, DNS_TYPE_A, &ttls, UINT32_MAX,
				  &places, seconds);
}

START_TEST(how_long_a_response_is_kept)
{
	struct message query = query_of("www.example.com", DNS_TYPE_A), response;
	uint32_t seconds;
	response = answer_to(&query, 300);
	record_add(&response, DNS_SECTION_ADDITIONAL, DNS_TYPE_A, 200, "abcd", 4);
	opt_add(&response, 1232, true); /* its "TTL" is none */
	ck_assert(check(&response, &seconds) == CACHE_FIT && seconds == 200);
	response = answer_to(&query, 5000);
	ck_assert(check(&response, &seconds) == CACHE_FIT && seconds == 1000);
	response = answer_to(&query, 9);
	ck_assert(check(&response, &seconds) == CACHE_TTL_SHORT);
	response = response_to(&query);
	ck_assert(check(&response, &seconds) == CACHE_UNFIT);
	record_add(&response, DNS_SECTION_AUTHORITY, DNS_TYPE_SOA, 900, "\0\0"
		   "abcdefghijklmnopqrst", 22);
	ck_assert(check(&response, &seconds) == CACHE_FIT && seconds == 100);
	response.bytes[3] |= DNS_RCODE_NXDOMAIN;
	ck_assert(check(&response, &seconds) == CACHE_FIT && seconds == 100);
	response = response_to(&query);
	response.bytes[3] |= DNS_RCODE_SERVFAIL;
	ck_assert(check(&response, &seconds) == CACHE_FIT && seconds == 30);
	struct cache_places places;
	ck_assert_int_eq(cache_answer_check(response.bytes, response.length, DNS_TYPE_A, &ttls, 0,
					    &places, &seconds), CACHE_UNFIT);
	ck_assert_int_eq(cache_answer_check(response.bytes, response.length, DNS_TYPE_A, &ttls,
					    UINT32_MAX - 1, &places, &seconds), CACHE_FIT);
	ck_assert_uint_eq(seconds, CACHE_SECONDS_MAX);
}
END_TEST

START_TEST(what_is_never_kept)
{
	struct message query = query_of("www.example.com", DNS_TYPE_A), response, good;
	uint32_t seconds;
	good = answer_to(&query, 300);
	opt_add(&good, 1232, false);
	record_add(&good, DNS_SECTION_ADDITIONAL, DNS_TYPE_A, 300, "abcd", 4);
	ck_assert_int_eq(check(&good, &seconds), CACHE_FIT); /* an OPT need not be last */
	for (unsigned section = 0; section < 4; section++)
		for (int by = -1; by <= 1; by += 2) {
			response = good;
			uint16_t count = dns_count_load(good.bytes, section);
			dns_count_store(response.bytes, section, (uint16_t)(count + by));
			ck_assert_int_eq(check(&response, &seconds), CACHE_UNFIT);
		}
	response = good;
	response.length++;
	ck_assert_int_eq(check(&response, &seconds), CACHE_UNFIT);
	for (size_t length = 0; length < good.length; length++) {
		response.length = length;
		ck_assert_int_eq(check(&response, &seconds), CACHE_UNFIT);
	}
	response = good;
	response.bytes[2] &= 0x7f; /* a query */
	ck_assert_int_eq(check(&response, &seconds), CACHE_UNFIT);
	response = good;
	response.bytes[2] |= 0x28; /* an UPDATE */
	ck_assert_int_eq(check(&response, &seconds), CACHE_UNFIT);
	response = query_of("www.example.com", DNS_TYPE_AAAA);
	response = answer_to(&response, 300);
	ck_assert_int_eq(check(&response, &seconds), CACHE_UNFIT);
	response = answer_to(&query, 300);
	record_add(&response, DNS_SECTION_ADDITIONAL, DNS_TYPE_TSIG, 0, "abcd", 4);
	ck_assert_int_eq(check(&response, &seconds), CACHE_UNFIT);
	response = answer_to(&query, 300);
	record_add(&response, DNS_SECTION_ANSWER, DNS_TYPE_OPT, 0, "", 0);
	ck_assert_int_eq(check(&response, &seconds), CACHE_UNFIT);
	query = query_of("example.com", DNS_TYPE_AXFR);
	response = answer_to(&query, 300);
	struct cache_places places;
	ck_assert_int_eq(cache_answer_check(response.bytes, response.length, DNS_TYPE_AXFR, &ttls,
					    UINT32_MAX, &places, &seconds), CACHE_UNFIT);
}
END_TEST

START_TEST(a_response_with_another_name_is_not_put_in)
{
	struct message query = query_of("www.example.com", DNS_TYPE_A);
	struct message other = query_of("wxw.example.com", DNS_TYPE_A);
	struct message response = answer_to(&other, 300);
	ck_assert(!put_at(&query, &response, NOW));
	ck_assert_uint_eq(cache_count(cache), 0);
	ck_assert_uint_eq(cache_stats_of(cache, 0)->unfit, 1);
	struct cache_key key = key_of(&other);
	struct cache_places places = {0};
	key.cache++;
	ck_assert(!cache_insert(cache, &key, response.bytes, response.length, &places, NOW, 60, 0));
}
END_TEST

START_TEST(addresses_are_shuffled)
{
	struct message query = query_of("www.example.com", DNS_TYPE_A);
	struct message response = response_to(&query), shuffled;
	uint8_t address[] = {192, 0, 2, 0};
	unsigned first[4] = {0};
	record_add(&response, DNS_SECTION_ANSWER, DNS_TYPE_TXT, 300, "\3abc", 4);
	for (; address[3] < 4; address[3]++)
		record_add(&response, DNS_SECTION_ANSWER, DNS_TYPE_A, 300, address, 4);
	for (; address[3] < 6; address[3]++) /* those stay where they are */
		record_add(&response, DNS_SECTION_ADDITIONAL, DNS_TYPE_A, 300, address, 4);
	size_t start = query.length + 16, data = start + 12;
	for (unsigned turn = 0; turn < 4000; turn++) {
		shuffled = response;
		cache_answer_shuffle(shuffled.bytes, shuffled.length, turn * 2654435761u);
		unsigned seen = 0;
		for (unsigned i = 0; i < 4; i++)
			seen |= 1u << shuffled.bytes[data + 16 * i + 3];
		ck_assert_uint_eq(seen, 15);
		first[shuffled.bytes[data + 3]]++;
		for (unsigned i = 0; i < 4; i++) /* nothing else changed */
			memcpy(shuffled.bytes + data + 16 * i, response.bytes + data + 16 * i, 4);
		ck_assert_mem_eq(shuffled.bytes, response.bytes, response.length);
	}
	for (unsigned i = 0; i < 4; i++)
		ck_assert(first[i] > 800 && first[i] < 1200);
	/* One record with another owner parts those before it from those behind. */
	dns_u16_store(response.bytes + start + 32, 0xc000 | 16);
	for (unsigned turn = 0; turn < 100; turn++) {
		shuffled = response;
		cache_answer_shuffle(shuffled.bytes, shuffled.length, turn * 2654435761u);
		ck_assert_uint_le(shuffled.bytes[data + 3], 1);
		ck_assert_uint_eq(shuffled.bytes[data + 35], 2);
		ck_assert_uint_eq(shuffled.bytes[data + 51], 3);
	}
}
END_TEST

START_TEST(long_responses)
{
	struct message query = query_of("www.example.com", DNS_TYPE_A), other;
	struct message response = response_to(&query);
	static const char text[250];
	while (response.length + 262 <= CACHE_ENTRY_MAX)
		record_add(&response, DNS_SECTION_ANSWER, DNS_TYPE_TXT, 300, text, 250);
	for (int i = 0; i < 2000; i++) { /* in every bucket */
		char name[64];
		snprintf(name, sizeof(name), "%d.example.com", i);
		other = query_of(name, DNS_TYPE_A);
		struct message long_one = response_to(&other);
		while (long_one.length + 262 <= CACHE_ENTRY_MAX)
			record_add(&long_one, DNS_SECTION_ANSWER, DNS_TYPE_TXT, 300, text, 250);
		ck_assert(put_at(&other, &long_one, NOW));
		ck_assert(get(&other));
		ck_assert_mem_eq(answer.bytes, long_one.bytes, long_one.length);
	}
	ck_assert(put_at(&query, &response, NOW));
	record_add(&response, DNS_SECTION_ANSWER, DNS_TYPE_TXT, 300, text, 250);
	ck_assert(!put_at(&query, &response, NOW));
	ck_assert_uint_eq(cache_stats_of(cache, 0)->too_large, 1);
	ck_assert_uint_le(cache_count(cache), 4800 / 16); /* one to a bucket */
}
END_TEST

Suite *suite(void);
Suite *suite(void)
{
	Suite *made = suite_create("cache_answer");
	TCase *tests = tcase_create("kept");
	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, how_long_a_response_is_kept);
	tcase_add_test(tests, what_is_never_kept);
	tcase_add_test(tests, a_response_with_another_name_is_not_put_in);
	tcase_add_test(tests, addresses_are_shuffled);
	tcase_add_test(tests, long_responses);
	suite_add_tcase(made, tests);
	return made;
}

UNIT_MAIN(suite)
