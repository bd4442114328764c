/* SPDX-License-Identifier: BSD-2-Clause */
#include "dataplane/rules/chain.h"

#include "dataplane/policy.h"
#include "dataplane/stats.h"

/* A query that some action has made an answer is one, however the chain ended. */
static enum rule_verdict chain_end(enum chain_id chain, struct rte_mbuf *mbuf)
{
	bool query = chain == CHAIN_QUERY || chain == CHAIN_CACHE_MISS;
	return query && packet_is_answered(mbuf) ? RULE_ANSWER : RULE_NEXT;
}

enum rule_verdict rule_chain_run(const struct policy *policy, enum chain_id chain,
				 struct rte_mbuf *mbuf, uint16_t cursor,
				 struct rule_context *context)
{
	const struct rule_chain *rules = &policy->chains[chain];
	struct packet *packet = packet_of(mbuf);
	struct rule_facts facts;

	packet->chain = (uint8_t)chain;
	packet->generation = policy->generation;
	if (cursor < rules->count)
		rule_facts_of(&facts, policy, mbuf);
	for (; cursor < rules->count; cursor++) {
		const struct rule *rule = &rules->rules[cursor];
		packet->rule_cursor = cursor;
		if (rule->lua_selector && !context->lua_selector)
			return RULE_LUA;
		if (!rule_tests_run(rule->tests, rule->entry, &facts, mbuf, context))
			continue;
		stats_add(&context->rule_hits[rule->hit_slot], 1);
		enum rule_verdict verdict = rule_action_run(&rule->action, mbuf, context);
		if (verdict != RULE_GO_ON)
			return verdict;
	}
	return chain_end(chain, mbuf);
}

bool rule_lua_ref(const struct policy *policy, enum chain_id chain, uint16_t cursor,
		  struct rule_lua *lua)
{
	if ((unsigned)chain >= CHAIN_COUNT || cursor >= policy->chains[chain].count)
		return false;
	const struct rule *rule = &policy->chains[chain].rules[cursor];
	bool ffi = rule->action.kind == RULE_ACTION_LUA_FFI;
	bool action = ffi || rule->action.kind == RULE_ACTION_LUA;
	*lua = (struct rule_lua){.selector = rule->lua_selector};
	if (action) {
		lua->reference = rule->action.lua;
		lua->ffi = ffi;
		lua->continues = rule->action.stop;
	}
	return action || rule->lua_selector;
}
