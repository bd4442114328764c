/* SPDX-License-Identifier: BSD-2-Clause */
/* The stages of one worker, without its loop. */
#include <rte_ring.h>

#include "dataplane/pipeline_parts.h"
#include "tests/unit/net_lab.h"
#include "tests/unit/unit.h"

#define RING_SIZE 64u

static struct dataplane dataplane;
static struct worker worker;
static struct policy policy, next_policy;
static struct backend server;
static struct backend *servers[] = {&server};
static struct backend_stats server_stats[1];

/* Which policy each look at the rules was for. The first ends at a rule in Lua, the next with a drop. */
static const struct policy *looked[2];
static unsigned looks;

enum rule_verdict __wrap_rule_chain_run(const struct policy *now, enum chain_id chain,
					struct rte_mbuf *mbuf, uint16_t cursor,
					struct rule_context *context);

enum rule_verdict __wrap_rule_chain_run(const struct policy *now, enum chain_id chain,
					struct rte_mbuf *mbuf, uint16_t cursor,
					struct rule_context *context)
{
	(void)chain;
	(void)context;
	ck_assert_uint_lt(looks, 2);
	ck_assert_uint_eq(cursor, looks);
	looked[looks] = now;
	packet_of(mbuf)->rule_cursor = cursor;
	packet_of(mbuf)->drop_reason = DROP_RULE;
	worker.policy = &next_policy;
	return looks++ == 0 ? RULE_LUA : RULE_DROP;
}

static struct rte_ring *ring_make(void)
{
	struct rte_ring *ring = malloc((size_t)rte_ring_get_memsize(RING_SIZE));
	ck_assert_int_eq(rte_ring_init(ring, "ring", RING_SIZE, 0), 0);
	return ring;
}

static void setup(void)
{
	lab_setup();
	memset(&worker, 0, sizeof(worker));
	server = (struct backend){.address = lab_ipv4(10, 53, 0, 53), .port = 53, .proxy = true};
	policy = (struct policy){.generation = 1, .n_backends = 1, .backends = servers};
	next_policy = (struct policy){.generation = 2};
	looks = 0;
	dataplane = (struct dataplane){
		.n_ports = 1, .n_workers = 1, .ports = {lab_port(0)}, .routed = {true},
		.parking = {.small = &lab_pool, .large = &lab_pool},
		.tcp_small = &lab_pool, .tcp_large = &lab_pool,
	};
	dataplane.ports[0].mtu = 9000;
	worker.policy = &policy;
	worker.dataplane = &dataplane;
	worker.backends = server_stats;
	worker.path_mtu = path_mtu_create();
	worker.handoff.tcp_out = ring_make();
	worker.handoff.to_control = ring_make();
}

static void teardown(void)
{
	path_mtu_destroy(worker.path_mtu);
	free(worker.handoff.tcp_out);
	free(worker.handoff.to_control);
}

/* A query for the root, with bytes behind it, that came over TCP. */
static struct rte_mbuf *query_make(uint16_t length)
{
	static const uint8_t question[] = {0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1};
	struct rte_mbuf *mbuf = lab_mbuf(LAB_FRAME_MAX);
	struct packet *packet = packet_of(mbuf);
	*packet = (struct packet){0};
	packet->kind = PACKET_QUERY;
	packet->query.flags = QUERY_TCP;
	packet->query.qname_length = 1;
	packet->query.qtype = packet->query.qclass = 1;
	packet_dns_resize(mbuf, length);
	memset(packet_dns(mbuf), 0, length);
	memcpy(packet_dns(mbuf), question, sizeof(question));
	return mbuf;
}

/* Its way over UDP takes both together, but no buffer does. */
START_TEST(a_query_without_room_for_its_proxy_header_leaves_nothing_behind)
{
	static const uint8_t value[300];
	struct rte_mbuf *mbuf = query_make(4100);
	ck_assert_int_eq(proxy_value_add(&packet_of(mbuf)->query.notes, 1, value, sizeof(value)), 0);
	pipeline_forward_chosen(&worker, mbuf);
	ck_assert_uint_eq(worker.stats.drop[DROP_TOO_LARGE], 1);
	ck_assert_uint_eq(rte_ring_count(worker.handoff.tcp_out), 1);
	ck_assert_uint_eq(lab_outstanding, 0);
}
END_TEST

/* With the ring to the control lcore full it goes on at the next rule: of the same policy. */
START_TEST(a_query_meets_the_rules_of_one_policy)
{
	struct rte_mbuf *mbuf = query_make(17);
	worker.handing = (uint16_t)rte_ring_free_count(worker.handoff.to_control);
	pipeline_chain_run(&worker, mbuf, CHAIN_QUERY, 0);
	ck_assert_uint_eq(worker.stats.counter[STATS_OVERFLOW], 1);
	ck_assert_uint_eq(worker.stats.drop[DROP_RULE], 1);
	ck_assert_uint_eq(looks, 2);
	ck_assert_ptr_eq(looked[0], &policy);
	ck_assert_ptr_eq(looked[1], &policy);
	ck_assert_uint_eq(lab_outstanding, 0);
}
END_TEST

static Suite *suite(void)
{
	Suite *made = suite_create("pipeline");
	TCase *tests = tcase_create("buffers");
	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, a_query_without_room_for_its_proxy_header_leaves_nothing_behind);
	suite_add_tcase(made, tests);
	TCase *swaps = tcase_create("policies");
	tcase_add_checked_fixture(swaps, setup, teardown);
	tcase_add_test(swaps, a_query_meets_the_rules_of_one_policy);
	suite_add_tcase(made, swaps);
	return made;
}

UNIT_MAIN(suite)
