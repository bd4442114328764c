/* SPDX-License-Identifier: BSD-2-Clause */
/* The index of prefixes against a plain search through all of them. */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/rules/prefix_index.h"
#include "tests/unit/unit.h"

#define MEMBERS_MAX 6000u

static struct prefix_member members[MEMBERS_MAX], kept[MEMBERS_MAX];
static size_t count;
static struct prefix_index *built;
static uint64_t seed = 88172645463325252u;

static uint64_t chance(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

static void teardown(void)
{
	prefix_index_free(built);
	built = NULL;
	count = 0;
}

static void add(const char *text, uint32_t value)
{
	ck_assert_uint_lt(count, MEMBERS_MAX);
	ck_assert_int_eq(prefix_parse(text, &members[count].prefix), 0);
	members[count++].value = value;
}

/* Addresses that were asked for, to be asked for together. */
static uint8_t asked[PREFIX_INDEX_BULK_MAX][16];
static uint64_t asked_ipv6;
static unsigned n_asked;

static void build(void)
{
	n_asked = 0;
	asked_ipv6 = 0;
	memcpy(kept, members, count * sizeof(*members));
	built = prefix_index_build(members, count);
	ck_assert_ptr_nonnull(built);
}

static bool covers(const struct prefix_entry *prefix, const uint8_t *address, bool ipv6)
{
	unsigned whole = prefix->length / 8, rest = prefix->length % 8;
	if (prefix->ipv6 != ipv6 || memcmp(prefix->address, address, whole) != 0)
		return false;
	return rest == 0 || (prefix->address[whole] ^ address[whole]) >> (8 - rest) == 0;
}

/* Of equal prefixes the last one put in. */
static const struct prefix_member *expected(const uint8_t *address, bool ipv6)
{
	const struct prefix_member *best = NULL;
	for (size_t i = 0; i < count; i++)
		if (covers(&kept[i].prefix, address, ipv6) &&
		    (best == NULL || kept[i].prefix.length >= best->prefix.length))
			best = &kept[i];
	return best != NULL && best->prefix.negated ? NULL : best;
}

/* A burst finds what each finds alone. */
static void burst_ask(void)
{
	const uint8_t *addresses[PREFIX_INDEX_BULK_MAX];
	const struct prefix_member *found[PREFIX_INDEX_BULK_MAX];
	for (unsigned i = 0; i < n_asked; i++)
		addresses[i] = asked[i];
	prefix_index_find_bulk(built, addresses, asked_ipv6, n_asked, found);
	for (unsigned i = 0; i < n_asked; i++)
		ck_assert_ptr_eq(found[i],
				 prefix_index_find(built, asked[i], asked_ipv6 >> i & 1));
	n_asked = 0;
	asked_ipv6 = 0;
}

static void ask(const uint8_t *address, bool ipv6)
{
	asked_ipv6 |= (uint64_t)ipv6 << n_asked;
	memcpy(asked[n_asked++], address, ipv6 ? 16 : 4);
	if (n_asked == PREFIX_INDEX_BULK_MAX || chance() % 50 == 0)
		burst_ask();
	const struct prefix_member *want = expected(address, ipv6);
	const struct prefix_member *have = prefix_index_find(built, address, ipv6);
	ck_assert_int_eq(have != NULL, want != NULL);
	if (have != NULL) {
		ck_assert_uint_eq(have->value, want->value);
		ck_assert_uint_eq(have->prefix.length, want->prefix.length);
	}
}

static uint32_t value_at(const char *text)
{
	uint8_t address[16] = {0};
	bool ipv6 = strchr(text, ':') != NULL;
	ck_assert_int_eq(inet_pton(ipv6 ? AF_INET6 : AF_INET, text, address), 1);
	ask(address, ipv6);
	const struct prefix_member *found = prefix_index_find(built, address, ipv6);
	return found != NULL ? found->value : 0;
}

START_TEST(longest)
{
	add("10.0.0.0/8", 1);
	add("!10.1.0.0/16", 2);
	add("10.1.2.0/24", 3);
	add("10.1.2.3/32", 4);
	add("255.255.255.255/32", 5);
	add("2001:db8::/32", 6);
	add("2001:db8::8/128", 7);
	add("2001:db8::9/128", 8);
	add("10.1.2.3/32", 9);
	build();
	ck_assert_uint_eq(prefix_index_count(built), 8);
	ck_assert_uint_eq(value_at("10.9.9.9"), 1);
	ck_assert_uint_eq(value_at("10.1.9.9"), 0);
	ck_assert_uint_eq(value_at("10.1.2.9"), 3);
	ck_assert_uint_eq(value_at("10.1.2.3"), 9);
	ck_assert_uint_eq(value_at("9.255.255.255"), 0);
	ck_assert_uint_eq(value_at("11.0.0.0"), 0);
	ck_assert_uint_eq(value_at("255.255.255.255"), 5);
	ck_assert_uint_eq(value_at("2001:db8::7"), 6);
	ck_assert_uint_eq(value_at("2001:db8::8"), 7);
	ck_assert_uint_eq(value_at("2001:db8::9"), 8);
	ck_assert_uint_eq(value_at("2001:db8::a"), 6);
	ck_assert_uint_eq(value_at("::"), 0);
	ck_assert_uint_eq(value_at("2001:db9::"), 0);
}
END_TEST

START_TEST(edges)
{
	build();
	ck_assert_uint_eq(value_at("0.0.0.0"), 0);
	ck_assert_uint_eq(value_at("::"), 0);
	teardown();
	add("0.0.0.0/0", 1);
	add("::/0", 2);
	add("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128", 3);
	build();
	ck_assert_uint_eq(value_at("0.0.0.0"), 1);
	ck_assert_uint_eq(value_at("255.255.255.255"), 1);
	ck_assert_uint_eq(value_at("::"), 2);
	ck_assert_uint_eq(value_at("ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe"), 2);
	ck_assert_uint_eq(value_at("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"), 3);
}
END_TEST

/* Few distinct bits, so that prefixes lie within one another and beside one another. */
static void address_make(uint8_t address[16], bool ipv6, unsigned spread)
{
	memset(address, 0, 16);
	for (unsigned i = 0; i < (ipv6 ? 16u : 4u); i++)
		address[i] = chance() % 4 == 0 ? (uint8_t)(chance() % spread) : 0;
	if (chance() % 16 == 0)
		memset(address, 0xff, ipv6 ? 16 : 4);
}

static void prefix_make(struct prefix_member *member, unsigned spread, unsigned v6_bits,
			uint32_t value)
{
	bool ipv6 = chance() % 2;
	unsigned bits = ipv6 ? v6_bits : 32;
	*member = (struct prefix_member){.value = value};
	member->prefix.ipv6 = ipv6;
	member->prefix.negated = chance() % 5 == 0;
	member->prefix.length = (uint8_t)(chance() % 3 == 0 ? bits : chance() % (bits + 1));
	address_make(member->prefix.address, ipv6, spread);
	for (unsigned bit = member->prefix.length; bit < 128; bit++)
		member->prefix.address[bit / 8] &= (uint8_t) ~(0x80u >> bit % 8);
}

START_TEST(against_all)
{
	static const unsigned sizes[] = {1, 2, 15, 16, 17, 255, 257, 600, 4500};
	for (unsigned round = 0; round < sizeof(sizes) / sizeof(sizes[0]) * 4; round++) {
		unsigned spread = round % 2 == 0 ? 4 : 256;
		count = sizes[round / 4];
		for (unsigned i = 0; i < count; i++)
			prefix_make(&members[i], spread, round % 4 < 2 ? 128 : 64, i + 1);
		build();
		for (unsigned i = 0; i < 3000; i++) {
			uint8_t address[16];
			bool ipv6 = chance() % 2;
			if (chance() % 2) {
				address_make(address, ipv6, spread);
			} else { /* the border of some prefix */
				const struct prefix_entry *near = &kept[chance() % count].prefix;
				ipv6 = near->ipv6;
				memcpy(address, near->address, sizeof(address));
				address[ipv6 ? 15 : 3] += (uint8_t)(chance() % 3 - 1);
			}
			ask(address, ipv6);
		}
		prefix_index_free(built);
		built = NULL;
	}
	count = 0;
}
END_TEST

static Suite *prefix_index_suite(void)
{
	Suite *suite = suite_create("prefix_index");
	TCase *tests = tcase_create("prefix_index");
	tcase_add_checked_fixture(tests, NULL, teardown);
	tcase_add_test(tests, longest);
	tcase_add_test(tests, edges);
	tcase_add_test(tests, against_all);
	suite_add_tcase(suite, tests);
	return suite;
}

UNIT_MAIN(prefix_index_suite)
