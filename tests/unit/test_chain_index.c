/* SPDX-License-Identifier: BSD-2-Clause */
/* A chain with its index does what the same chain does when every rule is asked. */
#include "dataplane/rules/chain_index.h"
#include "tests/unit/rule_samples.h"
#include "tests/unit/unit.h"

#define ROUNDS 200
#define RULES 40
#define QUERIES 60

static struct rule_bench *bench;
static uint64_t state;
static bool expressions; /* what is drawn has some */

static void setup(void)
{
	bench = bench_new();
	state = 88172645463325252u;
	expressions = false;
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

/* Few labels, so that names meet often; of either case. */
static void name_draw(char *text)
{
	static const char *const labels[] = {"a.", "B.", "b.", "com.", "Com.", "example."};
	unsigned count = draw(6);
	text[0] = 0;
	for (unsigned i = 0; i < count; i++)
		strcat(text, labels[draw(RTE_DIM(labels))]);
	if (count == 0)
		strcpy(text, ".");
}

static size_t wire_draw(uint8_t name[static DNS_NAME_MAX])
{
	char text[64];
	name_draw(text);
	return (size_t)dns_name_parse(text, strlen(text), name);
}

static struct policy_selector *names_draw(void)
{
	struct name_set *set = name_set_new();
	uint8_t name[DNS_NAME_MAX];
	for (unsigned i = draw(4); i > 0; i--)
		name_set_add(set, name, wire_draw(name));
	struct policy_selector *selector = draw(2)
						   ? policy_selector_qname_suffix(bench->model, set)
						   : policy_selector_qname_set(bench->model, set);
	name_set_free(set);
	return selector;
}

/* One that shares text with the names, or one that all names match. */
static enum regex_kind expression_draw(char text[static 64])
{
	static const char *const parts[] = {"^a", "b", "example", "\\.com$", "[ab]\\.[ab]", "", "x+",
					    "(a|b)*\\.example", "^$", "EXAMPLE", "com"};
	snprintf(text, 64, "%s%s", parts[draw(RTE_DIM(parts))], draw(4) ? "" : "|^b");
	return draw(3) ? REGEX_SEARCH : REGEX_FULL;
}

static struct policy_selector *regex_draw(void)
{
	char error[200], text[64];
	enum regex_kind kind = expression_draw(text);
	struct policy_selector *selector =
		policy_selector_regex(bench->model, text, kind, error, sizeof(error));
	ck_assert_msg(selector != NULL, "%s", error);
	return selector;
}

/* What a gate may be made of, and two things that it may not. */
static struct policy_selector *number_draw(void)
{
	static const struct {
		enum rule_test_kind kind;
		uint16_t first, count;
	} kinds[] = {{RULE_TEST_QTYPE, 1, 2},	{RULE_TEST_QCLASS, 1, 2}, {RULE_TEST_OPCODE, 0, 2},
		     {RULE_TEST_RCODE, 0, 2},	{RULE_TEST_RD, 0, 1},	  {RULE_TEST_DNSSEC, 0, 1},
		     {RULE_TEST_TCP, 0, 2},	{RULE_TEST_DST_PORT, 53, 2},
		     {RULE_TEST_EDNS_VERSION, 0, 1}, {RULE_TEST_TRAILING_DATA, 0, 1}};
	unsigned i = draw(RTE_DIM(kinds));
	return policy_selector_number(bench->model, kinds[i].kind,
				      (uint16_t)(kinds[i].first + draw(kinds[i].count)));
}

static struct policy_selector *selector_draw(unsigned depth)
{
	struct policy_model *model = bench->model;
	struct policy_selector *members[3];
	uint8_t name[DNS_NAME_MAX];
	size_t count = draw(4);

	if (expressions && draw(3) == 0)
		return regex_draw();
	switch (draw(depth > 2 ? 4 : 8)) {
	case 0:
	case 1:
		return policy_selector_qname(model, name, wire_draw(name));
	case 2:
		return names_draw();
	case 3:
		return number_draw();
	case 4:
		return policy_selector_not(model, selector_draw(depth + 1));
	default:
		for (size_t i = 0; i < count && i < 3; i++)
			members[i] = selector_draw(depth + 1);
		count = RTE_MIN(count, (size_t)3);
		return draw(2) ? policy_selector_and(model, members, count)
			       : policy_selector_or(model, members, count);
	}
}

/* What the chain does to the packet: its verdict and which rules it met. */
static enum rule_verdict outcome(struct packet_sample *packet, uint16_t cursor, uint64_t *met)
{
	const struct rule_chain *chain = &bench->policy->chains[CHAIN_QUERY];
	for (uint16_t i = 0; i < chain->count; i++)
		bench->hits[chain->rules[i].hit_slot] = 0;
	enum rule_verdict verdict = bench_run(bench, CHAIN_QUERY, packet, cursor);
	*met = 0;
	for (uint16_t i = 0; i < chain->count; i++)
		*met |= bench->hits[chain->rules[i].hit_slot] << i;
	return verdict;
}

static void packet_compare(struct rule_chain *chain, uint16_t cursor)
{
	struct packet_sample with, without;
	uint64_t met_with, met_without;
	char text[64];

	name_draw(text);
	packet_sample_query(&with, text, (uint16_t)(1 + draw(2)), false);
	with.packet.query.qclass = (uint16_t)(1 + draw(2));
	with.packet.query.flags ^= draw(2) ? QUERY_TCP : 0;
	with.packet.query.flags ^= draw(2) ? QUERY_DO : 0;
	with.packet.query.local_port = (uint16_t)(53 + draw(2));
	packet_dns(&with.mbuf)[2] ^= draw(2) ? 1 : 0; /* RD */
	packet_dns(&with.mbuf)[2] |= draw(2) ? 1 << 3 : 0; /* the opcode */
	without = with;
	without.mbuf.buf_addr = without.buffer;
	enum rule_verdict verdict = outcome(&with, cursor, &met_with);
	struct rule_chain whole = *chain;
	chain->index = NULL;
	chain->gates = NULL;
	ck_assert_int_eq(outcome(&without, cursor, &met_without), verdict);
	*chain = whole;
	ck_assert_uint_eq(met_with, met_without);
	if (verdict == RULE_DROP)
		ck_assert_uint_eq(with.packet.rule_cursor, without.packet.rule_cursor);
}

/* Some make an answer of the query, with a code that rules behind may ask for. */
static struct policy_action *action_draw(void)
{
	struct policy_model *model = bench->model;
	if (draw(8) == 0)
		return policy_action_continue(model, policy_action_rcode(model, 1, NULL));
	return policy_action_plain(model, draw(4) ? RULE_ACTION_NONE : RULE_ACTION_DROP);
}

static void rules_draw(unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		bench_rule(bench, CHAIN_QUERY, selector_draw(0), action_draw());
}

static void chain_compare(void)
{
	for (unsigned i = 0; i < QUERIES; i++)
		packet_compare(&bench->policy->chains[CHAIN_QUERY],
			       (uint16_t)(draw(3) ? 0 : draw(RULES + 1)));
}

START_TEST(the_index_changes_nothing)
{
	unsigned indexed = 0, gated = 0;
	for (unsigned round = 0; round < ROUNDS; round++) {
		policy_rules_clear(bench->model, CHAIN_QUERY);
		rules_draw(RULES);
		bench_compile(bench);
		indexed += bench->policy->chains[CHAIN_QUERY].index != NULL;
		gated += bench->policy->chains[CHAIN_QUERY].gates != NULL;
		chain_compare();
	}
	ck_assert_uint_gt(indexed, ROUNDS / 2);
	ck_assert_uint_gt(gated, ROUNDS / 2);
}
END_TEST

/* The set outlives changes of the chain: some of its expressions are gone then, others not in it. */
START_TEST(the_expressions_set_changes_nothing)
{
	unsigned sets = 0, driven = 0;
	expressions = true;
	policy_registry_lcores_set(bench->registry, 1);
	for (unsigned round = 0; round < ROUNDS / 2; round++) {
		if (round % 5 == 0) {
			policy_rules_clear(bench->model, CHAIN_QUERY);
			rules_draw(RULES - 8);
		} else {
			for (unsigned i = 0; i < 4; i++)
				policy_rule_remove(bench->model, CHAIN_QUERY, draw(20));
			rules_draw(4);
		}
		bench_compile(bench);
		const struct chain_regexes *set = bench->policy->chains[CHAIN_QUERY].regexes;
		sets += set != NULL;
		driven += set != NULL && chain_regexes_next(set, set->driven, 0) != CHAIN_NO_RULE;
		chain_compare();
	}
	ck_assert_uint_gt(sets, ROUNDS / 4);
	ck_assert_uint_gt(driven, ROUNDS / 4);
}
END_TEST

static void found_mark(void *data, unsigned place)
{
	((bool *)data)[place] = true;
}

/* Where expressions are in a set nobody compiles them alone, so that chains cannot tell. */
START_TEST(a_set_finds_what_each_finds_alone)
{
	enum { COUNT = 40 };
	char texts[COUNT][64], error[200], name[64];
	struct regex_source sources[COUNT];
	struct regex_code codes[COUNT + 1];
	const struct regex *placed[COUNT + 1];
	struct hs_scratch *scratch = NULL;
	unsigned matched = 0;
	int culprit;
	for (unsigned i = 0; i < COUNT; i++) {
		enum regex_kind kind = expression_draw(texts[i]);
		sources[i] = (struct regex_source){texts[i], kind};
		ck_assert_int_eq(regex_compile(texts[i], kind, &codes[i], error, sizeof(error)), 0);
	}
	ck_assert_int_eq(regex_set_compile(sources, COUNT, &codes[COUNT], &culprit, error, sizeof(error)), 0);
	for (unsigned i = 0; i <= COUNT; i++) {
		placed[i] = regex_place(&codes[i], aligned_alloc(64, RTE_ALIGN_CEIL(regex_size(&codes[i]), 64)));
		ck_assert_int_eq(regex_scratch_fit(placed[i], &scratch), 0);
	}
	for (unsigned n = 0; n < QUERIES * 10; n++) {
		bool found[COUNT] = {false};
		name_draw(name);
		regex_set_match(placed[COUNT], name, strlen(name), scratch, found_mark, found);
		for (unsigned i = 0; i < COUNT; i++) {
			ck_assert_int_eq(regex_match(placed[i], name, strlen(name), scratch), found[i]);
			matched += found[i];
		}
	}
	ck_assert_uint_gt(matched, QUERIES);
	for (unsigned i = 0; i <= COUNT; i++) {
		free((void *)(uintptr_t)placed[i]);
		regex_code_free(&codes[i]);
	}
	regex_scratch_free(scratch);
}
END_TEST

/* Thousands are one set: each is found, and what asks for it. */
START_TEST(expressions_are_as_many_as_a_policy_has)
{
	enum { COUNT = 4200 }; /* of numbers of more than twelve bits */
	char texts[COUNT][16], error[200];
	struct regex_source sources[COUNT];
	struct chain_regex_need needs[COUNT];
	static struct chain_regexes_found found;
	struct regex_code code;
	struct hs_scratch *scratch = NULL;
	for (unsigned i = 0; i < COUNT; i++) {
		snprintf(texts[i], sizeof(texts[i]), "ad%ux", i);
		sources[i] = (struct regex_source){texts[i], REGEX_SEARCH};
		needs[i] = (struct chain_regex_need){(uint16_t)i, (uint16_t)(COUNT - 1 - i)};
	}
	int culprit;
	ck_assert_int_eq(regex_set_compile(sources, COUNT, &code, &culprit, error, sizeof(error)), 0);
	void *memory = aligned_alloc(64, RTE_ALIGN_CEIL(regex_size(&code), 64));
	const struct regex *set = regex_place(&code, memory);
	ck_assert_int_eq(regex_scratch_fit(set, &scratch), 0);
	struct chain_regexes *regexes = chain_regexes_new(set, COUNT, needs, COUNT, COUNT);
	ck_assert_ptr_nonnull(regexes);
	for (unsigned i = 0; i < COUNT; i += 7) {
		chain_regexes_scan(regexes, texts[i], strlen(texts[i]), scratch, &found);
		ck_assert(chain_regexes_has(&found, (uint16_t)i));
		ck_assert_uint_eq(chain_regexes_next(regexes, found.rules, 0), COUNT - 1 - i);
		ck_assert_uint_eq(chain_regexes_next(regexes, found.rules, (uint16_t)(COUNT - i)),
				  UINT16_MAX);
	}
	chain_regexes_free(regexes);
	regex_scratch_free(scratch);
	regex_code_free(&code);
	free(memory);
}
END_TEST

/* Changes that leave most expressions as they are do not have the set compiled anew. */
START_TEST(the_expressions_set_is_kept)
{
	char text[32], error[200];
	const struct regex *set[3];
	policy_registry_lcores_set(bench->registry, 1);
	for (unsigned i = 0; i < 100; i++) {
		snprintf(text, sizeof(text), "^ad%u\\.", i);
		bench_rule(bench, CHAIN_QUERY,
			   policy_selector_regex(bench->model, text, REGEX_SEARCH, error,
						 sizeof(error)),
			   policy_action_plain(bench->model, RULE_ACTION_DROP));
		bench_compile(bench);
		if (i >= 90 && i < 93)
			set[i - 90] = bench->policy->chains[CHAIN_QUERY].regexes->set;
	}
	ck_assert_ptr_eq(set[0], set[1]);
	ck_assert_ptr_eq(set[1], set[2]);
	struct packet_sample packet;
	for (unsigned i = 0; i < 110; i++) { /* those in the set and those behind it alike */
		snprintf(text, sizeof(text), "AD%u.example", i);
		packet_sample_query(&packet, text, DNS_TYPE_A, false);
		ck_assert_int_eq(bench_run(bench, CHAIN_QUERY, &packet, 0),
				 i < 100 ? RULE_DROP : RULE_NEXT);
		if (i < 100)
			ck_assert_uint_eq(packet.packet.rule_cursor, i);
	}
	while (policy_rules_count(bench->model, CHAIN_QUERY) > 3)
		policy_rule_remove(bench->model, CHAIN_QUERY, 0);
	bench_compile(bench);
	ck_assert_ptr_null(bench->policy->chains[CHAIN_QUERY].regexes);
}
END_TEST

static struct policy_selector *exact(const char *text)
{
	uint8_t name[DNS_NAME_MAX];
	size_t length = (size_t)dns_name_parse(text, strlen(text), name);
	return policy_selector_qname(bench->model, name, length);
}

/* Rules whose selectors are for names, by what comes before the name. */
static bool indexed_behind(struct policy_selector *first)
{
	policy_rules_clear(bench->model, CHAIN_QUERY);
	for (unsigned i = 0; i < 8; i++) {
		struct policy_selector *members[] = {first, exact("a.example.")};
		bench_rule(bench, CHAIN_QUERY, policy_selector_and(bench->model, members, 2),
			   policy_action_plain(bench->model, RULE_ACTION_NONE));
	}
	bench_compile(bench);
	return bench->policy->chains[CHAIN_QUERY].index != NULL;
}

START_TEST(what_has_an_effect_is_asked)
{
	struct policy_model *m = bench->model;
	ck_assert(indexed_behind(policy_selector_number(m, RULE_TEST_QTYPE, 1)));
	struct rate_limit limit = {.period = 1, .depth = 100};
	ck_assert(!indexed_behind(policy_selector_rate(m, limit)));
	ck_assert(!indexed_behind(policy_selector_client_rate(m, limit, 32, 64, 10)));
	ck_assert(!indexed_behind(policy_selector_lua(m, 1, false)));
	ck_assert(!indexed_behind(policy_selector_not(m, policy_selector_rate(m, limit))));
}
END_TEST

/* A token is taken for all packets, whatever is asked of them behind it; not for those before. */
START_TEST(gates_leave_rates_their_tokens)
{
	struct policy_model *m = bench->model;
	struct rate_limit limit = {.period = 1u << 30, .depth = 1u << 30};
	struct packet_sample packet;
	for (unsigned i = 0; i < 8; i++) {
		struct policy_selector *rate = policy_selector_rate(m, limit);
		struct policy_selector *type = policy_selector_number(m, RULE_TEST_QTYPE, DNS_TYPE_A);
		struct policy_selector *members[] = {i < 4 ? type : rate, i < 4 ? rate : type};
		bench_rule(bench, CHAIN_QUERY, policy_selector_and(m, members, 2),
			   policy_action_plain(m, RULE_ACTION_NONE));
	}
	bench_compile(bench);
	ck_assert_ptr_nonnull(bench->policy->chains[CHAIN_QUERY].gates);
	packet_sample_query(&packet, "a.example.", DNS_TYPE_AAAA, false);
	bench_run(bench, CHAIN_QUERY, &packet, 0);
	packet_sample_query(&packet, "a.example.", DNS_TYPE_A, false);
	bench_run(bench, CHAIN_QUERY, &packet, 0);
	for (unsigned i = 0; i < 8; i++) {
		uint32_t slot = bench->policy->chains[CHAIN_QUERY].rules[i].hit_slot;
		ck_assert_uint_eq(bench->hits[slot], i < 4);
	}
}
END_TEST

/* A name that meets more lists than are kept has all rules asked. */
START_TEST(a_deep_name_meets_every_rule)
{
	struct packet_sample packet;
	char text[256] = "";
	for (unsigned i = 0; i < CHAIN_SPANS_MAX + 4; i++) {
		struct name_set *set = name_set_new();
		uint8_t name[DNS_NAME_MAX];
		strcat(text, "x.");
		name_set_add(set, name, (size_t)dns_name_parse(text, strlen(text), name));
		bench_rule(bench, CHAIN_QUERY, policy_selector_qname_suffix(bench->model, set),
			   policy_action_plain(bench->model, RULE_ACTION_NONE));
		name_set_free(set);
	}
	bench_compile(bench);
	ck_assert_ptr_nonnull(bench->policy->chains[CHAIN_QUERY].index);
	packet_sample_query(&packet, text, DNS_TYPE_A, false);
	ck_assert_int_eq(bench_run(bench, CHAIN_QUERY, &packet, 0), RULE_NEXT);
	for (uint16_t i = 0; i < CHAIN_SPANS_MAX + 4; i++)
		ck_assert_uint_eq(
			bench->hits[bench->policy->chains[CHAIN_QUERY].rules[i].hit_slot], 1);
}
END_TEST

/* Rules for no name at all are never asked. */
START_TEST(empty_sets_match_nothing)
{
	struct packet_sample packet;
	struct name_set *none = name_set_new();
	for (unsigned i = 0; i < 8; i++)
		bench_rule(bench, CHAIN_QUERY, policy_selector_qname_suffix(bench->model, none),
			   policy_action_plain(bench->model, RULE_ACTION_DROP));
	name_set_free(none);
	bench_compile(bench);
	ck_assert_ptr_nonnull(bench->policy->chains[CHAIN_QUERY].index);
	packet_sample_query(&packet, "a.example", DNS_TYPE_A, false);
	ck_assert_int_eq(bench_run(bench, CHAIN_QUERY, &packet, 0), RULE_NEXT);
}
END_TEST

static Suite *chain_index_suite(void)
{
	Suite *suite = suite_create("chain_index");
	TCase *tests = tcase_create("chain_index");
	tcase_set_timeout(tests, 30);
	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, gates_leave_rates_their_tokens);
	tcase_add_test(tests, the_index_changes_nothing);
	tcase_add_test(tests, the_expressions_set_changes_nothing);
	tcase_add_test(tests, a_set_finds_what_each_finds_alone);
	tcase_add_test(tests, expressions_are_as_many_as_a_policy_has);
	tcase_add_test(tests, the_expressions_set_is_kept);
	tcase_add_test(tests, what_has_an_effect_is_asked);
	tcase_add_test(tests, a_deep_name_meets_every_rule);
	tcase_add_test(tests, empty_sets_match_nothing);
	suite_add_tcase(suite, tests);
	return suite;
}

UNIT_MAIN(chain_index_suite)
