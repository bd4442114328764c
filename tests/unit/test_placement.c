/* SPDX-License-Identifier: BSD-2-Clause */
/* Machines of two nodes, on paper. */
#include "control/placement.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/unit.h"

static char said[2048];

static void say(const char *sentence)
{
	snprintf(said + strlen(said), sizeof(said) - strlen(said), "%s\n", sentence);
}

static unsigned check(const struct placement *placement)
{
	said[0] = '\0';
	return placement_check(placement, say);
}

START_TEST(all_is_near)
{
	const struct placement one_node = {
		.n_workers = 2, .cpus = {1, 2}, .n_ports = 1, .ports = {{"edge", 0}}};
	const struct placement software = {.control = 0,
					   .n_workers = 2,
					   .workers = {0, 0},
					   .n_ports = 1,
					   .ports = {{"edge", PLACEMENT_NOWHERE}}};
	ck_assert_uint_eq(check(&one_node), 0);
	ck_assert_uint_eq(check(&software), 0);
	ck_assert_str_eq(said, "");
}
END_TEST

START_TEST(workers_and_ports_apart)
{
	const struct placement placement = {
		.control = 0,
		.n_workers = 3,
		.workers = {0, 1, 1},
		.cpus = {2, 17, 18},
		.n_ports = 3,
		.ports = {{"edge", 0}, {"tap", PLACEMENT_NOWHERE}, {"back", 1}},
	};
	ck_assert_uint_eq(check(&placement), 2);
	ck_assert_str_eq(said, "port edge is on NUMA node 0, and not there are: worker 1 (CPU 17, node "
			       "1), worker 2 (CPU 18, node 1); each of their packets crosses between "
			       "nodes, so take CPUs of node 0\n"
			       "port back is on NUMA node 1, and not there are: worker 0 (CPU 2, node 0); "
			       "each of their packets crosses between nodes, so take CPUs of node 1\n");
}
END_TEST

START_TEST(control_apart)
{
	struct placement placement = {
		.control = 0, .n_workers = 2, .workers = {1, 1}, .n_ports = 1, .ports = {{"edge", 1}}};
	ck_assert_uint_eq(check(&placement), 1);
	ck_assert_ptr_nonnull(strstr(said, "the control lcore is on NUMA node 0 and no worker is"));
	placement.workers[0] = 0; /* one is near enough, and far from the port */
	ck_assert_uint_eq(check(&placement), 1);
	ck_assert_ptr_nonnull(strstr(said, "port edge"));
}
END_TEST

/* A name of any length and as many workers as there may be: cut, not overrun. */
START_TEST(long_sentences)
{
	char name[600];
	struct placement placement = {.n_workers = WORKERS_MAX, .n_ports = 1};
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	placement.ports[0].node = 1;
	placement.ports[0].name = name;
	ck_assert_uint_eq(check(&placement), 1);
	placement.ports[0].name = "edge";
	ck_assert_uint_eq(check(&placement), 1);
	ck_assert_uint_lt(strlen(said), 600);
}
END_TEST

/* Memory can be had while a node is preferred, on machines without nodes and with a wrong one. */
START_TEST(preference)
{
	for (int node = -1; node < 100; node += 33) {
		placement_prefer(node);
		char *memory = calloc(1, 1 << 20);
		ck_assert_ptr_nonnull(memory);
		memset(memory, 1, 1 << 20);
		free(memory);
		placement_anywhere();
	}
}
END_TEST

static Suite *placement_suite(void)
{
	Suite *suite = suite_create("placement");
	TCase *all = tcase_create("all");
	tcase_add_test(all, all_is_near);
	tcase_add_test(all, workers_and_ports_apart);
	tcase_add_test(all, control_apart);
	tcase_add_test(all, long_sentences);
	tcase_add_test(all, preference);
	suite_add_tcase(suite, all);
	return suite;
}

UNIT_MAIN(placement_suite)
