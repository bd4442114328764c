/* SPDX-License-Identifier: BSD-2-Clause */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "dataplane/rules/prefix_set.h"
#include "tests/unit/unit.h"

static struct prefix_list list;
static void *memory;

static struct prefix_set *freeze(void)
{
	free(memory);
	memory = malloc(prefix_set_frozen_size(&list));
	return prefix_set_freeze(&list, memory);
}

static void teardown(void)
{
	prefix_list_clear(&list);
	free(memory);
	memory = NULL;
}

static bool match(const struct prefix_set *set, const char *text)
{
	uint8_t address[16] = {0};
	bool ipv6 = strchr(text, ':') != NULL;
	ck_assert_int_eq(inet_pton(ipv6 ? AF_INET6 : AF_INET, text, address), 1);
	bool found = prefix_set_match(set, address, ipv6);
	ck_assert_int_eq(found, prefix_list_match(&list, address, ipv6));
	return found;
}

START_TEST(parsing)
{
	static const char *const bad[] = {"",	      "!",	   "1.2.3",	 "1.2.3.4/33", "1.2.3.4/",
					  "1.2.3.4/x", "::/129",   "1.2.3.4/-1", "1.2.3.4/ 8", "x",
					  "1.2.3.4/08 ", "::/1000", "1.2.3.4/8/8"};
	static const char *const good[][2] = {{"10.1.2.3/8", "10.0.0.0/8"},
					      {"!10.1.2.3", "!10.1.2.3/32"},
					      {"2001:DB8::1/33", "2001:db8::/33"},
					      {"::1", "::1/128"},
					      {"255.255.255.255/31", "255.255.255.254/31"},
					      {"1.2.3.4/0", "0.0.0.0/0"}};
	struct prefix_entry entry;
	char text[64];
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(prefix_parse(bad[i], &entry) == -EINVAL, "%s", bad[i]);
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		ck_assert_int_eq(prefix_parse(good[i][0], &entry), 0);
		ck_assert_int_gt(prefix_print(&entry, text, sizeof(text)), 0);
		ck_assert_str_eq(text, good[i][1]);
	}
	ck_assert_int_eq(prefix_print(&entry, text, 5), -ENOSPC);
}
END_TEST

START_TEST(longest_prefix_decides)
{
	static const char *const prefixes[] = {"10.0.0.0/8", "!10.1.0.0/16", "10.1.2.0/24",
					       "!10.1.2.255", "0.0.0.0/32", "255.255.255.255",
					       "172.0.0.0/7", "192.0.0.0/9", "193.128.0.0/9",
					       "2001:db8::/32", "!2001:db8:1::/48", "fe80::/10"};
	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
		ck_assert_int_eq(prefix_list_add_text(&list, prefixes[i]), 0);
	struct prefix_set *set = freeze();
	ck_assert(match(set, "10.0.0.0") && match(set, "10.255.255.255"));
	ck_assert(!match(set, "9.255.255.255") && !match(set, "11.0.0.0"));
	ck_assert(!match(set, "10.1.0.0") && !match(set, "10.1.3.0") && match(set, "10.2.0.0"));
	ck_assert(match(set, "10.1.2.254") && !match(set, "10.1.2.255"));
	ck_assert(match(set, "0.0.0.0") && !match(set, "0.0.0.1"));
	ck_assert(match(set, "255.255.255.255") && !match(set, "255.255.255.254"));
	ck_assert(match(set, "172.0.0.0") && match(set, "173.255.255.255"));
	ck_assert(!match(set, "171.255.255.255") && !match(set, "174.0.0.0"));
	ck_assert(match(set, "192.127.255.255") && !match(set, "192.128.0.0"));
	ck_assert(!match(set, "193.127.255.255") && match(set, "193.255.255.255"));
	ck_assert(match(set, "2001:db8::") && match(set, "2001:db8:ffff::1"));
	ck_assert(!match(set, "2001:db8:1::1") && match(set, "2001:db8:2::"));
	ck_assert(!match(set, "2001:db9::") && match(set, "febf::1") && !match(set, "fec0::"));
	ck_assert(!match(set, "::"));
}
END_TEST

START_TEST(same_again_changes_the_sign)
{
	struct prefix_entry entry;
	ck_assert_int_eq(prefix_list_add_text(&list, "10.0.0.0/8"), 0);
	ck_assert_int_eq(prefix_list_add_text(&list, "!10.9.9.9/8"), 0);
	ck_assert_uint_eq(list.count, 1);
	ck_assert(!match(freeze(), "10.0.0.1"));
	ck_assert_int_eq(prefix_list_add_text(&list, "0.0.0.0/0"), 0);
	ck_assert(match(freeze(), "11.0.0.1") && !match(memory, "10.0.0.1"));
	ck_assert_int_eq(prefix_parse("10.0.0.0/8", &entry), 0);
	ck_assert_int_eq(prefix_list_remove(&list, &entry), 0);
	ck_assert_int_eq(prefix_list_remove(&list, &entry), -ENOENT);
	ck_assert(match(freeze(), "10.0.0.1") && match(memory, "255.255.255.255"));
	struct prefix_list other = {0};
	ck_assert_int_eq(prefix_list_add_list(&other, &list), 0);
	ck_assert_uint_eq(other.count, 1);
	prefix_list_clear(&other);
	prefix_list_clear(&list);
	ck_assert(!match(freeze(), "0.0.0.0") && !match(memory, "::"));
}
END_TEST

