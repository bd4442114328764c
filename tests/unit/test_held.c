/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"

#include "dataplane/held.h"
#include "dataplane/rules/tags.h"
#include "tests/unit/net_lab.h"

#define COUNT 2000u

static struct held *held;

static void setup(void)
{
	lab_setup();
	held = held_create();
	ck_assert_ptr_nonnull(held);
}

static void teardown(void)
{
	ck_assert_uint_eq(held_count(held), 0);
	ck_assert_uint_eq(lab_outstanding, 0);
	held_destroy(held);
}

static struct rte_mbuf *add(uint32_t ms, uint64_t now)
{
	struct rte_mbuf *mbuf = lab_mbuf(64);
	held_add(held, mbuf, ms, now);
	return mbuf;
}

static void gone(struct rte_mbuf *mbuf)
{
	ck_assert_ptr_nonnull(mbuf);
	rte_pktmbuf_free(mbuf);
}

START_TEST(waits_as_long_as_asked)
{
	struct rte_mbuf *late = add(20, 1000), *soon = add(10, 1000), *then = add(10, 1000);
	ck_assert_uint_eq(held_count(held), 3);
	ck_assert_ptr_null(held_take(held, 1000));
	ck_assert_ptr_null(held_take(held, 1010)); /* it came within the millisecond 1000 */
	ck_assert_ptr_eq(held_take(held, 1011), soon);
	ck_assert_ptr_eq(held_take(held, 1011), then);
	ck_assert_ptr_null(held_take(held, 1011));
	ck_assert_ptr_null(held_take(held, 1020));
	ck_assert_ptr_eq(held_take(held, 1500), late);
	ck_assert_ptr_null(held_take(held, 1500));
	gone(late);
	gone(soon);
	gone(then);
}
END_TEST

/* Those of later turns of the wheel stay, and one that stood still for several finds all. */
START_TEST(waits_longer_than_a_turn)
{
	struct rte_mbuf *first = add(5, 7), *second = add(HELD_SLOTS + 5, 7),
			*third = add(3 * HELD_SLOTS + 5, 7);
	ck_assert_ptr_eq(held_take(held, 13), first);
	ck_assert_ptr_null(held_take(held, HELD_SLOTS + 12));
	ck_assert_ptr_eq(held_take(held, HELD_SLOTS + 13), second);
	ck_assert_ptr_null(held_take(held, HELD_SLOTS + 13));
	ck_assert_ptr_eq(held_take(held, 9 * HELD_SLOTS), third);
	gone(first);
	gone(second);
	gone(third);
}
END_TEST

/* Milliseconds since the start of the clock do not fit 32 bits. */
START_TEST(waits_over_the_end_of_32_bits)
{
	uint64_t now = (1ull << 32) - 5;
	struct rte_mbuf *mbuf = add(NOTE_DELAY_MAX, now);
	ck_assert_ptr_null(held_take(held, now + NOTE_DELAY_MAX));
	ck_assert_ptr_eq(held_take(held, now + NOTE_DELAY_MAX + 1), mbuf);
	gone(mbuf);
}
END_TEST

START_TEST(each_comes_once_and_in_time)
{
	unsigned taken = 0;
	uint64_t latest = 0;
	struct rte_mbuf *mbuf;
	for (unsigned i = 0; i < COUNT; i++)
		add(i * 7919 % (3 * HELD_SLOTS), 0);
	for (uint64_t now = 1; taken < COUNT; now += 3) {
		while ((mbuf = held_take(held, now)) != NULL) {
			ck_assert_uint_le(packet_of(mbuf)->due, now);
			ck_assert_uint_gt(packet_of(mbuf)->due + 3, now);
			ck_assert_uint_ge(packet_of(mbuf)->due, latest);
			latest = packet_of(mbuf)->due;
			gone(mbuf);
			taken++;
		}
	}
	ck_assert_uint_eq(held_count(held), 0);
}
END_TEST

START_TEST(all_can_be_had_before_their_time)
{
	struct rte_mbuf *mbuf;
	unsigned n = 0;
	for (unsigned i = 0; i < 100; i++)
		add(i * 100, 50);
	gone(held_take(held, 60));
	while ((mbuf = held_any(held)) != NULL) {
		gone(mbuf);
		n++;
	}
	ck_assert_uint_eq(n, 99);
	ck_assert_ptr_null(held_any(held));
	ck_assert_uint_eq(held_count(NULL), 0);
}
END_TEST

static Suite *held_suite(void)
{
	Suite *suite = suite_create("held");
	TCase *tcase = tcase_create("held");
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, waits_as_long_as_asked);
	tcase_add_test(tcase, waits_longer_than_a_turn);
	tcase_add_test(tcase, waits_over_the_end_of_32_bits);
	tcase_add_test(tcase, each_comes_once_and_in_time);
	tcase_add_test(tcase, all_can_be_had_before_their_time);
	suite_add_tcase(suite, tcase);
	return suite;
}

UNIT_MAIN(held_suite)
