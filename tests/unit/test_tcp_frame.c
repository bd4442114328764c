/* SPDX-License-Identifier: BSD-2-Clause */
#include "control/tcp/frame.h"

#include <string.h>

#include "tests/unit/unit.h"

/* A message whose header is a query's, of `length` bytes, each of the rest telling its number. */
static size_t frame_write(uint8_t *at, uint16_t length, uint8_t number)
{
	memset(at, number, TCP_FRAME_HEAD + (size_t)length);
	at[0] = (uint8_t)(length >> 8);
	at[1] = (uint8_t)length;
	memset(at + 4, 0, 10);
	at[7] = 1;
	return TCP_FRAME_HEAD + (size_t)length;
}

static const uint16_t lengths[] = {12, 13, 300, 12, 65535, 512};
static uint8_t stream[70000];
static size_t stream_length;

static void stream_write(void)
{
	stream_length = 0;
	for (unsigned i = 0; i < 6; i++)
		stream_length += frame_write(stream + stream_length, lengths[i], (uint8_t)(i + 1));
}

/* Feeds bytes; how many messages there are now. */
static unsigned feed(struct tcp_stash *stash, const uint8_t *bytes, size_t size, unsigned number)
{
	struct tcp_reader reader;
	const uint8_t *message;
	uint16_t length;
	ck_assert(tcp_stash_open(stash, bytes, size, &reader));
	while (tcp_frame_next(&reader, &message, &length) == TCP_FRAME_WHOLE) {
		ck_assert_uint_lt(number, 6);
		ck_assert_uint_eq(length, lengths[number]);
		ck_assert_uint_eq(message[0], number + 1);
		ck_assert_uint_eq(message[length - 1], length > 12 ? number + 1 : 0);
		number++;
	}
	ck_assert(tcp_stash_close(stash, &reader));
	return number;
}

/* In one piece, byte for byte, and in every piece size between. */
START_TEST(splits)
{
	static const size_t pieces[] = {1, 2, 3, 7, 13, 14, 15, 1000, 65537, 65538, sizeof(stream)};
	stream_write();
	for (unsigned i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		struct tcp_stash stash = {0};
		unsigned number = 0;
		for (size_t at = 0; at < stream_length; at += pieces[i]) {
			size_t size = stream_length - at < pieces[i] ? stream_length - at : pieces[i];
			number = feed(&stash, stream + at, size, number);
			ck_assert_uint_le(stash.size, 2 * (tcp_stash_waiting(&stash) + size) + 64);
		}
		ck_assert_uint_eq(number, 6);
		ck_assert_ptr_null(stash.bytes);
	}
}
END_TEST

/* What waits for a place is there when nothing more comes. */
START_TEST(waits)
{
	struct tcp_stash stash = {0};
	struct tcp_reader reader;
	const uint8_t *message;
	uint16_t length;
	stream_write();
	ck_assert(tcp_stash_open(&stash, stream, 40, &reader));
	ck_assert_int_eq(tcp_frame_next(&reader, &message, &length), TCP_FRAME_WHOLE);
	ck_assert(tcp_stash_close(&stash, &reader));
	ck_assert_uint_eq(tcp_stash_waiting(&stash), 40 - 14);
	ck_assert(tcp_stash_open(&stash, NULL, 0, &reader));
	ck_assert_int_eq(tcp_frame_next(&reader, &message, &length), TCP_FRAME_WHOLE);
	ck_assert_uint_eq(length, 13);
	ck_assert_int_eq(tcp_frame_next(&reader, &message, &length), TCP_FRAME_PART);
	ck_assert(tcp_stash_close(&stash, &reader));
	ck_assert_uint_eq(tcp_stash_waiting(&stash), 40 - 14 - 15);
	tcp_stash_free(&stash);
}
END_TEST

static enum tcp_frame first(const char *bytes, size_t size, bool *may_be)
{
	struct tcp_reader reader = {(const uint8_t *)bytes, size};
	const uint8_t *message;
	uint16_t length;
	*may_be = tcp_frame_may_be(&reader, false);
	return tcp_frame_next(&reader, &message, &length);
}

START_TEST(garbage)
{
	bool may_be;
	ck_assert_int_eq(first("\0\0", 2, &may_be), TCP_FRAME_GARBAGE);
	ck_assert_int_eq(first("\0\13", 2, &may_be), TCP_FRAME_GARBAGE);
	ck_assert_int_eq(first("\0\14", 2, &may_be), TCP_FRAME_PART);
	ck_assert(may_be);
	ck_assert_int_eq(first("\0", 1, &may_be), TCP_FRAME_PART);
	/* Other protocols announce long messages. */
	ck_assert_int_eq(first("GET / HTTP/1.1\r\n", 16, &may_be), TCP_FRAME_PART);
	ck_assert(!may_be);
	ck_assert_int_eq(first("\x16\3\1\2\0\1\0\1\xfc\3\3abc", 14, &may_be), TCP_FRAME_PART);
	ck_assert(!may_be);
	/* A response. */
	ck_assert_int_eq(first("\1\0\x12\x34\x81\0\0\1\0\0\0\0\0\0", 14, &may_be), TCP_FRAME_PART);
	ck_assert(!may_be);
	struct tcp_reader reader = {(const uint8_t *)"\1\0\x12\x34\x81\0\0\1\0\0\0\0\0\0", 14};
	ck_assert(tcp_frame_may_be(&reader, true));
}
END_TEST

static Suite *tcp_frame_suite(void)
{
	Suite *suite = suite_create("tcp_frame");
	TCase *all = tcase_create("all");
	tcase_add_test(all, splits);
	tcase_add_test(all, waits);
	tcase_add_test(all, garbage);
	suite_add_tcase(suite, all);
	return suite;
}

UNIT_MAIN(tcp_frame_suite)
