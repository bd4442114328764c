/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Asks one query after the other over UDP and tells how long the answers took, in microseconds. It goes before all
 * else on its CPU (SCHED_FIFO) and sleeps in between, so that others have that CPU and do not delay what is measured.
 *
 *   lone ADDRESS SECONDS MICROSECONDS_BETWEEN
 */
#include <arpa/inet.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#define COUNT_MAX 1000000
#define PATIENCE_S 2

static const uint8_t query[] = "\0\0\1\0\0\1\0\0\0\0\0\0\4lone\4test\0\0\1\0\1";
static double took[COUNT_MAX];

static double now(void)
{
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec * 1e6 + (double)time.tv_nsec / 1e3;
}

static int compare(const void *a, const void *b)
{
	const double *x = a, *y = b;
	return (*x > *y) - (*x < *y);
}

/* False: it was not answered. */
static int ask(int fd, uint16_t id)
{
	uint8_t message[sizeof(query) - 1], answer[512];
	memcpy(message, query, sizeof(message));
	memcpy(message, &id, sizeof(id));
	if (send(fd, message, sizeof(message), 0) < 0)
		return 0;
	for (;;) {
		ssize_t length = recv(fd, answer, sizeof(answer), 0);
		if (length < (ssize_t)sizeof(id))
			return 0;
		if (memcmp(answer, &id, sizeof(id)) == 0)
			return 1;
	}
}

int main(int count, char **arguments)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(53)};
	struct timeval patience = {.tv_sec = PATIENCE_S};
	struct sched_param first = {.sched_priority = 50};
	int fd = socket(AF_INET, SOCK_DGRAM, 0), n = 0, lost = 0;
	if (count != 4 || inet_pton(AF_INET, arguments[1], &to.sin_addr) != 1 ||
	    connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0 ||
	    sched_setscheduler(0, SCHED_FIFO, &first) != 0) {
		perror("lone");
		return 1;
	}
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	const struct timespec pause = {.tv_nsec = atol(arguments[3]) * 1000};
	double end = now() + atof(arguments[2]) * 1e6;
	while (now() < end && n < COUNT_MAX) {
		double begun = now();
		if (ask(fd, (uint16_t)(n + lost)))
			took[n++] = now() - begun;
		else
			lost++;
		nanosleep(&pause, NULL);
	}
	if (n == 0)
		return 1;
	qsort(took, (size_t)n, sizeof(took[0]), compare);
	printf("answered %d\nlost %d\np50_us %.1f\np99_us %.1f\np999_us %.1f\nmax_us %.1f\n", n, lost,
	       took[n / 2], took[(long)n * 99 / 100], took[(long)n * 999 / 1000], took[n - 1]);
	return 0;
}
