/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"

#include <errno.h>
#include <string.h>

#include "dataplane/dns/name.h"
#include "tests/unit/dns_samples.h"

static size_t parse(const char *text, uint8_t name[static DNS_NAME_MAX])
{
	int length = dns_name_parse(text, strlen(text), name);
	ck_assert_msg(length > 0, "%s: %d", text, length);
	return (size_t)length;
}

static int parse_error(const char *text)
{
	uint8_t name[DNS_NAME_MAX];
	return dns_name_parse(text, strlen(text), name);
}

/* Four labels with `last` bytes in the fourth: 61 gives the longest name, of 255 bytes. */
static size_t long_text(char *text, size_t last)
{
	size_t at = 0;
	for (unsigned label = 0; label < 4; label++) {
		size_t size = label < 3 ? DNS_LABEL_MAX : last;
		memset(text + at, 'a' + (int)label, size);
		at += size;
		text[at++] = '.';
	}
	return at;
}

START_TEST(measures_names)
{
	static const uint8_t name[] = "\3www\7example\3com";
	uint8_t labels = 99;

	ck_assert_uint_eq(dns_name_measure(name, sizeof(name), &labels), 17);
	ck_assert_uint_eq(labels, 3);
	ck_assert_uint_eq(dns_name_measure((const uint8_t *)"", 1, &labels), 1);
	ck_assert_uint_eq(labels, 0);
	for (size_t available = 0; available < sizeof(name); available++) {
		uint8_t *cut = sample_exact(name, available);
		ck_assert_uint_eq(dns_name_measure(cut, available, &labels), 0);
		free(cut);
	}
}
END_TEST

START_TEST(measures_only_plain_names)
{
	uint8_t labels;

	ck_assert_uint_eq(dns_name_measure((const uint8_t *)"\xc0\x0c", 3, &labels), 0);
	ck_assert_uint_eq(dns_name_measure((const uint8_t *)"\1a\xc0\x0c", 5, &labels), 0);
	ck_assert_uint_eq(dns_name_measure((const uint8_t *)"\x40", 200, &labels), 0);
	ck_assert_uint_eq(dns_name_measure((const uint8_t *)"\x80", 200, &labels), 0);
}
END_TEST

START_TEST(measures_up_to_the_limit)
{
	uint8_t name[300];
	uint8_t labels;

	memset(name, 0, sizeof(name));
	for (size_t at = 0; at < 254; at += 2)
		name[at] = 1;
	ck_assert_uint_eq(dns_name_measure(name, sizeof(name), &labels), 255);
	ck_assert_uint_eq(labels, DNS_LABELS_MAX);
	name[0] = 2; /* one byte more: the root label would be the 256th */
	for (size_t at = 3; at < 255; at += 2) {
		name[at] = 1;
		name[at + 1] = 'x';
	}
	name[255] = 0;
	ck_assert_uint_eq(dns_name_measure(name, sizeof(name), &labels), 0);
}
END_TEST

START_TEST(unpacks_compressed_names)
{
	struct sample sample;
	sample_response(&sample);
	uint8_t name[DNS_NAME_MAX], length, plain[DNS_NAME_MAX];
	size_t mail = 12 + 17 + 4 + 2 + 10 + 2;

	ck_assert_uint_eq(dns_name_unpack(sample.bytes, sample.length, mail, name, &length), 8);
	ck_assert_uint_eq(dns_name_skip(sample.bytes, sample.length, mail), 8);
	ck_assert_uint_eq(length, parse("mail1.example.com", plain));
	ck_assert_mem_eq(name, plain, length);
	ck_assert_uint_eq(dns_name_unpack(sample.bytes, sample.length, 12, name, &length), 17);
	ck_assert_uint_eq(length, 17);
	/* A pointer straight to a pointer is odd, but leads backwards. */
	sample_pointer(&sample, mail + 6);
	sample_name_assert(sample.bytes, sample.length, sample.length - 2, "example.com.");
}
END_TEST

