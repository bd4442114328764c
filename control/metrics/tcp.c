/* SPDX-License-Identifier: BSD-2-Clause */
/* What the TCP thread counts, under our names and dnsdist's. */
#include "control/metrics/metrics.h"

#include <inttypes.h>

#include "control/publish.h"
#include "control/tcp/tcp.h"

static void ends_print(const struct tcp_stats *stats, FILE *out)
{
	metrics_head(out, "sluice_tcp_closed_total", "counter", "connections of clients that ended, by why");
	for (unsigned end = 0; end < TCP_ENDS_COUNT; end++) {
		uint64_t sum = 0;
		for (unsigned i = 0; i <= STATS_FRONTENDS; i++)
			sum += stats_read(&stats->frontend[i].ended[end]);
		fprintf(out, "sluice_tcp_closed_total{reason=\"%s\"} %" PRIu64 "\n",
			tcp_end_names[end], sum);
	}
	metrics_head(out, "sluice_tcp_refused_total", "counter",
		     "connections that clients did not get, by why");
	for (unsigned i = 0; i < TCP_REFUSALS_COUNT; i++)
		fprintf(out, "sluice_tcp_refused_total{reason=\"%s\"} %" PRIu64 "\n",
			tcp_refusal_names[i], stats_read(&stats->refused[i]));
}

void metrics_tcp_print(const struct control *control, FILE *out)
{
	const struct tcp_stats *stats = tcp_stats(control);
	if (stats == NULL)
		return;
	metrics_value(out, "sluice_tcp_connections", "gauge", "connections of clients",
		      stats_read(&stats->current));
	metrics_value(out, "sluice_tcp_stashed_bytes", "gauge",
		      "memory for messages that have not come whole", stats_read(&stats->stashed));
	metrics_value(out, "sluice_tcp_queries_total", "counter", "queries read from connections",
		      stats_read(&stats->queries));
	metrics_value(out, "sluice_tcp_answers_total", "counter", "messages for connections",
		      stats_read(&stats->answers));
	metrics_value(out, "sluice_tcp_late_total", "counter",
		      "messages whose connection had ended", stats_read(&stats->late));
	metrics_value(out, "sluice_tcp_rates_full_total", "counter",
		      "times that a client's rate or ban had no place among those of banned ones",
		      stats_read(&stats->rates_full));
	metrics_value(out, "sluice_tcp_stalled_turns_total", "counter",
		      "turns in which no further query could be taken in hand",
		      stats_read(&stats->stalled));
	metrics_value(out, "sluice_tcp_busy_cycles_total", "counter",
		      "TSC cycles that the TCP thread worked for", stats_read(&stats->busy_cycles));
	ends_print(stats, out);
}

/* ---- dnsdist's ---- */

#define FRONTEND_ROWS(X)                                                                           \
	X("tcpdiedreadingquery", "counter",                                                        \
	  "Amount of TCP connections terminated while reading the query from the client",          \
	  s->ended[TCP_END_FAILED] + s->ended[TCP_END_GARBAGE])                                    \
	X("tcpdiedsendingresponse", "counter",                                                     \
	  "Amount of TCP connections terminated while sending a response to the client",           \
	  s->ended[TCP_END_UNREAD])                                                                \
	X("tcpgaveup", "counter",                                                                  \
	  "Amount of TCP connections terminated after too many attempts to get a connection to "    \
	  "the backend",                                                                           \
	  s->ended[TCP_END_BROKEN])                                                                \
	X("tcpclienttimeouts", "counter",                                                          \
	  "Amount of TCP connections terminated by a timeout while reading from the client",       \
	  s->ended[TCP_END_IDLE] + s->ended[TCP_END_SLOW])                                         \
	X("tcpdownstreamtimeouts", "counter",                                                      \
	  "Amount of TCP connections terminated by a timeout while reading from the backend",      \
	  s->server_timeouts)                                                                      \
	X("tcpmaxdurationreached", "counter",                                                      \
	  "Amount of TCP connections terminated because they lasted as long as they may",          \
	  s->ended[TCP_END_DURATION])                                                              \
	X("tcpavgreadios", "gauge",                                                                \
	  "The average number of read IO operations per query over a TCP connection",              \
	  share(s->reads, s->taken))                                                               \
	X("tcpcurrentconnections", "gauge",                                                        \
	  "Amount of current incoming TCP connections from clients", s->current)                   \
	X("tcpmaxconcurrentconnections", "counter",                                                \
	  "Maximum number of concurrent incoming TCP connections from clients", s->most)           \
	X("tcpavgqueriesperconnection", "gauge", "The average number of queries per TCP connection", \
	  share(s->queries, s->accepted - s->current))                                             \
	X("tcpavgconnectionduration", "gauge",                                                     \
	  "The average duration of a TCP connection (ms)",                                         \
	  share(s->duration, s->accepted - s->current))

