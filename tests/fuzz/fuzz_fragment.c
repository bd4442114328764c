/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Received frames one after the other: fragments put together, frames in several buffers made one, reports of
 * path MTUs looked at. Each has two bytes before it that say how long it is, and one: whether it comes in two
 * buffers, and how much later.
 */
#include <stdlib.h>

#include "dataplane/net/path_mtu.h"
#include "tests/unit/fragment_lab.h"

#define MUST(condition)                                                                            \
	do {                                                                                       \
		if (!(condition))                                                                  \
			abort();                                                                   \
	} while (0)

#define DATAGRAMS 8u
#define PATIENCE 1000u

static struct net_port port;
static struct stats stats;
static struct net_fragments *fragments;
static struct path_mtu *paths;

/* A frame that is the caller's, with what a driver does to a long one. */
static struct rte_mbuf *received(const uint8_t *data, size_t size, bool chained)
{
	uint8_t reason = DROP_NONE;
	if (!chained || size < 2)
		return lab_frame_bytes(data, size, 0);
	struct rte_mbuf *head = lab_frame_bytes(data, size / 2, 0);
	rte_pktmbuf_chain(head, lab_frame_bytes(data + size / 2, size - size / 2, 0));
	MUST(net_frame_classify(&port, head, &reason) == NET_CLASS_CHAINED);
	struct rte_mbuf *whole = net_frame_whole(head, &lab_pool, &reason);
	MUST(whole != NULL ? whole->nb_segs == 1 && whole->data_len == size : reason != DROP_NONE);
	if (whole == NULL)
		rte_pktmbuf_free(head);
	return whole;
}

static void message_check(struct rte_mbuf *mbuf)
{
	const struct packet *packet = packet_of(mbuf);
	struct net_flow flow = {.source.ipv6 = packet->ipv6, .destination.ipv6 = packet->ipv6};
	struct rte_mbuf *frames[NET_FRAGMENTS_MAX];
	uint32_t sent = 0;
	MUST(mbuf->nb_segs == 1 && mbuf->pkt_len == mbuf->data_len);
	MUST(packet->dns_offset + packet->dns_length == mbuf->data_len);
	MUST(packet->dns_length <= PACKET_MESSAGE_MAX);
	uint32_t expected = 8u + packet->dns_length;
	unsigned n = net_fragments_write(&port, mbuf, &flow, 1280, &lab_pool, 7, frames);
	MUST(n > 0);
	for (unsigned i = 0; i < n; i++) {
		MUST(frames[i]->data_len <= 14 + 1280);
		sent += frames[i]->data_len - 14u - (packet->ipv6 ? 40u + (n > 1 ? 8u : 0) : 20u);
	}
	MUST(sent == expected);
	for (unsigned i = 0; i < n; i++)
		rte_pktmbuf_free(frames[i]);
}

static void input(const uint8_t *data, size_t size, unsigned what, uint64_t now)
{
	uint8_t reason = DROP_NONE;
	struct rte_mbuf *mbuf = received(data, size, what & 1);
	if (mbuf == NULL)
		return;
	enum net_class class = net_frame_classify(&port, mbuf, &reason);
	if (class == NET_CLASS_FRAGMENT) {
		class = net_fragments_input(fragments, &mbuf, now, &reason);
		MUST(class == NET_CLASS_FRAGMENT || class == NET_CLASS_UDP ||
		     (class == NET_CLASS_DROP && reason != DROP_NONE));
		MUST((class == NET_CLASS_FRAGMENT) == (mbuf == NULL));
		if (class == NET_CLASS_UDP) { /* its buffer has room for an answer */
			message_check(mbuf);
			return;
		}
	} else if ((class == NET_CLASS_ICMP || class == NET_CLASS_ICMP6) && path_mtu_wants(mbuf)) {
		MUST(path_mtu_input(paths, &port, mbuf, now) != PATH_MTU_LEARNED);
	}
	rte_pktmbuf_free(mbuf);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint64_t now = PATIENCE;
	if (fragments == NULL) {
		MUST(lab_eal());
		lab_setup();
		port = lab_port(0);
		fragments = net_fragments_create(DATAGRAMS, PATIENCE, &lab_pool, &stats,
						 SOCKET_ID_ANY);
		paths = path_mtu_create();
		MUST(fragments != NULL && paths != NULL);
	}
	while (size > 3) {
		size_t length = RTE_MIN((size_t)(data[0] << 8 | data[1]), size - 3);
		if (length > LAB_FRAME_MAX)
			break;
		now += data[2] & 0xfe;
		input(data + 3, length, data[2], now);
		data += 3 + length;
		size -= 3 + length;
		MUST(net_fragments_held(fragments) <= DATAGRAMS * NET_FRAGMENT_BUFFERS);
		MUST(net_fragments_held(fragments) == lab_outstanding);
	}
	net_fragments_expire(fragments, now + PATIENCE + 1);
	MUST(net_fragments_held(fragments) == 0 && lab_outstanding == 0);
	return 0;
}
