/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What dnsdist counts too, under its names, so that dashboards made for it work:
 *
 *   queries - noncompliant_queries - empty_queries = rule_drop + no_policy + downstream_timeouts +
 *     responses - noncompliant_responses, and what Sluice alone can drop a query for
 */
#include "control/metrics/metrics.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <inttypes.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "control/lua/policy.h"
#include "control/publish.h"
#include "control/tcp/tcp.h"
#include "control/metrics/totals.h"

#define RULES_MAX 1000u /* rules whose hits are printed */

static uint64_t noncompliant_queries(const struct control *control)
{
	return totals_drop(control, DROP_QUERY_SHORT) +
	       totals_drop(control, DROP_QUERY_NONCOMPLIANT) +
	       totals_drop(control, DROP_QUERY_MALFORMED);
}

static uint64_t noncompliant_responses(const struct control *control)
{
	return totals_drop(control, DROP_RESPONSE_MALFORMED) +
	       totals_drop(control, DROP_RESPONSE_QUESTION);
}

static void queries_print(const struct control *control, FILE *out)
{
	const struct tcp_stats *tcp = tcp_stats(control);
	const struct {
		const char *name, *help;
		uint64_t value;
	} rows[] = {
		{"queries", "Number of received queries", totals_queries(control)},
		{"rdqueries", "Number of received queries with the recursion desired bit set",
		 totals_counter(control, STATS_RD_QUERIES)},
		{"empty_queries", "Number of empty queries received from clients",
		 totals_drop(control, DROP_QUERY_EMPTY)},
		{"noncompliant_queries", "Number of queries dropped as non-compliant",
		 noncompliant_queries(control)},
		{"acl_drops", "Number of packets dropped because of the ACL",
		 totals_drop(control, DROP_ACL) +
			 (tcp != NULL ? stats_read(&tcp->refused[TCP_REFUSED_ACL]) : 0)},
		{"proxy_protocol_invalid",
		 "Number of queries dropped because of an invalid proxy protocol payload",
		 totals_drop(control, DROP_PROXY) +
			 (tcp != NULL ? stats_read(&tcp->proxy_invalid) : 0)},
		{"rule_drop", "Number of queries dropped because of a rule",
		 totals_counter(control, STATS_RULE_DROP)},
		{"rule_nxdomain", "Number of NXDomain answers returned because of a rule",
		 totals_counter(control, STATS_RULE_NXDOMAIN)},
		{"rule_refused", "Number of Refused answers returned because of a rule",
		 totals_counter(control, STATS_RULE_REFUSED)},
		{"rule_servfail", "Number of ServFail answers returned because of a rule",
		 totals_counter(control, STATS_RULE_SERVFAIL)},
		{"rule_truncated", "Number of truncated answers returned because of a rule",
		 totals_counter(control, STATS_RULE_TRUNCATED)},
		{"dyn_blocked", "Number of queries blocked because of a dynamic block",
		 totals_counter(control, STATS_DYN_BLOCKED)},
		{"cache_hits", "Number of times an answer was retrieved from cache",
		 totals_counter(control, STATS_CACHE_HITS)},
		{"cache_misses", "Number of times an answer was not found in the cache",
		 totals_counter(control, STATS_CACHE_MISSES)},
		{"self_answered", "Number of self-answered responses",
		 totals_answers(control, STATS_OWN_ANSWER)},
		{"no_policy", "Number of queries that no server was available for",
		 totals_counter(control, STATS_NO_SERVER)},
	};
	for (unsigned i = 0; i < RTE_DIM(rows); i++) {
		char name[64];
		snprintf(name, sizeof(name), "dnsdist_%s", rows[i].name);
		metrics_value(out, name, "counter", rows[i].help, rows[i].value);
	}
}

