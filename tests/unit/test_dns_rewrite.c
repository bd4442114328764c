/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"

#include <errno.h>

#include "dataplane/dns/edns.h"
#include "dataplane/dns/rewrite.h"
#include "tests/unit/dns_samples.h"

#define CAPACITY 1000u

static int rename_to(struct sample *sample, size_t capacity, const char *text)
{
	uint8_t name[DNS_NAME_MAX];
	int length = dns_name_parse(text, strlen(text), name);
	ck_assert_int_gt(length, 0);
	return dns_question_rename(sample->bytes, sample->length, capacity, name, (size_t)length);
}

/* Renames, and asserts that the message is whole and its question has the name. */
static void renamed(struct sample *sample, const char *text)
{
	int rc = rename_to(sample, CAPACITY, text);
	ck_assert_int_gt(rc, 0);
	sample->length = (size_t)rc;
	ck_assert_int_ge(dns_message_end(sample->bytes, sample->length), 0);
	sample_name_assert(sample->bytes, sample->length, 12, text);
}

static void owner_assert(const struct sample *sample, unsigned index, const char *owner)
{
	struct dns_record record = sample_record(sample->bytes, sample->length, index);
	sample_name_assert(sample->bytes, sample->length, record.start, owner);
}

static void data_assert(const struct sample *sample, unsigned index, size_t skip, const char *name)
{
	struct dns_record record = sample_record(sample->bytes, sample->length, index);
	sample_name_assert(sample->bytes, record.end, record.rdata + skip, name);
}

START_TEST(renames_queries)
{
	static const char *const names[] = {
		"a.",
		"www.example.org.",
		"a.much.longer.name.than.it.was.",
		".",
	};
	for (unsigned edns = 0; edns < 2; edns++) {
		struct sample sample;
		sample_query(&sample, "www.example.com", DNS_TYPE_AAAA, edns, true);
		for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
			struct dns_question question;
			struct dns_edns found;
			renamed(&sample, names[i]);
			ck_assert_int_eq(dns_question_parse(sample.bytes, sample.length, &question),
					 DNS_OK);
			ck_assert_uint_eq(question.qtype, DNS_TYPE_AAAA);
			ck_assert_int_eq(
				dns_edns_find(sample.bytes, sample.length, question.end, &found),
				DNS_OK);
			ck_assert_uint_eq(found.offset, edns ? question.end : 0);
			ck_assert_uint_eq(dns_edns_do(&found), edns);
		}
	}
}
END_TEST

START_TEST(renaming_keeps_within_the_capacity)
{
	struct sample query, response;
	sample_query(&query, "www.example.com", DNS_TYPE_A, true, false);
	sample_response(&response);
	struct sample *const samples[] = {&query, &response};
	for (unsigned i = 0; i < 2; i++) {
		struct sample *sample = samples[i];
		struct sample roomy = *sample;
		int need = rename_to(&roomy, CAPACITY, "a-long-name-for-a.test");
		ck_assert_int_gt(need, (int)sample->length);
		for (size_t capacity = sample->length; capacity <= (size_t)need; capacity++) {
			struct sample tried = *sample;
			int rc = rename_to(&tried, capacity, "a-long-name-for-a.test");
			ck_assert_int_eq(rc, capacity < (size_t)need ? -ENOSPC : need);
			if (rc < 0)
				ck_assert_mem_eq(tried.bytes, sample->bytes, capacity);
			ck_assert_mem_eq(tried.bytes + capacity, sample->bytes + capacity, 8);
		}
	}
}
END_TEST

START_TEST(renames_responses_record_by_record)
{
	struct sample sample;
	sample_response(&sample);
	renamed(&sample, "a.much.longer.name.than.it.was.test.");

	owner_assert(&sample, 0, "a.much.longer.name.than.it.was.test.");
	data_assert(&sample, 0, 2, "mail1.example.com.");
	owner_assert(&sample, 1, "a.much.longer.name.than.it.was.test.");
	data_assert(&sample, 1, 2, "www.example.com."); /* data is not renamed */
	owner_assert(&sample, 2, "example.com.");
	data_assert(&sample, 2, 0, "ns.example.com.");
	owner_assert(&sample, 3, "mail1.example.com.");
	owner_assert(&sample, 4, ".");
	owner_assert(&sample, 5, "v6.ns.example.com.");
	data_assert(&sample, 5, 0, "v6.ns.example.com.");
	ck_assert_uint_eq(sample_record(sample.bytes, sample.length, 3).rdlength, 4);
	struct dns_record opt = sample_record(sample.bytes, sample.length, 4);
	ck_assert_mem_eq(sample.bytes + opt.rdata, "\0\x0a\0\2hi", 6);
	ck_assert_uint_eq(sample_record(sample.bytes, sample.length, 0).ttl, 300);
}
END_TEST

