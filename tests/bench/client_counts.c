/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What counting clients costs for groups of dynamic blocks: nanoseconds an event.
 *
 *   bench_client_counts [CLIENTS...]      default 1000, 100000 and 1000000
 *
 * One worker's table with four rules: queries a second, bytes a second, answers with one rcode, and
 * the part of these in all. Each query is answered; clients come in an order of chance, in bursts
 * of 32 as workers have them, all of them once before the clock runs. "Strangers" are clients of
 * whom each comes once, to a table that is full.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "dataplane/rules/client_counts.h"
#include "tests/bench/measure.h"

#define BURST 32u
#define EVENTS 4000000u
#define ROOM 1000000u /* clients of the table */
#define HZ UINT64_C(2000000000)

static const uint64_t seed[2] = {0x1234567890abcdef, 0xfedcba0987654321};

static struct client_counts counts;
static void *memory; /* of them */
static struct count_losses losses;
static uint64_t tsc, queries_a_second;

static void burst(const uint32_t numbers[static BURST])
{
	static const uint32_t limits[] = {300, 50, UINT32_MAX, 10000000};
	for (unsigned answer = 0; answer < 2; answer++) {
		const struct count_event event = {.answer = answer != 0, .bytes = 100};
		for (unsigned i = 0; i < BURST; i++) {
			uint8_t address[16] = {0};
			uint32_t number = numbers[i] * 2654435761u;
			memcpy(address, &number, sizeof(number));
			client_counts_add(&counts, 0, address, false, 5300, &event);
		}
		client_counts_flush(&counts, 0, limits, tsc, &losses);
	}
	tsc += BURST * HZ / queries_a_second;
}

/* Clients one after the other from `from` on. */
static void burst_in_turn(uint32_t from)
{
	uint32_t numbers[BURST];
	for (unsigned i = 0; i < BURST; i++)
		numbers[i] = from + i;
	burst(numbers);
}

static void burst_of_chance(uint64_t *random, uint32_t clients)
{
	uint32_t numbers[BURST];
	for (unsigned i = 0; i < BURST; i++) {
		*random = *random * 6364136223846793005u + 1442695040888963407u;
		numbers[i] = (uint32_t)((*random >> 32) * clients >> 32);
	}
	burst(numbers);
}

/* Makes a table; the seconds that takes. */
static double table_open(void)
{
	const struct count_shape shape = {
		.clients = ROOM,
		.v4_prefix = 32,
		.v6_prefix = 128,
		.n_columns = 4,
		.n_queries = 1,
		.columns = {{COUNT_QUERIES, 0, 0, 10},
			    {COUNT_RCODES, 0, 1 << 3, 10},
			    {COUNT_RCODES, 0, 0xffff, 10},
			    {COUNT_BYTES, 0, 0, 10}},
	};
	tsc = 1000 * HZ;
	losses = (struct count_losses){0};
	double begin = now();
	size_t size = client_counts_measure(&counts, &shape, 1, HZ, seed);
	memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		exit(EXIT_FAILURE);
	madvise(memory, size, MADV_HUGEPAGE);
	madvise(memory, size, MADV_POPULATE_WRITE);
	client_counts_place(&counts, memory);
	return now() - begin;
}

static void print(const char *who, double took)
{
	printf("%s: %.1f ns an event, %.1f a query with its answer; %llu replaced, %llu events of "
	       "nobody\n",
	       who, took * 1e9 / EVENTS, took * 2e9 / EVENTS, (unsigned long long)losses.replaced,
	       (unsigned long long)losses.refused);
	munmap(memory, counts.size);
}

static void known_measure(uint32_t clients)
{
	uint64_t random = 1;
	char who[64];
	table_open();
	queries_a_second = 1000000;
	for (uint32_t i = 0; i < clients; i += BURST)
		burst_in_turn(i);
	double begin = now();
	for (unsigned i = 0; i < EVENTS / 2; i += BURST)
		burst_of_chance(&random, clients);
	double took = now() - begin;
	snprintf(who, sizeof(who), "%8u clients", clients);
	print(who, took);
}

static void strangers_measure(void)
{
	double made = table_open();
	queries_a_second = 200000; /* so that the oldest can go */
	printf("a table of %u takes %zu MiB, made in %.0f ms\n", ROOM, counts.size >> 20, made * 1e3);
	for (uint32_t i = 0; i < 2 * ROOM; i += BURST)
		burst_in_turn(i);
	losses = (struct count_losses){0};
	double begin = now();
	for (unsigned i = 0; i < EVENTS / 2; i += BURST)
		burst_in_turn(2 * ROOM + i);
	print("       strangers", now() - begin);
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		known_measure((uint32_t)strtoul(argv[i], NULL, 10));
	if (argc > 1)
		return 0;
	known_measure(1000);
	known_measure(100000);
	known_measure(1000000);
	strangers_measure();
	return 0;
}
