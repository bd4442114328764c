/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"

#include <errno.h>

#include "dataplane/dns/reply.h"
#include "tests/unit/dns_samples.h"

#define CAPACITY 4096u
#define QNAME "wWw.Example.com"

static const struct dns_reply_options defaults = DNS_REPLY_OPTIONS_DEFAULT;
static const struct dns_reply_options all_set = {
	.ttl = 7,
	.set_aa = true,
	.aa = true,
	.set_ad = true,
	.ad = true,
	.set_ra = true,
	.ra = true,
};

static const struct dns_reply_address addresses[] = {
	{4, {192, 0, 2, 1}},
	{16, {0x20, 1, 0xd, 0xb8, [15] = 1}},
	{4, {192, 0, 2, 2}},
};

static struct dns_reply_query query_of(const struct sample *sample)
{
	struct dns_question question;
	struct dns_edns edns;
	ck_assert_int_eq(dns_question_parse(sample->bytes, sample->length, &question), DNS_OK);
	ck_assert_int_eq(dns_edns_find(sample->bytes, sample->length, question.end, &edns), DNS_OK);
	return dns_reply_query_of(&question, &edns, DNS_EDNS_UDP_SIZE);
}

/* Asserts what all answers have in common, and gives the walk over the records. */
static struct dns_edns answer_assert(struct sample *sample, int length, uint16_t flags,
				     uint16_t ancount, uint16_t nscount, uint16_t arcount)
{
	struct dns_question question;
	struct dns_edns edns;

	ck_assert_int_gt(length, 0);
	sample->length = (size_t)length;
	ck_assert_uint_eq(dns_u16_load(sample->bytes), 0x1234);
	ck_assert_uint_eq(dns_flags_load(sample->bytes), flags);
	ck_assert_int_eq(dns_question_parse(sample->bytes, sample->length, &question), DNS_OK);
	ck_assert_mem_eq(sample->bytes + 12, "\3wWw\7Example\3com", 17);
	ck_assert_int_eq(dns_message_end(sample->bytes, sample->length), length);
	ck_assert_uint_eq(dns_count_load(sample->bytes, DNS_SECTION_ANSWER), ancount);
	ck_assert_uint_eq(dns_count_load(sample->bytes, DNS_SECTION_AUTHORITY), nscount);
	ck_assert_uint_eq(dns_count_load(sample->bytes, DNS_SECTION_ADDITIONAL), arcount);
	ck_assert_int_eq(dns_edns_find(sample->bytes, sample->length, question.end, &edns), DNS_OK);
	return edns;
}

static void record_assert(const struct sample *sample, unsigned index, const char *owner,
			  uint16_t type, uint32_t ttl, const void *data, size_t length)
{
	struct dns_record record = sample_record(sample->bytes, sample->length, index);
	sample_name_assert(sample->bytes, sample->length, record.start, owner);
	ck_assert_uint_eq(record.type, type);
	ck_assert_uint_eq(record.rclass, DNS_CLASS_IN);
	ck_assert_uint_eq(record.ttl, ttl);
	ck_assert_uint_eq(record.rdlength, length);
	ck_assert_mem_eq(sample->bytes + record.rdata, data, length);
}

START_TEST(answers_with_an_rcode)
{
	struct sample sample;
	sample_query(&sample, QNAME, DNS_TYPE_A, false, false);
	struct dns_reply_query query = query_of(&sample);
	int rc = dns_reply_rcode(sample.bytes, CAPACITY, &query, DNS_RCODE_REFUSED, &defaults);
	ck_assert_int_eq(rc, 33);
	answer_assert(&sample, rc, 0x8185, 0, 0, 0);
}
END_TEST

