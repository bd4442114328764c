/* SPDX-License-Identifier: BSD-2-Clause */
#include "control/console/frame.h"

#include <errno.h>
#include <string.h>

#include "tests/unit/unit.h"

/* Every length of what has come so far: not yet, not yet, ..., now, and more does not matter. */
START_TEST(comes_in_pieces)
{
	uint8_t data[CONSOLE_HEAD_SIZE + 5 + 3] = {0};
	console_frame_head(data, 5);
	for (size_t have = 0; have < CONSOLE_HEAD_SIZE + 5; have++)
		ck_assert_int_eq(console_frame_body(data, have, 100), -EAGAIN);
	for (size_t have = CONSOLE_HEAD_SIZE + 5; have <= sizeof(data); have++)
		ck_assert_int_eq(console_frame_body(data, have, 100), 5);
}
END_TEST

START_TEST(bounds)
{
	uint8_t head[CONSOLE_HEAD_SIZE];
	console_frame_head(head, 0);
	ck_assert_int_eq(console_frame_body(head, sizeof(head), 0), 0);
	console_frame_head(head, CONSOLE_REQUEST_MAX);
	ck_assert_int_eq(console_frame_body(head, sizeof(head), CONSOLE_REQUEST_MAX), -EAGAIN);
	console_frame_head(head, CONSOLE_REQUEST_MAX + 1);
	ck_assert_int_eq(console_frame_body(head, sizeof(head), CONSOLE_REQUEST_MAX), -EMSGSIZE);
	ck_assert_int_eq(console_frame_body(head, sizeof(head) - 1, CONSOLE_REQUEST_MAX), -EAGAIN);
	memset(head, 0xff, sizeof(head));
	ck_assert_int_eq(console_frame_body(head, sizeof(head), CONSOLE_REPLY_MAX + 1), -EMSGSIZE);
	ck_assert_int_eq(console_frame_body((const uint8_t *)"GET / HTTP/1.0", 14,
					    CONSOLE_REQUEST_MAX), -EMSGSIZE);
}
END_TEST

START_TEST(head_is_network_order)
{
	uint8_t head[CONSOLE_HEAD_SIZE];
	console_frame_head(head, 0x01020304);
	ck_assert_mem_eq(head, "\x01\x02\x03\x04", 4);
}
END_TEST

static Suite *console_frame_suite(void)
{
	Suite *suite = suite_create("console_frame");
	TCase *all = tcase_create("all");
	tcase_add_test(all, comes_in_pieces);
	tcase_add_test(all, bounds);
	tcase_add_test(all, head_is_network_order);
	suite_add_tcase(suite, all);
	return suite;
}

UNIT_MAIN(console_frame_suite)
