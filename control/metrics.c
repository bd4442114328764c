/* SPDX-License-Identifier: BSD-2-Clause */
#include "control/metrics.h"

#include <rte_cycles.h>

#include "control/listener.h"
#include "control/lua_listeners.h"
#include "control/lua_policy.h"

static uint64_t counter_sum(const struct control *control, enum stats_counter counter)
{
	uint64_t sum = stats_read(&control->stats.counter[counter]);
	for (unsigned i = 0; i < control->dataplane->n_workers; i++)
		sum += stats_read(&workers[i].stats.counter[counter]);
	return sum;
}

static uint64_t drop_sum(const struct control *control, enum drop_reason reason)
{
	uint64_t sum = stats_read(&control->stats.drop[reason]);
	for (unsigned i = 0; i < control->dataplane->n_workers; i++)
		sum += stats_read(&workers[i].stats.drop[reason]);
	return sum;
}

static void head(FILE *out, const char *name, const char *type, const char *help)
{
	fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void value_print(FILE *out, const char *name, const char *type, const char *help,
			uint64_t value)
{
	head(out, name, type, help);
	fprintf(out, "%s %llu\n", name, (unsigned long long)value);
}

static void responses_print(const struct control *control, FILE *out)
{
	head(out, "sluice_responses_total", "counter", "answers sent to clients");
	fprintf(out, "sluice_responses_total{kind=\"forwarded\"} %llu\n",
		(unsigned long long)counter_sum(control, STATS_ANSWERED_FORWARD));
	fprintf(out, "sluice_responses_total{kind=\"self\"} %llu\n",
		(unsigned long long)counter_sum(control, STATS_ANSWERED_SELF));
}

static void drops_print(const struct control *control, FILE *out)
{
	head(out, "sluice_drops_total", "counter", "packets and queries dropped, by reason");
	for (unsigned i = DROP_NONE + 1; i < DROP_COUNT; i++) {
		char label[STATS_LABEL_SIZE];
		stats_drop_label((enum drop_reason)i, label);
		fprintf(out, "sluice_drops_total{reason=\"%s\"} %llu\n", label,
			(unsigned long long)drop_sum(control, (enum drop_reason)i));
	}
}

static void counters_print(const struct control *control, FILE *out)
{
	for (unsigned i = 0; i < STATS_COUNT; i++) {
		char name[96];
		snprintf(name, sizeof(name), "sluice_%s_total", stats_counters[i].name);
		value_print(out, name, "counter", stats_counters[i].help,
			    counter_sum(control, (enum stats_counter)i));
	}
}

static void async_print(const struct control *control, FILE *out)
{
	const struct async_counters *async = async_counters(control->async);
	const struct {
		const char *name, *help;
		uint64_t value;
	} rows[] = {
		{"suspended", "packets suspended", async->suspended},
		{"resumed", "suspended packets resumed", async->resumed},
		{"answered", "suspended packets answered by a verdict", async->answered},
		{"dropped", "suspended packets dropped by a verdict", async->dropped},
		{"expired", "suspended packets whose verdict did not come", async->expired},
		{"finished", "suspended packets ended since their datagram failed", async->finished},
		{"late", "verdicts for packets that are not suspended", async->late},
		{"duplicate", "suspensions refused because the key is taken", async->duplicate},
		{"overflow", "suspensions refused because the registry is full", async->overflow},
		{"abandoned", "expired packets whose object had been fetched", async->abandoned},
	};
	value_print(out, "sluice_async_suspended", "gauge", "packets suspended now",
		    async_suspended_now(control->async));
	for (unsigned i = 0; i < RTE_DIM(rows); i++) {
		char name[64];
		snprintf(name, sizeof(name), "sluice_async_%s_total", rows[i].name);
		value_print(out, name, "counter", rows[i].help, rows[i].value);
	}
}

/* Label values are escaped as the format has it: the path is the policy's. */
static void label_print(FILE *out, const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		if (text[i] == '\\' || text[i] == '"')
			fprintf(out, "\\%c", text[i]);
		else if (text[i] == '\n')
			fputs("\\n", out);
		else
			fputc(text[i] == '\0' ? '@' : text[i], out);
	}
}

