/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How far apart two CPUs are: the time that a cache line takes to the other one and back. A virtual
 * machine's CPUs move between the host's cores while it runs, and with them everything that passes
 * data from one to the other gets several times faster or slower. Prints nanoseconds, the median of
 * a few short runs.
 *
 *   distance CPU CPU
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define RUNS 7
#define TRIPS 8000

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

static double trip_ns(void)
{
	struct timespec start, end;
	clock_gettime(CLOCK_MONOTONIC, &start);
	for (unsigned i = 0; i < TRIPS; i++) {
		unsigned ball = atomic_load_explicit(&court.ball, memory_order_relaxed);
		atomic_store_explicit(&court.ball, ball + 1, memory_order_release);
		while (atomic_load_explicit(&court.ball, memory_order_acquire) == ball + 1)
			;
	}
	clock_gettime(CLOCK_MONOTONIC, &end);
	return ((double)(end.tv_sec - start.tv_sec) * 1e9 + (double)(end.tv_nsec - start.tv_nsec)) /
	       TRIPS;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
	pthread_t other;
	double runs[RUNS];
	if (argc != 3) {
		fprintf(stderr, "usage: distance CPU CPU\n");
		return 2;
	}
	int cpu = atoi(argv[2]);
	pin(atoi(argv[1]));
	if (pthread_create(&other, NULL, return_balls, &cpu) != 0)
		return 1;
	trip_ns(); /* until both are there */
	for (unsigned i = 0; i < RUNS; i++)
		runs[i] = trip_ns();
	atomic_store(&court.stop, true);
	pthread_join(other, NULL);
	qsort(runs, RUNS, sizeof(runs[0]), compare);
	printf("%.0f\n", runs[RUNS / 2]);
	return 0;
}
