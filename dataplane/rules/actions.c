/* SPDX-License-Identifier: BSD-2-Clause */
#include "dataplane/rules/actions.h"

#include <errno.h>
#include <string.h>

#include "dataplane/clock.h"
#include "dataplane/dns/rewrite.h"
#include "dataplane/net/proxy.h"
#include "dataplane/net/route.h"
#include "dataplane/rules/answers.h"
#include "dataplane/rules/chain.h"
#include "dataplane/rules/key_store.h"
#include "dataplane/rules/matched.h"
#include "dataplane/rules/query_log.h"
#include "dataplane/rules/rates.h"
#include "dataplane/rules/tags.h"
#include "dataplane/stats.h"

static enum rule_verdict spoof_run(const struct rule_spoof *spoof, struct rte_mbuf *mbuf,
				   struct rule_context *context)
{
	uint16_t qtype = packet_of(mbuf)->query.qtype;
	if (dns_reply_addresses_fit(qtype, spoof->addresses, spoof->count) == 0)
		return RULE_GO_ON;
	return rule_answer_addresses(mbuf, context, spoof->addresses, spoof->count, &spoof->options);
}

/* Out of memory for what the policy wants remembered: better no answer than a wrong one. */
static enum rule_verdict note_end(int error, struct rte_mbuf *mbuf, struct rule_context *context)
{
	if (error == 0)
		return RULE_GO_ON;
	stats_add(&context->stats->counter[STATS_RULE_UNNOTED], 1);
	if (rule_is_query(packet_of(mbuf)))
		return rule_answer_rcode(mbuf, context, DNS_RCODE_SERVFAIL, NULL);
	return rule_drop(mbuf, context);
}

/* Edits that do not go through leave the packet as it is: the rule had no effect. */
static enum rule_verdict edit_end(struct rte_mbuf *mbuf, int length)
{
	if (length >= 0)
		packet_dns_resize(mbuf, (uint16_t)length);
	return RULE_GO_ON;
}

static enum rule_verdict option_put(uint16_t code, const uint8_t *data, uint16_t length,
				    struct rte_mbuf *mbuf, const struct rule_context *context)
{
	uint16_t size = context->udp_size ? context->udp_size : DNS_EDNS_UDP_SIZE;
	struct query_state *query = &packet_of(mbuf)->query;
	if (rule_is_query(packet_of(mbuf)))
		size = DNS_UDP_SIZE_MIN; /* a client without an OPT takes no more from the server */
	if ((query->flags & QUERY_HAD_EDNS) == 0)
		query->flags |= QUERY_EDNS_ADDED;
	return edit_end(mbuf, dns_option_set(packet_dns(mbuf), packet_of(mbuf)->dns_length,
					     packet_dns_capacity(mbuf), code, data, length,
					     size));
}

const uint8_t *rule_client_mac(const struct query_state *query, const struct net_port *ports)
{
	struct net_address client = {.ipv6 = (query->flags & QUERY_IPV6) != 0};
	struct note_peer peer;
	bool linked = false;
	if (ports == NULL || (query->flags & QUERY_TCP) != 0 ||
	    (query->notes != NULL && peer_get(query->notes, &peer)))
		return NULL;
	memcpy(client.bytes, query->client_addr, client.ipv6 ? 16 : 4);
	const struct net_port *port = &ports[query->port];
	for (unsigned i = 0; i < port->n_addresses && !linked; i++)
		linked = net_prefix_holds(&port->addresses[i], &client);
	return linked ? query->client_mac : NULL;
}

static enum rule_verdict mac_run(uint16_t code, struct rte_mbuf *mbuf,
				 const struct rule_context *context)
{
	const uint8_t *mac = rule_client_mac(&packet_of(mbuf)->query, context->ports);
	return mac != NULL ? option_put(code, mac, 6, mbuf, context) : RULE_GO_ON;
}

static enum rule_verdict clear_run(const struct rule_types *types, struct rte_mbuf *mbuf)
{
	return edit_end(mbuf, dns_records_clear(packet_dns(mbuf), packet_of(mbuf)->dns_length,
						packet_dns_capacity(mbuf), types->types,
						types->count));
}

static uint32_t ttl_reduce(void *context, enum dns_section section, uint16_t rclass, uint16_t type,
			   uint32_t ttl)
{
	const uint16_t *percent = context;
	(void)section;
	(void)rclass;
	(void)type;
	return (uint32_t)((uint64_t)ttl * *percent / 100);
}

/*
 * What the wrapped action does to the packet stays done, but the chain goes on: an answer that it
 * made is edited by the rules that follow, a drop is only counted.
 */
