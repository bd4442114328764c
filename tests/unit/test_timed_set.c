/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"

#include <string.h>

#include "dataplane/rules/timed_set.h"

static struct timed_set *set_new(uint32_t count)
{
	return timed_set_init(calloc(1, timed_set_size(count)), count, 0x123456789abcdef);
}

static void add(struct timed_set *set, uint32_t address, uint64_t until)
{
	uint8_t bytes[16] = {0};
	memcpy(bytes, &address, sizeof(address));
	timed_set_add(set, bytes, false, until);
}

static bool has(const struct timed_set *set, uint32_t address, uint64_t now)
{
	uint8_t bytes[16] = {0};
	memcpy(bytes, &address, sizeof(address));
	return timed_set_has(set, bytes, false, now);
}

START_TEST(addresses_are_in_it_until_they_expire)
{
	struct timed_set *set = set_new(4);
	ck_assert(!has(set, 7, 0));
	add(set, 7, 100);
	ck_assert(has(set, 7, 99));
	ck_assert(!has(set, 7, 100));
	ck_assert(!has(set, 8, 50));
	add(set, 7, 200);
	ck_assert(has(set, 7, 150));
	ck_assert_uint_eq(set->used, 1);
	add(set, 7, 120); /* it is there for longer */
	ck_assert(has(set, 7, 150));
	ck_assert(!has(set, 7, 200));
	timed_set_clear(set);
	ck_assert(!has(set, 7, 1));
	add(set, 7, 120);
	ck_assert(has(set, 7, 119));
	ck_assert_uint_eq(set->used, 1);
	free(set);
}
END_TEST

START_TEST(families_are_apart)
{
	struct timed_set *set = set_new(4);
	static const uint8_t v4[16] = {192, 0, 2, 1}, mapped[16] = {[10] = 0xff, 0xff, 192, 0, 2, 2};
	timed_set_add(set, v4, false, 10);
	ck_assert(timed_set_has(set, v4, false, 5));
	ck_assert(!timed_set_has(set, v4, true, 5));
	timed_set_add(set, mapped, true, 10);
	ck_assert(timed_set_has(set, mapped, true, 5));
	free(set);
}
END_TEST

START_TEST(it_grows_by_copies)
{
	struct timed_set *set = set_new(1);
	for (uint32_t i = 1; i <= 50000; i++) {
		if (timed_set_is_full(set)) {
			uint32_t count = timed_set_count(set, 5);
			struct timed_set *larger = set_new(2 * count);
			timed_set_copy(larger, set, 5);
			free(set);
			set = larger;
		}
		add(set, i, i % 2 ? 10 : 5); /* half of them have expired at 5 */
	}
	for (uint32_t i = 1; i <= 50000; i++)
		ck_assert_int_eq(has(set, i, 5), i % 2);
	ck_assert_uint_eq(timed_set_count(set, 5), 25000);
	timed_set_clear(set);
	ck_assert_uint_eq(timed_set_count(set, 5), 0);
	ck_assert(!has(set, 1, 5));
	free(set);
}
END_TEST

static Suite *suite(void)
{
	Suite *made = suite_create("timed_set");
	TCase *sets = tcase_create("sets");
	tcase_add_test(sets, addresses_are_in_it_until_they_expire);
	tcase_add_test(sets, families_are_apart);
	tcase_add_test(sets, it_grows_by_copies);
	suite_add_tcase(made, sets);
	return made;
}

UNIT_MAIN(suite)
