/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdio.h>

#include "dataplane/dns/name.h"
#include "dataplane/rules/name_set.h"
#include "tests/unit/unit.h"

static uint8_t wire[DNS_NAME_MAX];

static size_t to_wire(const char *text)
{
	int length = dns_name_parse(text, strlen(text), wire);
	ck_assert_int_gt(length, 0);
	return (size_t)length;
}

static int add(struct name_set *set, const char *text)
{
	size_t length = to_wire(text);
	return name_set_add(set, wire, length);
}

static bool has(const struct name_set *set, const char *text)
{
	size_t length = to_wire(text);
	return name_set_has(set, wire, length);
}

/* The longest member that the name lies in, as text; NULL if there is none. */
static const char *best(const struct name_set *set, const char *text)
{
	static char printed[DNS_NAME_TEXT_SIZE];
	size_t at, length = to_wire(text);
	if (!name_set_covers(set, wire, length, &at))
		return NULL;
	ck_assert_int_gt(dns_name_print(wire + at, printed, sizeof(printed), true), 0);
	return printed;
}

static void lookups_assert(const struct name_set *set)
{
	ck_assert(has(set, "EXAMPLE.com"));
	ck_assert(!has(set, "www.example.com"));
	ck_assert(!has(set, "com"));
	ck_assert_str_eq(best(set, "a.b.example.com"), "example.com.");
	ck_assert_str_eq(best(set, "x.deep.er.example.com"), "deep.er.example.com.");
	ck_assert_str_eq(best(set, "er.example.com"), "example.com.");
	ck_assert_str_eq(best(set, "org"), "org.");
	ck_assert_ptr_null(best(set, "notexample.com"));
	ck_assert_ptr_null(best(set, "com"));
	ck_assert_ptr_null(best(set, "."));
}

START_TEST(exact_and_suffix)
{
	struct name_set *set = name_set_new();
	ck_assert_ptr_null(best(set, "example.com"));
	ck_assert_int_eq(add(set, "Example.COM"), 0);
	ck_assert_int_eq(add(set, "example.com"), -EEXIST);
	ck_assert_int_eq(add(set, "deep.er.example.com"), 0);
	ck_assert_int_eq(add(set, "org"), 0);
	lookups_assert(set);
	void *memory = malloc(name_set_frozen_size(set));
	lookups_assert(name_set_freeze(set, memory));
	free(memory);
	struct name_set *copy = name_set_copy(set);
	lookups_assert(copy);
	name_set_free(copy);
	ck_assert_int_eq(add(set, "."), 0);
	ck_assert_str_eq(best(set, "net"), ".");
	ck_assert_str_eq(best(set, "."), ".");
	name_set_free(set);
}
END_TEST

START_TEST(removal)
{
	struct name_set *set = name_set_new();
	size_t length;
	ck_assert_int_eq(add(set, "a.example"), 0);
	for (int i = 0; i < 1000; i++) {
		length = to_wire("b.example");
		ck_assert_int_eq(name_set_add(set, wire, length), 0);
		ck_assert_int_eq(name_set_remove(set, wire, length), 0);
		ck_assert_int_eq(name_set_remove(set, wire, length), -ENOENT);
	}
	ck_assert(has(set, "a.example"));
	ck_assert(!has(set, "b.example"));
	ck_assert_uint_eq(set->count, 1);
	ck_assert_uint_lt(set->mask, 64);
	ck_assert_uint_lt(set->bytes_size, 4096);
	name_set_free(set);
}
END_TEST

START_TEST(many_names)
{
	struct name_set *set = name_set_new();
	char text[64];
	uint32_t cursor = 0;
	size_t length, found = 0;
	for (int i = 0; i < 50000; i++) {
		snprintf(text, sizeof(text), "host%d.zone%d.example", i, i % 7);
		ck_assert_int_eq(add(set, text), 0);
	}
	void *memory = malloc(name_set_frozen_size(set));
	struct name_set *frozen = name_set_freeze(set, memory);
	for (int i = 0; i < 50000; i++) {
		snprintf(text, sizeof(text), "www.HOST%d.zone%d.example", i, i % 7);
		ck_assert_ptr_nonnull(best(frozen, text));
		ck_assert(has(frozen, text + 4));
		snprintf(text, sizeof(text), "host%d.zone%d.example", i, (i + 1) % 7);
		ck_assert_ptr_null(best(frozen, text));
	}
	while (name_set_next(frozen, &cursor, &length))
		found++;
	ck_assert_uint_eq(found, 50000);
	free(memory);
	name_set_free(set);
}
END_TEST

/* The most slots side by side that are not free, which a look-up may go through. */
static unsigned longest_run(const struct name_set *set)
{
	unsigned run = 0, longest = 0;
	for (uint32_t i = 0; i <= set->mask; i++) {
		run = set->slots[i].at != 0 ? run + 1 : 0;
		longest = run > longest ? run : longest;
	}
	return longest;
}

/* Whoever knows how names are hashed, but not the secret, does not make them meet. */
START_TEST(names_are_not_aimed)
{
	enum { AIMED = 300, BITS = 0xfff };
	struct name_set *set = name_set_new();
	char text[32];
	for (unsigned i = 0; set->count < AIMED; i++) {
		snprintf(text, sizeof(text), "n%u.example.org", i);
		size_t length = to_wire(text);
		if ((dns_name_hash32(wire, length, 0) & BITS) == 0)
			ck_assert_int_eq(name_set_add(set, wire, length), 0);
	}
	ck_assert_uint_lt(longest_run(set), AIMED / 4);
	name_set_free(set);
}
END_TEST

/* Bytes that are no name, on the heap so that reading past them is seen. */
START_TEST(garbage_is_not_overrun)
{
	struct name_set *set = name_set_new();
	ck_assert_int_eq(add(set, "."), 0);
	ck_assert_int_eq(add(set, "a.b.c"), 0);
	for (size_t length = 1; length < 64; length++) {
		for (unsigned byte = 1; byte < 256; byte++) {
			uint8_t *name = malloc(length);
			memset(name, (int)byte, length);
			ck_assert(!name_set_has(set, name, length));
			name_set_covers(set, name, length, NULL);
			free(name);
		}
	}
	name_set_free(set);
}
END_TEST

static Suite *name_set_suite(void)
{
	Suite *suite = suite_create("name_set");
	TCase *tcase = tcase_create("name_set");
	tcase_add_test(tcase, exact_and_suffix);
	tcase_add_test(tcase, removal);
	tcase_add_test(tcase, many_names);
	tcase_add_test(tcase, names_are_not_aimed);
	tcase_add_test(tcase, garbage_is_not_overrun);
	suite_add_tcase(suite, tcase);
	return suite;
}

UNIT_MAIN(name_set_suite)
