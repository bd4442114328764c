/* SPDX-License-Identifier: BSD-2-Clause */
/* What is said of selectors without a packet holds for packets. */
#include "control/policy/anchors.h"
#include "control/policy/covers.h"
#include "control/policy/lint.h"
#include "tests/unit/rule_samples.h"
#include "tests/unit/unit.h"

#define ROUNDS 100
#define SELECTORS 24
#define PACKETS 60
#define PATIENCE 100000u

static const uint16_t types[] = {DNS_TYPE_A, DNS_TYPE_AAAA, 16};

static struct rule_bench *bench;
static uint64_t state;

static void setup(void)
{
	bench = bench_new();
	state = 88172645463325252u;
}

static void teardown(void)
{
	bench_free(bench);
}

static uint32_t draw(uint32_t below)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)(state >> 32) % below;
}

static void name_draw(char *text)
{
	static const char *const labels[] = {"a.", "B.", "b.", "com."};
	unsigned count = draw(4);
	strcpy(text, count == 0 ? "." : "");
	for (unsigned i = 0; i < count; i++)
		strcat(text, labels[draw(RTE_DIM(labels))]);
}

static size_t wire_draw(uint8_t name[static DNS_NAME_MAX])
{
	char text[64];
	name_draw(text);
	return (size_t)dns_name_parse(text, strlen(text), name);
}

static struct policy_selector *names_draw(bool suffix)
{
	struct name_set *set = name_set_new();
	uint8_t name[DNS_NAME_MAX];
	for (unsigned i = draw(4); i > 0; i--)
		name_set_add(set, name, wire_draw(name));
	struct policy_selector *selector =
		suffix ? policy_selector_qname_suffix(bench->model, set)
		       : policy_selector_qname_set(bench->model, set);
	name_set_free(set);
	return selector;
}

static struct policy_selector *netmask_draw(void)
{
	static const char *const prefixes[] = {"192.0.2.0/24", "192.0.2.7/32", "!192.0.2.0/25",
					       "2001:db8::/32"};
	struct prefix_list list = {0};
	for (unsigned i = draw(3); i > 0; i--)
		ck_assert_int_eq(prefix_list_add_text(&list, prefixes[draw(RTE_DIM(prefixes))]), 0);
	struct policy_selector *selector =
		policy_selector_netmask(bench->model, &list, draw(2) == 0);
	prefix_list_clear(&list);
	return selector;
}

static struct policy_selector *test_draw(void)
{
	uint8_t name[DNS_NAME_MAX];
	size_t length = wire_draw(name);
	switch (draw(9)) {
	case 0:
		return policy_selector_all(bench->model);
	case 1:
		return policy_selector_qname(bench->model, name, length);
	case 2:
	case 3:
		return names_draw(draw(2) == 0);
	case 4:
		return netmask_draw();
	case 5:
		return policy_selector_window(bench->model, RULE_TEST_QNAME_LABELS, draw(2),
					      1 + draw(2));
	case 6:
		return policy_selector_tag(bench->model, "t", 1, draw(2) ? "v" : NULL, 1);
	default:
		return policy_selector_number(bench->model, RULE_TEST_QTYPE,
					      types[draw(RTE_DIM(types))]);
	}
}

static struct policy_selector *selector_draw(unsigned depth)
{
	struct policy_selector *members[3];
	size_t count = draw(4);
	if (depth == 0 || draw(2) == 0)
		return test_draw();
	for (size_t i = 0; i < count; i++)
		members[i] = selector_draw(depth - 1);
	switch (count == 0 ? draw(2) : draw(3)) {
	case 0:
		return policy_selector_and(bench->model, members, count);
	case 1:
		return policy_selector_or(bench->model, members, count);
	default:
		return policy_selector_not(bench->model, members[0]);
	}
}

static bool matched[PACKETS][SELECTORS];
static uint16_t asked[PACKETS];

/* Whether each selector is true for each of some packets, by running them. */
static void packets_run(void)
{
	static struct packet_sample packet;
	for (unsigned p = 0; p < PACKETS; p++) {
		uint64_t before[SELECTORS];
		char name[64];
		name_draw(name);
		asked[p] = types[draw(RTE_DIM(types))];
		packet_sample_query(&packet, name, asked[p], false);
		if (draw(2))
			tag_set(&packet.packet.query.notes, "t", 1, draw(2) ? "v" : "w", 1);
		for (unsigned i = 0; i < SELECTORS; i++)
			before[i] = policy_rule_hits(bench->model,
						     policy_rule_at(bench->model, CHAIN_QUERY, i));
		ck_assert_int_eq(bench_run(bench, CHAIN_QUERY, &packet, 0), RULE_NEXT);
		for (unsigned i = 0; i < SELECTORS; i++)
			matched[p][i] = policy_rule_hits(bench->model,
							 policy_rule_at(bench->model, CHAIN_QUERY,
									i)) > before[i];
		notes_free(&packet.packet.query.notes);
	}
}

static const struct policy_selector *selector_at(unsigned index)
{
	return policy_rule_selector(policy_rule_at(bench->model, CHAIN_QUERY, index));
}

/* How many selectors are said to cover another one; fails where a packet knows better. */
static unsigned pairs_check(uint16_t qtype)
{
	unsigned covered = 0;
	for (unsigned a = 0; a < SELECTORS; a++)
		for (unsigned b = 0; b < SELECTORS; b++) {
			struct policy_view view = {PATIENCE, qtype, true};
			bool covers = policy_covers(selector_at(a), selector_at(b), &view);
			bool may = policy_may_match(selector_at(b), &view);
			covered += covers && a != b;
			for (unsigned p = 0; p < PACKETS; p++) {
				if (qtype != 0 && asked[p] != qtype)
					continue;
				if (matched[p][b] && ((covers && !matched[p][a]) || !may))
					ck_abort_msg("selector %u and %u", a, b);
			}
		}
	return covered;
}