START_TEST(takes_over_only_what_belongs_into_an_answer)
{
	struct sample sample;
	sample_query(&sample, QNAME, DNS_TYPE_A, false, false);
	struct dns_reply_query query = query_of(&sample);
	/* All bits set but RD, opcode 5: of these only the opcode and CD stay. */
	dns_flags_store(sample.bytes, 0x2eff);
	int rc = dns_reply_rcode(sample.bytes, CAPACITY, &query, DNS_RCODE_NOERROR, &defaults);
	answer_assert(&sample, rc, 0xa810, 0, 0, 0);
	dns_flags_store(sample.bytes, 0);
	rc = dns_reply_rcode(sample.bytes, CAPACITY, &query, DNS_RCODE_NOERROR, &all_set);
	answer_assert(&sample, rc, 0x84a0, 0, 0, 0);
	struct dns_reply_options options = all_set;
	options.aa = options.ad = options.ra = false;
	dns_flags_store(sample.bytes, DNS_FLAG_RD);
	rc = dns_reply_rcode(sample.bytes, CAPACITY, &query, DNS_RCODE_NOERROR, &options);
	answer_assert(&sample, rc, 0x8100, 0, 0, 0);
}
END_TEST

START_TEST(answers_edns_with_edns)
{
	for (unsigned dnssec_ok = 0; dnssec_ok < 2; dnssec_ok++) {
		struct sample sample;
		sample_query(&sample, QNAME, DNS_TYPE_A, true, dnssec_ok);
		sample.bytes[sample.length - 5] = 3; /* version */
		dns_u16_store(sample.bytes + sample.length - 2, 8);
		sample_bytes(&sample, "\0\x0a\0\4cook", 8);
		struct dns_reply_query query = query_of(&sample);
		int rc = dns_reply_rcode(sample.bytes, CAPACITY, &query, DNS_RCODE_BADCOOKIE,
					 &defaults);
		struct dns_edns edns = answer_assert(&sample, rc, 0x8187, 0, 0, 1);
		ck_assert_uint_eq(edns.offset, 33);
		ck_assert_uint_eq(edns.udp_size, 1232);
		ck_assert_uint_eq(edns.extended_rcode, 1);
		ck_assert_uint_eq(edns.version, 0);
		ck_assert_uint_eq(edns.flags, dnssec_ok ? DNS_EDNS_DO : 0);
		ck_assert_uint_eq(edns.rdlength, 0);
	}
}
END_TEST

START_TEST(drops_the_records_of_the_query)
{
	struct sample sample;
	sample_header(&sample, DNS_FLAG_RD, 1, 1, 0, 0);
	sample_question(&sample, QNAME, DNS_TYPE_A);
	sample_pointer(&sample, 12);
	sample_fixed(&sample, DNS_TYPE_A, 1, 0);
	struct dns_reply_query query = query_of(&sample);
	int rc = dns_reply_rcode(sample.bytes, CAPACITY, &query, DNS_RCODE_REFUSED, &defaults);
	answer_assert(&sample, rc, 0x8185, 0, 0, 0);
}
END_TEST

START_TEST(answers_notimp_with_a_header)
{
	struct sample sample;
	sample_header(&sample, DNS_FLAG_RD | DNS_FLAG_AD, 2, 3, 4, 5);
	ck_assert_int_eq(dns_reply_notimp(sample.bytes), DNS_HEADER_SIZE);
	ck_assert_mem_eq(sample.bytes, "\x12\x34\x81\x04\0\0\0\0\0\0\0\0", 12);
}
END_TEST

START_TEST(answers_truncated)
{
	struct sample sample;
	sample_query(&sample, QNAME, DNS_TYPE_A, true, true);
	struct dns_reply_query query = query_of(&sample);
	int rc = dns_reply_truncated(sample.bytes, CAPACITY, &query);
	struct dns_edns edns = answer_assert(&sample, rc, 0x8380, 0, 0, 1);
	ck_assert(dns_edns_do(&edns));
}
END_TEST