START_TEST(renaming_there_and_back_changes_nothing)
{
	struct sample sample;
	sample_response(&sample);
	renamed(&sample, "other.test.");
	size_t length = sample.length;
	ck_assert_uint_gt(length, 0);
	renamed(&sample, "WWW.example.com.");
	owner_assert(&sample, 0, "WWW.example.com.");
	renamed(&sample, "www.example.com.");
	owner_assert(&sample, 0, "www.example.com.");
	data_assert(&sample, 1, 2, "www.example.com.");
	data_assert(&sample, 5, 0, "v6.ns.example.com.");
}
END_TEST

START_TEST(renaming_compresses_as_the_sender_did)
{
	struct sample sample;
	sample_response(&sample);
	size_t before = sample.length;
	renamed(&sample, "www.example.com.");
	ck_assert_uint_le(sample.length, before);
	ck_assert_mem_eq(sample.bytes, "\x12\x34\x81\x80\0\1\0\2\0\1\0\3", 12);
}
END_TEST

START_TEST(renaming_keeps_the_case_of_other_names)
{
	struct sample sample;
	sample_header(&sample, DNS_FLAG_QR, 1, 2, 0, 0);
	sample_question(&sample, "www.example.com", DNS_TYPE_CNAME);
	sample_name(&sample, "WWW.Example.com");
	sample_fixed(&sample, DNS_TYPE_CNAME, 1, 17);
	sample_name(&sample, "cdn.EXAMPLE.com");
	sample_name(&sample, "cdn.example.com");
	sample_fixed(&sample, DNS_TYPE_A, 1, 4);
	sample_u32(&sample, 0);
	renamed(&sample, "new.example.com.");
	owner_assert(&sample, 0, "new.example.com.");
	data_assert(&sample, 0, 0, "cdn.EXAMPLE.com.");
	owner_assert(&sample, 1, "cdn.example.com.");
}
END_TEST

START_TEST(renaming_writes_uncompressed_where_it_must)
{
	struct sample sample;
	sample_header(&sample, DNS_FLAG_QR, 1, 1, 0, 0);
	sample_question(&sample, "_sip._udp.example.com", DNS_TYPE_SRV);
	sample_pointer(&sample, 12);
	sample_fixed(&sample, DNS_TYPE_SRV, 1, 6 + 4 + 2);
	sample_bytes(&sample, "\0\1\0\2\0\x35", 6);
	sample_labels(&sample, "sip");
	sample_pointer(&sample, 22); /* example.com, compressed though RFC 2782 forbids it */
	renamed(&sample, "x.test.");
	data_assert(&sample, 0, 6, "sip.example.com.");
	ck_assert_uint_eq(sample_record(sample.bytes, sample.length, 0).rdlength, 6 + 17);
}
END_TEST

START_TEST(renaming_keeps_opaque_and_empty_data)
{
	struct sample sample;
	sample_header(&sample, DNS_FLAG_QR, 1, 2, 0, 0);
	sample_question(&sample, "a.b", 65280);
	sample_pointer(&sample, 12);
	sample_fixed(&sample, 65280, 1, 4); /* private use: bytes that only look like a pointer */
	sample_bytes(&sample, "\xc0\x0c\xff\xff", 4);
	sample_pointer(&sample, 12);
	sample_fixed(&sample, DNS_TYPE_NS, 0, 0); /* as an UPDATE has it */
	renamed(&sample, "longer.name.");
	struct dns_record record = sample_record(sample.bytes, sample.length, 0);
	ck_assert_uint_eq(record.rdlength, 4);
	ck_assert_mem_eq(sample.bytes + record.rdata, "\xc0\x0c\xff\xff", 4);
	ck_assert_uint_eq(sample_record(sample.bytes, sample.length, 1).rdlength, 0);
}
END_TEST

