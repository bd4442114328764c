/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Source ports that bring answers home, by DPDK's own software RSS; and what ports are asked for, by a
 * device made up here in the place of ethdev's functions.
 */
#include "dataplane/net/steer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>

#include <rte_ethdev.h>
#include <rte_flow.h>
#include <rte_malloc.h>
#include <rte_thash.h>

#include "dataplane/port.h"
#include "tests/unit/unit.h"

/* Of Microsoft's verification suite for RSS, with its vectors below. */
static const uint8_t key_known[NET_STEER_KEY_MIN] __rte_aligned(4) = {
	0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67, 0x25, 0x3d, 0x43, 0xa3,
	0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb, 0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3,
	0x80, 0x30, 0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa};

static struct net_steer *filled(const uint8_t *key, unsigned entries, unsigned queues, bool ipv6)
{
	uint16_t table[NET_STEER_ENTRIES_MAX];
	struct net_steer *steer = calloc(1, sizeof(*steer));
	for (unsigned i = 0; i < entries; i++)
		table[i] = (uint16_t)(i % queues);
	ck_assert_int_eq(net_steer_fill(steer, key, table, entries, queues, ipv6), 0);
	return steer;
}

static struct net_address address(const char *text)
{
	struct net_address made = {.ipv6 = strchr(text, ':') != NULL};
	ck_assert_int_eq(inet_pton(made.ipv6 ? AF_INET6 : AF_INET, text, made.bytes), 1);
	return made;
}

/* As a NIC does it, from the bytes in the order of the packet. */
static uint32_t nic_hash(const uint8_t *key, const struct net_address *server, uint16_t port,
			 const struct net_address *ours, uint16_t source_port)
{
	uint8_t bytes[36];
	size_t n = server->ipv6 ? 16 : 4;
	uint32_t hash = 0;
	memcpy(bytes, server->bytes, n);
	memcpy(bytes + n, ours->bytes, n);
	memcpy(bytes + 2 * n, (uint8_t[]){port >> 8, port & 255, source_port >> 8, source_port & 255}, 4);
	for (unsigned bit = 0; bit < 8 * (2 * n + 4); bit++) {
		uint64_t window = 0; /* 32 bits of the key from this bit on */
		for (unsigned i = 0; i < 5; i++)
			window = window << 8 | key[bit / 8 + i];
		if (bytes[bit / 8] & 0x80 >> bit % 8)
			hash ^= (uint32_t)(window >> (8 - bit % 8));
	}
	return hash;
}

START_TEST(the_hash_is_the_known_one)
{
	static const struct {
		const char *server, *ours;
		uint16_t port, source_port;
		uint32_t hash;
	} known[] = {
		{"66.9.149.187", "161.142.100.80", 2794, 1766, 0x51ccc178},
		{"199.92.111.2", "65.69.140.83", 14230, 4739, 0xc626b0ea},
		{"3ffe:2501:200:1fff::7", "3ffe:2501:200:3::1", 2794, 1766, 0x40207d3d},
	};
	const struct net_address server = address(known[_i].server), ours = address(known[_i].ours);
	struct net_steer *steer = filled(key_known, 512, 64, server.ipv6);
	ck_assert_uint_eq(nic_hash(key_known, &server, known[_i].port, &ours,
				   known[_i].source_port), known[_i].hash);
	ck_assert_uint_eq(net_steer_hash(steer, &server, known[_i].port, &ours),
			  nic_hash(key_known, &server, known[_i].port, &ours, 0));
	ck_assert_uint_eq(net_steer_queue(steer, server.bytes, known[_i].port, ours.bytes,
					  known[_i].source_port), known[_i].hash % 512 % 64);
	free(steer);
}
END_TEST

