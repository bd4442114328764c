/* SPDX-License-Identifier: BSD-2-Clause */
#include "control/log/writer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/unit.h"

#define HZ 1000000000u

static char folder[] = "/tmp/sluice-log.XXXXXX";
static char path[64], moved[64];
static struct log_writer *writer;

static int thread_start(pthread_t *thread, void *(*run)(void *), void *argument)
{
	return pthread_create(thread, NULL, run, argument);
}

static void setup(void)
{
	strcpy(folder + sizeof(folder) - 7, "XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/log", folder);
	snprintf(moved, sizeof(moved), "%s/old", folder);
	writer = log_writer_create(2, HZ, thread_start);
	ck_assert_ptr_nonnull(writer);
}

static void teardown(void)
{
	log_writer_destroy(writer);
	unlink(path);
	unlink(moved);
	rmdir(folder);
}

static struct query_record sample(uint16_t file)
{
	struct query_record record = {
		.file = file,
		.id = htons(0x1234),
		.qtype = 65280,
		.qclass = 1,
		.client_port = 4711,
		.name_length = 10,
		.client = {192, 0, 2, 7},
	};
	memcpy(record.name, "\3w\nw\4test", 10);
	return record;
}

static void push(unsigned lcore, const struct query_record *record)
{
	struct query_log_ring *ring = log_writer_ring(writer, lcore);
	ring->records[ring->head % QUERY_LOG_RECORDS] = *record;
	__atomic_store_n(&ring->head, ring->head + 1, __ATOMIC_RELEASE);
}

/* Until the thread has taken everything: its files are written once it looks again. */
static void drain(void)
{
	for (unsigned i = 0; i < 2; i++)
		while (query_log_peek(log_writer_ring(writer, i)) != NULL)
			usleep(1000);
}

static size_t content(const char *name, char *text, size_t size)
{
	FILE *file = fopen(name, "r");
	ck_assert_ptr_nonnull(file);
	size_t length = fread(text, 1, size - 1, file);
	text[length] = '\0';
	fclose(file);
	return length;
}

START_TEST(lines)
{
	char line[LOG_WRITER_LINE_SIZE];
	struct query_record record = sample(0);
	log_writer_line(&record, 0, 0, line, sizeof(line));
	ck_assert_str_eq(line, "Packet from 192.0.2.7:4711 for w\\010w.test. TYPE65280 with id 4660\n");
	record.response = record.ipv6 = true;
	record.qtype = 28;
	record.rcode = 3;
	log_writer_line(&record, LOG_WRITER_TIME, 5000000007, line, sizeof(line));
	ck_assert_str_eq(line, "[5.7] Answer to [c000:207::]:4711 for w\\010w.test. AAAA "
			       "(Non-Existent domain) with id 4660\n");
	record.rcode = 12;
	log_writer_line(&record, 0, 0, line, sizeof(line));
	ck_assert_ptr_nonnull(strstr(line, "(Err#12)"));
	record = sample(0);
	record.matched_length = 12;
	memcpy(record.matched, "*.test in bad", 13); /* the rest is of a record before */
	log_writer_line(&record, 0, 0, line, sizeof(line));
	ck_assert_ptr_nonnull(strstr(line, " with id 4660, listed: *.test in ba\n"));
}
END_TEST

START_TEST(longest_line)
{
	char line[LOG_WRITER_LINE_SIZE];
	struct query_record record = sample(0);
	record.name_length = 0;
	for (unsigned label = 0; label < 3; label++) {
		record.name[record.name_length++] = 63;
		memset(record.name + record.name_length, 1, 63);
		record.name_length += 63;
	}
	record.name[record.name_length++] = 61;
	memset(record.name + record.name_length, 1, 61);
	record.name_length += 61;
	record.name[record.name_length++] = 0;
	record.response = record.ipv6 = true;
	memset(record.client, 0xff, 16);
	record.matched_length = sizeof(record.matched);
	memset(record.matched, 'x', sizeof(record.matched));
	size_t length = log_writer_line(&record, LOG_WRITER_TIME, UINT64_MAX, line, sizeof(line));
	ck_assert_uint_lt(length, sizeof(line) - 1);
	ck_assert_int_eq(line[length - 1], '\n');
}
END_TEST