START_TEST(renaming_keeps_trailing_data)
{
	struct sample sample;
	sample_query(&sample, "a", DNS_TYPE_A, true, false);
	sample_bytes(&sample, "tail", 4);
	renamed(&sample, "bb.");
	ck_assert_mem_eq(sample.bytes + sample.length - 4, "tail", 4);
	sample_response(&sample);
	sample_bytes(&sample, "tail", 4);
	renamed(&sample, "bb.");
	ck_assert_int_eq(dns_message_end(sample.bytes, sample.length), (int)sample.length - 4);
	ck_assert_mem_eq(sample.bytes + sample.length - 4, "tail", 4);
}
END_TEST

START_TEST(refuses_to_rename_what_is_malformed)
{
	struct sample sample;
	sample_response(&sample);
	size_t whole = sample.length;
	for (sample.length = 0; sample.length < whole; sample.length++) {
		struct sample tried = sample;
		ck_assert_int_eq(rename_to(&tried, CAPACITY, "x.test"), -EBADMSG);
		ck_assert_mem_eq(tried.bytes, sample.bytes, whole);
	}
	/* A name in data that runs over the end of its record. */
	sample_header(&sample, DNS_FLAG_QR, 1, 1, 0, 0);
	sample_question(&sample, "a", DNS_TYPE_NS);
	sample_pointer(&sample, 12);
	sample_fixed(&sample, DNS_TYPE_NS, 1, 3);
	sample_name(&sample, "bcd");
	ck_assert_int_eq(rename_to(&sample, CAPACITY, "x.test"), -EBADMSG);
}
END_TEST

START_TEST(restores_the_case_of_the_question)
{
	struct sample sample;
	uint8_t name[DNS_NAME_MAX], *bytes = sample.bytes;
	sample_query(&sample, "www.example.com", DNS_TYPE_A, false, false);
	dns_name_parse("WwW.ExAmPlE.cOm", 15, name);
	ck_assert(dns_question_case_restore(bytes, sample.length, name, 17, DNS_TYPE_A, 1));
	ck_assert_mem_eq(bytes + 12, name, 17);
	ck_assert(!dns_question_case_restore(bytes, sample.length, name, 17, DNS_TYPE_AAAA, 1));
	ck_assert(!dns_question_case_restore(bytes, sample.length, name, 17, DNS_TYPE_A, 3));
	ck_assert(!dns_question_case_restore(bytes, sample.length - 1, name, 17, DNS_TYPE_A, 1));
	ck_assert(!dns_question_case_restore(bytes, sample.length, name, 16, DNS_TYPE_A, 1));
	dns_name_parse("WwW.ExAmPlX.cOm", 15, name);
	ck_assert(!dns_question_case_restore(bytes, sample.length, name, 17, DNS_TYPE_A, 1));
	bytes[5] = 2; /* as many questions */
	dns_name_parse("www.example.com", 15, name);
	ck_assert(!dns_question_case_restore(bytes, sample.length, name, 17, DNS_TYPE_A, 1));
	sample_name_assert(sample.bytes, sample.length, 12, "WwW.ExAmPlE.cOm.");
}
END_TEST

struct seen {
	unsigned records;
	unsigned sections[4];
};

static uint32_t double_ttl(void *context, enum dns_section section, uint16_t rclass, uint16_t type,
			   uint32_t ttl)
{
	struct seen *seen = context;
	seen->records++;
	seen->sections[section]++;
	ck_assert_uint_eq(rclass, DNS_CLASS_IN);
	ck_assert_uint_ne(type, DNS_TYPE_OPT);
	return 2 * ttl;
}

static void ttls_assert(const struct sample *sample, const uint32_t want[static 6])
{
	for (unsigned i = 0; i < 6; i++)
		ck_assert_uint_eq(sample_record(sample->bytes, sample->length, i).ttl, want[i]);
}

