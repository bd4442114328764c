/* SPDX-License-Identifier: BSD-2-Clause */
/* Selectors that read into the message, and actions that answer with data or edit responses. */
#include <errno.h>

#include "dataplane/rules/answers.h"
#include "dataplane/rules/query_log.h"
#include "dataplane/rules/threads.h"
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

static bool matches(struct policy_selector *selector)
{
	policy_rules_clear(bench->model, CHAIN_QUERY);
	bench_rule(bench, CHAIN_QUERY, selector,
		   policy_action_plain(bench->model, RULE_ACTION_DROP));
	bench_compile(bench);
	return bench_run(bench, CHAIN_QUERY, &packet, 0) == RULE_DROP;
}

static bool number(enum rule_test_kind kind, uint16_t value)
{
	return matches(policy_selector_number(bench->model, kind, value));
}

static bool size_is(enum rule_comparison comparison, int more)
{
	return matches(policy_selector_size(bench->model, comparison,
					    (uint16_t)(packet.packet.dns_length + more)));
}

static enum rule_verdict act(enum chain_id chain, struct policy_action *action)
{
	policy_rules_clear(bench->model, chain);
	bench_rule(bench, chain, policy_selector_all(bench->model), action);
	bench_compile(bench);
	return bench_run(bench, chain, &packet, 0);
}

static uint8_t *dns(void)
{
	return packet_dns(&packet.mbuf);
}

static struct dns_record record(unsigned index)
{
	return sample_record(dns(), packet.packet.dns_length, index);
}

static void respond(void)
{
	struct sample sample;
	sample_response(&sample);
	packet_sample_set(&packet, &sample, "192.0.2.7", "198.51.100.1");
}

static uint8_t *append(int length)
{
	ck_assert_int_gt(length, 0);
	packet_dns_resize(&packet.mbuf, (uint16_t)length);
	return dns();
}

START_TEST(edns_is_looked_into)
{
	static const uint8_t cookie[8] = {1};
	append(dns_option_set(dns(), packet.packet.dns_length, 512, DNS_OPTION_COOKIE, cookie, 8,
			      1232));
	ck_assert(number(RULE_TEST_EDNS_OPTION, DNS_OPTION_COOKIE));
	ck_assert(!number(RULE_TEST_EDNS_OPTION, DNS_OPTION_ECS));
	ck_assert(!number(RULE_TEST_EDNS_VERSION, 0));
	ck_assert(number(RULE_TEST_EXTENDED_RCODE, 0));
	struct dns_edns edns;
	ck_assert_int_eq(dns_edns_search(dns(), packet.packet.dns_length, &edns), DNS_OK);
	dns()[edns.offset + 5] = 1; /* extended rcode */
	dns()[edns.offset + 6] = 3; /* version */
	ck_assert(number(RULE_TEST_EDNS_VERSION, 2));
	ck_assert(!number(RULE_TEST_EDNS_VERSION, 3));
	ck_assert(number(RULE_TEST_EXTENDED_RCODE, 16));
	ck_assert(!number(RULE_TEST_EXTENDED_RCODE, 0));
	packet_sample_query(&packet, "www.example.com", DNS_TYPE_A, false);
	ck_assert(!number(RULE_TEST_EDNS_OPTION, DNS_OPTION_COOKIE));
	ck_assert(!number(RULE_TEST_EDNS_VERSION, 0));
	ck_assert(number(RULE_TEST_EXTENDED_RCODE, 0));
}
END_TEST

START_TEST(sizes_and_trailing_data)
{
	ck_assert(size_is(RULE_EQUAL, 0) && !size_is(RULE_EQUAL, 1));
	ck_assert(size_is(RULE_GREATER, -1) && !size_is(RULE_GREATER, 0));
	ck_assert(size_is(RULE_GREATER_OR_EQUAL, 0) && !size_is(RULE_GREATER_OR_EQUAL, 1));
	ck_assert(size_is(RULE_SMALLER, 1) && !size_is(RULE_SMALLER, 0));
	ck_assert(size_is(RULE_SMALLER_OR_EQUAL, 0) && !size_is(RULE_SMALLER_OR_EQUAL, -1));
	ck_assert(!number(RULE_TEST_TRAILING_DATA, 1));
	append(packet.packet.dns_length + 1);
	ck_assert(number(RULE_TEST_TRAILING_DATA, 1));
	packet_dns_resize(&packet.mbuf, 20); /* malformed */
	ck_assert(!number(RULE_TEST_TRAILING_DATA, 1));
}
END_TEST