START_TEST(binary)
{
	uint8_t bytes[LOG_WRITER_BINARY_SIZE];
	struct query_record record = sample(0);
	ck_assert_uint_eq(log_writer_binary(&record, 0, 0, bytes), 2 + 10 + 2 + 2 + 2 + 4 + 2);
	ck_assert_mem_eq(bytes, "\x12\x34\3w\nw\4test\0", 12);
	ck_assert_mem_eq(bytes + 12, "\x00\xff\x01\x00\x02\x00\xc0\x00\x02\x07\x12\x67", 12);
	record.ipv6 = true;
	ck_assert_uint_eq(log_writer_binary(&record, LOG_WRITER_TIME, 5000000007, bytes), 48);
	ck_assert_uint_eq(bytes[0], 5);
	ck_assert_uint_eq(bytes[8], 7);
}
END_TEST

START_TEST(writes_and_reopens)
{
	char text[4096];
	int file = log_writer_open(writer, path, LOG_WRITER_BUFFERED);
	ck_assert_int_eq(file, 0);
	ck_assert_int_eq(log_writer_open(writer, path, LOG_WRITER_BUFFERED), 0);
	int other = log_writer_open(writer, path, LOG_WRITER_BINARY);
	ck_assert_int_eq(other, 1);
	struct query_record record = sample((uint16_t)file);
	push(0, &record);
	push(1, &record);
	drain();
	ck_assert_int_eq(rename(path, moved), 0);
	log_writer_reopen(writer, file);
	while (access(path, F_OK) != 0)
		usleep(1000);
	push(0, &record);
	log_writer_destroy(writer);
	writer = NULL;
	size_t length = content(moved, text, sizeof(text));
	ck_assert_uint_eq(length, 2 * 67);
	ck_assert_uint_eq(content(path, text, sizeof(text)), 67);
}
END_TEST

/* A pipe that nobody empties: what it holds is there, and the end does not wait for the rest. */
START_TEST(ends_with_a_full_pipe)
{
	static char text[1 << 20];
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	int pipe = open(path, O_RDWR | O_NONBLOCK);
	int file = log_writer_open(writer, path, 0);
	ck_assert_int_eq(file, 0);
	struct query_record record = sample((uint16_t)file);
	for (unsigned i = 0; i < QUERY_LOG_RECORDS; i++) /* more than a pipe holds */
		push(0, &record);
	struct pollfd full = {.fd = pipe, .events = POLLOUT};
	while (poll(&full, 1, 0) > 0)
		usleep(1000);
	log_writer_destroy(writer);
	writer = NULL;
	ssize_t length = read(pipe, text, sizeof(text));
	ck_assert_int_gt(length, 0);
	ck_assert_int_lt(length, QUERY_LOG_RECORDS * 67);
	ck_assert_mem_eq(text, "Packet from 192.0.2.7:4711", 26);
	close(pipe);
}
END_TEST

START_TEST(refuses_files)
{
	char deep[96];
	snprintf(deep, sizeof(deep), "%s/none/log", folder);
	ck_assert_int_eq(log_writer_open(writer, deep, 0), -ENOENT);
	ck_assert_int_eq(log_writer_open(writer, folder, 0), -EISDIR);
	for (unsigned i = 0; i < LOG_WRITER_FILES; i++)
		ck_assert_int_eq(log_writer_open(writer, "/dev/null", i), (int)i);
	ck_assert_int_eq(log_writer_open(writer, "/dev/null", LOG_WRITER_FILES), -ENOSPC);
}
END_TEST

static Suite *log_writer_suite(void)
{
	Suite *suite = suite_create("log_writer");
	TCase *tests = tcase_create("log_writer");
	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, lines);
	tcase_add_test(tests, longest_line);
	tcase_add_test(tests, binary);
	tcase_add_test(tests, writes_and_reopens);
	tcase_add_test(tests, ends_with_a_full_pipe);
	tcase_add_test(tests, refuses_files);
	suite_add_tcase(suite, tests);
	return suite;
}

UNIT_MAIN(log_writer_suite)
