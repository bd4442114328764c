/* SPDX-License-Identifier: BSD-2-Clause */
/* Sums of eight bytes at a time, held against DPDK's of two. */
#include "tests/unit/unit.h"

#include <stdlib.h>

#include <rte_ip.h>

#include "dataplane/net/checksum.h"

#define LENGTHS 130u
#define SETS 200u

START_TEST(sums_are_those_of_words)
{
	uint8_t bytes[LENGTHS + 8];
	srandom(1);
	for (unsigned set = 0; set < SETS; set++) {
		for (size_t i = 0; i < sizeof(bytes); i++)
			bytes[i] = set % 4 == 0 ? 0xff : (uint8_t)random();
		for (size_t length = 0; length <= LENGTHS; length++) {
			const uint8_t *at = bytes + set % 8; /* at any address */
			ck_assert_uint_eq(net_sum_fold(net_sum(0, at, length)),
					  rte_raw_cksum(at, length));
		}
	}
}
END_TEST

/* What is carried out of 64 and out of 32 bits comes back; a sum goes on where another ended. */
START_TEST(carries_come_back)
{
	static const uint8_t ones[8] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
	ck_assert_uint_eq(net_sum_add(UINT64_MAX, 1), 1);
	ck_assert_uint_eq(net_sum_add(UINT64_MAX, UINT64_MAX), UINT64_MAX);
	ck_assert_uint_eq(net_sum_fold(UINT64_MAX), UINT16_MAX);
	ck_assert_uint_eq(net_sum_fold(0x00000001ffffffffu), 1);
	ck_assert_uint_eq(net_sum_fold(0x1ffff), 1);
	ck_assert_uint_eq(net_sum_fold(net_sum_4(net_sum_8(0, ones), ones)), UINT16_MAX);
	ck_assert_uint_eq(net_sum_fold(net_sum_8(0x0102, "\x01\x02\x03\x04\x05\x06\x07\x08")),
			  0x0102 + 0x0201 + 0x0403 + 0x0605 + 0x0807);
}
END_TEST

static Suite *suite(void)
{
	Suite *made = suite_create("net_checksum");
	TCase *tests = tcase_create("sums");
	tcase_add_test(tests, sums_are_those_of_words);
	tcase_add_test(tests, carries_come_back);
	suite_add_tcase(made, tests);
	return made;
}

UNIT_MAIN(suite)
