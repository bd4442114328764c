/* SPDX-License-Identifier: BSD-2-Clause */
#include "dataplane/net/proxy.h"

#include <errno.h>
#include <string.h>

#include "tests/unit/unit.h"

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"

/* A header with this body, whose length the second half of `head` says. */
static size_t header_make(uint8_t *bytes, const char *head, const void *body, size_t length)
{
	memcpy(bytes, SIGNATURE, 12);
	memcpy(bytes + 12, head, 4);
	memcpy(bytes + 16, body, length);
	return 16 + length;
}

static const uint8_t ipv4_body[] = {192, 0, 2, 1, 10, 53, 0, 1, 0x14, 0xe9, 0, 53};
static const uint8_t ipv6_body[36] = {0x20, 1, [15] = 1, [16] = 0xfd, [31] = 2, 0, 1, 0, 53};

START_TEST(addresses)
{
	struct proxy_header header;
	uint8_t bytes[128];
	size_t size = header_make(bytes, "\x21\x12\0\x0c", ipv4_body, sizeof(ipv4_body));
	memcpy(bytes + size, "query", 5);
	ck_assert_int_eq(proxy_parse(bytes, size + 5, &header), 28);
	ck_assert(!header.local && !header.stream && !header.ipv6);
	ck_assert_mem_eq(header.source, "\xc0\0\2\1\0\0\0\0", 8);
	ck_assert_mem_eq(header.destination, "\x0a\x35\0\1\0\0\0\0", 8);
	ck_assert_uint_eq(header.source_port, 5353);
	ck_assert_uint_eq(header.destination_port, 53);
	ck_assert_uint_eq(header.values, header.length);

	size = header_make(bytes, "\x21\x21\0\x24", ipv6_body, sizeof(ipv6_body));
	ck_assert_int_eq(proxy_parse(bytes, size, &header), 52);
	ck_assert(header.ipv6 && header.stream);
	ck_assert_mem_eq(header.source, ipv6_body, 16);
	ck_assert_mem_eq(header.destination, ipv6_body + 16, 16);
	ck_assert_uint_eq(header.source_port, 1);
}
END_TEST

START_TEST(values)
{
	static const char tail[] = "\xe0\0\3abc\x04\0\0\xe0\0\1x";
	struct proxy_header header;
	struct proxy_value value;
	uint8_t bytes[128], body[64];
	memcpy(body, ipv4_body, sizeof(ipv4_body));
	memcpy(body + sizeof(ipv4_body), tail, sizeof(tail) - 1);
	size_t size = header_make(bytes, "\x21\x12\0\x19", body, 12 + sizeof(tail) - 1);
	ck_assert_int_eq(proxy_parse(bytes, size, &header), (int)size);
	uint16_t offset = header.values;
	ck_assert(proxy_value_next(bytes, &header, &offset, &value));
	ck_assert(value.type == 0xe0 && value.length == 3 && memcmp(value.bytes, "abc", 3) == 0);
	ck_assert(proxy_value_next(bytes, &header, &offset, &value));
	ck_assert(value.type == 4 && value.length == 0);
	ck_assert(proxy_value_next(bytes, &header, &offset, &value));
	ck_assert(value.type == 0xe0 && value.length == 1 && value.bytes[0] == 'x');
	ck_assert(!proxy_value_next(bytes, &header, &offset, &value));
	bytes[15]--; /* the last value leaves the header */
	ck_assert_int_eq(proxy_parse(bytes, size, &header), -EBADMSG);
	bytes[15]--, bytes[15]--; /* two bytes that are no value */
	ck_assert_int_eq(proxy_parse(bytes, size, &header), -EBADMSG);
}
END_TEST

