/* SPDX-License-Identifier: BSD-2-Clause */
/* What collectors were told, and what became of copies of queries. */
#include "control/metrics/metrics.h"

#include <inttypes.h>
#include <string.h>

#include "control/export/exporter.h"

struct counted {
	const char *name, *type, *help;
};

/* Of all servers that get copies, or of all collectors. `value` gives the counter with this number. */
static void counter_print(const struct exporter *exporter, bool copies, const struct counted *what,
			  uint64_t (*value)(const struct exporter_stats *, unsigned), unsigned number,
			  FILE *out)
{
	static const char *const kinds[] = {
		[EXPORTER_LENGTHS] = "protobuf", [EXPORTER_FRAMES] = "dnstap"};
	metrics_head(out, what->name, what->type, what->help);
	for (unsigned i = 0; i < exporter_count(exporter); i++) {
		struct exporter_stats stats;
		enum exporter_kind kind;
		const char *name = exporter_name(exporter, i, &kind);
		if (name == NULL || (kind == EXPORTER_COPIES) != copies)
			continue;
		exporter_stats(exporter, i, &stats);
		fprintf(out, "%s{%s=\"", what->name, copies ? "server" : "logger");
		metrics_label(out, name, strlen(name));
		if (!copies)
			fprintf(out, "\",kind=\"%s", kinds[kind]);
		fprintf(out, "\"} %" PRIu64 "\n", value(&stats, number));
	}
}

static uint64_t collector_value(const struct exporter_stats *stats, unsigned number)
{
	const uint64_t values[] = {stats->queued, stats->sent, stats->full, stats->too_large,
				   stats->lost, stats->connects, stats->failures,
				   stats->connected};
	return values[number];
}

static void collectors_print(const struct exporter *exporter, FILE *out)
{
	static const struct counted rows[] = {
		{"sluice_export_queued_total", "counter", "messages for a collector"},
		{"sluice_export_sent_total", "counter", "messages that went to it whole"},
		{"sluice_export_full_total", "counter",
		 "messages that were lost since too much waits for the collector"},
		{"sluice_export_too_large_total", "counter",
		 "messages that were lost since the collector takes none as large"},
		{"sluice_export_lost_total", "counter",
		 "messages that were lost since the thread that makes them is behind"},
		{"sluice_export_connects_total", "counter", "connections to the collector"},
		{"sluice_export_failures_total", "counter",
		 "connections that failed, broke, or stalled"},
		{"sluice_export_connected", "gauge", "connections to the collector now"},
	};
	for (unsigned i = 0; i < RTE_DIM(rows); i++)
		counter_print(exporter, false, &rows[i], collector_value, i, out);
}

static uint64_t copies_value(const struct exporter_stats *stats, unsigned number)
{
	return number == COPIES_COUNT ? stats->lost : stats->copies[number];
}

static void copies_print(const struct exporter *exporter, FILE *out)
{
	static const char *const help[] = {
#define X(name, text, what) [COPIES_##name] = what,
		COPIES_COUNTERS(X)
#undef X
		[COPIES_COUNT] = "copies that were lost since the thread that sends them is behind",
	};
	for (unsigned i = 0; i <= COPIES_COUNT; i++) {
		char name[64];
		snprintf(name, sizeof(name), "sluice_tee_%s_total",
			 i == COPIES_COUNT ? "lost" : copies_names[i]);
		for (char *dash = name; (dash = strchr(dash, '-')) != NULL;)
			*dash = '_';
		counter_print(exporter, true, &(struct counted){name, "counter", help[i]},
			      copies_value, i, out);
	}
}

void metrics_export_print(const struct control *control, FILE *out)
{
	if (exporter_count(control->exporter) == 0)
		return;
	collectors_print(control->exporter, out);
	copies_print(control->exporter, out);
}
