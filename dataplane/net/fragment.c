/* SPDX-License-Identifier: BSD-2-Clause */
#define ALLOW_EXPERIMENTAL_API /* rte_ip_frag_table_del_expired_entries() */
#include "dataplane/net/fragment.h"

#include <stdlib.h>

#include <rte_ip_frag.h>
#include <rte_udp.h>

#include "dataplane/net/extension.h"

#define WAYS 16u      /* places of a bucket; a datagram has two buckets */
#define MIDDLES_MAX (RTE_LIBRTE_IP_FRAG_MAX_FRAG - 2) /* beside the first and the last */

struct net_fragments {
	struct rte_ip_frag_tbl *table;
	struct rte_mempool *pool;
	struct stats *stats;
	uint32_t held; /* read by the control lcore */
	uint32_t held_max;
	struct rte_ip_frag_death_row row; /* what fell out of the table */
};

/* What a fragment says of its place, in bytes. */
struct piece {
	uint32_t id; /* network byte order */
	uint16_t offset;
	uint16_t length;
	bool more;
	uint8_t next; /* what the datagram is, as the fragment has it */
};

struct net_fragments *net_fragments_create(uint32_t datagrams, uint64_t patience,
					   struct rte_mempool *pool, struct stats *stats, int socket)
{
	struct net_fragments *fragments = calloc(1, sizeof(*fragments));
	if (fragments == NULL)
		return NULL;
	fragments->table = rte_ip_frag_table_create(RTE_MAX(datagrams / WAYS, 1u), WAYS, datagrams,
						    patience, socket);
	if (fragments->table == NULL) {
		free(fragments);
		return NULL;
	}
	fragments->pool = pool;
	fragments->stats = stats;
	fragments->held_max = datagrams * NET_FRAGMENT_BUFFERS;
	return fragments;
}

void net_fragments_destroy(struct net_fragments *fragments)
{
	if (fragments == NULL)
		return;
	rte_ip_frag_table_destroy(fragments->table);
	free(fragments);
}

static void held_add(struct net_fragments *fragments, int32_t step)
{
	__atomic_store_n(&fragments->held, fragments->held + (uint32_t)step, __ATOMIC_RELAXED);
}

uint32_t net_fragments_held(const struct net_fragments *fragments)
{
	return __atomic_load_n(&fragments->held, __ATOMIC_RELAXED);
}

static enum net_class drop(uint8_t *reason, enum drop_reason why)
{
	*reason = (uint8_t)why;
	return NET_CLASS_DROP;
}

/* ---- what came ---- */

static struct piece piece_read(struct rte_mbuf *mbuf)
{
	const struct packet *packet = packet_of(mbuf);
	struct piece piece = {.length = (uint16_t)(mbuf->data_len - packet->dns_offset)};
	if (packet->ipv6) {
		const struct rte_ipv6_fragment_ext *header = rte_pktmbuf_mtod_offset(
			mbuf, const struct rte_ipv6_fragment_ext *,
			packet->dns_offset - NET_FRAGMENT_HEADER);
		uint16_t data = rte_be_to_cpu_16(header->frag_data);
		piece.id = header->id;
		piece.next = header->next_header;
		piece.offset = data & RTE_IPV6_EHDR_FO_MASK;
		piece.more = RTE_IPV6_GET_MF(data);
	} else {
		const struct rte_ipv4_hdr *ip = rte_pktmbuf_mtod_offset(
			mbuf, const struct rte_ipv4_hdr *, packet->l3_offset);
		uint16_t data = rte_be_to_cpu_16(ip->fragment_offset);
		piece.id = ip->packet_id;
		piece.next = ip->next_proto_id;
		piece.offset = (uint16_t)((data & RTE_IPV4_HDR_OFFSET_MASK) * 8u);
		piece.more = (data & RTE_IPV4_HDR_MF_FLAG) != 0;
	}
	return piece;
}