static enum rule_verdict continue_run(const struct rule_action *wrapped, struct rte_mbuf *mbuf,
				      struct rule_context *context)
{
	enum rule_verdict verdict = rule_action_run(wrapped, mbuf, context);
	/* Without room for its answer the rule is run again where there is some. */
	if (verdict == RULE_DROP && packet_of(mbuf)->drop_reason == DROP_REPLY_BUILD &&
	    mbuf->buf_len < PACKET_DATA_SIZE)
		return verdict;
	return RULE_GO_ON;
}

/* Apart, since few actions need the room for their text. */
static __attribute__((noinline)) int tag_expanded(const struct rule_tag *tag, struct rte_mbuf *mbuf,
						  const struct rule_context *context)
{
	char text[MATCHED_TEXT_SIZE];
	size_t length = matched_expand(tag->bytes + tag->key_length, tag->value_length, mbuf,
				       context, text, sizeof(text));
	return tag_set(&packet_of(mbuf)->query.notes, tag->bytes, tag->key_length, text, length);
}

static int tag_run(const struct rule_tag *tag, struct rte_mbuf *mbuf,
		   const struct rule_context *context)
{
	if (tag->expand)
		return tag_expanded(tag, mbuf, context);
	return tag_set(&packet_of(mbuf)->query.notes, tag->bytes, tag->key_length,
		       tag->bytes + tag->key_length, tag->value_length);
}

static __attribute__((noinline)) int error_expanded(const struct rule_extended_error *error,
						    struct rte_mbuf *mbuf,
						    const struct rule_context *context)
{
	char text[MATCHED_TEXT_SIZE];
	size_t length = matched_expand(error->text, error->text_length, mbuf, context, text,
				       sizeof(text));
	return ede_add(&packet_of(mbuf)->query.notes, error->info_code, text, length, error->clear);
}

static int error_run(const struct rule_extended_error *error, struct rte_mbuf *mbuf,
		     const struct rule_context *context)
{
	if (error->expand)
		return error_expanded(error, mbuf, context);
	return ede_add(&packet_of(mbuf)->query.notes, error->info_code, error->text,
		       error->text_length, error->clear);
}

static int proxy_run(const struct rule_action *action, struct query_state *query)
{
	const struct proxy_header all = {.length = (uint16_t)action->bytes->length};
	struct proxy_value value;
	uint16_t offset = 0;
	int error = 0;
	if (action->value != 0)
		proxy_values_clear(&query->notes);
	while (error == 0 && proxy_value_next(action->bytes->bytes, &all, &offset, &value))
		error = proxy_value_add(&query->notes, value.type, value.bytes, value.length);
	return error;
}

enum rule_verdict rule_action_run(const struct rule_action *action, struct rte_mbuf *mbuf,
				  struct rule_context *context)
{
	struct query_state *query = &packet_of(mbuf)->query;

