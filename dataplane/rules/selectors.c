/* SPDX-License-Identifier: BSD-2-Clause */
#include "dataplane/rules/key_store.h"
#include "dataplane/rules/selectors.h"

#include "dataplane/clock.h"
#include "dataplane/dns/edns.h"
#include "dataplane/dns/message.h"
#include "dataplane/policy.h"
#include "dataplane/rules/answers.h"
#include "dataplane/rules/chain.h"
#include "dataplane/rules/client_rates.h"
#include "dataplane/rules/matched.h"
#include "dataplane/rules/name_set.h"
#include "dataplane/rules/prefix_set.h"
#include "dataplane/rules/rates.h"
#include "dataplane/rules/regex.h"
#include "dataplane/rules/tags.h"
#include "dataplane/rules/threads.h"
#include "dataplane/rules/timed_set.h"
#include "dataplane/serve/backend.h"

#define BUCKETS_AHEAD 64u /* of a client, in eight lines, are fetched while one is asked */
#define TESTS_AHEAD 8 /* whose memory is fetched while one is asked */

static const uint8_t root_name[1];

void rule_facts_of(struct rule_facts *facts, const struct policy *policy, struct rte_mbuf *mbuf)
{
	const struct packet *packet = packet_of(mbuf);
	const uint8_t *dns = packet_dns(mbuf);
	bool question = rule_has_question(mbuf);
	facts->policy = policy;
	facts->packet = packet;
	facts->dns = dns;
	facts->qname = question ? dns + DNS_HEADER_SIZE : root_name;
	facts->qtype = packet->query.qtype;
	facts->qclass = packet->query.qclass;
	facts->qname_length = question ? packet->query.qname_length : 1;
	facts->qname_labels = question ? packet->query.qname_labels : 0;
	facts->text_length = -1;
	facts->regexes = NULL;
	facts->regexes_known = false;
	facts->now = 0;
	facts->bank = NULL;
	facts->tests_end = NULL;
	facts->client_hash = 0;
	rule_facts_renew(facts);
}

static bool outside(uint32_t value, const struct rule_test *test)
{
	return value < test->low || value > test->high;
}

static bool netmask_test(const struct rule_test *test, const struct query_state *query)
{
	const uint8_t *address = test->flag ? query->local_addr : query->client_addr;
	return prefix_set_match(test->prefixes, address, query->flags & QUERY_IPV6);
}

void rule_numbers_of(const struct rule_facts *facts, uint16_t numbers[static RULE_NUMBER_COUNT])
{
	const struct query_state *query = &facts->packet->query;
	const struct dns_header *header = dns_header_peek(facts->dns);
	numbers[RULE_NUMBER_NONE] = 0;
	numbers[RULE_NUMBER_QTYPE] = facts->qtype;
	numbers[RULE_NUMBER_QCLASS] = facts->qclass;
	numbers[RULE_NUMBER_OPCODE] = header->opcode;
	numbers[RULE_NUMBER_RCODE] = header->rcode;
	numbers[RULE_NUMBER_RD] = header->rd;
	numbers[RULE_NUMBER_DNSSEC] = (query->flags & QUERY_DO) != 0;
	numbers[RULE_NUMBER_TCP] = (query->flags & QUERY_TCP) != 0;
	numbers[RULE_NUMBER_DST_PORT] = query->local_port;
}

static bool tag_test(const struct rule_tag *wanted, const struct note_block *notes)
{
	const char *value;
	size_t length;

	if (!tag_get(notes, wanted->bytes, wanted->key_length, &value, &length))
		return false;
	if (wanted->any_value)
		return true;
	return length == wanted->value_length &&
	       (length == 0 || memcmp(value, wanted->bytes + wanted->key_length, length) == 0);
}

/* The tag's key is the type. */
static bool proxy_value_test(const struct rule_tag *wanted, const struct note_block *notes)
{
	struct note_cursor cursor = notes_open(notes);
	struct note note;
	while (note_next_of(&cursor, NOTE_PROXY_VALUE, &note))
		if (note.info_code == (uint8_t)wanted->bytes[0] &&
		    (wanted->any_value ||
		     (note.value_length == wanted->value_length &&
		      memcmp(note.value, wanted->bytes + 1, note.value_length) == 0)))
			return true;
	return false;
}

