/* SPDX-License-Identifier: BSD-2-Clause */
#include "dataplane/rules/answers.h"
#include "tests/unit/rule_samples.h"
#include "tests/unit/unit.h"

static struct rule_bench *bench;
static struct packet_sample packet;

static void setup(void)
{
	bench = bench_new();
	packet_sample_query(&packet, "www.Example.com", DNS_TYPE_A, true);
}

static void teardown(void)
{
	notes_free(&packet.packet.query.notes);
	bench_free(bench);
}

static struct policy_selector *sel_qname(const char *text)
{
	uint8_t name[DNS_NAME_MAX];
	int length = dns_name_parse(text, strlen(text), name);
	return policy_selector_qname(bench->model, name, (size_t)length);
}

static struct policy_selector *sel_names(const char *text, bool suffix)
{
	uint8_t name[DNS_NAME_MAX];
	struct name_set *set = name_set_new();
	int length = dns_name_parse(text, strlen(text), name);
	ck_assert_int_eq(name_set_add(set, name, (size_t)length), 0);
	struct policy_selector *selector = suffix ? policy_selector_qname_suffix(bench->model, set)
						  : policy_selector_qname_set(bench->model, set);
	name_set_free(set);
	return selector;
}

static struct policy_selector *sel_net(const char *text, bool destination)
{
	struct prefix_list list = {0};
	ck_assert_int_eq(prefix_list_add_text(&list, text), 0);
	struct policy_selector *selector =
		policy_selector_netmask(bench->model, &list, destination);
	prefix_list_clear(&list);
	return selector;
}

static struct policy_selector *number(enum rule_test_kind kind, uint16_t value)
{
	return policy_selector_number(bench->model, kind, value);
}

/* Whether the query rules match the sample packet. */
static bool matches(struct policy_selector *selector)
{
	policy_rules_clear(bench->model, CHAIN_QUERY);
	bench_rule(bench, CHAIN_QUERY, selector,
		   policy_action_plain(bench->model, RULE_ACTION_DROP));
	bench_compile(bench);
	return bench_run(bench, CHAIN_QUERY, &packet, 0) == RULE_DROP;
}

START_TEST(every_selector_matches_and_misses)
{
	struct policy_model *m = bench->model;
	ck_assert(matches(policy_selector_all(m)));
	ck_assert(matches(sel_qname("WWW.example.COM.")));
	ck_assert(!matches(sel_qname("example.com")));
	ck_assert(matches(sel_names("www.example.com", false)));
	ck_assert(!matches(sel_names("example.com", false)));
	ck_assert(matches(sel_names("EXAMPLE.com", true)));
	ck_assert(matches(sel_names(".", true)));
	ck_assert(!matches(sel_names("ample.com", true)));
	ck_assert(!matches(sel_names("a.www.example.com", true)));
	ck_assert(matches(number(RULE_TEST_QTYPE, DNS_TYPE_A)));
	ck_assert(!matches(number(RULE_TEST_QTYPE, DNS_TYPE_AAAA)));
	ck_assert(matches(number(RULE_TEST_QCLASS, DNS_CLASS_IN)));
	ck_assert(!matches(number(RULE_TEST_QCLASS, DNS_CLASS_CHAOS)));
	ck_assert(matches(number(RULE_TEST_OPCODE, 0)));
	ck_assert(!matches(number(RULE_TEST_OPCODE, 4)));
	ck_assert(matches(number(RULE_TEST_RCODE, 0)));
	ck_assert(!matches(number(RULE_TEST_RCODE, 3)));
	ck_assert(matches(number(RULE_TEST_TCP, 0)));
	ck_assert(!matches(number(RULE_TEST_TCP, 1)));
	ck_assert(matches(number(RULE_TEST_DST_PORT, 53)));
	ck_assert(!matches(number(RULE_TEST_DST_PORT, 54)));
	ck_assert(matches(number(RULE_TEST_RD, 1)));
	ck_assert(matches(number(RULE_TEST_DNSSEC, 1)));
	ck_assert(matches(sel_net("192.0.2.0/24", false)));
	ck_assert(!matches(sel_net("192.0.2.0/24", true)));
	ck_assert(matches(sel_net("198.51.100.1", true)));
	ck_assert(!matches(sel_net("c000:207::/32", false)));
	ck_assert(!matches(policy_selector_window(m, RULE_TEST_QNAME_LABELS, 1, 3)));
	ck_assert(matches(policy_selector_window(m, RULE_TEST_QNAME_LABELS, 4, 9)));
	ck_assert(!matches(policy_selector_window(m, RULE_TEST_QNAME_LENGTH, 17, 17)));
	ck_assert(matches(policy_selector_window(m, RULE_TEST_QNAME_LENGTH, 0, 16)));
	ck_assert(matches(policy_selector_records(m, DNS_SECTION_ADDITIONAL, 1, 1)));
	ck_assert(!matches(policy_selector_records(m, DNS_SECTION_ANSWER, 1, 9)));
	ck_assert(matches(policy_selector_probability(m, 1.0)));
	ck_assert(!matches(policy_selector_probability(m, 0.0)));
	packet_sample_query(&packet, "www.example.com", DNS_TYPE_A, false);
	dns_header_of(packet_dns(&packet.mbuf))->rd = 0;
	ck_assert(!matches(number(RULE_TEST_RD, 1)));
	ck_assert(!matches(number(RULE_TEST_DNSSEC, 1)));
}
END_TEST