static bool found(const uint32_t *rules, size_t count, unsigned rule)
{
	for (size_t i = 0; i < count; i++)
		if (rules[i] == rule)
			return true;
	return false;
}

/* What covers a selector is found by it. How many pairs did not have to be compared. */
static unsigned anchors_check(uint16_t qtype)
{
	struct policy_anchors *anchors = policy_anchors_new();
	unsigned spared = 0;
	for (unsigned a = 0; a < SELECTORS; a++)
		ck_assert(policy_anchors_add(anchors, selector_at(a), a));
	for (unsigned b = 0; b < SELECTORS; b++) {
		struct policy_view view = {PATIENCE, qtype, true};
		const uint32_t *rules;
		size_t count = policy_anchors_find(anchors, selector_at(b), &rules);
		ck_assert_uint_le(count, SELECTORS);
		for (size_t i = 1; i < count; i++)
			ck_assert_uint_lt(rules[i - 1], rules[i]);
		spared += SELECTORS - (unsigned)count;
		for (unsigned a = 0; a < SELECTORS && policy_may_match(selector_at(b), &view); a++)
			ck_assert_msg(!policy_covers(selector_at(a), selector_at(b), &view) ||
					      found(rules, count, a),
				      "selector %u covers %u, and is not found", a, b);
	}
	policy_anchors_free(anchors);
	return spared;
}

START_TEST(what_covers_matches)
{
	unsigned covered = 0, spared = 0;
	for (unsigned round = 0; round < ROUNDS; round++) {
		policy_rules_clear(bench->model, CHAIN_QUERY);
		for (unsigned i = 0; i < SELECTORS; i++)
			bench_rule(bench, CHAIN_QUERY, selector_draw(3),
				   policy_action_plain(bench->model, RULE_ACTION_NONE));
		bench_compile(bench);
		packets_run();
		covered += pairs_check(0);
		covered += pairs_check(types[round % RTE_DIM(types)]);
		spared += anchors_check(0);
		anchors_check(types[round % RTE_DIM(types)]);
	}
	ck_assert_uint_gt(spared, ROUNDS * SELECTORS);
	ck_assert_uint_gt(covered, ROUNDS * SELECTORS);
}
END_TEST

static unsigned warnings;

static void warned(const char *place, const char *text)
{
	ck_assert_str_eq(place, "covered");
	ck_assert_ptr_nonnull(strstr(text, "never reached: that of covering "));
	warnings++;
}

/* Each name is asked for in three ways, by rules of which those that follow are covered. */
static void name_rules(unsigned number)
{
	static const char *const places[] = {"?", "covering", "covered", "covered"};
	char text[32];
	uint8_t name[DNS_NAME_MAX];
	snprintf(text, sizeof(text), "www.host%u.example.", number);
	size_t length = (size_t)dns_name_parse(text, strlen(text), name);
	struct name_set *set = name_set_new();
	name_set_add(set, name + 4, length - 4);
	struct policy_model *m = bench->model;
	struct policy_selector *exact = policy_selector_qname(m, name, length);
	struct policy_selector *pair[] = {policy_selector_number(m, RULE_TEST_QTYPE, 16), exact};
	struct policy_selector *selectors[] = {exact, policy_selector_qname_suffix(m, set), exact,
					       policy_selector_and(m, pair, 2)};
	name_set_free(set);
	for (unsigned i = 0; i < RTE_DIM(selectors); i++) {
		enum rule_action_kind kind = i == 0 ? RULE_ACTION_NONE : RULE_ACTION_DROP;
		struct policy_rule *rule =
			policy_rule_add(m, CHAIN_QUERY, POLICY_RULE_LAST, selectors[i],
					policy_action_plain(m, kind), NULL, NULL);
		policy_rule_place_set(rule, places[i]);
	}
}

/* All of a long chain is looked at: each with each would be more than there is patience for. */
START_TEST(long_chains_are_looked_at)
{
	for (unsigned i = 0; i < 10000; i++)
		name_rules(i);
	warnings = 0;
	policy_lint(bench->model, warned);
	ck_assert_uint_eq(warnings, 20000);
}
END_TEST

/* Selectors that are large are no reason to take long. */
START_TEST(patience_ends)
{
	struct policy_selector *left = policy_selector_tag(bench->model, "a", 1, NULL, 0);
	struct policy_selector *right = policy_selector_tag(bench->model, "b", 1, NULL, 0);
	for (unsigned i = 0; i < 20; i++) {
		struct policy_selector *pair[] = {left, right};
		left = policy_selector_or(bench->model, pair, i % 2 + 1);
		right = policy_selector_and(bench->model, pair, i % 2 + 1);
	}
	struct policy_view view = {PATIENCE, 0, true};
	policy_covers(right, left, &view);
	policy_covers(left, right, &view);
	view.patience = 0;
	ck_assert(!policy_covers(policy_selector_all(bench->model), left, &view));
	ck_assert(policy_may_match(left, &view));
}
END_TEST

static Suite *suite(void)
{
	Suite *made = suite_create("policy_covers");
	TCase *covers = tcase_create("covers");
	tcase_add_checked_fixture(covers, setup, teardown);
	tcase_add_test(covers, what_covers_matches);
	tcase_add_test(covers, long_chains_are_looked_at);
	tcase_add_test(covers, patience_ends);
	suite_add_tcase(made, covers);
	return made;
}

UNIT_MAIN(suite)
