/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The net room without EAL: a pool of plain memory that rte_pktmbuf_alloc() and rte_pktmbuf_free()
 * work on, a port, and frames out of hexadecimal. Every frame has a buffer of its own; a tight one
 * ends with the frame, so that a sanitizer sees the first byte read beyond it.
 */
#ifndef SLUICE_TESTS_NET_LAB_H
#define SLUICE_TESTS_NET_LAB_H

#include <stdlib.h>

#include <rte_ip.h>
#include <rte_mempool.h>

#include "dataplane/net/frame.h"
#include "dataplane/packet.h"
#include "dataplane/stats.h"

#define LAB_HEADROOM RTE_PKTMBUF_HEADROOM
#define LAB_FRAME_MAX (PACKET_DATA_SIZE - RTE_PKTMBUF_HEADROOM)

static unsigned lab_outstanding; /* buffers that somebody holds */
static bool lab_empty;		 /* the pool gives none */
static struct rte_mempool lab_pool;

static inline struct rte_mbuf *lab_mbuf(size_t room)
{
	struct rte_mbuf *mbuf =
		aligned_alloc(RTE_CACHE_LINE_SIZE, sizeof(*mbuf) + PACKET_PRIVATE_SIZE);
	memset(mbuf, 0xa5, sizeof(*mbuf) + PACKET_PRIVATE_SIZE);
	memset(mbuf, 0, sizeof(*mbuf));
	mbuf->buf_addr = malloc(LAB_HEADROOM + room);
	memset(mbuf->buf_addr, 0xa5, LAB_HEADROOM + room);
	mbuf->buf_len = (uint16_t)(LAB_HEADROOM + room);
	mbuf->priv_size = PACKET_PRIVATE_SIZE;
	mbuf->data_off = LAB_HEADROOM;
	mbuf->pool = &lab_pool;
	mbuf->nb_segs = 1;
	mbuf->port = RTE_MBUF_PORT_INVALID;
	rte_mbuf_refcnt_set(mbuf, 1);
	lab_outstanding++;
	return mbuf;
}

static inline int lab_enqueue(struct rte_mempool *pool, void *const *objects, unsigned n)
{
	(void)pool;
	for (unsigned i = 0; i < n; i++) {
		struct rte_mbuf *mbuf = objects[i];
		free(mbuf->buf_addr);
		free(mbuf);
	}
	lab_outstanding -= n;
	return 0;
}

static inline int lab_dequeue(struct rte_mempool *pool, void **objects, unsigned n)
{
	(void)pool;
	if (lab_empty)
		return -1;
	for (unsigned i = 0; i < n; i++)
		objects[i] = lab_mbuf(LAB_FRAME_MAX);
	return 0;
}

static inline int lab_no_memory_wanted(struct rte_mempool *pool)
{
	(void)pool;
	return 0;
}

static inline unsigned lab_count(const struct rte_mempool *pool)
{
	(void)pool;
	return 0;
}

/* Call first: makes the pool work. */
static inline void lab_setup(void)
{
	static const struct rte_mempool_ops ops = {
		.name = "lab",
		.alloc = lab_no_memory_wanted,
		.enqueue = lab_enqueue,
		.dequeue = lab_dequeue,
		.get_count = lab_count,
	};
	static int index = -1;
	if (index < 0)
		index = rte_mempool_register_ops(&ops);
	lab_pool.ops_index = index;
	lab_empty = false;
	lab_outstanding = 0;
}

static inline size_t lab_bytes(const char *hex, uint8_t *out)
{
	size_t length = strlen(hex) / 2;
	for (size_t i = 0; i < length; i++) {
		const char digits[3] = {hex[2 * i], hex[2 * i + 1], 0};
		out[i] = (uint8_t)strtoul(digits, NULL, 16);
	}
	return length;
}

/* A received frame in a buffer with `spare` bytes behind it. */
static inline struct rte_mbuf *lab_frame_bytes(const uint8_t *bytes, size_t length, size_t spare)
{
	struct rte_mbuf *mbuf = lab_mbuf(length + spare);
	memcpy(rte_pktmbuf_mtod(mbuf, void *), bytes, length);
	mbuf->data_len = (uint16_t)length;
	mbuf->pkt_len = (uint32_t)length;
	return mbuf;
}

