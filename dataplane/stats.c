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

void stats_drop_label(enum drop_reason reason, char label[static STATS_LABEL_SIZE])
{
	size_t i = 0;
	for (const char *c = stats_drops[reason].name; *c != '\0' && i + 1 < STATS_LABEL_SIZE; c++)
		label[i++] = (char)tolower((unsigned char)*c);
	label[i] = '\0';
}
