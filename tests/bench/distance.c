/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How far apart two CPUs are: the time that a cache line takes to the other one and back. A virtual
 * machine's CPUs move between the host's cores while it runs, and with them everything that passes
 * data from one to the other gets several times faster or slower. Prints nanoseconds, the median of
 * a few short runs.
 *
 *   distance CPU CPU
 *   distance CPU CPU RATE SECONDS
 *
 * The second one sends the line so many times a second, and prints percentiles of what it took,
 * counted from when it was to be sent. Nobody who waits for another CPU has better ones: what is beyond the median is
 * time that the host, or the kernel, takes from either CPU.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define RUNS 7
#define TRIPS 8000
#define SENT_MAX 2000000 /* at a rate */

static struct {
	_Alignas(128) atomic_uint ball; /* odd: theirs to return */
	_Alignas(128) atomic_bool stop;
} court;

static void pin(int cpu)
{
	cpu_set_t set;
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set) != 0) {
		perror("distance");
		exit(1);
	}
}

static void *return_balls(void *cpu)
{
	pin(*(int *)cpu);
	while (!atomic_load_explicit(&court.stop, memory_order_relaxed)) {
		unsigned ball = atomic_load_explicit(&court.ball, memory_order_acquire);
		if (ball & 1)
			atomic_store_explicit(&court.ball, ball + 1, memory_order_release);
	}
	return NULL;
}

static double now_ns(void)
{
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static void trip(void)
{
	unsigned ball = atomic_load_explicit(&court.ball, memory_order_relaxed);
	atomic_store_explicit(&court.ball, ball + 1, memory_order_release);
	while (atomic_load_explicit(&court.ball, memory_order_acquire) == ball + 1)
		;
}

static double trip_ns(void)
{
	double start = now_ns();
	for (unsigned i = 0; i < TRIPS; i++)
		trip();
	return (now_ns() - start) / TRIPS;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static void median_print(void)
{
	double runs[RUNS];
	for (unsigned i = 0; i < RUNS; i++)
		runs[i] = trip_ns();
	qsort(runs, RUNS, sizeof(runs[0]), compare);
	printf("%.0f\n", runs[RUNS / 2]);
}

static void percentiles_print(double rate, double seconds)
{
	static double took[SENT_MAX];
	uint32_t count = (uint32_t)(rate * seconds);
	double start = now_ns();
	for (uint32_t i = 0; i < count; i++) {
		double due = start + 1e9 / rate * i;
		while (now_ns() < due)
			;
		trip();
		took[i] = (now_ns() - due) / 1e3;
	}
	qsort(took, count, sizeof(took[0]), compare);
	printf("sent %u\np50_us %.2f\np99_us %.2f\np999_us %.2f\n", count, took[count / 2],
	       took[(uint64_t)count * 99 / 100], took[(uint64_t)count * 999 / 1000]);
}

int main(int argc, char **argv)
{
	pthread_t other;
	double rate = argc == 5 ? atof(argv[3]) : 0, seconds = argc == 5 ? atof(argv[4]) : 0;
	if ((argc != 3 && argc != 5) || rate < 0 || rate * seconds > SENT_MAX ||
	    (argc == 5 && rate * seconds < 1)) {
		fprintf(stderr, "usage: distance CPU CPU [RATE SECONDS]\n");
		return 2;
	}
	int cpu = atoi(argv[2]);
	pin(atoi(argv[1]));
	if (pthread_create(&other, NULL, return_balls, &cpu) != 0)
		return 1;
	trip_ns(); /* until both are there */
	if (argc == 5)
		percentiles_print(rate, seconds);
	else
		median_print();
	atomic_store(&court.stop, true);
	pthread_join(other, NULL);
	return 0;
}