/* The first fragment has all headers, the UDP one included (RFC 7112; RFC 1858 for IPv4). */
static enum drop_reason first_check(struct rte_mbuf *mbuf, const struct piece *piece)
{
	struct net_extensions found = {.end = packet_of(mbuf)->dns_offset, .next = piece->next};
	enum drop_reason why = net_extensions_skip(rte_pktmbuf_mtod(mbuf, const uint8_t *),
						   mbuf->data_len, &found);
	if (why != DROP_NONE)
		return why == DROP_IP_EXTENSION ? DROP_FRAGMENT_TINY : why;
	if (found.next != IPPROTO_UDP || found.fragment)
		return DROP_IP_FRAGMENT;
	return mbuf->data_len - found.end < sizeof(struct rte_udp_hdr) ? DROP_FRAGMENT_TINY
								       : DROP_NONE;
}

static enum drop_reason piece_check(struct rte_mbuf *mbuf, const struct piece *piece)
{
	if (piece->length == 0 || (piece->more && piece->length % 8 != 0))
		return DROP_IP_HEADER;
	if ((uint32_t)piece->offset + piece->length > NET_FRAGMENT_DATAGRAM_MAX)
		return DROP_FRAGMENT_LARGE;
	if ((piece->more && piece->length < NET_FRAGMENT_MIN) ||
	    (piece->offset != 0 && piece->offset < NET_FRAGMENT_MIN))
		return DROP_FRAGMENT_TINY;
	return piece->offset == 0 ? first_check(mbuf, piece) : DROP_NONE;
}

/* ---- copies ---- */

/* The IP header of a copy, whose data may have been cut off before it since. */
static void *copy_header(const struct rte_mbuf *copy)
{
	return (uint8_t *)copy->buf_addr + RTE_PKTMBUF_HEADROOM;
}

static void ipv4_copy(struct rte_ipv4_hdr *to, const struct rte_ipv4_hdr *from, uint16_t length)
{
	*to = *from;
	to->version_ihl = RTE_IPV4_VHL_DEF;
	to->total_length = rte_cpu_to_be_16((uint16_t)(sizeof(*to) + length));
}

static void ipv6_copy(struct rte_ipv6_hdr *to, const struct rte_ipv6_hdr *from,
		      const struct rte_ipv6_fragment_ext *fragment, uint16_t length)
{
	*to = *from;
	to->proto = IPPROTO_FRAGMENT;
	to->payload_len = rte_cpu_to_be_16((uint16_t)(sizeof(*fragment) + length));
	memcpy(to + 1, fragment, sizeof(*fragment));
}

/* IP header, fragment header and payload, without what is not needed: link, options, extensions. */
static struct rte_mbuf *copy_make(struct net_fragments *fragments, struct rte_mbuf *mbuf,
				  const struct piece *piece)
{
	struct packet *packet = packet_of(mbuf);
	struct rte_mbuf *copy = NULL;
	if (fragments->held < fragments->held_max)
		copy = rte_pktmbuf_alloc(fragments->pool);
	if (copy == NULL)
		return NULL;
	const uint8_t *frame = rte_pktmbuf_mtod(mbuf, const uint8_t *);
	const uint8_t *payload = frame + packet->dns_offset;
	uint16_t header = sizeof(struct rte_ipv4_hdr);
	memcpy(packet_of(copy), packet, sizeof(*packet));
	if (packet->ipv6) {
		header = sizeof(struct rte_ipv6_hdr) + NET_FRAGMENT_HEADER;
		ipv6_copy(copy_header(copy),
			  (const struct rte_ipv6_hdr *)(frame + packet->l3_offset),
			  (const struct rte_ipv6_fragment_ext *)(payload - NET_FRAGMENT_HEADER),
			  piece->length);
	} else {
		ipv4_copy(copy_header(copy),
			  (const struct rte_ipv4_hdr *)(frame + packet->l3_offset), piece->length);
	}
	memcpy((uint8_t *)copy_header(copy) + header, payload, piece->length);
	copy->data_len = (uint16_t)(header + piece->length);
	copy->pkt_len = copy->data_len;
	copy->l2_len = 0;
	copy->l3_len = header;
	packet_of(copy)->l3_offset = 0;
	packet_of(copy)->slot = piece->id;
	return copy;
}

