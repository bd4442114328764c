/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"

#include <errno.h>

#include "dataplane/dns/edns.h"
#include "tests/unit/dns_samples.h"

#define CAPACITY 600u

static enum dns_error find(const struct sample *sample, struct dns_edns *edns)
{
	struct dns_question question;
	uint8_t *exact = sample_exact(sample->bytes, sample->length);
	ck_assert_int_eq(dns_question_parse(exact, sample->length, &question), DNS_OK);
	enum dns_error error = dns_edns_find(exact, sample->length, question.end, edns);
	struct dns_edns slow;
	ck_assert_int_eq(dns_edns_search(exact, sample->length, &slow), error);
	if (error == DNS_OK) {
		ck_assert_uint_eq(slow.offset, edns->offset);
		ck_assert_uint_eq(slow.end, edns->end);
		ck_assert_uint_eq(slow.rdata, edns->rdata);
		ck_assert_uint_eq(slow.rdlength, edns->rdlength);
		ck_assert_uint_eq(slow.udp_size, edns->udp_size);
		ck_assert_uint_eq(slow.flags, edns->flags);
		ck_assert_uint_eq(slow.last, edns->last);
	}
	free(exact);
	return error;
}

static struct dns_edns found(const struct sample *sample)
{
	struct dns_edns edns;
	memset(&edns, 0, sizeof(edns));
	ck_assert_int_eq(find(sample, &edns), DNS_OK);
	return edns;
}

START_TEST(finds_no_opt)
{
	struct sample sample;
	sample_query(&sample, "example.com", DNS_TYPE_A, false, false);
	struct dns_edns edns = found(&sample);
	ck_assert_uint_eq(edns.offset, 0);
	ck_assert(!dns_edns_do(&edns));
	ck_assert_uint_eq(dns_edns_client_size(&edns), 512);
}
END_TEST

START_TEST(turns_the_opt_of_a_query_into_ours)
{
	struct sample sample;
	sample_query(&sample, "example.com", DNS_TYPE_A, true, true);
	uint16_t size = dns_u16_load(sample.bytes + sample.length - 8);
	int length = dns_option_set(sample.bytes, sample.length, CAPACITY, 10,
				    (const uint8_t *)"cookie!!", 8, 0);
	ck_assert_int_eq(length, (int)sample.length + 12);
	uint8_t before[CAPACITY];
	memcpy(before, sample.bytes, (size_t)length);
	/* One that no client of this size sent stays. */
	ck_assert_int_eq(dns_edns_turn(sample.bytes, (size_t)length, size + 1, 1232), length);
	ck_assert_mem_eq(sample.bytes, before, (size_t)length);
	ck_assert_int_eq(dns_edns_turn(sample.bytes, (size_t)length, size, 1300), (int)sample.length);
	struct dns_edns edns = found(&sample);
	ck_assert_uint_eq(edns.udp_size, 1300);
	ck_assert_uint_eq(edns.rdlength, 0);
	ck_assert(dns_edns_do(&edns));
}
END_TEST

START_TEST(reads_the_opt_of_a_query)
{
	struct sample sample;
	sample_query(&sample, "example.com", DNS_TYPE_A, true, true);
	sample.bytes[sample.length - 6] = 7; /* extended rcode */
	sample.bytes[sample.length - 5] = 9; /* version */
	struct dns_edns edns = found(&sample);

	ck_assert_uint_eq(edns.offset, sample.length - 11);
	ck_assert_uint_eq(edns.end, sample.length);
	ck_assert_uint_eq(edns.rdata, sample.length);
	ck_assert_uint_eq(edns.rdlength, 0);
	ck_assert_uint_eq(edns.udp_size, 4096);
	ck_assert_uint_eq(edns.extended_rcode, 7);
	ck_assert_uint_eq(edns.version, 9);
	ck_assert(dns_edns_do(&edns));
	ck_assert(edns.last);
	ck_assert_uint_eq(dns_edns_client_size(&edns), 4096);
	dns_u16_store(sample.bytes + sample.length - 8, 100);
	edns = found(&sample);
	ck_assert_uint_eq(dns_edns_client_size(&edns), 512);
}
END_TEST

