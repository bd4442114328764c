/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SLUICE_STAGES
#define SLUICE_STAGES
#endif
#include "dataplane/stages.h"

#include "tests/unit/unit.h"

struct lcore {
	struct stages stages;
};

static void inner(struct lcore *lcore, bool early)
{
	STAGE(lcore, RULES);
	ck_assert_int_eq(lcore->stages.now, STAGE_RULES);
	if (early)
		return;
	STAGE_NEXT(lcore, TX);
	ck_assert_int_eq(lcore->stages.now, STAGE_TX);
}

/* However a block is left, what was before goes on. */
START_TEST(nested)
{
	struct lcore lcore = {0};
	STAGES_OPEN(&lcore, OTHER);
	{
		STAGE(&lcore, FRAME);
		inner(&lcore, true);
		ck_assert_int_eq(lcore.stages.now, STAGE_FRAME);
		inner(&lcore, false);
		ck_assert_int_eq(lcore.stages.now, STAGE_FRAME);
	}
	ck_assert_int_eq(lcore.stages.now, STAGE_OTHER);
	STAGES_CLOSE(&lcore, true);
	ck_assert_uint_le(lcore.stages.total[STAGE_FRAME].parts, 3);
	ck_assert_uint_le(lcore.stages.total[STAGE_TX].parts, 1);
	ck_assert_uint_eq(lcore.stages.total[STAGE_RX].parts, 0);
}
END_TEST

/* The cycles of all stages are those of the turn. */
START_TEST(whole)
{
	struct lcore lcore = {0};
	uint64_t before, spent, sum = 0;
	unsigned tries = 0;
	do { /* until nobody takes the CPU in between */
		lcore = (struct lcore){0};
		sum = 0;
		before = rte_rdtsc();
		STAGES_OPEN(&lcore, OTHER);
		inner(&lcore, false);
		STAGES_CLOSE(&lcore, true);
		spent = rte_rdtsc() - before;
	} while (spent >= STAGE_CYCLES_MAX && ++tries < 1000);
	for (unsigned i = 0; i < STAGE_COUNT; i++)
		sum += lcore.stages.total[i].cycles;
	ck_assert_uint_gt(sum, 0);
	ck_assert_uint_le(sum, spent);
}
END_TEST

START_TEST(idle)
{
	struct lcore lcore = {0};
	STAGES_OPEN(&lcore, OTHER);
	inner(&lcore, false);
	STAGES_CLOSE(&lcore, false);
	for (unsigned i = 0; i < STAGE_COUNT; i++)
		ck_assert_uint_eq(lcore.stages.total[i].cycles, 0);
	/* What happens between turns is nobody's. */
	inner(&lcore, true);
	ck_assert_uint_eq(lcore.stages.total[STAGE_RULES].cycles, 0);
}
END_TEST

START_TEST(measuring)
{
	double cost = stages_cost();
	ck_assert(cost > 0 && cost < STAGE_CYCLES_MAX);
}
END_TEST

static Suite *stages_suite(void)
{
	Suite *suite = suite_create("stages");
	TCase *all = tcase_create("all");
	tcase_add_test(all, nested);
	tcase_add_test(all, whole);
	tcase_add_test(all, idle);
	tcase_add_test(all, measuring);
	suite_add_tcase(suite, all);
	return suite;
}

UNIT_MAIN(stages_suite)
