/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"

#include <errno.h>

#include "dataplane/dns/message.h"
#include "dataplane/dns/rdata.h"
#include "tests/unit/dns_samples.h"

START_TEST(header_bits_lie_where_the_flags_are)
{
	struct sample sample;
	sample_header(&sample, DNS_FLAG_AA | DNS_FLAG_RA | DNS_FLAG_CD | 0x2800 | 3, 1, 2, 3, 4);
	struct dns_header *header = dns_header_of(sample.bytes);

	ck_assert(!header->qr && header->aa && !header->tc && !header->rd);
	ck_assert(header->ra && !header->z && !header->ad && header->cd);
	ck_assert_uint_eq(header->opcode, DNS_OPCODE_UPDATE);
	ck_assert_uint_eq(header->rcode, DNS_RCODE_NXDOMAIN);
	header->qr = 1;
	header->rd = 1;
	header->tc = 1;
	header->ad = 1;
	header->z = 1;
	ck_assert_uint_eq(dns_flags_load(sample.bytes), 0xaff3);
	ck_assert_uint_eq(dns_header_peek(sample.bytes)->arcount, __builtin_bswap16(4));
	dns_counts_store(sample.bytes, 5, 6, 7, 8);
	for (unsigned section = 0; section < 4; section++)
		ck_assert_uint_eq(dns_count_load(sample.bytes, section), 5 + section);
}
END_TEST

START_TEST(parses_the_question)
{
	struct sample sample;
	struct dns_question question;
	sample_query(&sample, "www.example.com", DNS_TYPE_AAAA, true, false);

	ck_assert_int_eq(dns_question_parse(sample.bytes, sample.length, &question), DNS_OK);
	ck_assert_uint_eq(question.qtype, DNS_TYPE_AAAA);
	ck_assert_uint_eq(question.qclass, DNS_CLASS_IN);
	ck_assert_uint_eq(question.qname_length, 17);
	ck_assert_uint_eq(question.qname_labels, 3);
	ck_assert_uint_eq(question.end, 33);
	sample_query(&sample, ".", DNS_TYPE_NS, false, false);
	ck_assert_int_eq(dns_question_parse(sample.bytes, sample.length, &question), DNS_OK);
	ck_assert_uint_eq(question.end, sample.length);
}
END_TEST

START_TEST(refuses_a_question_cut_at_every_byte)
{
	struct sample sample;
	sample_query(&sample, "www.example.com", DNS_TYPE_A, false, false);
	for (size_t length = 0; length < sample.length; length++) {
		struct dns_question question;
		uint8_t *exact = sample_exact(sample.bytes, length);
		enum dns_error want = length < 12   ? DNS_ERROR_SHORT
				      : length < 29 ? DNS_ERROR_NAME
						    : DNS_ERROR_CUT;
		ck_assert_int_eq(dns_question_parse(exact, length, &question), want);
		free(exact);
	}
}
END_TEST

START_TEST(refuses_questions_that_are_not_plain)
{
	struct sample sample;
	struct dns_question question;

	sample_query(&sample, "a", DNS_TYPE_A, false, false);
	dns_count_store(sample.bytes, DNS_SECTION_QUESTION, 0);
	ck_assert_int_eq(dns_question_parse(sample.bytes, sample.length, &question),
			 DNS_ERROR_QDCOUNT);
	dns_count_store(sample.bytes, DNS_SECTION_QUESTION, 2);
	ck_assert_int_eq(dns_question_parse(sample.bytes, sample.length, &question),
			 DNS_ERROR_QDCOUNT);
	sample_header(&sample, 0, 1, 0, 0, 0);
	sample_pointer(&sample, 12);
	sample_u32(&sample, 0x00010001);
	ck_assert_int_eq(dns_question_parse(sample.bytes, sample.length, &question),
			 DNS_ERROR_NAME);
	ck_assert_int_eq(dns_message_check(sample.bytes, sample.length), -EBADMSG);
}
END_TEST