START_TEST(records_are_counted_by_type)
{
	struct policy_model *m = bench->model;
	respond();
	uint16_t type = record(0).type;
	ck_assert(matches(policy_selector_record_types(m, DNS_SECTION_ANSWER, type, 1, 9)));
	ck_assert(!matches(policy_selector_record_types(m, DNS_SECTION_ANSWER, type, 0, 0)));
	ck_assert(matches(policy_selector_record_types(m, DNS_SECTION_ANSWER, 999, 0, 0)));
	ck_assert_ptr_null(policy_selector_record_types(m, (enum dns_section)4, type, 0, 0));
}
END_TEST

START_TEST(a_pool_is_available_while_a_server_is_up)
{
	struct policy_model *m = bench->model;
	struct policy_server_options options = {.address = "192.0.2.9"};
	ck_assert(!matches(policy_selector_pool(m, "p", 1)));
	struct backend *server = policy_server_add(m, &options);
	ck_assert_int_eq(policy_server_pool_add(m, server, "p", 1), 0);
	ck_assert(matches(policy_selector_pool(m, "p", 1)));
	backend_up_set(server, false);
	ck_assert(!matches(policy_selector_pool(m, "p", 1)));
}
END_TEST

START_TEST(a_pool_has_queries_to_answer)
{
	struct policy_model *m = bench->model;
	struct policy_server_options options = {.address = "192.0.2.9"};
	struct backend *server = policy_server_add(m, &options);
	struct backend_stats *first = calloc(2 * POLICY_BACKENDS_MAX, sizeof(*first));
	struct backend_stats *second = first + POLICY_BACKENDS_MAX;
	const struct backend_stats *const workers[] = {first, second, NULL};
	ck_assert_int_eq(policy_server_pool_add(m, server, "p", 1), 0);
	bench->context.backends = workers;
	ck_assert(!matches(policy_selector_outstanding(m, "p", 1, 0)));
	first[server->number] = (struct backend_stats){.queries = 9, .responses = 5, .timeouts = 1};
	second[server->number] = (struct backend_stats){.queries = 2};
	ck_assert(matches(policy_selector_outstanding(m, "p", 1, 4)));
	ck_assert(!matches(policy_selector_outstanding(m, "p", 1, 5)));
	ck_assert(!matches(policy_selector_outstanding(m, "other", 5, 0)));
	/* An answer that was counted before its query is not below zero. */
	second[server->number].responses = 7;
	ck_assert(matches(policy_selector_outstanding(m, "p", 1, 2)));
	ck_assert(!matches(policy_selector_outstanding(m, "p", 1, 3)));
	bench->context.backends = NULL;
	free(first);
}
END_TEST

START_TEST(cname)
{
	static const uint8_t target[] = "\6portal\2sp";
	struct dns_reply_options options = {.ttl = 7, .set_aa = true, .aa = true};
	ck_assert_int_eq(act(CHAIN_QUERY, policy_action_cname(bench->model, target, sizeof(target),
							      &options)),
			 RULE_ANSWER);
	ck_assert_uint_eq(record(0).type, DNS_TYPE_CNAME);
	ck_assert_uint_eq(record(0).ttl, 7);
	ck_assert(dns_header_of(dns())->aa);
	ck_assert_mem_eq(dns() + record(0).rdata, target, sizeof(target));
	ck_assert_ptr_null(policy_action_cname(bench->model, target, 0, NULL));
}
END_TEST