static void refuse(const struct sample *sample, size_t offset)
{
	uint8_t name[DNS_NAME_MAX], length;
	uint8_t *exact = sample_exact(sample->bytes, sample->length);
	ck_assert_uint_eq(dns_name_unpack(exact, sample->length, offset, name, &length), 0);
	ck_assert_uint_eq(dns_name_skip(exact, sample->length, offset), 0);
	free(exact);
}

START_TEST(refuses_pointers_that_do_not_lead_backwards)
{
	static const uint16_t targets[] = {20, 21, 22, 23, 24, 0x3fff, 11, 0};
	for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
		struct sample sample;
		sample_header(&sample, 0, 0, 0, 0, 0);
		sample_name(&sample, "abcdef");
		ck_assert_uint_eq(sample.length, 20);
		sample_labels(&sample, "a"); /* 20 to 21; the pointer is at 22 */
		sample_pointer(&sample, targets[i]);
		sample_name(&sample, "");
		refuse(&sample, 20);
	}
}
END_TEST

START_TEST(refuses_names_that_run_over_their_own_pointer)
{
	struct sample sample;
	sample_header(&sample, 0, 0, 0, 0, 0);
	sample_u8(&sample, 4); /* a label over the pointer and two bytes behind it */
	sample_pointer(&sample, 12);
	sample_name(&sample, "a");
	sample_name(&sample, "");
	refuse(&sample, 13);
	/* The same with the end within the pointer. */
	sample_header(&sample, 0, 0, 0, 0, 0);
	sample_u8(&sample, 1);
	sample_pointer(&sample, 12);
	sample_name(&sample, "");
	refuse(&sample, 13);
}
END_TEST

START_TEST(refuses_two_pointers_that_lead_to_each_other)
{
	struct sample sample;
	sample_header(&sample, 0, 0, 0, 0, 0);
	sample_pointer(&sample, 14);
	sample_pointer(&sample, 12);
	refuse(&sample, 12);
	refuse(&sample, 14);
}
END_TEST

START_TEST(refuses_a_chain_of_too_many_pointers)
{
	struct sample sample;
	sample_header(&sample, 0, 0, 0, 0, 0);
	sample_name(&sample, "");
	sample_pointer(&sample, 12);
	for (unsigned i = 1; i < 200; i++)
		sample_pointer(&sample, sample.length - 2);
	uint8_t name[DNS_NAME_MAX], length;
	size_t last = 13 + 2 * (DNS_LABELS_MAX - 1);
	ck_assert_uint_eq(dns_name_unpack(sample.bytes, sample.length, last, name, &length), 2);
	refuse(&sample, last + 2);
	refuse(&sample, sample.length - 2);
}
END_TEST

START_TEST(refuses_names_that_grow_too_long_by_pointers)
{
	struct sample sample;
	char text[300];
	sample_header(&sample, 0, 0, 0, 0, 0);
	text[long_text(text, 61)] = '\0';
	sample_name(&sample, text);
	size_t second = sample.length;
	sample_pointer(&sample, 12);
	sample_labels(&sample, "x");
	sample_pointer(&sample, 12);
	uint8_t name[DNS_NAME_MAX], length;
	ck_assert_uint_eq(dns_name_unpack(sample.bytes, sample.length, second, name, &length), 2);
	ck_assert_uint_eq(length, DNS_NAME_MAX);
	refuse(&sample, second + 2);
}
END_TEST

START_TEST(refuses_names_cut_at_every_byte)
{
	struct sample sample;
	sample_response(&sample);
	size_t mail = 12 + 17 + 4 + 2 + 10 + 2;
	for (sample.length = mail; sample.length < mail + 8; sample.length++)
		refuse(&sample, mail);
	for (sample.length = 12; sample.length < 12 + 17; sample.length++)
		refuse(&sample, 12);
}
END_TEST

