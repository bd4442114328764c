/* SPDX-License-Identifier: BSD-2-Clause */
#include "control/async/wheel.h"
#include "tests/unit/unit.h"

#include <string.h>

#define NODES 20000

static struct wheel wheel;
static struct wheel_node nodes[NODES];

static uint64_t random_state;

/* A xorshift: the same numbers every time. */
static uint64_t random_next(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

static void begin(uint64_t now)
{
	random_state = 88172645463325252u;
	memset(nodes, 0, sizeof(nodes));
	wheel_init(&wheel, now, nodes);
}

static uint32_t expire_all(uint64_t now)
{
	uint32_t count = 0;
	uint64_t last = 0;
	struct wheel_node *node;

	while ((node = wheel_expire(&wheel, now))) {
		ck_assert_uint_le(node->deadline, now);
		ck_assert_uint_ge(node->deadline, last);
		ck_assert(!wheel_node_is_waiting(node));
		last = node->deadline;
		count++;
	}
	return count;
}

START_TEST(empty)
{
	begin(5);
	ck_assert_uint_eq(wheel_next(&wheel), WHEEL_NEVER);
	ck_assert_ptr_null(wheel_expire(&wheel, 1000000));
	wheel_cancel(&wheel, &nodes[0]);
	ck_assert_uint_eq(wheel_next(&wheel), WHEEL_NEVER);
}
END_TEST

START_TEST(exact_to_the_millisecond)
{
	static const uint64_t delays[] = {0,   1,    2,	   63,	  64,	 65,	  127,
					  128, 4095, 4096, 4097,  262143, 262144, UINT32_MAX};
	static const uint64_t starts[] = {0, 1, 63, 64, 4095, 12345678, (UINT64_C(1) << 36) - 1};

	for (size_t s = 0; s < sizeof(starts) / sizeof(*starts); s++) {
		for (size_t d = 0; d < sizeof(delays) / sizeof(*delays); d++) {
			uint64_t deadline = starts[s] + delays[d];
			begin(starts[s]);
			wheel_add(&wheel, &nodes[0], deadline);
			ck_assert_uint_le(wheel_next(&wheel), deadline);
			if (delays[d] > 0)
				ck_assert_ptr_null(wheel_expire(&wheel, deadline - 1));
			ck_assert_ptr_eq(wheel_expire(&wheel, deadline), &nodes[0]);
			ck_assert_ptr_null(wheel_expire(&wheel, deadline));
			ck_assert_uint_eq(wheel_next(&wheel), WHEEL_NEVER);
		}
	}
}
END_TEST

START_TEST(next_leads_to_the_deadline_in_few_stops)
{
	begin(1000);
	wheel_add(&wheel, &nodes[0], 1000 + UINT64_C(0xffffffff));
	uint32_t stops = 0;
	while (!wheel_expire(&wheel, wheel_next(&wheel)))
		stops++;
	ck_assert_uint_le(stops, 10);
	ck_assert_uint_eq(wheel.now, 1000 + UINT64_C(0xffffffff));
}
END_TEST

START_TEST(a_past_deadline_and_a_clock_that_goes_back)
{
	begin(1000);
	wheel_add(&wheel, &nodes[0], 10);
	ck_assert_uint_eq(wheel_next(&wheel), 1000);
	ck_assert_ptr_null(wheel_expire(&wheel, 999));
	ck_assert_ptr_eq(wheel_expire(&wheel, 1000), &nodes[0]);
	ck_assert_ptr_null(wheel_expire(&wheel, 3));
	ck_assert_uint_eq(wheel.now, 1000);
}
END_TEST

START_TEST(adding_and_cancelling_while_expiring)
{
	begin(0);
	for (uint32_t i = 0; i < 4; i++)
		wheel_add(&wheel, &nodes[i], 100);
	ck_assert_ptr_eq(wheel_expire(&wheel, 200), &nodes[0]);
	wheel_cancel(&wheel, &nodes[1]);
	wheel_add(&wheel, &nodes[0], 50); /* past, yet not lost */
	wheel_add(&wheel, &nodes[4], 201);
	ck_assert_uint_eq(expire_all(99), 0);
	ck_assert_ptr_eq(wheel_expire(&wheel, 200), &nodes[2]);
	ck_assert_ptr_eq(wheel_expire(&wheel, 200), &nodes[3]);
	ck_assert_ptr_eq(wheel_expire(&wheel, 200), &nodes[0]);
	ck_assert_ptr_null(wheel_expire(&wheel, 200));
	ck_assert_ptr_eq(wheel_expire(&wheel, 201), &nodes[4]);
}
END_TEST

/* Against the plain truth: nothing is early, late, lost or handed out twice. */
START_TEST(many_at_random)
{
	uint64_t now = 7;
	uint32_t expired = 0;
	uint32_t cancelled = 0;

	begin(now);
	for (uint32_t i = 0; i < NODES; i++)
		wheel_add(&wheel, &nodes[i], now + random_next() % (1u << (random_next() % 20)));
	for (uint32_t i = 0; i < NODES; i += 3) {
		wheel_cancel(&wheel, &nodes[i]);
		cancelled++;
	}
	while (now < (1u << 20) + 7) {
		struct wheel_node *node;
		uint64_t before = now;
		now += random_next() % 700;
		while ((node = wheel_expire(&wheel, now))) {
			ck_assert_uint_le(node->deadline, now);
			ck_assert(node->deadline > before || before == 7);
			ck_assert_uint_ne((node - nodes) % 3, 0);
			expired++;
		}
	}
	ck_assert_uint_eq(expired + cancelled, NODES);
	ck_assert_uint_eq(wheel_next(&wheel), WHEEL_NEVER);
}
END_TEST

static Suite *wheel_suite(void)
{
	Suite *suite = suite_create("wheel");
	TCase *tests = tcase_create("wheel");

	tcase_add_test(tests, empty);
	tcase_add_test(tests, exact_to_the_millisecond);
	tcase_add_test(tests, next_leads_to_the_deadline_in_few_stops);
	tcase_add_test(tests, a_past_deadline_and_a_clock_that_goes_back);
	tcase_add_test(tests, adding_and_cancelling_while_expiring);
	tcase_add_test(tests, many_at_random);
	suite_add_tcase(suite, tests);
	return suite;
}

UNIT_MAIN(wheel_suite)
