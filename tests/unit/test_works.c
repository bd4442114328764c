/* SPDX-License-Identifier: BSD-2-Clause */
/* What is done off the control lcore, and policies that wait for it. */
#include "tests/unit/unit.h"

#include <semaphore.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "control/policy/model.h"
#include "control/works.h"
#include "dataplane/dns/message.h"
#include "tests/unit/rule_samples.h"

#define PATIENCE_MS 60000

static struct works *works;

static void works_open(void)
{
	works = works_create(NULL, NULL, NULL);
	ck_assert_ptr_nonnull(works);
}

static void works_close(void)
{
	works_destroy(works);
}

/* ---- works ---- */

struct errand {
	struct work work; /* first */
	sem_t go;
	bool waits; /* for `go` */
	bool ran, done;
	pthread_t thread;
};

static void errand_run(struct work *work)
{
	struct errand *errand = (struct errand *)work;
	while (errand->waits && sem_wait(&errand->go) != 0)
		;
	errand->thread = pthread_self();
	errand->ran = true;
}

static void errand_done(struct work *work)
{
	((struct errand *)work)->done = true;
}

static void errand_give(struct errand *errand, bool quick, bool waits)
{
	*errand = (struct errand){.work = {.run = errand_run, .done = errand_done, .quick = quick},
				  .waits = waits};
	sem_init(&errand->go, 0, 0);
	works_give(works, &errand->work);
}

static void errand_await(struct errand *errand)
{
	for (unsigned i = 0; i < PATIENCE_MS / 10 && !errand->done; i++) {
		works_wait(works, 10);
		works_turn(works);
	}
	ck_assert(errand->done);
}

START_TEST(a_work_is_run_elsewhere_and_done_here)
{
	struct errand errand;
	errand_give(&errand, false, true);
	ck_assert_uint_eq(works_turn(works), 0);
	sem_post(&errand.go);
	errand_await(&errand);
	ck_assert(errand.ran && !pthread_equal(errand.thread, pthread_self()));
}
END_TEST

START_TEST(a_quick_one_does_not_wait_for_long_ones)
{
	struct errand slow[3], quick;
	for (unsigned i = 0; i < RTE_DIM(slow); i++)
		errand_give(&slow[i], false, true);
	errand_give(&quick, true, false);
	errand_await(&quick);
	for (unsigned i = 0; i < RTE_DIM(slow); i++) {
		ck_assert(!slow[i].done);
		sem_post(&slow[i].go);
	}
	for (unsigned i = 0; i < RTE_DIM(slow); i++)
		errand_await(&slow[i]);
}
END_TEST

START_TEST(what_is_not_wanted_is_not_begun)
{
	struct errand slow[2], unwanted, last;
	errand_give(&slow[0], false, true);
	errand_give(&slow[1], false, true);
	errand_give(&unwanted, false, false);
	errand_give(&last, false, false);
	unwanted.work.unwanted = true;
	sem_post(&slow[0].go);
	errand_await(&last);
	ck_assert(unwanted.done && !unwanted.ran && last.ran);
	sem_post(&slow[1].go);
	errand_await(&slow[1]);
}
END_TEST

START_TEST(without_threads_it_is_done_at_once)
{
	struct works *threads = works;
	struct errand errand;
	works = NULL;
	errand_give(&errand, false, false);
	works = threads;
	ck_assert(errand.ran && errand.done && pthread_equal(errand.thread, pthread_self()));
}
END_TEST

/* ---- policies that wait ---- */

static struct rule_bench *bench;

static void bench_open(void)
{
	works_open();
	bench = bench_new();
	policy_registry_lcores_set(bench->registry, 1);
	policy_registry_works_set(bench->registry, works);
}

static void bench_close(void)
{
	works_destroy(works);
	policy_registry_works_set(bench->registry, NULL);
	bench_free(bench);
}

/* A new model, as if the policy was read. */
static void model_open(void)
{
	policy_model_free(bench->model);
	bench->model = policy_model_new(bench->registry);
	policy_registry_reading(bench->registry);
}

static const char *regex_add(const char *text)
{
	static char error[200];
	struct policy_selector *selector =
		policy_selector_regex(bench->model, text, REGEX_SEARCH, error, sizeof(error));
	if (selector == NULL)
		return error;
	bench_rule(bench, CHAIN_QUERY, selector,
		   policy_action_plain(bench->model, RULE_ACTION_DROP));
	return NULL;
}

static void regexes_add(unsigned first, unsigned count)
{
	char text[32];
	for (unsigned i = first; i < first + count; i++) {
		snprintf(text, sizeof(text), "^ad%ux", i);
		ck_assert_ptr_null(regex_add(text));
	}
}

static bool compiles(void)
{
	char error[200];
	struct policy *policy = policy_model_compile(bench->model, error, sizeof(error));
	if (policy == NULL)
		return false;
	policy_free(bench->policy);
	bench->policy = policy;
	policy_model_apply(bench->model);
	return true;
}

static void registry_await(void)
{
	for (unsigned i = 0; i < PATIENCE_MS / 10 && policy_registry_left(bench->registry) > 0; i++)
		policy_registry_wait(bench->registry, 10);
	ck_assert_uint_eq(policy_registry_left(bench->registry), 0);
}

static bool drops(const char *name)
{
	struct packet_sample packet;
	packet_sample_query(&packet, name, DNS_TYPE_A, false);
	return bench_run(bench, CHAIN_QUERY, &packet, 0) == RULE_DROP;
}

