/* SPDX-License-Identifier: BSD-2-Clause */
/* Endpoints and listeners, over real sockets in a folder made for each test. */
#include "control/socket/endpoint.h"
#include "control/socket/listener.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define QUEUE 64u
#define BIG (256u * 1024)

static char folder[64];
static char path[96];
static struct endpoint_set *set;
static uint64_t now;
static uint32_t failed_count;
static uint64_t failed_tags; /* sum */
static bool send_when_failed;
static char error_text[LISTENER_ERROR_SIZE];

/* What came last, and how many. */
static struct {
	uint32_t count;
	size_t length;
	uint8_t data[LISTENER_DATAGRAM_MAX];
	char from[128];
	size_t from_length;
} got;

static void count_failed(void *ctx, struct endpoint *endpoint, uint64_t tag)
{
	ck_assert_ptr_eq(ctx, &failed_count);
	failed_count++;
	failed_tags += tag;
	if (send_when_failed)
		ck_assert(!endpoint_send(endpoint, "again", 5, 0));
}

static void keep(void *ctx, const uint8_t *data, size_t length, const char *from,
		 size_t from_length)
{
	ck_assert_ptr_eq(ctx, &got);
	ck_assert_uint_le(length, sizeof(got.data));
	got.count++;
	got.length = length;
	memcpy(got.data, data, length);
	snprintf(got.from, sizeof(got.from), "%s", from);
	got.from_length = from_length;
}

static void setup(void)
{
	snprintf(folder, sizeof(folder), "/tmp/sluice-endpoint-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/socket", folder);
	now = 1000;
	failed_count = 0;
	failed_tags = 0;
	send_when_failed = false;
	memset(&got, 0, sizeof(got));
	set = endpoint_set_create(count_failed, &failed_count);
	ck_assert_ptr_nonnull(set);
	endpoint_set_time(set, now);
}

static void teardown(void)
{
	endpoint_set_destroy(set);
	unlink(path);
	ck_assert_int_eq(rmdir(folder), 0); /* nothing is left behind */
}

static void tick(void)
{
	endpoint_set_time(set, ++now);
}

static struct endpoint *open_path(void)
{
	struct endpoint *endpoint = endpoint_open(set, path, strlen(path), QUEUE);
	ck_assert_ptr_nonnull(endpoint);
	return endpoint;
}

static struct listener *listen_path(void)
{
	struct listener *listener =
		listener_bind(path, strlen(path), error_text, sizeof(error_text));
	ck_assert_msg(listener, "%s", error_text);
	return listener;
}

static uint32_t receive(struct listener *listener)
{
	return listener_receive(listener, 10000, keep, &got);
}

static struct sockaddr_un address_of_path(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	memcpy(address.sun_path, path, strlen(path));
	return address;
}

/* A socket file whose process died: closed without being removed. */
static void leave_stale(void)
{
	struct sockaddr_un address = address_of_path();
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	close(fd);
}

static void expect_refused(const char *where, size_t length, int code, const char *text)
{
	ck_assert_ptr_null(listener_bind(where, length, error_text, sizeof(error_text)));
	ck_assert_int_eq(errno, code);
	ck_assert_msg(strstr(error_text, text), "%s", error_text);
}

/* ---- endpoints ---- */

START_TEST(peer_absent_then_there)
{
	struct endpoint *endpoint = open_path();

	ck_assert(!endpoint_is_valid(endpoint));
	ck_assert(!endpoint_send(endpoint, "one", 3, 1));
	ck_assert_uint_eq(endpoint_counters(endpoint)->failed, 1);
	struct listener *listener = listen_path();
	ck_assert(!endpoint_is_valid(endpoint)); /* one attempt per millisecond */
	ck_assert(!endpoint_send(endpoint, "two", 3, 2));
	tick();
	ck_assert(endpoint_is_valid(endpoint));
	ck_assert(endpoint_send(endpoint, "three", 5, 3));
	ck_assert(endpoint_wants_write(endpoint));
	endpoint_flush_all(set);
	ck_assert(!endpoint_wants_write(endpoint));
	ck_assert_uint_eq(receive(listener), 1);
	ck_assert_mem_eq(got.data, "three", 5);
	ck_assert_uint_eq(got.from_length, 0);
	ck_assert_str_eq(got.from, "");
	ck_assert_uint_eq(endpoint_counters(endpoint)->sent, 1);
	ck_assert_uint_eq(endpoint_counters(endpoint)->reconnected, 0);
	ck_assert_uint_eq(failed_count, 0);
	listener_close(listener);
}
END_TEST

