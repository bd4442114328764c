/* SPDX-License-Identifier: BSD-2-Clause */
/* benchRule(): what a selector costs, measured over made-up queries. */
#include "control/lua/abi.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "dataplane/dns/message.h"
#include "dataplane/policy.h"
#include "dataplane/stats.h"

#define QUERIES 1000u /* different ones */
#define ROOM 320u     /* for a header and the longest question */
#define LABEL_MAX 12u /* of the label before the suffix */
#define PATIENCE_US 50000.0 /* that the control lcore has for it: packets wait */
#define LOOK 256u	    /* runs between looks at the clock */
#define WAITS 10u	    /* for an expression to be compiled */
#define WAIT_MS 5

struct bench_query {
	struct rte_mbuf mbuf;
	struct packet packet;
	uint8_t bytes[ROOM];
};

static_assert(offsetof(struct bench_query, packet) == sizeof(struct rte_mbuf), "private area");

static double us_now(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

/* A query of any type for a name right below the suffix, from anywhere. */
static void query_make(struct bench_query *made, const struct lua_name *suffix,
		       struct rule_context *context)
{
	struct rte_mbuf *mbuf = &made->mbuf;
	struct query_state *query = &made->packet.query;
	mbuf->buf_addr = made->bytes;
	mbuf->buf_len = ROOM;
	mbuf->priv_size = sizeof(made->packet);
	uint8_t *label = made->bytes + DNS_HEADER_SIZE;
	int length = snprintf((char *)label + 1, LABEL_MAX, "%u", rule_random(context));
	label[0] = (uint8_t)length;
	memcpy(label + 1 + length, suffix->wire, suffix->length);
	uint32_t client = rule_random(context);
	memcpy(query->client_addr, &client, sizeof(client));
	query->client_port = query->local_port = 53;
	query->qname_length = (uint8_t)(1 + length + suffix->length);
	dns_name_measure(label, query->qname_length, &query->qname_labels);
	query->qtype = (uint16_t)(rule_random(context) % 256);
	query->qclass = 1;
	uint8_t *fixed = label + query->qname_length;
	dns_u16_store(fixed, query->qtype);
	dns_u16_store(fixed + 2, query->qclass);
	dns_flags_store(made->bytes, DNS_FLAG_RD);
	dns_counts_store(made->bytes, 1, 0, 0, 0);
	packet_dns_resize(mbuf, (uint16_t)(fixed + DNS_QUESTION_FIXED - made->bytes));
}

/* The policy with one more rule, which nobody but us runs. */
static struct policy *policy_make(struct policy_model *model, struct policy_selector *selector,
				  char *error, size_t size)
{
	struct policy_action *none = policy_action_plain(model, RULE_ACTION_NONE);
	struct policy *policy = NULL;
	if (none != NULL && policy_rule_add(model, CHAIN_QUERY, POLICY_RULE_LAST, selector, none,
					    NULL, NULL) != NULL) {
		policy = policy_model_compile(model, error, size);
		/* Who asks waits for the measurement anyway. */
		for (unsigned i = 0; policy == NULL && policy_model_waits(model) && i < WAITS; i++) {
			policy_registry_wait(lua_abi_context()->registry, WAIT_MS);
			policy = policy_model_compile(model, error, size);
		}
		policy_rule_remove(model, CHAIN_QUERY, policy_rules_count(model, CHAIN_QUERY) - 1);
	} else {
		snprintf(error, size, "there are too many rules, or no memory");
	}
	return policy;
}

static void run(const struct policy *policy, struct bench_query *queries,
		struct rule_context *context, uint32_t times, struct lua_bench *bench)
{
	const struct rule_chain *chain = &policy->chains[CHAIN_QUERY];
	const struct rule *rule = &chain->rules[chain->count - 1];
	double start = us_now();
	while (bench->count < times && (bench->count % LOOK != 0 || bench->us < PATIENCE_US)) {
		struct rte_mbuf *mbuf = &queries[bench->count++ % QUERIES].mbuf;
		struct rule_facts facts;
		rule_facts_of(&facts, policy, mbuf);
		facts.regexes = chain->regexes;
		bench->matches += rule_tests_run(rule->tests, rule->entry, &facts, mbuf, context);
		if (bench->count % LOOK == 0 || bench->count == times)
			bench->us = us_now() - start;
	}
}

const char *sluice_bench(struct policy_selector *selector, uint32_t times,
			 const struct lua_name *suffix, struct lua_bench *bench)
{
	static char error[256];
	static struct stats stats;
	struct rule_context context = {.stats = &stats, .random = 1};
	*bench = (struct lua_bench){0};
	if (suffix->length + LABEL_MAX > DNS_NAME_MAX)
		return "the suffix is too long";
	struct policy *policy = policy_make(lua_abi_context()->model, selector, error, sizeof(error));
	if (policy == NULL)
		return error;
	const struct rule_chain *chain = &policy->chains[CHAIN_QUERY];
	const char *why = NULL;
	struct bench_query *queries = calloc(QUERIES, sizeof(*queries));
	if (queries == NULL)
		why = "no memory";
	else if (chain->rules[chain->count - 1].lua_selector)
		why = "functions in Lua run in batches of packets, not alone";
	for (unsigned i = 0; why == NULL && i < QUERIES; i++)
		query_make(&queries[i], suffix, &context);
	if (why == NULL)
		run(policy, queries, &context, times, bench);
	free(queries);
	policy_free(policy);
	return why;
}
