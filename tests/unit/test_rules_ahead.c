/* SPDX-License-Identifier: BSD-2-Clause */
/* What rules ask of large lists is asked for a burst at once, before they run. */
#include "dataplane/rules/live_list.h"
#include "dataplane/rules/matched.h"
#include "tests/unit/rule_samples.h"
#include "tests/unit/unit.h"

static struct rule_bench *bench;

static void setup(void)
{
	bench = bench_new();
}

static void teardown(void)
{
	bench_free(bench);
}

/* A list of one name; more than a megabyte makes it worth fetching. */
static struct policy_blob *list_new(const char *name, unsigned count)
{
	struct name_builder *builder = name_builder_new();
	struct policy_blob *blob = policy_blob_new(sizeof(struct live_list));
	struct live_list *list = (void *)blob->data;
	uint8_t wire[DNS_NAME_MAX];
	char text[64];
	for (unsigned i = 0; i < count; i++) {
		int length = i > 0 ? snprintf(text, sizeof(text), "n%u.filler.example", i)
				   : snprintf(text, sizeof(text), "%s", name);
		size_t size = (size_t)dns_name_parse(text, (size_t)length, wire);
		ck_assert_int_eq(name_builder_add(builder, wire, size,
						  NAME_ENTRY_SELF | NAME_ENTRY_BELOW, 0),
				 0);
	}
	list->kind = LIVE_LIST_NAMES;
	list->now = name_builder_finish(builder);
	return blob;
}

static void list_free(struct policy_blob *blob)
{
	const struct live_list *list = (const void *)blob->data;
	name_index_free((void *)(uintptr_t)live_list_names(list));
	policy_blob_release(blob);
}

static void list_rule(enum chain_id chain, struct policy_blob *list, enum matched_trigger trigger)
{
	bench_rule(bench, chain, policy_selector_list(bench->model, list, trigger, false),
		   policy_action_plain(bench->model, RULE_ACTION_DROP));
}

/* What query rules ask of large lists, each once; that it is asked ahead changes nothing. */
START_TEST(lists_are_asked_for_a_burst)
{
	enum { BURST = 100 };
	static struct packet_sample packets[BURST];
	struct rte_mbuf *mbufs[BURST];
	struct policy_blob *large = list_new("bad.test", 30000), *small = list_new("ugly.test", 1);
	struct policy_blob *others = list_new("other.test", 1);
	list_rule(CHAIN_QUERY, large, MATCHED_NAME);
	list_rule(CHAIN_QUERY, large, MATCHED_NAME);
	list_rule(CHAIN_QUERY, others, MATCHED_CLIENT);
	list_rule(CHAIN_QUERY, small, MATCHED_NAME);
	list_rule(CHAIN_RESPONSE, others, MATCHED_NAME);
	bench_compile(bench);
	ck_assert_uint_eq(bench->policy->n_ahead, 3);
	ck_assert_ptr_eq(bench->policy->ahead[0].list, large->data);
	ck_assert_ptr_eq(bench->policy->ahead[1].list, others->data);
	ck_assert_int_eq(bench->policy->ahead[1].trigger, MATCHED_CLIENT);
	ck_assert_ptr_eq(bench->policy->ahead[2].list, small->data);
	const struct name_index *index = live_list_names(bench->policy->ahead[0].list);
	ck_assert_uint_gt(name_index_memory(index), 1u << 20);
	for (unsigned i = 0; i < BURST; i++) {
		static const char *const names[] = {"x.bad.test", "good.test", "a.UGLY.test"};
		packet_sample_query(&packets[i], names[i % 3], 1, false);
		mbufs[i] = &packets[i].mbuf;
		if (i % 7 == 0) /* has lost its question */
			packet_dns_resize(mbufs[i], DNS_HEADER_SIZE);
	}
	rule_ahead_find(&bench->context.ahead, bench->policy, mbufs, BURST);
	ck_assert_uint_eq(bench->context.ahead.count, RULE_AHEAD_MAX);
	ck_assert_uint_eq(bench->context.ahead.n_lists, 1); /* others are too small */
	for (unsigned i = 0; i < BURST; i++)
		ck_assert_int_eq(bench_run(bench, CHAIN_QUERY, &packets[i], 0),
				 i % 7 == 0 || i % 3 == 1 ? RULE_NEXT : RULE_DROP);
	policy_free(bench->policy);
	bench->policy = NULL;
	policy_rules_clear(bench->model, CHAIN_QUERY);
	policy_rules_clear(bench->model, CHAIN_RESPONSE);
	list_free(large);
	list_free(small);
	list_free(others);
}
END_TEST

