/* SPDX-License-Identifier: BSD-2-Clause */
#include "control/async/ids.h"
#include "tests/unit/unit.h"

START_TEST(ids_oldest_first)
{
	struct async_ids *ids = async_ids_create(0);

	for (int i = 0; i < 65536; i++)
		ck_assert_int_eq(async_ids_take(ids), i);
	ck_assert_int_eq(async_ids_take(ids), -1);
	async_ids_release(ids, 40, 0, 0);
	async_ids_release(ids, 30, 0, 0);
	async_ids_release(ids, 30, 0, 0); /* no effect */
	ck_assert_int_eq(async_ids_take(ids), 40);
	ck_assert_int_eq(async_ids_take(ids), 30);
	ck_assert_int_eq(async_ids_take(ids), -1);
	async_ids_destroy(ids);
}
END_TEST

START_TEST(ids_rest)
{
	struct async_ids *ids = async_ids_create(0);

	for (int i = 0; i < 65536; i++)
		async_ids_take(ids);
	async_ids_release(ids, 1, 100, 1000);
	async_ids_release(ids, 2, 50, 1000);
	async_ids_advance(ids, 1049);
	ck_assert_int_eq(async_ids_take(ids), -1);
	async_ids_advance(ids, 1050);
	ck_assert_int_eq(async_ids_take(ids), 2); /* none to spare: one rest is enough */
	async_ids_advance(ids, 1099);
	ck_assert_int_eq(async_ids_take(ids), -1);
	async_ids_advance(ids, 1100);
	async_ids_release(ids, 3, 0, 1100);
	ck_assert_int_eq(async_ids_take(ids), 3); /* a free one before a rested one */
	ck_assert_int_eq(async_ids_take(ids), 1);
	/* Once it has rested five times it stands in the queue of the free ones. */
	async_ids_release(ids, 5, 100, 2000);
	async_ids_advance(ids, 2499);
	async_ids_release(ids, 6, 0, 2499);
	async_ids_advance(ids, 2500);
	async_ids_release(ids, 7, 0, 2500);
	ck_assert_int_eq(async_ids_take(ids), 6);
	ck_assert_int_eq(async_ids_take(ids), 5);
	ck_assert_int_eq(async_ids_take(ids), 7);
	async_ids_destroy(ids);
}
END_TEST

static Suite *async_ids_suite(void)
{
	Suite *suite = suite_create("async_ids");
	TCase *tests = tcase_create("ids");

	tcase_add_test(tests, ids_oldest_first);
	tcase_add_test(tests, ids_rest);
	suite_add_tcase(suite, tests);
	return suite;
}

UNIT_MAIN(async_ids_suite)
