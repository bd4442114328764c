/* SPDX-License-Identifier: BSD-2-Clause */
/* A neighbour table between two ports, with time as the test has it. */
#ifndef SLUICE_TESTS_NEIGHBOUR_LAB_H
#define SLUICE_TESTS_NEIGHBOUR_LAB_H

#include "dataplane/net/neighbour.h"
#include "tests/unit/net_lab.h"
#include "tests/unit/net_samples.h"
#include "tests/unit/unit.h"

#define START 1000000u /* ms */
#define TURNS 64u      /* calls of neighbour_tick() after which every entry has had its turn */

static struct net_port ports[2]; /* the second in VLAN 5 */
static struct net_tx tx[2];
static struct stats stats;
static struct neighbour_table *table;
static struct net_address peer, peer6;

static inline void setup(void)
{
	lab_setup();
	ports[0] = lab_port(0);
	ports[1] = lab_port(5);
	memset(tx, 0, sizeof(tx));
	memset(&stats, 0, sizeof(stats));
	peer = lab_ipv4(10, 53, 0, 2);
	peer6 = lab_ipv6(2);
	table = neighbour_create(ports, 2, &lab_pool, tx, &stats);
	ck_assert_ptr_nonnull(table);
}

static inline void teardown(void)
{
	neighbour_destroy(table);
	ck_assert_uint_eq(tx[0].count + tx[1].count, 0);
	ck_assert_uint_eq(lab_outstanding, 0);
}

static inline void deliver(uint8_t port, struct rte_mbuf *mbuf, uint64_t now, bool reply)
{
	uint8_t reason = DROP_NONE;
	enum net_class class = net_frame_classify(&ports[port], mbuf, &reason);
	if (class == NET_CLASS_ARP) {
		neighbour_arp_input(table, port, mbuf, now, reply);
	} else {
		ck_assert_int_eq(class, NET_CLASS_ICMP6);
		ck_assert(neighbour_nd_wants(mbuf));
		neighbour_nd_input(table, port, mbuf, now, reply);
	}
}

static inline void arrive(const char *hex, uint64_t now)
{
	deliver(0, lab_frame(hex), now, true);
}

static inline void tick(uint64_t now)
{
	for (unsigned i = 0; i < TURNS; i++)
		neighbour_tick(table, now);
}

static inline enum neighbour_result resolve(struct net_address address, uint64_t now)
{
	struct rte_ether_addr mac;
	return neighbour_resolve(table, 0, &address, now, &mac);
}

/* Whether the address is known, and with the MAC that ends so. */
static inline bool known_as(struct net_address address, uint64_t now, uint8_t last)
{
	struct rte_ether_addr mac, expected = lab_mac(last);
	return neighbour_resolve(table, 0, &address, now, &mac) == NEIGHBOUR_HIT &&
	       rte_is_same_ether_addr(&mac, &expected);
}

/* Asks for an address and forgets the question; false if it was known. */
static inline bool unknown(struct net_address address, uint64_t now)
{
	bool pending = resolve(address, now) == NEIGHBOUR_PENDING;
	rte_pktmbuf_free(lab_sent(&tx[0]));
	return pending;
}

static inline void park(const char *hex, struct net_address address)
{
	struct rte_mbuf *mbuf = lab_frame(hex);
	memset(rte_pktmbuf_mtod(mbuf, void *), 0, 6);
	ck_assert(neighbour_park(table, 0, &address, mbuf));
}

static inline void forget_sent(void)
{
	for (struct rte_mbuf *mbuf; (mbuf = lab_sent(&tx[0])) != NULL;)
		rte_pktmbuf_free(mbuf);
}

static inline void learn_both(uint64_t now)
{
	arrive(SAMPLE_ARP_REQUEST_IN, now);
	arrive(SAMPLE_NS_IN, now);
	forget_sent();
}

/* An ARP request from a host of 10.53.0.0/16, with a MAC that ends in `last`. */
static inline struct rte_mbuf *arp_from(uint8_t c, uint8_t d, uint8_t last, uint8_t opcode,
					uint8_t target)
{
	uint8_t bytes[LAB_FRAME_MAX];
	size_t length = lab_bytes(SAMPLE_ARP_REQUEST_IN, bytes);
	bytes[21] = opcode;
	bytes[27] = last;
	bytes[30] = c;
	bytes[31] = d;
	bytes[41] = target;
	return lab_frame_bytes(bytes, length, 0);
}

#endif