START_TEST(tags_are_matched)
{
	struct policy_model *m = bench->model;
	ck_assert(!matches(policy_selector_tag(m, "k", 1, NULL, 0)));
	ck_assert_int_eq(tag_set(&packet.packet.query.notes, "k", 1, "a\0b", 3), 0);
	ck_assert(matches(policy_selector_tag(m, "k", 1, NULL, 0)));
	ck_assert(matches(policy_selector_tag(m, "k", 1, "a\0b", 3)));
	ck_assert(!matches(policy_selector_tag(m, "k", 1, "a\0c", 3)));
	ck_assert(!matches(policy_selector_tag(m, "k", 1, "", 0)));
}
END_TEST

START_TEST(probability_is_kept)
{
	unsigned n = 0;
	matches(policy_selector_probability(bench->model, 0.25));
	for (int i = 0; i < 10000; i++)
		n += bench_run(bench, CHAIN_QUERY, &packet, 0) == RULE_DROP;
	ck_assert_uint_gt(n, 2200);
	ck_assert_uint_lt(n, 2800);
}
END_TEST

START_TEST(ipv6_clients_and_lost_questions)
{
	struct sample dns;
	sample_query(&dns, "x.example", DNS_TYPE_A, false, false);
	packet_sample_set(&packet, &dns, "2001:db8::7", "2001:db8::53");
	ck_assert(matches(sel_net("2001:db8::/64", false)));
	ck_assert(!matches(sel_net("32.1.13.184/32", false)));
	packet_dns_resize(&packet.mbuf, DNS_HEADER_SIZE);
	ck_assert(!matches(sel_names("example", true)));
	ck_assert(matches(sel_qname(".")));
}
END_TEST

/* And, Or and Not against their truth tables, for every mix of four leaves. */
START_TEST(nesting_is_what_logic_says)
{
	struct policy_model *m = bench->model;
	struct policy_selector *yes = number(RULE_TEST_QTYPE, DNS_TYPE_A);
	struct policy_selector *no = number(RULE_TEST_QTYPE, DNS_TYPE_MX);
	for (unsigned bits = 0; bits < 16; bits++) {
		bool v[4];
		struct policy_selector *s[4];
		for (unsigned i = 0; i < 4; i++) {
			v[i] = bits >> i & 1;
			s[i] = v[i] ? yes : no;
		}
		struct policy_selector *left[] = {s[0], policy_selector_not(m, s[1])};
		struct policy_selector *right[] = {s[2], s[3]};
		struct policy_selector *both[] = {policy_selector_and(m, left, 2),
						  policy_selector_or(m, right, 2)};
		bool l = v[0] && !v[1], r = v[2] || v[3];
		ck_assert_int_eq(matches(policy_selector_or(m, both, 2)), l || r);
		ck_assert_int_eq(matches(policy_selector_and(m, both, 2)), l && r);
		struct policy_selector *neither =
			policy_selector_not(m, policy_selector_or(m, both, 2));
		ck_assert_int_eq(matches(neither), !(l || r));
		ck_assert_int_eq(matches(policy_selector_and(m, s, 4)), bits == 15);
		ck_assert_int_eq(matches(policy_selector_or(m, s, 4)), bits != 0);
	}
	ck_assert(matches(policy_selector_and(m, NULL, 0)));
	ck_assert(!matches(policy_selector_or(m, NULL, 0)));
	struct policy_selector *odd[] = {policy_selector_or(m, NULL, 0), yes};
	struct policy_selector *dead = policy_selector_and(m, odd, 2);
	struct policy_selector *top[] = {dead, policy_selector_all(m)};
	ck_assert(!matches(dead));
	ck_assert(matches(policy_selector_or(m, top, 2)));
}
END_TEST

