/* SPDX-License-Identifier: BSD-2-Clause */
#include "dataplane/rules/actions.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "dataplane/dns/rewrite.h"
#include "dataplane/policy.h"
#include "dataplane/rules/chain.h"
#include "dataplane/rules/tags.h"
#include "dataplane/stats.h"

#define SPOOF_MAX 64u /* addresses or values that a Lua action can give in one string */

static const struct dns_reply_options options_default = DNS_REPLY_OPTIONS_DEFAULT;

static bool is_query(const struct packet *packet)
{
	return packet->chain == CHAIN_QUERY || packet->chain == CHAIN_CACHE_MISS;
}

static void count(struct rule_context *context, enum stats_counter counter)
{
	stats_add(&context->stats->counter[counter], 1);
}

static enum rule_verdict verdict_drop(struct rte_mbuf *mbuf, struct rule_context *context)
{
	struct packet *packet = packet_of(mbuf);
	bool query = is_query(packet);
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
	return RULE_ANSWER;
}

enum rule_verdict rule_answer_rcode(struct rte_mbuf *mbuf, struct rule_context *context,
				    uint16_t rcode, const struct dns_reply_options *options)
{
	struct dns_reply_query query;
	if (!reply_query_of(mbuf, context, &query))
		return reply_end(mbuf, -EBADMSG);
	int length = dns_reply_rcode(packet_dns(mbuf), packet_dns_capacity(mbuf), &query, rcode,
				     options ? options : &options_default);
	if (length >= 0 && rcode == DNS_RCODE_NXDOMAIN)
		count(context, STATS_RULE_NXDOMAIN);
	if (length >= 0 && rcode == DNS_RCODE_REFUSED)
		count(context, STATS_RULE_REFUSED);
	if (length >= 0 && rcode == DNS_RCODE_SERVFAIL)
		count(context, STATS_RULE_SERVFAIL);
	return reply_end(mbuf, length);
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

/* Over TCP there is nothing to come back for. */
static enum rule_verdict truncate_run(struct rte_mbuf *mbuf, struct rule_context *context)
{
	struct dns_reply_query query;
	if (packet_of(mbuf)->query.flags & QUERY_TCP)
		return RULE_GO_ON;
	if (!is_query(packet_of(mbuf)))
		return response_truncate(mbuf);
	if (!reply_query_of(mbuf, context, &query))
		return reply_end(mbuf, -EBADMSG);
	int length = dns_reply_truncated(packet_dns(mbuf), packet_dns_capacity(mbuf), &query);
	if (length >= 0)
		count(context, STATS_RULE_TRUNCATED);
	return reply_end(mbuf, length);
}

static enum rule_verdict spoof_addresses(struct rte_mbuf *mbuf, struct rule_context *context,
					 const struct dns_reply_address *addresses, unsigned n,
					 const struct dns_reply_options *options)
{
	struct dns_reply_query query;
	if (!reply_query_of(mbuf, context, &query))
		return reply_end(mbuf, -EBADMSG);
	return reply_end(mbuf, dns_reply_addresses(packet_dns(mbuf), packet_dns_capacity(mbuf),
						   &query, addresses, n, rule_random(context),
						   options));
}

static enum rule_verdict spoof_run(const struct rule_spoof *spoof, struct rte_mbuf *mbuf,
				   struct rule_context *context)
{
	uint16_t qtype = packet_of(mbuf)->query.qtype;
	if (dns_reply_addresses_fit(qtype, spoof->addresses, spoof->count) == 0)
		return RULE_GO_ON;
	return spoof_addresses(mbuf, context, spoof->addresses, spoof->count, &spoof->options);
}

/* Out of memory for what the policy wants remembered: better no answer than a wrong one. */
static enum rule_verdict note_end(int error, struct rte_mbuf *mbuf, struct rule_context *context)
{
	if (error == 0)
		return RULE_GO_ON;
	if (is_query(packet_of(mbuf)))
		return rule_answer_rcode(mbuf, context, DNS_RCODE_SERVFAIL, NULL);
	return verdict_drop(mbuf, context);
}

static int tag_run(const struct rule_tag *tag, struct note_block **notes)
{
	return tag_set(notes, tag->bytes, tag->key_length, tag->bytes + tag->key_length,
		       tag->value_length);
}

enum rule_verdict rule_action_run(const struct rule_action *action, struct rte_mbuf *mbuf,
				  struct rule_context *context)
{
	struct query_state *query = &packet_of(mbuf)->query;

	switch ((enum rule_action_kind)action->kind) {
	case RULE_ACTION_NONE:
		return RULE_GO_ON;
	case RULE_ACTION_ALLOW:
		return is_query(packet_of(mbuf)) && packet_is_answered(mbuf) ? RULE_ANSWER :
									       RULE_NEXT;
	case RULE_ACTION_DROP:
		return verdict_drop(mbuf, context);
	case RULE_ACTION_RCODE:
		return rule_answer_rcode(mbuf, context, action->value, action->options);
	case RULE_ACTION_TRUNCATE:
		return truncate_run(mbuf, context);
	case RULE_ACTION_SPOOF:
		return spoof_run(action->spoof, mbuf, context);
	case RULE_ACTION_POOL:
		query->pool = action->value;
		return action->stop ? RULE_NEXT : RULE_GO_ON;
	case RULE_ACTION_NO_RECURSE:
		dns_header_of(packet_dns(mbuf))->rd = 0;
		return RULE_GO_ON;
	case RULE_ACTION_DISABLE_VALIDATION:
		dns_header_of(packet_dns(mbuf))->cd = 1;
		return RULE_GO_ON;
	case RULE_ACTION_SKIP_CACHE:
		query->flags |= QUERY_SKIP_CACHE;
		return RULE_GO_ON;
	case RULE_ACTION_TEMP_FAILURE_TTL:
		query->flags |= QUERY_TEMP_FAILURE_TTL;
		query->temp_failure_ttl = action->ttl;
		return RULE_GO_ON;
	case RULE_ACTION_MAX_RETURNED_TTL:
		query->flags |= QUERY_MAX_TTL;
		query->max_returned_ttl = action->ttl;
		return RULE_GO_ON;
	case RULE_ACTION_SET_TAG:
		return note_end(tag_run(action->tag, &query->notes), mbuf, context);
	case RULE_ACTION_UNSET_TAG:
		tag_unset(&query->notes, action->tag->bytes, action->tag->key_length);
		return RULE_GO_ON;
	case RULE_ACTION_EXTENDED_ERROR:
		return note_end(ede_add(&query->notes, action->error->info_code,
					action->error->text, action->error->text_length,
					action->error->clear),
				mbuf, context);
	case RULE_ACTION_LUA:
	case RULE_ACTION_LUA_FFI:
		return RULE_LUA;
	case RULE_ACTION_COUNT:
		break;
	}
	return RULE_GO_ON;
}

/* What Lua functions return. */

static bool is_separator(char byte)
{
	return byte == ' ' || byte == ',';
}

/* The next piece of `text` between separators; its length, 0 after the last. */
static size_t piece_next(const char **text, size_t *left, bool (*separator)(char))
{
	while (*left > 0 && separator(**text)) {
		++*text;
		--*left;
	}
	size_t length = 0;
	while (length < *left && !separator((*text)[length]))
		length++;
	return length;
}

static bool address_parse(const char *text, size_t length, struct dns_reply_address *address)
{
	char copy[INET6_ADDRSTRLEN];
	if (length >= sizeof(copy))
		return false;
	memcpy(copy, text, length);
	copy[length] = '\0';
	bool ipv6 = memchr(copy, ':', length) != NULL;
	address->length = ipv6 ? 16 : 4;
	return inet_pton(ipv6 ? AF_INET6 : AF_INET, copy, address->bytes) == 1;
}

static enum rule_verdict spoof_cname(struct rte_mbuf *mbuf, struct rule_context *context,
				     const char *text, size_t length)
{
	struct dns_reply_query query;
	uint8_t target[DNS_NAME_MAX];
	int target_length = dns_name_parse(text, length, target);

	if (target_length < 0)
		return rule_answer_rcode(mbuf, context, DNS_RCODE_SERVFAIL, NULL);
	if (!reply_query_of(mbuf, context, &query))
		return reply_end(mbuf, -EBADMSG);
	return reply_end(mbuf, dns_reply_cname(packet_dns(mbuf), packet_dns_capacity(mbuf), &query,
					       target, (size_t)target_length, &options_default));
}

static enum rule_verdict spoof_text(struct rte_mbuf *mbuf, struct rule_context *context,
				    const char *text, size_t left)
{
	struct dns_reply_address addresses[SPOOF_MAX];
	const char *first = NULL;
	size_t length, first_length = 0;
	unsigned n = 0;
	bool broken = false;

	while ((length = piece_next(&text, &left, is_separator)) > 0) {
		if (!first) {
			first = text;
			first_length = length;
		}
		broken |= n == SPOOF_MAX || !address_parse(text, length, &addresses[n]);
		n += n < SPOOF_MAX;
		text += length;
		left -= length;
	}
	if (broken && n == 1)
		return spoof_cname(mbuf, context, first, first_length);
	if (broken)
		return rule_answer_rcode(mbuf, context, DNS_RCODE_SERVFAIL, NULL);
	return spoof_addresses(mbuf, context, addresses, n, &options_default);
}

static bool is_comma(char byte)
{
	return byte == ',';
}

static enum rule_verdict spoof_raw(struct rte_mbuf *mbuf, struct rule_context *context,
				   const char *text, size_t left)
{
	struct dns_reply_query query;
	struct dns_reply_rdata values[SPOOF_MAX];
	unsigned n = 0;
	size_t length;

	while ((length = piece_next(&text, &left, is_comma)) > 0) {
		if (n == SPOOF_MAX || length > UINT16_MAX)
			return rule_answer_rcode(mbuf, context, DNS_RCODE_SERVFAIL, NULL);
		values[n++] = (struct dns_reply_rdata){(const uint8_t *)text, (uint16_t)length};
		text += length;
		left -= length;
	}
	if (!reply_query_of(mbuf, context, &query))
		return reply_end(mbuf, -EBADMSG);
	return reply_end(mbuf, dns_reply_raw(packet_dns(mbuf), packet_dns_capacity(mbuf), &query,
					     query.qtype, values, n, &options_default));
}

static enum rule_verdict spoof_packet(struct rte_mbuf *mbuf, struct rule_context *context,
				      const char *text, size_t length)
{
	struct dns_reply_query query;
	if (!reply_query_of(mbuf, context, &query))
		return reply_end(mbuf, -EBADMSG);
	int result = dns_reply_packet(packet_dns(mbuf), packet_dns_capacity(mbuf), &query,
				      (const uint8_t *)text, length);
	if (result < 0)
		return rule_answer_rcode(mbuf, context, DNS_RCODE_SERVFAIL, NULL);
	return reply_end(mbuf, result);
}

static enum rule_verdict pool_result(const struct policy *policy, struct rte_mbuf *mbuf,
				     const char *text, size_t length)
{
	int pool = policy_pool_find(policy, text, length);
	packet_of(mbuf)->query.pool = pool < 0 ? POLICY_POOL_UNKNOWN : (uint16_t)pool;
	return packet_is_answered(mbuf) ? RULE_ANSWER : RULE_NEXT;
}

enum rule_verdict rule_result_apply(const struct policy *policy, struct rte_mbuf *mbuf,
				    struct rule_context *context, int result, const char *text,
				    size_t length)
{
	switch (result) {
	case RULE_RESULT_DROP:
		return verdict_drop(mbuf, context);
	case RULE_RESULT_NXDOMAIN:
		return rule_answer_rcode(mbuf, context, DNS_RCODE_NXDOMAIN, NULL);
	case RULE_RESULT_REFUSED:
		return rule_answer_rcode(mbuf, context, DNS_RCODE_REFUSED, NULL);
	case RULE_RESULT_SPOOF:
		return spoof_text(mbuf, context, text, length);
	case RULE_RESULT_NO_RECURSE:
		dns_header_of(packet_dns(mbuf))->rd = 0;
		/* fall through */
	case RULE_RESULT_ALLOW:
	case RULE_RESULT_HEADER_MODIFY:
		return packet_is_answered(mbuf) ? RULE_ANSWER : RULE_NEXT;
	case RULE_RESULT_POOL:
		return pool_result(policy, mbuf, text, length);
	case RULE_RESULT_TRUNCATE:
		return truncate_run(mbuf, context);
	case RULE_RESULT_SPOOF_RAW:
		return spoof_raw(mbuf, context, text, length);
	case RULE_RESULT_SPOOF_PACKET:
		return spoof_packet(mbuf, context, text, length);
	case RULE_RESULT_DELAY:
	case RULE_RESULT_NONE:
	case RULE_RESULT_NO_OP:
	case RULE_RESULT_SET_TAG:
		return RULE_GO_ON;
	default:
		return rule_answer_rcode(mbuf, context, DNS_RCODE_SERVFAIL, NULL);
	}
}

enum rule_verdict rule_response_result_apply(const struct policy *policy, struct rte_mbuf *mbuf,
					     struct rule_context *context, int result,
					     const char *text, size_t length)
{
	(void)policy;
	(void)text;
	(void)length;
	switch (result) {
	case RULE_RESPONSE_RESULT_DROP:
		return verdict_drop(mbuf, context);
	case RULE_RESPONSE_RESULT_ALLOW:
	case RULE_RESPONSE_RESULT_HEADER_MODIFY:
		return RULE_NEXT;
	case RULE_RESPONSE_RESULT_TRUNCATE:
		return truncate_run(mbuf, context);
	case RULE_RESPONSE_RESULT_DELAY:
	case RULE_RESPONSE_RESULT_NONE:
		return RULE_GO_ON;
	default:
		dns_header_of(packet_dns(mbuf))->rcode = DNS_RCODE_SERVFAIL;
		return RULE_NEXT;
	}
}
