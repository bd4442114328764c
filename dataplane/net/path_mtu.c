/* SPDX-License-Identifier: BSD-2-Clause */
#include "dataplane/net/path_mtu.h"

#include <stdlib.h>
#include <sys/random.h>

#include <rte_icmp.h>
#include <rte_ip.h>
#include <rte_udp.h>

#include "dataplane/net/extension.h"
#include "dataplane/net/icmp.h"

#define WAYS 4u
#define BUCKETS (PATH_MTU_ENTRIES / WAYS)
#define ICMP_HEADER 8u
#define ICMP4_UNREACHABLE 3
#define ICMP4_TOO_BIG 4 /* its code */
#define ICMP6_TOO_BIG 2

struct path {
	struct net_address to;
	uint16_t mtu;
	uint64_t until; /* ms; 0: no path */
};

/* A message as the network saw it. */
struct message {
	struct net_address to;
	uint16_t source_port, destination_port; /* host byte order */
	uint16_t length;
	rte_be16_t checksum;
	uint64_t at; /* ms */
};

struct path_mtu {
	uint64_t seeds[2];
	struct path paths[BUCKETS][WAYS];
	struct message sent[PATH_MTU_ENTRIES];
};

struct path_mtu *path_mtu_create(void)
{
	struct path_mtu *paths = calloc(1, sizeof(*paths));
	if (paths != NULL &&
	    getrandom(paths->seeds, sizeof(paths->seeds), 0) != sizeof(paths->seeds)) {
		free(paths);
		return NULL;
	}
	return paths;
}

void path_mtu_destroy(struct path_mtu *paths)
{
	free(paths);
}

void path_mtu_replay(struct path_mtu *paths, uint64_t seed)
{
	paths->seeds[0] = seed;
	paths->seeds[1] = ~seed;
}

/* ---- paths ---- */

static struct path *bucket_of(const struct path_mtu *paths, const struct net_address *to)
{
	uint32_t bucket = net_address_hash(to, paths->seeds, 0) & (BUCKETS - 1);
	return (struct path *)paths->paths[bucket];
}

static struct path *path_find(const struct path_mtu *paths, const struct net_address *to)
{
	struct path *bucket = bucket_of(paths, to);
	for (unsigned way = 0; way < WAYS; way++)
		if (bucket[way].until != 0 && net_address_equal(&bucket[way].to, to))
			return &bucket[way];
	return NULL;
}

uint16_t path_mtu_find(const struct path_mtu *paths, const struct net_port *port,
		       const struct net_address *to, uint64_t now)
{
	const struct path *path = path_find(paths, to);
	return path != NULL && now < path->until ? RTE_MIN(path->mtu, port->mtu) : port->mtu;
}

/* The place of the one that ends first, if there is none for this path. */
static void path_learn(struct path_mtu *paths, const struct net_address *to, uint16_t mtu,
		       uint64_t now)
{
	struct path *path = path_find(paths, to);
	if (path == NULL) {
		path = bucket_of(paths, to);
		for (unsigned way = 1; way < WAYS; way++)
			if (bucket_of(paths, to)[way].until < path->until)
				path = &bucket_of(paths, to)[way];
	}
	*path = (struct path){.to = *to, .mtu = mtu, .until = now + PATH_MTU_MEMORY_MS};
}

/* ---- messages ---- */

/* The one place that a message has: nobody can tell whose he will get. */
static struct message *message_at(struct path_mtu *paths, const struct net_address *to,
				  uint16_t destination_port, rte_be16_t checksum)
{
	uint32_t place =
		net_address_hash(to, paths->seeds, (uint64_t)destination_port << 16 | checksum);
	return &paths->sent[place & (PATH_MTU_ENTRIES - 1)];
}

void path_mtu_sent(struct path_mtu *paths, const struct net_flow *flow, uint16_t length,
		   rte_be16_t checksum, uint64_t now)
{
	*message_at(paths, &flow->destination, flow->destination_port, checksum) = (struct message){
		.to = flow->destination,
		.source_port = flow->source_port,
		.destination_port = flow->destination_port,
		.length = length,
		.checksum = checksum,
		.at = now,
	};
}

static bool message_known(struct path_mtu *paths, const struct message *quoted, uint64_t now)
{
	const struct message *sent =
		message_at(paths, &quoted->to, quoted->destination_port, quoted->checksum);
	return sent->length != 0 && now - sent->at <= PATH_MTU_REPORT_MS &&
	       net_address_equal(&sent->to, &quoted->to) &&
	       sent->source_port == quoted->source_port &&
	       sent->destination_port == quoted->destination_port &&
	       sent->length == quoted->length && sent->checksum == quoted->checksum;
}

/* ---- reports ---- */

bool path_mtu_wants(struct rte_mbuf *mbuf)
{
	const struct packet *packet = packet_of(mbuf);
	if (mbuf->data_len < packet->dns_offset + ICMP_HEADER)
		return false;
	const uint8_t *message = packet_dns(mbuf);
	return packet->ipv6 ? message[0] == ICMP6_TOO_BIG
			    : message[0] == ICMP4_UNREACHABLE && message[1] == ICMP4_TOO_BIG;
}