START_TEST(raw_values)
{
	struct dns_reply_rdata values[] = {{(const uint8_t *)"\3abc", 4}, {NULL, 0}};
	struct policy_action *action =
		policy_action_raw(bench->model, values, 2, DNS_TYPE_TXT, NULL);
	ck_assert_int_eq(act(CHAIN_QUERY, action), RULE_ANSWER);
	ck_assert_uint_eq(ntohs(dns_header_of(dns())->ancount), 2);
	ck_assert_uint_eq(record(0).type, DNS_TYPE_A);
	ck_assert_mem_eq(dns() + record(0).rdata, "\3abc", 4);
	ck_assert_uint_eq(record(1).rdlength, 0);
	packet_sample_query(&packet, "any.example", DNS_TYPE_ANY, false);
	ck_assert_int_eq(bench_run(bench, CHAIN_QUERY, &packet, 0), RULE_ANSWER);
	ck_assert_uint_eq(record(0).type, DNS_TYPE_TXT);
	struct dns_reply_rdata large[2] = {{dns(), UINT16_MAX}, {dns(), 1}};
	ck_assert_ptr_null(policy_action_raw(bench->model, large, 2, 0, NULL));
}
END_TEST

START_TEST(canned_packets)
{
	/* Only an answer, a TXT record of the root, as long as a question would be. */
	static const uint8_t bare[12 + 11 + 20] = {[2] = 0x80, [7] = 1, [14] = DNS_TYPE_TXT,
						   [16] = 1, [22] = 20, [23] = 19};
	struct sample sample;
	sample_response(&sample);
	ck_assert_int_eq(act(CHAIN_QUERY,
			     policy_action_packet(bench->model, sample.bytes, sample.length)),
			 RULE_ANSWER);
	ck_assert_uint_eq(dns_header_of(dns())->id, htons(0x1234));
	ck_assert_uint_gt(ntohs(dns_header_of(dns())->ancount), 0);
	packet_sample_query(&packet, "www.example.com", DNS_TYPE_A, false);
	ck_assert_int_eq(act(CHAIN_QUERY, policy_action_packet(bench->model, sample.bytes, 30)),
			 RULE_ANSWER);
	ck_assert_uint_eq(dns_header_of(dns())->rcode, DNS_RCODE_SERVFAIL);
	ck_assert_ptr_null(policy_action_packet(bench->model, sample.bytes, 11));
	/* Without a question, what is behind the header is no name. */
	ck_assert(rule_has_question(&packet.mbuf));
	packet_sample_query(&packet, "www.example.com", DNS_TYPE_A, false);
	ck_assert_int_eq(act(CHAIN_QUERY, policy_action_packet(bench->model, bare, sizeof(bare))),
			 RULE_ANSWER);
	ck_assert_uint_eq(packet.packet.dns_length, sizeof(bare));
	ck_assert(!rule_has_question(&packet.mbuf));
}
END_TEST

START_TEST(negative_answers)
{
	static const uint8_t zone[] = "\7example", host[] = "\2ns\7example";
	struct dns_reply_soa soa = {.zone = zone,
				    .mname = host,
				    .rname = host,
				    .zone_length = sizeof(zone),
				    .mname_length = sizeof(host),
				    .rname_length = sizeof(host),
				    .ttl = 11,
				    .serial = 1};
	struct policy_action *action =
		policy_action_negative(bench->model, true, &soa, true, NULL);
	ck_assert_int_eq(act(CHAIN_QUERY, action), RULE_ANSWER);
	ck_assert_uint_eq(dns_header_of(dns())->rcode, DNS_RCODE_NXDOMAIN);
	ck_assert_uint_eq(record(0).section, DNS_SECTION_AUTHORITY);
	ck_assert_uint_eq(record(0).type, DNS_TYPE_SOA);
	ck_assert_uint_eq(record(0).ttl, 11);
	ck_assert_uint_eq(bench->stats.counter[STATS_RULE_NXDOMAIN], 1);
	packet_sample_query(&packet, "www.example.com", DNS_TYPE_A, false);
	action = policy_action_negative(bench->model, false, &soa, false, NULL);
	ck_assert_int_eq(act(CHAIN_QUERY, action), RULE_ANSWER);
	ck_assert_uint_eq(dns_header_of(dns())->rcode, DNS_RCODE_NOERROR);
	ck_assert_uint_eq(record(0).section, DNS_SECTION_ADDITIONAL);
}
END_TEST