/* ---- what falls out of the table ---- */

static bool same_datagram(struct rte_mbuf *a, struct rte_mbuf *b)
{
	const struct packet *left = packet_of(a), *right = packet_of(b);
	return left->slot == right->slot && left->ipv6 == right->ipv6 &&
	       memcmp(left->query.client_addr, right->query.client_addr, 16) == 0 &&
	       memcmp(left->query.local_addr, right->query.local_addr, 16) == 0;
}

static bool is_middle(struct rte_mbuf *copy)
{
	uint16_t data;
	if (packet_of(copy)->ipv6) {
		const struct rte_ipv6_hdr *ip = copy_header(copy);
		memcpy(&data, (const uint8_t *)(ip + 1) + 2, sizeof(data));
		data = rte_be_to_cpu_16(data);
		return RTE_IPV6_GET_MF(data) && (data & RTE_IPV6_EHDR_FO_MASK) != 0;
	}
	const struct rte_ipv4_hdr *ip = copy_header(copy);
	data = rte_be_to_cpu_16(ip->fragment_offset);
	return (data & RTE_IPV4_HDR_MF_FLAG) != 0 && (data & RTE_IPV4_HDR_OFFSET_MASK) != 0;
}

/*
 * Why the table refused a copy, by what it gave up with it: nothing but the copy if it has no place,
 * else all of a datagram that has too many fragments, or some that do not fit together.
 */
static enum drop_reason refusal(const struct net_fragments *fragments, struct rte_mbuf *copy)
{
	bool refused = false;
	unsigned pieces = 0, middles = 0;
	for (uint32_t i = 0; i < fragments->row.cnt; i++) {
		struct rte_mbuf *head = fragments->row.row[i];
		if (!same_datagram(head, copy))
			continue;
		for (struct rte_mbuf *at = head; at != NULL; at = at->next) {
			refused |= at == copy;
			pieces++;
			middles += is_middle(at);
		}
	}
	if (!refused)
		return DROP_FRAGMENT_TIMEOUT; /* an older one of this name made room */
	if (pieces == 1)
		return DROP_FRAGMENT_FULL;
	return middles > MIDDLES_MAX ? DROP_FRAGMENT_MANY : DROP_FRAGMENT_OVERLAP;
}

/* Counts and frees them. `copy`: what was just put in, NULL: nothing was. */
static void row_empty(struct net_fragments *fragments, struct rte_mbuf *copy)
{
	enum drop_reason why = DROP_FRAGMENT_TIMEOUT;
	if (likely(fragments->row.cnt == 0))
		return;
	if (copy != NULL)
		why = refusal(fragments, copy);
	uint64_t *drops = fragments->stats->drop;
	for (uint32_t i = 0; i < fragments->row.cnt; i++) {
		struct rte_mbuf *head = fragments->row.row[i];
		bool same = copy != NULL && same_datagram(head, copy);
		stats_add(&drops[same ? why : DROP_FRAGMENT_TIMEOUT], head->nb_segs);
		held_add(fragments, -(int32_t)head->nb_segs);
	}
	rte_ip_frag_free_death_row(&fragments->row, 3);
}

void net_fragments_expire(struct net_fragments *fragments, uint64_t now)
{
	if (likely(fragments->held == 0))
		return;
	rte_ip_frag_table_del_expired_entries(fragments->table, &fragments->row, now);
	row_empty(fragments, NULL);
}

/* ---- the whole ---- */