START_TEST(answers_with_the_addresses_that_fit)
{
	struct sample sample;
	sample_query(&sample, QNAME, DNS_TYPE_A, true, false);
	struct dns_reply_query query = query_of(&sample);
	int rc = dns_reply_addresses(sample.bytes, CAPACITY, &query, addresses, 3, 0, &defaults);
	answer_assert(&sample, rc, 0x8180, 2, 0, 1);
	record_assert(&sample, 0, QNAME ".", DNS_TYPE_A, 60, "\xc0\0\2\1", 4);
	record_assert(&sample, 1, QNAME ".", DNS_TYPE_A, 60, "\xc0\0\2\2", 4);

	sample_query(&sample, QNAME, DNS_TYPE_AAAA, false, false);
	query = query_of(&sample);
	rc = dns_reply_addresses(sample.bytes, CAPACITY, &query, addresses, 3, 0, &all_set);
	answer_assert(&sample, rc, 0x85a0, 1, 0, 0);
	record_assert(&sample, 0, QNAME ".", DNS_TYPE_AAAA, 7, addresses[1].bytes, 16);

	sample_query(&sample, QNAME, DNS_TYPE_ANY, false, false);
	query = query_of(&sample);
	rc = dns_reply_addresses(sample.bytes, CAPACITY, &query, addresses, 3, 5, &defaults);
	answer_assert(&sample, rc, 0x8180, 3, 0, 0);
	record_assert(&sample, 0, QNAME ".", DNS_TYPE_A, 60, "\xc0\0\2\2", 4);
	record_assert(&sample, 1, QNAME ".", DNS_TYPE_A, 60, "\xc0\0\2\1", 4);
	record_assert(&sample, 2, QNAME ".", DNS_TYPE_AAAA, 60, addresses[1].bytes, 16);

	sample_query(&sample, QNAME, DNS_TYPE_MX, false, false);
	query = query_of(&sample);
	rc = dns_reply_addresses(sample.bytes, CAPACITY, &query, addresses, 3, 1, &defaults);
	answer_assert(&sample, rc, 0x8180, 0, 0, 0);
}
END_TEST

START_TEST(counts_the_addresses_that_fit)
{
	ck_assert_uint_eq(dns_reply_addresses_fit(DNS_TYPE_A, addresses, 3), 2);
	ck_assert_uint_eq(dns_reply_addresses_fit(DNS_TYPE_AAAA, addresses, 3), 1);
	ck_assert_uint_eq(dns_reply_addresses_fit(DNS_TYPE_ANY, addresses, 3), 3);
	ck_assert_uint_eq(dns_reply_addresses_fit(DNS_TYPE_HTTPS, addresses, 3), 0);
	ck_assert_uint_eq(dns_reply_addresses_fit(DNS_TYPE_A, NULL, 0), 0);
}
END_TEST

START_TEST(answers_in_the_class_asked)
{
	struct sample sample;
	sample_query(&sample, QNAME, DNS_TYPE_A, false, false);
	dns_u16_store(sample.bytes + 31, DNS_CLASS_CHAOS);
	struct dns_reply_query query = query_of(&sample);
	int rc = dns_reply_addresses(sample.bytes, CAPACITY, &query, addresses, 1, 0, &defaults);
	answer_assert(&sample, rc, 0x8180, 1, 0, 0);
	ck_assert_uint_eq(sample_record(sample.bytes, sample.length, 0).rclass, DNS_CLASS_CHAOS);
}
END_TEST

START_TEST(answers_with_a_cname)
{
	struct sample sample;
	uint8_t target[DNS_NAME_MAX];
	int length = dns_name_parse("t.example", 9, target);
	sample_query(&sample, QNAME, DNS_TYPE_A, true, true);
	struct dns_reply_query query = query_of(&sample);
	int rc = dns_reply_cname(sample.bytes, CAPACITY, &query, target, (size_t)length, &defaults);
	answer_assert(&sample, rc, 0x8180, 1, 0, 1);
	record_assert(&sample, 0, QNAME ".", DNS_TYPE_CNAME, 60, target, (size_t)length);
}
END_TEST