/* Every port drawn leads home, the workers share none, and together they have them all. */
START_TEST(ports_lead_home)
{
	static const struct {
		unsigned entries, queues;
		bool symmetric, ipv6;
		uint32_t least;
	} rows[] = {
		{128, 2, false, false, 24576}, {128, 4, false, true, 12288},
		{64, 3, false, false, 16128},  {512, 12, false, true, 4032},
		{512, 64, false, false, 768},  {128, 4, true, false, 12288},
		{256, 16, true, true, 3072},
	};
	uint8_t key[NET_STEER_KEY_MIN];
	for (unsigned i = 0; i < sizeof(key); i++)
		key[i] = rows[_i].symmetric ? (i % 2 == 0 ? 0x6d : 0x5a) : key_known[i];
	const struct net_address ours = address(rows[_i].ipv6 ? "fd53::1" : "10.53.0.1");
	struct net_address server = address(rows[_i].ipv6 ? "fd53::2" : "10.53.0.2");
	struct net_steer *steer = filled(key, rows[_i].entries, rows[_i].queues, rows[_i].ipv6);
	ck_assert_uint_eq(steer->least, rows[_i].least);
	for (unsigned servers = 0; servers < 3; servers++) {
		static uint8_t owner[65536];
		unsigned used = 0, wrong = 0;
		memset(owner, 0, sizeof(owner));
		server.bytes[3] = (uint8_t)(2 + 77 * servers);
		struct net_steer_way way = {steer, net_steer_hash(steer, &server, 53, &ours), 0};
		srandom(1);
		for (unsigned i = 0; i < 600000; i++) {
			way.queue = i % rows[_i].queues;
			uint16_t port = net_steer_draw(&way, (uint32_t)random() << 1);
			used += owner[port] == 0;
			wrong += port < NET_STEER_PORTS_FIRST ||
				 (owner[port] != 0 && owner[port] != way.queue + 1) ||
				 (i < 2000 && nic_hash(key, &server, 53, &ours, port) %
						       rows[_i].entries % rows[_i].queues !=
					       way.queue);
			owner[port] = (uint8_t)(way.queue + 1);
		}
		ck_assert_uint_eq(wrong, 0);
		ck_assert_uint_gt(used, 49150); /* of 49,152; all but e^-12 of them are drawn */
	}
	free(steer);
}
END_TEST

START_TEST(what_cannot_be_used)
{
	static const uint8_t zeros[NET_STEER_KEY_MIN];
	struct net_steer *steer = calloc(1, sizeof(*steer));
	uint16_t table[NET_STEER_ENTRIES_MAX] = {0};
	/* Nothing leads to the second queue. */
	ck_assert_int_eq(net_steer_fill(steer, key_known, table, 128, 2, false), -ENOTSUP);
	for (unsigned i = 0; i < 128; i++)
		table[i] = (uint16_t)(i % 2);
	memset(steer, 0, sizeof(*steer));
	ck_assert_int_eq(net_steer_fill(steer, zeros, table, 128, 2, false), -ENOTSUP);
	ck_assert_int_eq(net_steer_fill(steer, key_known, table, 96, 2, false), -ENOTSUP);
	ck_assert_int_eq(net_steer_fill(steer, key_known, table, 0, 2, false), -ENOTSUP);
	ck_assert_int_eq(net_steer_fill(steer, key_known, table, 128, 1, false), -ENOTSUP);
	memset(steer, 0, sizeof(*steer));
	ck_assert_int_eq(net_steer_fill(steer, key_known, table, 128, 2, false), 0);
	free(steer);
}
END_TEST

/* ---- a device in the place of ethdev's ---- */

#define RULES_MAX 32u

static struct {
	const char *driver;
	uint64_t types;
	uint16_t entries;
	bool table_set; /* may be */
	uint16_t table[NET_STEER_ENTRIES_MAX];
	unsigned rules_room, rules, allocations;
	struct {
		uint16_t ports, mask, queue;
		enum rte_flow_item_type family;
		bool vlan;
	} rule[RULES_MAX];
} device;

int rte_eth_dev_info_get(uint16_t id, struct rte_eth_dev_info *info)
{
	*info = (struct rte_eth_dev_info){.driver_name = device.driver,
					  .reta_size = device.entries,
					  .hash_key_size = NET_STEER_KEY_MIN};
	return id == 0 ? 0 : -ENODEV;
}

int rte_eth_dev_socket_id(uint16_t id)
{
	return id == 0 ? 0 : -1;
}

int rte_eth_dev_rss_hash_conf_get(uint16_t id, struct rte_eth_rss_conf *conf)
{
	conf->rss_hf = device.types;
	memcpy(conf->rss_key, key_known, sizeof(key_known));
	return id == 0 ? 0 : -ENODEV;
}

