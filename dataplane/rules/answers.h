/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Answers that rules make: a query in hand becomes its own answer, in its mbuf, with EDNS if it had
 * EDNS. All resize the packet and return RULE_ANSWER, or RULE_DROP with reason REPLY_BUILD if its
 * question is lost or the buffer too small. `options` may be NULL: the defaults.
 */
#ifndef SLUICE_DATAPLANE_RULES_ANSWERS_H
#define SLUICE_DATAPLANE_RULES_ANSWERS_H

#include "dataplane/dns/message.h"
#include "dataplane/packet.h"
#include "dataplane/rules/actions.h"

/* Whether the chain it is in is one of queries. */
bool rule_is_query(const struct packet *packet);

/* Whether the question is still behind the header: a canned answer may have none. */
static inline bool rule_has_question(struct rte_mbuf *mbuf)
{
	const struct packet *packet = packet_of(mbuf);
	uint32_t end = DNS_HEADER_SIZE + packet->query.qname_length + DNS_QUESTION_FIXED;
	return packet->query.qname_length > 0 && packet->dns_length >= end &&
	       dns_count_load(packet_dns(mbuf), DNS_SECTION_QUESTION) > 0;
}

/* Counts a drop by a rule and sets the reason. */
enum rule_verdict rule_drop(struct rte_mbuf *mbuf, struct rule_context *context);

/* An empty answer with this rcode (12 bits), counted by rcode. */
enum rule_verdict rule_answer_rcode(struct rte_mbuf *mbuf, struct rule_context *context,
				    uint16_t rcode, const struct dns_reply_options *options);

/* Likewise with RA clear, whatever RD is: what functions return, and dynamic blocks, as in dnsdist. */
enum rule_verdict rule_answer_bare(struct rte_mbuf *mbuf, struct rule_context *context,
				   uint16_t rcode);

/*
 * An empty answer with TC; a response is cut to header, question and OPT instead, and goes on
 * (RULE_NEXT). RULE_GO_ON over TCP: there is nothing to come back for.
 */
enum rule_verdict rule_answer_truncated(struct rte_mbuf *mbuf, struct rule_context *context);

/* The same to queries, for dynamic blocks: no rule has answered. */
enum rule_verdict rule_block_rcode(struct rte_mbuf *mbuf, const struct rule_context *context,
				   uint16_t rcode);
enum rule_verdict rule_block_truncated(struct rte_mbuf *mbuf, const struct rule_context *context);

/* The addresses that fit the query's type, in an order of chance; NOERROR without any if none. */
enum rule_verdict rule_answer_addresses(struct rte_mbuf *mbuf, struct rule_context *context,
					const struct dns_reply_address *addresses, unsigned n,
					const struct dns_reply_options *options);

/* `target` is a wire name. */
enum rule_verdict rule_answer_cname(struct rte_mbuf *mbuf, struct rule_context *context,
				    const uint8_t *target, size_t target_length,
				    const struct dns_reply_options *options);

/* A record of the query's type for each value; of `type_for_any`, if not 0, where that is ANY. */
enum rule_verdict rule_answer_raw(struct rte_mbuf *mbuf, struct rule_context *context,
				  const struct dns_reply_rdata *values, unsigned count,
				  uint16_t type_for_any, const struct dns_reply_options *options);

/* A canned response, made fit; ServFail if it is malformed, or too long for the largest buffers. */
enum rule_verdict rule_answer_packet(struct rte_mbuf *mbuf, struct rule_context *context,
				     const uint8_t *packet, size_t length);

/* NXDOMAIN or NODATA with a SOA, in the authority section or the additional one. */
enum rule_verdict rule_answer_negative(struct rte_mbuf *mbuf, struct rule_context *context,
				       bool nxdomain, const struct dns_reply_soa *soa,
				       bool authority, const struct dns_reply_options *options);

#endif
