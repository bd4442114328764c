/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Several name servers of one generator, told apart by their port, of which the first is dead for a
 * while: what it was asked then, and what share of all queries it gets once it is back. Checks are not
 * counted: their names are longer.
 */
#ifndef SLUICE_TESTS_BENCH_OUTAGE_H
#define SLUICE_TESTS_BENCH_OUTAGE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define OUTAGE_PORT 5300u /* of the first server */
#define OUTAGE_SERVERS_MAX 64u
#define OUTAGE_SPANS 8192u
#define OUTAGE_SPAN_MS 10u

static struct {
	unsigned servers; /* 0: there is no outage */
	uint64_t from, to; /* ms since the start */
	uint64_t asked;	   /* queries it got while it was dead: nobody answers them */
	uint64_t last, back; /* ms: the last of those, and the first after its return; 0: none */
	uint32_t all[OUTAGE_SPANS], own[OUTAGE_SPANS]; /* queries by time */
} outage;

/* A query for the server at this port, `ms` after the start. False: it stays without an answer. */
static inline bool outage_query(uint16_t port, bool is_check, uint64_t ms)
{
	bool own = port == OUTAGE_PORT, dead = own && ms >= outage.from && ms < outage.to;
	if (is_check)
		return !dead;
	if (ms / OUTAGE_SPAN_MS < OUTAGE_SPANS) {
		outage.all[ms / OUTAGE_SPAN_MS]++;
		outage.own[ms / OUTAGE_SPAN_MS] += own;
	}
	if (dead) {
		outage.asked++;
		outage.last = ms;
	}
	if (own && ms >= outage.to && outage.back == 0)
		outage.back = ms;
	return !dead;
}

/* Its queries in some spans, where an equal share of all is 1. */
static inline double outage_share(uint64_t first, uint64_t count)
{
	uint64_t all = 0, own = 0;
	for (uint64_t i = first; i < first + count && i < OUTAGE_SPANS; i++) {
		all += outage.all[i];
		own += outage.own[i];
	}
	return all > 0 ? (double)(own * outage.servers) / (double)all : 0;
}

/* `lost`: what the clients lost in all; `end`: ms since the start. */
static inline void outage_print(uint64_t lost, uint64_t end)
{
	uint64_t back = outage.back / OUTAGE_SPAN_MS, last = end / OUTAGE_SPAN_MS;
	double most = 0;
	/* Spans of less than half of what is usual tell little. */
	for (uint64_t i = back; outage.back != 0 && i < last && i < OUTAGE_SPANS; i++)
		if (outage.all[i] * 2 > outage.all[0] + outage.all[1]) {
			double share = outage_share(i, 1);
			most = share > most ? share : most;
		}
	printf("dead_asked %lu\nlost_else %ld\n", outage.asked, (long)(lost - outage.asked));
	printf("out_ms %lu\n", outage.asked > 0 ? outage.last - outage.from : 0);
	printf("back_ms %lu\n", outage.back > 0 ? outage.back - outage.to : 0);
	printf("herd_percent %.0f\nshare_percent %.0f\n", most * 100,
	       outage_share(last > 50 ? last - 50 : 0, 50) * 100);
}

#endif
