/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the choice of a server costs, by method and by the number of servers in the pool: nanoseconds
 * a choice, over 4,096 names in turn and the counters of four workers. Servers have some queries to
 * answer, that change, and one in sixteen is down. Time goes on by a microsecond a choice, so that
 * what is refreshed from time to time is. Weights are 1, for chashed 100.
 *
 *   bench_balance
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "control/policy/build.h"
#include "dataplane/serve/balance.h"
#include "dataplane/stats.h"

#define NAMES 4096u
#define WORKERS 4u
#define SPAN_NS 200000000u /* a figure is taken over */
#define HZ 1000000000u	   /* of the clock that the choices are told */

static const struct kind {
	const char *name;
	enum balance_method method;
	double factor;
} kinds[] = {
	{"leastOutstanding", BALANCE_LEAST_OUTSTANDING, 0},
	{"roundrobin", BALANCE_ROUND_ROBIN, 0},
	{"wrandom", BALANCE_WRANDOM, 0},
	{"whashed", BALANCE_WHASHED, 0},
	{"whashed, factor 1.25", BALANCE_WHASHED, 1.25},
	{"chashed", BALANCE_CHASHED, 0},
	{"chashed, factor 1.25", BALANCE_CHASHED, 1.25},
};
static const unsigned pool_sizes[] = {10, 100, 1000};

/* Close together: a worker has just read the name of its query. */
static struct {
	uint8_t wire[31];
	uint8_t length;
} names[NAMES];
static struct backend_stats counters[WORKERS][POLICY_BACKENDS_MAX];
static const struct backend_stats *all[WORKERS + 1];

static uint64_t now_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void names_make(void)
{
	for (unsigned i = 0; i < NAMES; i++) {
		char text[32];
		uint8_t wire[DNS_NAME_MAX];
		int length = snprintf(text, sizeof(text), "www.n%05u.example.net", i * 7919);
		int wire_length = dns_name_parse(text, (size_t)length, wire);
		if (wire_length <= 0 || wire_length > (int)sizeof(names[i].wire))
			abort();
		names[i].length = (uint8_t)wire_length;
		memcpy(names[i].wire, wire, names[i].length);
	}
}

static struct policy *pool_make(struct policy_model *model, unsigned count,
				const struct kind *kind)
{
	char error[256], address[32], id[40];
	struct policy_settings *settings = policy_model_settings(model);
	settings->balance.method = kind->method;
	settings->weighted_factor = settings->consistent_factor = kind->factor;
	for (unsigned i = 0; i < count; i++) {
		snprintf(address, sizeof(address), "10.0.%u.%u", i >> 8, i & 255);
		snprintf(id, sizeof(id), "00000000-0000-4000-8000-%012u", i);
		struct policy_server_options options = {
			.address = address,
			.id = id,
			.weight = kind->method == BALANCE_CHASHED ? 100 : 1,
			.down = i % 16 == 5};
		struct backend *server = policy_server_add(model, &options);
		if (server == NULL || policy_server_pool_add(model, server, "", 0) != 0)
			return NULL;
	}
	policy_model_apply(model);
	return policy_model_compile(model, error, sizeof(error));
}

static void counters_make(void)
{
	for (unsigned w = 0; w < WORKERS; w++) {
		all[w] = counters[w];
		for (unsigned i = 0; i < POLICY_BACKENDS_MAX; i++)
			counters[w][i] = (struct backend_stats){
				.queries = 1000 + i * 31 % 7, .responses = 1000, .latency = i};
	}
}

/* As a worker does: the one that is chosen has a query more, and some other one answers. */
static double measure(const struct policy *policy, struct balance *balance)
{
	uint64_t count = 0, now = HZ, started = now_ns(), took;
	do {
		for (unsigned i = 0; i < NAMES; i++, now += HZ / 1000000) {
			uint16_t number = balance_choose(policy, 0, names[i].wire, names[i].length,
							 now, balance);
			stats_add(&counters[0][number].queries, 1);
			stats_add(&counters[0][number].responses, 1);
		}
		count += NAMES;
		took = now_ns() - started;
	} while (took < SPAN_NS);
	return (double)took / (double)count;
}

static double figure(const struct kind *kind, unsigned count)
{
	static struct stats stats;
	static struct rule_context rules = {.stats = &stats, .backends = all, .random = 1};
	struct policy_registry *registry = policy_registry_new(NULL, NULL);
	struct policy_model *model = policy_model_new(registry);
	struct policy *policy = pool_make(model, count, kind);
	struct balance *balance = calloc(1, sizeof(*balance));
	double ns = -1;
	counters_make();
	if (policy != NULL && balance != NULL) {
		balance_init(balance, &rules, counters[0], HZ);
		measure(policy, balance); /* for the caches */
		ns = measure(policy, balance);
	}
	free(balance);
	policy_free(policy);
	policy_model_free(model);
	policy_registry_free(registry);
	return ns;
}

int main(void)
{
	names_make();
	printf("%-24s", "ns a choice, servers:");
	for (unsigned s = 0; s < RTE_DIM(pool_sizes); s++)
		printf("%8u", pool_sizes[s]);
	putchar('\n');
	for (unsigned k = 0; k < RTE_DIM(kinds); k++) {
		printf("%-24s", kinds[k].name);
		for (unsigned s = 0; s < RTE_DIM(pool_sizes); s++)
			printf("%8.0f", figure(&kinds[k], pool_sizes[s]));
		putchar('\n');
	}
	return 0;
}