START_TEST(without_addresses)
{
	struct proxy_header header;
	uint8_t bytes[128];
	size_t size = header_make(bytes, "\x20\0\0\0", "", 0);
	ck_assert_int_eq(proxy_parse(bytes, size, &header), 16);
	ck_assert(header.local);
	size = header_make(bytes, "\x20\x12\0\x0c", ipv4_body, sizeof(ipv4_body));
	ck_assert_int_eq(proxy_parse(bytes, size, &header), 28);
	ck_assert(header.local && header.values == header.length);
	size = header_make(bytes, "\x21\0\0\3", "xyz", 3);
	ck_assert_int_eq(proxy_parse(bytes, size, &header), 19);
	ck_assert(header.local);
}
END_TEST

START_TEST(what_is_none)
{
	static const struct {
		const char *head;
		size_t body;
	} wrong[] = {
		{"\x31\x12\0\x0c", 12}, /* version 3 */
		{"\x22\x12\0\x0c", 12}, /* no such command */
		{"\x21\x13\0\x0c", 12}, /* no such transport */
		{"\x21\x10\0\x0c", 12}, /* no transport */
		{"\x21\x42\0\x0c", 12}, /* no such family */
		{"\x21\x12\0\x0b", 11}, /* shorter than its addresses */
		{"\x21\x22\0\x23", 35},
		{"\x21\x31\0\x0c", 12},	   /* of unix sockets */
		{"\x21\x12\xff\xff", 111}, /* longer than a datagram */
	};
	struct proxy_header header;
	uint8_t bytes[128];
	static const uint8_t body[111];
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		size_t size = header_make(bytes, wrong[i].head, body, wrong[i].body);
		ck_assert_int_eq(proxy_parse(bytes, size, &header), -EBADMSG);
	}
	for (int i = 0; i < 12; i++) {
		size_t size = header_make(bytes, "\x21\x12\0\x0c", ipv4_body, 12);
		bytes[i] ^= 0x20;
		ck_assert_int_eq(proxy_parse(bytes, size, &header), -EBADMSG);
		ck_assert_int_eq(proxy_parse(bytes, (size_t)i + 1, &header), -EBADMSG);
	}
}
END_TEST

/* As it comes in over a connection, byte by byte. */
START_TEST(piece_by_piece)
{
	struct proxy_header header;
	uint8_t bytes[128];
	size_t size = header_make(bytes, "\x21\x22\0\x24", ipv6_body, sizeof(ipv6_body));
	for (size_t length = 0; length < size; length++)
		ck_assert_int_eq(proxy_parse(bytes, length, &header), 0);
	ck_assert_int_eq(proxy_parse(bytes, size, &header), (int)size);
}
END_TEST

START_TEST(written_as_read)
{
	struct proxy_header header, again;
	uint8_t bytes[128], copy[128];
	size_t size = header_make(bytes, "\x21\x22\0\x24", ipv6_body, sizeof(ipv6_body));
	ck_assert_int_eq(proxy_parse(bytes, size, &header), (int)size);
	ck_assert_uint_eq(proxy_write(copy, &header, 0), size);
	ck_assert_mem_eq(copy, bytes, size);
	const struct proxy_value value = {0xe3, 4, (const uint8_t *)"word"};
	uint16_t at = proxy_write(copy, &header, PROXY_VALUE_HEADER + 4);
	at = (uint16_t)(at + proxy_value_write(copy + at, &value));
	ck_assert_int_eq(proxy_parse(copy, at, &again), at);
	ck_assert_mem_eq(copy + again.values, "\xe3\0\4word", 7);
	const struct proxy_header local = {.local = true};
	ck_assert_uint_eq(proxy_write(copy, &local, 0), PROXY_HEADER_MIN);
	ck_assert_mem_eq(copy, SIGNATURE "\x20\0\0\0", 16);
}
END_TEST

static Suite *proxy_suite(void)
{
	Suite *suite = suite_create("proxy");
	TCase *tcase = tcase_create("header");
	tcase_add_test(tcase, addresses);
	tcase_add_test(tcase, values);
	tcase_add_test(tcase, without_addresses);
	tcase_add_test(tcase, what_is_none);
	tcase_add_test(tcase, piece_by_piece);
	tcase_add_test(tcase, written_as_read);
	suite_add_tcase(suite, tcase);
	return suite;
}

UNIT_MAIN(proxy_suite)
