/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a packet pays for being suspended, resumed or expired, by how many others are suspended
 * meanwhile: nanoseconds a packet, in batches of 64 as the control lcore works. Verdicts come in the
 * order of suspension, or in an order of chance, which is the worst that a filter can do.
 *
 *   bench_async [SUSPENDED]
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "control/async/async.h"

#define BATCH 64u
#define TIMEOUT_MS 2000u
#define SPAN_NS 400000000u /* a figure is taken over */
#define ROUNDS 5u

struct bench {
	struct async *async;
	uint64_t now; /* ms */
	uint32_t parked;
	uint64_t *ids; /* of those parked, a circle */
	uint32_t at;
	uint64_t random;
};

static uint64_t now_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void die(const char *what)
{
	fprintf(stderr, "bench_async: %s\n", what);
	exit(1);
}

static uint64_t park(struct bench *bench, uint32_t timeout_ms)
{
	static uint64_t packet[64]; /* that nobody looks at */
	uint32_t slot = async_take(bench->async, (struct rte_mbuf *)(void *)packet);
	uint64_t id = slot == ASYNC_NONE ? 0
					 : async_suspend_id(bench->async, slot, timeout_ms,
							    ASYNC_FATE_RESUME, 0, bench->now);
	if (id == 0)
		die("nothing more can be suspended");
	return id;
}

static uint32_t drain(struct bench *bench)
{
	struct async_done done;
	uint32_t n = 0;
	while (async_done_pop(bench->async, &done)) {
		async_release(bench->async, done.slot);
		n++;
	}
	return n;
}

static struct bench bench_new(uint32_t parked)
{
	struct async_config config = {.max_packets = parked + BATCH, .max_suspended = parked + BATCH};
	struct bench bench = {.now = 1000, .parked = parked, .random = 88172645463325252u};
	bench.async = async_create(&config, bench.now);
	bench.ids = calloc(parked, sizeof(*bench.ids));
	if (bench.async == NULL || bench.ids == NULL)
		die("no memory");
	return bench;
}

static void bench_free(struct bench *bench)
{
	async_destroy(bench->async);
	free(bench->ids);
}

static uint64_t draw(struct bench *bench)
{
	bench->random ^= bench->random << 13;
	bench->random ^= bench->random >> 7;
	bench->random ^= bench->random << 17;
	return bench->random;
}

/* A batch of verdicts, and as many packets in their place. */
static void turn(struct bench *bench, const uint32_t *places)
{
	struct async_ref ref;
	for (unsigned i = 0; i < BATCH; i++)
		if (!async_find(bench->async, bench->ids[places[i]], &ref) ||
		    async_resume(bench->async, ref) != ASYNC_OK)
			die("a packet is lost");
	if (drain(bench) != BATCH)
		die("not every packet ended");
	for (unsigned i = 0; i < BATCH; i++)
		bench->ids[places[i]] = park(bench, 3600 * 1000);
}

static void places_choose(struct bench *bench, uint32_t *places, bool random)
{
	/* Those of one batch are different ones: equal steps from a place of chance. */
	uint32_t first = random ? (uint32_t)(draw(bench) % bench->parked) : bench->at;
	uint32_t step = random ? bench->parked / BATCH : 1;
	for (unsigned i = 0; i < BATCH; i++)
		places[i] = (first + i * step) % bench->parked;
	bench->at = (bench->at + BATCH) % bench->parked;
}

/* Nanoseconds of one suspension and one resumption. */
static double resumed(uint32_t parked, bool random)
{
	struct bench bench = bench_new(parked);
	uint32_t places[BATCH];
	double best = 1e9;
	for (uint32_t i = 0; i < parked; i++)
		bench.ids[i] = park(&bench, 3600 * 1000);
	for (unsigned round = 0; round < ROUNDS; round++) {
		uint64_t start = now_ns(), turns = 0, end = start + SPAN_NS;
		for (; now_ns() < end; turns++) {
			places_choose(&bench, places, random);
			turn(&bench, places);
			bench.now += turns % 8 == 0;
		}
		double took = (double)(now_ns() - start) / (double)(turns * BATCH);
		best = took < best ? took : best;
	}
	bench_free(&bench);
	return best;
}

/* Nanoseconds of one suspension and one expiry: as many a millisecond as keep so many suspended. */
static double expired(uint32_t parked)
{
	struct bench bench = bench_new(parked + parked / TIMEOUT_MS + BATCH);
	double owed = 0, each = (double)parked / TIMEOUT_MS, best = 1e9;
	for (unsigned round = 0; round < ROUNDS + 1; round++) {
		uint64_t start = now_ns(), n = 0, end = start + SPAN_NS;
		for (uint64_t ms = 0; now_ns() < end || (round == 0 && ms < 2 * TIMEOUT_MS); ms++) {
			for (owed += each; owed >= 1; owed--, n++)
				park(&bench, TIMEOUT_MS);
			async_advance(bench.async, ++bench.now);
			drain(&bench);
		}
		double took = (double)(now_ns() - start) / (double)n;
		if (round > 0)
			best = took < best ? took : best;
	}
	bench_free(&bench);
	return best;
}

static void measure(uint32_t parked)
{
	struct async_config config = {.max_packets = parked};
	printf("%10u  %20.0f %20.0f %20.0f  %16.0f\n", parked, resumed(parked, false),
	       resumed(parked, true), expired(parked),
	       (double)async_memory_for(&config) / parked);
}

int main(int argc, char **argv)
{
	printf("%10s  %20s %20s %20s  %16s\n", "suspended", "resumed in order", "in any order",
	       "expired", "bytes each");
	if (argc > 1) {
		measure((uint32_t)strtoul(argv[1], NULL, 10));
		return 0;
	}
	for (uint32_t parked = 100; parked <= 1000000; parked *= 10)
		measure(parked);
	return 0;
}