START_TEST(continue_goes_on)
{
	struct policy_model *m = bench->model;
	struct policy_action *inner = policy_action_rcode(m, DNS_RCODE_REFUSED, NULL);
	struct policy_action *action = policy_action_continue(m, inner);
	ck_assert_ptr_null(policy_action_continue(m, action));
	bench_rule(bench, CHAIN_QUERY, policy_selector_all(m), action);
	bench_rule(bench, CHAIN_QUERY, policy_selector_all(m),
		   policy_action_continue(m, policy_action_plain(m, RULE_ACTION_DROP)));
	bench_rule(bench, CHAIN_QUERY, policy_selector_all(m), policy_action_tag(m, "k", 1, "", 0));
	bench_compile(bench);
	ck_assert_int_eq(bench_run(bench, CHAIN_QUERY, &packet, 0), RULE_ANSWER);
	ck_assert_uint_eq(dns_header_of(dns())->rcode, DNS_RCODE_REFUSED);
	ck_assert(tag_get(packet.packet.query.notes, "k", 1, NULL, NULL));
	ck_assert_uint_eq(bench->stats.counter[STATS_RULE_DROP], 1);
	struct rule_lua lua;
	act(CHAIN_QUERY, policy_action_continue(m, policy_action_lua(m, 5, true)));
	ck_assert(rule_lua_ref(bench->policy, CHAIN_QUERY, 0, &lua));
	ck_assert(lua.continues && lua.ffi && lua.reference == 5);
}
END_TEST

static struct policy_selector *regex(const char *expression, enum regex_kind kind)
{
	char error[200] = "";
	struct policy_selector *selector =
		policy_selector_regex(bench->model, expression, kind, error, sizeof(error));
	ck_assert_msg(selector != NULL, "%s", error);
	return selector;
}

START_TEST(regular_expressions)
{
	/* www.Example.com: in any case and anywhere, or as it is and as a whole. */
	ck_assert(matches(regex("exam", REGEX_SEARCH)));
	ck_assert(matches(regex("^www\\.[a-z]+\\.com$", REGEX_SEARCH)));
	ck_assert(matches(regex("", REGEX_SEARCH)));
	ck_assert(!matches(regex("com\\.$", REGEX_SEARCH)));
	ck_assert(!matches(regex("^example", REGEX_SEARCH)));
	ck_assert(matches(regex("www\\.Example\\.(com|net)", REGEX_FULL)));
	ck_assert(!matches(regex("www\\.example\\.com", REGEX_FULL)));
	ck_assert(!matches(regex("Example", REGEX_FULL)));
	packet_sample_query(&packet, ".", DNS_TYPE_A, false);
	ck_assert(matches(regex("", REGEX_FULL)));
	ck_assert(!matches(regex(".", REGEX_SEARCH)));
	struct regex_code code;
	char error[200];
	ck_assert_int_eq(regex_compile("(", REGEX_SEARCH, &code, error, sizeof(error)), -EINVAL);
	ck_assert_str_ne(error, "");
	ck_assert_int_eq(regex_compile("(a)\\1", REGEX_FULL, &code, error, sizeof(error)), -EINVAL);
}
END_TEST

