/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What counting clients costs for groups of dynamic blocks: nanoseconds an event.
 *
 *   bench_client_counts [CLIENTS...]      default 1000, 100000 and 1000000
 *
 * One worker's table with four rules: queries a second, bytes a second, answers with one rcode, and
 * the part of these in all. Each query is answered; clients come in an order of chance, in bursts
 * of 32 as workers have them, all of them once before the clock runs.
 */
#include <stdio.h>
#include <stdlib.h>

#include "dataplane/rules/client_counts.h"
#include "tests/bench/measure.h"

#define BURST 32u
#define EVENTS 4000000u
#define HZ UINT64_C(2000000000)

static const uint64_t seed[2] = {0x1234567890abcdef, 0xfedcba0987654321};

static void burst(struct client_counts *counts, const uint32_t *limits, uint64_t *random,
		  uint32_t clients, uint64_t tsc, struct count_losses *losses, uint32_t from)
{
	uint32_t numbers[BURST];
	for (unsigned i = 0; i < BURST; i++) {
		*random = *random * 6364136223846793005u + 1442695040888963407u;
		numbers[i] = from != UINT32_MAX ? (from + i) % clients
						: (uint32_t)((*random >> 32) * clients >> 32);
	}
	for (unsigned answer = 0; answer < 2; answer++) {
		const struct count_event event = {.answer = answer != 0, .bytes = 100};
		for (unsigned i = 0; i < BURST; i++) {
			uint8_t address[16] = {0};
			uint32_t number = numbers[i] * 2654435761u;
			memcpy(address, &number, sizeof(number));
			client_counts_add(counts, 0, address, false, 5300, &event);
		}
		client_counts_flush(counts, 0, limits, tsc, losses);
	}
}

static void measure(uint32_t clients)
{
	const struct count_shape shape = {
		.clients = 1000000,
		.v4_prefix = 32,
		.v6_prefix = 128,
		.n_columns = 4,
		.n_queries = 1,
		.columns = {{COUNT_QUERIES, 0, 0, 10},
			    {COUNT_RCODES, 0, 1 << 3, 10},
			    {COUNT_RCODES, 0, 0xffff, 10},
			    {COUNT_BYTES, 0, 0, 10}},
	};
	const uint32_t limits[] = {300, 50, UINT32_MAX, 10000000};
	struct client_counts counts;
	struct count_losses losses = {0};
	uint64_t random = 1, tsc = 1000 * HZ;
	if (!client_counts_open(&counts, &shape, 1, HZ, seed))
		exit(EXIT_FAILURE);
	for (uint32_t i = 0; i < clients; i += BURST)
		burst(&counts, limits, &random, clients, tsc, &losses, i);
	double begin = now();
	for (unsigned i = 0; i < EVENTS / 2; i += BURST) {
		tsc += BURST * HZ / 1000000; /* a million queries a second */
		burst(&counts, limits, &random, clients, tsc, &losses, UINT32_MAX);
	}
	double took = now() - begin;
	printf("%8u clients: %.1f ns an event, %.1f a query with its answer; %llu replaced, %zu MiB "
	       "at most\n",
	       clients, took * 1e9 / EVENTS, took * 2e9 / EVENTS,
	       (unsigned long long)losses.replaced, counts.size >> 20);
	client_counts_close(&counts);
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		measure((uint32_t)strtoul(argv[i], NULL, 10));
	if (argc == 1) {
		measure(1000);
		measure(100000);
		measure(1000000);
	}
	return 0;
}