START_TEST(compares_without_case)
{
	uint8_t a[DNS_NAME_MAX], b[DNS_NAME_MAX];
	size_t length = parse("wWw.ExAmPlE.CoM-zZ_[`{@", a);

	ck_assert_uint_eq(parse("WwW.eXaMpLe.cOm-Zz_[`{@", b), length);
	ck_assert(dns_name_equal(a, length, b, length));
	for (size_t i = 1; i < length - 1; i++) {
		if (b[i] < ' ')
			continue;
		uint8_t was = b[i];
		b[i] ^= 0x08;
		ck_assert_msg(!dns_name_equal(a, length, b, length), "byte %zu", i);
		b[i] = was | 0x80;
		ck_assert(!dns_name_equal(a, length, b, length));
		b[i] = was;
	}
	ck_assert(!dns_name_equal(a, length, b, length - 1));
}
END_TEST

START_TEST(folds_letters_only)
{
	for (unsigned byte = 0; byte < 256; byte++) {
		uint8_t in[8], out[8];
		uint8_t want = (uint8_t)(byte >= 'A' && byte <= 'Z' ? byte + 32 : byte);
		memset(in, (int)byte, sizeof(in));
		in[3] = 'Q';
		uint64_t word = dns_word_fold(dns_word_load(in));
		memcpy(out, &word, sizeof(out));
		ck_assert_uint_eq(out[0], want);
		ck_assert_uint_eq(out[7], want);
		ck_assert_uint_eq(out[3], 'q');
		ck_assert_uint_eq(dns_byte_fold((uint8_t)byte), want);
	}
}
END_TEST

START_TEST(equal_names_of_every_length_hash_equally)
{
	uint8_t upper[DNS_NAME_MAX], lower[DNS_NAME_MAX];
	for (size_t length = 1; length <= DNS_LABEL_MAX; length++) {
		char text[DNS_LABEL_MAX + 1];
		memset(text, 'K', length);
		text[length] = '\0';
		size_t size = parse(text, upper);
		dns_name_lower(lower, upper, size);
		ck_assert_uint_eq(lower[length], 'k');
		ck_assert(dns_name_same(upper, lower, size));
		ck_assert_uint_eq(dns_name_hash(upper, size, 7), dns_name_hash(lower, size, 7));
		ck_assert_uint_eq(dns_name_hash32(upper, size, 7), dns_name_hash32(lower, size, 7));
		ck_assert_uint_ne(dns_name_hash(upper, size, 7), dns_name_hash(upper, size, 8));
		for (size_t i = 1; i <= length; i++) {
			lower[i] = 'x';
			ck_assert(!dns_name_same(upper, lower, size));
			ck_assert_uint_ne(dns_name_hash(upper, size, 7),
					  dns_name_hash(lower, size, 7));
			lower[i] = 'k';
		}
	}
}
END_TEST

/* 65,536 names that differ in two bytes must fill the buckets of a table about evenly. */
START_TEST(hash_spreads)
{
	static uint8_t hits[65536];
	uint8_t name[DNS_NAME_MAX];
	unsigned empty_low = 0, empty_high = 0;

	size_t size = parse("ab.cd.example.com", name);
	memset(hits, 0, sizeof(hits));
	for (unsigned i = 0; i < 65536; i++) {
		name[1] = (uint8_t)(i & 0xff);
		name[4] = (uint8_t)(i >> 8);
		uint64_t hash = dns_name_hash(name, size, 0);
		hits[hash & 0xffff] |= 1;
		hits[hash >> 48] |= 2;
	}
	for (unsigned i = 0; i < 65536; i++) {
		empty_low += !(hits[i] & 1);
		empty_high += !(hits[i] & 2);
	}
	/* 230 * 230 different names; an ideal hash leaves 44.6 % of the buckets empty. */
	ck_assert_uint_lt(empty_low, 65536 * 47 / 100);
	ck_assert_uint_gt(empty_low, 65536 * 42 / 100);
	ck_assert_uint_lt(empty_high, 65536 * 47 / 100);
	ck_assert_uint_gt(empty_high, 65536 * 42 / 100);
}
END_TEST

static bool within(const char *name_text, const char *suffix_text)
{
	uint8_t name[DNS_NAME_MAX], suffix[DNS_NAME_MAX];
	size_t length = parse(name_text, name);
	return dns_name_within(name, length, suffix, parse(suffix_text, suffix));
}