int rte_eth_dev_rss_reta_query(uint16_t id, struct rte_eth_rss_reta_entry64 *groups, uint16_t size)
{
	for (unsigned i = 0; i < size; i++)
		groups[i / 64].reta[i % 64] = device.table[i];
	return id == 0 && size == device.entries ? 0 : -EINVAL;
}

int rte_eth_dev_rss_reta_update(uint16_t id, struct rte_eth_rss_reta_entry64 *groups, uint16_t size)
{
	if (id != 0 || !device.table_set)
		return -ENOTSUP;
	for (unsigned i = 0; i < size; i++)
		if (groups[i / 64].mask >> i % 64 & 1)
			device.table[i] = groups[i / 64].reta[i % 64];
	return 0;
}

int rte_flow_validate(uint16_t id, const struct rte_flow_attr *attr,
		      const struct rte_flow_item pattern[], const struct rte_flow_action actions[],
		      struct rte_flow_error *error)
{
	(void)error;
	return id == 0 && attr->ingress && pattern[0].type == RTE_FLOW_ITEM_TYPE_ETH &&
			       actions[0].type == RTE_FLOW_ACTION_TYPE_QUEUE && device.rules_room > 0
		       ? 0
		       : -ENOTSUP;
}

struct rte_flow *rte_flow_create(uint16_t id, const struct rte_flow_attr *attr,
				 const struct rte_flow_item pattern[],
				 const struct rte_flow_action actions[],
				 struct rte_flow_error *error)
{
	unsigned at = 1, number = device.rules;
	if (rte_flow_validate(id, attr, pattern, actions, error) != 0 || number == device.rules_room)
		return NULL;
	device.rule[number].vlan = pattern[at].type == RTE_FLOW_ITEM_TYPE_VLAN;
	at += device.rule[number].vlan;
	device.rule[number].family = pattern[at++].type;
	const struct rte_flow_item_udp *udp = pattern[at].spec, *mask = pattern[at].mask;
	device.rule[number].ports = rte_be_to_cpu_16(udp->hdr.dst_port);
	device.rule[number].mask = rte_be_to_cpu_16(mask->hdr.dst_port);
	device.rule[number].queue = ((const struct rte_flow_action_queue *)actions[0].conf)->index;
	return (struct rte_flow *)&device.rule[device.rules++];
}

int rte_flow_destroy(uint16_t id, struct rte_flow *flow, struct rte_flow_error *error)
{
	(void)flow;
	(void)error;
	device.rules--;
	return id;
}

int rte_flow_flush(uint16_t id, struct rte_flow_error *error)
{
	(void)error;
	device.rules = 0;
	return id;
}

void *rte_zmalloc_socket(const char *type, size_t size, unsigned align, int socket)
{
	(void)type;
	void *memory = socket == 0 ? aligned_alloc(align, RTE_ALIGN(size, align)) : NULL;
	device.allocations++;
	return memory == NULL ? NULL : memset(memory, 0, size);
}

void rte_free(void *memory)
{
	device.allocations -= memory != NULL;
	free(memory);
}

#define UDP_BOTH (RTE_ETH_RSS_NONFRAG_IPV4_UDP | RTE_ETH_RSS_NONFRAG_IPV6_UDP)

static void device_setup(void)
{
	memset(&device, 0, sizeof(device));
	device.driver = "net_model";
	device.types = UDP_BOTH;
	device.entries = 128;
	device.table_set = true;
	device.rules_room = RULES_MAX;
}

static char text[256];
static struct port port;
static struct net_port net;

static int steer(enum port_steering wanted, uint16_t queues)
{
	struct port_options options = {.name = "edge", .queues = queues, .steering = wanted,
				       .ports_share = 8192};
	port = (struct port){0};
	net = (struct net_port){0};
	return port_steer(&options, &port, &net, text, sizeof(text));
}

static void ways(enum port_steering ipv4, enum port_steering ipv6)
{
	ck_assert_str_eq(port_steering_name(port.steering[0]), port_steering_name(ipv4));
	ck_assert_str_eq(port_steering_name(port.steering[1]), port_steering_name(ipv6));
	ck_assert(!net.steer[0] == (ipv4 != PORT_STEERING_RSS));
	ck_assert(!net.steer[1] == (ipv6 != PORT_STEERING_RSS));
	ck_assert_uint_eq(port.source_ports[0], ipv4 == PORT_STEERING_RSS ? 12288 : 8192);
	port_unsteer(&port);
	ck_assert_uint_eq(device.rules, 0);
	ck_assert_uint_eq(device.allocations, 0);
}