/* Of the same chain. */
static void facts_again(struct rule_facts *facts, struct rte_mbuf *mbuf)
{
	const struct chain_regexes *regexes = facts->regexes;
	rule_facts_of(facts, facts->policy, mbuf);
	facts->regexes = regexes;
}

static bool lua_test(const struct rule_test *test, struct rule_facts *facts, struct rte_mbuf *mbuf,
		     struct rule_context *context)
{
	bool match = context->lua_selector(context->lua, mbuf, test->lua, test->flag);
	facts_again(facts, mbuf);
	return match;
}

static bool thread_test(const struct rule_test *test, struct rule_facts *facts,
			struct rte_mbuf *mbuf, struct rule_context *context)
{
	bool match = rule_thread_select(facts->policy, mbuf, test->lua, context);
	facts_again(facts, mbuf);
	return match;
}

/* The message's OPT, NULL if it has none that can be read. */
static const struct dns_edns *edns_of(struct rule_facts *facts)
{
	if (facts->edns_state == 0) {
		bool found = dns_edns_search(facts->dns, facts->packet->dns_length,
					     &facts->edns) == DNS_OK &&
			     facts->edns.offset != 0;
		facts->edns_state = found ? 1 : -1;
	}
	return facts->edns_state == 1 ? &facts->edns : NULL;
}

static bool edns_option_test(struct rule_facts *facts, uint16_t code)
{
	struct dns_option option;
	const struct dns_edns *edns = edns_of(facts);
	return edns != NULL && dns_option_find(facts->dns, edns, code, &option) == 1;
}

static bool edns_version_test(struct rule_facts *facts, uint16_t version)
{
	const struct dns_edns *edns = edns_of(facts);
	return edns != NULL && edns->version > version;
}

static bool extended_rcode_test(struct rule_facts *facts, uint16_t rcode)
{
	const struct dns_edns *edns = edns_of(facts);
	unsigned upper = edns != NULL ? edns->extended_rcode : 0;
	return (upper << 4 | dns_header_peek(facts->dns)->rcode) == rcode;
}

/* Counts a record; false if it is one type too many. */
static bool type_count(struct rule_facts *facts, const struct dns_record *record,
		       struct rule_type_count *types)
{
	unsigned i = 0;
	while (i < facts->n_types &&
	       (types[i].type != record->type || types[i].section != record->section))
		i++;
	if (i == RULE_TYPES_COUNTED)
		return false;
	if (i == facts->n_types)
		types[facts->n_types++] =
			(struct rule_type_count){.type = record->type, .section = record->section};
	types[i].count++;
	return true;
}

/* Walks over the message once for all tests, if its types are few. */
static void types_count(struct rule_facts *facts, struct rule_context *context)
{
	struct dns_records walk;
	struct dns_record record;
	facts->n_types = 0;
	facts->types_state = RULE_TYPES_NONE;
	if (dns_records_open(&walk, facts->dns, facts->packet->dns_length) < 0)
		return;
	facts->types_state = RULE_TYPES_ALL;
	while (dns_record_next(&walk, &record) == 1)
		if (!type_count(facts, &record, context->types)) {
			facts->types_state = RULE_TYPES_MANY;
			return;
		}
}

static uint32_t type_walk(const struct rule_facts *facts, const struct rule_test *test)
{
	struct dns_records walk;
	struct dns_record record;
	uint32_t found = 0;
	if (dns_records_open(&walk, facts->dns, facts->packet->dns_length) == 0)
		while (dns_record_next(&walk, &record) == 1)
			found += record.section == test->flag && record.type == test->value;
	return found;
}

static bool records_type_test(struct rule_facts *facts, const struct rule_test *test,
			      struct rule_context *context)
{
	if (facts->types_state == RULE_TYPES_UNKNOWN)
		types_count(facts, context);
	if (facts->types_state == RULE_TYPES_NONE)
		return false;
	if (facts->types_state == RULE_TYPES_MANY)
		return !outside(type_walk(facts, test), test);
	const struct rule_type_count *types = context->types;
	for (unsigned i = 0; i < facts->n_types; i++)
		if (types[i].type == test->value && types[i].section == test->flag)
			return !outside(types[i].count, test);
	return !outside(0, test);
}