START_TEST(finds_suffixes_on_label_boundaries)
{
	ck_assert(within("www.example.com", "EXAMPLE.com"));
	ck_assert(within("www.example.com", "www.example.com."));
	ck_assert(within("www.example.com", "."));
	ck_assert(within(".", "."));
	ck_assert(!within("com", "example.com"));
	ck_assert(!within(".", "com"));
	ck_assert(!within("www.example.com", "xample.com"));
	ck_assert(!within("www.badexample.com", "example.com"));
	/* The same bytes, but the suffix starts within a label: \003com there is text. */
	ck_assert(!within("a\\003com", "com"));
	ck_assert(!within("www.example.com", "example.org"));
}
END_TEST

START_TEST(splits_into_labels)
{
	uint8_t name[DNS_NAME_MAX], offsets[DNS_LABELS_MAX];

	parse("www.example.com", name);
	ck_assert_uint_eq(dns_name_split(name, sizeof(name), offsets), 3);
	ck_assert_uint_eq(offsets[0], 0);
	ck_assert_uint_eq(offsets[1], 4);
	ck_assert_uint_eq(offsets[2], 12);
	parse(".", name);
	ck_assert_uint_eq(dns_name_split(name, sizeof(name), offsets), 0);
}
END_TEST

START_TEST(parses_text)
{
	uint8_t name[DNS_NAME_MAX];

	ck_assert_uint_eq(parse("www.Example.com", name), 17);
	ck_assert_mem_eq(name, "\3www\7Example\3com", 17);
	ck_assert_uint_eq(parse("www.Example.com.", name), 17);
	ck_assert_mem_eq(name, "\3www\7Example\3com", 17);
	ck_assert_uint_eq(parse(".", name), 1);
	ck_assert_uint_eq(parse("", name), 1);
	ck_assert_uint_eq(name[0], 0);
	ck_assert_uint_eq(parse("a\\.b.\\\\c\\032\\255\\000x", name), 12);
	ck_assert_mem_eq(name, "\3a.b\6\\c \377\0x", 12);
	ck_assert_uint_eq(parse("\\@", name), 3);
	ck_assert_mem_eq(name, "\1@", 3);
}
END_TEST

START_TEST(refuses_broken_text)
{
	static const char *const broken[] = {
		"..",	".a",	 "a..b",  "a..",   "a\\",   "\\",
		"a\\1", "a\\12", "\\12x", "\\256", "\\1.2", "\\999",
	};
	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++)
		ck_assert_msg(parse_error(broken[i]) == -EINVAL, "%s", broken[i]);
}
END_TEST

START_TEST(refuses_text_too_long)
{
	char text[DNS_NAME_TEXT_SIZE + 300];
	uint8_t name[DNS_NAME_MAX];

	memset(text, 'x', 64);
	ck_assert_int_eq(dns_name_parse(text, 63, name), 65);
	ck_assert_int_eq(dns_name_parse(text, 64, name), -ENAMETOOLONG);
	size_t length = long_text(text, 61);
	ck_assert_int_eq(dns_name_parse(text, length, name), 255);
	ck_assert_int_eq(dns_name_parse(text, length - 1, name), 255);
	ck_assert_uint_eq(name[254], 0);
	length = long_text(text, 62);
	ck_assert_int_eq(dns_name_parse(text, length, name), -ENAMETOOLONG);
	ck_assert_int_eq(dns_name_parse(text, length - 1, name), -ENAMETOOLONG);
	for (size_t labels = 120; labels < 200; labels++) {
		for (size_t i = 0; i < labels; i++)
			memcpy(text + 2 * i, "x.", 2);
		int want = labels <= DNS_LABELS_MAX ? (int)(2 * labels + 1) : -ENAMETOOLONG;
		ck_assert_int_eq(dns_name_parse(text, 2 * labels, name), want);
	}
}
END_TEST

