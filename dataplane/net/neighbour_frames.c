/* SPDX-License-Identifier: BSD-2-Clause */
#include "dataplane/net/neighbour_frames.h"

#include <rte_arp.h>
#include <rte_ip.h>

#include "dataplane/net/frame.h"
#include "dataplane/packet.h"

#define ND_HOP_LIMIT 255 /* a lower one came through a router: not a neighbour */
#define ND_OPTION_SOURCE 1
#define ND_OPTION_TARGET 2
#define ND_SOLICITED 0x40
#define ND_OVERRIDE 0x20

/* Neighbour solicitation and advertisement with one link-layer address option. */
struct nd_message {
	uint8_t type;
	uint8_t code;
	uint16_t checksum;
	uint8_t flags;
	uint8_t reserved[3];
	uint8_t target[16];
	uint8_t option;
	uint8_t option_length; /* in units of eight bytes */
	uint8_t mac[6];
} __rte_packed;

static_assert(sizeof(struct nd_message) == 32, "as on the wire");
#define ND_FIXED offsetof(struct nd_message, option)

bool neighbour_arp_read(struct rte_mbuf *mbuf, struct neighbour_news *news)
{
	struct packet *packet = packet_of(mbuf);
	if (mbuf->data_len < packet->l3_offset + sizeof(struct rte_arp_hdr))
		return false;
	const struct rte_arp_hdr *arp =
		rte_pktmbuf_mtod_offset(mbuf, const struct rte_arp_hdr *, packet->l3_offset);
	uint16_t opcode = rte_be_to_cpu_16(arp->arp_opcode);
	if (arp->arp_hardware != RTE_BE16(RTE_ARP_HRD_ETHER) ||
	    arp->arp_protocol != RTE_BE16(RTE_ETHER_TYPE_IPV4) ||
	    arp->arp_hlen != RTE_ETHER_ADDR_LEN || arp->arp_plen != 4 ||
	    (opcode != RTE_ARP_OP_REQUEST && opcode != RTE_ARP_OP_REPLY) ||
	    !rte_is_unicast_ether_addr(&arp->arp_data.arp_sha) ||
	    rte_is_zero_ether_addr(&arp->arp_data.arp_sha))
		return false;
	*news = (struct neighbour_news){
		.question = opcode == RTE_ARP_OP_REQUEST,
		.has_mac = true,
		.override = true,
	};
	news->mac = arp->arp_data.arp_sha;
	memcpy(news->sender.bytes, &arp->arp_data.arp_sip, 4);
	memcpy(news->target.bytes, &arp->arp_data.arp_tip, 4);
	return true;
}

void neighbour_arp_answer(const struct net_port *port, struct rte_mbuf *mbuf,
			  const struct neighbour_news *news)
{
	net_ethernet_replace(port, mbuf, &news->mac, RTE_ETHER_TYPE_ARP);
	uint16_t l2 = packet_of(mbuf)->l3_offset;
	struct rte_arp_hdr *arp = rte_pktmbuf_mtod_offset(mbuf, struct rte_arp_hdr *, l2);
	mbuf->data_len = (uint16_t)(l2 + sizeof(*arp)); /* nobody's padding goes back */
	mbuf->pkt_len = mbuf->data_len;
	arp->arp_opcode = RTE_BE16(RTE_ARP_OP_REPLY);
	arp->arp_data.arp_tha = news->mac;
	arp->arp_data.arp_sha = port->mac;
	memcpy(&arp->arp_data.arp_tip, news->sender.bytes, 4);
	memcpy(&arp->arp_data.arp_sip, news->target.bytes, 4);
}

void neighbour_arp_ask(const struct net_port *port, struct rte_mbuf *mbuf,
		       const struct net_address *source, const struct net_address *target,
		       const struct rte_ether_addr *mac)
{
	static const struct rte_ether_addr everybody = {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};
	uint8_t *frame = rte_pktmbuf_mtod(mbuf, uint8_t *);
	uint8_t l2 = net_ethernet_write(port, frame, mac ? mac : &everybody, RTE_ETHER_TYPE_ARP);
	struct rte_arp_hdr *arp = (struct rte_arp_hdr *)(frame + l2);
	*arp = (struct rte_arp_hdr){
		.arp_hardware = RTE_BE16(RTE_ARP_HRD_ETHER),
		.arp_protocol = RTE_BE16(RTE_ETHER_TYPE_IPV4),
		.arp_hlen = RTE_ETHER_ADDR_LEN,
		.arp_plen = 4,
		.arp_opcode = RTE_BE16(RTE_ARP_OP_REQUEST),
	};
	arp->arp_data.arp_sha = port->mac;
	memcpy(&arp->arp_data.arp_sip, source->bytes, 4);
	memcpy(&arp->arp_data.arp_tip, target->bytes, 4);
	mbuf->data_len = (uint16_t)(l2 + sizeof(*arp));
	mbuf->pkt_len = mbuf->data_len;
}

/*
 * Finds the link-layer address among the options. False if they are malformed, or if it is there
 * although the sender has no address yet.
 */
static bool nd_options_read(const uint8_t *options, size_t length, bool nameless,
			    struct neighbour_news *news)
{
	uint8_t wanted = news->question ? ND_OPTION_SOURCE : ND_OPTION_TARGET;
	while (length >= 8) {
		size_t size = options[1] * 8u;
		if (size == 0 || size > length || (nameless && options[0] == ND_OPTION_SOURCE))
			return false;
		if (options[0] == wanted && size == 8) {
			memcpy(news->mac.addr_bytes, options + 2, RTE_ETHER_ADDR_LEN);
			news->has_mac = rte_is_unicast_ether_addr(&news->mac) &&
					!rte_is_zero_ether_addr(&news->mac);
		}
		options += size;
		length -= size;
	}
	return length == 0;
}

