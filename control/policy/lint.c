/* SPDX-License-Identifier: BSD-2-Clause */
#include "control/policy/lint.h"

#include <stdio.h>
#include <stdlib.h>

#include "control/policy/anchors.h"
#include "control/policy/covers.h"
#include "control/policy/model.h"
#include "dataplane/dns/message.h"

#define PATIENCE 300000000u /* comparisons in a chain: some seconds */
#define TEXT_SIZE 512

/* A chain that is looked at. */
struct lint {
	const struct policy_rules *rules;
	struct before {
		uint32_t edits, renames; /* rules that may edit the packet, give it another name */
		bool asks; /* the rule's own selector has Lua, which may do either */
	} *before; /* by rule: what comes before its last comparison */
	struct policy_anchors *anchors; /* of rules that may leave nothing for others */
	struct policy_view view;
	policy_lint_fn *warn;
};

static const struct policy_rule *rule_at(const struct lint *lint, size_t index)
{
	return lint->rules->rules[index];
}

static const struct rule_action *action_at(const struct lint *lint, size_t index)
{
	return &rule_at(lint, index)->action->action;
}

/* ---- what actions do ---- */

/* Whether the packet is answered, or gone, whatever it is; truncation is for UDP only. */
static bool decides(const struct rule_action *action)
{
	switch ((enum rule_action_kind)action->kind) {
	case RULE_ACTION_DROP:
	case RULE_ACTION_RCODE:
	case RULE_ACTION_SPOOF_CNAME:
	case RULE_ACTION_SPOOF_RAW:
	case RULE_ACTION_SPOOF_PACKET:
	case RULE_ACTION_NEGATIVE:
		return true;
	default:
		return false;
	}
}

/* Whether no packet goes on to the next rule. */
static bool ends(const struct rule_action *action)
{
	return decides(action) || action->kind == RULE_ACTION_ALLOW ||
	       (action->kind == RULE_ACTION_POOL && action->stop);
}

/* Lua's are the last kinds. */
static bool asks_lua(const struct policy_selector *selector)
{
	for (size_t i = 0; i < selector->count; i++)
		if (asks_lua(selector->members[i]))
			return true;
	return selector->node == NODE_TEST && selector->test.kind >= RULE_TEST_LUA;
}

/* Whether Lua sees the packet: it alone may give it another name. */
static bool runs_lua(const struct policy_rule *rule)
{
	uint8_t kind = rule->action->action.kind;
	return kind == RULE_ACTION_LUA || kind == RULE_ACTION_LUA_FFI ||
	       kind == RULE_ACTION_LUA_THREAD || asks_lua(rule->selector);
}

/* Whether the packet may be another one for the rules that follow. */
static bool edits(const struct policy_rule *rule)
{
	const struct rule_action *action = &rule->action->action;
	return asks_lua(rule->selector) ||
	       (!ends(action) && action->kind != RULE_ACTION_NONE &&
		action->kind != RULE_ACTION_TRUNCATE && action->kind != RULE_ACTION_SPOOF &&
		action->kind != RULE_ACTION_POOL && action->kind != RULE_ACTION_QPS &&
		action->kind != RULE_ACTION_QPS_POOL);
}

/* Whether it spoofs addresses of this type. */
static bool spoofs(const struct rule_action *action, uint16_t type)
{
	size_t length = type == DNS_TYPE_A ? 4 : 16;
	if (action->kind != RULE_ACTION_SPOOF)
		return false;
	for (uint32_t i = 0; i < action->spoof->count; i++)
		if (action->spoof->addresses[i].length == length)
			return true;
	return false;
}

/* Whether `action` leaves nothing for the action `later` of a rule that follows. */
static bool leaves_nothing(const struct rule_action *action, const struct rule_action *later)
{
	if (ends(action))
		return true;
	return action->kind == RULE_ACTION_SPOOF && later->kind == RULE_ACTION_SPOOF &&
	       (spoofs(action, DNS_TYPE_A) || !spoofs(later, DNS_TYPE_A)) &&
	       (spoofs(action, DNS_TYPE_AAAA) || !spoofs(later, DNS_TYPE_AAAA));
}

/* ---- the checks ---- */

static bool covers(struct lint *lint, size_t index, size_t other, uint16_t qtype)
{
	const struct before *first = &lint->before[RTE_MIN(index, other)];
	const struct before *last = &lint->before[RTE_MAX(index, other)];
	lint->view.qtype = qtype;
	lint->view.unedited = first->edits == last->edits && !last->asks;
	/* Where it would be a reason to warn that nobody else answers, names are taken to stay. */
	lint->view.renamed = qtype == 0 && (first->renames != last->renames || last->asks);
	return policy_covers(rule_at(lint, index)->selector, rule_at(lint, other)->selector,
			     &lint->view);
}

