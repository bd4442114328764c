/* SPDX-License-Identifier: BSD-2-Clause */
/* Packets over plain memory and a policy model, for tests of rules. */
#ifndef SLUICE_TESTS_RULE_SAMPLES_H
#define SLUICE_TESTS_RULE_SAMPLES_H

#include <arpa/inet.h>

#include "control/policy/build.h"
#include "dataplane/rules/tags.h"
#include "dataplane/stats.h"
#include "tests/unit/dns_samples.h"

struct packet_sample {
	struct rte_mbuf mbuf;
	struct packet packet;
	uint8_t buffer[8192];
};

static_assert(offsetof(struct packet_sample, packet) == sizeof(struct rte_mbuf), "private area");

static inline void packet_sample_set(struct packet_sample *to, const struct sample *dns,
				     const char *client, const char *local)
{
	struct dns_question question;
	struct dns_edns edns;

	memset(to, 0, sizeof(*to));
	to->mbuf.buf_addr = to->buffer;
	to->mbuf.buf_len = sizeof(to->buffer);
	to->mbuf.data_off = 128;
	to->mbuf.priv_size = sizeof(struct packet);
	to->packet.dns_offset = 42;
	packet_dns_resize(&to->mbuf, (uint16_t)dns->length);
	memcpy(packet_dns(&to->mbuf), dns->bytes, dns->length);
	ck_assert_int_eq(dns_question_parse(dns->bytes, dns->length, &question), DNS_OK);
	ck_assert_int_eq(dns_edns_find(dns->bytes, dns->length, question.end, &edns), DNS_OK);
	struct query_state *query = &to->packet.query;
	bool ipv6 = strchr(client, ':') != NULL;
	ck_assert_int_eq(inet_pton(ipv6 ? AF_INET6 : AF_INET, client, query->client_addr), 1);
	ck_assert_int_eq(inet_pton(ipv6 ? AF_INET6 : AF_INET, local, query->local_addr), 1);
	query->flags = (ipv6 ? QUERY_IPV6 : 0) | (edns.offset ? QUERY_HAD_EDNS : 0) |
		       (dns_edns_do(&edns) ? QUERY_DO : 0);
	query->local_port = 53;
	query->qtype = question.qtype;
	query->qclass = question.qclass;
	query->qname_length = question.qname_length;
	query->qname_labels = question.qname_labels;
	query->client_size = dns_edns_client_size(&edns);
}

static inline void packet_sample_query(struct packet_sample *to, const char *name, uint16_t qtype,
				       bool edns)
{
	struct sample dns;
	sample_query(&dns, name, qtype, edns, edns);
	packet_sample_set(to, &dns, "192.0.2.7", "198.51.100.1");
}

/* A model and what running its chains needs. */
struct rule_bench {
	struct policy_registry *registry;
	struct policy_model *model;
	struct policy *policy;
	struct stats stats;
	uint64_t hits[RULE_HIT_SLOTS];
	struct rule_context context;
};

static inline uint64_t bench_hits(void *context, uint32_t slot)
{
	return ((struct rule_bench *)context)->hits[slot];
}

static inline struct rule_bench *bench_new(void)
{
	struct rule_bench *bench = aligned_alloc(64, (sizeof(*bench) + 63) & ~(size_t)63);
	ck_assert_ptr_nonnull(bench);
	memset(bench, 0, sizeof(*bench));
	bench->registry = policy_registry_new(bench_hits, bench);
	bench->model = policy_model_new(bench->registry);
	bench->context = (struct rule_context){.stats = &bench->stats, .rule_hits = bench->hits};
	return bench;
}

static inline void bench_compile(struct rule_bench *bench)
{
	char error[128];
	policy_free(bench->policy);
	bench->policy = policy_model_compile(bench->model, error, sizeof(error));
	policy_model_apply(bench->model);
	ck_assert_ptr_nonnull(bench->policy);
}

static inline void bench_free(struct rule_bench *bench)
{
	policy_free(bench->policy);
	policy_model_free(bench->model);
	policy_registry_free(bench->registry);
	free(bench);
}

static inline void bench_rule(struct rule_bench *bench, enum chain_id chain,
			      struct policy_selector *selector, struct policy_action *action)
{
	ck_assert_ptr_nonnull(selector);
	ck_assert_ptr_nonnull(action);
	ck_assert_ptr_nonnull(policy_rule_add(bench->model, chain, POLICY_RULE_LAST, selector,
					      action, NULL, NULL));
}

static inline enum rule_verdict bench_run(struct rule_bench *bench, enum chain_id chain,
					  struct packet_sample *packet, uint16_t cursor)
{
	return rule_chain_run(bench->policy, chain, &packet->mbuf, cursor, &bench->context);
}

#endif
