/* SPDX-License-Identifier: BSD-2-Clause */
#include "dataplane/rules/matched.h"

#include "dataplane/dns/message.h"
#include "dataplane/policy.h"
#include "dataplane/rules/answers.h"
#include "dataplane/rules/live_list.h"

#define RECORDS_MAX 64u /* of local data: as many as the reader of zones keeps */

/* ---- looking up ---- */

const uint8_t *matched_name(struct rte_mbuf *mbuf, size_t *length)
{
	const struct packet *packet = packet_of(mbuf);
	*length = packet->query.qname_length;
	if (*length == 0 || packet->dns_length < DNS_HEADER_SIZE + *length + DNS_QUESTION_FIXED ||
	    dns_count_load(packet_dns(mbuf), DNS_SECTION_QUESTION) == 0) /* a canned answer may have none */
		return NULL;
	return packet_dns(mbuf) + DNS_HEADER_SIZE;
}

/* Looks the name up in what the list is now. */
static bool name_look(const struct live_list *seen, struct rte_mbuf *mbuf, struct name_match *found)
{
	size_t length;
	const uint8_t *name = matched_name(mbuf, &length);
	const struct name_index *names = live_list_names(seen);
	return name != NULL && names != NULL && name_index_find(names, name, length, found);
}

/* What was found ahead or, if nobody looked, is found now; `now` gets what the list was then. */
static inline bool name_match(const struct live_list *list, struct rte_mbuf *mbuf,
			      struct rule_context *context, const void **now,
			      struct name_match *found)
{
	unsigned number;
	const struct rule_ahead_list *ahead =
		rule_ahead_get(&context->ahead, mbuf, list, MATCHED_NAME, &number);
	if (ahead != NULL) {
		*now = ahead->now;
		*found = ahead->names[number];
		return ahead->covered >> number & 1;
	}
	struct live_list seen = {.now = __atomic_load_n(&list->now, __ATOMIC_ACQUIRE),
				 .kind = list->kind};
	*now = seen.now;
	return name_look(&seen, mbuf, found);
}

/* `matched` is filled in only where something is found, which mostly nothing is. */
static bool name_find(const struct live_list *list, bool exact, struct rte_mbuf *mbuf,
		      struct rule_context *context, struct rule_matched *matched)
{
	struct rpz_match match;
	struct name_match found;
	const void *now;
	if (!name_match(list, mbuf, context, &now, &found) || (exact && found.offset != 0))
		return false;
	if (list->kind != LIVE_LIST_ZONE) {
		*matched = (struct rule_matched){.list = list, .offset = found.offset};
		return true;
	}
	if (!rpz_match_of(now, &found, &match))
		return false;
	*matched = (struct rule_matched){.list = list,
					 .zone = now,
					 .action = match.action,
					 .offset = found.offset,
					 .wildcard = match.wildcard};
	return true;
}

static bool address_find(const struct live_list *list, const struct rpz_zone *zone,
			 const struct prefix_index *prefixes, const uint8_t *address, bool ipv6,
			 struct rule_matched *matched)
{
	struct rpz_match match;
	if (!rpz_find_address(zone, prefixes, address, ipv6, &match))
		return false;
	*matched = (struct rule_matched){
		.list = list, .zone = zone, .action = match.action, .prefix = match.prefix};
	return true;
}

static bool prefix_matched(const struct live_list *list, const struct prefix_member *member,
			   struct rule_matched *matched)
{
	if (member == NULL)
		return false;
	*matched = (struct rule_matched){.list = list, .prefix = &member->prefix};
	return true;
}

static bool prefix_find(const struct live_list *list, const uint8_t *address, bool ipv6,
			struct rule_matched *matched)
{
	const struct prefix_index *prefixes = live_list_prefixes(list);
	return prefixes != NULL &&
	       prefix_matched(list, prefix_index_find(prefixes, address, ipv6), matched);
}

static bool subscriber_matched(const struct live_list *list, const struct query_state *query,
			       struct rule_matched *matched)
{
	const struct subscriber_table *table = live_list_subscribers(list);
	struct subscriber found;
	if (table == NULL || !subscriber_find(table, query->client_addr, query->flags & QUERY_IPV6,
					      query->client_port, &found))
		return false;
	*matched = (struct rule_matched){.list = list, .subscriber = found};
	return true;
}

/* What was found for the client's address ahead: prefixes and subscribers alone are. */
static bool client_taken(const struct rule_ahead_list *ahead, unsigned number,
			 struct rule_matched *matched)
{
	if (ahead->list->kind == LIVE_LIST_PREFIXES)
		return prefix_matched(ahead->list, ahead->prefixes[number], matched);
	if (ahead->records[number] == SUBSCRIBER_NOBODY)
		return false;
	*matched = (struct rule_matched){.list = ahead->list,
					 .subscriber = {ahead->now, ahead->records[number]}};
	return true;
}