START_TEST(edits_ttls)
{
	struct sample sample;
	struct seen seen = {0};
	sample_response(&sample);
	ck_assert_int_eq(dns_ttls_edit(sample.bytes, sample.length, double_ttl, &seen), 0);
	ttls_assert(&sample, (uint32_t[6]){600, 400, 200, 100, DNS_EDNS_DO, 80});
	ck_assert_uint_eq(seen.sections[DNS_SECTION_ANSWER], 2);
	ck_assert_uint_eq(seen.sections[DNS_SECTION_AUTHORITY], 1);
	ck_assert_uint_eq(seen.sections[DNS_SECTION_ADDITIONAL], 2);
	struct sample before = sample;
	ck_assert_int_eq(dns_ttls_edit(sample.bytes, sample.length - 1, double_ttl, &seen),
			 -EBADMSG);
	ck_assert_mem_eq(sample.bytes, before.bytes, before.length);
	ck_assert_uint_eq(seen.records, 5);
}
END_TEST

START_TEST(limits_ttls)
{
	static const uint16_t types[] = {DNS_TYPE_MX, DNS_TYPE_A};
	struct sample sample;
	sample_response(&sample);
	ck_assert_int_eq(dns_ttls_limit(sample.bytes, sample.length, 60, 250, NULL, 0), 0);
	ttls_assert(&sample, (uint32_t[6]){250, 200, 100, 60, DNS_EDNS_DO, 60});
	sample_response(&sample);
	ck_assert_int_eq(dns_ttls_limit(sample.bytes, sample.length, 0, 45, types, 2), 0);
	ttls_assert(&sample, (uint32_t[6]){45, 45, 100, 45, DNS_EDNS_DO, 40});
	sample_response(&sample);
	ck_assert_int_eq(dns_ttls_limit(sample.bytes, sample.length, 150, UINT32_MAX, types, 1), 0);
	ttls_assert(&sample, (uint32_t[6]){300, 200, 100, 50, DNS_EDNS_DO, 40});
}
END_TEST

START_TEST(finds_the_lowest_ttl)
{
	struct sample sample;
	uint32_t min = 0;
	sample_response(&sample);
	ck_assert_int_eq(dns_ttls_min(sample.bytes, sample.length, &min), 0);
	ck_assert_uint_eq(min, 40);
	sample_query(&sample, "a", DNS_TYPE_A, true, false);
	ck_assert_int_eq(dns_ttls_min(sample.bytes, sample.length, &min), 0);
	ck_assert_uint_eq(min, UINT32_MAX);
	ck_assert_int_eq(dns_ttls_min(sample.bytes, sample.length - 1, &min), -EBADMSG);
}
END_TEST

START_TEST(clears_records_that_others_point_into)
{
	static const uint16_t types[] = {DNS_TYPE_NS, DNS_TYPE_MX};
	struct sample sample;
	sample_response(&sample);
	int rc = dns_records_clear(sample.bytes, sample.length, CAPACITY, types, 2);
	ck_assert_int_gt(rc, 0);
	sample.length = (size_t)rc;
	ck_assert_int_eq(dns_message_end(sample.bytes, sample.length), rc);
	ck_assert_uint_eq(dns_count_load(sample.bytes, DNS_SECTION_QUESTION), 1);
	ck_assert_uint_eq(dns_count_load(sample.bytes, DNS_SECTION_ANSWER), 0);
	ck_assert_uint_eq(dns_count_load(sample.bytes, DNS_SECTION_AUTHORITY), 0);
	ck_assert_uint_eq(dns_count_load(sample.bytes, DNS_SECTION_ADDITIONAL), 3);
	owner_assert(&sample, 0, "mail1.example.com.");
	owner_assert(&sample, 2, "v6.ns.example.com.");
	data_assert(&sample, 2, 0, "v6.ns.example.com.");
	sample_header(&sample, DNS_FLAG_QR, 0, 0, 0, 1);
	sample_opt(&sample, 1232, false, NULL, 0);
	ck_assert_int_eq(dns_records_clear(sample.bytes, sample.length, CAPACITY, types, 2), 23);
	ck_assert_int_eq(dns_records_clear(sample.bytes, 22, CAPACITY, types, 2), -EBADMSG);
}
END_TEST

