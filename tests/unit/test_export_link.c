/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A connection to a collector that stalls, breaks or is not there. The time is the test's, and the
 * collector is at the other end of a socket of this process.
 */
#include "control/export/connection.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <sys/un.h>

#include "control/export/frames.h"
#include "tests/unit/unit.h"

#define CONNECT_MS 300u
#define RECONNECT_MS 1000u
#define STALL_MS 5000u
#define START 100000u /* milliseconds: the time of the first turn */
#define MESSAGE 1000u /* bytes of each message; the first four are its number */
#define FRAME (2 + MESSAGE)

static struct export_link_options options;
static struct export_link told;
static int listener;
static uint8_t frame[FRAME]; /* as much of it as the collector has read */
static size_t have;

/* An abstract address: there is nothing to be removed. */
static void setup(void)
{
	struct sockaddr_un *address = (void *)&options.address;
	options.framing = LINK_LENGTHS;
	options.queue = 4u << 20;
	options.connect_ms = CONNECT_MS;
	options.reconnect_ms = RECONNECT_MS;
	options.stall_ms = STALL_MS;
	address->sun_family = AF_UNIX;
	snprintf(address->sun_path + 1, sizeof(address->sun_path) - 1, "sluice-link-%d", getpid());
	options.address_size = sizeof(*address);
	export_link_init(&told, &options);
	listener = -1;
}

static void listener_open(void)
{
	listener = socket(AF_UNIX, SOCK_STREAM, 0);
	ck_assert_int_ge(listener, 0);
	ck_assert_int_eq(bind(listener, (const struct sockaddr *)&options.address,
			      options.address_size), 0);
	ck_assert_int_eq(listen(listener, 5), 0);
}

static void teardown(void)
{
	export_link_free(&told);
	if (listener >= 0)
		close(listener);
}

static int collector_accept(void)
{
	int fd = accept(listener, NULL, NULL);
	ck_assert_int_ge(fd, 0);
	have = 0;
	return fd;
}

static bool put(uint32_t number)
{
	uint8_t message[MESSAGE] = {0};
	memcpy(message, &number, sizeof(number));
	return export_link_put(&told, message, sizeof(message));
}

/* Reads messages, numbered from `number` on, until there are no more bytes; how many are whole. */
static uint32_t messages_read(int fd, uint32_t number)
{
	uint32_t count = 0, found;
	ssize_t more;
	while ((more = recv(fd, frame + have, FRAME - have, MSG_DONTWAIT)) > 0) {
		have += (size_t)more;
		if (have < FRAME)
			continue;
		ck_assert_uint_eq((unsigned)frame[0] << 8 | frame[1], MESSAGE);
		memcpy(&found, frame + 2, sizeof(found));
		ck_assert_uint_eq(found, number + count);
		count++;
		have = 0;
	}
	return count;
}

/* More messages than the socket takes, of which nobody reads one; how many. */
static uint32_t stall(uint64_t now)
{
	uint32_t count = 0;
	int room = 64 << 10; /* or the machine's, which may be more than all of it */
	ck_assert_int_eq(setsockopt(told.fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room)), 0);
	while (put(count))
		count++;
	export_link_turn(&told, now);
	ck_assert_int_eq(told.state, LINK_OPEN);
	ck_assert_uint_gt(told.sent, 0);
	ck_assert_uint_gt(export_link_waiting(&told), FRAME);
	return count;
}

START_TEST(a_stall_ends_a_connection_and_loses_no_message)
{
	listener_open();
	export_link_turn(&told, START);
	ck_assert_int_eq(told.state, LINK_OPEN);
	int first = collector_accept();
	uint32_t count = stall(START), sent = (uint32_t)told.sent;
	export_link_turn(&told, START + STALL_MS - 1);
	ck_assert_int_eq(told.state, LINK_OPEN);
	export_link_turn(&told, START + STALL_MS);
	ck_assert_int_eq(told.state, LINK_CLOSED);
	ck_assert_uint_eq(told.failures, 1);
	ck_assert_uint_eq(messages_read(first, 0), sent);
	close(first);

	export_link_turn(&told, START + STALL_MS + RECONNECT_MS - 1);
	ck_assert_int_eq(told.state, LINK_CLOSED);
	export_link_turn(&told, START + STALL_MS + RECONNECT_MS);
	ck_assert_int_eq(told.state, LINK_OPEN);
	ck_assert_uint_eq(told.connects, 2);
	int second = collector_accept();
	while (sent < count) { /* begins with the one of which only a part has gone */
		uint64_t before = told.sent;
		export_link_turn(&told, START + STALL_MS + RECONNECT_MS);
		ck_assert_uint_gt(told.sent, before);
		sent += messages_read(second, sent);
	}
	ck_assert_uint_eq(told.sent, count);
	ck_assert_uint_eq(export_link_waiting(&told), 0);
	close(second);
}
END_TEST

START_TEST(slow_is_not_stalled)
{
	listener_open();
	export_link_turn(&told, START);
	int fd = collector_accept();
	uint64_t now = START;
	uint32_t count = stall(now), read = 0;
	while (read < count) {
		read += messages_read(fd, read);
		now += STALL_MS - 1;
		export_link_turn(&told, now);
		ck_assert_int_eq(told.state, LINK_OPEN);
	}
	now += 10 * STALL_MS; /* with nothing to say, however long */
	export_link_turn(&told, now);
	ck_assert(put(count));
	export_link_turn(&told, now + STALL_MS - 1);
	ck_assert_int_eq(told.state, LINK_OPEN);
	ck_assert_uint_eq(messages_read(fd, count), 1);
	ck_assert_uint_eq(told.failures, 0);
	close(fd);
}
END_TEST