/* A quoted IPv4 header; how long it is, 0 if it is not of what we send. */
static uint32_t ipv4_quoted(const uint8_t *quote, uint32_t length, const uint8_t *own,
			    struct message *message)
{
	const struct rte_ipv4_hdr *ip = (const struct rte_ipv4_hdr *)quote;
	if (length < sizeof(*ip) || ip->version_ihl != RTE_IPV4_VHL_DEF ||
	    ip->next_proto_id != IPPROTO_UDP ||
	    (ip->fragment_offset & RTE_BE16(RTE_IPV4_HDR_OFFSET_MASK)) != 0 ||
	    memcmp(&ip->src_addr, own, 4) != 0)
		return 0;
	memcpy(message->to.bytes, &ip->dst_addr, 4);
	return sizeof(*ip);
}

/* The same for IPv6, and the header of a first fragment. */
static uint32_t ipv6_quoted(const uint8_t *quote, uint32_t length, const uint8_t *own,
			    struct message *message)
{
	const struct rte_ipv6_hdr *ip = (const struct rte_ipv6_hdr *)quote;
	if (length < sizeof(*ip) || quote[0] >> 4 != 6 || memcmp(ip->src_addr, own, 16) != 0)
		return 0;
	message->to.ipv6 = 1;
	memcpy(message->to.bytes, ip->dst_addr, 16);
	if (ip->proto == IPPROTO_UDP)
		return sizeof(*ip);
	const uint8_t *fragment = quote + sizeof(*ip);
	if (ip->proto != IPPROTO_FRAGMENT || length < sizeof(*ip) + NET_FRAGMENT_HEADER ||
	    fragment[0] != IPPROTO_UDP || fragment[2] != 0 || (fragment[3] & 0xf8) != 0)
		return 0;
	return sizeof(*ip) + NET_FRAGMENT_HEADER;
}

/* What a report says was sent, and the MTU that it asks for. False: it is none of ours, or broken. */
static bool report_read(struct rte_mbuf *mbuf, struct message *message, uint32_t *mtu)
{
	const struct packet *packet = packet_of(mbuf);
	const uint8_t *report = packet_dns(mbuf), *quote = report + ICMP_HEADER;
	uint32_t length = mbuf->data_len - packet->dns_offset - ICMP_HEADER;
	if (!icmp_checksum_good(mbuf))
		return false;
	*mtu = (uint32_t)(report[6] << 8 | report[7]);
	if (packet->ipv6)
		*mtu |= (uint32_t)report[4] << 24 | (uint32_t)report[5] << 16;
	uint32_t header = packet->ipv6
				  ? ipv6_quoted(quote, length, packet->query.local_addr, message)
				  : ipv4_quoted(quote, length, packet->query.local_addr, message);
	if (header == 0 || length - header < sizeof(struct rte_udp_hdr))
		return false;
	const struct rte_udp_hdr *udp = (const struct rte_udp_hdr *)(quote + header);
	message->source_port = rte_be_to_cpu_16(udp->src_port);
	message->destination_port = rte_be_to_cpu_16(udp->dst_port);
	message->length = rte_be_to_cpu_16(udp->dgram_len);
	message->checksum = udp->dgram_cksum;
	return true;
}

/* Too little for IPv6 is not believed (RFC 8201, section 4), for IPv4 not followed all the way. */
static bool news_safe(const struct path_mtu *paths, const struct net_port *port,
		      const struct net_address *to, uint32_t mtu, uint64_t now)
{
	return !(to->ipv6 && mtu < PATH_MTU_MIN6) && mtu < path_mtu_find(paths, port, to, now);
}

void path_mtu_learn(struct path_mtu *paths, const struct net_port *port, struct rte_mbuf *mbuf,
		    uint64_t now)
{
	struct message message = {0};
	uint32_t mtu;
	if (report_read(mbuf, &message, &mtu) && news_safe(paths, port, &message.to, mtu, now))
		path_learn(paths, &message.to, (uint16_t)RTE_MAX(mtu, PATH_MTU_MIN4), now);
}

enum path_mtu_result path_mtu_input(struct path_mtu *paths, const struct net_port *port,
				    struct rte_mbuf *mbuf, uint64_t now)
{
	struct message message = {0};
	uint32_t mtu;
	if (!report_read(mbuf, &message, &mtu))
		return PATH_MTU_MALFORMED;
	if (!message_known(paths, &message, now))
		return PATH_MTU_FOREIGN;
	if (!news_safe(paths, port, &message.to, mtu, now))
		return PATH_MTU_UNSAFE;
	path_learn(paths, &message.to, (uint16_t)RTE_MAX(mtu, PATH_MTU_MIN4), now);
	return PATH_MTU_LEARNED;
}