START_TEST(finds_the_opt_among_records)
{
	struct sample sample;
	sample_response(&sample);
	struct dns_edns edns = found(&sample);
	ck_assert_uint_eq(edns.udp_size, 1232);
	ck_assert_uint_eq(edns.rdlength, 6);
	ck_assert(!edns.last);
}
END_TEST

START_TEST(finds_the_opt_before_trailing_data)
{
	struct sample sample;
	sample_query(&sample, "example.com", DNS_TYPE_A, true, false);
	size_t end = sample.length;
	sample_bytes(&sample, "more", 4);
	struct dns_edns edns = found(&sample);
	ck_assert_uint_eq(edns.end, end);
	ck_assert(edns.last);
}
END_TEST

START_TEST(passes_over_other_additional_records)
{
	struct sample sample;
	sample_header(&sample, 0, 1, 0, 0, 1);
	sample_question(&sample, "example.com", DNS_TYPE_A);
	sample_name(&sample, "key");
	sample_fixed(&sample, DNS_TYPE_TSIG, 0, 0);
	ck_assert_uint_eq(found(&sample).offset, 0);
	dns_count_store(sample.bytes, DNS_SECTION_ADDITIONAL, 2);
	sample_opt(&sample, 1232, false, NULL, 0);
	struct dns_edns edns = found(&sample);
	ck_assert_uint_eq(edns.end, sample.length);
	ck_assert(edns.last);
}
END_TEST

START_TEST(refuses_two_opts)
{
	struct sample sample;
	struct dns_edns edns;
	sample_query(&sample, "example.com", DNS_TYPE_A, true, false);
	sample_opt(&sample, 1232, false, NULL, 0);
	dns_count_store(sample.bytes, DNS_SECTION_ADDITIONAL, 2);
	ck_assert_int_eq(find(&sample, &edns), DNS_ERROR_OPT);
	ck_assert_int_eq(dns_edns_remove(sample.bytes, sample.length), -EBADMSG);
	ck_assert_int_eq(dns_option_set(sample.bytes, sample.length, CAPACITY, 10, NULL, 0, 1232),
			 -EBADMSG);
}
END_TEST

START_TEST(refuses_an_opt_with_an_owner)
{
	struct sample sample;
	struct dns_edns edns;
	sample_header(&sample, 0, 1, 0, 0, 1);
	sample_question(&sample, "example.com", DNS_TYPE_A);
	sample_name(&sample, "owner");
	sample_fixed(&sample, DNS_TYPE_OPT, 0, 0);
	ck_assert_int_eq(find(&sample, &edns), DNS_ERROR_OPT);
	/* A pointer to a root label is a root owner nobody writes. */
	sample_header(&sample, 0, 1, 0, 0, 1);
	sample_question(&sample, "example.com", DNS_TYPE_A);
	sample_pointer(&sample, 12 + 12);
	sample_fixed(&sample, DNS_TYPE_OPT, 0, 0);
	ck_assert_int_eq(find(&sample, &edns), DNS_ERROR_OPT);
}
END_TEST

START_TEST(refuses_an_opt_in_a_wrong_section)
{
	for (unsigned section = DNS_SECTION_ANSWER; section < DNS_SECTION_ADDITIONAL; section++) {
		struct sample sample;
		struct dns_edns edns;
		sample_query(&sample, "example.com", DNS_TYPE_A, true, false);
		dns_count_store(sample.bytes, DNS_SECTION_ADDITIONAL, 0);
		dns_count_store(sample.bytes, section, 1);
		ck_assert_int_eq(find(&sample, &edns), DNS_ERROR_OPT);
	}
}
END_TEST