START_TEST(walks_over_all_records)
{
	static const uint16_t types[] = {15, 15, 2, 1, 41, 5};
	static const uint8_t sections[] = {1, 1, 2, 3, 3, 3};
	static const uint32_t ttls[] = {300, 200, 100, 50, 0x8000, 40};
	struct sample sample;
	struct dns_records records;
	struct dns_record record;
	sample_response(&sample);

	ck_assert_int_eq(dns_records_open(&records, sample.bytes, sample.length), 0);
	size_t end = 33;
	for (unsigned i = 0; i < 6; i++) {
		ck_assert_int_eq(dns_record_next(&records, &record), 1);
		ck_assert_uint_eq(record.start, end);
		ck_assert_uint_eq(record.type, types[i]);
		ck_assert_uint_eq(record.section, sections[i]);
		ck_assert_uint_eq(record.ttl, ttls[i]);
		ck_assert_uint_eq(record.rclass, i == 4 ? 1232 : DNS_CLASS_IN);
		ck_assert_uint_eq(record.rdata, record.fixed + 10);
		ck_assert_uint_eq(record.end, record.rdata + record.rdlength);
		end = record.end;
	}
	ck_assert_uint_eq(end, sample.length);
	ck_assert_int_eq(dns_record_next(&records, &record), 0);
	ck_assert_int_eq(dns_record_next(&records, &record), 0);
}
END_TEST

START_TEST(refuses_a_message_cut_at_every_byte)
{
	struct sample sample;
	sample_response(&sample);
	ck_assert_int_eq(dns_message_check(sample.bytes, sample.length), 0);
	for (size_t length = 0; length < sample.length; length++) {
		uint8_t *exact = sample_exact(sample.bytes, length);
		ck_assert_int_eq(dns_message_check(exact, length), -EBADMSG);
		ck_assert_int_eq(dns_message_end(exact, length), -EBADMSG);
		free(exact);
	}
}
END_TEST

START_TEST(finds_trailing_data)
{
	struct sample sample;
	sample_response(&sample);
	size_t end = sample.length;
	ck_assert_int_eq(dns_message_end(sample.bytes, sample.length), (int)end);
	sample_bytes(&sample, "trailing", 8);
	ck_assert_int_eq(dns_message_end(sample.bytes, sample.length), (int)end);
	sample_header(&sample, 0, 0, 0, 0, 0);
	ck_assert_int_eq(dns_message_end(sample.bytes, sample.length), DNS_HEADER_SIZE);
}
END_TEST

START_TEST(refuses_data_that_runs_over_the_end)
{
	static const uint16_t lengths[] = {5, 6, 255, 256, 0x7fff, 0x8000, 0xffff};
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		struct sample sample;
		sample_header(&sample, DNS_FLAG_QR, 1, 1, 0, 0);
		sample_question(&sample, "a", DNS_TYPE_A);
		sample_pointer(&sample, 12);
		sample_fixed(&sample, DNS_TYPE_A, 1, lengths[i]);
		sample_u32(&sample, 0);
		uint8_t *exact = sample_exact(sample.bytes, sample.length);
		ck_assert_int_eq(dns_message_check(exact, sample.length), -EBADMSG);
		free(exact);
	}
}
END_TEST

START_TEST(refuses_owner_names_that_lead_astray)
{
	struct sample sample;
	static const uint16_t targets[] = {19, 20, 21, 11, 0, 0x3fff};
	for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
		sample_header(&sample, DNS_FLAG_QR, 1, 1, 0, 0);
		sample_question(&sample, "a", DNS_TYPE_A); /* ends at 19 */
		sample_pointer(&sample, targets[i]);
		sample_fixed(&sample, DNS_TYPE_A, 1, 0);
		ck_assert_int_eq(dns_message_check(sample.bytes, sample.length), -EBADMSG);
	}
}
END_TEST