START_TEST(sets_trailing_data)
{
	struct sample sample;
	sample_response(&sample);
	size_t end = sample.length;
	int rc = dns_trailing_set(sample.bytes, end, CAPACITY, (const uint8_t *)"tail", 4);
	ck_assert_int_eq(rc, (int)end + 4);
	ck_assert_mem_eq(sample.bytes + end, "tail", 4);
	rc = dns_trailing_set(sample.bytes, end + 4, CAPACITY, (const uint8_t *)"x", 1);
	ck_assert_int_eq(rc, (int)end + 1);
	ck_assert_int_eq(dns_trailing_set(sample.bytes, end + 1, CAPACITY, NULL, 0), (int)end);
	ck_assert_int_eq(dns_trailing_set(sample.bytes, end, end + 3, (const uint8_t *)"tail", 4),
			 -ENOSPC);
	ck_assert_int_eq(dns_trailing_set(sample.bytes, end - 1, CAPACITY, NULL, 0), -EBADMSG);
}
END_TEST

START_TEST(truncates_responses)
{
	struct sample sample;
	struct dns_edns edns;
	uint8_t blob[600] = {0};

	sample_response(&sample);
	size_t length = sample.length;
	ck_assert_int_eq(dns_response_truncate(sample.bytes, length, 0), (int)length);
	sample_header(&sample, DNS_FLAG_QR | DNS_FLAG_RD, 1, 1, 0, 1);
	sample_question(&sample, "www.example.com", DNS_TYPE_TXT);
	sample_pointer(&sample, 12);
	sample_fixed(&sample, DNS_TYPE_TXT, 1, sizeof(blob));
	sample_bytes(&sample, blob, sizeof(blob));
	sample_opt(&sample, 1232, true, "\0\x0a\0\2hi", 6);
	length = sample.length;
	ck_assert_int_eq(dns_response_truncate(sample.bytes, length, length), (int)length);
	ck_assert_uint_eq(dns_flags_load(sample.bytes), 0x8100);
	struct sample whole = sample;
	ck_assert_int_eq(dns_response_truncate(sample.bytes, length, length - 1), 33 + 17);
	ck_assert_uint_eq(dns_flags_load(sample.bytes), 0x8300);
	ck_assert_int_eq(dns_message_end(sample.bytes, 50), 50);
	ck_assert_int_eq(dns_edns_find(sample.bytes, 50, 33, &edns), DNS_OK);
	ck_assert(dns_edns_do(&edns));
	ck_assert_mem_eq(sample.bytes + edns.rdata, "\0\x0a\0\2hi", 6);
	sample = whole;
	ck_assert_int_eq(dns_response_truncate(sample.bytes, length, 100), 33 + 17);
	sample = whole;
	dns_count_store(sample.bytes, DNS_SECTION_ADDITIONAL, 0);
	ck_assert_int_eq(dns_response_truncate(sample.bytes, length, 512), 33);
	dns_count_store(sample.bytes, DNS_SECTION_ANSWER, 3);
	ck_assert_int_eq(dns_records_drop(sample.bytes, 40), 33);
	ck_assert_int_eq(dns_message_end(sample.bytes, 33), 33);
	ck_assert_int_eq(dns_message_end(sample.bytes, 33), 33);
}
END_TEST

START_TEST(truncates_options_that_do_not_fit)
{
	struct sample sample;
	struct dns_edns edns;
	uint8_t options[600] = {0, 65, 2, 596 & 0xff};

	sample_header(&sample, DNS_FLAG_QR, 1, 0, 0, 1);
	sample_question(&sample, "www.example.com", DNS_TYPE_A);
	dns_u16_store(options + 2, 596);
	sample_opt(&sample, 1232, true, options, sizeof(options));
	struct sample whole = sample;
	ck_assert_int_eq(dns_response_cut(sample.bytes, sample.length, 644), 644);
	sample = whole;
	ck_assert_int_eq(dns_response_cut(sample.bytes, sample.length, 643), 44);
	ck_assert_int_eq(dns_message_end(sample.bytes, 44), 44);
	ck_assert_int_eq(dns_edns_find(sample.bytes, 44, 33, &edns), DNS_OK);
	ck_assert(dns_edns_do(&edns));
	ck_assert_uint_eq(edns.udp_size, 1232);
}
END_TEST