START_TEST(no_patience_is_asked_for)
{
	options.stall_ms = 0;
	listener_open();
	export_link_turn(&told, START);
	int fd = collector_accept();
	stall(START);
	export_link_turn(&told, START + 1000 * STALL_MS);
	ck_assert_int_eq(told.state, LINK_OPEN);
	close(fd);
}
END_TEST

START_TEST(tries_are_apart)
{
	static const uint32_t asked[][2] = {{RECONNECT_MS, RECONNECT_MS}, {0, 100}};
	uint64_t now = RECONNECT_MS / 2;
	for (unsigned i = 0; i < 2; i++, now += RECONNECT_MS) {
		options.reconnect_ms = asked[i][0];
		uint64_t failures = told.failures;
		export_link_turn(&told, now); /* the first one does not wait */
		ck_assert_uint_eq(told.failures, failures + 1);
		export_link_turn(&told, now + asked[i][1] - 1);
		ck_assert_uint_eq(told.failures, failures + 1);
		now += asked[i][1];
		export_link_turn(&told, now);
		ck_assert_uint_eq(told.failures, failures + 2);
	}
	ck_assert_uint_eq(told.connects, 0);
	ck_assert(put(0)); /* waits for a collector that comes later */
	listener_open();
	export_link_turn(&told, now + 100);
	export_link_turn(&told, now + 100);
	int fd = collector_accept();
	ck_assert_uint_eq(messages_read(fd, 0), 1);
	close(fd);
}
END_TEST

START_TEST(a_full_queue_takes_no_more)
{
	options.queue = 3 * FRAME;
	for (uint32_t i = 0; i < 3; i++)
		ck_assert(put(i));
	ck_assert(!put(3));
	options.queue = 4 * FRAME; /* a new policy's */
	ck_assert(put(3));
	ck_assert(!put(4));
	listener_open();
	export_link_turn(&told, START);
	export_link_turn(&told, START);
	int fd = collector_accept();
	ck_assert_uint_eq(messages_read(fd, 0), 4);
	ck_assert(put(4));
	close(fd);
}
END_TEST

START_TEST(an_end_is_seen_with_nothing_to_say)
{
	listener_open();
	export_link_turn(&told, START);
	close(collector_accept());
	export_link_turn(&told, START + 1);
	ck_assert_int_eq(told.state, LINK_CLOSED);
	ck_assert_uint_eq(told.failures, 1);
}
END_TEST

/* What a collector says to the greeting decides, and saying nothing does after a while. */
START_TEST(collectors_that_do_not_agree)
{
	uint8_t answer[FRAMES_CONTROL_MAX];
	size_t length = frames_write(FRAMES_READY, answer);
	options.framing = LINK_FRAMES;
	listener_open();
	export_link_turn(&told, START);
	ck_assert_int_eq(told.state, LINK_GREETED);
	int silent = collector_accept();
	export_link_turn(&told, START + CONNECT_MS - 1);
	ck_assert_int_eq(told.state, LINK_GREETED);
	export_link_turn(&told, START + CONNECT_MS);
	ck_assert_int_eq(told.state, LINK_CLOSED);
	close(silent);

	uint64_t now = START + CONNECT_MS + RECONNECT_MS;
	export_link_turn(&told, now);
	int wrong = collector_accept();
	ck_assert_int_eq(send(wrong, answer, length, 0), (ssize_t)length); /* READY, as ours */
	export_link_turn(&told, now);
	ck_assert_int_eq(told.state, LINK_CLOSED);
	close(wrong);

	now += RECONNECT_MS;
	export_link_turn(&told, now);
	int right = collector_accept();
	answer[11] = 1; /* ACCEPT, in two parts */
	ck_assert_int_eq(send(right, answer, 13, 0), 13);
	export_link_turn(&told, now);
	ck_assert_int_eq(told.state, LINK_GREETED);
	ck_assert_int_eq(send(right, answer + 13, length - 13, 0), (ssize_t)length - 13);
	export_link_turn(&told, now);
	ck_assert_int_eq(told.state, LINK_OPEN);
	ck_assert_uint_eq(told.failures, 2);
	ck_assert_uint_eq(told.connects, 1);
	close(right);
}
END_TEST

static Suite *suite(void)
{
	Suite *made = suite_create("export_link");
	TCase *links = tcase_create("links");
	tcase_add_checked_fixture(links, setup, teardown);
	tcase_add_test(links, a_stall_ends_a_connection_and_loses_no_message);
	tcase_add_test(links, slow_is_not_stalled);
	tcase_add_test(links, no_patience_is_asked_for);
	tcase_add_test(links, tries_are_apart);
	tcase_add_test(links, a_full_queue_takes_no_more);
	tcase_add_test(links, an_end_is_seen_with_nothing_to_say);
	tcase_add_test(links, collectors_that_do_not_agree);
	suite_add_tcase(made, links);
	return made;
}

UNIT_MAIN(suite)