	switch ((enum rule_action_kind)action->kind) {
	case RULE_ACTION_NONE:
		return RULE_GO_ON;
	case RULE_ACTION_ALLOW:
		return rule_is_query(packet_of(mbuf)) && packet_is_answered(mbuf) ? RULE_ANSWER :
									       RULE_NEXT;
	case RULE_ACTION_DROP:
		return rule_drop(mbuf, context);
	case RULE_ACTION_RCODE:
		return rule_answer_rcode(mbuf, context, action->value, action->options);
	case RULE_ACTION_TRUNCATE:
		return rule_answer_truncated(mbuf, context);
	case RULE_ACTION_SPOOF:
		return spoof_run(action->spoof, mbuf, context);
	case RULE_ACTION_SPOOF_CNAME:
		return rule_answer_cname(mbuf, context, action->cname->target,
					 action->cname->length, &action->cname->options);
	case RULE_ACTION_SPOOF_RAW:
		return rule_answer_raw(mbuf, context, action->raw->values, action->raw->count,
				       action->raw->type_for_any, &action->raw->options);
	case RULE_ACTION_SPOOF_PACKET:
		return rule_answer_packet(mbuf, context, action->bytes->bytes,
					  action->bytes->length);
	case RULE_ACTION_NEGATIVE:
		return rule_answer_negative(mbuf, context, action->negative->nxdomain,
					    &action->negative->soa, action->negative->authority,
					    &action->negative->options);
	case RULE_ACTION_CONTINUE:
		return continue_run(action->wrapped, mbuf, context);
	case RULE_ACTION_EDNS_OPTION:
		return option_put(action->option->code, action->option->data,
				  action->option->length, mbuf, context);
	case RULE_ACTION_CLIENT_MAC:
		return mac_run(action->value, mbuf, context);
	case RULE_ACTION_CLEAR_TYPES:
		return clear_run(action->types, mbuf);
	case RULE_ACTION_LIMIT_TTL:
		dns_ttls_limit(packet_dns(mbuf), packet_of(mbuf)->dns_length, action->types->min,
			       action->types->max, action->types->types, action->types->count);
		return RULE_GO_ON;
	case RULE_ACTION_REDUCE_TTL: {
		uint16_t percent = action->value;
		dns_ttls_edit(packet_dns(mbuf), packet_of(mbuf)->dns_length, ttl_reduce, &percent);
		return RULE_GO_ON;
	}
	case RULE_ACTION_QPS:
		return rate_take(action->rate, clock_now()) ? RULE_GO_ON : rule_drop(mbuf, context);
	case RULE_ACTION_QPS_POOL:
		if (!rate_take(action->rate, clock_now()))
			return RULE_GO_ON;
		/* fall through */
	case RULE_ACTION_POOL:
		query->pool = action->value;
		return action->stop ? RULE_NEXT : RULE_GO_ON;
	case RULE_ACTION_NO_RECURSE:
		dns_header_of(packet_dns(mbuf))->rd = 0;
		return RULE_GO_ON;
	case RULE_ACTION_DISABLE_VALIDATION:
		dns_header_of(packet_dns(mbuf))->cd = 1;
		return RULE_GO_ON;
	case RULE_ACTION_CACHE_ONLY:
		query->flags |= QUERY_CACHE_ONLY;
		return RULE_GO_ON;
	case RULE_ACTION_SKIP_CACHE:
		query->flags |= QUERY_SKIP_CACHE;
		return RULE_GO_ON;
	case RULE_ACTION_ECS_OFF:
		query->flags |= QUERY_ECS_OFF;
		return RULE_GO_ON;
	case RULE_ACTION_ECS_OVERRIDE:
		packet_ecs_override_set(query, action->value != 0);
		return RULE_GO_ON;
	case RULE_ACTION_ECS_PREFIX:
		packet_ecs_prefix_set(query, (query->flags & QUERY_IPV6) != 0 ? action->prefix.v6
									      : action->prefix.v4);
		return RULE_GO_ON;
	case RULE_ACTION_ECS:
		return note_end(subnet_set(&query->notes, (query->flags & QUERY_IPV6) != 0
								  ? &action->ecs->v6
								  : &action->ecs->v4),
				mbuf, context);
	case RULE_ACTION_PROXY_VALUES:
		return note_end(proxy_run(action, query), mbuf, context);
	case RULE_ACTION_TEMP_FAILURE_TTL:
		query->flags |= QUERY_TEMP_FAILURE_TTL;
		query->temp_failure_ttl = action->ttl;
		return RULE_GO_ON;
	case RULE_ACTION_MAX_RETURNED_TTL:
		query->flags |= QUERY_MAX_TTL;
		query->max_returned_ttl = action->ttl;
		return RULE_GO_ON;
	case RULE_ACTION_DELAY:
		return note_end(delay_set(&query->notes, action->delay), mbuf, context);
	case RULE_ACTION_SET_TAG:
		return note_end(tag_run(action->tag, mbuf, context), mbuf, context);
	case RULE_ACTION_UNSET_TAG:
		tag_unset(&query->notes, action->tag->bytes, action->tag->key_length);
		return RULE_GO_ON;
	case RULE_ACTION_EXTENDED_ERROR:
		return note_end(error_run(action->error, mbuf, context), mbuf, context);
	case RULE_ACTION_RPZ:
		return rule_rpz_run(action->list, mbuf, context);
	case RULE_ACTION_SUBSCRIBER:
		return note_end(rule_subscriber_run(action->subscriber->list,
						    action->subscriber->tag,
						    action->subscriber->tag_length, mbuf, context),
				mbuf, context);
	case RULE_ACTION_LOOKUP:
		return note_end(rule_lookup_run(action->lookup, mbuf, context), mbuf, context);
	case RULE_ACTION_LOG:
		query_log_push(context, action->value, mbuf);
		return RULE_GO_ON;
	case RULE_ACTION_EXPORT:
		export_push(context, action->export, mbuf, NULL, 0);
		return RULE_GO_ON;
	case RULE_ACTION_LUA:
	case RULE_ACTION_LUA_FFI:
		return RULE_LUA;
	case RULE_ACTION_LUA_THREAD:
	case RULE_ACTION_COUNT:
		break;
	}
	return RULE_GO_ON;
}