START_TEST(peer_killed_and_restarted)
{
	struct endpoint *endpoint = open_path();
	int fd = endpoint_fd(endpoint);

	for (uint32_t round = 0; round < 3; round++) {
		struct listener *listener = listen_path();
		tick();
		ck_assert(endpoint_send(endpoint, "hello", 5, round));
		endpoint_flush(endpoint);
		ck_assert_uint_eq(receive(listener), 1);
		listener_close(listener);
		leave_stale(); /* as a killed process does; the next round replaces it */
	}
	ck_assert_uint_eq(endpoint_counters(endpoint)->sent, 3);
	ck_assert_uint_eq(endpoint_counters(endpoint)->reconnected, 2);
	ck_assert_uint_eq(failed_count, 0);
	ck_assert_int_eq(endpoint_fd(endpoint), fd);
}
END_TEST

START_TEST(peer_lost_fails_what_is_queued)
{
	struct endpoint *endpoint = open_path();
	struct listener *listener = listen_path();

	ck_assert(endpoint_send(endpoint, "a", 1, 10));
	ck_assert(endpoint_send(endpoint, "b", 1, 20));
	listener_close(listener);
	tick();
	ck_assert(!endpoint_is_valid(endpoint));
	send_when_failed = true;
	endpoint_flush(endpoint);
	ck_assert_uint_eq(failed_count, 2);
	ck_assert_uint_eq(failed_tags, 30);
	ck_assert_uint_eq(endpoint_counters(endpoint)->failed, 4); /* with those of the callback */
	ck_assert_uint_eq(endpoint_counters(endpoint)->sent, 0);
	ck_assert(!endpoint_wants_write(endpoint));
	ck_assert(!endpoint_send(endpoint, "c", 1, 30)); /* fails at once from now on */
	tick();
	ck_assert(!endpoint_send(endpoint, "c", 1, 30));
}
END_TEST

/* Sends until refused; returns how many were taken. Flushing between, as a turn does. */
static uint32_t fill(struct endpoint *endpoint)
{
	uint32_t taken = 0;
	uint32_t number = 0;
	while (number < 100000 && endpoint_send(endpoint, &number, sizeof(number), 1)) {
		taken++;
		number++;
		endpoint_flush(endpoint);
	}
	return taken;
}

START_TEST(slow_reader)
{
	struct endpoint *endpoint = open_path();
	struct listener *listener = listen_path();
	struct pollfd waits = {.fd = endpoint_fd(endpoint), .events = POLLOUT};
	uint32_t taken = fill(endpoint);

	ck_assert_uint_gt(taken, QUEUE);
	ck_assert_uint_eq(endpoint_queued(endpoint), QUEUE);
	ck_assert_uint_eq(failed_count, 0);
	ck_assert(endpoint_is_valid(endpoint)); /* slow, not gone */
	ck_assert_int_eq(poll(&waits, 1, 0), 0);
	uint32_t received = 0;
	for (uint32_t i = 0; i < 100000 && received < taken; i++) {
		received += listener_receive(listener, 1, keep, &got);
		ck_assert_int_eq(poll(&waits, 1, 0), 1);
		endpoint_flush(endpoint);
	}
	uint32_t last = taken - 1; /* in order, nothing lost */
	ck_assert_uint_eq(received, taken);
	ck_assert_mem_eq(got.data, &last, sizeof(last));
	ck_assert(!endpoint_wants_write(endpoint));
	ck_assert_uint_eq(endpoint_counters(endpoint)->sent, taken);
	ck_assert_uint_eq(endpoint_counters(endpoint)->failed, 1);
	listener_close(listener);
}
END_TEST

