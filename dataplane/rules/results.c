/* SPDX-License-Identifier: BSD-2-Clause */
/* What Lua functions return. */
#include <arpa/inet.h>
#include <string.h>

#include "dataplane/policy.h"
#include "dataplane/rules/answers.h"
#include "dataplane/rules/chain.h"
#include "dataplane/stats.h"

#define SPOOF_MAX 64u /* addresses or values that a Lua action can give in one string */

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
	uint8_t target[DNS_NAME_MAX];
	int target_length = dns_name_parse(text, length, target);
	if (target_length < 0)
		return rule_answer_bare(mbuf, context, DNS_RCODE_SERVFAIL);
	return rule_answer_cname(mbuf, context, target, (size_t)target_length, NULL);
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
		return rule_answer_bare(mbuf, context, DNS_RCODE_SERVFAIL);
	return rule_answer_addresses(mbuf, context, addresses, n, NULL);
}

static bool is_comma(char byte)
{
	return byte == ',';
}

static enum rule_verdict spoof_raw(struct rte_mbuf *mbuf, struct rule_context *context,
				   const char *text, size_t left)
{
	struct dns_reply_rdata values[SPOOF_MAX];
	unsigned n = 0;
	size_t length;

	while ((length = piece_next(&text, &left, is_comma)) > 0) {
		if (n == SPOOF_MAX || length > UINT16_MAX)
			return rule_answer_bare(mbuf, context, DNS_RCODE_SERVFAIL);
		values[n++] = (struct dns_reply_rdata){(const uint8_t *)text, (uint16_t)length};
		text += length;
		left -= length;
	}
	return rule_answer_raw(mbuf, context, values, n, 0, NULL);
}

static enum rule_verdict pool_result(const struct policy *policy, struct rte_mbuf *mbuf,
				     const char *text, size_t length)
{
	int pool = policy_pool_find(policy, text, length);
	packet_of(mbuf)->query.pool = pool < 0 ? POLICY_POOL_UNKNOWN : (uint16_t)pool;
	return packet_is_answered(mbuf) ? RULE_ANSWER : RULE_NEXT;
}

/* Whether the answer waits so many milliseconds. */
static bool delay_result(struct rte_mbuf *mbuf, struct rule_context *context, const char *text,
			 size_t length)
{
	uint32_t ms = 0;
	for (size_t i = 0; i < length; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		ms = RTE_MIN(ms * 10 + (uint32_t)(text[i] - '0'), NOTE_DELAY_MAX);
	}
	if (length == 0)
		return false;
	int error = delay_set(&packet_of(mbuf)->query.notes, ms);
	if (error != 0)
		stats_add(&context->stats->counter[STATS_RULE_UNNOTED], 1);
	return error == 0;
}

enum rule_verdict rule_result_apply(const struct policy *policy, struct rte_mbuf *mbuf,
				    struct rule_context *context, int result, const char *text,
				    size_t length)
{
	switch (result) {
	case RULE_RESULT_DROP:
		return rule_drop(mbuf, context);
	case RULE_RESULT_NXDOMAIN:
		return rule_answer_bare(mbuf, context, DNS_RCODE_NXDOMAIN);
	case RULE_RESULT_REFUSED:
		return rule_answer_bare(mbuf, context, DNS_RCODE_REFUSED);
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
		return rule_answer_truncated(mbuf, context);
	case RULE_RESULT_SPOOF_RAW:
		return spoof_raw(mbuf, context, text, length);
	case RULE_RESULT_SPOOF_PACKET:
		return rule_answer_packet(mbuf, context, (const uint8_t *)text, length);
	case RULE_RESULT_DELAY:
		return delay_result(mbuf, context, text, length)
			       ? RULE_GO_ON
			       : rule_answer_bare(mbuf, context, DNS_RCODE_SERVFAIL);
	case RULE_RESULT_NONE:
	case RULE_RESULT_NO_OP:
	case RULE_RESULT_SET_TAG:
		return RULE_GO_ON;
	default:
		return rule_answer_bare(mbuf, context, DNS_RCODE_SERVFAIL);
	}
}

enum rule_verdict rule_response_result_apply(const struct policy *policy, struct rte_mbuf *mbuf,
					     struct rule_context *context, int result,
					     const char *text, size_t length)
{
	(void)policy;
	switch (result) {
	case RULE_RESPONSE_RESULT_DROP:
		return rule_drop(mbuf, context);
	case RULE_RESPONSE_RESULT_ALLOW:
	case RULE_RESPONSE_RESULT_HEADER_MODIFY:
		return RULE_NEXT;
	case RULE_RESPONSE_RESULT_TRUNCATE:
		return rule_answer_truncated(mbuf, context);
	case RULE_RESPONSE_RESULT_NONE:
		return RULE_GO_ON;
	case RULE_RESPONSE_RESULT_DELAY:
		if (delay_result(mbuf, context, text, length))
			return RULE_GO_ON;
		/* fall through */
	default:
		dns_header_of(packet_dns(mbuf))->rcode = DNS_RCODE_SERVFAIL;
		return RULE_NEXT;
	}
}
