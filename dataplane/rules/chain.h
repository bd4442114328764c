/* SPDX-License-Identifier: BSD-2-Clause */
/* Rule chains: run by workers, and by the control lcore for packets that needed Lua. */
#ifndef SLUICE_DATAPLANE_RULES_CHAIN_H
#define SLUICE_DATAPLANE_RULES_CHAIN_H

#include "dataplane/dns/name.h"
#include "dataplane/packet.h"
#include "dataplane/rules/actions.h"
#include "dataplane/rules/ahead.h"
#include "dataplane/rules/chain_regexes.h"
#include "dataplane/rules/selectors.h"
#include "dataplane/rules/subscriber_table.h"

struct backend_stats;
struct chain_index;
struct export_ring;
struct live_list;
struct query_log_ring;
struct rpz_action;
struct rpz_zone;
struct net_port;
struct policy;
struct prefix_entry;
struct stats;

#define RULE_COUNT_MAX 65536u /* of a policy, in all chains */
#define RULE_HIT_SLOTS (2 * RULE_COUNT_MAX) /* match counters: so that a policy of other rules may follow */

struct rule {
	struct rule_action action;
	const struct rule_test *tests;
	uint32_t hit_slot : 24;
	uint32_t lua_selector : 1; /* some test is Lua of the control lcore */
	uint32_t edits : 1; /* Lua runs in the midst of the chain and may change the packet */
	uint16_t entry;	     /* the first test, or RULE_MATCH or RULE_MISS */
	uint16_t next_plain; /* this rule, or the next one that is asked whatever the name */
};

static_assert(sizeof(struct rule) == 32, "chains stream over it");
static_assert(RULE_HIT_SLOTS <= 1u << 24, "hit_slot");

struct rule_chain {
	const struct rule *rules;
	struct chain_index *index; /* of the rules for certain names; NULL: each rule is asked */
	struct chain_regexes *regexes; /* of the rules with expressions; NULL: too few */
	const struct rule_gate *gates; /* by rule; NULL: too few have one */
	const struct rule_test *tests_end; /* of its rules, side by side */
	uint16_t count;
};

/* Evaluates a Lua selector; errors are false. */
typedef bool rule_lua_selector_fn(void *lua, struct rte_mbuf *mbuf, int reference, bool ffi);

/* The entry of a list that made a rule match, for its action to tell. */
struct rule_matched {
	const struct live_list *list; /* NULL: none */
	const struct rpz_zone *zone;	 /* with `action`: what is to be done */
	const struct rpz_action *action; /* NULL: the list says nothing */
	const struct prefix_entry *prefix; /* NULL: a name, or a subscriber */
	struct subscriber subscriber; /* if the list is a table of them */
	uint16_t offset; /* in the question's name: where the entry begins */
	bool wildcard;	 /* the entry has "*." before that */
};

/* What rules use of the lcore that runs them. One per lcore. */
struct rule_context {
	struct stats *stats;
	uint64_t *rule_hits; /* RULE_HIT_SLOTS cells; only this lcore writes them */
	const struct backend_stats *const *backends; /* by worker, NULL after the last; or NULL */
	uint16_t lcore; /* workers by their index, then the control lcore */
	uint64_t random; /* state of the generator: seed it with anything */
	rule_lua_selector_fn *lua_selector; /* NULL on workers: rules with Lua selectors stop */
	void *lua;			    /* for lua_selector */
	struct rule_matched matched;	    /* of the rule that runs */
	char text[DNS_NAME_TEXT_SIZE]; /* the name of the packet whose rules run, for expressions */
	struct chain_regexes_found regexes; /* those that match it */
	struct rule_ahead ahead;
	uint64_t client[2]; /* its address, for timed sets */
	struct rule_type_count types[RULE_TYPES_COUNTED]; /* of that packet's records */
	struct query_log_ring *log; /* NULL: what is to be logged is lost, and counted */
	struct export_ring *exports; /* NULL: nobody is told anything */
	const struct net_port *ports; /* NULL: of no client it is known whether it is on a link */
	uint16_t udp_size; /* what OPT records made here announce, bytes; 0: DNS_EDNS_UDP_SIZE */
};

/* What a packet that stopped with RULE_LUA waits for. */
struct rule_lua {
	int reference;
	bool ffi; /* LuaFFI rather than Lua action */
	bool continues; /* the chain goes on whatever the action returns */
	bool selector; /* no action yet: run the chain again from the cursor with lua_selector set */
};

/*
 * Runs a chain from rule `cursor` on, 0 for the whole. Sets chain, generation and, with RULE_LUA,
 * rule_cursor in the packet: call the action there, then rule_result_apply() or
 * rule_response_result_apply(), and if that says RULE_GO_ON run again from rule_cursor + 1.
 * Counters of answers, drops by rules and matches are kept in the context; drop[] is not.
 */
enum rule_verdict rule_chain_run(const struct policy *policy, enum chain_id chain,
				 struct rte_mbuf *mbuf, uint16_t cursor,
				 struct rule_context *context);

/*
 * Goes on with a packet whose rule had no room for its answer (RULE_DROP, DROP_REPLY_BUILD), now that
 * it has more: the action once more, and what follows. The rule matched once, and is counted once. As
 * rule_chain_run(), in the policy and with the context of that one.
 */
enum rule_verdict rule_chain_again(const struct policy *policy, struct rte_mbuf *mbuf,
				   struct rule_context *context);

/* What Lua is needed for at this rule; false if it needs none or is beyond the chain's end. */
bool rule_lua_ref(const struct policy *policy, enum chain_id chain, uint16_t cursor,
		  struct rule_lua *lua);

/* xorshift64*: for shuffling and sampling, no secrets. */
static inline uint32_t rule_random(struct rule_context *context)
{
	uint64_t x = context->random | !context->random;
	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	context->random = x;
	return (uint32_t)(x * 0x2545f4914f6cdd1du >> 32);
}

#endif