static void endpoints_print(const struct control *control, FILE *out)
{
	static const char *const names[] = {"sent", "failed", "reconnected"};
	for (unsigned n = 0; n < RTE_DIM(names); n++) {
		struct endpoint *endpoint = NULL;
		char name[64];
		snprintf(name, sizeof(name), "sluice_endpoint_%s_total", names[n]);
		head(out, name, "counter", "datagrams of unix endpoints, and times they reconnected");
		while ((endpoint = endpoint_next(control->endpoints, endpoint)) != NULL) {
			const struct endpoint_counters *counters = endpoint_counters(endpoint);
			const uint64_t values[] = {counters->sent, counters->failed,
						   counters->reconnected};
			size_t length;
			const char *path = endpoint_path(endpoint, &length);
			fprintf(out, "%s{path=\"", name);
			label_print(out, path, length);
			fprintf(out, "\"} %llu\n", (unsigned long long)values[n]);
		}
	}
}

static void listeners_print(FILE *out)
{
	static const char *const names[] = {"received", "oversized", "empty"};
	for (unsigned n = 0; n < RTE_DIM(names); n++) {
		struct lua_listener *listener = NULL;
		char name[64];
		snprintf(name, sizeof(name), "sluice_listener_%s_total", names[n]);
		head(out, name, "counter", "datagrams at unix sockets; oversized and empty are ignored");
		while ((listener = lua_listener_next(listener)) != NULL) {
			const struct listener *socket = lua_listener_socket(listener);
			const struct listener_counters *counters = listener_counters(socket);
			const uint64_t values[] = {counters->received, counters->oversized,
						   counters->empty};
			size_t length;
			const char *path = listener_path(socket, &length);
			fprintf(out, "%s{path=\"", name);
			label_print(out, path, length);
			fprintf(out, "\"} %llu\n", (unsigned long long)values[n]);
		}
	}
}

static void workers_print(const struct control *control, FILE *out)
{
	uint64_t inflight = 0;
	head(out, "sluice_handoff_depth", "gauge", "packets on the ring to the control lcore");
	for (unsigned i = 0; i < control->dataplane->n_workers; i++) {
		inflight += inflight_count(workers[i].inflight);
		fprintf(out, "sluice_handoff_depth{worker=\"%u\"} %u\n", i,
			rte_ring_count(workers[i].handoff.to_control));
	}
	value_print(out, "sluice_inflight_queries", "gauge", "queries that wait for their server",
		    inflight);
	value_print(out, "sluice_in_hand", "gauge", "packets in hand of the control lcore",
		    async_in_hand(control->async));
}

static void latency_print(const struct control *control, FILE *out)
{
	uint64_t seen = 0, sum = 0;
	head(out, "sluice_latency_seconds", "histogram", "from a query's arrival to its answer");
	for (unsigned b = 0; b < STATS_LATENCY_BUCKETS; b++) {
		for (unsigned i = 0; i < control->dataplane->n_workers; i++)
			seen += stats_read(&workers[i].stats.latency[b]);
		fprintf(out, "sluice_latency_seconds_bucket{le=\"%g\"} %llu\n",
			(double)(2ull << b) / 1e6, (unsigned long long)seen);
	}
	for (unsigned i = 0; i < control->dataplane->n_workers; i++)
		sum += stats_read(&workers[i].stats.latency_sum);
	fprintf(out, "sluice_latency_seconds_bucket{le=\"+Inf\"} %llu\n"
		     "sluice_latency_seconds_sum %g\nsluice_latency_seconds_count %llu\n",
		(unsigned long long)seen, (double)sum / 1e6, (unsigned long long)seen);
}

void metrics_print(const struct control *control, FILE *out)
{
	responses_print(control, out);
	drops_print(control, out);
	counters_print(control, out);
	async_print(control, out);
	endpoints_print(control, out);
	listeners_print(out);
	workers_print(control, out);
	latency_print(control, out);
	value_print(out, "sluice_lua_errors_total", "counter",
		    "errors of policy actions and callbacks", lua_policy_errors());
}