START_TEST(slow_reader_that_dies)
{
	struct endpoint *endpoint = open_path();
	struct listener *listener = listen_path();
	struct pollfd waits = {.fd = endpoint_fd(endpoint), .events = POLLOUT};

	fill(endpoint);
	ck_assert_int_eq(poll(&waits, 1, 0), 0);
	listener_close(listener);
	ck_assert_int_eq(poll(&waits, 1, 0), 1); /* the loop is woken */
	listener = listen_path();
	tick();
	endpoint_flush(endpoint); /* the queue goes on to whoever came in its place */
	ck_assert_uint_gt(receive(listener), 0);
	endpoint_flush(endpoint);
	receive(listener);
	ck_assert_uint_eq(endpoint_counters(endpoint)->reconnected, 1);
	listener_close(listener);
	tick();
	endpoint_flush(endpoint);
	ck_assert_uint_eq(got.count + failed_count, QUEUE);
	ck_assert_uint_eq(endpoint_queued(endpoint), 0);
}
END_TEST

START_TEST(sizes)
{
	static uint8_t data[ENDPOINT_DATAGRAM_MAX + 1];
	struct endpoint *endpoint = open_path();
	struct listener *listener = listen_path();

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 31);
	ck_assert(!endpoint_send(endpoint, data, 0, 1));
	ck_assert(!endpoint_send(endpoint, data, sizeof(data), 1));
	ck_assert_uint_eq(endpoint_counters(endpoint)->failed, 2);
	/* More than the ring holds in all, so that datagrams lie across its end. */
	for (uint32_t i = 0; i < 40; i++) {
		size_t length = ENDPOINT_DATAGRAM_MAX - i;
		ck_assert(endpoint_send(endpoint, data, length, 1));
		endpoint_flush(endpoint);
		ck_assert_uint_eq(receive(listener), 1);
		ck_assert_uint_eq(got.length, length);
		ck_assert_mem_eq(got.data, data, length);
	}
	/* The bytes are bounded too: 1 MiB here. */
	uint32_t taken = 0;
	while (taken < QUEUE && endpoint_send(endpoint, data, ENDPOINT_DATAGRAM_MAX, 1))
		taken++;
	ck_assert_uint_eq(taken, 1024 * 1024 / ENDPOINT_DATAGRAM_MAX);
	listener_close(listener);
}
END_TEST

START_TEST(set_of_endpoints)
{
	struct endpoint *first = open_path();
	struct endpoint *second = endpoint_open(set, "\0abstract", 9, 1);
	size_t length;

	ck_assert_ptr_eq(open_path(), first);
	ck_assert_ptr_eq(endpoint_find(set, path, strlen(path)), first);
	ck_assert_ptr_eq(endpoint_find(set, "\0abstract", 9), second);
	ck_assert_ptr_null(endpoint_find(set, "\0abstract", 8));
	ck_assert_ptr_eq(endpoint_next(set, NULL), first);
	ck_assert_ptr_eq(endpoint_next(set, first), second);
	ck_assert_ptr_null(endpoint_next(set, second));
	ck_assert_mem_eq(endpoint_path(second, &length), "\0abstract", 10);
	ck_assert_uint_eq(length, 9);
	endpoint_close(first);
	ck_assert_ptr_eq(endpoint_find(set, path, strlen(path)), first); /* one user is left */
	struct listener *listener = listen_path();
	ck_assert(endpoint_send(first, "x", 1, 7));
	endpoint_close(first);
	ck_assert_uint_eq(failed_tags, 7);
	ck_assert_ptr_null(endpoint_find(set, path, strlen(path)));
	ck_assert_ptr_eq(endpoint_next(set, NULL), second);
	listener_close(listener);
}
END_TEST