static void print_assert(const char *text, const char *dotted, const char *plain)
{
	uint8_t name[DNS_NAME_MAX];
	char out[DNS_NAME_TEXT_SIZE];

	parse(text, name);
	ck_assert_int_eq(dns_name_print(name, out, sizeof(out), true), (int)strlen(dotted));
	ck_assert_str_eq(out, dotted);
	ck_assert_int_eq(dns_name_print(name, out, sizeof(out), false), (int)strlen(plain));
	ck_assert_str_eq(out, plain);
}

START_TEST(prints_text)
{
	print_assert("www.Example.com", "www.Example.com.", "www.Example.com");
	print_assert(".", ".", "");
	print_assert("a\\.b.\\\\c\\032\\255\\000x\\127.~!", "a\\.b.\\\\c\\032\\255\\000x\\127.~!.",
		     "a\\.b.\\\\c\\032\\255\\000x\\127.~!");
}
END_TEST

START_TEST(prints_into_any_room)
{
	static const char *const names[] = {".", "a", "www.example.com", "a\\.\\003.b"};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		for (unsigned dot = 0; dot < 2; dot++) {
			uint8_t name[DNS_NAME_MAX];
			char out[64];
			parse(names[i], name);
			int need = dns_name_print(name, out, sizeof(out), dot) + 1;
			for (size_t size = 0; size < (size_t)need; size++) {
				char *exact = malloc(size ? size : 1);
				ck_assert_int_eq(dns_name_print(name, exact, size, dot), -ENOSPC);
				free(exact);
			}
			char *exact = malloc((size_t)need);
			ck_assert_int_eq(dns_name_print(name, exact, (size_t)need, dot), need - 1);
			free(exact);
		}
	}
}
END_TEST

START_TEST(prints_the_longest_text)
{
	uint8_t name[DNS_NAME_MAX], again[DNS_NAME_MAX];
	char text[DNS_NAME_TEXT_SIZE];
	size_t at = 0;

	for (unsigned label = 0; label < 4; label++) {
		uint8_t size = label < 3 ? DNS_LABEL_MAX : 61;
		name[at++] = size;
		memset(name + at, 0xff, size);
		at += size;
	}
	name[at] = 0;
	ck_assert_int_eq(dns_name_print(name, text, sizeof(text), true), DNS_NAME_TEXT_SIZE - 1);
	ck_assert_int_eq(dns_name_parse(text, strlen(text), again), DNS_NAME_MAX);
	ck_assert_mem_eq(name, again, DNS_NAME_MAX);
	ck_assert_int_eq(dns_name_print(name, text, sizeof(text) - 1, true), -ENOSPC);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("dns name");
	TCase *wire = tcase_create("wire");
	tcase_add_test(wire, measures_names);
	tcase_add_test(wire, measures_only_plain_names);
	tcase_add_test(wire, measures_up_to_the_limit);
	tcase_add_test(wire, unpacks_compressed_names);
	tcase_add_test(wire, refuses_pointers_that_do_not_lead_backwards);
	tcase_add_test(wire, refuses_names_that_run_over_their_own_pointer);
	tcase_add_test(wire, refuses_two_pointers_that_lead_to_each_other);
	tcase_add_test(wire, refuses_a_chain_of_too_many_pointers);
	tcase_add_test(wire, refuses_names_that_grow_too_long_by_pointers);
	tcase_add_test(wire, refuses_names_cut_at_every_byte);
	suite_add_tcase(s, wire);
	TCase *compare = tcase_create("compare");
	tcase_add_test(compare, compares_without_case);
	tcase_add_test(compare, folds_letters_only);
	tcase_add_test(compare, equal_names_of_every_length_hash_equally);
	tcase_add_test(compare, hash_spreads);
	tcase_add_test(compare, finds_suffixes_on_label_boundaries);
	tcase_add_test(compare, splits_into_labels);
	suite_add_tcase(s, compare);
	TCase *text = tcase_create("text");
	tcase_add_test(text, parses_text);
	tcase_add_test(text, refuses_broken_text);
	tcase_add_test(text, refuses_text_too_long);
	tcase_add_test(text, prints_text);
	tcase_add_test(text, prints_into_any_room);
	tcase_add_test(text, prints_the_longest_text);
	suite_add_tcase(s, text);
	return s;
}

UNIT_MAIN(suite)
