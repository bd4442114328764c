/* SPDX-License-Identifier: BSD-2-Clause */
#include "dataplane/rules/answers.h"

#include <errno.h>

#include "dataplane/dns/rewrite.h"
#include "dataplane/rules/chain.h"
#include "dataplane/stats.h"

static const struct dns_reply_options options_default = DNS_REPLY_OPTIONS_DEFAULT;

static void count(struct rule_context *context, enum stats_counter counter)
{
	stats_add(&context->stats->counter[counter], 1);
}

bool rule_is_query(const struct packet *packet)
{
	return packet->chain == CHAIN_QUERY || packet->chain == CHAIN_CACHE_MISS;
}

enum rule_verdict rule_drop(struct rte_mbuf *mbuf, struct rule_context *context)
{
	struct packet *packet = packet_of(mbuf);
	bool query = rule_is_query(packet);
	packet->drop_reason = query ? DROP_RULE : DROP_RULE_RESPONSE;
	if (query)
		count(context, STATS_RULE_DROP);
	return RULE_DROP;
}

/* The query to answer, as it is known; false if the message has lost its question. */
static bool reply_query_of(struct rte_mbuf *mbuf, const struct rule_context *context,
			   struct dns_reply_query *reply)
{
	const struct packet *packet = packet_of(mbuf);
	const struct query_state *query = &packet->query;
	uint32_t end = DNS_HEADER_SIZE + query->qname_length + DNS_QUESTION_FIXED;

	if (query->qname_length == 0 || packet->dns_length < end)
		return false;
	*reply = (struct dns_reply_query){
		.question_end = (uint16_t)end,
		.qtype = query->qtype,
		.udp_size = context->udp_size ? context->udp_size : DNS_EDNS_UDP_SIZE,
		.edns = query->flags & QUERY_HAD_EDNS,
		.dnssec_ok = query->flags & QUERY_DO,
	};
	return true;
}

/* Ends an answer that a dns_reply function has built, or could not. */
static enum rule_verdict reply_end(struct rte_mbuf *mbuf, int length)
{
	if (length < 0) {
		packet_of(mbuf)->drop_reason = DROP_REPLY_BUILD;
		return RULE_DROP;
	}
	packet_dns_resize(mbuf, (uint16_t)length);
	packet_of(mbuf)->built = true;
	return RULE_ANSWER;
}

static enum rule_verdict rcode_write(struct rte_mbuf *mbuf, const struct rule_context *context,
				     uint16_t rcode, const struct dns_reply_options *options)
{
	struct dns_reply_query query;
	if (!reply_query_of(mbuf, context, &query))
		return reply_end(mbuf, -EBADMSG);
	return reply_end(mbuf, dns_reply_rcode(packet_dns(mbuf), packet_dns_capacity(mbuf), &query,
					       rcode, options));
}

enum rule_verdict rule_answer_rcode(struct rte_mbuf *mbuf, struct rule_context *context,
				    uint16_t rcode, const struct dns_reply_options *options)
{
	enum rule_verdict verdict =
		rcode_write(mbuf, context, rcode, options ? options : &options_default);
	if (verdict == RULE_ANSWER && rcode == DNS_RCODE_NXDOMAIN)
		count(context, STATS_RULE_NXDOMAIN);
	if (verdict == RULE_ANSWER && rcode == DNS_RCODE_REFUSED)
		count(context, STATS_RULE_REFUSED);
	if (verdict == RULE_ANSWER && rcode == DNS_RCODE_SERVFAIL)
		count(context, STATS_RULE_SERVFAIL);
	return verdict;
}

static const struct dns_reply_options bare = {.ttl = DNS_REPLY_TTL, .set_ra = true};

enum rule_verdict rule_answer_bare(struct rte_mbuf *mbuf, struct rule_context *context,
				   uint16_t rcode)
{
	return rule_answer_rcode(mbuf, context, rcode, &bare);
}

enum rule_verdict rule_block_rcode(struct rte_mbuf *mbuf, const struct rule_context *context,
				   uint16_t rcode)
{
	return rcode_write(mbuf, context, rcode, &bare);
}

static enum rule_verdict response_truncate(struct rte_mbuf *mbuf)
{
	const struct packet *packet = packet_of(mbuf);
	int length = dns_response_cut(packet_dns(mbuf), packet->dns_length,
				      packet->query.client_size);
	if (length < 0)
		return reply_end(mbuf, length);
	packet_dns_resize(mbuf, (uint16_t)length);
	return RULE_NEXT;
}

