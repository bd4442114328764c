/* SPDX-License-Identifier: BSD-2-Clause */
/* What becomes of a packet that is to be tagged where there is no memory, and where that is counted. */
#include <string.h>

#include "dataplane/pipeline_parts.h"
#include "dataplane/rules/block_set.h"
#include "tests/unit/rule_samples.h"
#include "tests/unit/unit.h"

static volatile bool poor;

void *__wrap_malloc(size_t size);
void *__real_malloc(size_t size);

void *__wrap_malloc(size_t size)
{
	return poor ? NULL : __real_malloc(size);
}

/* Where blocks may send a query; one that is only tagged goes on. */
void pipeline_drop(struct worker *worker, struct rte_mbuf *mbuf, enum drop_reason reason)
{
	(void)mbuf;
	ck_abort_msg("worker %u drops: %d", worker->index, reason);
}

void pipeline_answer(struct worker *worker, struct rte_mbuf *mbuf)
{
	(void)mbuf;
	ck_abort_msg("worker %u answers", worker->index);
}

void pipeline_cache_ask(struct worker *worker, struct rte_mbuf *mbuf)
{
	(void)mbuf;
	ck_abort_msg("worker %u asks its cache", worker->index);
}

static struct rule_bench *bench;
static struct packet_sample packet;

static void setup(void)
{
	poor = false;
	bench = bench_new();
	packet_sample_query(&packet, "www.example.com", DNS_TYPE_A, true);
}

static void teardown(void)
{
	notes_free(&packet.packet.query.notes);
	bench_free(bench);
}

static bool is_tagged(void)
{
	return tag_get(packet.packet.query.notes, "k", 1, NULL, NULL);
}

static enum rule_verdict tag_by_rule(enum chain_id chain, bool without_memory)
{
	bench_rule(bench, chain, policy_selector_all(bench->model),
		   policy_action_tag(bench->model, "k", 1, "v", 1));
	bench_compile(bench);
	poor = without_memory;
	enum rule_verdict verdict = bench_run(bench, chain, &packet, 0);
	poor = false;
	return verdict;
}

START_TEST(a_rule_tags)
{
	ck_assert_int_eq(tag_by_rule(CHAIN_QUERY, false), RULE_NEXT);
	ck_assert(is_tagged());
	ck_assert_uint_eq(bench->stats.counter[STATS_RULE_UNNOTED], 0);
}
END_TEST

START_TEST(a_query_that_a_rule_cannot_tag_fails)
{
	ck_assert_int_eq(tag_by_rule(CHAIN_QUERY, true), RULE_ANSWER);
	ck_assert_uint_eq(dns_header_of(packet_dns(&packet.mbuf))->rcode, DNS_RCODE_SERVFAIL);
	ck_assert(!is_tagged());
	ck_assert_uint_eq(bench->stats.counter[STATS_RULE_UNNOTED], 1);
	ck_assert_uint_eq(bench->stats.counter[STATS_RULE_SERVFAIL], 1);
}
END_TEST

START_TEST(a_response_that_a_rule_cannot_tag_is_dropped)
{
	ck_assert_int_eq(tag_by_rule(CHAIN_RESPONSE, true), RULE_DROP);
	ck_assert_uint_eq(packet.packet.drop_reason, DROP_RULE_RESPONSE);
	ck_assert_uint_eq(bench->stats.counter[STATS_RULE_UNNOTED], 1);
}
END_TEST

/* Two queries of a client with such a block, without memory and with it. */
START_TEST(a_query_that_a_block_cannot_tag_goes_on)
{
	const struct blocks *now = NULL;
	struct block_set *set = block_set_create(&now, NULL, 1, 42);
	const struct block_order order = {.reason = "why", .until = 1000, .action = RULE_RESULT_SET_TAG,
					  .tag = "k", .tag_length = 1, .value = "v", .value_length = 1};
	static struct worker worker;
	struct block_client client;
	worker.now = 10;
	worker.queries[0] = &packet.mbuf;
	ck_assert_ptr_nonnull(set);
	ck_assert_int_eq(block_client_make(&client, packet.packet.query.client_addr, false, 32, 0, 0), 0);
	ck_assert_int_eq(block_set_add_client(set, &client, &order, 10), BLOCK_ADDED);
	poor = true;
	uint16_t passed = pipeline_blocks(&worker, now, 1);
	poor = false;
	ck_assert_uint_eq(passed, 1);
	ck_assert(!is_tagged());
	ck_assert_uint_eq(worker.stats.counter[STATS_DYN_UNTAGGED], 1);
	ck_assert_uint_eq(pipeline_blocks(&worker, now, 1), 1);
	ck_assert(is_tagged());
	ck_assert_uint_eq(worker.stats.counter[STATS_DYN_UNTAGGED], 1);
	ck_assert_uint_eq(worker.stats.counter[STATS_DYN_BLOCKED], 2);
	block_set_destroy(set);
}
END_TEST

static Suite *suite(void)
{
	Suite *made = suite_create("untagged");
	TCase *untagged = tcase_create("untagged");
	tcase_add_checked_fixture(untagged, setup, teardown);
	tcase_add_test(untagged, a_rule_tags);
	tcase_add_test(untagged, a_query_that_a_rule_cannot_tag_fails);
	tcase_add_test(untagged, a_response_that_a_rule_cannot_tag_is_dropped);
	tcase_add_test(untagged, a_query_that_a_block_cannot_tag_goes_on);
	suite_add_tcase(made, untagged);
	return made;
}

UNIT_MAIN(suite)
