/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What an idle worker cannot go below: a program that does nothing but sleep.
 *
 *   idle nap MICROSECONDS SECONDS   naps as a worker does, and prints its share of a CPU
 *   idle echo INTERFACE             sleeps until a query comes, and sends it back as an answer
 */
#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>

#define MAC 0 /* where things are in a frame of IPv4 without options */
#define ADDRESS 26
#define PORT 34
#define CHECKSUM 40
#define FLAGS 44

static double seconds(clockid_t clock)
{
	struct timespec now;
	clock_gettime(clock, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int nap(long us, double duration)
{
	struct pollfd wake = {.fd = eventfd(0, EFD_NONBLOCK), .events = POLLIN};
	struct timespec patience = {.tv_nsec = us * 1000};
	double start = seconds(CLOCK_MONOTONIC), used = seconds(CLOCK_THREAD_CPUTIME_ID), passed = 0;
	unsigned long naps = 0;
	for (; passed < duration; passed = seconds(CLOCK_MONOTONIC) - start, naps++)
		ppoll(&wake, 1, &patience, NULL);
	used = seconds(CLOCK_THREAD_CPUTIME_ID) - used;
	printf("percent %.3f\nnap_us %.3f\n", used / passed * 100, used / (double)naps * 1e6);
	return 0;
}

static void swap(uint8_t *frame, unsigned at, unsigned size)
{
	uint8_t first[6];
	memcpy(first, frame + at, size);
	memmove(frame + at, frame + at + size, size);
	memcpy(frame + at + size, first, size);
}

static void answer_make(uint8_t *frame)
{
	swap(frame, MAC, 6);
	swap(frame, ADDRESS, 4);
	swap(frame, PORT, 2);
	memset(frame + CHECKSUM, 0, 2);
	frame[FLAGS] |= 0x80;
	frame[FLAGS + 1] = 5; /* REFUSED */
}

static int echo(const char *interface)
{
	uint8_t frame[2048];
	struct sockaddr_ll own = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_IP),
				  .sll_ifindex = (int)if_nametoindex(interface)};
	int fd = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_IP));
	if (bind(fd, (struct sockaddr *)&own, sizeof(own)) != 0) {
		perror("idle");
		return 1;
	}
	printf("ready\n");
	fflush(stdout);
	for (;;) {
		struct pollfd wake = {.fd = fd, .events = POLLIN};
		struct sockaddr_ll from;
		socklen_t size = sizeof(from);
		poll(&wake, 1, -1);
		ssize_t length = recvfrom(fd, frame, sizeof(frame), 0, (struct sockaddr *)&from, &size);
		if (length <= FLAGS + 1 || from.sll_pkttype == PACKET_OUTGOING)
			continue;
		answer_make(frame);
		if (send(fd, frame, (size_t)length, 0) != length)
			perror("idle");
	}
}

int main(int argc, char **argv)
{
	if (argc == 4 && strcmp(argv[1], "nap") == 0)
		return nap(atol(argv[2]), atof(argv[3]));
	if (argc == 3 && strcmp(argv[1], "echo") == 0)
		return echo(argv[2]);
	fprintf(stderr, "usage: idle nap MICROSECONDS SECONDS | idle echo INTERFACE\n");
	return 2;
}