START_TEST(paths_that_cannot_be)
{
	char longest[110];
	memset(longest, 'x', sizeof(longest));

	ck_assert_ptr_null(endpoint_open(set, "", 0, QUEUE));
	ck_assert_int_eq(errno, EINVAL);
	ck_assert_ptr_null(endpoint_open(set, "a\0b", 3, QUEUE));
	ck_assert_ptr_null(endpoint_open(set, "a", 1, 0));
	ck_assert_ptr_null(endpoint_open(set, "a", 1, ENDPOINT_QUEUE_MAX + 1));
	ck_assert_ptr_null(endpoint_open(set, longest, 108, QUEUE));
	ck_assert_int_eq(errno, ENAMETOOLONG);
	ck_assert_ptr_nonnull(endpoint_open(set, longest, 107, QUEUE));
	expect_refused("", 0, EINVAL, "empty");
	expect_refused("a\0b", 3, EINVAL, "NUL");
	expect_refused(longest, 108, ENAMETOOLONG, "at most 107");
}
END_TEST

/* ---- listeners ---- */

START_TEST(stale_socket_is_replaced)
{
	leave_stale();
	struct listener *listener = listen_path();
	struct endpoint *endpoint = open_path();

	ck_assert(endpoint_send(endpoint, "x", 1, 0));
	endpoint_flush(endpoint);
	ck_assert_uint_eq(receive(listener), 1);
	listener_close(listener);
	ck_assert_int_eq(access(path, F_OK), -1);
}
END_TEST

START_TEST(live_socket_is_refused)
{
	struct listener *listener = listen_path();

	expect_refused(path, strlen(path), EADDRINUSE, "another process listens on /tmp/");
	ck_assert_int_eq(access(path, F_OK), 0);
	listener_close(listener);
	/* One of another kind is as alive. */
	struct sockaddr_un address = address_of_path();
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	ck_assert_int_eq(listen(fd, 1), 0);
	expect_refused(path, strlen(path), EADDRINUSE, "another process");
	close(fd);
}
END_TEST

START_TEST(regular_file_is_refused)
{
	int fd = open(path, O_CREAT | O_WRONLY, 0600);
	ck_assert_int_eq(write(fd, "keep", 4), 4);
	close(fd);
	expect_refused(path, strlen(path), EEXIST, "is not a socket: remove it");
	struct stat status;
	ck_assert_int_eq(stat(path, &status), 0);
	ck_assert_int_eq(status.st_size, 4);
}
END_TEST

START_TEST(missing_folder_is_refused)
{
	char missing[128];
	snprintf(missing, sizeof(missing), "%s/no/socket", folder);
	expect_refused(missing, strlen(missing), ENOENT, "does not exist: create it");
	int fd = open(path, O_CREAT | O_WRONLY, 0600);
	close(fd);
	snprintf(missing, sizeof(missing), "%s/below", path);
	expect_refused(missing, strlen(missing), ENOTDIR, "is not a folder");
}
END_TEST

START_TEST(somebody_elses_file_is_not_removed)
{
	struct listener *listener = listen_path();
	unlink(path);
	leave_stale();
	listener_close(listener);
	ck_assert_int_eq(access(path, F_OK), 0);
}
END_TEST

START_TEST(abstract_both_ways)
{
	char name[64];
	name[0] = '\0';
	int written = snprintf(name + 1, sizeof(name) - 1, "sluice-test-%d", getpid());
	size_t length = 1 + (size_t)written;
	struct listener *listener = listener_bind(name, length, error_text, sizeof(error_text));
	ck_assert_msg(listener, "%s", error_text);
	struct endpoint *endpoint = endpoint_open(set, name, length, QUEUE);

	ck_assert(endpoint_is_valid(endpoint));
	ck_assert(endpoint_send(endpoint, "abstract", 8, 0));
	endpoint_flush(endpoint);
	ck_assert_uint_eq(receive(listener), 1);
	ck_assert_mem_eq(got.data, "abstract", 8);
	expect_refused(name, length, EADDRINUSE, "abstract name @sluice-test-");
	listener_close(listener);
	tick();
	ck_assert(!endpoint_is_valid(endpoint));
}
END_TEST