START_TEST(takes_the_largest_message)
{
	static struct sample sample;
	sample_header(&sample, DNS_FLAG_QR, 0, 1, 0, 0);
	sample_u8(&sample, 0);
	sample_fixed(&sample, DNS_TYPE_TXT, 1, DNS_MESSAGE_MAX - 23);
	memset(sample.bytes + sample.length, 0, DNS_MESSAGE_MAX - sample.length);
	ck_assert_int_eq(dns_message_end(sample.bytes, DNS_MESSAGE_MAX), DNS_MESSAGE_MAX);
	ck_assert_int_eq(dns_message_end(sample.bytes, DNS_MESSAGE_MAX + 1), -EBADMSG);
	ck_assert_uint_eq(sample_record(sample.bytes, DNS_MESSAGE_MAX, 0).end, DNS_MESSAGE_MAX);
}
END_TEST

START_TEST(counts_beyond_the_data_end_the_walk)
{
	struct sample sample;
	sample_query(&sample, "a", DNS_TYPE_A, false, false);
	for (unsigned section = 0; section < 4; section++) {
		uint16_t was = dns_count_load(sample.bytes, section);
		dns_count_store(sample.bytes, section, 0xffff);
		ck_assert_int_eq(dns_message_check(sample.bytes, sample.length), -EBADMSG);
		dns_count_store(sample.bytes, section, was);
	}
	ck_assert_int_eq(dns_message_check(sample.bytes, sample.length), 0);
}
END_TEST

START_TEST(finds_names_in_data)
{
	struct sample sample;
	sample_header(&sample, DNS_FLAG_QR, 1, 2, 0, 0);
	sample_question(&sample, "a", DNS_TYPE_NAPTR);
	sample_pointer(&sample, 12);
	sample_fixed(&sample, DNS_TYPE_NAPTR, 1, 4 + 2 + 1 + 3 + 2);
	sample_bytes(&sample, "\0\1\0\2\1s\0\2xy", 10);
	sample_pointer(&sample, 12);
	sample_pointer(&sample, 12);
	sample_fixed(&sample, DNS_TYPE_NAPTR, 1, 6); /* a string over the end of the data */
	sample_bytes(&sample, "\0\1\0\2\7s", 6);

	struct dns_rdata_layout layout = dns_rdata_layout_of(DNS_TYPE_NAPTR);
	struct dns_record record = sample_record(sample.bytes, sample.length, 0);
	ck_assert_int_eq(dns_rdata_name_find(sample.bytes, &record, layout), record.rdata + 10);
	sample_name_assert(sample.bytes, record.end, record.rdata + 10u, "a.");
	record = sample_record(sample.bytes, sample.length, 1);
	ck_assert_int_eq(dns_rdata_name_find(sample.bytes, &record, layout), -EBADMSG);
	ck_assert_uint_eq(dns_rdata_layout_of(DNS_TYPE_TXT).names, 0);
	ck_assert_uint_eq(dns_rdata_layout_of(DNS_TYPE_HTTPS).names, 0);
	ck_assert_uint_eq(dns_rdata_layout_of(DNS_TYPE_SOA).names, 2);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("dns message");
	TCase *question = tcase_create("question");
	tcase_add_test(question, header_bits_lie_where_the_flags_are);
	tcase_add_test(question, parses_the_question);
	tcase_add_test(question, refuses_a_question_cut_at_every_byte);
	tcase_add_test(question, refuses_questions_that_are_not_plain);
	suite_add_tcase(s, question);
	TCase *records = tcase_create("records");
	tcase_add_test(records, walks_over_all_records);
	tcase_add_test(records, refuses_a_message_cut_at_every_byte);
	tcase_add_test(records, finds_trailing_data);
	tcase_add_test(records, refuses_data_that_runs_over_the_end);
	tcase_add_test(records, refuses_owner_names_that_lead_astray);
	tcase_add_test(records, takes_the_largest_message);
	tcase_add_test(records, counts_beyond_the_data_end_the_walk);
	tcase_add_test(records, finds_names_in_data);
	suite_add_tcase(s, records);
	return s;
}

UNIT_MAIN(suite)