START_TEST(refuses_an_opt_cut_at_every_byte)
{
	struct sample sample;
	struct dns_edns edns;
	sample_query(&sample, "example.com", DNS_TYPE_A, true, false);
	dns_u16_store(sample.bytes + sample.length - 2, 6);
	sample_bytes(&sample, "\0\x0a\0\x02hi", 6);
	size_t end = sample.length;
	for (sample.length = end - 17; sample.length < end; sample.length++)
		ck_assert_int_eq(find(&sample, &edns), DNS_ERROR_CUT);
	sample.length = end;
	ck_assert_int_eq(find(&sample, &edns), DNS_OK);
}
END_TEST

START_TEST(walks_over_options)
{
	static const char bytes[] = "\0\x0a\0\x02hi\0\x03\0\0\0\x0a\0\1x";
	struct sample sample;
	sample_header(&sample, 0, 1, 0, 0, 1);
	sample_question(&sample, "a", DNS_TYPE_A);
	sample_opt(&sample, 1232, false, bytes, 15);
	struct dns_edns edns = found(&sample);
	struct dns_options options;
	struct dns_option option;
	static const uint16_t codes[] = {10, 3, 10}, lengths[] = {2, 0, 1};

	dns_options_open(&options, sample.bytes, &edns);
	for (unsigned i = 0; i < 3; i++) {
		ck_assert_int_eq(dns_option_next(&options, &option), 1);
		ck_assert_uint_eq(option.code, codes[i]);
		ck_assert_uint_eq(option.length, lengths[i]);
		ck_assert_uint_eq(option.data, option.start + 4);
	}
	ck_assert_int_eq(dns_option_next(&options, &option), 0);
	ck_assert_int_eq(dns_option_find(sample.bytes, &edns, 10, &option), 1);
	ck_assert_mem_eq(sample.bytes + option.data, "hi", 2);
	ck_assert_int_eq(dns_option_find(sample.bytes, &edns, 8, &option), 0);
	edns = (struct dns_edns){0};
	ck_assert_int_eq(dns_option_find(sample.bytes, &edns, 10, &option), 0);
}
END_TEST

START_TEST(refuses_options_that_run_over_the_end)
{
	static const char bytes[] = "\0\x0a\0\x02hi\0\x03\0\2x";
	for (uint16_t length = 1; length <= 11; length++) {
		struct sample sample;
		struct dns_option option;
		sample_header(&sample, 0, 1, 0, 0, 1);
		sample_question(&sample, "a", DNS_TYPE_A);
		sample_opt(&sample, 1232, false, bytes, length);
		struct dns_edns edns = found(&sample);
		int want = length == 6 ? 0 : -EBADMSG;
		ck_assert_int_eq(dns_option_find(sample.bytes, &edns, 99, &option), want);
		/* An edit must not turn the rest of a broken option into one that can be read. */
		struct sample before = sample;
		int rc = dns_option_set(sample.bytes, sample.length, CAPACITY, 8,
					(const uint8_t *)"zz", 2, 1232);
		ck_assert_int_eq(rc, length == 6 ? (int)before.length + 6 : -EBADMSG);
		if (rc < 0)
			ck_assert_mem_eq(sample.bytes, before.bytes, before.length);
	}
}
END_TEST

/* The data of the only option with this code. */
static void option_assert(const struct sample *sample, uint16_t code, const char *data,
			  size_t length)
{
	struct dns_edns edns = found(sample);
	struct dns_options options;
	struct dns_option option;
	unsigned seen = 0;

	dns_options_open(&options, sample->bytes, &edns);
	while (dns_option_next(&options, &option) > 0) {
		if (option.code != code)
			continue;
		seen++;
		ck_assert_uint_eq(option.length, length);
		ck_assert_mem_eq(sample->bytes + option.data, data, length);
	}
	ck_assert_uint_eq(seen, 1);
}