START_TEST(nesting_has_a_limit)
{
	struct policy_selector *pair[2], *top = policy_selector_and(bench->model, NULL, 0);
	unsigned levels = 0;
	while (top && levels < 300) {
		pair[0] = pair[1] = top;
		top = policy_selector_and(bench->model, pair, 2);
		levels++;
	}
	ck_assert_uint_eq(levels, 16); /* 2^16 tests are too many */
	top = policy_selector_all(bench->model);
	for (levels = 0; top && levels < 300; levels++)
		top = policy_selector_not(bench->model, top);
	ck_assert_uint_eq(levels, 201);
}
END_TEST

static enum rule_verdict act(enum chain_id chain, struct policy_action *action)
{
	bench_rule(bench, chain, policy_selector_all(bench->model), action);
	bench_compile(bench);
	return bench_run(bench, chain, &packet, 0);
}

static const struct dns_header *header(void)
{
	return dns_header_peek(packet_dns(&packet.mbuf));
}

static struct dns_record answer_record(unsigned index)
{
	return sample_record(packet_dns(&packet.mbuf), packet.packet.dns_length, index);
}

START_TEST(rcode_answers)
{
	struct dns_reply_options options = {.set_aa = true, .aa = true, .set_ra = true};
	ck_assert_int_eq(act(CHAIN_QUERY, policy_action_rcode(bench->model, 5, &options)),
			 RULE_ANSWER);
	ck_assert(header()->qr && header()->aa && header()->rd && !header()->ra);
	ck_assert_uint_eq(header()->rcode, DNS_RCODE_REFUSED);
	ck_assert_uint_eq(header()->id, htons(0x1234));
	ck_assert_uint_eq(packet.packet.dns_length, 12 + 17 + 4 + DNS_OPT_SIZE);
	ck_assert_uint_eq(packet.mbuf.data_len, 42 + packet.packet.dns_length);
	ck_assert_uint_eq(answer_record(0).rclass, DNS_EDNS_UDP_SIZE);
	ck_assert_uint_eq(bench->stats.counter[STATS_RULE_REFUSED], 1);
	ck_assert_int_eq(rule_answer_rcode(&packet.mbuf, &bench->context, 3, NULL), RULE_ANSWER);
	ck_assert(!header()->aa && header()->ra && header()->rcode == 3);
	ck_assert_uint_eq(bench->stats.counter[STATS_RULE_NXDOMAIN], 1);
}
END_TEST

START_TEST(drops_say_why)
{
	ck_assert_int_eq(act(CHAIN_QUERY, policy_action_plain(bench->model, RULE_ACTION_DROP)),
			 RULE_DROP);
	ck_assert_uint_eq(packet.packet.drop_reason, DROP_RULE);
	ck_assert_uint_eq(bench->stats.counter[STATS_RULE_DROP], 1);
	ck_assert_int_eq(act(CHAIN_RESPONSE, policy_action_plain(bench->model, RULE_ACTION_DROP)),
			 RULE_DROP);
	ck_assert_uint_eq(packet.packet.drop_reason, DROP_RULE_RESPONSE);
	ck_assert_uint_eq(bench->stats.counter[STATS_RULE_DROP], 1);
}
END_TEST