static void responses_print(const struct control *control, FILE *out)
{
	uint64_t noncompliant = noncompliant_responses(control);
	const struct {
		const char *name, *help;
		uint64_t value;
	} rows[] = {
		{"responses", "Number of responses received from backends, or made here",
		 totals_counter(control, STATS_RESPONSES_MATCHED) + noncompliant +
			 totals_answers(control, STATS_OWN_ANSWER) +
			 totals_answers(control, STATS_CACHED_ANSWER)},
		{"noncompliant_responses",
		 "Number of answers from a backend dropped as non-compliant", noncompliant},
		{"servfail_responses", "Number of ServFail answers received from backends",
		 totals_counter(control, STATS_SERVFAIL_RESPONSES)},
		{"downstream_timeouts", "Number of queries not answered in time by a backend",
		 totals_drop(control, DROP_TIMEOUT)},
		{"downstream_send_errors", "Number of errors when sending a query to a backend",
		 totals_drop(control, DROP_NO_NEIGHBOUR) + totals_drop(control, DROP_NO_ROUTE)},
		{"trunc_failures", "Number of errors encountered while truncating an answer",
		 totals_counter(control, STATS_TRUNC_FAILURES)},
		{"frontend_noerror", "Number of NoError answers sent to clients",
		 totals_counter(control, STATS_SENT_NOERROR)},
		{"frontend_nxdomain", "Number of NXDomain answers sent to clients",
		 totals_counter(control, STATS_SENT_NXDOMAIN)},
		{"frontend_servfail", "Number of ServFail answers sent to clients",
		 totals_counter(control, STATS_SENT_SERVFAIL)},
	};
	for (unsigned i = 0; i < RTE_DIM(rows); i++) {
		char name[64];
		snprintf(name, sizeof(name), "dnsdist_%s", rows[i].name);
		metrics_value(out, name, "counter", rows[i].help, rows[i].value);
	}
}

/* ---- latency ---- */

/* Answers that took less than this many milliseconds: each is one of the workers' bounds. */
static uint64_t answered_below(const struct control *control, uint32_t ms)
{
	unsigned bucket = 0;
	while (bucket < STATS_LATENCY_BOUNDS && stats_latency_bounds[bucket] < ms * 1000)
		bucket++;
	return totals_latency_below(control, bucket);
}

void metrics_averages(FILE *out, const char *name, const char *over,
		      const double averages[static STATS_AVERAGES])
{
	for (unsigned i = 0; i < STATS_AVERAGES; i++) {
		char full[64], help[128];
		snprintf(full, sizeof(full), "%s%" PRIu32, name, stats_averages_over[i]);
		snprintf(help, sizeof(help),
			 "Average response latency, in microseconds, of the last %" PRIu32
			 " packets received over %s", stats_averages_over[i], over);
		metrics_head(out, full, "gauge", help);
		fprintf(out, "%s %.15g\n", full, averages[i]);
	}
}

static void latency_print(const struct control *control, FILE *out)
{
	static const struct {
		uint32_t ms;
		const char *name, *help;
	} rows[] = {
		{1, "dnsdist_latency0_1", "Number of queries answered in less than 1 ms"},
		{10, "dnsdist_latency1_10", "Number of queries answered in 1-10 ms"},
		{50, "dnsdist_latency10_50", "Number of queries answered in 10-50 ms"},
		{100, "dnsdist_latency50_100", "Number of queries answered in 50-100 ms"},
		{1000, "dnsdist_latency100_1000", "Number of queries answered in 100-1000 ms"},
	};
	uint64_t below[RTE_DIM(rows)], before = 0;
	uint64_t all = totals_latency_below(control, STATS_LATENCY_BOUNDS);
	for (unsigned i = 0; i < RTE_DIM(rows); i++) {
		/* Read while it grows: no bucket counts less than the one before, or more than all. */
		below[i] = RTE_MAX(answered_below(control, rows[i].ms), before);
		below[i] = RTE_MIN(below[i], all);
		metrics_value(out, rows[i].name, "counter", rows[i].help, below[i] - before);
		before = below[i];
	}
	metrics_value(out, "dnsdist_latency_slow", "counter",
		      "Number of queries answered in more than 1 second", all - before);
	metrics_head(out, "dnsdist_latency", "histogram",
		     "Histogram of responses by latency (in milliseconds)");
	for (unsigned i = 0; i < RTE_DIM(rows); i++)
		fprintf(out, "dnsdist_latency_bucket{le=\"%u\"} %" PRIu64 "\n", rows[i].ms,
			below[i]);
	fprintf(out,
		"dnsdist_latency_bucket{le=\"+Inf\"} %" PRIu64 "\n"
		"dnsdist_latency_sum %.3f\ndnsdist_latency_count %" PRIu64 "\n",
		all, (double)totals_latency_sum(control) / 1000, all);
	metrics_averages(out, "dnsdist_latency_avg", "UDP", control->averages.us);
}

