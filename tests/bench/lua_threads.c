/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What Lua that a worker runs itself costs: chains of one rule over a query in plain memory,
 * without EAL, in states as workers have them.
 *
 *   bench_lua_threads [ROUNDS]
 *
 * Prints nanoseconds a packet: the median of rounds of 1,000 packets, and of those the part that
 * a chain with a native rule takes as well.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "control/lua/threads.h"
#include "dataplane/dns/message.h"
#include "dataplane/rules/tags.h"
#include "dataplane/stats.h"

#define PACKETS 1000u
#define ROUNDS_MAX 100000u

static const uint8_t query[] = "\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x01\x03www\x07"
			       "example\x03org\x00\x00\x01\x00\x01\x00\x00\x29\x04\xd0\x00\x00"
			       "\x80\x00\x00\x00";

static const struct {
	const char *name;
	bool selects;
	const char *code; /* NULL: a native rule that does nothing */
} cases[] = {
	{"native", false, NULL},
	{"rule: true", true, "return function() return true end"},
	{"action: return", false, "return function() return DNSAction.None end"},
	{"action: qtype", false,
	 "local C = require('ffi').C\n"
	 "return function(dq)\n"
	 "  if C.dnsdist_ffi_dnsquestion_get_qtype(dq) == 28 then return DNSAction.Refused end\n"
	 "  return DNSAction.None\n"
	 "end"},
	{"action: name", false,
	 "local ffi = require('ffi')\n"
	 "local C, name, size = ffi.C, ffi.new('const char *[1]'), ffi.new('size_t[1]')\n"
	 "return function(dq)\n"
	 "  C.dnsdist_ffi_dnsquestion_get_qname_raw(dq, name, size)\n"
	 "  if name[0][0] == 7 then return DNSAction.Refused end\n"
	 "  return DNSAction.None\n"
	 "end"},
	{"action: tag", false,
	 "local C = require('ffi').C\n"
	 "return function(dq)\n"
	 "  C.dnsdist_ffi_dnsquestion_set_tag(dq, 'seen', 'yes')\n"
	 "  return DNSAction.None\n"
	 "end"},
};

static struct bench_packet {
	struct rte_mbuf mbuf;
	uint8_t private[PACKET_PRIVATE_SIZE];
	uint8_t bytes[RTE_PKTMBUF_HEADROOM + 1024];
} packet;
static struct stats stats;
static uint64_t hits[RULE_HIT_SLOTS];

static void check(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "%s\n", what);
	exit(1);
}

static double clock_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static void packet_fill(void)
{
	struct rte_mbuf *mbuf = &packet.mbuf;
	mbuf->buf_addr = packet.bytes;
	mbuf->buf_len = sizeof(packet.bytes);
	mbuf->data_off = RTE_PKTMBUF_HEADROOM;
	mbuf->priv_size = PACKET_PRIVATE_SIZE;
	memcpy(packet_dns(mbuf), query, sizeof(query) - 1);
	packet_dns_resize(mbuf, sizeof(query) - 1);
	lua_question_refresh(mbuf);
}

static double measure(const struct policy *policy, unsigned rounds)
{
	static double took[ROUNDS_MAX];
	struct rule_context context = {.stats = &stats, .rule_hits = hits};
	for (unsigned i = 0; i < rounds; i++) {
		double start = clock_ns();
		for (unsigned n = 0; n < PACKETS; n++) {
			rule_chain_run(policy, CHAIN_QUERY, &packet.mbuf, 0, &context);
			notes_free(&packet_of(&packet.mbuf)->query.notes);
		}
		took[i] = (clock_ns() - start) / PACKETS;
	}
	qsort(took, rounds, sizeof(double), compare);
	return took[rounds / 2];
}

static struct policy *policy_make(struct lua_context *context, size_t number)
{
	char error[2048];
	struct policy_model *model = context->model;
	struct lua_threads_options options = {
		.lcores = 1, .memory = 64u << 20, .watchdog_ms = 50, .load_ms = 1000};
	const char *code = cases[number].code;
	struct policy_selector *selector = policy_selector_all(model);
	struct policy_action *action = policy_action_plain(model, RULE_ACTION_NONE);
	if (code != NULL) {
		int reference = sluice_thread_add(code, strlen(code), cases[number].name,
						  cases[number].selects);
		struct rule_threads *threads =
			lua_threads_new(context, &options, error, sizeof(error));
		check(threads != NULL, error);
		policy_model_threads_set(model, threads);
		if (cases[number].selects)
			selector = policy_selector_thread(model, reference);
		else
			action = policy_action_thread(model, reference);
	}
	policy_rule_add(model, CHAIN_QUERY, POLICY_RULE_LAST, selector, action, NULL, NULL);
	struct policy *policy = policy_model_compile(model, error, sizeof(error));
	check(policy != NULL, error);
	return policy;
}

int main(int argc, char **argv)
{
	unsigned rounds = argc > 1 ? (unsigned)atoi(argv[1]) : 1000;
	check(rounds > 0 && rounds <= ROUNDS_MAX, "ROUNDS is out of range");
	packet_fill();
	struct policy_registry *registry = policy_registry_new(NULL, NULL);
	for (size_t i = 0; i < RTE_DIM(cases); i++) {
		struct lua_context *context = lua_context_new();
		context->registry = registry;
		context->model = policy_model_new(registry);
		lua_abi_use(context);
		struct policy *policy = policy_make(context, i);
		measure(policy, 100);
		printf("%-16s%8.1f\n", cases[i].name, measure(policy, rounds));
		check(lua_threads_errors() == 0, "a call failed");
		policy_free(policy);
		policy_model_free(context->model);
		lua_context_free(context);
	}
	policy_registry_free(registry);
	return 0;
}