START_TEST(truncation)
{
	packet.packet.query.flags |= QUERY_TCP;
	struct policy_action *action = policy_action_plain(bench->model, RULE_ACTION_TRUNCATE);
	ck_assert_int_eq(act(CHAIN_QUERY, action), RULE_NEXT);
	ck_assert(!header()->qr);
	packet.packet.query.flags &= (uint16_t)~QUERY_TCP;
	ck_assert_int_eq(bench_run(bench, CHAIN_QUERY, &packet, 0), RULE_ANSWER);
	ck_assert(header()->qr && header()->tc);
	struct sample dns;
	sample_response(&dns);
	packet_sample_set(&packet, &dns, "192.0.2.7", "198.51.100.1");
	ck_assert_int_eq(act(CHAIN_RESPONSE, action), RULE_NEXT);
	ck_assert(header()->tc);
	ck_assert_uint_eq(header()->ancount, 0);
	ck_assert_uint_lt(packet.packet.dns_length, dns.length);
}
END_TEST

START_TEST(spoofing)
{
	struct dns_reply_address v4 = {.length = 4, .bytes = {192, 0, 2, 1}};
	struct policy_action *action = policy_action_spoof(bench->model, &v4, 1, NULL);
	packet.packet.query.qtype = DNS_TYPE_AAAA;
	ck_assert_int_eq(act(CHAIN_QUERY, action), RULE_NEXT);
	ck_assert(!header()->qr);
	packet.packet.query.qtype = DNS_TYPE_A;
	ck_assert_int_eq(bench_run(bench, CHAIN_QUERY, &packet, 0), RULE_ANSWER);
	struct dns_record record = answer_record(0);
	ck_assert_uint_eq(record.type, DNS_TYPE_A);
	ck_assert_uint_eq(record.ttl, DNS_REPLY_TTL);
	ck_assert_mem_eq(packet_dns(&packet.mbuf) + record.rdata, v4.bytes, 4);
}
END_TEST

START_TEST(quiet_actions_go_on)
{
	struct policy_model *m = bench->model;
	struct policy_selector *all = policy_selector_all(m);
	struct note note;
	bench_rule(bench, CHAIN_QUERY, all, policy_action_plain(m, RULE_ACTION_NONE));
	bench_rule(bench, CHAIN_QUERY, all, policy_action_plain(m, RULE_ACTION_NO_RECURSE));
	bench_rule(bench, CHAIN_QUERY, all, policy_action_plain(m, RULE_ACTION_DISABLE_VALIDATION));
	bench_rule(bench, CHAIN_QUERY, all, policy_action_plain(m, RULE_ACTION_SKIP_CACHE));
	bench_rule(bench, CHAIN_QUERY, all, policy_action_ttl(m, RULE_ACTION_MAX_RETURNED_TTL, 9));
	bench_rule(bench, CHAIN_QUERY, all, policy_action_ttl(m, RULE_ACTION_TEMP_FAILURE_TTL, 8));
	bench_rule(bench, CHAIN_QUERY, all, policy_action_tag(m, "a", 1, "1", 1));
	bench_rule(bench, CHAIN_QUERY, all, policy_action_tag(m, "b", 1, "2", 1));
	bench_rule(bench, CHAIN_QUERY, all, policy_action_untag(m, "a", 1));
	bench_rule(bench, CHAIN_QUERY, all, policy_action_extended_error(m, 15, "no", 2, false));
	bench_rule(bench, CHAIN_QUERY, all, policy_action_pool(m, "one", 3, false));
	bench_rule(bench, CHAIN_QUERY, all, policy_action_pool(m, "two", 3, true));
	bench_rule(bench, CHAIN_QUERY, all, policy_action_plain(m, RULE_ACTION_DROP));
	bench_compile(bench);
	ck_assert_int_eq(bench_run(bench, CHAIN_QUERY, &packet, 0), RULE_NEXT);
	struct query_state *query = &packet.packet.query;
	ck_assert(!header()->rd && header()->cd && !header()->qr);
	ck_assert(query->flags & QUERY_SKIP_CACHE && query->flags & QUERY_MAX_TTL &&
		  query->flags & QUERY_TEMP_FAILURE_TTL);
	ck_assert_uint_eq(query->max_returned_ttl, 9);
	ck_assert_uint_eq(query->temp_failure_ttl, 8);
	ck_assert(!tag_get(query->notes, "a", 1, NULL, NULL));
	ck_assert(tag_get(query->notes, "b", 1, NULL, NULL));
	struct note_cursor cursor = notes_open(query->notes);
	ck_assert(note_next_of(&cursor, NOTE_EDE, &note) && note.info_code == 15);
	ck_assert_int_eq(query->pool, policy_pool_find(bench->policy, "two", 3));
	ck_assert_int_ne(query->pool, policy_pool_find(bench->policy, "one", 3));
	ck_assert_uint_eq(bench->stats.counter[STATS_RULE_DROP], 0);
}
END_TEST