static inline struct rte_mbuf *lab_frame(const char *hex)
{
	uint8_t bytes[LAB_FRAME_MAX];
	return lab_frame_bytes(bytes, lab_bytes(hex, bytes), 256);
}

/* The ones' complement sum of RFC 1071, byte by byte; 0 over what carries its checksum. */
static inline uint16_t lab_checksum(const uint8_t *bytes, size_t length, uint32_t sum)
{
	for (size_t i = 0; i < length; i++)
		sum += (uint32_t)bytes[i] << (i % 2 == 0 ? 8 : 0);
	while (sum >> 16 != 0)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static inline void lab_store(uint8_t *at, uint16_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

/* Makes the IPv4 header checksum of an untagged frame right again. */
static inline void lab_ipv4_seal(uint8_t *frame)
{
	lab_store(frame + 24, 0);
	lab_store(frame + 24, lab_checksum(frame + 14, (frame[14] & 0x0fu) * 4, 0));
}

/* The same for the ICMPv6 message of an untagged frame of `length` bytes. */
static inline void lab_icmp6_seal(uint8_t *frame, size_t length)
{
	uint32_t sum = (uint32_t)(length - 54) + IPPROTO_ICMPV6;
	for (size_t i = 22; i < 54; i += 2)
		sum += (uint32_t)(frame[i] << 8 | frame[i + 1]);
	lab_store(frame + 56, 0);
	lab_store(frame + 56, lab_checksum(frame + 54, length - 54, sum));
}

static inline bool lab_is(struct rte_mbuf *mbuf, const char *hex)
{
	uint8_t bytes[LAB_FRAME_MAX];
	size_t length = lab_bytes(hex, bytes);
	return mbuf->data_len == length && mbuf->pkt_len == length &&
	       memcmp(rte_pktmbuf_mtod(mbuf, void *), bytes, length) == 0;
}

static inline struct net_address lab_ipv4(uint8_t a, uint8_t b, uint8_t c, uint8_t d)
{
	return (struct net_address){.bytes = {a, b, c, d}};
}

/* fd53::`last` */
static inline struct net_address lab_ipv6(uint16_t last)
{
	struct net_address address = {.bytes = {0xfd, 0x53}, .ipv6 = 1};
	lab_store(address.bytes + 14, last);
	return address;
}

static inline struct rte_ether_addr lab_mac(uint8_t last)
{
	return (struct rte_ether_addr){{2, 0, 0, 0, 0, last}};
}

/* 10.53.0.1/24, fd53::1/64 and the link-local address of the MAC. */
static inline struct net_port lab_port(uint16_t vlan)
{
	struct net_port port = {
		.mtu = 1500,
		.message_safe = net_message_safe(1500),
		.vlan = vlan,
		.mac = lab_mac(1),
		.n_addresses = 3,
		.addresses = {{lab_ipv4(10, 53, 0, 1), 24}, {lab_ipv6(1), 64}},
	};
	port.addresses[2] = (struct net_prefix){
		.address = {.bytes = {0xfe, 0x80, [11] = 0xff, 0xfe, 0, 0, 1}, .ipv6 = 1},
		.length = 64,
	};
	return port;
}

/* Takes the oldest frame that waits to be sent. NULL: none. */
static inline struct rte_mbuf *lab_sent(struct net_tx *tx)
{
	if (tx->count == 0)
		return NULL;
	struct rte_mbuf *mbuf = tx->mbufs[0];
	memmove(tx->mbufs, tx->mbufs + 1, --tx->count * sizeof(tx->mbufs[0]));
	return mbuf;
}

/* Whether exactly this frame was sent; frees it. */
static inline bool lab_sent_is(struct net_tx *tx, const char *hex)
{
	struct rte_mbuf *mbuf = lab_sent(tx);
	bool same = mbuf != NULL && tx->count == 0 && lab_is(mbuf, hex);
	rte_pktmbuf_free(mbuf);
	return same;
}

#endif
