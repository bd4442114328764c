/* SPDX-License-Identifier: BSD-2-Clause */
#include "dataplane/rules/selectors.h"

#include "dataplane/dns/message.h"
#include "dataplane/rules/chain.h"
#include "dataplane/rules/name_set.h"
#include "dataplane/rules/prefix_set.h"
#include "dataplane/rules/tags.h"

static const uint8_t root_name[1];

void rule_facts_of(struct rule_facts *facts, struct rte_mbuf *mbuf)
{
	const struct packet *packet = packet_of(mbuf);
	const uint8_t *dns = packet_dns(mbuf);
	uint32_t end = DNS_HEADER_SIZE + packet->query.qname_length + DNS_QUESTION_FIXED;
	bool question = packet->query.qname_length > 0 && packet->dns_length >= end &&
			dns_count_load(dns, DNS_SECTION_QUESTION) > 0;
	*facts = (struct rule_facts){
		.packet = packet,
		.dns = dns,
		.qname = question ? dns + DNS_HEADER_SIZE : root_name,
		.qtype = packet->query.qtype,
		.qclass = packet->query.qclass,
		.qname_length = question ? packet->query.qname_length : 1,
		.qname_labels = question ? packet->query.qname_labels : 0,
	};
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

static bool lua_test(const struct rule_test *test, struct rule_facts *facts, struct rte_mbuf *mbuf,
		     struct rule_context *context)
{
	bool match = context->lua_selector(context->lua, mbuf, test->lua, test->flag);
	rule_facts_of(facts, mbuf);
	return match;
}

static bool test_run(const struct rule_test *test, struct rule_facts *facts, struct rte_mbuf *mbuf,
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
	case RULE_TEST_PROBABILITY:
		return test->high || rule_random(context) < test->low;
	case RULE_TEST_RECORDS_COUNT:
		return !outside(dns_count_load(facts->dns, test->flag), test);
	case RULE_TEST_LUA:
		return lua_test(test, facts, mbuf, context);
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