static bool client_find(const struct live_list *list, struct rte_mbuf *mbuf,
			struct rule_context *context, struct rule_matched *matched)
{
	const struct query_state *query = &packet_of(mbuf)->query;
	unsigned number;
	const struct rule_ahead_list *ahead =
		rule_ahead_get(&context->ahead, mbuf, list, MATCHED_CLIENT, &number);
	if (ahead != NULL)
		return client_taken(ahead, number, matched);
	if (list->kind == LIVE_LIST_SUBSCRIBERS)
		return subscriber_matched(list, query, matched);
	if (list->kind == LIVE_LIST_PREFIXES)
		return prefix_find(list, query->client_addr, query->flags & QUERY_IPV6, matched);
	const struct rpz_zone *zone = live_list_zone(list);
	return zone != NULL && address_find(list, zone, zone->clients, query->client_addr,
					    query->flags & QUERY_IPV6, matched);
}

static bool answer_find(const struct live_list *list, struct rte_mbuf *mbuf,
			struct rule_matched *matched)
{
	const struct rpz_zone *zone = live_list_zone(list);
	const uint8_t *dns = packet_dns(mbuf);
	struct dns_records walk;
	struct dns_record record;
	if (zone == NULL || prefix_index_count(zone->answers) == 0 ||
	    dns_records_open(&walk, dns, packet_of(mbuf)->dns_length) < 0)
		return false;
	while (dns_record_next(&walk, &record) == 1 && record.section == DNS_SECTION_ANSWER) {
		bool v4 = record.type == DNS_TYPE_A && record.rdlength == 4;
		bool v6 = record.type == DNS_TYPE_AAAA && record.rdlength == 16;
		if (record.rclass == DNS_CLASS_IN && (v4 || v6) &&
		    address_find(list, zone, zone->answers, dns + record.rdata, v6, matched))
			return true;
	}
	return false;
}

bool matched_find(const struct live_list *list, enum matched_trigger trigger, bool exact,
		  struct rte_mbuf *mbuf, struct rule_context *context)
{
	const struct query_state *query = &packet_of(mbuf)->query;
	struct rule_matched matched;
	bool found = false;
	switch (trigger) {
	case MATCHED_NAME:
		return name_find(list, exact, mbuf, context, &context->matched);
	case MATCHED_CLIENT:
		found = client_find(list, mbuf, context, &matched);
		break;
	case MATCHED_LOCAL:
		found = prefix_find(list, query->local_addr, query->flags & QUERY_IPV6, &matched);
		break;
	case MATCHED_ANSWER:
		found = answer_find(list, mbuf, &matched);
		break;
	}
	if (found)
		context->matched = matched;
	return found;
}

/* ---- text ---- */

static size_t append(char *to, size_t at, size_t size, const char *text, size_t length)
{
	if (length > size - at)
		length = size - at;
	memcpy(to + at, text, length);
	return at + length;
}

/* In lower case and without the dot at its end, as files have them. */
static size_t entry_print(struct rte_mbuf *mbuf, const struct rule_matched *matched, char *to,
			  size_t at, size_t size)
{
	char text[DNS_NAME_TEXT_SIZE];
	uint8_t lower[DNS_NAME_MAX];
	uint8_t labels;
	size_t length;
	if (matched->list->kind == LIVE_LIST_SUBSCRIBERS) {
		const char *id = subscriber_id(&matched->subscriber, &length);
		return append(to, at, size, id, length);
	}
	if (matched->prefix != NULL) {
		int printed = prefix_print(matched->prefix, text, sizeof(text));
		return append(to, at, size, text, printed < 0 ? 0 : (size_t)printed);
	}
	const uint8_t *name = matched_name(mbuf, &length);
	if (name == NULL || matched->offset >= length)
		return at;
	/* A selector in Lua may have changed the name since; then the entry is not to be had. */
	name += matched->offset;
	length -= matched->offset;
	if (dns_name_measure(name, length, &labels) != length)
		return at;
	dns_name_lower(lower, name, length);
	int printed = dns_name_print(lower, text, sizeof(text), false);
	if (matched->wildcard)
		at = append(to, at, size, "*.", 2);
	return append(to, at, size, text, printed < 0 ? 0 : (size_t)printed);
}

static bool starts(const char *text, size_t length, const char *with)
{
	return length >= strlen(with) && memcmp(text, with, strlen(with)) == 0;
}

size_t matched_expand(const char *text, size_t length, struct rte_mbuf *mbuf,
		      const struct rule_context *context, char *to, size_t size)
{
	const struct rule_matched *matched = &context->matched;
	size_t at = 0;
	for (size_t i = 0; i < length;) {
		if (starts(text + i, length - i, "{entry}")) {
			i += strlen("{entry}");
			if (matched->list != NULL)
				at = entry_print(mbuf, matched, to, at, size);
		} else if (starts(text + i, length - i, "{list}")) {
			i += strlen("{list}");
			if (matched->list != NULL)
				at = append(to, at, size, matched->list->name,
					    strlen(matched->list->name));
		} else {
			at = append(to, at, size, text + i++, 1);
		}
	}
	return at;
}