START_TEST(allow_skips_the_rest)
{
	struct policy_model *m = bench->model;
	bench_rule(bench, CHAIN_RESPONSE, policy_selector_all(m),
		   policy_action_plain(m, RULE_ACTION_ALLOW));
	ck_assert_int_eq(act(CHAIN_RESPONSE, policy_action_plain(m, RULE_ACTION_DROP)), RULE_NEXT);
}
END_TEST

START_TEST(an_edited_query_with_qr_is_an_answer)
{
	bench_compile(bench);
	dns_header_of(packet_dns(&packet.mbuf))->qr = 1;
	ck_assert_int_eq(bench_run(bench, CHAIN_QUERY, &packet, 0), RULE_ANSWER);
	ck_assert_int_eq(bench_run(bench, CHAIN_RESPONSE, &packet, 0), RULE_NEXT);
}
END_TEST

static bool lua_answer;

static bool lua_selector(void *lua, struct rte_mbuf *mbuf, int reference, bool ffi)
{
	ck_assert_ptr_eq(lua, bench);
	ck_assert_ptr_eq(mbuf, &packet.mbuf);
	ck_assert(reference == 77 && ffi);
	return lua_answer;
}

START_TEST(lua_stops_the_chain_and_it_resumes)
{
	struct policy_model *m = bench->model;
	struct rule_lua lua;
	bench_rule(bench, CHAIN_QUERY, sel_qname("other"), policy_action_lua(m, 1, false));
	bench_rule(bench, CHAIN_QUERY, policy_selector_all(m), policy_action_lua(m, 42, true));
	bench_rule(bench, CHAIN_QUERY, policy_selector_not(m, policy_selector_lua(m, 77, true)),
		   policy_action_plain(m, RULE_ACTION_DROP));
	bench_compile(bench);
	ck_assert_int_eq(bench_run(bench, CHAIN_QUERY, &packet, 0), RULE_LUA);
	ck_assert_uint_eq(packet.packet.rule_cursor, 1);
	ck_assert_uint_eq(packet.packet.generation, bench->policy->generation);
	ck_assert(rule_lua_ref(bench->policy, CHAIN_QUERY, 1, &lua));
	ck_assert(lua.reference == 42 && lua.ffi && !lua.selector);
	ck_assert_int_eq(bench_run(bench, CHAIN_QUERY, &packet, 2), RULE_LUA);
	ck_assert_uint_eq(packet.packet.rule_cursor, 2);
	ck_assert(rule_lua_ref(bench->policy, CHAIN_QUERY, 2, &lua) && lua.selector);
	bench->context.lua_selector = lua_selector;
	bench->context.lua = bench;
	lua_answer = true;
	ck_assert_int_eq(bench_run(bench, CHAIN_QUERY, &packet, 2), RULE_NEXT);
	lua_answer = false;
	ck_assert_int_eq(bench_run(bench, CHAIN_QUERY, &packet, 2), RULE_DROP);
	ck_assert(!rule_lua_ref(bench->policy, CHAIN_QUERY, 3, &lua));
	ck_assert_int_eq(bench_run(bench, CHAIN_QUERY, &packet, 9), RULE_NEXT);
}
END_TEST

static enum rule_verdict apply(int result, const char *text, size_t length)
{
	notes_free(&packet.packet.query.notes);
	packet_sample_query(&packet, "www.Example.com", DNS_TYPE_A, true);
	return rule_result_apply(bench->policy, &packet.mbuf, &bench->context, result, text,
				 length);
}

