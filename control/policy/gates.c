/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Gates of rules: a rule whose selector cannot be true unless one number of the packet, as its type
 * or opcode, has a certain value needs no more than that comparison to miss. Numbers and values of
 * a chain's rules lie side by side.
 */
#include "control/policy/model.h"

#define GATES_MIN 4u /* fewer cost less than the packet's numbers */

bool policy_selector_pure(const struct policy_selector *selector)
{
	for (size_t i = 0; i < selector->count; i++)
		if (!policy_selector_pure(selector->members[i]))
			return false;
	if (selector->node != NODE_TEST)
		return true;
	return selector->test.kind != RULE_TEST_MAX_QPS &&
	       selector->test.kind != RULE_TEST_MAX_QPS_IP &&
	       selector->test.kind != RULE_TEST_LUA && selector->test.kind != RULE_TEST_LUA_THREAD;
}

static bool test_gate(const struct rule_test *test, struct rule_gate *gate)
{
	switch ((enum rule_test_kind)test->kind) {
	case RULE_TEST_QTYPE:
		*gate = (struct rule_gate){RULE_NUMBER_QTYPE, test->value};
		return true;
	case RULE_TEST_QCLASS:
		*gate = (struct rule_gate){RULE_NUMBER_QCLASS, test->value};
		return true;
	case RULE_TEST_OPCODE:
		*gate = (struct rule_gate){RULE_NUMBER_OPCODE, test->value};
		return true;
	case RULE_TEST_RCODE:
		*gate = (struct rule_gate){RULE_NUMBER_RCODE, test->value};
		return true;
	case RULE_TEST_DST_PORT:
		*gate = (struct rule_gate){RULE_NUMBER_DST_PORT, test->value};
		return true;
	case RULE_TEST_RD:
		*gate = (struct rule_gate){RULE_NUMBER_RD, 1};
		return true;
	case RULE_TEST_DNSSEC:
		*gate = (struct rule_gate){RULE_NUMBER_DNSSEC, 1};
		return true;
	case RULE_TEST_TCP:
		*gate = (struct rule_gate){RULE_NUMBER_TCP, test->value != 0};
		return true;
	default:
		return false;
	}
}

/* What is asked before it must be pure: a token, say, is taken whatever comes behind. */
static bool gate_of(const struct policy_selector *selector, struct rule_gate *gate)
{
	if (selector->node == NODE_TEST)
		return test_gate(&selector->test, gate);
	if (selector->node != NODE_AND)
		return false;
	for (size_t i = 0; i < selector->count; i++) {
		if (gate_of(selector->members[i], gate))
			return true;
		if (!policy_selector_pure(selector->members[i]))
			return false;
	}
	return false;
}

bool policy_chain_gates(const struct policy_rules *from, struct rule_gate *gates)
{
	size_t count = 0;
	for (size_t i = 0; i < from->count; i++) {
		gates[i] = (struct rule_gate){RULE_NUMBER_NONE, 0};
		count += gate_of(from->rules[i]->selector, &gates[i]);
	}
	return count >= GATES_MIN;
}