/* The ones' complement sum over pseudo-header and message is all ones (RFC 4443, section 2.3). */
static bool checksum_good(const struct rte_ipv6_hdr *ip, const void *message, size_t length)
{
	uint32_t sum = (uint32_t)rte_ipv6_phdr_cksum(ip, 0) + rte_raw_cksum(message, length);
	return ((sum & 0xffff) + (sum >> 16)) == 0xffff;
}

bool neighbour_nd_read(struct rte_mbuf *mbuf, struct neighbour_news *news)
{
	static const uint8_t zero[16];
	struct packet *packet = packet_of(mbuf);
	size_t length = mbuf->data_len - packet->dns_offset;
	if (length < ND_FIXED)
		return false;
	const struct rte_ipv6_hdr *ip =
		rte_pktmbuf_mtod_offset(mbuf, const struct rte_ipv6_hdr *, packet->l3_offset);
	const struct nd_message *nd =
		rte_pktmbuf_mtod_offset(mbuf, const struct nd_message *, packet->dns_offset);
	if (ip->hop_limits != ND_HOP_LIMIT || nd->code != 0 || nd->target[0] == 0xff ||
	    !checksum_good(ip, nd, length))
		return false;
	*news = (struct neighbour_news){.question = nd->type == ND_SOLICITATION};
	news->solicited = !news->question && (nd->flags & ND_SOLICITED) != 0;
	news->override = news->question || (nd->flags & ND_OVERRIDE) != 0;
	bool nameless = memcmp(packet->query.client_addr, zero, sizeof(zero)) == 0;
	if (!news->question && (nameless || (news->solicited && ip->dst_addr[0] == 0xff)))
		return false;
	news->sender.ipv6 = news->target.ipv6 = 1;
	memcpy(news->target.bytes, nd->target, 16);
	/* An advertisement is about its target, whoever sent it. */
	memcpy(news->sender.bytes, news->question ? packet->query.client_addr : nd->target, 16);
	return nd_options_read((const uint8_t *)nd + ND_FIXED, length - ND_FIXED, nameless, news);
}

/* Headers and message; the target and what else differs is the caller's. */
static void nd_write(const struct net_port *port, struct rte_mbuf *mbuf, const uint8_t *source,
		     const uint8_t *destination, const struct rte_ether_addr *mac,
		     struct nd_message *message)
{
	uint8_t *frame = rte_pktmbuf_mtod(mbuf, uint8_t *);
	uint8_t l2 = net_ethernet_write(port, frame, mac, RTE_ETHER_TYPE_IPV6);
	struct rte_ipv6_hdr *ip = (struct rte_ipv6_hdr *)(frame + l2);
	*ip = (struct rte_ipv6_hdr){
		.vtc_flow = RTE_BE32(6u << 28),
		.payload_len = RTE_BE16(sizeof(*message)),
		.proto = IPPROTO_ICMPV6,
		.hop_limits = ND_HOP_LIMIT,
	};
	memcpy(ip->src_addr, source, 16);
	memcpy(ip->dst_addr, destination, 16);
	message->option_length = 1;
	memcpy(message->mac, port->mac.addr_bytes, RTE_ETHER_ADDR_LEN);
	memcpy(ip + 1, message, sizeof(*message));
	struct nd_message *written = (struct nd_message *)(ip + 1);
	written->checksum = rte_ipv6_udptcp_cksum(ip, written);
	mbuf->data_len = (uint16_t)(l2 + sizeof(*ip) + sizeof(*message));
	mbuf->pkt_len = mbuf->data_len;
	mbuf->ol_flags &= NET_MBUF_ATTACHED;
}

void neighbour_nd_answer(const struct net_port *port, struct rte_mbuf *mbuf,
			 const struct neighbour_news *news)
{
	static const uint8_t zero[16], all_nodes[16] = {0xff, 2, [15] = 1};
	struct nd_message message = {
		.type = ND_ADVERTISEMENT,
		.flags = ND_SOLICITED | ND_OVERRIDE,
		.option = ND_OPTION_TARGET,
	};
	struct rte_ether_addr mac = {{0x33, 0x33, 0, 0, 0, 1}};
	const uint8_t *destination = all_nodes;
	/* Who has no address yet hears it with all others (section 7.2.4). */
	if (memcmp(news->sender.bytes, zero, sizeof(zero)) == 0) {
		message.flags = ND_OVERRIDE;
	} else {
		memcpy(mac.addr_bytes, packet_of(mbuf)->query.client_mac, RTE_ETHER_ADDR_LEN);
		destination = news->sender.bytes;
	}
	memcpy(message.target, news->target.bytes, 16);
	nd_write(port, mbuf, message.target, destination, &mac, &message);
}

void neighbour_nd_ask(const struct net_port *port, struct rte_mbuf *mbuf,
		      const struct net_address *source, const struct net_address *target,
		      const struct rte_ether_addr *mac)
{
	struct nd_message message = {.type = ND_SOLICITATION, .option = ND_OPTION_SOURCE};
	uint8_t group[16] = {0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff};
	memcpy(group + 13, target->bytes + 13, 3);
	struct rte_ether_addr group_mac = {
		{0x33, 0x33, group[12], group[13], group[14], group[15]}};
	memcpy(message.target, target->bytes, 16);
	nd_write(port, mbuf, source->bytes, mac ? target->bytes : group, mac ? mac : &group_mac,
		 &message);
}
