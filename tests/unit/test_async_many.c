/* SPDX-License-Identifier: BSD-2-Clause */
/* What suspending costs does not depend on how many are suspended. */
#include "tests/unit/async_lab.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double seconds(void)
{
	struct timespec now;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

START_TEST(a_million_suspended)
{
	struct async_done done;
	struct async_ref ref;
	make(MILLION, MILLION);
	double begun = seconds();
	uint32_t wrong = 0; /* each ck_assert is a system call */
	uint64_t *ids = calloc(MILLION, sizeof(*ids));

	ck_assert_ptr_nonnull(ids);
	for (uint32_t i = 0; i < MILLION; i++) {
		uint32_t slot = async_take(async, mbuf_number(i));
		uint32_t timeout = 100 + i % 1000;
		ids[i] = async_suspend_id(async, slot, timeout, ASYNC_FATE_DROP, 0, START);
		wrong += ids[i] == 0 || ids[i] >= UINT64_C(1) << 53;
	}
	ck_assert_uint_eq(async_suspended_now(async), MILLION);
	for (uint32_t i = 0; i < MILLION; i += 2)
		wrong += !async_find(async, ids[i], &ref) || async_mbuf(async, ref.slot) != mbuf_number(i) ||
			 async_resume(async, ref) != ASYNC_OK;
	while (async_done_pop(async, &done))
		async_release(async, done.slot);
	/* Every turn of 1 ms expires exactly what is due in it. */
	for (uint32_t i = 0; i < 1000; i++)
		wrong += async_advance(async, START + 100 + i) != (i % 2 ? 1000 : 0);
	while (async_done_pop(async, &done))
		async_release(async, done.slot);
	double took = seconds() - begun;

	ck_assert_uint_eq(wrong, 0);
	ck_assert_uint_eq(async_in_hand(async), 0);
	ck_assert_uint_eq(async_counters(async)->resumed, MILLION / 2);
	ck_assert_uint_eq(async_counters(async)->expired, MILLION / 2);
	check_sum();
	printf("a million suspended, half resumed, half expired: %.0f ms, %.0f MB\n", took * 1e3,
	       (double)async_memory(async) / 1e6);
	ck_assert_msg(took < 10, "%.1f s: not O(1)", took);
	free(ids);
}
END_TEST

static Suite *async_many_suite(void)
{
	Suite *suite = suite_create("async_many");
	TCase *tests = tcase_create("registry");
	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, a_million_suspended);
	tcase_set_timeout(tests, 30);
	suite_add_tcase(suite, tests);
	return suite;
}

UNIT_MAIN(async_many_suite)