START_TEST(answers_with_raw_data)
{
	static const struct dns_reply_rdata rdata[] = {
		{(const uint8_t *)"\3abc", 4},
		{NULL, 0},
		{(const uint8_t *)"\1x", 2},
	};
	struct sample sample;
	sample_query(&sample, QNAME, DNS_TYPE_ANY, false, false);
	struct dns_reply_query query = query_of(&sample);
	int rc = dns_reply_raw(sample.bytes, CAPACITY, &query, DNS_TYPE_TXT, rdata, 3, &all_set);
	answer_assert(&sample, rc, 0x85a0, 3, 0, 0);
	record_assert(&sample, 0, QNAME ".", DNS_TYPE_TXT, 7, "\3abc", 4);
	record_assert(&sample, 1, QNAME ".", DNS_TYPE_TXT, 7, "", 0);
	record_assert(&sample, 2, QNAME ".", DNS_TYPE_TXT, 7, "\1x", 2);
}
END_TEST

START_TEST(answers_negatively_with_a_soa)
{
	static const char data[] = "\2ns\1z\0\4mail\1z\0\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0\4\0\0\0\5";
	static const struct dns_reply_soa soa = {
		.zone = (const uint8_t *)"\7example\3com",
		.zone_length = 13,
		.mname = (const uint8_t *)"\2ns\1z",
		.mname_length = 6,
		.rname = (const uint8_t *)"\4mail\1z",
		.rname_length = 8,
		.ttl = 600,
		.serial = 1,
		.refresh = 2,
		.retry = 3,
		.expire = 4,
		.minimum = 5,
	};
	for (unsigned authority = 0; authority < 2; authority++) {
		struct sample sample;
		sample_query(&sample, QNAME, DNS_TYPE_A, true, false);
		struct dns_reply_query query = query_of(&sample);
		int rc = dns_reply_negative(sample.bytes, CAPACITY, &query, authority, &soa,
					    authority, &defaults);
		struct dns_edns edns = answer_assert(&sample, rc, authority ? 0x8183 : 0x8180, 0,
						     authority, authority ? 1 : 2);
		ck_assert(edns.last);
		record_assert(&sample, 0, "example.com.", DNS_TYPE_SOA, 600, data,
			      sizeof(data) - 1);
		ck_assert_uint_eq(sample_record(sample.bytes, sample.length, 0).section,
				  authority ? DNS_SECTION_AUTHORITY : DNS_SECTION_ADDITIONAL);
	}
}
END_TEST

START_TEST(answers_with_a_canned_packet)
{
	struct sample canned, sample;
	sample_header(&canned, DNS_FLAG_AA, 1, 1, 0, 0);
	dns_u16_store(canned.bytes, 0xffff);
	sample_question(&canned, "a", DNS_TYPE_TXT);
	sample_pointer(&canned, 12);
	sample_fixed(&canned, DNS_TYPE_A, 9, 4);
	sample_u32(&canned, 0x01020304);
	sample_query(&sample, QNAME, DNS_TYPE_A, true, false);
	struct dns_reply_query query = query_of(&sample);
	int rc = dns_reply_packet(sample.bytes, CAPACITY, &query, canned.bytes, canned.length);
	answer_assert(&sample, rc, 0x8400, 1, 0, 0);
	record_assert(&sample, 0, QNAME ".", DNS_TYPE_A, 9, "\1\2\3\4", 4);
	ck_assert_uint_eq(query_of(&sample).qtype, DNS_TYPE_A);

	/* Without a question there is none to adapt. */
	sample_query(&sample, QNAME, DNS_TYPE_A, true, false);
	sample_header(&canned, DNS_FLAG_QR | 4, 0, 0, 0, 0);
	rc = dns_reply_packet(sample.bytes, CAPACITY, &query, canned.bytes, canned.length);
	ck_assert_int_eq(rc, 12);
	ck_assert_mem_eq(sample.bytes, "\x12\x34\x80\x04\0\0\0\0\0\0\0\0", 12);
}
END_TEST