/* Against looking at all prefixes: crowded into few bits, so that they nest and touch. */
START_TEST(random_prefixes)
{
	srand(7);
	for (int round = 0; round < 400; round++) {
		prefix_list_clear(&list);
		bool ipv6 = round & 1;
		int base = ipv6 ? 120 : 24;
		for (int i = rand() % 40; i >= 0; i--) {
			struct prefix_entry entry = {.ipv6 = ipv6, .negated = rand() & 1};
			memset(entry.address, round & 2 ? 0xff : 0, ipv6 ? 16 : 4);
			entry.address[ipv6 ? 15 : 3] = (uint8_t)rand();
			entry.length = (uint8_t)(base + rand() % 9);
			ck_assert_int_eq(prefix_list_add(&list, &entry), 0);
		}
		struct prefix_set *set = freeze();
		for (unsigned low = 0; low < 256; low++) {
			uint8_t address[16];
			memset(address, round & 2 ? 0xff : 0, sizeof(address));
			address[ipv6 ? 15 : 3] = (uint8_t)low;
			ck_assert_int_eq(prefix_set_match(set, address, ipv6),
					 prefix_list_match(&list, address, ipv6));
		}
	}
}
END_TEST

/* Prefixes around the length of a first octet, for which look-ups have a way of their own. */
START_TEST(first_octets)
{
	srand(8);
	for (int round = 0; round < 200; round++) {
		prefix_list_clear(&list);
		for (int i = rand() % 12; i >= 0; i--) {
			struct prefix_entry entry = {.negated = rand() % 3 == 0};
			entry.address[0] = (uint8_t)rand();
			entry.address[1] = (uint8_t)(rand() & 0xc0);
			entry.length = (uint8_t)(rand() % 13);
			ck_assert_int_eq(prefix_list_add(&list, &entry), 0);
		}
		struct prefix_set *set = freeze();
		for (unsigned high = 0; high < 1024; high++)
			for (unsigned low = 0; low < 2; low++) {
				uint8_t rest = low ? 0xff : 0;
				uint8_t address[] = {(uint8_t)(high >> 2),
						     (uint8_t)(high << 6 | (rest & 0x3f)), rest, rest};
				ck_assert_int_eq(prefix_set_match(set, address, false),
						 prefix_list_match(&list, address, false));
			}
	}
}
END_TEST

/* As many as a country has, in the order that a table in Lua gives them. */
START_TEST(many_in_any_order)
{
	enum { COUNT = 300000 };
	struct prefix_entry *entries = calloc(COUNT, sizeof(*entries));
	uint32_t place = 1;
	for (unsigned i = 0; i < COUNT; i++) {
		entries[i].length = 24;
		place = place * 1664525 + 1013904223;
		memcpy(entries[i].address, &place, 3);
	}
	ck_assert_int_eq(prefix_list_add_all(&list, entries, COUNT / 2), 0);
	ck_assert_int_eq(prefix_list_add_all(&list, entries + COUNT / 2, COUNT / 2), 0);
	for (size_t i = 1; i < list.count; i++)
		ck_assert_int_lt(prefix_compare(&list.entries[i - 1], &list.entries[i]), 0);
	ck_assert_uint_gt(list.count, COUNT * 9 / 10);
	struct prefix_set *set = freeze();
	for (unsigned i = 0; i < COUNT; i++)
		ck_assert(prefix_set_match(set, entries[i].address, false));
	/* To those that there are, as if one by one: the last of the same counts, and none if one is wrong. */
	size_t had = list.count;
	entries[COUNT - 1] = entries[0];
	entries[COUNT - 1].negated = 1;
	ck_assert_int_eq(prefix_list_add_all(&list, entries, COUNT), 0);
	ck_assert_uint_eq(list.count, had);
	ck_assert(!prefix_list_match(&list, entries[0].address, false));
	entries[0].negated = 1;
	entries[COUNT - 1].negated = 0;
	ck_assert_int_eq(prefix_list_add_all(&list, entries, COUNT), 0);
	ck_assert(prefix_list_match(&list, entries[0].address, false));
	struct prefix_entry few[] = {entries[0], entries[0]};
	few[1].negated = 1;
	ck_assert_int_eq(prefix_list_add_all(&list, few, 2), 0);
	ck_assert_uint_eq(list.count, had);
	ck_assert(!prefix_list_match(&list, entries[0].address, false));
	few[1].negated = 0;
	ck_assert_int_eq(prefix_list_add_all(&list, few, 2), 0);
	ck_assert(prefix_list_match(&list, entries[0].address, false));
	entries[1].address[3] = 77;
	entries[2].length = 33;
	ck_assert_int_eq(prefix_list_add_all(&list, entries, 3), -EINVAL);
	ck_assert(prefix_list_match(&list, entries[0].address, false));
	entries[0].length = 33;
	ck_assert_int_eq(prefix_list_add_all(&list, entries, 1), -EINVAL);
	ck_assert_int_eq(prefix_list_add_all(&list, entries, 0), 0);
	free(entries);
}
END_TEST

static Suite *prefix_set_suite(void)
{
	Suite *suite = suite_create("prefix_set");
	TCase *tcase = tcase_create("prefix_set");
	tcase_add_checked_fixture(tcase, NULL, teardown);
	tcase_add_test(tcase, parsing);
	tcase_add_test(tcase, longest_prefix_decides);
	tcase_add_test(tcase, same_again_changes_the_sign);
	tcase_add_test(tcase, random_prefixes);
	tcase_add_test(tcase, first_octets);
	tcase_add_test(tcase, many_in_any_order);
	suite_add_tcase(suite, tcase);
	return suite;
}

UNIT_MAIN(prefix_set_suite)
