/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A filter that keeps a crowd waiting: it holds so many questions, and each further one takes the
 * place of one of chance, which gets its verdict, so that verdicts come in no order. Questions and
 * verdicts are unix datagrams of an id as text. When no question comes for a while, all get theirs,
 * little by little: nobody's window holds them back then.
 *
 *   crowd PATH VERDICT-PATH HELD
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define BATCH 64
#define ID_SIZE 20 /* bytes of an id below 2^53 as text, and its end */
#define QUIET_MS 200
#define GO_AT_ONCE 256 /* a millisecond */

struct id {
	uint8_t length;
	char text[ID_SIZE];
};

static volatile sig_atomic_t stopped;
static struct id *held, verdicts[BATCH];
static uint32_t n_held, room;
static unsigned n_verdicts;
static int to;

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static int socket_open(const char *path, int (*use)(int, const struct sockaddr *, socklen_t))
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	if (fd < 0 || use(fd, (struct sockaddr *)&address, sizeof(address)) != 0)
		die(path);
	return fd;
}

/* A batch at a time; waits until there is room. */
static void verdicts_send(void)
{
	struct iovec parts[BATCH];
	struct mmsghdr batch[BATCH] = {0};
	for (unsigned i = 0; i < n_verdicts; i++) {
		parts[i] = (struct iovec){verdicts[i].text, verdicts[i].length};
		batch[i].msg_hdr.msg_iov = &parts[i];
		batch[i].msg_hdr.msg_iovlen = 1;
	}
	for (unsigned done = 0; done < n_verdicts && !stopped;) {
		int sent = sendmmsg(to, batch + done, n_verdicts - done, 0);
		if (sent < 0 && errno != EINTR)
			die("sendmmsg");
		done += sent > 0 ? (unsigned)sent : 0;
	}
	n_verdicts = 0;
}

static void verdict(const struct id *id)
{
	verdicts[n_verdicts++] = *id;
	if (n_verdicts == BATCH)
		verdicts_send();
}

static uint64_t draw(void)
{
	static uint64_t state = 88172645463325252u;
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

static void question(const char *text, size_t length)
{
	struct id id = {.length = (uint8_t)length};
	if (length == 0 || length > sizeof(id.text))
		return;
	memcpy(id.text, text, length);
	if (n_held < room) {
		held[n_held++] = id;
		return;
	}
	struct id *place = &held[draw() % room];
	verdict(place);
	*place = id;
}

/* Those of a full house lie there in no order. */
static void some_go(void)
{
	for (unsigned i = 0; i < GO_AT_ONCE && n_held > 0; i++)
		verdict(&held[--n_held]);
	verdicts_send();
}

static void serve(int from)
{
	static char texts[BATCH][ID_SIZE];
	struct iovec parts[BATCH];
	struct mmsghdr batch[BATCH] = {0};
	struct pollfd ready = {.fd = from, .events = POLLIN};
	for (unsigned i = 0; i < BATCH; i++) {
		parts[i] = (struct iovec){texts[i], ID_SIZE};
		batch[i].msg_hdr.msg_iov = &parts[i];
		batch[i].msg_hdr.msg_iovlen = 1;
	}
	for (bool quiet = false; !stopped;) {
		int count = poll(&ready, 1, quiet ? 1 : QUIET_MS);
		quiet = count == 0;
		if (quiet)
			some_go();
		if (count <= 0)
			continue;
		count = recvmmsg(from, batch, BATCH, MSG_DONTWAIT, NULL);
		for (int i = 0; i < count; i++)
			question(texts[i], batch[i].msg_len);
		verdicts_send();
	}
}

static void stop(int number)
{
	(void)number;
	stopped = 1;
}

int main(int argc, char **argv)
{
	struct sigaction action = {.sa_handler = stop};
	if (argc != 4)
		die("crowd takes two paths and a number");
	room = (uint32_t)strtoul(argv[3], NULL, 10);
	held = calloc(room, sizeof(*held));
	if (held == NULL)
		die("memory");
	sigaction(SIGTERM, &action, NULL);
	unlink(argv[1]);
	int from = socket_open(argv[1], bind), size = 4 << 20;
	setsockopt(from, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	fprintf(stderr, "filter: ready\n");
	to = -1;
	struct pollfd first = {.fd = from, .events = POLLIN};
	while (!stopped && poll(&first, 1, -1) <= 0) /* by then the other side listens */
		;
	if (!stopped) {
		to = socket_open(argv[2], connect);
		serve(from);
	}
	unlink(argv[1]);
	return 0;
}