/* Its table leads to queue 0 alone at first, as those of some devices do. */
START_TEST(rss_is_preferred)
{
	ck_assert_int_eq(steer(PORT_STEERING_AUTO, 4), 0);
	ck_assert_uint_eq(device.rules, 0);
	ck_assert_uint_eq(device.table[127], 3);
	ways(PORT_STEERING_RSS, PORT_STEERING_RSS);
	ck_assert_int_eq(steer(PORT_STEERING_AUTO, 1), 0);
	ways(PORT_STEERING_SINGLE, PORT_STEERING_SINGLE);
}
END_TEST

START_TEST(rules_where_rss_does_not_do)
{
	device.types = RTE_ETH_RSS_NONFRAG_IPV4_UDP | RTE_ETH_RSS_IPV6; /* by addresses alone */
	ck_assert_int_eq(steer(PORT_STEERING_AUTO, 4), 0);
	ck_assert_uint_eq(device.rules, 4);
	for (unsigned i = 0; i < 4; i++) {
		ck_assert_int_eq(device.rule[i].family, RTE_FLOW_ITEM_TYPE_IPV6);
		ck_assert_uint_eq(device.rule[i].queue, i);
		ck_assert_uint_eq(device.rule[i].ports, 16384 + 8192 * i);
		ck_assert_uint_eq(device.rule[i].mask, 0xe000);
	}
	ways(PORT_STEERING_RSS, PORT_STEERING_FLOW);
	ck_assert_int_eq(steer(PORT_STEERING_FLOW, 4), 0);
	ck_assert_uint_eq(device.rules, 8);
	ways(PORT_STEERING_FLOW, PORT_STEERING_FLOW);
}
END_TEST

START_TEST(the_ring_where_neither_works)
{
	device.table_set = false; /* and no entry is queue 1's */
	device.rules_room = 6;	  /* for one family */
	ck_assert_int_eq(steer(PORT_STEERING_AUTO, 4), 0);
	ck_assert_uint_eq(device.rules, 4);
	ways(PORT_STEERING_FLOW, PORT_STEERING_RING);
	device.driver = "net_tap";
	ck_assert_int_eq(steer(PORT_STEERING_AUTO, 4), 0);
	ways(PORT_STEERING_RING, PORT_STEERING_RING);
	device_setup();
	ck_assert_int_eq(steer(PORT_STEERING_RING, 4), 0);
	ways(PORT_STEERING_RING, PORT_STEERING_RING);
}
END_TEST

START_TEST(what_is_asked_for_and_not_there)
{
	device.entries = 0;
	ck_assert_int_eq(steer(PORT_STEERING_RSS, 2), -ENOTSUP);
	ck_assert_ptr_nonnull(strstr(text, "port edge: steering: rss"));
	port_unsteer(&port);
	device.rules_room = 3;
	ck_assert_int_eq(steer(PORT_STEERING_FLOW, 2), -ENOTSUP);
	ck_assert_ptr_nonnull(strstr(text, "port edge: steering: flow"));
	port_unsteer(&port);
	ck_assert_uint_eq(device.rules, 0);
}
END_TEST

static Suite *steer_suite(void)
{
	Suite *suite = suite_create("steer");
	TCase *draw = tcase_create("draw"), *ports = tcase_create("ports");
	tcase_add_loop_test(draw, the_hash_is_the_known_one, 0, 3);
	tcase_add_loop_test(draw, ports_lead_home, 0, 7);
	tcase_add_test(draw, what_cannot_be_used);
	tcase_add_checked_fixture(ports, device_setup, NULL);
	tcase_add_test(ports, rss_is_preferred);
	tcase_add_test(ports, rules_where_rss_does_not_do);
	tcase_add_test(ports, the_ring_where_neither_works);
	tcase_add_test(ports, what_is_asked_for_and_not_there);
	suite_add_tcase(suite, draw);
	suite_add_tcase(suite, ports);
	return suite;
}

UNIT_MAIN(steer_suite)
