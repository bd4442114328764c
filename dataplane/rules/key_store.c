/* SPDX-License-Identifier: BSD-2-Clause */
/* The keys that packets give, and what rules do with what is found by them. */
#include "dataplane/rules/key_store.h"

#include <string.h>

#include "dataplane/rules/chain.h"
#include "dataplane/rules/live_list.h"
#include "dataplane/rules/matched.h"
#include "dataplane/rules/tags.h"

/* A look-up that goes on: from which lcore, in what, and what it found. */
struct search {
	const struct rule_lookup *lookup;
	const struct key_store *store;
	unsigned lcore;
	struct key_value value;
};

static bool find(struct search *search, const void *key, size_t length)
{
	return search->store->find(search->store, search->lcore, key, length, search->lookup->range,
				   &search->value);
}

/* A name in lower case, as the lookup has it; names start with their longest label sequence. */
static bool name_find(struct search *search, const uint8_t *name, size_t length)
{
	char text[RULE_LOOKUP_KEY_MAX];
	if (search->lookup->wire)
		return find(search, name, length);
	if (length == 1)
		return find(search, ".", 1);
	int printed = dns_name_print(name, text, sizeof(text), false);
	return printed >= 0 && find(search, text, (size_t)printed);
}

/* The root is no suffix of anybody's. */
static bool suffix_find(struct search *search, const uint8_t *name, size_t length, unsigned labels)
{
	while (labels > 0 && labels >= search->lookup->min_labels) {
		if (name_find(search, name, length))
			return true;
		if (name[0] + 1u >= length)
			return false;
		length -= 1u + name[0];
		name += 1u + name[0];
		labels--;
	}
	return false;
}

static bool qname_find(struct search *search, struct rte_mbuf *mbuf)
{
	uint8_t lower[DNS_NAME_MAX];
	size_t length;
	const uint8_t *name = matched_name(mbuf, &length);
	if (name == NULL)
		return false;
	dns_name_lower(lower, name, length);
	return search->lookup->kind == RULE_LOOKUP_QNAME
		       ? name_find(search, lower, length)
		       : suffix_find(search, lower, length, packet_of(mbuf)->query.qname_labels);
}

/* Bits beyond the prefix become 0. */
static void mask(uint8_t *address, size_t size, unsigned bits)
{
	for (size_t i = 0; i < size; i++, bits = bits > 8 ? bits - 8 : 0)
		if (bits < 8)
			address[i] &= (uint8_t)(0xff00u >> bits);
}

static bool source_find(struct search *search, const struct query_state *query)
{
	const bool ipv6 = (query->flags & QUERY_IPV6) != 0;
	size_t size = ipv6 ? 16 : 4;
	uint8_t key[18];
	memcpy(key, query->client_addr, size);
	mask(key, size, ipv6 ? search->lookup->v6 : search->lookup->v4);
	if (search->lookup->port) {
		key[size++] = (uint8_t)(query->client_port >> 8);
		key[size++] = (uint8_t)query->client_port;
	}
	return find(search, key, size);
}

static bool tag_find(struct search *search, const struct note_block *notes)
{
	const struct rule_lookup *lookup = search->lookup;
	const char *value;
	size_t length;
	return tag_get(notes, lookup->text, lookup->key_length, &value, &length) &&
	       find(search, value, length);
}

static bool packet_find(struct search *search, struct rte_mbuf *mbuf)
{
	const struct query_state *query = &packet_of(mbuf)->query;
	search->store = live_list_store(search->lookup->store);
	if (search->store == NULL)
		return false;
	switch ((enum rule_lookup_kind)search->lookup->kind) {
	case RULE_LOOKUP_QNAME:
	case RULE_LOOKUP_SUFFIX:
		return qname_find(search, mbuf);
	case RULE_LOOKUP_SOURCE:
		return source_find(search, query);
	case RULE_LOOKUP_TAG:
		return tag_find(search, query->notes);
	}
	return false;
}

bool rule_lookup_test(const struct rule_lookup *lookup, struct rte_mbuf *mbuf,
		      const struct rule_context *context)
{
	struct search search = {.lookup = lookup, .lcore = context->lcore};
	if (!packet_find(&search, mbuf))
		return false;
	key_store_done(search.store, search.lcore);
	return true;
}

int rule_lookup_run(const struct rule_lookup *lookup, struct rte_mbuf *mbuf,
		    const struct rule_context *context)
{
	struct search search = {.lookup = lookup, .lcore = context->lcore};
	const bool found = packet_find(&search, mbuf);
	int error = tag_set(&packet_of(mbuf)->query.notes, lookup->text + lookup->key_length,
			    lookup->set_length, search.value.bytes, search.value.length);
	if (found)
		key_store_done(search.store, search.lcore);
	return error;
}
