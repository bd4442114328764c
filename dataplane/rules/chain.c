/* SPDX-License-Identifier: BSD-2-Clause */
#include "dataplane/rules/chain.h"

#include "dataplane/policy.h"
#include "dataplane/rules/chain_index.h"
#include "dataplane/rules/threads.h"
#include "dataplane/stats.h"

/* A query that some action has made an answer is one, however the chain ended. */
static enum rule_verdict chain_end(enum chain_id chain, struct rte_mbuf *mbuf)
{
	bool query = chain == CHAIN_QUERY || chain == CHAIN_CACHE_MISS;
	return query && packet_is_answered(mbuf) ? RULE_ANSWER : RULE_NEXT;
}

/*
 * The way through a chain: every rule, or those that name and expressions do not rule out; but of
 * these not the ones whose gate is shut.
 */
struct walk {
	const struct rule_chain *chain;
	struct rule_facts facts;
	bool indexed;
	uint16_t numbers[RULE_NUMBER_COUNT]; /* if there are gates */
	struct chain_candidates candidates; /* by name */
};

/* At the start, and when the name may have become another. */
static void walk_open(struct walk *walk, const struct policy *policy, struct rte_mbuf *mbuf)
{
	const struct chain_index *index = walk->chain->index;
	struct rule_facts *facts = &walk->facts;
	rule_facts_of(facts, policy, mbuf);
	facts->regexes = walk->chain->regexes;
	facts->tests_end = walk->chain->tests_end;
	if (walk->chain->gates != NULL)
		rule_numbers_of(facts, walk->numbers);
	walk->indexed = index != NULL && chain_index_find(index, facts->qname, facts->qname_length,
							  &walk->candidates);
}

/* The first rule from `rule` on and before `before` that some expression lets match, or `before`. */
static uint16_t regexes_next(struct walk *walk, uint16_t rule, uint16_t before,
			     struct rule_context *context)
{
	const struct chain_regexes *regexes = walk->chain->regexes;
	if (chain_regexes_next(regexes, regexes->driven, rule) >= before ||
	    !rule_regexes_find(&walk->facts, context))
		return before;
	uint16_t next = chain_regexes_next(regexes, context->regexes.rules, rule);
	return RTE_MIN(next, before);
}

/* The rule to ask, from `rule` on; the chain's count or more: none. */
static inline uint16_t walk_next(struct walk *walk, uint16_t rule, struct rule_context *context)
{
	if (!walk->indexed || rule >= walk->chain->count)
		return rule;
	uint16_t next = walk->chain->rules[rule].next_plain;
	if (next == rule)
		return rule;
	if (walk->candidates.count > 0) {
		uint16_t candidate = chain_candidates_next(&walk->candidates, rule);
		next = RTE_MIN(next, candidate);
	}
	return walk->chain->regexes == NULL ? next : regexes_next(walk, rule, next, context);
}

static inline bool gate_shut(const struct walk *walk, uint16_t rule)
{
	const struct rule_gate *gates = walk->chain->gates;
	return gates != NULL && walk->numbers[gates[rule].number] != gates[rule].value;
}

/* After an action, which may have edited the message but not the question. */
static void walk_renew(struct walk *walk)
{
	rule_facts_renew(&walk->facts);
	if (walk->chain->gates != NULL)
		rule_numbers_of(&walk->facts, walk->numbers);
}

/* Rules without a condition are in most chains, and need no facts. */
static inline bool rule_matches(const struct rule *rule, struct walk *walk, struct rte_mbuf *mbuf,
				struct rule_context *context)
{
	return rule->entry == RULE_MATCH ||
	       rule_tests_run(rule->tests, rule->entry, &walk->facts, mbuf, context);
}

static inline enum rule_verdict action_run(const struct policy *policy,
					   const struct rule_action *action,
					   struct rte_mbuf *mbuf, struct rule_context *context)
{
	if (action->kind == RULE_ACTION_LUA_THREAD)
		return rule_thread_run(policy, action, mbuf, context);
	return rule_action_run(action, mbuf, context);
}

enum rule_verdict rule_chain_run(const struct policy *policy, enum chain_id chain,
				 struct rte_mbuf *mbuf, uint16_t cursor,
				 struct rule_context *context)
{
	struct walk walk; /* not cleared: the candidates are large */
	struct packet *packet = packet_of(mbuf);

	packet->chain = (uint8_t)chain;
	packet->generation = policy->generation;
	walk.chain = &policy->chains[chain];
	if (cursor >= walk.chain->count)
		return chain_end(chain, mbuf);
	walk_open(&walk, policy, mbuf);
	for (;; cursor++) {
		cursor = walk_next(&walk, cursor, context);
		if (cursor >= walk.chain->count)
			return chain_end(chain, mbuf);
		if (gate_shut(&walk, cursor))
			continue;
		const struct rule *rule = &walk.chain->rules[cursor];
		packet->rule_cursor = cursor;
		if (rule->lua_selector && !context->lua_selector)
			return RULE_LUA;
		context->matched.list = NULL;
		if (rule_matches(rule, &walk, mbuf, context)) {
			stats_add(&context->rule_hits[rule->hit_slot], 1);
			enum rule_verdict verdict =
				action_run(policy, &rule->action, mbuf, context);
			if (verdict != RULE_GO_ON)
				return verdict;
			walk_renew(&walk);
		}
		if (rule->edits && cursor + 1 < walk.chain->count) {
			rule_ahead_forget(&context->ahead, mbuf);
			walk_open(&walk, policy, mbuf);
		}
	}
}

enum rule_verdict rule_chain_again(const struct policy *policy, struct rte_mbuf *mbuf,
				   struct rule_context *context)
{
	const struct packet *packet = packet_of(mbuf);
	enum chain_id chain = (enum chain_id)packet->chain;
	uint16_t cursor = packet->rule_cursor;
	enum rule_verdict verdict =
		action_run(policy, &policy->chains[chain].rules[cursor].action, mbuf, context);
	return verdict != RULE_GO_ON
		       ? verdict
		       : rule_chain_run(policy, chain, mbuf, (uint16_t)(cursor + 1), context);
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
