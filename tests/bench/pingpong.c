/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The limit of the async lane: datagrams of a query's size through the example filter and back,
 * with nothing in between. Keeps a window of them on the way, batched as Sluice batches them.
 *
 *   pingpong FILTER_SOCKET VERDICT_SOCKET SECONDS WINDOW
 */
#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define BATCH 32

static const uint8_t query[] = "\0\0\1\0\0\1\0\0\0\0\0\0\x08"
			       "00000000\5bench\4test\0\0\1\0\1";

static double seconds_now(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static struct sockaddr_un address_of(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	strncpy(address.sun_path, path, sizeof(address.sun_path) - 1);
	return address;
}

static int socket_make(const char *bind_to, const char *connect_to)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0), size = 1 << 20;
	struct sockaddr_un address = address_of(bind_to != NULL ? bind_to : connect_to);
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	int failed = bind_to != NULL ? bind(fd, (void *)&address, sizeof(address))
				     : connect(fd, (void *)&address, sizeof(address));
	if (fd < 0 || failed != 0) {
		perror("pingpong");
		exit(1);
	}
	return fd;
}

static unsigned send_batch(int fd, unsigned count)
{
	struct iovec parts[BATCH];
	struct mmsghdr messages[BATCH] = {0};
	for (unsigned i = 0; i < count; i++) {
		parts[i] = (struct iovec){(void *)query, sizeof(query) - 1};
		messages[i].msg_hdr.msg_iov = &parts[i];
		messages[i].msg_hdr.msg_iovlen = 1;
	}
	int sent = sendmmsg(fd, messages, count, 0);
	return sent > 0 ? (unsigned)sent : 0;
}

static unsigned receive_batch(int fd)
{
	static char texts[BATCH][64];
	struct iovec parts[BATCH];
	struct mmsghdr messages[BATCH] = {0};
	for (unsigned i = 0; i < BATCH; i++) {
		parts[i] = (struct iovec){texts[i], sizeof(texts[i])};
		messages[i].msg_hdr.msg_iov = &parts[i];
		messages[i].msg_hdr.msg_iovlen = 1;
	}
	int count = recvmmsg(fd, messages, BATCH, 0, NULL);
	return count > 0 ? (unsigned)count : 0;
}

int main(int argc, char **argv)
{
	if (argc != 5) {
		fprintf(stderr, "usage: pingpong FILTER_SOCKET VERDICT_SOCKET SECONDS WINDOW\n");
		return 2;
	}
	unlink(argv[2]);
	int in = socket_make(argv[2], NULL), out = socket_make(NULL, argv[1]);
	double start = seconds_now(), now = start, end = start + atof(argv[3]);
	unsigned long window = strtoul(argv[4], NULL, 10), sent = 0, received = 0;
	while (now < end) {
		unsigned long room = window - (sent - received);
		unsigned moved = room > 0 ? send_batch(out, room < BATCH ? (unsigned)room : BATCH) : 0;
		sent += moved;
		unsigned came = receive_batch(in);
		received += came;
		if (moved == 0 && came == 0) {
			struct pollfd wait = {.fd = in, .events = POLLIN};
			poll(&wait, 1, 1);
		}
		now = seconds_now();
	}
	printf("rate %.0f\n", (double)received / (now - start));
	unlink(argv[2]);
	return 0;
}