static bool size_test(uint16_t size, const struct rule_test *test)
{
	switch ((enum rule_comparison)test->flag) {
	case RULE_EQUAL:
		return size == test->value;
	case RULE_GREATER:
		return size > test->value;
	case RULE_GREATER_OR_EQUAL:
		return size >= test->value;
	case RULE_SMALLER:
		return size < test->value;
	case RULE_SMALLER_OR_EQUAL:
		return size <= test->value;
	}
	return false;
}

/*
 * The name as text, without the dot at its end: written once however many expressions there are.
 * False if expressions cannot be asked.
 */
static bool text_of(struct rule_facts *facts, struct rule_context *context)
{
	if (facts->text_length < 0)
		facts->text_length = dns_name_print(facts->qname, context->text,
						    sizeof(context->text), false);
	return facts->text_length >= 0 && context->lcore < facts->policy->n_scratch;
}

bool rule_regexes_find(struct rule_facts *facts, struct rule_context *context)
{
	if (facts->regexes_known)
		return true;
	if (facts->regexes == NULL || !text_of(facts, context))
		return false;
	chain_regexes_scan(facts->regexes, context->text, (size_t)facts->text_length,
			   facts->policy->scratch[context->lcore], &context->regexes);
	return facts->regexes_known = true;
}

static bool regex_test(const struct rule_test *test, struct rule_facts *facts,
		       struct rule_context *context)
{
	if (test->value != CHAIN_REGEX_NONE)
		return rule_regexes_find(facts, context) &&
		       chain_regexes_has(&context->regexes, test->value);
	return text_of(facts, context) &&
	       regex_match(test->regex, context->text, (size_t)facts->text_length,
			   facts->policy->scratch[context->lcore]);
}

/* Malformed messages have no end that anything could come after. */
static bool trailing_test(struct rule_facts *facts)
{
	if (facts->end == 0)
		facts->end = dns_message_end(facts->dns, facts->packet->dns_length);
	return facts->end >= 0 && facts->end < facts->packet->dns_length;
}

/* Read once a chain: that takes longer than the test of a rate. */
static uint64_t now_of(struct rule_facts *facts)
{
	if (facts->now == 0)
		facts->now = clock_now();
	return facts->now;
}

/* The client's buckets in this bank, the first of which are fetched. */
static void buckets_find(const struct client_bank *bank, struct rule_facts *facts)
{
	const struct query_state *query = &facts->packet->query;
	if (facts->bank == NULL || !client_banks_alike(facts->bank, bank))
		facts->key = client_bank_key(bank, query->client_addr, query->flags & QUERY_IPV6);
	facts->bank = bank;
	facts->buckets = client_bank_row(bank, facts->key, now_of(facts));
	for (unsigned i = 0; i < bank->width && i < BUCKETS_AHEAD; i += 8)
		__builtin_prefetch(&facts->buckets[i], 1);
}

static bool client_rate_test(const struct client_rate *rate, struct rule_facts *facts)
{
	if (facts->bank != rate->bank)
		buckets_find(rate->bank, facts);
	if (rate->column % 8 == 0 && rate->column + BUCKETS_AHEAD < rate->bank->width)
		__builtin_prefetch(&facts->buckets[rate->column + BUCKETS_AHEAD], 1);
	return !client_rate_take(rate, facts->buckets, facts->key, facts->now);
}

/* The set's cell for the client: all sets know it by the same hash, so some are fetched ahead. */
static bool timed_test(const struct rule_test *test, struct rule_facts *facts,
		       struct rule_context *context)
{
	const struct query_state *query = &facts->packet->query;
	const struct rule_test *ahead = test + TESTS_AHEAD;
	if (facts->client_hash == 0) {
		timed_set_address(query->client_addr, query->flags & QUERY_IPV6, context->client);
		facts->client_hash = timed_set_hash(facts->policy->timed_seed, context->client);
	}
	if (ahead < facts->tests_end && ahead->kind == RULE_TEST_TIMED_SET)
		__builtin_prefetch(timed_set_start(ahead->timed_set, ahead->value,
						   facts->client_hash));
	return timed_set_find(test->timed_set, test->value, facts->client_hash, context->client,
			      now_of(facts));
}

/* True below the limit, unlike the rate of a client. */
static bool rate_test(const struct rule_test *test, struct rule_facts *facts)
{
	const struct rule_test *ahead = test + TESTS_AHEAD;
	if (ahead < facts->tests_end && ahead->kind == RULE_TEST_MAX_QPS)
		__builtin_prefetch(ahead->rate, 1);
	return rate_take(test->rate, now_of(facts));
}