enum rule_verdict rule_block_truncated(struct rte_mbuf *mbuf, const struct rule_context *context)
{
	struct dns_reply_query query;
	if (!reply_query_of(mbuf, context, &query))
		return reply_end(mbuf, -EBADMSG);
	return reply_end(mbuf, dns_reply_truncated(packet_dns(mbuf), packet_dns_capacity(mbuf),
						   &query));
}

enum rule_verdict rule_answer_truncated(struct rte_mbuf *mbuf, struct rule_context *context)
{
	if (packet_of(mbuf)->query.flags & QUERY_TCP)
		return RULE_GO_ON;
	if (!rule_is_query(packet_of(mbuf)))
		return response_truncate(mbuf);
	enum rule_verdict verdict = rule_block_truncated(mbuf, context);
	if (verdict == RULE_ANSWER)
		count(context, STATS_RULE_TRUNCATED);
	return verdict;
}

enum rule_verdict rule_answer_addresses(struct rte_mbuf *mbuf, struct rule_context *context,
					const struct dns_reply_address *addresses, unsigned n,
					const struct dns_reply_options *options)
{
	struct dns_reply_query query;
	if (!reply_query_of(mbuf, context, &query))
		return reply_end(mbuf, -EBADMSG);
	return reply_end(mbuf, dns_reply_addresses(packet_dns(mbuf), packet_dns_capacity(mbuf),
						   &query, addresses, n, rule_random(context),
						   options ? options : &options_default));
}

enum rule_verdict rule_answer_cname(struct rte_mbuf *mbuf, struct rule_context *context,
				    const uint8_t *target, size_t target_length,
				    const struct dns_reply_options *options)
{
	struct dns_reply_query query;
	if (!reply_query_of(mbuf, context, &query))
		return reply_end(mbuf, -EBADMSG);
	return reply_end(mbuf, dns_reply_cname(packet_dns(mbuf), packet_dns_capacity(mbuf), &query,
					       target, target_length,
					       options ? options : &options_default));
}

enum rule_verdict rule_answer_raw(struct rte_mbuf *mbuf, struct rule_context *context,
				  const struct dns_reply_rdata *values, unsigned count,
				  uint16_t type_for_any, const struct dns_reply_options *options)
{
	struct dns_reply_query query;
	if (!reply_query_of(mbuf, context, &query))
		return reply_end(mbuf, -EBADMSG);
	uint16_t type = query.qtype == DNS_TYPE_ANY && type_for_any != 0 ? type_for_any
									  : query.qtype;
	return reply_end(mbuf, dns_reply_raw(packet_dns(mbuf), packet_dns_capacity(mbuf), &query,
					     type, values, count,
					     options ? options : &options_default));
}

enum rule_verdict rule_answer_packet(struct rte_mbuf *mbuf, struct rule_context *context,
				     const uint8_t *packet, size_t length)
{
	struct dns_reply_query query;
	if (!reply_query_of(mbuf, context, &query))
		return reply_end(mbuf, -EBADMSG);
	int result = dns_reply_packet(packet_dns(mbuf), packet_dns_capacity(mbuf), &query, packet,
				      length);
	/* Where the buffer is smaller than others the query comes back in one of those. */
	if (result == -ENOSPC && mbuf->buf_len < PACKET_DATA_SIZE)
		return reply_end(mbuf, result);
	if (result < 0)
		return rule_answer_rcode(mbuf, context, DNS_RCODE_SERVFAIL, NULL);
	return reply_end(mbuf, result);
}

enum rule_verdict rule_answer_negative(struct rte_mbuf *mbuf, struct rule_context *context,
				       bool nxdomain, const struct dns_reply_soa *soa,
				       bool authority, const struct dns_reply_options *options)
{
	struct dns_reply_query query;
	if (!reply_query_of(mbuf, context, &query))
		return reply_end(mbuf, -EBADMSG);
	int length = dns_reply_negative(packet_dns(mbuf), packet_dns_capacity(mbuf), &query,
					nxdomain, soa, authority,
					options ? options : &options_default);
	if (length >= 0 && nxdomain)
		count(context, STATS_RULE_NXDOMAIN);
	return reply_end(mbuf, length);
}