START_TEST(refuses_canned_packets_that_are_broken)
{
	struct sample canned, sample;
	sample_query(&sample, QNAME, DNS_TYPE_A, true, false);
	struct sample before = sample;
	struct dns_reply_query query = query_of(&sample);
	sample_response(&canned);
	for (size_t length = 0; length < canned.length; length++) {
		uint8_t *exact = sample_exact(canned.bytes, length);
		ck_assert_int_eq(dns_reply_packet(sample.bytes, CAPACITY, &query, exact, length),
				 -EBADMSG);
		free(exact);
		ck_assert_mem_eq(sample.bytes, before.bytes, before.length);
	}
	for (size_t capacity = sample.length; capacity < canned.length; capacity++) {
		ck_assert_int_eq(dns_reply_packet(sample.bytes, capacity, &query, canned.bytes,
						  canned.length),
				 -ENOSPC);
		ck_assert_mem_eq(sample.bytes, before.bytes, query.question_end);
	}
	sample_header(&canned, DNS_FLAG_QR, 2, 0, 0, 0);
	sample_question(&canned, "a", DNS_TYPE_A);
	sample_question(&canned, "b", DNS_TYPE_A);
	ck_assert_int_eq(
		dns_reply_packet(sample.bytes, CAPACITY, &query, canned.bytes, canned.length),
		-EBADMSG);
	ck_assert_mem_eq(sample.bytes, before.bytes, query.question_end);
}
END_TEST

static int build(unsigned kind, uint8_t *message, size_t capacity,
		 const struct dns_reply_query *query)
{
	static const uint8_t name[] = "\1t\7example";
	static const struct dns_reply_rdata rdata = {name, sizeof(name)};
	static const struct dns_reply_soa soa = {
		.zone = name,
		.zone_length = sizeof(name),
		.mname = name,
		.mname_length = sizeof(name),
		.rname = name,
		.rname_length = sizeof(name),
	};
	switch (kind) {
	case 0:
		return dns_reply_rcode(message, capacity, query, 5, &defaults);
	case 1:
		return dns_reply_truncated(message, capacity, query);
	case 2:
		return dns_reply_addresses(message, capacity, query, addresses, 3, 0, &defaults);
	case 3:
		return dns_reply_cname(message, capacity, query, name, sizeof(name), &defaults);
	case 4:
		return dns_reply_raw(message, capacity, query, 16, &rdata, 1, &defaults);
	default:
		return dns_reply_negative(message, capacity, query, true, &soa, true, &defaults);
	}
}

START_TEST(keeps_within_the_capacity)
{
	struct sample sample, roomy;
	sample_query(&sample, QNAME, DNS_TYPE_A, true, true);
	sample.length -= 11; /* an answer may need more room than the query took */
	for (unsigned kind = 0; kind < 6; kind++) {
		struct dns_reply_query query = {33, DNS_TYPE_A, 1232, true, true};
		roomy = sample;
		int need = build(kind, roomy.bytes, CAPACITY, &query);
		ck_assert_int_ge(need, 44);
		for (size_t capacity = sample.length; capacity <= (size_t)need; capacity++) {
			uint8_t *exact = malloc(capacity);
			memcpy(exact, sample.bytes, sample.length);
			int rc = build(kind, exact, capacity, &query);
			ck_assert_int_eq(rc, capacity < (size_t)need ? -ENOSPC : need);
			ck_assert_mem_eq(exact + 12, sample.bytes + 12, 21);
			free(exact);
		}
	}
}
END_TEST

START_TEST(sets_the_rcode_and_keeps_records)
{
	struct sample sample;
	sample_response(&sample);
	struct sample before = sample;
	dns_flags_store(sample.bytes, 0x2f7f);
	int rc = dns_reply_rcode_set(sample.bytes, sample.length, CAPACITY, 0x25, false, 1232);
	ck_assert_int_eq(rc, (int)before.length);
	ck_assert_uint_eq(dns_flags_load(sample.bytes), 0xabd5);
	ck_assert_mem_eq(sample.bytes + 4, before.bytes + 4, before.length - 4);
}
END_TEST

