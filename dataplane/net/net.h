/* SPDX-License-Identifier: BSD-2-Clause */
/* What the net room shares: a port's link-level identity, addresses, and where frames go out. */
#ifndef SLUICE_DATAPLANE_NET_NET_H
#define SLUICE_DATAPLANE_NET_NET_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <rte_ether.h>
#include <rte_mbuf.h>

#include "dataplane/hash.h"

#define NET_PORTS_MAX 16
#define NET_PORT_ADDRESSES_MAX 32
#define NET_PORT_GATEWAYS_MAX 4
#define NET_TX_BURST 64

/* IPv4 in the first four bytes, the rest zero, so that 16 bytes always compare. */
struct net_address {
	uint8_t bytes[16];
	uint8_t ipv6; /* 1: IPv6 */
};

struct net_prefix {
	struct net_address address; /* the port's own address, host bits included */
	uint8_t length;
};

struct net_steer;

/* Written at start-up, read by workers. */
struct net_port {
	uint16_t id; /* DPDK port */
	uint16_t mtu;
	uint16_t message_safe; /* net_message_safe() of its MTU */
	uint16_t vlan; /* 0: untagged */
	bool fragments; /* larger messages leave in fragments, not truncated */
	bool tx_ip_checksum; /* the port computes the IPv4 header checksum */
	bool tx_udp_checksum;
	struct rte_ether_addr mac;
	const struct net_steer *steer[2]; /* of IPv4, of IPv6; NULL: workers have ranges of ports */
	uint8_t n_addresses;
	uint8_t n_gateways;
	struct net_prefix addresses[NET_PORT_ADDRESSES_MAX]; /* IPv6 link-local of the MAC included */
	struct net_address gateways[NET_PORT_GATEWAYS_MAX];
};

/* Frames waiting for the one transmit call per burst and port. Owned by one worker. */
struct net_tx {
	uint16_t count;
	struct rte_mbuf *mbufs[2 * NET_TX_BURST];
};

/* Bytes of a UDP message that one packet of this MTU takes. */
static inline uint16_t net_message_room(uint16_t mtu, bool ipv6)
{
	uint16_t headers = (ipv6 ? 40 : 20) + 8;
	return mtu > headers ? (uint16_t)(mtu - headers) : 0;
}

/* Bytes of a UDP message that leaves by this port in one packet whatever the path (RFC 9715). */
#define NET_MESSAGE_SAFE 1232u
static inline uint16_t net_message_safe(uint16_t mtu)
{
	return RTE_MIN(net_message_room(mtu, true), NET_MESSAGE_SAFE);
}

/* Of an address and what goes with it, so that nobody else can tell which share a bucket. */
static inline uint32_t net_address_hash(const struct net_address *address, const uint64_t seeds[2],
					uint64_t more)
{
	uint64_t words[2];
	memcpy(words, address->bytes, sizeof(words));
	return (uint32_t)hash_pair(words, seeds[0] ^ more, seeds[1]);
}

static inline bool net_address_equal(const struct net_address *a, const struct net_address *b)
{
	return a->ipv6 == b->ipv6 && memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

#endif