/* ---- response policy zones ---- */

static enum rule_verdict negative_answer(const struct rpz_zone *zone, bool nxdomain,
					 struct rte_mbuf *mbuf, struct rule_context *context)
{
	struct dns_reply_options options = DNS_REPLY_OPTIONS_DEFAULT;
	options.ttl = zone->soa.ttl;
	return rule_answer_negative(mbuf, context, nxdomain, &zone->soa, true, &options);
}

static enum rule_verdict wild_answer(const struct rule_matched *matched, struct rte_mbuf *mbuf,
				     struct rule_context *context)
{
	struct dns_reply_options options = DNS_REPLY_OPTIONS_DEFAULT;
	uint8_t target[DNS_NAME_MAX];
	size_t length;
	const uint8_t *name = matched_name(mbuf, &length);
	size_t made = name == NULL ? 0
				   : rpz_wild_target(matched->zone, matched->action, name, length,
						     target);
	if (made == 0) /* RFC 6672, section 2.2, for names that become too long */
		return rule_answer_rcode(mbuf, context, DNS_RCODE_YXDOMAIN, NULL);
	options.ttl = matched->zone->records[matched->action->first].ttl;
	return rule_answer_cname(mbuf, context, target, made, &options);
}

static enum rule_verdict data_answer(const struct rule_matched *matched, struct rte_mbuf *mbuf,
				     struct rule_context *context)
{
	const struct rpz_zone *zone = matched->zone;
	struct dns_reply_options options = DNS_REPLY_OPTIONS_DEFAULT;
	struct dns_reply_rdata values[RECORDS_MAX];
	const struct rpz_record *records;
	unsigned count =
		rpz_action_records(zone, matched->action, packet_of(mbuf)->query.qtype, &records);
	if (count == 0)
		return negative_answer(zone, false, mbuf, context);
	options.ttl = records[0].ttl;
	if (records[0].type == DNS_TYPE_CNAME)
		return rule_answer_cname(mbuf, context, zone->bytes + records[0].at,
					 records[0].length, &options);
	count = RTE_MIN(count, RECORDS_MAX);
	for (unsigned i = 0; i < count; i++)
		values[i] =
			(struct dns_reply_rdata){zone->bytes + records[i].at, records[i].length};
	return rule_answer_raw(mbuf, context, values, count, records[0].type, &options);
}

static enum rule_verdict policy_run(struct rte_mbuf *mbuf, struct rule_context *context)
{
	const struct rule_matched *matched = &context->matched;
	switch ((enum rpz_policy)matched->action->policy) {
	case RPZ_NXDOMAIN:
		return negative_answer(matched->zone, true, mbuf, context);
	case RPZ_NODATA:
		return negative_answer(matched->zone, false, mbuf, context);
	case RPZ_PASSTHRU:
		packet_of(mbuf)->query.flags |= QUERY_RPZ_PASSED;
		return RULE_GO_ON;
	case RPZ_DROP:
		return rule_drop(mbuf, context);
	case RPZ_TCP_ONLY:
		return rule_answer_truncated(mbuf, context);
	case RPZ_DATA:
		return data_answer(matched, mbuf, context);
	case RPZ_WILD_CNAME:
		return wild_answer(matched, mbuf, context);
	case RPZ_POLICY_COUNT:
		break;
	}
	return RULE_GO_ON;
}

enum rule_verdict rule_rpz_run(const struct live_list *list, struct rte_mbuf *mbuf,
			       struct rule_context *context)
{
	bool query = rule_is_query(packet_of(mbuf));
	const struct query_state *state = &packet_of(mbuf)->query;
	if ((state->flags & QUERY_RPZ_PASSED) != 0 || state->qclass != DNS_CLASS_IN)
		return RULE_GO_ON;
	if (context->matched.list != list &&
	    !(query ? matched_find(list, MATCHED_CLIENT, false, mbuf, context) ||
			      matched_find(list, MATCHED_NAME, false, mbuf, context)
		    : matched_find(list, MATCHED_ANSWER, false, mbuf, context)))
		return RULE_GO_ON;
	if (context->matched.action == NULL)
		return RULE_GO_ON;
	enum rule_verdict verdict = policy_run(mbuf, context);
	/* What was a response stays one: it is not met by the rules for our own answers. */
	return verdict == RULE_ANSWER && !query ? RULE_NEXT : verdict;
}

/* ---- subscribers ---- */

int rule_subscriber_run(const struct live_list *list, const char *id_tag, size_t id_tag_length,
			struct rte_mbuf *mbuf, struct rule_context *context)
{
	if (context->matched.list != list &&
	    !matched_find(list, MATCHED_CLIENT, false, mbuf, context))
		return 0;
	return subscriber_tags_set(&context->matched.subscriber, id_tag, id_tag_length,
				   &packet_of(mbuf)->query.notes);
}
