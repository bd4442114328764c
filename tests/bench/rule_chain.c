/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a packet pays for a chain of rules that all miss, by the kind of their selectors and their
 * number. Prints nanoseconds a packet; bursts of packets with different names, so that neither the
 * branches nor the data are those of one packet.
 *
 *   bench_rule_chain [RULES [KIND]]
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "control/policy/build.h"
#include "dataplane/dns/message.h"
#include "dataplane/rules/regex.h"
#include "dataplane/stats.h"

#define PACKETS 64u
#define SPAN_NS 200000000u /* a figure is taken over */
#define LOOK 16u	   /* bursts between two looks at the clock */

/* A packet over plain memory. */
struct bench_packet {
	struct rte_mbuf mbuf;
	struct packet packet; /* its private area */
	uint8_t buffer[512];
};

static struct bench_packet packets[PACKETS];
static struct stats stats;
static uint64_t hits[RULE_HIT_SLOTS];
static struct rule_context context = {.stats = &stats, .rule_hits = hits};

/* What this program had of the CPU: others that have it meanwhile do not count. */
static uint64_t now_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static size_t name_of(const char *format, unsigned number, uint8_t name[static DNS_NAME_MAX])
{
	char text[64];
	int length = snprintf(text, sizeof(text), format, number);
	return (size_t)dns_name_parse(text, (size_t)length, name);
}

static struct policy_selector *exact(struct policy_model *model, unsigned i)
{
	uint8_t name[DNS_NAME_MAX];
	size_t length = name_of("www.n%u.example.com", i, name);
	return policy_selector_qname(model, name, length);
}

static struct policy_selector *suffix(struct policy_model *model, unsigned i)
{
	uint8_t name[DNS_NAME_MAX];
	struct name_set *set = name_set_new();
	size_t length = name_of("n%u.example.com", i, name);
	name_set_add(set, name, length);
	struct policy_selector *selector = policy_selector_qname_suffix(model, set);
	name_set_free(set);
	return selector;
}

static struct policy_selector *qtype(struct policy_model *model, unsigned i)
{
	return policy_selector_number(model, RULE_TEST_QTYPE, (uint16_t)(1000 + i));
}

static struct policy_selector *netmask(struct policy_model *model, unsigned i)
{
	struct prefix_list list = {0};
	char text[64];
	snprintf(text, sizeof(text), "10.%u.%u.0/24", i >> 8 & 255, i & 255);
	prefix_list_add_text(&list, text);
	struct policy_selector *selector = policy_selector_netmask(model, &list, false);
	prefix_list_clear(&list);
	return selector;
}

static struct policy_selector *tag(struct policy_model *model, unsigned i)
{
	char key[16];
	int length = snprintf(key, sizeof(key), "tag%u", i);
	return policy_selector_tag(model, key, (size_t)length, "1", 1);
}

static struct policy_selector *type_and_name(struct policy_model *model, unsigned i)
{
	struct policy_selector *both[] = {
		policy_selector_number(model, RULE_TEST_QTYPE, DNS_TYPE_A), exact(model, i)};
	return policy_selector_and(model, both, 2);
}

static struct policy_selector *regex(struct policy_model *model, unsigned i)
{
	char text[64], error[128];
	snprintf(text, sizeof(text), "(^|\\.)ads?%u\\.", i);
	return policy_selector_regex(model, text, REGEX_SEARCH, error, sizeof(error));
}

static const struct rate_limit plenty = {.period = 1, .depth = UINT64_C(1) << 40};

static struct policy_selector *client_rate(struct policy_model *model, unsigned i)
{
	(void)i;
	return policy_selector_client_rate(model, plenty, 32, 64, 1000);
}

static struct policy_selector *rate(struct policy_model *model, unsigned i)
{
	(void)i;
	return policy_selector_not(model, policy_selector_rate(model, plenty));
}

static struct policy_selector *edns_option(struct policy_model *model, unsigned i)
{
	return policy_selector_number(model, RULE_TEST_EDNS_OPTION, (uint16_t)(1000 + i));
}

static struct policy_selector *record_types(struct policy_model *model, unsigned i)
{
	return policy_selector_record_types(model, DNS_SECTION_ADDITIONAL, (uint16_t)(1000 + i), 1,
					    100);
}

static struct policy_selector *trailing(struct policy_model *model, unsigned i)
{
	(void)i;
	return policy_selector_number(model, RULE_TEST_TRAILING_DATA, 0);
}

static struct policy_selector *timed(struct policy_model *model, unsigned i)
{
	struct policy_selector *selector = policy_selector_timed(model);
	uint8_t address[16] = {10, 1, (uint8_t)(i >> 8), (uint8_t)i};
	policy_timed_add(selector, address, false, 0, UINT64_MAX / 2);
	return selector;
}

