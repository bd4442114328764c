/* SPDX-License-Identifier: BSD-2-Clause */
/* The client subnet option: what goes into a query, byte by byte, and what a response says of it. */
#include "tests/unit/unit.h"

#include <arpa/inet.h>
#include <errno.h>

#include "dataplane/dns/ecs.h"
#include "tests/unit/dns_samples.h"

#define CAPACITY 600u

static struct dns_ecs ecs_of(const char *address, uint8_t prefix)
{
	uint8_t bytes[16] = {0};
	bool ipv6 = strchr(address, ':') != NULL;
	struct dns_ecs ecs;
	ck_assert_int_eq(inet_pton(ipv6 ? AF_INET6 : AF_INET, address, bytes), 1);
	dns_ecs_make(&ecs, bytes, ipv6, prefix);
	return ecs;
}

/* In a buffer of exactly the capacity, so that what writes behind it is seen. */
static int put(struct sample *sample, const struct dns_ecs *ecs, size_t capacity)
{
	struct dns_question question;
	struct dns_edns edns;
	uint8_t *exact = malloc(capacity);
	memcpy(exact, sample->bytes, sample->length);
	ck_assert_int_eq(dns_question_parse(exact, sample->length, &question), DNS_OK);
	ck_assert_int_eq(dns_edns_find(exact, sample->length, question.end, &edns), DNS_OK);
	int length = dns_ecs_put(exact, sample->length, capacity, question.end, &edns, ecs, 1232);
	memcpy(sample->bytes, exact, length < 0 ? sample->length : (size_t)length);
	if (length > 0)
		sample->length = (size_t)length;
	free(exact);
	return length;
}

/* The message is what it was up to `start`, but for the counts, and then this. */
static void ends_in(const struct sample *sample, size_t start, const void *bytes, size_t length)
{
	ck_assert_uint_eq(sample->length, start + length);
	ck_assert_mem_eq(sample->bytes + start, bytes, length);
}
#define ENDS_IN(sample, start, text) ends_in(sample, start, text, sizeof(text) - 1)

/* As dnspython writes them. */
START_TEST(adds_an_opt)
{
	static const struct {
		const char *address;
		uint8_t prefix;
		const char *opt;
		size_t length;
	} cases[] = {
#define CASE(address, prefix, opt) {address, prefix, opt, sizeof(opt) - 1}
		CASE("192.0.2.77", 24,
		     "\0\0\x29\4\xd0\0\0\0\0\0\x0b\0\x08\0\7\0\1\x18\0\xc0\0\2"),
		CASE("203.0.113.213", 21,
		     "\0\0\x29\4\xd0\0\0\0\0\0\x0b\0\x08\0\7\0\1\x15\0\xcb\0\x70"),
		CASE("2001:db8:1:ff7f::1", 56,
		     "\0\0\x29\4\xd0\0\0\0\0\0\x0f\0\x08\0\x0b\0\2\x38\0\x20\1\x0d\xb8\0\1\xff"),
		CASE("2001:db8::1", 0, "\0\0\x29\4\xd0\0\0\0\0\0\x08\0\x08\0\4\0\2\0\0"),
		CASE("198.51.100.9", 200,
		     "\0\0\x29\4\xd0\0\0\0\0\0\x0c\0\x08\0\x08\0\1\x20\0\xc6\x33\x64\x09"),
#undef CASE
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct dns_ecs ecs = ecs_of(cases[i].address, cases[i].prefix);
		struct sample sample;
		sample_query(&sample, "example.com", DNS_TYPE_A, false, false);
		size_t start = sample.length;
		ck_assert_int_eq(put(&sample, &ecs, CAPACITY), (int)(start + cases[i].length));
		ends_in(&sample, start, cases[i].opt, cases[i].length);
		ck_assert_uint_eq(dns_count_load(sample.bytes, DNS_SECTION_ADDITIONAL), 1);
	}
}
END_TEST

START_TEST(adds_to_an_opt)
{
	struct dns_ecs ecs = ecs_of("192.0.2.77", 24);
	struct sample sample;
	sample_query(&sample, "example.com", DNS_TYPE_A, true, true);
	size_t start = sample.length;
	int length = dns_option_set(sample.bytes, start, CAPACITY, DNS_OPTION_COOKIE,
				    (const uint8_t *)"cookie!!", 8, 0);
	sample.length = (size_t)length;
	ck_assert_int_eq(put(&sample, &ecs, CAPACITY), (int)start + 12 + 11);
	ENDS_IN(&sample, start - 2, "\0\x17\0\x0a\0\x08"
				    "cookie!!\0\x08\0\7\0\1\x18\0\xc0\0\2");
	ck_assert_uint_eq(dns_u16_load(sample.bytes + start - 8), 4096);
	ck_assert_uint_eq(dns_count_load(sample.bytes, DNS_SECTION_ADDITIONAL), 1);
}
END_TEST