START_TEST(results_of_lua_actions)
{
	static const struct {
		int result;
		enum rule_verdict verdict;
		uint8_t rcode;
	} rows[] = {
		{RULE_RESULT_DROP, RULE_DROP, 0},	  {RULE_RESULT_NXDOMAIN, RULE_ANSWER, 3},
		{RULE_RESULT_REFUSED, RULE_ANSWER, 5},	  {RULE_RESULT_ALLOW, RULE_NEXT, 0},
		{RULE_RESULT_HEADER_MODIFY, RULE_NEXT, 0}, {RULE_RESULT_DELAY, RULE_ANSWER, 2},
		{RULE_RESULT_TRUNCATE, RULE_ANSWER, 0},	  {RULE_RESULT_SERVFAIL, RULE_ANSWER, 2},
		{RULE_RESULT_NONE, RULE_GO_ON, 0},	  {RULE_RESULT_NO_OP, RULE_GO_ON, 0},
		{RULE_RESULT_NO_RECURSE, RULE_NEXT, 0},	  {RULE_RESULT_SET_TAG, RULE_GO_ON, 0},
		{RULE_RESULT_SPOOF, RULE_ANSWER, 0},	  {16, RULE_ANSWER, 2},
		{-1, RULE_ANSWER, 2},
	};
	bench_compile(bench);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		ck_assert_int_eq(apply(rows[i].result, NULL, 0), rows[i].verdict);
		ck_assert_uint_eq(header()->rcode, rows[i].rcode);
		ck_assert_int_eq(header()->qr, rows[i].verdict == RULE_ANSWER);
		ck_assert_int_eq(header()->rd, rows[i].result != RULE_RESULT_NO_RECURSE);
	}
}
END_TEST

/* Apart from native actions, whatever Lua says: digits alone are milliseconds. */
START_TEST(results_that_delay)
{
	static const struct {
		const char *text;
		enum rule_verdict verdict;
		uint32_t ms;
	} rows[] = {
		{"250", RULE_GO_ON, 250},      {"0", RULE_GO_ON, 0},
		{"9999999999999", RULE_GO_ON, NOTE_DELAY_MAX},
		{"-1", RULE_ANSWER, 0},	       {"1.5", RULE_ANSWER, 0},
		{"soon", RULE_ANSWER, 0},      {"", RULE_ANSWER, 0},
	};
	bench_compile(bench);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct note_block **notes = &packet.packet.query.notes;
		ck_assert_int_eq(apply(RULE_RESULT_DELAY, rows[i].text, strlen(rows[i].text)),
				 rows[i].verdict);
		ck_assert_uint_eq(delay_take(notes), rows[i].ms);
		ck_assert_ptr_null(*notes);
	}
}
END_TEST

START_TEST(results_with_text)
{
	int pool = policy_pool_intern(bench->model, "abuse", 5);
	bench_compile(bench);
	ck_assert_int_eq(apply(RULE_RESULT_POOL, "abuse", 5), RULE_NEXT);
	ck_assert_int_eq(packet.packet.query.pool, pool);
	ck_assert_int_eq(apply(RULE_RESULT_POOL, "nope", 4), RULE_NEXT);
	ck_assert_uint_eq(packet.packet.query.pool, POLICY_POOL_UNKNOWN);
	ck_assert_int_eq(apply(RULE_RESULT_SPOOF, "192.0.2.1, 192.0.2.2 ::1", 24), RULE_ANSWER);
	ck_assert_uint_eq(ntohs(header()->ancount), 2);
	ck_assert_int_eq(apply(RULE_RESULT_SPOOF, "::1", 3), RULE_ANSWER);
	ck_assert_uint_eq(header()->ancount, 0);
	ck_assert_int_eq(apply(RULE_RESULT_SPOOF, "portal.example", 14), RULE_ANSWER);
	ck_assert_uint_eq(answer_record(0).type, DNS_TYPE_CNAME);
	ck_assert_int_eq(apply(RULE_RESULT_SPOOF, "192.0.2.1 bad", 13), RULE_ANSWER);
	ck_assert_uint_eq(header()->rcode, DNS_RCODE_SERVFAIL);
	ck_assert_int_eq(apply(RULE_RESULT_SPOOF_RAW, "abcd,e", 6), RULE_ANSWER);
	ck_assert_uint_eq(ntohs(header()->ancount), 2);
	ck_assert_uint_eq(answer_record(1).rdlength, 1);
	ck_assert_int_eq(apply(RULE_RESULT_SPOOF_PACKET, "short", 5), RULE_ANSWER);
	ck_assert_uint_eq(header()->rcode, DNS_RCODE_SERVFAIL);
}
END_TEST