static void set(struct sample *sample, uint16_t code, const char *data)
{
	int rc = dns_option_set(sample->bytes, sample->length, CAPACITY, code,
				(const uint8_t *)data, strlen(data), 1232);
	ck_assert_int_gt(rc, 0);
	sample->length = (size_t)rc;
	ck_assert_int_eq(dns_message_end(sample->bytes, sample->length), rc);
	option_assert(sample, code, data, strlen(data));
}

START_TEST(sets_options_in_a_query)
{
	struct sample sample;
	sample_query(&sample, "example.com", DNS_TYPE_A, false, false);
	size_t plain = sample.length;

	set(&sample, 10, "cookie");
	struct dns_edns edns = found(&sample);
	ck_assert_uint_eq(edns.udp_size, 1232);
	ck_assert(!dns_edns_do(&edns));
	ck_assert_uint_eq(sample.length, plain + 11 + 10);
	set(&sample, 8, "subnet");
	set(&sample, 10, "longer cookie");
	option_assert(&sample, 8, "subnet", 6);
	set(&sample, 8, "");
	set(&sample, 10, "c");
	ck_assert_uint_eq(sample.length, plain + 11 + 4 + 5);
	sample.length = (size_t)dns_option_remove(sample.bytes, sample.length, 8);
	option_assert(&sample, 10, "c", 1);
	sample.length = (size_t)dns_option_remove(sample.bytes, sample.length, 8);
	ck_assert_uint_eq(sample.length, plain + 11 + 5);
	sample.length = (size_t)dns_edns_remove(sample.bytes, sample.length);
	ck_assert_uint_eq(sample.length, plain);
	ck_assert_uint_eq(found(&sample).offset, 0);
	ck_assert_int_eq(dns_edns_remove(sample.bytes, sample.length), (int)plain);
	ck_assert_int_eq(dns_option_remove(sample.bytes, sample.length, 8), (int)plain);
}
END_TEST

START_TEST(replaces_all_options_with_the_code)
{
	struct sample sample;
	sample_header(&sample, 0, 1, 0, 0, 1);
	sample_question(&sample, "a", DNS_TYPE_A);
	sample_opt(&sample, 1232, true, "\0\x0a\0\x02hi\0\x03\0\0\0\x0a\0\1x", 15);
	set(&sample, 10, "new");
	struct dns_edns edns = found(&sample);
	ck_assert_uint_eq(edns.rdlength, 4 + 7);
	ck_assert(dns_edns_do(&edns));
	option_assert(&sample, 3, "", 0);
}
END_TEST

/* What stands behind the OPT in sample_response(), and that its pointers lead where they did. */
static void behind_assert(const struct sample *sample, unsigned index)
{
	struct dns_record record = sample_record(sample->bytes, sample->length, index);
	ck_assert_uint_eq(record.type, DNS_TYPE_CNAME);
	ck_assert_uint_eq(record.end, sample->length);
	sample_name_assert(sample->bytes, sample->length, record.start, "v6.ns.example.com.");
	sample_name_assert(sample->bytes, sample->length, record.rdata, "v6.ns.example.com.");
}

START_TEST(keeps_records_behind_the_opt_right)
{
	struct sample sample;
	sample_response(&sample);
	size_t before = sample.length;
	/* "v6" points back over the OPT, and its own data points to behind the OPT. */
	behind_assert(&sample, 5);
	set(&sample, 15, "a rather long text");
	ck_assert_uint_eq(sample.length, before + 22);
	behind_assert(&sample, 5);
	set(&sample, 10, "");
	behind_assert(&sample, 5);
	sample.length = (size_t)dns_edns_remove(sample.bytes, sample.length);
	ck_assert_uint_eq(sample.length, before - 17);
	behind_assert(&sample, 4);
}
END_TEST