START_TEST(replaces_what_was_sent)
{
	static const uint8_t longer[] = {0, 1, 32, 0, 9, 9, 9, 9};
	struct dns_ecs sent = ecs_of("9.9.9.9", 24), ecs = ecs_of("192.0.2.77", 24);
	struct sample sample;
	sample_query(&sample, "example.com", DNS_TYPE_A, true, false);
	size_t start = sample.length;
	put(&sample, &sent, CAPACITY);
	ck_assert_int_eq(put(&sample, &ecs, sample.length), (int)start + 11);
	ENDS_IN(&sample, start - 2, "\0\x0b\0\x08\0\7\0\1\x18\0\xc0\0\2");
	/* One of another length, and two of them. */
	sample.length = (size_t)dns_option_set(sample.bytes, sample.length, CAPACITY, DNS_OPTION_ECS,
					       longer, sizeof(longer), 0);
	ck_assert_int_eq(put(&sample, &ecs, CAPACITY), (int)start + 11);
	ENDS_IN(&sample, start - 2, "\0\x0b\0\x08\0\7\0\1\x18\0\xc0\0\2");
	sample_bytes(&sample, sent.wire, sent.length);
	dns_u16_store(sample.bytes + start - 2, 22);
	ck_assert_int_eq(put(&sample, &ecs, CAPACITY), (int)start + 11);
	ENDS_IN(&sample, start - 2, "\0\x0b\0\x08\0\7\0\1\x18\0\xc0\0\2");
}
END_TEST

START_TEST(leaves_what_stands_around_it)
{
	struct dns_ecs ecs = ecs_of("192.0.2.77", 24);
	struct sample sample;
	sample_query(&sample, "example.com", DNS_TYPE_A, false, false);
	size_t start = sample.length;
	sample_bytes(&sample, "more", 4);
	ck_assert_int_eq(put(&sample, &ecs, CAPACITY), (int)start + 22 + 4);
	ENDS_IN(&sample, start,
		"\0\0\x29\4\xd0\0\0\0\0\0\x0b\0\x08\0\7\0\1\x18\0\xc0\0\2more");
	/* An OPT that a record follows. */
	sample_query(&sample, "example.com", DNS_TYPE_A, true, false);
	start = sample.length;
	sample_pointer(&sample, DNS_HEADER_SIZE);
	sample_fixed(&sample, DNS_TYPE_A, 60, 4);
	sample_u32(&sample, 0xc0000201);
	dns_count_store(sample.bytes, DNS_SECTION_ADDITIONAL, 2);
	ck_assert_int_eq(put(&sample, &ecs, CAPACITY), (int)start + 11 + 16);
	ENDS_IN(&sample, start - 2, "\0\x0b\0\x08\0\7\0\1\x18\0\xc0\0\2"
				    "\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\xc0\0\2\1");
}
END_TEST

START_TEST(refuses_without_a_change)
{
	struct dns_ecs ecs = ecs_of("2001:db8::1", 128);
	for (int opt = 0; opt < 2; opt++) {
		struct sample sample;
		sample_query(&sample, "example.com", DNS_TYPE_A, opt, false);
		struct sample before = sample;
		size_t need = sample.length + ecs.length + (opt ? 0 : DNS_OPT_SIZE);
		for (size_t capacity = sample.length; capacity < need; capacity++)
			ck_assert_int_eq(put(&sample, &ecs, capacity), -ENOSPC);
		ck_assert_mem_eq(sample.bytes, before.bytes, before.length);
		ck_assert_int_eq(put(&sample, &ecs, need), (int)need);
	}
	/* An option that runs over the end of the OPT. */
	struct sample sample;
	sample_query(&sample, "example.com", DNS_TYPE_A, true, false);
	sample_bytes(&sample, "\0\x0a\0\x09"
			      "short", 9);
	dns_u16_store(sample.bytes + sample.length - 11, 9);
	ck_assert_int_eq(put(&sample, &ecs, CAPACITY), -EBADMSG);
}
END_TEST

static bool for_all(const struct dns_ecs *sent, const void *said, size_t length)
{
	struct sample sample;
	sample_query(&sample, "example.com", DNS_TYPE_A, true, false);
	sample.length = (size_t)dns_option_set(sample.bytes, sample.length, CAPACITY, DNS_OPTION_ECS,
					       said, length, 0);
	return dns_ecs_is_for_all(sample.bytes, sample.length, dns_ecs_data(sent),
				  dns_ecs_data_length(sent));
}

START_TEST(reads_what_is_for_all)
{
	struct dns_ecs ecs = ecs_of("192.0.2.77", 24);
	struct sample sample;
	ck_assert(for_all(&ecs, "\0\1\x18\0\xc0\0\2", 7));
	ck_assert(!for_all(&ecs, "\0\1\x18\x18\xc0\0\2", 7)); /* another scope */
	ck_assert(!for_all(&ecs, "\0\1\x18\0\xc0\0\3", 7));   /* another subnet */
	ck_assert(!for_all(&ecs, "\0\1\x18\0\xc0\0", 6));
	ck_assert(!for_all(&ecs, "", 0));
	sample_query(&sample, "example.com", DNS_TYPE_A, true, false);
	ck_assert(!dns_ecs_is_for_all(sample.bytes, sample.length, dns_ecs_data(&ecs), 7));
	sample_query(&sample, "example.com", DNS_TYPE_A, false, false);
	ck_assert(!dns_ecs_is_for_all(sample.bytes, sample.length, dns_ecs_data(&ecs), 7));
	ck_assert(!dns_ecs_is_for_all(sample.bytes, 5, dns_ecs_data(&ecs), 7));
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("dns ecs");
	TCase *edit = tcase_create("edit");
	tcase_add_test(edit, adds_an_opt);
	tcase_add_test(edit, adds_to_an_opt);
	tcase_add_test(edit, replaces_what_was_sent);
	tcase_add_test(edit, leaves_what_stands_around_it);
	tcase_add_test(edit, refuses_without_a_change);
	tcase_add_test(edit, reads_what_is_for_all);
	suite_add_tcase(s, edit);
	return s;
}

UNIT_MAIN(suite)