START_TEST(a_policy_waits_and_is_read_again)
{
	model_open();
	regexes_add(0, 50);
	ck_assert(!compiles() && policy_model_waits(bench->model));
	policy_model_free(bench->model); /* it is discarded, and what it asked for is kept */
	bench->model = NULL;
	policy_registry_tidy(bench->registry, true);
	registry_await();
	policy_registry_tidy(bench->registry, true);
	model_open();
	regexes_add(0, 50);
	ck_assert(compiles());
	ck_assert(drops("ad49x.example") && !drops("ad50x.example"));
	const struct regex *set = bench->policy->chains[CHAIN_QUERY].regexes->set;
	model_open();
	regexes_add(0, 50);
	ck_assert(compiles());
	ck_assert_ptr_eq(bench->policy->chains[CHAIN_QUERY].regexes->set, set);
}
END_TEST

START_TEST(what_is_wrong_is_told_when_it_is_read_again)
{
	for (unsigned reading = 0; reading < 2; reading++) {
		model_open();
		regexes_add(0, 10);
		const char *error = regex_add("(bad");
		ck_assert_int_eq(error != NULL, reading);
		if (error != NULL) {
			ck_assert_ptr_nonnull(strstr(error, "parenthesis"));
			break;
		}
		regexes_add(10, 10);
		ck_assert(!compiles());
		registry_await();
		ck_assert(!compiles() && policy_registry_left(bench->registry) == 0);
	}
}
END_TEST

/* A newer policy makes what one before asked for unwanted. */
START_TEST(a_newer_policy_waits_for_its_own)
{
	model_open();
	regexes_add(0, 50);
	ck_assert(!compiles());
	model_open();
	policy_registry_tidy(bench->registry, true);
	ck_assert_uint_eq(policy_registry_left(bench->registry), 0);
	regexes_add(1000, 50);
	ck_assert(!compiles());
	ck_assert_uint_eq(policy_registry_left(bench->registry), 1);
	registry_await();
	ck_assert(compiles() && drops("ad1000x.example") && !drops("ad0x.example"));
}
END_TEST

/* At run time errors are told at once, and new ones are asked alone until there is a better set. */
START_TEST(a_change_waits_for_little)
{
	model_open();
	regexes_add(0, 10);
	ck_assert(!compiles());
	registry_await();
	ck_assert(compiles());
	ck_assert_ptr_nonnull(regex_add("(bad"));
	regexes_add(10, 60);
	while (!compiles())
		policy_registry_wait(bench->registry, 1);
	ck_assert(drops("ad0x.example") && drops("ad69x.example"));
	registry_await();
	ck_assert(compiles());
	struct policy_expressions told;
	policy_expressions(bench->model, CHAIN_QUERY, &told);
	ck_assert_uint_eq(told.together, 70);
	ck_assert_uint_eq(told.alone, 0);
	ck_assert(drops("ad0x.example") && drops("ad69x.example") && !drops("ad70x.example"));
}
END_TEST

/* Workers never wait for a page. */
START_TEST(tables_are_filled_first)
{
	const struct count_shape shape = {.clients = 200000, .v4_prefix = 32, .v6_prefix = 64,
					  .n_columns = 1, .n_queries = 1,
					  .columns = {{COUNT_QUERIES, 0, 0, 10}}};
	const double limit = 10;
	model_open();
	policy_group_shape_set(policy_group_new(bench->model, 1000000), &shape, &limit);
	ck_assert(!compiles() && policy_model_waits(bench->model));
	registry_await();
	ck_assert(compiles());
	const struct client_counts *counts = bench->policy->groups[0].counts;
	const size_t page = (size_t)sysconf(_SC_PAGESIZE), pages = (counts->size + page - 1) / page;
	unsigned char *present = calloc(pages, 1);
	ck_assert_int_eq(mincore(counts->tables, counts->size, present), 0);
	for (size_t i = 0; i < pages; i++)
		ck_assert(present[i] & 1);
	free(present);
	/* What is the same is kept. */
	model_open();
	policy_group_shape_set(policy_group_new(bench->model, 1000000), &shape, &limit);
	ck_assert(compiles());
	ck_assert_ptr_eq(bench->policy->groups[0].counts, counts);
}
END_TEST

static Suite *works_suite(void)
{
	Suite *suite = suite_create("works");
	TCase *plain = tcase_create("works"), *policies = tcase_create("policies");
	tcase_add_checked_fixture(plain, works_open, works_close);
	tcase_add_test(plain, a_work_is_run_elsewhere_and_done_here);
	tcase_add_test(plain, a_quick_one_does_not_wait_for_long_ones);
	tcase_add_test(plain, what_is_not_wanted_is_not_begun);
	tcase_add_test(plain, without_threads_it_is_done_at_once);
	suite_add_tcase(suite, plain);
	tcase_add_checked_fixture(policies, bench_open, bench_close);
	tcase_add_test(policies, a_policy_waits_and_is_read_again);
	tcase_add_test(policies, what_is_wrong_is_told_when_it_is_read_again);
	tcase_add_test(policies, a_newer_policy_waits_for_its_own);
	tcase_add_test(policies, a_change_waits_for_little);
	tcase_add_test(policies, tables_are_filled_first);
	suite_add_tcase(suite, policies);
	return suite;
}

UNIT_MAIN(works_suite)