#define SERVER_ROWS(X)                                                                             \
	X("tcpdiedsendingquery", "counter",                                                        \
	  "The number of TCP I/O errors while sending the query", s->died_sending)                 \
	X("tcpdiedreadingresponse", "counter",                                                     \
	  "The number of TCP I/O errors while reading the response", s->died_reading)              \
	X("tcpgaveup", "counter",                                                                  \
	  "The number of TCP connections failing after too many attempts", s->gave_up)             \
	X("tcpreadtimeouts", "counter", "The number of TCP read timeouts", s->read_timeouts)        \
	X("tcpwritetimeouts", "counter", "The number of TCP write timeouts", s->write_timeouts)     \
	X("tcpconnecttimeouts", "counter", "The number of TCP connect timeouts",                    \
	  s->connect_timeouts)                                                                     \
	X("tcpcurrentconnections", "gauge", "The number of current TCP connections", s->current)    \
	X("tcpmaxconcurrentconnections", "counter",                                                \
	  "The maximum number of concurrent TCP connections", s->most)                             \
	X("tcptoomanyconcurrentconnections", "counter",                                            \
	  "Number of times we had to enforce the maximum number of concurrent TCP connections",    \
	  s->too_many)                                                                             \
	X("tcpnewconnections", "counter",                                                          \
	  "The number of established TCP connections in total", s->opened)                         \
	X("tcpreusedconnections", "counter", "The number of times a TCP connection has been reused", \
	  s->reused)                                                                               \
	X("tcpavgqueriesperconn", "gauge", "The average number of queries per TCP connection",      \
	  share(s->queries, s->ended))                                                             \
	X("tcpavgconnduration", "gauge", "The average duration of a TCP connection (ms)",           \
	  share(s->duration, s->ended))                                                            \
	X("tcplatency", "gauge", "Server's latency when answering TCP questions in milliseconds",   \
	  s->latency / 1000)

static double share(uint64_t sum, uint64_t count)
{
	return count > 0 ? (double)sum / (double)count : 0;
}

struct row {
	const char *name, *type, *help;
};

static double frontend_value(const struct tcp_frontend_stats *s, unsigned row)
{
	const double values[] = {
#define X(name, type, help, value) (double)(value),
		FRONTEND_ROWS(X)
#undef X
	};
	return values[row];
}

static double server_value(const struct tcp_server_stats *s, unsigned row)
{
	const double values[] = {
#define X(name, type, help, value) (double)(value),
		SERVER_ROWS(X)
#undef X
	};
	return values[row];
}

#define X(name, type, help, value) {name, type, help},
static const struct row frontend_rows[] = {FRONTEND_ROWS(X)};
static const struct row server_rows[] = {SERVER_ROWS(X)};
#undef X

static void frontends_print(const struct tcp_stats *stats, const struct policy *policy, FILE *out)
{
	for (unsigned r = 0; r < RTE_DIM(frontend_rows); r++) {
		char name[96];
		snprintf(name, sizeof(name), "dnsdist_frontend_%s", frontend_rows[r].name);
		metrics_head(out, name, frontend_rows[r].type, frontend_rows[r].help);
		for (unsigned i = 0; i < policy->n_listeners; i++) {
			const struct policy_listener *listener = &policy->listeners[i];
			char address[64];
			if (listener->frontend == STATS_FRONTEND_NONE || listener->tcp.off)
				continue;
			backend_address_print(&listener->address, listener->port, address,
					      sizeof(address));
			fprintf(out, "%s{frontend=\"%s\",proto=\"TCP\",thread=\"0\"} %.15g\n", name,
				address, frontend_value(&stats->frontend[listener->frontend], r));
		}
	}
}

static void general_print(const struct tcp_stats *stats, FILE *out)
{
	double averages[STATS_AVERAGES];
	for (unsigned i = 0; i < STATS_AVERAGES; i++)
		__atomic_load(&stats->latency[i], &averages[i], __ATOMIC_RELAXED);
	metrics_averages(out, "dnsdist_latency_tcp_avg", "TCP", averages);
	metrics_value(out, "dnsdist_tcp_listen_overflows", "counter",
		      "From /proc/net/netstat ListenOverflows", stats_read(&stats->listen_overflows));
}

void metrics_tcp_dnsdist_print(const struct control *control, FILE *out)
{
	const struct tcp_stats *stats = tcp_stats(control);
	const struct policy *policy = policy_current();
	if (stats == NULL || policy == NULL)
		return;
	for (unsigned r = 0; r < RTE_DIM(server_rows); r++) {
		char name[96];
		snprintf(name, sizeof(name), "dnsdist_server_%s", server_rows[r].name);
		metrics_head(out, name, server_rows[r].type, server_rows[r].help);
		for (unsigned i = 0; i < policy->n_backends; i++) {
			if (policy->backends[i] == NULL)
				continue;
			fputs(name, out);
			metrics_server_labels(control, policy->backends[i], out);
			fprintf(out, " %.15g\n", server_value(&stats->server[i], r));
		}
	}
	frontends_print(stats, policy, out);
	general_print(stats, out);
}