/* An expression that backtracking takes for ever over: many lcores' worth of scratch, too. */
START_TEST(no_expression_is_slow)
{
	char name[250] = "";
	for (int i = 0; i < 4; i++)
		strcat(name, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.");
	policy_registry_lcores_set(bench->registry, 5);
	packet_sample_query(&packet, name, DNS_TYPE_A, false);
	bench->context.lcore = 4;
	ck_assert(!matches(regex("^((a|a.)+)+x$", REGEX_SEARCH)));
	bench->context.lcore = 5; /* not one of them */
	ck_assert(!matches(regex("a", REGEX_SEARCH)));
}
END_TEST

START_TEST(rates_select_and_drop)
{
	struct policy_model *m = bench->model;
	struct rate_limit limit = rate_limit_of(1, 3, 1u << 30); /* in cycles: seconds long */
	unsigned below = 0, over = 0, dropped = 0;
	matches(policy_selector_rate(m, limit));
	for (int i = 0; i < 10; i++)
		below += bench_run(bench, CHAIN_QUERY, &packet, 0) == RULE_DROP;
	ck_assert_uint_eq(below, 2); /* matches() took one */
	bench_compile(bench); /* the same bucket */
	ck_assert_int_eq(bench_run(bench, CHAIN_QUERY, &packet, 0), RULE_NEXT);
	matches(policy_selector_client_rate(m, limit, 24, 64, 100));
	for (int i = 0; i < 10; i++) {
		packet.packet.query.client_addr[3] = (uint8_t)i;
		over += bench_run(bench, CHAIN_QUERY, &packet, 0) == RULE_DROP;
	}
	ck_assert_uint_eq(over, 8);
	ck_assert_ptr_null(policy_selector_client_rate(m, limit, 33, 64, 100));
	act(CHAIN_QUERY, policy_action_rate(m, limit));
	for (int i = 0; i < 10; i++)
		dropped += bench_run(bench, CHAIN_QUERY, &packet, 0) == RULE_DROP;
	ck_assert_uint_eq(dropped, 8);
	act(CHAIN_QUERY, policy_action_rate_pool(m, limit, "p", 1, true));
	ck_assert_int_eq(packet.packet.query.pool, policy_pool_find(bench->policy, "p", 1));
	packet.packet.query.pool = 0;
	for (int i = 0; i < 9; i++) {
		packet.packet.query.pool = 0;
		ck_assert_int_eq(bench_run(bench, CHAIN_QUERY, &packet, 0), RULE_NEXT);
	}
	ck_assert_int_eq(packet.packet.query.pool, 0);
}
END_TEST

/* Rules of several kinds, whose buckets lie in several banks, and outlive the policy. */
START_TEST(many_rates_by_client)
{
	struct policy_model *m = bench->model;
	policy_rules_clear(m, CHAIN_QUERY);
	for (unsigned i = 0; i < 40; i++)
		bench_rule(bench, CHAIN_QUERY,
			   policy_selector_client_rate(m, rate_limit_of(1, i, 1u << 30),
						       i % 3 ? 32 : 24, 64, 100),
			   policy_action_plain(m, RULE_ACTION_NONE));
	for (unsigned i = 0; i < 60; i++) {
		bench_compile(bench);
		bench_run(bench, CHAIN_QUERY, &packet, 0);
	}
	for (unsigned i = 0; i < 40; i++) /* somewhat more time may have gone by than none */
		ck_assert_uint_le(60 - i - bench->hits[bench->policy->chains[CHAIN_QUERY]
							      .rules[i]
							      .hit_slot], 2);
}
END_TEST

START_TEST(options_are_set)
{
	ck_assert_int_eq(act(CHAIN_QUERY, policy_action_option(bench->model, 65001, "xyz", 3)),
			 RULE_NEXT);
	ck_assert(number(RULE_TEST_EDNS_OPTION, 65001));
}
END_TEST

START_TEST(logs_until_the_ring_is_full)
{
	struct policy_action *log = policy_action_log(bench->model, 7);
	const uint64_t *lost = &bench->stats.counter[STATS_LOG_LOST];
	packet.packet.query.client_port = 4711;
	ck_assert_int_eq(act(CHAIN_QUERY, log), RULE_NEXT);
	ck_assert_uint_eq(*lost, 1); /* there is no ring */
	struct query_log_ring *ring = aligned_alloc(64, sizeof(*ring));
	memset(ring, 0, sizeof(*ring));
	bench->context.log = ring;
	ck_assert_ptr_null(query_log_peek(ring));
	for (unsigned i = 0; i < QUERY_LOG_RECORDS + 5; i++)
		bench_run(bench, CHAIN_QUERY, &packet, 0);
	ck_assert_uint_eq(*lost, 6);
	const struct query_record *first = query_log_peek(ring);
	ck_assert_uint_eq(first->file, 7);
	ck_assert_uint_eq(first->client_port, 4711);
	ck_assert(!first->response);
	ck_assert_uint_eq(first->name_length, packet.packet.query.qname_length);
	ck_assert_mem_eq(first->name, dns() + DNS_HEADER_SIZE, first->name_length);
	query_log_done(ring);
	packet_dns_resize(&packet.mbuf, DNS_HEADER_SIZE); /* what has lost its question */
	bench_run(bench, CHAIN_QUERY, &packet, 0);
	ck_assert_uint_eq(*lost, 6);
	for (unsigned i = 1; i < QUERY_LOG_RECORDS; i++)
		query_log_done(ring);
	ck_assert_uint_eq(query_log_peek(ring)->name_length, 1);
	query_log_done(ring);
	ck_assert_ptr_null(query_log_peek(ring));
	free(ring);
}
END_TEST

START_TEST(responses_are_edited)
{
	struct policy_model *m = bench->model;
	respond();
	uint16_t type = record(0).type;
	ck_assert_int_eq(act(CHAIN_RESPONSE, policy_action_types(m, RULE_ACTION_LIMIT_TTL, 5, 9,
								 &type, 1)),
			 RULE_NEXT);
	ck_assert_uint_ge(record(0).ttl, 5);
	ck_assert_uint_le(record(0).ttl, 9);
	act(CHAIN_RESPONSE, policy_action_types(m, RULE_ACTION_LIMIT_TTL, 1000, 1000, NULL, 0));
	ck_assert_uint_eq(record(0).ttl, 1000);
	act(CHAIN_RESPONSE, policy_action_reduce(m, 25));
	ck_assert_uint_eq(record(0).ttl, 250);
	uint16_t before = packet.packet.dns_length;
	act(CHAIN_RESPONSE, policy_action_types(m, RULE_ACTION_CLEAR_TYPES, 0, 0, &type, 1));
	ck_assert_uint_lt(packet.packet.dns_length, before);
	ck_assert_int_eq(dns_message_check(dns(), packet.packet.dns_length), 0);
	packet_dns_resize(&packet.mbuf, 40); /* malformed: stays what it is */
	act(CHAIN_RESPONSE, policy_action_types(m, RULE_ACTION_CLEAR_TYPES, 0, 0, &type, 1));
	ck_assert_uint_eq(packet.packet.dns_length, 40);
}
END_TEST

static bool name_change(void *lua, struct rte_mbuf *mbuf, int reference, bool ffi)
{
	(void)lua;
	(void)reference;
	(void)ffi;
	packet_dns(mbuf)[DNS_HEADER_SIZE + 1] = 'x';
	return true;
}

START_TEST(expressions_see_a_name_that_a_selector_changed)
{
	struct policy_model *m = bench->model;
	struct policy_selector *both[] = {policy_selector_lua(m, 1, false),
					  regex("^xww", REGEX_SEARCH)};
	bench->context.lua_selector = name_change;
	policy_rules_clear(m, CHAIN_QUERY);
	bench_rule(bench, CHAIN_QUERY, regex("^www", REGEX_SEARCH),
		   policy_action_plain(m, RULE_ACTION_NONE));
	bench_rule(bench, CHAIN_QUERY, policy_selector_and(m, both, 2),
		   policy_action_plain(m, RULE_ACTION_DROP));
	bench_compile(bench);
	ck_assert_int_eq(bench_run(bench, CHAIN_QUERY, &packet, 0), RULE_DROP);
}
END_TEST

/* ---- Lua of the lcores' own, which here is C ---- */

static bool thread_select(struct rule_threads *threads, uint16_t lcore, struct rte_mbuf *mbuf,
			  int reference)
{
	(void)threads;
	(void)mbuf;
	return lcore == 3 && reference == 1;
}

static struct rule_thread_result thread_act(struct rule_threads *threads, uint16_t lcore,
					    struct rte_mbuf *mbuf, int reference)
{
	(void)threads;
	(void)lcore;
	if (reference == 0)
		packet_dns(mbuf)[DNS_HEADER_SIZE + 1] = 'x';
	return reference == 0 ? (struct rule_thread_result){.action = RULE_RESULT_NONE}
			      : (struct rule_thread_result){RULE_RESULT_SPOOF, "192.0.2.1", 9};
}

static void thread_free(struct rule_threads *threads)
{
	threads->users = 99;
}

static struct policy_selector *sel_name(const char *text)
{
	uint8_t name[DNS_NAME_MAX];
	int length = dns_name_parse(text, strlen(text), name);
	return policy_selector_qname(bench->model, name, (size_t)length);
}

/* Enough rules for certain names that the chain has an index, which an action makes void. */
START_TEST(lua_of_the_lcores_runs_in_the_midst_of_a_chain)
{
	struct policy_model *m = bench->model;
	struct rule_threads threads = {thread_select, thread_act, NULL, thread_free, 1};
	policy_model_threads_set(m, &threads);
	policy_rules_clear(m, CHAIN_QUERY);
	bench_rule(bench, CHAIN_QUERY, policy_selector_thread(m, 0),
		   policy_action_plain(m, RULE_ACTION_DROP));
	bench_rule(bench, CHAIN_QUERY, policy_selector_all(m), policy_action_thread(m, 0));
	for (unsigned i = 0; i < 4; i++)
		bench_rule(bench, CHAIN_QUERY, sel_name("www.example.com"),
			   policy_action_plain(m, RULE_ACTION_DROP));
	struct policy_selector *both[] = {sel_name("xww.example.com"),
					  policy_selector_thread(m, 1)};
	bench_rule(bench, CHAIN_QUERY, policy_selector_and(m, both, 2),
		   policy_action_thread(m, 1));
	bench_compile(bench);
	bench->context.lcore = 3;
	ck_assert_int_eq(bench_run(bench, CHAIN_QUERY, &packet, 0), RULE_ANSWER);
	ck_assert_uint_eq(threads.users, 2);
	policy_free(bench->policy);
	bench->policy = NULL;
	policy_model_threads_set(m, NULL);
	ck_assert_uint_eq(threads.users, 99);
}
END_TEST

START_TEST(without_their_states_actions_fail)
{
	struct policy_model *m = bench->model;
	policy_rules_clear(m, CHAIN_QUERY);
	bench_rule(bench, CHAIN_QUERY, policy_selector_thread(m, 0),
		   policy_action_plain(m, RULE_ACTION_DROP));
	bench_rule(bench, CHAIN_QUERY, policy_selector_all(m),
		   policy_action_continue(m, policy_action_thread(m, 0)));
	bench_rule(bench, CHAIN_QUERY, policy_selector_all(m), policy_action_thread(m, 0));
	bench_compile(bench);
	ck_assert_int_eq(bench_run(bench, CHAIN_QUERY, &packet, 0), RULE_ANSWER);
	ck_assert_uint_eq(bench->stats.counter[STATS_RULE_SERVFAIL], 2);
}
END_TEST

static Suite *suite(void)
{
	Suite *made = suite_create("rules_edits");
	TCase *edits = tcase_create("edits");
	tcase_add_checked_fixture(edits, setup, teardown);
	tcase_add_test(edits, edns_is_looked_into);
	tcase_add_test(edits, sizes_and_trailing_data);
	tcase_add_test(edits, records_are_counted_by_type);
	tcase_add_test(edits, a_pool_is_available_while_a_server_is_up);
	tcase_add_test(edits, expressions_see_a_name_that_a_selector_changed);
	tcase_add_test(edits, lua_of_the_lcores_runs_in_the_midst_of_a_chain);
	tcase_add_test(edits, without_their_states_actions_fail);
	tcase_add_test(edits, a_pool_has_queries_to_answer);
	tcase_add_test(edits, cname);
	tcase_add_test(edits, raw_values);
	tcase_add_test(edits, canned_packets);
	tcase_add_test(edits, negative_answers);
	tcase_add_test(edits, continue_goes_on);
	tcase_add_test(edits, regular_expressions);
	tcase_add_test(edits, no_expression_is_slow);
	tcase_add_test(edits, rates_select_and_drop);
	tcase_add_test(edits, options_are_set);
	tcase_add_test(edits, many_rates_by_client);
	tcase_add_test(edits, responses_are_edited);
	tcase_add_test(edits, logs_until_the_ring_is_full);
	suite_add_tcase(made, edits);
	return made;
}

UNIT_MAIN(suite)