START_TEST(keeps_names_that_lie_in_options)
{
	struct sample sample;
	sample_header(&sample, DNS_FLAG_QR, 1, 0, 0, 2);
	sample_question(&sample, "a", DNS_TYPE_A);
	size_t opt = sample.length;
	sample_opt(&sample, 1232, false, "\0\x0a\0\3\1x", 7); /* hides the name x in a cookie */
	sample_pointer(&sample, opt + 15);
	sample_fixed(&sample, DNS_TYPE_A, 1, 0);

	sample_name_assert(sample.bytes, sample.length, opt + 18, "x.");
	set(&sample, 10, "other");
	sample_name_assert(sample.bytes, sample.length,
			   sample_record(sample.bytes, sample.length, 1).start, "x.");
	sample.length = (size_t)dns_edns_remove(sample.bytes, sample.length);
	sample_name_assert(sample.bytes, sample.length,
			   sample_record(sample.bytes, sample.length, 0).start, "x.");
}
END_TEST

START_TEST(keeps_names_that_pointers_no_longer_reach)
{
	static struct sample sample;
	static uint8_t blob[0x3fe0];
	sample_header(&sample, DNS_FLAG_QR, 0, 0, 0, 3);
	sample_opt(&sample, 1232, false, "\0\x0a\0\0", 4);
	sample_name(&sample, "x");
	sample_fixed(&sample, DNS_TYPE_TXT, 1, sizeof(blob) - 12 - 15 - 13);
	sample_bytes(&sample, blob, sizeof(blob) - 12 - 15 - 13);
	size_t far = sample.length;
	ck_assert_uint_eq(far, 0x3fe0);
	sample_labels(&sample, "y");
	sample_pointer(&sample, 12 + 15);
	sample_fixed(&sample, DNS_TYPE_CNAME, 1, 2);
	sample_pointer(&sample, far);

	/* The target may move by 31 bytes, an option of 27 with its header, and by no more. */
	for (unsigned size = 27; size < 29; size++) {
		static struct sample edited;
		edited = sample;
		int rc = dns_option_set(edited.bytes, edited.length, DNS_MESSAGE_MAX, 3, blob, size,
					0);
		ck_assert_int_eq(rc, (int)sample.length + 4 + (int)size + (size == 28 ? 2 : 0));
		struct dns_record record = sample_record(edited.bytes, (size_t)rc, 2);
		sample_name_assert(edited.bytes, (size_t)rc, record.start, "y.x.");
		sample_name_assert(edited.bytes, (size_t)rc, record.rdata, "y.x.");
	}
}
END_TEST

START_TEST(keeps_within_the_capacity)
{
	struct sample sample;
	sample_query(&sample, "example.com", DNS_TYPE_A, false, false);
	size_t need = sample.length + 11 + 4 + 5;
	for (size_t capacity = sample.length; capacity <= need; capacity++) {
		uint8_t *exact = malloc(capacity);
		memcpy(exact, sample.bytes, sample.length);
		int rc = dns_option_set(exact, sample.length, capacity, 10,
					(const uint8_t *)"12345", 5, 1232);
		ck_assert_int_eq(rc, capacity < need ? -ENOSPC : (int)need);
		if (rc < 0)
			ck_assert_mem_eq(exact, sample.bytes, sample.length);
		free(exact);
	}
	static uint8_t big[0x10000];
	ck_assert_int_eq(dns_option_set(sample.bytes, sample.length, sizeof(sample.bytes), 10, big,
					sizeof(big), 1232),
			 -ENOSPC);
}
END_TEST

