/* SPDX-License-Identifier: BSD-2-Clause */
#include "dataplane/stats.h"

#include <ctype.h>

const struct stats_drop_info stats_drops[DROP_COUNT] = {
#define X(reason, stage, help) [DROP_##reason] = {#reason, DROP_STAGE_##stage, help},
	STATS_DROPS(X)
#undef X
};

const struct stats_counter_info stats_counters[STATS_COUNT] = {
#define X(counter, name, help) [STATS_##counter] = {name, help},
	STATS_COUNTERS(X)
#undef X
};

const char *const stats_origins[STATS_ORIGINS] = {
	[STATS_FORWARDED_ANSWER] = "forwarded",
	[STATS_CACHED_ANSWER] = "cache",
	[STATS_OWN_ANSWER] = "self",
};

const uint32_t stats_latency_bounds[STATS_LATENCY_BOUNDS] = {
	1,     2,     5,      10,     20,	50,	 100,	  200,	   500,	    1000,    2000,  4000,
	8000,  10000, 25000,  50000,  100000,	250000,	 500000,  1000000, 2000000, 4000000,
	8000000, 10000000,
};

const uint32_t stats_averages_over[STATS_AVERAGES] = {100, 1000, 10000, 1000000};

void stats_drop_label(enum drop_reason reason, char label[static STATS_LABEL_SIZE])
{
	size_t i = 0;
	for (const char *c = stats_drops[reason].name; *c != '\0' && i + 1 < STATS_LABEL_SIZE; c++)
		label[i++] = (char)tolower((unsigned char)*c);
	label[i] = '\0';
}