/* What a grown policy looks like: some of each. */
static struct policy_selector *mixed(struct policy_model *model, unsigned i)
{
	static struct policy_selector *(*const kinds[])(struct policy_model *, unsigned) = {
		exact, suffix, qtype, netmask, type_and_name, suffix, tag, suffix};
	return kinds[i % RTE_DIM(kinds)](model, i);
}

static const struct kind {
	const char *name;
	struct policy_selector *(*make)(struct policy_model *model, unsigned number);
} kinds[] = {
	{"QNameRule", exact}, {"QNameSuffixRule", suffix}, {"QTypeRule", qtype},
	{"NetmaskGroupRule", netmask}, {"TagRule", tag}, {"AndRule{QType, QName}", type_and_name},
	{"MaxQPSIPRule", client_rate}, {"MaxQPSRule", rate}, {"TimedIPSetRule", timed},
	{"RegexRule", regex}, {"EDNSOptionRule", edns_option}, {"RecordsTypeCountRule", record_types},
	{"TrailingDataRule", trailing}, {"mixed", mixed},
};

static void packet_make(struct bench_packet *to, const uint8_t *name, size_t length, uint16_t type)
{
	to->mbuf.buf_addr = to->buffer;
	to->mbuf.buf_len = sizeof(to->buffer);
	to->mbuf.priv_size = sizeof(struct packet);
	static const uint8_t opt[] = {0, 0, DNS_TYPE_OPT, 4, 208, 0, 0, 0, 0, 0, 0};
	uint16_t end = (uint16_t)(DNS_HEADER_SIZE + length + DNS_QUESTION_FIXED);
	packet_dns_resize(&to->mbuf, (uint16_t)(end + sizeof(opt)));
	uint8_t *dns = packet_dns(&to->mbuf);
	dns_count_store(dns, DNS_SECTION_QUESTION, 1);
	dns_count_store(dns, DNS_SECTION_ADDITIONAL, 1);
	memcpy(dns + end, opt, sizeof(opt));
	memcpy(dns + DNS_HEADER_SIZE, name, length);
	dns_u16_store(dns + DNS_HEADER_SIZE + length, type);
	dns_u16_store(dns + DNS_HEADER_SIZE + length + 2, DNS_CLASS_IN);
	struct query_state *query = &to->packet.query;
	query->qtype = type;
	query->qclass = DNS_CLASS_IN;
	query->qname_length = dns_name_measure(name, length, &query->qname_labels);
}

static void packets_make(void)
{
	uint8_t name[DNS_NAME_MAX];
	for (unsigned i = 0; i < PACKETS; i++) {
		size_t length = name_of(i % 2 ? "www.host%u.example.net" : "a.b.n%ux.example.com",
					i, name);
		packet_make(&packets[i], name, length, i % 3 ? DNS_TYPE_A : DNS_TYPE_AAAA);
		packets[i].packet.query.client_addr[3] = (uint8_t)i;
	}
}

static double measure(const struct policy *policy)
{
	uint64_t start = now_ns(), runs = 0, spent;
	do {
		for (unsigned i = 0; i < PACKETS * LOOK; i++)
			if (rule_chain_run(policy, CHAIN_QUERY, &packets[i % PACKETS].mbuf, 0,
					   &context) != RULE_NEXT)
				abort();
		runs += PACKETS * LOOK;
		spent = now_ns() - start;
	} while (spent < SPAN_NS);
	return (double)spent / (double)runs;
}

static uint64_t hits_of(void *unused, uint32_t slot)
{
	(void)unused;
	return hits[slot];
}

static void kind_measure(const struct kind *kind, unsigned count)
{
	struct policy_registry *registry = policy_registry_new(hits_of, NULL);
	struct policy_model *model = policy_model_new(registry);
	char error[128];
	policy_registry_lcores_set(registry, 1);
	for (unsigned i = 0; i < count; i++)
		policy_rule_add(model, CHAIN_QUERY, POLICY_RULE_LAST, kind->make(model, i),
				policy_action_plain(model, RULE_ACTION_DROP), NULL, NULL);
	struct policy *policy = policy_model_compile(model, error, sizeof(error));
	if (policy_rules_count(model, CHAIN_QUERY) != count || policy == NULL)
		abort();
	measure(policy); /* warm */
	printf("%-24s %6u rules  %9.1f ns a packet\n", kind->name, count, measure(policy));
	fflush(stdout);
	policy_free(policy);
	policy_model_free(model);
	policy_registry_free(registry);
}

int main(int argc, char **argv)
{
	static const unsigned counts[] = {1, 10, 100, 1000, 10000};
	packets_make();
	for (unsigned k = 0; k < RTE_DIM(kinds); k++)
		for (unsigned i = 0; i < RTE_DIM(counts); i++)
			if ((argc < 2 || counts[i] == strtoul(argv[1], NULL, 10)) &&
			    (argc < 3 || strcmp(argv[2], kinds[k].name) == 0))
				kind_measure(&kinds[k], counts[i]);
	return 0;
}