START_TEST(adds_opt_before_trailing_data)
{
	struct sample sample;
	sample_query(&sample, "example.com", DNS_TYPE_A, false, false);
	size_t end = sample.length;
	sample_bytes(&sample, "\0\0\x29smuggled", 11); /* must not become part of the record */
	int rc = dns_edns_add(sample.bytes, sample.length, CAPACITY, 1400, true);
	ck_assert_int_eq(rc, (int)sample.length + 11);
	sample.length = (size_t)rc;
	struct dns_edns edns = found(&sample);
	ck_assert_uint_eq(edns.offset, end);
	ck_assert_uint_eq(edns.udp_size, 1400);
	ck_assert(dns_edns_do(&edns));
	ck_assert_mem_eq(sample.bytes + edns.end, "\0\0\x29smuggled", 11);
	ck_assert_int_eq(dns_edns_add(sample.bytes, sample.length, CAPACITY, 1400, true), -EEXIST);
}
END_TEST

/* A TSIG for key.example.com, or a SIG(0). */
static void sample_signature(struct sample *sample, uint16_t type)
{
	if (type == DNS_TYPE_TSIG) {
		sample_labels(sample, "key");
		sample_pointer(sample, 12);
	} else {
		sample_u8(sample, 0);
	}
	sample_fixed(sample, type, 0, 20);
	sample_bytes(sample, "\0\0\5\0\0\0\0\0signature.\0s", 20);
}

/* What has the TSIG or SIG(0) at its end, however the OPT is edited, and wherever that stands. */
START_TEST(signatures_stay_last)
{
	static const uint16_t types[] = {DNS_TYPE_TSIG, DNS_TYPE_SIG};
	for (unsigned i = 0; i < 2 * 3; i++) {
		struct sample sample;
		unsigned opt = i % 3; /* none, behind a record, before one */
		sample_header(&sample, DNS_FLAG_RD, 1, 0, 0, 2 + (opt > 0));
		sample_question(&sample, "example.com", DNS_TYPE_A);
		if (opt == 2)
			sample_opt(&sample, 1232, false, NULL, 0);
		sample_pointer(&sample, 12);
		sample_fixed(&sample, DNS_TYPE_A, 50, 4);
		sample_u32(&sample, 0xc0000201);
		if (opt == 1)
			sample_opt(&sample, 1232, false, NULL, 0);
		size_t signature = sample.length;
		sample_signature(&sample, types[i / 3]);
		size_t size = sample.length - signature;
		static uint8_t sign[64];
		memcpy(sign, sample.bytes + signature, size);

		int rc = dns_option_set(sample.bytes, sample.length, CAPACITY, 10, (void *)"12345678",
					8, 1232);
		ck_assert_int_eq(rc, (int)sample.length + 12 + (opt == 0 ? 11 : 0));
		sample.length = (size_t)rc;
		struct dns_edns edns = found(&sample);
		ck_assert(!edns.last);
		ck_assert_uint_eq(edns.rdlength, 12);
		ck_assert_uint_eq(dns_count_load(sample.bytes, DNS_SECTION_ADDITIONAL), 3);
		ck_assert_mem_eq(sample.bytes + sample.length - size, sign, size);
		rc = dns_option_remove(sample.bytes, sample.length, 10);
		ck_assert_int_eq(rc, (int)sample.length - 12);
		ck_assert_mem_eq(sample.bytes + rc - size, sign, size);
		rc = dns_edns_remove(sample.bytes, (size_t)rc);
		ck_assert_int_eq(rc, (int)sample.length - 12 - 11);
		ck_assert_mem_eq(sample.bytes + rc - size, sign, size);
		rc = dns_edns_add(sample.bytes, (size_t)rc, CAPACITY, 1232, true);
		ck_assert_int_eq(rc, (int)sample.length - 12);
		ck_assert_mem_eq(sample.bytes + rc - size, sign, size);
		ck_assert_int_eq(dns_message_check(sample.bytes, (size_t)rc), 0);
	}
}
END_TEST