static bool udp_checksum_good(struct rte_mbuf *mbuf, uint32_t offset)
{
	const struct packet *packet = packet_of(mbuf);
	const uint8_t *ip = rte_pktmbuf_mtod(mbuf, const uint8_t *);
	const struct rte_udp_hdr *udp = (const struct rte_udp_hdr *)(ip + offset);
	uint16_t length = rte_be_to_cpu_16(udp->dgram_len);
	if (udp->dgram_cksum == 0)
		return !packet->ipv6; /* none, which IPv6 does not know */
	/* The pseudo header's own, whatever stands in an IP header that had extensions. */
	uint32_t sum = rte_raw_cksum(packet->query.client_addr, packet->ipv6 ? 16 : 4);
	sum += rte_raw_cksum(packet->query.local_addr, packet->ipv6 ? 16 : 4);
	sum += rte_raw_cksum(udp, length);
	sum += RTE_BE16(IPPROTO_UDP) + udp->dgram_len;
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)((sum & 0xffff) + (sum >> 16)) == 0xffff;
}

/* Makes a chain one buffer, the first's: that has room for any datagram. */
static enum net_class whole_classify(struct net_fragments *fragments, struct rte_mbuf *mbuf,
				     uint8_t *reason)
{
	const uint16_t pieces = mbuf->nb_segs;
	held_add(fragments, -(int32_t)pieces);
	stats_add(&fragments->stats->counter[STATS_REASSEMBLED], 1);
	stats_add(&fragments->stats->counter[STATS_FRAGMENTS_JOINED], pieces - 1u);
	if (rte_pktmbuf_linearize(mbuf) != 0)
		return drop(reason, DROP_FRAGMENT_LARGE);
	struct packet *packet = packet_of(mbuf);
	mbuf->ol_flags &= NET_MBUF_ATTACHED;
	struct net_extensions found = {.end = sizeof(struct rte_ipv4_hdr), .next = IPPROTO_UDP};
	if (packet->ipv6) {
		found.end = sizeof(struct rte_ipv6_hdr);
		found.next = rte_pktmbuf_mtod(mbuf, const struct rte_ipv6_hdr *)->proto;
		enum drop_reason why = net_extensions_skip(
			rte_pktmbuf_mtod(mbuf, const uint8_t *), mbuf->data_len, &found);
		if (why != DROP_NONE)
			return drop(reason, why);
	}
	if (found.next != IPPROTO_UDP || found.fragment)
		return drop(reason, DROP_IP_FRAGMENT);
	enum net_class class = net_udp_classify(mbuf, found.end, mbuf->data_len, reason);
	if (class == NET_CLASS_UDP && !udp_checksum_good(mbuf, found.end))
		return drop(reason, DROP_UDP_CHECKSUM);
	return class;
}

enum net_class net_fragments_input(struct net_fragments *fragments, struct rte_mbuf **mbuf,
				   uint64_t now, uint8_t *reason)
{
	struct piece piece = piece_read(*mbuf);
	enum drop_reason why = piece_check(*mbuf, &piece);
	stats_add(&fragments->stats->counter[STATS_FRAGMENTS], 1);
	if (why != DROP_NONE)
		return drop(reason, why);
	struct rte_mbuf *copy = copy_make(fragments, *mbuf, &piece), *whole;
	if (copy == NULL)
		return drop(reason, DROP_FRAGMENT_FULL);
	rte_pktmbuf_free(*mbuf);
	*mbuf = NULL;
	held_add(fragments, 1);
	if (packet_of(copy)->ipv6) {
		struct rte_ipv6_hdr *ip = copy_header(copy);
		whole = rte_ipv6_frag_reassemble_packet(fragments->table, &fragments->row, copy,
							now, ip,
							(struct rte_ipv6_fragment_ext *)(ip + 1));
	} else {
		whole = rte_ipv4_frag_reassemble_packet(fragments->table, &fragments->row, copy,
							now, copy_header(copy));
	}
	row_empty(fragments, copy);
	if (whole == NULL)
		return NET_CLASS_FRAGMENT;
	*mbuf = whole;
	return whole_classify(fragments, whole, reason);
}