START_TEST(sets_the_rcode_and_clears_records)
{
	struct sample sample;
	struct dns_edns edns;
	sample_response(&sample);
	int rc = dns_reply_rcode_set(sample.bytes, sample.length, CAPACITY, 3, true, 1400);
	ck_assert_int_eq(rc, 33 + 11);
	ck_assert_uint_eq(dns_flags_load(sample.bytes), 0x8183);
	ck_assert_int_eq(dns_message_end(sample.bytes, 44), 44);
	ck_assert_int_eq(dns_edns_find(sample.bytes, 44, 33, &edns), DNS_OK);
	ck_assert(dns_edns_do(&edns));
	ck_assert_uint_eq(edns.udp_size, 1400);
	ck_assert_uint_eq(edns.rdlength, 0);

	sample_query(&sample, QNAME, DNS_TYPE_A, false, false);
	rc = dns_reply_rcode_set(sample.bytes, sample.length, CAPACITY, 2, true, 1232);
	answer_assert(&sample, rc, 0x8182, 0, 0, 0);
	sample_query(&sample, QNAME, DNS_TYPE_A, true, false);
	rc = dns_reply_rcode_set(sample.bytes, sample.length, CAPACITY, 2, true, 1232);
	edns = answer_assert(&sample, rc, 0x8182, 0, 0, 1);
	ck_assert(!dns_edns_do(&edns));
}
END_TEST

START_TEST(sets_the_rcode_of_odd_messages)
{
	struct sample sample;
	sample_header(&sample, 0, 0, 0, 0, 0);
	ck_assert_int_eq(dns_reply_rcode_set(sample.bytes, 12, CAPACITY, 2, true, 1232), 12);
	ck_assert_uint_eq(dns_flags_load(sample.bytes), 0x8002);
	ck_assert_int_eq(dns_reply_rcode_set(sample.bytes, 11, CAPACITY, 2, true, 1232), -EBADMSG);
	dns_count_store(sample.bytes, DNS_SECTION_QUESTION, 2);
	ck_assert_int_eq(dns_reply_rcode_set(sample.bytes, 12, CAPACITY, 2, true, 1232), -EBADMSG);
	/* Records that nobody can read go like all others. */
	sample_query(&sample, QNAME, DNS_TYPE_A, true, true);
	dns_count_store(sample.bytes, DNS_SECTION_ANSWER, 9);
	int rc = dns_reply_rcode_set(sample.bytes, sample.length, CAPACITY, 2, true, 1232);
	answer_assert(&sample, rc, 0x8182, 0, 0, 0);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("dns reply");
	TCase *answers = tcase_create("answers");
	tcase_add_test(answers, answers_with_an_rcode);
	tcase_add_test(answers, takes_over_only_what_belongs_into_an_answer);
	tcase_add_test(answers, answers_edns_with_edns);
	tcase_add_test(answers, drops_the_records_of_the_query);
	tcase_add_test(answers, answers_notimp_with_a_header);
	tcase_add_test(answers, answers_truncated);
	tcase_add_test(answers, answers_with_the_addresses_that_fit);
	tcase_add_test(answers, counts_the_addresses_that_fit);
	tcase_add_test(answers, answers_in_the_class_asked);
	tcase_add_test(answers, answers_with_a_cname);
	tcase_add_test(answers, answers_with_raw_data);
	tcase_add_test(answers, answers_negatively_with_a_soa);
	tcase_add_test(answers, answers_with_a_canned_packet);
	tcase_add_test(answers, refuses_canned_packets_that_are_broken);
	tcase_add_test(answers, keeps_within_the_capacity);
	suite_add_tcase(s, answers);
	TCase *rcode = tcase_create("rcode");
	tcase_add_test(rcode, sets_the_rcode_and_keeps_records);
	tcase_add_test(rcode, sets_the_rcode_and_clears_records);
	tcase_add_test(rcode, sets_the_rcode_of_odd_messages);
	suite_add_tcase(s, rcode);
	return s;
}

UNIT_MAIN(suite)