/* The rules that may cover this one, in their order; nothing is found without memory. */
static size_t candidates(const struct lint *lint, size_t index, const uint32_t **rules)
{
	size_t count = policy_anchors_find(lint->anchors, rule_at(lint, index)->selector, rules);
	return count == SIZE_MAX ? 0 : count;
}

/* True if it is reached. What can never match, such as a path of HTTP, is no mistake. */
static bool reach_check(struct lint *lint, size_t index)
{
	char text[TEXT_SIZE];
	lint->view.qtype = 0;
	if (!policy_may_match(rule_at(lint, index)->selector, &lint->view))
		return false;
	const uint32_t *rules;
	size_t count = candidates(lint, index, &rules);
	for (size_t at = 0; at < count && rules[at] < index; at++) {
		size_t i = rules[at];
		if (!leaves_nothing(action_at(lint, i), action_at(lint, index)) ||
		    !covers(lint, i, index, 0))
			continue;
		snprintf(text, sizeof(text),
			 "this rule is never reached: that of %s takes all that it is for",
			 policy_rule_place(rule_at(lint, i)));
		lint->warn(policy_rule_place(rule_at(lint, index)), text);
		return false;
	}
	return true;
}

/* Whether another rule answers the queries of this type that rule `index` does not. */
static bool other_answers(struct lint *lint, size_t index, uint16_t type)
{
	const uint32_t *rules;
	size_t count = candidates(lint, index, &rules);
	for (size_t at = 0; at < count; at++) {
		size_t i = rules[at];
		const struct rule_action *action = action_at(lint, i);
		bool answers = decides(action) || action->kind == RULE_ACTION_TRUNCATE ||
			       spoofs(action, type) || (i < index && ends(action));
		if (i != index && answers && covers(lint, i, index, type))
			return true;
	}
	return false;
}

static void spoof_check(struct lint *lint, size_t index)
{
	char text[TEXT_SIZE];
	const struct policy_rule *rule = rule_at(lint, index);
	bool a = spoofs(&rule->action->action, DNS_TYPE_A);
	uint16_t missing = a ? DNS_TYPE_AAAA : DNS_TYPE_A;
	if (a == spoofs(&rule->action->action, DNS_TYPE_AAAA))
		return;
	lint->view.qtype = missing;
	if (!policy_may_match(rule->selector, &lint->view) || other_answers(lint, index, missing))
		return;
	snprintf(text, sizeof(text),
		 "this spoofs %s addresses only, %s queries go on to the next rule: add an %s address, "
		 "or QTypeRule(DNSQType.%s) if that is meant",
		 a ? "IPv4" : "IPv6", a ? "AAAA" : "A", a ? "IPv6" : "IPv4", a ? "A" : "AAAA");
	lint->warn(policy_rule_place(rule), text);
}

static void chain_check(struct lint *lint)
{
	for (size_t i = 0; i < lint->rules->count; i++) {
		if (reach_check(lint, i))
			spoof_check(lint, i);
		if (lint->view.patience > 0)
			continue;
		lint->warn(policy_rule_place(rule_at(lint, i)),
			   "from here on rules were not compared with each other: they are too many");
		return;
	}
}

static bool prepare(struct lint *lint)
{
	lint->before = calloc(lint->rules->count + 1, sizeof(*lint->before));
	lint->anchors = policy_anchors_new();
	if (lint->before == NULL || lint->anchors == NULL)
		return false;
	for (size_t i = 0; i < lint->rules->count; i++) {
		const struct rule_action *action = action_at(lint, i);
		struct before *before = &lint->before[i];
		before->asks = asks_lua(rule_at(lint, i)->selector);
		before[1].edits = before->edits + edits(rule_at(lint, i));
		before[1].renames = before->renames + runs_lua(rule_at(lint, i));
		bool takes = ends(action) || action->kind == RULE_ACTION_SPOOF ||
			     action->kind == RULE_ACTION_TRUNCATE;
		if (takes && !policy_anchors_add(lint->anchors, rule_at(lint, i)->selector,
						 (uint32_t)i))
			return false;
	}
	return true;
}

void policy_lint(struct policy_model *model, policy_lint_fn *warn)
{
	for (unsigned chain = 0; chain < CHAIN_COUNT; chain++) {
		struct lint lint = {
			.rules = &model->chains[chain],
			.view = {.patience = PATIENCE},
			.warn = warn,
		};
		if (prepare(&lint))
			chain_check(&lint);
		policy_anchors_free(lint.anchors);
		free(lint.before);
	}
}