/* Inlined, as it is the only call there is and a chain may make a thousand. */
static inline __attribute__((always_inline)) bool
test_run(const struct rule_test *test, struct rule_facts *facts, struct rte_mbuf *mbuf,
	 struct rule_context *context)
{
	const struct query_state *query = &facts->packet->query;
	const struct dns_header *header = dns_header_peek(facts->dns);

	switch ((enum rule_test_kind)test->kind) {
	case RULE_TEST_ALL:
		return true;
	case RULE_TEST_QNAME:
		return dns_name_equal(test->name->bytes, test->name->length, facts->qname,
				      facts->qname_length);
	case RULE_TEST_QNAME_SET:
		return name_set_has(test->names, facts->qname, facts->qname_length);
	case RULE_TEST_QNAME_SUFFIX:
		return name_set_covers(test->names, facts->qname, facts->qname_length, NULL);
	case RULE_TEST_LIST:
		return matched_find(test->list, (enum matched_trigger)test->value, test->flag, mbuf,
				    context);
	case RULE_TEST_LOOKUP:
		return rule_lookup_test(test->lookup, mbuf, context);
	case RULE_TEST_QNAME_LABELS:
		return outside(facts->qname_labels, test);
	case RULE_TEST_QNAME_LENGTH:
		return outside(facts->qname_length, test);
	case RULE_TEST_QTYPE:
		return facts->qtype == test->value;
	case RULE_TEST_QCLASS:
		return facts->qclass == test->value;
	case RULE_TEST_OPCODE:
		return header->opcode == test->value;
	case RULE_TEST_RCODE:
		return header->rcode == test->value;
	case RULE_TEST_RD:
		return header->rd;
	case RULE_TEST_DNSSEC:
		return query->flags & QUERY_DO;
	case RULE_TEST_TCP:
		return !(query->flags & QUERY_TCP) == !test->value;
	case RULE_TEST_DST_PORT:
		return query->local_port == test->value;
	case RULE_TEST_NETMASK:
		return netmask_test(test, query);
	case RULE_TEST_TAG:
		return tag_test(test->tag, query->notes);
	case RULE_TEST_PROXY_VALUE:
		return proxy_value_test(test->tag, query->notes);
	case RULE_TEST_PROBABILITY:
		return test->high || rule_random(context) < test->low;
	case RULE_TEST_RECORDS_COUNT:
		return !outside(dns_count_load(facts->dns, test->flag), test);
	case RULE_TEST_RECORDS_TYPE_COUNT:
		return records_type_test(facts, test, context);
	case RULE_TEST_EDNS_OPTION:
		return edns_option_test(facts, test->value);
	case RULE_TEST_EDNS_VERSION:
		return edns_version_test(facts, test->value);
	case RULE_TEST_EXTENDED_RCODE:
		return extended_rcode_test(facts, test->value);
	case RULE_TEST_PAYLOAD_SIZE:
		return size_test(facts->packet->dns_length, test);
	case RULE_TEST_TRAILING_DATA:
		return trailing_test(facts);
	case RULE_TEST_POOL_AVAILABLE:
		return backend_pool_available(facts->policy, test->value);
	case RULE_TEST_POOL_OUTSTANDING:
		return context->backends != NULL &&
		       backend_pool_outstanding(facts->policy, test->value, context->backends) >
			       test->low;
	case RULE_TEST_TIMED_SET:
		return timed_test(test, facts, context);
	case RULE_TEST_REGEX:
		return regex_test(test, facts, context);
	case RULE_TEST_MAX_QPS:
		return rate_test(test, facts);
	case RULE_TEST_MAX_QPS_IP:
		return client_rate_test(test->client_rate, facts);
	case RULE_TEST_LUA:
		return lua_test(test, facts, mbuf, context);
	case RULE_TEST_LUA_THREAD:
		return thread_test(test, facts, mbuf, context);
	case RULE_TEST_COUNT:
		break;
	}
	return false;
}

bool rule_tests_run(const struct rule_test *tests, uint16_t at, struct rule_facts *facts,
		    struct rte_mbuf *mbuf, struct rule_context *context)
{
	while (at < RULE_MISS) {
		const struct rule_test *test = &tests[at];
		at = test_run(test, facts, mbuf, context) ? test->on_true : test->on_false;
	}
	return at == RULE_MATCH;
}