/* Prefixes of clients, more than a megabyte of them. */
static struct policy_blob *prefixes_new(void)
{
	enum { COUNT = 30000 };
	struct policy_blob *blob = policy_blob_new(sizeof(struct live_list));
	struct live_list *list = (void *)blob->data;
	struct prefix_member *members = calloc(COUNT, sizeof(*members));
	for (unsigned i = 0; i < COUNT; i++)
		members[i].prefix = (struct prefix_entry){
			.address = {10, (uint8_t)(i >> 8), (uint8_t)i, 2}, .length = 31};
	list->kind = LIVE_LIST_PREFIXES;
	list->now = prefix_index_build(members, COUNT);
	free(members);
	return blob;
}

/* Likewise subscribers, who have every second address. */
static struct policy_blob *subscribers_new(void)
{
	struct policy_blob *blob = policy_blob_new(sizeof(struct live_list));
	struct live_list *list = (void *)blob->data;
	struct subscriber_builder *builder = subscriber_builder_new();
	struct subscriber_entry entry = {.prefix.length = 32, .id = "somebody", .id_length = 8};
	for (unsigned i = 0; i < 60000; i += 2) {
		entry.line = i + 1;
		entry.prefix.address[0] = 10;
		entry.prefix.address[2] = (uint8_t)(i >> 8);
		entry.prefix.address[3] = (uint8_t)i;
		ck_assert_int_eq(subscriber_builder_add(builder, &entry), 0);
	}
	list->kind = LIVE_LIST_SUBSCRIBERS;
	list->now = subscriber_builder_finish(builder, NULL, NULL);
	return blob;
}

START_TEST(clients_are_asked_for_a_burst)
{
	enum { BURST = 32 };
	static struct packet_sample packets[BURST];
	struct rte_mbuf *mbufs[BURST];
	struct rule_ahead *ahead = &bench->context.ahead;
	struct policy_blob *prefixes = prefixes_new(), *subscribers = subscribers_new();
	list_rule(CHAIN_QUERY, prefixes, MATCHED_CLIENT);
	list_rule(CHAIN_QUERY, subscribers, MATCHED_CLIENT);
	bench_compile(bench);
	for (unsigned i = 0; i < BURST; i++) {
		packet_sample_query(&packets[i], "good.test", 1, false);
		memcpy(packets[i].packet.query.client_addr, (uint8_t[4]){10, 0, 0, (uint8_t)i}, 4);
		mbufs[i] = &packets[i].mbuf;
	}
	rule_ahead_find(ahead, bench->policy, mbufs, BURST);
	ck_assert_uint_eq(ahead->n_lists, 2);
	/* What was found is taken, though the list is another by now ... */
	const void *now = ((struct live_list *)(void *)prefixes->data)->now;
	((struct live_list *)(void *)prefixes->data)->now = NULL;
	for (unsigned i = 0; i < BURST; i++) { /* in no order */
		unsigned n = i * 7 % BURST;
		bool dropped = bench_run(bench, CHAIN_QUERY, &packets[n], 0) == RULE_DROP;
		ck_assert_int_eq(dropped, n % 2 == 0 || n == 3);
		if (dropped)
			ck_assert_uint_eq(packets[n].packet.rule_cursor, n / 2 != 1);
	}
	/* ... until the packet is another, or the burst ends. */
	rule_ahead_forget(ahead, mbufs[3]);
	ck_assert_int_eq(bench_run(bench, CHAIN_QUERY, &packets[3], 0), RULE_NEXT);
	ck_assert_int_eq(bench_run(bench, CHAIN_QUERY, &packets[2], 0), RULE_DROP);
	ck_assert_uint_eq(packets[2].packet.rule_cursor, 0);
	rule_ahead_end(ahead);
	ck_assert_int_eq(bench_run(bench, CHAIN_QUERY, &packets[2], 0), RULE_DROP);
	ck_assert_uint_eq(packets[2].packet.rule_cursor, 1);
	policy_free(bench->policy);
	bench->policy = NULL;
	policy_rules_clear(bench->model, CHAIN_QUERY);
	prefix_index_free((void *)(uintptr_t)now);
	subscriber_table_free((void *)(uintptr_t)live_list_subscribers((void *)subscribers->data));
	policy_blob_release(prefixes);
	policy_blob_release(subscribers);
}
END_TEST

static Suite *rules_ahead_suite(void)
{
	Suite *suite = suite_create("rules_ahead");
	TCase *tcase = tcase_create("bursts");
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, lists_are_asked_for_a_burst);
	tcase_add_test(tcase, clients_are_asked_for_a_burst);
	suite_add_tcase(suite, tcase);
	return suite;
}

UNIT_MAIN(rules_ahead_suite)