START_TEST(results_of_lua_response_actions)
{
	static const enum rule_verdict verdicts[] = {RULE_NEXT, RULE_GO_ON, RULE_DROP, RULE_NEXT,
						     RULE_NEXT, RULE_NEXT,  RULE_GO_ON, RULE_NEXT};
	struct sample dns;
	sample_response(&dns);
	for (int i = 0; i < 8; i++) {
		packet_sample_set(&packet, &dns, "192.0.2.7", "198.51.100.1");
		packet.packet.chain = CHAIN_RESPONSE;
		ck_assert_int_eq(rule_response_result_apply(NULL, &packet.mbuf, &bench->context, i,
							    "75", 2),
				 verdicts[i]);
		ck_assert_uint_eq(delay_take(&packet.packet.query.notes),
				  i == RULE_RESPONSE_RESULT_DELAY ? 75 : 0);
		ck_assert_uint_eq(header()->rcode, i == RULE_RESPONSE_RESULT_SERVFAIL || i == 7 ? 2 : 0);
		ck_assert_int_eq(header()->tc, i == RULE_RESPONSE_RESULT_TRUNCATE);
	}
}
END_TEST

START_TEST(a_thousand_rules)
{
	char name[32];
	for (unsigned i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "host%u.example", i);
		bench_rule(bench, CHAIN_QUERY, sel_names(name, true),
			   policy_action_rcode(bench->model, (uint16_t)(i % 16), NULL));
	}
	bench_compile(bench);
	packet_sample_query(&packet, "a.HOST999.example", DNS_TYPE_A, false);
	ck_assert_int_eq(bench_run(bench, CHAIN_QUERY, &packet, 0), RULE_ANSWER);
	ck_assert_uint_eq(header()->rcode, 999 % 16);
	for (size_t i = 0; i < 1000; i++)
		ck_assert_uint_eq(policy_rule_hits(bench->model, policy_rule_at(bench->model,
										CHAIN_QUERY, i)),
				  i == 999);
	packet_sample_query(&packet, "host1000.example", DNS_TYPE_A, false);
	ck_assert_int_eq(bench_run(bench, CHAIN_QUERY, &packet, 0), RULE_NEXT);
}
END_TEST

static Suite *rules_suite(void)
{
	Suite *suite = suite_create("rules");
	TCase *tcase = tcase_create("rules");
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, every_selector_matches_and_misses);
	tcase_add_test(tcase, tags_are_matched);
	tcase_add_test(tcase, probability_is_kept);
	tcase_add_test(tcase, ipv6_clients_and_lost_questions);
	tcase_add_test(tcase, nesting_is_what_logic_says);
	tcase_add_test(tcase, nesting_has_a_limit);
	tcase_add_test(tcase, rcode_answers);
	tcase_add_test(tcase, drops_say_why);
	tcase_add_test(tcase, truncation);
	tcase_add_test(tcase, spoofing);
	tcase_add_test(tcase, quiet_actions_go_on);
	tcase_add_test(tcase, allow_skips_the_rest);
	tcase_add_test(tcase, an_edited_query_with_qr_is_an_answer);
	tcase_add_test(tcase, lua_stops_the_chain_and_it_resumes);
	tcase_add_test(tcase, results_of_lua_actions);
	tcase_add_test(tcase, results_that_delay);
	tcase_add_test(tcase, results_with_text);
	tcase_add_test(tcase, results_of_lua_response_actions);
	tcase_add_test(tcase, a_thousand_rules);
	suite_add_tcase(suite, tcase);
	return suite;
}

UNIT_MAIN(rules_suite)
