/* SPDX-License-Identifier: BSD-2-Clause */
#include "dataplane/stats.h"

#include <string.h>

#include "tests/unit/unit.h"

/* What the buckets promise: each number lies below its bound and not below the one before. */
START_TEST(latency_buckets)
{
	for (uint64_t us = 0; us < 9000000; us += 1 + us / 1000) {
		unsigned bucket = stats_latency_bucket(us);
		ck_assert_uint_lt(bucket, STATS_LATENCY_BOUNDS);
		ck_assert_uint_lt(us, stats_latency_bounds[bucket]);
		ck_assert(bucket == 0 || us >= stats_latency_bounds[bucket - 1]);
	}
}
END_TEST

START_TEST(latency_edges)
{
	for (unsigned b = 0; b < STATS_LATENCY_BOUNDS; b++) {
		ck_assert_uint_eq(stats_latency_bucket(stats_latency_bounds[b] - 1), b);
		ck_assert_uint_eq(stats_latency_bucket(stats_latency_bounds[b]), b + 1);
	}
	ck_assert_uint_eq(stats_latency_bucket(UINT64_MAX), STATS_LATENCY_BOUNDS);
}
END_TEST

START_TEST(labels)
{
	char label[STATS_LABEL_SIZE];
	stats_drop_label(DROP_RESPONSE_UNSOLICITED, label);
	ck_assert_str_eq(label, "response_unsolicited");
	for (unsigned i = 0; i < DROP_COUNT; i++)
		ck_assert_uint_lt(strlen(stats_drops[i].name), STATS_LABEL_SIZE);
	for (unsigned i = 0; i < STATS_ORIGINS; i++)
		ck_assert_ptr_nonnull(stats_origins[i]);
}
END_TEST

static Suite *stats_suite(void)
{
	Suite *suite = suite_create("stats");
	TCase *all = tcase_create("all");
	tcase_add_test(all, latency_buckets);
	tcase_add_test(all, latency_edges);
	tcase_add_test(all, labels);
	suite_add_tcase(suite, all);
	return suite;
}

UNIT_MAIN(stats_suite)
