/* SPDX-License-Identifier: BSD-2-Clause */
#include "control/metrics/metrics.h"

#include <inttypes.h>
#include <string.h>

#include <luajit.h>
#include <rte_version.h>

#include "control/key_lmdb.h"
#include "control/metrics/custom.h"
#include "control/lists/feed.h"
#include "control/net/links.h"
#include "control/socket/listener.h"
#include "control/lua/listeners.h"
#include "control/lua/policy.h"
#include "control/publish.h"
#include "control/metrics/totals.h"

/* The policy's own, of the page that is being printed. */
static struct custom_metrics *customs;

/* Two families of a name would cost the reader the whole page. */
static void name_take(const char *name, const char *suffix)
{
	char whole[128];
	snprintf(whole, sizeof(whole), "%s%s", name, suffix);
	const char *hidden = custom_metric_hide(customs, whole);
	if (hidden != NULL)
		log_warning("the policy's metric %s is not among those at /metrics: %s is one of "
			    "Sluice's own; declare it with another name",
			    hidden, whole);
}

void metrics_head(FILE *out, const char *name, const char *type, const char *help)
{
	name_take(name, "");
	if (strcmp(type, "histogram") == 0) {
		name_take(name, "_bucket");
		name_take(name, "_sum");
		name_take(name, "_count");
	}
	fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

void metrics_value(FILE *out, const char *name, const char *type, const char *help,
		   uint64_t value)
{
	metrics_head(out, name, type, help);
	fprintf(out, "%s %" PRIu64 "\n", name, value);
}

/* `out` gets name{port="...": what follows is up to the caller. */
static void port_name(const struct control *control, unsigned port, const char *name, FILE *out)
{
	const char *text = control->config->ports[port].name;
	fprintf(out, "%s{port=\"", name);
	metrics_label(out, text, strlen(text));
	fputc('"', out);
}

static void ports_print(const struct control *control, FILE *out)
{
	metrics_head(out, "sluice_queries_total", "counter", "queries received");
	for (unsigned port = 0; port < control->dataplane->n_ports; port++) {
		port_name(control, port, "sluice_queries_total", out);
		fprintf(out, "} %" PRIu64 "\n", totals_port_queries(control, port));
	}
	metrics_head(out, "sluice_responses_total", "counter",
		     "answers sent to clients: a server's, the cache's, our own");
	for (unsigned port = 0; port < control->dataplane->n_ports; port++)
		for (unsigned origin = 0; origin < STATS_ORIGINS; origin++) {
			port_name(control, port, "sluice_responses_total", out);
			fprintf(out, ",kind=\"%s\"} %" PRIu64 "\n", stats_origins[origin],
				totals_port_answers(control, port, (enum stats_origin)origin));
		}
}

static void steering_print(const struct control *control, FILE *out)
{
	static const char *const families[] = {"ipv4", "ipv6"};
	metrics_head(out, "sluice_port_steering", "gauge",
		     "by what servers' answers get to the worker that asked; the value is always 1");
	for (unsigned i = 0; i < 2 * control->dataplane->n_ports; i++) {
		port_name(control, i / 2, "sluice_port_steering", out);
		fprintf(out, ",family=\"%s\",by=\"%s\"} 1\n", families[i % 2],
			port_steering_name(control->ports[i / 2].steering[i % 2]));
	}
	metrics_head(out, "sluice_port_source_ports", "gauge",
		     "source ports that a worker has to a server, at least");
	for (unsigned i = 0; i < 2 * control->dataplane->n_ports; i++) {
		port_name(control, i / 2, "sluice_port_source_ports", out);
		fprintf(out, ",family=\"%s\"} %u\n", families[i % 2],
			control->ports[i / 2].source_ports[i % 2]);
	}
}

static void link_name(const struct control *control, const struct link_state *link,
		      const char *name, FILE *out)
{
	port_name(control, link->port, name, out);
	if (link->leg != NULL)
		fprintf(out, ",leg=\"%s\"", link->leg);
	fputs("} ", out);
}

static void links_print(const struct control *control, FILE *out)
{
	const struct link_state *link = NULL;
	metrics_head(out, "sluice_port_link_up", "gauge",
		     "1: the link of the port, or of a leg of a bonded pair, is up");
	while ((link = links_next(control->links, link)) != NULL) {
		link_name(control, link, "sluice_port_link_up", out);
		fprintf(out, "%d\n", link->up);
	}
	metrics_head(out, "sluice_port_link_changes_total", "counter",
		     "times that the link went down or came up");
	while ((link = links_next(control->links, link)) != NULL) {
		link_name(control, link, "sluice_port_link_changes_total", out);
		fprintf(out, "%" PRIu64 "\n", link->changes);
	}
}

static void drops_print(const struct control *control, FILE *out)
{
	metrics_head(out, "sluice_drops_total", "counter", "packets and queries dropped, by reason");
	for (unsigned i = DROP_NONE + 1; i < DROP_COUNT; i++) {
		char label[STATS_LABEL_SIZE];
		stats_drop_label((enum drop_reason)i, label);
		fprintf(out, "sluice_drops_total{reason=\"%s\"} %" PRIu64 "\n", label,
			totals_drop(control, (enum drop_reason)i));
	}
}

static void counters_print(const struct control *control, FILE *out)
{
	for (unsigned i = 0; i < STATS_COUNT; i++) {
		char name[96];
		snprintf(name, sizeof(name), "sluice_%s_total", stats_counters[i].name);
		metrics_value(out, name, "counter", stats_counters[i].help,
			    totals_counter(control, (enum stats_counter)i));
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
	metrics_value(out, "sluice_async_suspended", "gauge", "packets suspended now",
		    async_suspended_now(control->async));
	metrics_head(out, "sluice_async_expiry_late_seconds_max", "gauge",
		     "the most that a suspended packet expired late, since the start");
	fprintf(out, "sluice_async_expiry_late_seconds_max %.6f\n",
		(double)control->expiry_late / (double)(control->tsc_per_ms * 1000));
	metrics_value(out, "sluice_async_overdue_total", "counter",
		      "suspended packets that expired more than 2 ms late", control->overdue);
	for (unsigned i = 0; i < RTE_DIM(rows); i++) {
		char name[64];
		snprintf(name, sizeof(name), "sluice_async_%s_total", rows[i].name);
		metrics_value(out, name, "counter", rows[i].help, rows[i].value);
	}
}

/*
 * As the format has it; a label that is not UTF-8 would spoil the whole page, so that bytes beyond
 * ASCII are spelt out.
 */
void metrics_label(FILE *out, const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		if (text[i] == '\\' || text[i] == '"')
			fprintf(out, "\\%c", text[i]);
		else if (text[i] == '\n')
			fputs("\\n", out);
		else if ((unsigned char)text[i] >= 0x80)
			fprintf(out, "\\\\x%02x", (unsigned char)text[i]);
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
		metrics_head(out, name, "counter", "datagrams of unix endpoints, and times they reconnected");
		while ((endpoint = endpoint_next(control->endpoints, endpoint)) != NULL) {
			const struct endpoint_counters *counters = endpoint_counters(endpoint);
			const uint64_t values[] = {counters->sent, counters->failed,
						   counters->reconnected};
			size_t length;
			const char *path = endpoint_path(endpoint, &length);
			fprintf(out, "%s{path=\"", name);
			metrics_label(out, path, length);
			fprintf(out, "\"} %" PRIu64 "\n", values[n]);
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
		metrics_head(out, name, "counter",
			     "datagrams at unix sockets; oversized and empty ones are ignored");
		while ((listener = lua_listener_next(listener)) != NULL) {
			const struct listener *socket = lua_listener_socket(listener);
			const struct listener_counters *counters = listener_counters(socket);
			const uint64_t values[] = {counters->received, counters->oversized,
						   counters->empty};
			size_t length;
			const char *path = listener_path(socket, &length);
			fprintf(out, "%s{path=\"", name);
			metrics_label(out, path, length);
			fprintf(out, "\"} %" PRIu64 "\n", values[n]);
		}
	}
}

static void workers_print(const struct control *control, FILE *out)
{
	uint64_t inflight = 0, fragments = 0, held = 0;
	metrics_head(out, "sluice_handoff_depth", "gauge", "packets on the ring to the control lcore");
	for (unsigned i = 0; i < control->dataplane->n_workers; i++) {
		inflight += inflight_count(workers[i].inflight) -
			    __atomic_load_n(&workers[i].probes, __ATOMIC_RELAXED);
		held += held_count(workers[i].held);
		if (workers[i].fragments != NULL)
			fragments += net_fragments_held(workers[i].fragments);
		fprintf(out, "sluice_handoff_depth{worker=\"%u\"} %u\n", i,
			rte_ring_count(workers[i].handoff.to_control));
	}
	metrics_value(out, "sluice_inflight_queries", "gauge", "queries that wait for their server",
		    inflight);
	metrics_value(out, "sluice_fragments_held", "gauge", "fragments that wait for others",
		      fragments);
	metrics_value(out, "sluice_answers_held", "gauge", "answers that rules hold back", held);
	metrics_value(out, "sluice_in_hand", "gauge", "packets in hand of the control lcore",
		    async_in_hand(control->async));
}

static void busy_print(const struct control *control, FILE *out)
{
	if (!control->busy.known)
		return;
	metrics_head(out, "sluice_worker_busy_ratio", "gauge",
		     "share of the last second that the worker spent in turns that found work");
	for (unsigned i = 0; i < control->dataplane->n_workers; i++)
		fprintf(out, "sluice_worker_busy_ratio{worker=\"%u\"} %.6f\n", i,
			control->busy.ratio[i]);
}

static void naps_print(const struct control *control, FILE *out)
{
	metrics_head(out, "sluice_worker_naps_total", "counter",
		     "times that the worker slept, by what ended that");
	for (unsigned i = 0; i < control->dataplane->n_workers; i++)
		for (unsigned end = 0; end < NAP_ENDS; end++)
			fprintf(out, "sluice_worker_naps_total{worker=\"%u\",ended=\"%s\"} %" PRIu64 "\n", i,
				nap_ends[end], stats_read(&workers[i].nap.ended[end]));
}

static void pulse_print(const struct control *control, FILE *out)
{
	const struct pulse *pulse = &control->pulse;
	metrics_head(out, "sluice_worker_stalled", "gauge", "1: the worker does not turn");
	for (unsigned i = 0; i < control->dataplane->n_workers; i++)
		fprintf(out, "sluice_worker_stalled{worker=\"%u\"} %d\n", i,
			pulse->worker[i].stalled);
	metrics_head(out, "sluice_worker_stalled_seconds", "gauge",
		     "for how long a worker that is stalled has not turned");
	for (unsigned i = 0; i < control->dataplane->n_workers; i++)
		fprintf(out, "sluice_worker_stalled_seconds{worker=\"%u\"} %.3f\n", i,
			(double)pulse_stalled_ms(pulse, i) / 1000);
	metrics_head(out, "sluice_worker_stalls_total", "counter", "times that the worker stalled");
	for (unsigned i = 0; i < control->dataplane->n_workers; i++)
		fprintf(out, "sluice_worker_stalls_total{worker=\"%u\"} %" PRIu64 "\n", i,
			pulse->worker[i].stalls);
}

static void latency_print(const struct control *control, FILE *out)
{
	metrics_head(out, "sluice_latency_seconds", "histogram",
		     "from a query's arrival to its answer");
	for (unsigned b = 0; b < STATS_LATENCY_BOUNDS; b++)
		fprintf(out, "sluice_latency_seconds_bucket{le=\"%g\"} %" PRIu64 "\n",
			(double)stats_latency_bounds[b] / 1e6, totals_latency_below(control, b));
	uint64_t all = totals_latency_below(control, STATS_LATENCY_BOUNDS);
	fprintf(out,
		"sluice_latency_seconds_bucket{le=\"+Inf\"} %" PRIu64 "\n"
		"sluice_latency_seconds_sum %.6f\nsluice_latency_seconds_count %" PRIu64 "\n",
		all, (double)totals_latency_sum(control) / 1e6, all);
}

/* Of each list, in one pass per metric as the format wants it. */
static void lists_print(const struct control *control, FILE *out)
{
	static const struct {
		const char *name, *type, *help;
	} rows[] = {
		{"sluice_list_entries", "gauge", "usable lines of the list in force"},
		{"sluice_list_errors", "gauge", "broken lines of the list in force, passed over"},
		{"sluice_list_bytes", "gauge", "memory of the list in force"},
		{"sluice_list_loads_total", "counter", "readings of the file"},
		{"sluice_list_failures_total", "counter", "readings that failed: the list stayed"},
		{"sluice_list_loaded_timestamp_seconds", "gauge", "when the list in force was read"},
		{"sluice_list_load_seconds", "gauge", "what the last reading took"},
	};
	if (feeds_next(control->feeds, NULL) == NULL)
		return;
	for (unsigned row = 0; row < RTE_DIM(rows); row++) {
		const struct feed *feed = NULL;
		metrics_head(out, rows[row].name, rows[row].type, rows[row].help);
		while ((feed = feeds_next(control->feeds, feed)) != NULL) {
			struct feed_status status = feed_status(feed);
			const double values[] = {
				(double)status.entries, (double)status.errors,
				(double)status.memory,	(double)status.loads,
				(double)status.failures, status.loaded, status.seconds};
			fprintf(out, "%s{list=\"", rows[row].name);
			metrics_label(out, status.name, strlen(status.name));
			fputs("\",path=\"", out);
			metrics_label(out, status.path, strlen(status.path));
			fprintf(out, "\"} %.15g\n", values[row]);
		}
	}
}

static void info_print(FILE *out)
{
	metrics_head(out, "sluice_info", "gauge", "what runs here; the value is always 1");
	fprintf(out, "sluice_info{version=\"%s\",dpdk=\"%s\",luajit=\"%s\"} 1\n",
		SLUICE_VERSION, rte_version(), LUAJIT_VERSION);
}

void metrics_print(const struct control *control, FILE *out)
{
	customs = policy_registry_metrics(control->registry);
	info_print(out);
	ports_print(control, out);
	steering_print(control, out);
	links_print(control, out);
	drops_print(control, out);
	counters_print(control, out);
	async_print(control, out);
	endpoints_print(control, out);
	listeners_print(out);
	workers_print(control, out);
	metrics_tcp_print(control, out);
	busy_print(control, out);
	naps_print(control, out);
	pulse_print(control, out);
	lists_print(control, out);
	metrics_export_print(control, out);
	latency_print(control, out);
	metrics_stages_print(control, out);
	metrics_head(out, "sluice_control_turn_seconds_max", "gauge",
		     "the longest that the control lcore was at one turn");
	fprintf(out, "sluice_control_turn_seconds_max %.6f\n",
		(double)control->turn_longest / (double)(control->tsc_per_ms * 1000));
	metrics_value(out, "sluice_log_messages_lost_total", "counter",
		      "messages to standard error for which nobody made room", log_lost());
	metrics_value(out, "sluice_control_turns_long_total", "counter",
		      "turns of the control lcore that took more than 5 ms", control->turns_long);
	metrics_value(out, "sluice_policies_old", "gauge",
		      "policies that were replaced and that a worker may still read",
		      policy_old_count());
	metrics_value(out, "sluice_lmdb_errors_total", "counter",
		      "look-ups in LMDB databases that failed", key_lmdb_errors());
	metrics_value(out, "sluice_lua_errors_total", "counter",
		      "errors of policy actions and callbacks", lua_policy_errors());
	metrics_dnsdist_print(control, out);
	custom_metrics_print(customs, out);
}