START_TEST(what_a_sender_may_do)
{
	static uint8_t big[BIG];
	struct listener *listener = listen_path();
	struct sockaddr_un address = address_of_path();
	struct sockaddr_un own = {.sun_family = AF_UNIX};
	int size = 4 * (int)BIG;
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	snprintf(own.sun_path, sizeof(own.sun_path), "%s/own", folder);
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	ck_assert_uint_eq(receive(listener), 0);
	ck_assert_int_eq(send(fd, big, 150000, 0), 150000);
	ck_assert_int_eq(send(fd, big, LISTENER_DATAGRAM_MAX + 1, 0), LISTENER_DATAGRAM_MAX + 1);
	ck_assert_int_eq(send(fd, big, 0, 0), 0);
	ck_assert_uint_eq(receive(listener), 3);
	ck_assert_uint_eq(got.count, 0);
	ck_assert_int_eq(send(fd, big, LISTENER_DATAGRAM_MAX, 0), LISTENER_DATAGRAM_MAX);
	ck_assert_uint_eq(receive(listener), 1);
	ck_assert_uint_eq(got.length, LISTENER_DATAGRAM_MAX);
	/* Bound, it has a path. */
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&own, sizeof(own)), 0);
	ck_assert_int_eq(send(fd, "x", 1, 0), 1);
	ck_assert_uint_eq(receive(listener), 1);
	ck_assert_str_eq(got.from, own.sun_path);
	ck_assert_uint_eq(got.from_length, strlen(own.sun_path));
	ck_assert_uint_eq(listener_counters(listener)->oversized, 2);
	ck_assert_uint_eq(listener_counters(listener)->empty, 1);
	ck_assert_uint_eq(listener_counters(listener)->received, 2);
	unlink(own.sun_path);
	close(fd);
	listener_close(listener);
}
END_TEST

/* An autobound sender has an abstract name: no path. And a call reads no more than it is told. */
START_TEST(abstract_sender_and_bounded_reading)
{
	struct listener *listener = listen_path();
	struct sockaddr_un address = address_of_path();
	struct sockaddr_un any = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	uint32_t sent = 0;

	ck_assert_int_eq(bind(fd, (struct sockaddr *)&any, sizeof(sa_family_t)), 0);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	while (sent < LISTENER_BATCH + 1 && send(fd, "y", 1, 0) == 1)
		sent++;
	uint32_t first = listener_receive(listener, 1, keep, &got);
	ck_assert_uint_le(first, LISTENER_BATCH);
	ck_assert_uint_eq(first + receive(listener), sent);
	ck_assert_uint_eq(got.from_length, 0);
	ck_assert_uint_eq(got.count, sent);
	close(fd);
	listener_close(listener);
}
END_TEST

static Suite *endpoint_suite(void)
{
	Suite *suite = suite_create("endpoint");
	TCase *endpoints = tcase_create("endpoints");
	TCase *listeners = tcase_create("listeners");

	tcase_add_checked_fixture(endpoints, setup, teardown);
	tcase_add_test(endpoints, peer_absent_then_there);
	tcase_add_test(endpoints, peer_killed_and_restarted);
	tcase_add_test(endpoints, peer_lost_fails_what_is_queued);
	tcase_add_test(endpoints, slow_reader);
	tcase_add_test(endpoints, slow_reader_that_dies);
	tcase_add_test(endpoints, sizes);
	tcase_add_test(endpoints, set_of_endpoints);
	tcase_add_test(endpoints, paths_that_cannot_be);
	tcase_add_checked_fixture(listeners, setup, teardown);
	tcase_add_test(listeners, stale_socket_is_replaced);
	tcase_add_test(listeners, live_socket_is_refused);
	tcase_add_test(listeners, regular_file_is_refused);
	tcase_add_test(listeners, missing_folder_is_refused);
	tcase_add_test(listeners, somebody_elses_file_is_not_removed);
	tcase_add_test(listeners, abstract_both_ways);
	tcase_add_test(listeners, what_a_sender_may_do);
	tcase_add_test(listeners, abstract_sender_and_bounded_reading);
	suite_add_tcase(suite, endpoints);
	suite_add_tcase(suite, listeners);
	return suite;
}

UNIT_MAIN(endpoint_suite)
