/* SPDX-License-Identifier: BSD-2-Clause */
#include "control/log/log.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/unit.h"

#define MANY 3000u /* more messages than a pipe holds */

static int ends[2], before;

/* Standard error is a pipe that we read, or do not. */
static void setup(void)
{
	ck_assert_int_eq(pipe(ends), 0);
	ck_assert_int_eq(fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
	before = dup(STDERR_FILENO);
	ck_assert_int_eq(dup2(ends[1], STDERR_FILENO), STDERR_FILENO);
}

static void teardown(void)
{
	dup2(before, STDERR_FILENO);
	close(before);
	close(ends[0]);
	close(ends[1]);
	log_setup(LOG_LEVEL_INFO, false);
	log_waits_set(true);
}

/* All that there is; how many lines. */
static unsigned lines_read(char *text, size_t size)
{
	size_t used = 0;
	unsigned lines = 0;
	ssize_t got;
	while ((got = read(ends[0], text + used, size - 1 - used)) > 0)
		used += (size_t)got;
	text[used] = '\0';
	for (const char *at = text; (at = strchr(at, '\n')) != NULL; at++)
		lines++;
	return lines;
}

START_TEST(lines_have_their_level)
{
	char text[4096];
	log_info("one %d", 1);
	log_warning("two");
	log_debug("three");
	ck_assert_uint_eq(lines_read(text, sizeof(text)), 2);
	ck_assert_str_eq(text, "sluice: one 1\nsluice: warning: two\n");
}
END_TEST

/* What is written is JSON, whatever the message: RFC 8259 wants UTF-8. */
START_TEST(json_is_json)
{
	static const struct {
		const char *message, *escaped;
	} rows[] = {
		{"plain", "plain"},
		{"a \"b\" \\ \t\n", "a \\\"b\\\" \\\\ \\u0009\\u000a"},
		{"caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80", "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80"},
		{"\xff", "\\\\xff"},
		{"\xc3(", "\\\\xc3("},
		{"\xc0\xaf", "\\\\xc0\\\\xaf"},		    /* "/" at length */
		{"\xe0\x80\xaf", "\\\\xe0\\\\x80\\\\xaf"},	    /* likewise */
		{"\xed\xa0\x80", "\\\\xed\\\\xa0\\\\x80"},	    /* half a pair of UTF-16 */
		{"\xf4\x90\x80\x80", "\\\\xf4\\\\x90\\\\x80\\\\x80"}, /* beyond Unicode */
		{"\xe2\x82", "\\\\xe2\\\\x82"},
		{"\xf0\x9f\x98", "\\\\xf0\\\\x9f\\\\x98"},
	};
	char text[4096], wanted[256];
	log_setup(LOG_LEVEL_INFO, true);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		log_error("%s", rows[i].message);
		ck_assert_uint_eq(lines_read(text, sizeof(text)), 1);
		snprintf(wanted, sizeof(wanted), "\"level\":\"error\",\"message\":\"%s\"}\n", rows[i].escaped);
		ck_assert_ptr_nonnull(strstr(text, wanted));
		ck_assert_int_eq(strncmp(text, "{\"time\":\"", 9), 0);
	}
}
END_TEST

/* Nobody reads: the caller goes on, and is told of it later. The test ends by its timeout if it waits. */
START_TEST(nobody_is_waited_for)
{
	static char text[1u << 20];
	char wanted[128];
	log_waits_set(false);
	for (unsigned i = 0; i < MANY; i++)
		log_info("message %u of those that fill the pipe, which nobody reads", i);
	uint64_t lost = log_lost();
	ck_assert_uint_gt(lost, 0);
	ck_assert_uint_lt(lost, MANY);
	ck_assert_uint_eq(lines_read(text, sizeof(text)), MANY - lost);
	log_info("there is room");
	ck_assert_uint_eq(lines_read(text, sizeof(text)), 2);
	snprintf(wanted, sizeof(wanted),
		 "sluice: warning: %u messages were lost, since nobody read them\nsluice: there is room\n",
		 (unsigned)lost);
	ck_assert_str_eq(text, wanted);
	log_info("said once");
	ck_assert_uint_eq(lines_read(text, sizeof(text)), 1);
	ck_assert_uint_eq(log_lost(), lost);
}
END_TEST

/* A message of several pages goes in parts for which there is room. */
START_TEST(long_messages_are_whole)
{
	static char text[1u << 16], message[4000];
	memset(message, '"', sizeof(message) - 1); /* twice as long as JSON */
	log_waits_set(false);
	log_info("%s", message);
	ck_assert_uint_eq(lines_read(text, sizeof(text)), 1);
	ck_assert_uint_eq(strlen(text), strlen("sluice: ") + sizeof(message));
	log_setup(LOG_LEVEL_INFO, true);
	log_info("%s", message);
	ck_assert_uint_eq(lines_read(text, sizeof(text)), 1);
	ck_assert_uint_gt(strlen(text), 4096);
	ck_assert_uint_eq(log_lost(), 0);
}
END_TEST

/* Where only a part of one found room, the next begins a line of its own. */
START_TEST(parts_end)
{
	static char text[1u << 20], message[4000];
	unsigned begun = 0;
	memset(message, '"', sizeof(message) - 1);
	log_setup(LOG_LEVEL_INFO, true);
	log_waits_set(false);
	log_info("first"); /* an odd number of pages is left for those of two pages */
	while (log_lost() == 0)
		log_info("%s", message);
	size_t used = 0;
	for (ssize_t got; (got = read(ends[0], text + used, sizeof(text) / 2)) > 0;)
		used += (size_t)got;
	ck_assert_int_ne(text[used - 1], '\n');
	log_info("there is room");
	lines_read(text + used, sizeof(text) - used);
	for (const char *at = text; (at = strstr(at, "{\"time\":")) != NULL; at++, begun++)
		ck_assert(at == text || at[-1] == '\n');
	ck_assert_uint_ge(begun, 4);
}
END_TEST

static Suite *log_suite(void)
{
	Suite *suite = suite_create("log");
	TCase *lines = tcase_create("lines");
	tcase_add_checked_fixture(lines, setup, teardown);
	tcase_add_test(lines, lines_have_their_level);
	tcase_add_test(lines, json_is_json);
	tcase_add_test(lines, nobody_is_waited_for);
	tcase_add_test(lines, long_messages_are_whole);
	tcase_add_test(lines, parts_end);
	suite_add_tcase(suite, lines);
	return suite;
}

UNIT_MAIN(log_suite)