/* ---- the process ---- */

static uint64_t memory_bytes(void)
{
	unsigned long size, resident = 0;
	FILE *file = fopen("/proc/self/statm", "re");
	if (file == NULL)
		return 0;
	if (fscanf(file, "%lu %lu", &size, &resident) != 2)
		resident = 0;
	fclose(file);
	return (uint64_t)resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

/*
 * What is the process's alone and not to be had from a file again: what it would give back. The kernel
 * walks all of its pages for that: once a minute will do.
 */
static uint64_t memory_private(void)
{
	static time_t read_at;
	static uint64_t bytes;
	time_t now = time(NULL);
	if (bytes != 0 && now - read_at < 60)
		return bytes;
	read_at = now;
	char line[128];
	unsigned long kib, sum = 0;
	FILE *file = fopen("/proc/self/smaps_rollup", "re");
	if (file == NULL)
		return 0;
	while (fgets(line, sizeof(line), file) != NULL)
		if (sscanf(line, "Private_Dirty: %lu", &kib) == 1 ||
		    sscanf(line, "Private_Hugetlb: %lu", &kib) == 1)
			sum += kib;
	fclose(file);
	bytes = (uint64_t)sum * 1024;
	return bytes;
}

static uint64_t descriptors_count(void)
{
	uint64_t count = 0;
	DIR *folder = opendir("/proc/self/fd");
	if (folder == NULL)
		return 0;
	for (struct dirent *entry; (entry = readdir(folder)) != NULL;)
		count += entry->d_name[0] != '.';
	closedir(folder);
	return count - 1; /* the folder itself was open */
}

static uint64_t milliseconds(const struct timeval *time)
{
	return (uint64_t)time->tv_sec * 1000 + (uint64_t)time->tv_usec / 1000;
}

static void process_print(const struct control *control, FILE *out)
{
	struct rusage usage;
	uint64_t memory = memory_bytes(), own = memory_private();
	uint64_t descriptors = descriptors_count();
	metrics_head(out, "dnsdist_info", "gauge", "Info from dnsdist, value is always 1");
	fprintf(out, "dnsdist_info{version=\"%s\"} 1\n", sluice_version());
	metrics_value(out, "dnsdist_uptime", "gauge", "Uptime of the process in seconds",
		      (control->now - control->started) / 1000);
	if (memory > 0)
		metrics_value(out, "dnsdist_real_memory_usage", "gauge",
			      "Current memory usage in bytes", memory);
	if (own > 0)
		metrics_value(out, "dnsdist_special_memory_usage", "gauge",
			      "Memory usage in bytes, of pages that are the process's alone", own);
	if (descriptors > 0)
		metrics_value(out, "dnsdist_fd_usage", "gauge",
			      "Number of currently used file descriptors", descriptors);
	if (getrusage(RUSAGE_SELF, &usage) != 0)
		return;
	metrics_value(out, "dnsdist_cpu_user_msec", "counter",
		      "Milliseconds spent by the process in the user state",
		      milliseconds(&usage.ru_utime));
	metrics_value(out, "dnsdist_cpu_sys_msec", "counter",
		      "Milliseconds spent by the process in the system state",
		      milliseconds(&usage.ru_stime));
}

/* ---- servers, frontends, pools ---- */

/* Servers that differ in their source alone are not the same. */
static void source_label(const struct control *control, const struct net_source *source, FILE *out)
{
	char address[INET6_ADDRSTRLEN] = "";
	if (!source->addressed && source->port == 0)
		return;
	if (source->addressed)
		inet_ntop(source->address.ipv6 ? AF_INET6 : AF_INET, source->address.bytes, address,
			  sizeof(address));
	fprintf(out, ",source=\"%s", address);
	if (source->port != 0) {
		const char *name = control->config->ports[source->port - 1].name;
		fputc('@', out);
		metrics_label(out, name, strlen(name));
	}
	fputc('"', out);
}

/* {server="...",address="...": the name, or the address where there is none, without dots. */
static void server_labels(const struct control *control, const struct backend *backend,
			  const char *more, FILE *out)
{
	char address[64], name[BACKEND_NAME_SIZE];
	backend_address_print(&backend->address, backend->port, address, sizeof(address));
	snprintf(name, sizeof(name), "%s", backend->name[0] != '\0' ? backend->name : address);
	for (char *c = name; *c != '\0'; c++)
		if (*c == '.')
			*c = '_';
	fputs("{server=\"", out);
	metrics_label(out, name, strlen(name));
	fprintf(out, "\",address=\"%s\"", address);
	source_label(control, &backend->source, out);
	fprintf(out, "%s}", more);
}

void metrics_server_labels(const struct control *control, const struct backend *backend, FILE *out)
{
	server_labels(control, backend, "", out);
}

enum server_value { SERVER_STATUS, SERVER_QUERIES, SERVER_RESPONSES, SERVER_DROPS,
		    SERVER_SEND_ERRORS, SERVER_NONCOMPLIANT, SERVER_OUTSTANDING, SERVER_ORDER,
		    SERVER_WEIGHT, SERVER_LATENCY, SERVER_CHECKS_FAILED, SERVER_CHECKS_PARSING,
		    SERVER_CHECKS_TIMEOUT, SERVER_CHECKS_NETWORK, SERVER_CHECKS_MISMATCH,
		    SERVER_CHECKS_INVALID, SERVER_CHECKS_LATENCY, SERVER_CHANGES };

static double server_value(const struct control *control, const struct backend *backend,
			    enum server_value which)
{
	struct backend_stats stats;
	struct health_status health = {0};
	totals_backend(control, backend->number, &stats);
	if (control->health != NULL)
		health = health_status(control->health, backend->number);
	switch (which) {
	case SERVER_STATUS:
		return backend_is_up(backend);
	case SERVER_QUERIES:
		return (double)stats.queries;
	case SERVER_RESPONSES:
		return (double)stats.responses;
	case SERVER_DROPS:
		return (double)stats.timeouts;
	case SERVER_SEND_ERRORS:
		return (double)stats.send_errors;
	case SERVER_NONCOMPLIANT:
		return (double)stats.noncompliant;
	case SERVER_OUTSTANDING:
		return (double)(stats.queries - stats.responses - stats.timeouts);
	case SERVER_ORDER:
		return backend->order;
	case SERVER_WEIGHT:
		return backend->weight;
	case SERVER_LATENCY:
		return stats.latency / 1000;
	case SERVER_CHECKS_FAILED:
		return (double)health.failures;
	case SERVER_CHECKS_TIMEOUT:
		return (double)health.by_failure[HEALTH_FAILURE_TIMEOUT];
	case SERVER_CHECKS_NETWORK:
		return (double)health.by_failure[HEALTH_FAILURE_NETWORK];
	case SERVER_CHECKS_INVALID:
		return (double)health.by_failure[HEALTH_FAILURE_INVALID];
	case SERVER_CHECKS_LATENCY:
		return health.latency;
	case SERVER_CHANGES:
		return (double)health.changes;
	case SERVER_CHECKS_PARSING: /* what is no answer to the question is as none: a timeout */
	case SERVER_CHECKS_MISMATCH:
		break;
	}
	return 0;
}

static const struct {
	const char *name, *type, *help;
} server_rows[] = {
	[SERVER_STATUS] = {"dnsdist_server_status", "gauge",
			   "Whether this backend is up (1) or down (0)"},
	[SERVER_QUERIES] = {"dnsdist_server_queries", "counter",
			    "Amount of queries relayed to server"},
	[SERVER_RESPONSES] = {"dnsdist_server_responses", "counter",
			      "Amount of responses received from this server"},
	[SERVER_DROPS] = {"dnsdist_server_drops", "counter",
			  "Amount of queries not answered by server"},
	[SERVER_SEND_ERRORS] = {"dnsdist_server_senderrors", "counter",
				"Total number of errors while relaying queries"},
	[SERVER_NONCOMPLIANT] = {"dnsdist_server_noncompliantresponses", "counter",
				 "Amount of responses that were no answer to what this "
				 "server was asked, and dropped"},
	[SERVER_OUTSTANDING] = {"dnsdist_server_outstanding", "gauge",
				"Current number of queries that are waiting for a backend "
				"response"},
	[SERVER_ORDER] = {"dnsdist_server_order", "gauge",
			  "The order in which this server is picked"},
	[SERVER_WEIGHT] = {"dnsdist_server_weight", "gauge",
			   "The weight within the order in which this server is picked"},
	[SERVER_LATENCY] = {"dnsdist_server_latency", "gauge",
			    "Server's latency when answering questions in milliseconds"},
	[SERVER_CHECKS_FAILED] = {"dnsdist_server_healthcheckfailures", "counter",
				  "Number of health check attempts that failed"},
	[SERVER_CHECKS_PARSING] = {"dnsdist_server_healthcheckfailuresparsing", "counter",
				   "Number of health check attempts where the response could "
				   "not be parsed"},
	[SERVER_CHECKS_TIMEOUT] = {"dnsdist_server_healthcheckfailurestimeout", "counter",
				   "Number of health check attempts where the response was "
				   "not received in time"},
	[SERVER_CHECKS_NETWORK] = {"dnsdist_server_healthcheckfailuresnetwork", "counter",
				   "Number of health check attempts that experienced a "
				   "network issue"},
	[SERVER_CHECKS_MISMATCH] = {"dnsdist_server_healthcheckfailuresmismatch", "counter",
				    "Number of health check attempts where the response did "
				    "not match the query"},
	[SERVER_CHECKS_INVALID] = {"dnsdist_server_healthcheckfailuresinvalid", "counter",
				   "Number of health check attempts where the DNS response "
				   "was invalid"},
	[SERVER_CHECKS_LATENCY] = {"dnsdist_server_healthchecklatency", "gauge",
				   "Latency of the last health check in milliseconds"},
	[SERVER_CHANGES] = {"sluice_server_state_changes_total", "counter",
			    "times that this backend went up or down"},
};

static void servers_print(const struct control *control, FILE *out)
{
	const struct policy *policy = policy_current();
	for (unsigned r = 0; r < RTE_DIM(server_rows); r++) {
		metrics_head(out, server_rows[r].name, server_rows[r].type, server_rows[r].help);
		for (unsigned i = 0; policy != NULL && i < policy->n_backends; i++) {
			const struct backend *backend = policy->backends[i];
			if (backend == NULL)
				continue;
			fputs(server_rows[r].name, out);
			metrics_server_labels(control, backend, out);
			fprintf(out, " %.15g\n",
				server_value(control, backend, (enum server_value)r));
		}
	}
}

#define CHECKS "dnsdist_server_healthchecklatency_histo"

static void checks_print_of(const struct control *control, const struct backend *backend, FILE *out)
{
	struct health_status health = health_status(control->health, backend->number);
	for (unsigned i = 0; i <= HEALTH_LATENCIES; i++) {
		char bound[32] = ",le=\"+Inf\"";
		if (i < HEALTH_LATENCIES)
			snprintf(bound, sizeof(bound), ",le=\"%u\"", health_latency(i));
		fputs(CHECKS "_bucket", out);
		server_labels(control, backend, bound, out);
		fprintf(out, " %" PRIu64 "\n",
			i < HEALTH_LATENCIES ? health.latencies[i] : health.good);
	}
	fputs(CHECKS "_sum", out);
	metrics_server_labels(control, backend, out);
	fprintf(out, " %.3f\n" CHECKS "_count", health.latency_sum);
	metrics_server_labels(control, backend, out);
	fprintf(out, " %" PRIu64 "\n", health.good);
}

static void checks_print(const struct control *control, FILE *out)
{
	const struct policy *policy = policy_current();
	metrics_head(out, CHECKS, "histogram",
		     "Histogram of the latency of good health checks, in milliseconds");
	for (unsigned i = 0; policy != NULL && control->health != NULL && i < policy->n_backends; i++)
		if (policy->backends[i] != NULL)
			checks_print_of(control, policy->backends[i], out);
}

static void frontend_print(const struct control *control, const char *name, const char *address,
			   unsigned number, unsigned tcp, size_t offset, FILE *out)
{
	for (unsigned w = 0; w < control->dataplane->n_workers; w++) {
		const char *cells = (const char *)&workers[w].stats.frontend[tcp][number];
		fprintf(out, "%s{frontend=\"%s\",proto=\"%s\",thread=\"%u\"} %" PRIu64 "\n", name,
			address, tcp ? "TCP" : "UDP", w,
			stats_read((const uint64_t *)(const void *)(cells + offset)));
	}
}

static void frontends_print(const struct control *control, FILE *out)
{
	static const struct {
		const char *name, *help;
		size_t offset;
	} rows[] = {
		{"dnsdist_frontend_queries", "Amount of queries received by this frontend",
		 offsetof(struct stats_frontend, queries)},
		{"dnsdist_frontend_responses", "Amount of responses sent by this frontend",
		 offsetof(struct stats_frontend, answers)},
		{"dnsdist_frontend_noncompliantqueries",
		 "Amount of non-compliant queries received by this frontend",
		 offsetof(struct stats_frontend, noncompliant)},
	};
	const struct policy *policy = policy_current();
	for (unsigned r = 0; r < RTE_DIM(rows); r++) {
		metrics_head(out, rows[r].name, "counter", rows[r].help);
		for (unsigned i = 0; policy != NULL && i < policy->n_listeners; i++) {
			const struct policy_listener *listener = &policy->listeners[i];
			char address[64];
			if (listener->frontend == STATS_FRONTEND_NONE)
				continue;
			backend_address_print(&listener->address, listener->port, address,
					      sizeof(address));
			for (unsigned tcp = 0; tcp < (listener->tcp.off ? 1 : 2); tcp++)
				frontend_print(control, rows[r].name, address, listener->frontend, tcp,
					       rows[r].offset, out);
		}
	}
}

/* A name that several rules have tells none of them: those go by their UUID, as unnamed ones do. */
static bool name_is_free(struct policy_model *model, size_t count, size_t index, const char *name)
{
	if (*name == '\0')
		return false;
	for (size_t i = 0; i < count; i++)
		if (i != index &&
		    strcmp(policy_rule_name(policy_rule_at(model, CHAIN_QUERY, i)), name) == 0)
			return false;
	return true;
}

static void rules_print(const struct control *control, FILE *out)
{
	if (control->lua == NULL)
		return;
	struct policy_model *model = control->lua->model;
	size_t count = RTE_MIN(policy_rules_count(model, CHAIN_QUERY), (size_t)RULES_MAX);
	metrics_head(out, "dnsdist_rule_hits", "counter", "Number of hits of that rule");
	for (size_t i = 0; i < count; i++) {
		const struct policy_rule *rule = policy_rule_at(model, CHAIN_QUERY, i);
		const char *id = policy_rule_name(rule);
		if (!name_is_free(model, count, i, id))
			id = policy_rule_uuid(rule);
		fputs("dnsdist_rule_hits{id=\"", out);
		metrics_label(out, id, strlen(id));
		fprintf(out, "\"} %" PRIu64 "\n", policy_rule_hits(model, rule));
	}
}

void metrics_dnsdist_print(const struct control *control, FILE *out)
{
	queries_print(control, out);
	responses_print(control, out);
	latency_print(control, out);
	process_print(control, out);
	metrics_kernel_print(out);
	servers_print(control, out);
	checks_print(control, out);
	frontends_print(control, out);
	metrics_tcp_dnsdist_print(control, out);
	metrics_pools_print(out);
	metrics_blocks_print(control, out);
	rules_print(control, out);
}