START_TEST(truncates_odd_responses)
{
	struct sample sample;
	sample_header(&sample, DNS_FLAG_QR, 0, 5, 0, 0);
	ck_assert_int_eq(dns_response_cut(sample.bytes, 700, 512), 12);
	ck_assert_int_eq(dns_message_end(sample.bytes, 12), 12);
	dns_count_store(sample.bytes, DNS_SECTION_QUESTION, 2);
	ck_assert_int_eq(dns_response_cut(sample.bytes, 700, 512), -EBADMSG);
	ck_assert_int_eq(dns_response_cut(sample.bytes, 11, 512), -EBADMSG);
	ck_assert_int_eq(dns_records_drop(sample.bytes, 700), -EBADMSG);
}
END_TEST

START_TEST(restores_the_question)
{
	static const uint8_t bare[DNS_HEADER_SIZE] = {0x12, 0x34, 0x81, 5};
	static const uint8_t opt[] = {0, 0, 41, 4, 0xd0, 0, 0, 0, 0, 0, 0};
	static const uint8_t name[10] = "\3wWw\4test";
	static const uint8_t question[] = "\3wWw\4test\0\0\1\0\1";
	uint8_t bytes[64];
	memcpy(bytes, bare, sizeof(bare));
	ck_assert_int_eq(dns_question_restore(bytes, 12, 25, name, sizeof(name), 1, 1), -ENOSPC);
	ck_assert_int_eq(dns_question_restore(bytes, 11, 64, name, sizeof(name), 1, 1), -EBADMSG);
	ck_assert_int_eq(dns_question_restore(bytes, 12, 26, name, sizeof(name), 1, 1), 26);
	ck_assert_mem_eq(bytes + DNS_HEADER_SIZE, question, sizeof(question) - 1);
	ck_assert_int_eq(dns_message_end(bytes, 26), 26);
	ck_assert_int_eq(dns_question_restore(bytes, 26, 64, name, sizeof(name), 1, 1), -EBADMSG);
	memcpy(bytes, bare, sizeof(bare));
	memcpy(bytes + sizeof(bare), opt, sizeof(opt));
	dns_count_store(bytes, DNS_SECTION_ADDITIONAL, 1);
	ck_assert_int_eq(dns_question_restore(bytes, 23, 64, name, sizeof(name), 1, 1), 37);
	ck_assert_mem_eq(bytes + 26, opt, sizeof(opt));
	ck_assert_int_eq(dns_message_end(bytes, 37), 37);
	dns_count_store(bytes, DNS_SECTION_QUESTION, 0);
	dns_count_store(bytes, DNS_SECTION_ANSWER, 1);
	ck_assert_int_eq(dns_question_restore(bytes, 37, 64, name, sizeof(name), 1, 1), -EBADMSG);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("dns rewrite");
	TCase *names = tcase_create("names");
	tcase_add_test(names, renames_queries);
	tcase_add_test(names, renaming_keeps_within_the_capacity);
	tcase_add_test(names, renames_responses_record_by_record);
	tcase_add_test(names, renaming_there_and_back_changes_nothing);
	tcase_add_test(names, renaming_compresses_as_the_sender_did);
	tcase_add_test(names, renaming_keeps_the_case_of_other_names);
	tcase_add_test(names, renaming_writes_uncompressed_where_it_must);
	tcase_add_test(names, renaming_keeps_opaque_and_empty_data);
	tcase_add_test(names, renaming_keeps_trailing_data);
	tcase_add_test(names, refuses_to_rename_what_is_malformed);
	tcase_add_test(names, restores_the_case_of_the_question);
	tcase_add_test(names, restores_the_question);
	suite_add_tcase(s, names);
	TCase *records = tcase_create("records");
	tcase_add_test(records, edits_ttls);
	tcase_add_test(records, limits_ttls);
	tcase_add_test(records, finds_the_lowest_ttl);
	tcase_add_test(records, clears_records_that_others_point_into);
	tcase_add_test(records, sets_trailing_data);
	suite_add_tcase(s, records);
	TCase *size = tcase_create("size");
	tcase_add_test(size, truncates_responses);
	tcase_add_test(size, truncates_options_that_do_not_fit);
	tcase_add_test(size, truncates_odd_responses);
	suite_add_tcase(s, size);
	return s;
}

UNIT_MAIN(suite)