/* Nobody signs twice; the name of a second signature may lead into the first, which has to stay. */
START_TEST(one_signature_moves)
{
	struct sample sample;
	sample_header(&sample, DNS_FLAG_RD, 1, 0, 0, 2);
	sample_question(&sample, "example.com", DNS_TYPE_A);
	uint16_t first = (uint16_t)sample.length;
	sample_signature(&sample, DNS_TYPE_TSIG);
	size_t second = sample.length;
	sample_pointer(&sample, first);
	sample_fixed(&sample, DNS_TYPE_TSIG, 0, 0);
	size_t size = sample.length - second;
	static uint8_t before[64];
	memcpy(before, sample.bytes + first, second - first);
	ck_assert_int_eq(dns_message_check(sample.bytes, sample.length), 0);

	int rc = dns_option_set(sample.bytes, sample.length, CAPACITY, 10, (void *)"\xff\xff\xff\xff\xff\xff\xff\xff",
				8, 1232);
	ck_assert_int_eq(rc, (int)sample.length + 12 + 11);
	ck_assert_int_eq(dns_message_check(sample.bytes, (size_t)rc), 0);
	ck_assert_mem_eq(sample.bytes + first, before, second - first);
	ck_assert_uint_eq(sample.bytes[(size_t)rc - size + 1], first);
}
END_TEST

START_TEST(adds_extended_errors)
{
	struct sample sample;
	sample_query(&sample, "example.com", DNS_TYPE_A, false, false);
	ck_assert_int_eq(dns_ede_add(sample.bytes, sample.length, CAPACITY, 15, "x", 1, false),
			 -ENOENT);
	sample_query(&sample, "example.com", DNS_TYPE_A, true, true);
	set(&sample, 10, "cookie");
	sample.length =
		(size_t)dns_ede_add(sample.bytes, sample.length, CAPACITY, 15, "why", 3, true);
	option_assert(&sample, 15, "\0\017why", 5);
	option_assert(&sample, 10, "cookie", 6);
	sample.length =
		(size_t)dns_ede_add(sample.bytes, sample.length, CAPACITY, 16, NULL, 0, false);
	ck_assert_uint_eq(found(&sample).rdlength, 10 + 9 + 6);
	sample.length =
		(size_t)dns_ede_add(sample.bytes, sample.length, CAPACITY, 17, "z", 1, true);
	option_assert(&sample, 15, "\0\021z", 3);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("dns edns");
	TCase *find_case = tcase_create("find");
	tcase_add_test(find_case, finds_no_opt);
	tcase_add_test(find_case, reads_the_opt_of_a_query);
	tcase_add_test(find_case, turns_the_opt_of_a_query_into_ours);
	tcase_add_test(find_case, finds_the_opt_among_records);
	tcase_add_test(find_case, finds_the_opt_before_trailing_data);
	tcase_add_test(find_case, passes_over_other_additional_records);
	tcase_add_test(find_case, refuses_two_opts);
	tcase_add_test(find_case, refuses_an_opt_with_an_owner);
	tcase_add_test(find_case, refuses_an_opt_in_a_wrong_section);
	tcase_add_test(find_case, refuses_an_opt_cut_at_every_byte);
	tcase_add_test(find_case, walks_over_options);
	tcase_add_test(find_case, refuses_options_that_run_over_the_end);
	suite_add_tcase(s, find_case);
	TCase *edit = tcase_create("edit");
	tcase_add_test(edit, sets_options_in_a_query);
	tcase_add_test(edit, replaces_all_options_with_the_code);
	tcase_add_test(edit, keeps_records_behind_the_opt_right);
	tcase_add_test(edit, keeps_names_that_lie_in_options);
	tcase_add_test(edit, keeps_names_that_pointers_no_longer_reach);
	tcase_add_test(edit, keeps_within_the_capacity);
	tcase_add_test(edit, adds_opt_before_trailing_data);
	tcase_add_test(edit, signatures_stay_last);
	tcase_add_test(edit, one_signature_moves);
	tcase_add_test(edit, adds_extended_errors);
	suite_add_tcase(s, edit);
	return s;
}

UNIT_MAIN(suite)
