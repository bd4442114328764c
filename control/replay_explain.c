/* SPDX-License-Identifier: BSD-2-Clause */
#include "control/replay_explain.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "control/lua/policy.h"
#include "dataplane/dns/message.h"
#include "dataplane/dns/name.h"
#include "dataplane/net/frame.h"
#include "dataplane/stats.h"
#include "dataplane/worker.h"

struct replay_explain {
	struct control *control;
	FILE *out;
	uint64_t seen[RULE_HIT_SLOTS]; /* the counters as of the last line */
};

static uint64_t hits_of(const struct replay_explain *explain, uint32_t slot)
{
	return stats_read(&workers[0].rule_hits[slot]) +
	       stats_read(&explain->control->rules.rule_hits[slot]);
}

/* How often the rule matched since it was asked last. */
static uint64_t hits_take(struct replay_explain *explain, const struct policy_rule *rule)
{
	uint32_t slot = policy_rule_slot(rule);
	uint64_t hits = hits_of(explain, slot), before = explain->seen[slot];
	explain->seen[slot] = hits;
	return hits - before;
}

struct replay_explain *replay_explain_new(struct control *control, FILE *out)
{
	struct replay_explain *explain = calloc(1, sizeof(*explain));
	if (explain == NULL)
		return NULL;
	explain->control = control;
	explain->out = out;
	for (uint32_t slot = 0; slot < RULE_HIT_SLOTS; slot++)
		explain->seen[slot] = hits_of(explain, slot);
	return explain;
}

void replay_explain_free(struct replay_explain *explain)
{
	free(explain);
}

/* Asked for each time: a call of Lua that does not end costs the policy, which is loaded anew. */
static struct policy_model *model_of(const struct replay_explain *explain)
{
	return explain->control->lua->model;
}

static void rule_print(const struct replay_explain *explain, unsigned chain, size_t index,
		       uint64_t times)
{
	lua_policy_describe_rule(explain->control, chain, index, explain->out);
	if (times > 1)
		fprintf(explain->out, " (%" PRIu64 " times)", times);
}

/* The rules that matched, each behind `before` or, but for the first, a semicolon; how many. */
static unsigned rules_print(struct replay_explain *explain, const char *before)
{
	unsigned count = 0;
	for (unsigned chain = 0; chain < CHAIN_COUNT; chain++)
		for (size_t i = 0; i < policy_rules_count(model_of(explain), chain); i++) {
			const struct policy_rule *rule = policy_rule_at(model_of(explain), chain, i);
			uint64_t times = hits_take(explain, rule);
			if (times == 0)
				continue;
			fputs(count++ == 0 ? before : "; ", explain->out);
			rule_print(explain, chain, i, times);
		}
	return count;
}

static void question_print(const struct replay_explain *explain, const uint8_t *dns, size_t length)
{
	struct dns_question question;
	char name[DNS_NAME_TEXT_SIZE];
	if (dns_question_parse(dns, length, &question) != DNS_OK ||
	    dns_name_print(dns + DNS_HEADER_SIZE, name, sizeof(name), true) < 0)
		return;
	fprintf(explain->out, ", %s ", name);
	lua_policy_describe_type(explain->control, question.qtype, explain->out);
	if (dns_header_peek(dns)->qr)
		fputs(" answer", explain->out);
}

/* Looks at a copy: the packet's own is left as it came. */
static void frame_print(const struct replay_explain *explain, const uint8_t *frame, size_t length)
{
	const struct control *control = explain->control;
	struct rte_mbuf *mbuf = rte_pktmbuf_alloc(control->ports[0].pool);
	uint8_t reason;
	if (mbuf == NULL)
		return;
	if (length <= rte_pktmbuf_tailroom(mbuf)) {
		memcpy(rte_pktmbuf_append(mbuf, (uint16_t)length), frame, length);
		if (net_frame_classify(&control->dataplane->ports[0], mbuf, &reason) ==
		    NET_CLASS_UDP)
			question_print(explain, packet_dns(mbuf), packet_of(mbuf)->dns_length);
	}
	rte_pktmbuf_free(mbuf);
}

void replay_explain_packet(struct replay_explain *explain, uint64_t number, const uint8_t *frame,
			   size_t length)
{
	fprintf(explain->out, "packet %" PRIu64, number);
	frame_print(explain, frame, length);
	fputs(rules_print(explain, ": ") == 0 ? ": no rule\n" : "\n", explain->out);
}

void replay_explain_time(struct replay_explain *explain, uint64_t number)
{
	char before[48];
	snprintf(before, sizeof(before), "after packet %" PRIu64 ": ", number);
	if (rules_print(explain, before) > 0)
		fputc('\n', explain->out);
}
