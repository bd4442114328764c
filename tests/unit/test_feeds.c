/* SPDX-License-Identifier: BSD-2-Clause */
/* Lists whose files are replaced: when they are read anew, and when not yet. */
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/lists/feed_parts.h"
#include "tests/unit/unit.h"

#define ROUNDS 20
#define LOOKS 3

static char folder[] = "/tmp/test_feeds.XXXXXX";
static char path[64], other[64];
static struct feeds *feeds;
static struct feed *feed;

static FILE *file_begin(const char *where, unsigned names)
{
	FILE *file = fopen(where, "w");
	ck_assert_ptr_nonnull(file);
	for (unsigned i = 0; i < names; i++)
		fprintf(file, "host%u.example\n", i);
	fflush(file);
	return file;
}

static void setup(void)
{
	const struct feed_options options = {.format = LIST_FORMAT_NAMES, .watch = true};
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/list", folder);
	snprintf(other, sizeof(other), "%s/other", folder);
	fclose(file_begin(path, 2));
	feeds = feeds_create(NULL, NULL);
	ck_assert_ptr_nonnull(feeds);
	feeds->look_ms = 1;
	feed = feed_open(feeds, path, &options);
	ck_assert_ptr_nonnull(feed);
	ck_assert_int_eq(feed_wait(feed, NULL, NULL), FEED_READY);
}

static void teardown(void)
{
	feed_close(feed);
	feeds_destroy(feeds);
	unlink(path);
	unlink(other);
	rmdir(folder);
}

/* Takes what was read, if anything was; the number of names in force. */
static uint64_t turn(void)
{
	struct pollfd done = {.fd = feeds->done, .events = POLLIN};
	uint64_t count;
	if (poll(&done, 1, 1) == 1)
		ck_assert_int_eq(read(feeds->done, &count, sizeof(count)), sizeof(count));
	feeds_turn(feeds, false);
	return feed_status(feed).entries;
}

static void wait_for(uint64_t entries)
{
	while (turn() != entries)
		;
}

/* Who looks at files some times meanwhile finds nothing new; `file` is still being written. */
static void looks_pass(uint64_t entries, FILE *file)
{
	unsigned before = feeds->looks;
	while (feeds->looks - before < LOOKS) {
		if (file != NULL)
			ck_assert_int_eq(futimens(fileno(file), NULL), 0);
		ck_assert_uint_eq(turn(), entries);
	}
	ck_assert_uint_eq(turn(), entries);
}

/* Another file under the name is read when it is whole, also where the one before left first. */
START_TEST(half_written)
{
	for (unsigned round = 0, before = 2; round < ROUNDS; round++, before++) {
		ck_assert_int_eq(round % 2 ? unlink(path) : rename(path, other), 0);
		FILE *file = file_begin(path, 1);
		looks_pass(before, file);
		for (unsigned i = 0; i < before; i++)
			fprintf(file, "more%u.example\n", i);
		fclose(file);
		wait_for(before + 1);
	}
}
END_TEST

START_TEST(missing)
{
	ck_assert_int_eq(unlink(path), 0);
	while (feed_status(feed).failures == 0)
		ck_assert_uint_eq(turn(), 2);
	looks_pass(2, NULL);
	ck_assert_uint_eq(feed_status(feed).failures, 1);
	fclose(file_begin(path, 3));
	wait_for(3);
}
END_TEST

/* Of a link in the place of a file nobody is told. */
START_TEST(found_by_looking)
{
	const struct timespec old[] = {{.tv_sec = 1000000000}, {.tv_sec = 1000000000}};
	fclose(file_begin(other, 5));
	ck_assert_int_eq(utimensat(AT_FDCWD, other, old, 0), 0);
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(link(other, path), 0);
	wait_for(5);
}
END_TEST

static Suite *feeds_suite(void)
{
	Suite *suite = suite_create("feeds");
	TCase *tcase = tcase_create("feeds");
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, half_written);
	tcase_add_test(tcase, missing);
	tcase_add_test(tcase, found_by_looking);
	suite_add_tcase(suite, tcase);
	return suite;
}

UNIT_MAIN(feeds_suite)
