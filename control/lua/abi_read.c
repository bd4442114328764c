/* SPDX-License-Identifier: BSD-2-Clause */
/* What Lua reads from a packet in hand. Nothing here changes it. */
#include "control/lua/abi.h"

#include <string.h>

#include "dataplane/dns/edns.h"
#include "dataplane/dns/message.h"
#include "dataplane/rules/tags.h"

static uint64_t elapsed_of(const struct packet *packet)
{
	const struct lua_context *context = lua_abi_context();
	if (context->hooks == NULL || context->hooks->elapsed_us == NULL)
		return 0;
	return context->hooks->elapsed_us(context->hooks_ctx, packet->query.arrival);
}

bool sluice_question_facts(const struct lua_question *question, struct lua_facts *facts)
{
	struct rte_mbuf *mbuf = sluice_question_find(question);
	if (mbuf == NULL)
		return false;
	const struct packet *packet = packet_of(mbuf);
	const struct query_state *query = &packet->query;
	const struct dns_header *header = dns_header_peek(packet_dns(mbuf));
	*facts = (struct lua_facts){
		.qtype = query->qtype,
		.qclass = query->qclass,
		.length = packet->dns_length,
		.local_port = query->local_port,
		.remote_port = query->client_port,
		.opcode = header->opcode,
		.rcode = header->rcode,
		.tcp = (query->flags & QUERY_TCP) != 0,
		.skip_cache = (query->flags & QUERY_SKIP_CACHE) != 0,
		.stale = packet->stale,
		.dnssec_ok = (query->flags & QUERY_DO) != 0,
		.has_temp_failure_ttl = (query->flags & QUERY_TEMP_FAILURE_TTL) != 0,
		.restarts = query->restarts,
		.response = (question->flags & LUA_QUESTION_RESPONSE) != 0,
		.pool = query->pool,
		.backend = query->backend,
		.temp_failure_ttl = query->temp_failure_ttl,
	};
	lua_ecs_facts(query, facts);
	return true;
}

bool sluice_question_elapsed(const struct lua_question *question, uint64_t *us)
{
	struct rte_mbuf *mbuf = sluice_question_find(question);
	if (mbuf == NULL)
		return false;
	*us = elapsed_of(packet_of(mbuf));
	return true;
}

bool sluice_question_qname(const struct lua_question *question, struct lua_name *name)
{
	struct rte_mbuf *mbuf = sluice_question_find(question);
	struct dns_question parsed;
	if (mbuf == NULL)
		return false;
	const uint8_t *message = packet_dns(mbuf);
	if (dns_question_parse(message, packet_of(mbuf)->dns_length, &parsed) != DNS_OK) {
		*name = (struct lua_name){.length = 1};
		return true;
	}
	name->length = parsed.qname_length;
	memcpy(name->wire, message + DNS_HEADER_SIZE, parsed.qname_length);
	return true;
}

bool sluice_question_address(const struct lua_question *question, bool local,
			     struct lua_address *address)
{
	struct rte_mbuf *mbuf = sluice_question_find(question);
	if (mbuf == NULL)
		return false;
	const struct query_state *query = &packet_of(mbuf)->query;
	*address = (struct lua_address){
		.port = local ? query->local_port : query->client_port,
		.ipv6 = (query->flags & QUERY_IPV6) != 0,
	};
	memcpy(address->bytes, local ? query->local_addr : query->client_addr,
	       address->ipv6 ? 16 : 4);
	return true;
}

bool sluice_question_content(const struct lua_question *question, struct lua_bytes *content)
{
	struct rte_mbuf *mbuf = sluice_question_find(question);
	if (mbuf == NULL)
		return false;
	*content = (struct lua_bytes){(const char *)packet_dns(mbuf), packet_of(mbuf)->dns_length};
	return true;
}

bool sluice_question_tag(const struct lua_question *question, const char *key, size_t key_length,
			 struct lua_bytes *value)
{
	struct rte_mbuf *mbuf = sluice_question_find(question);
	return mbuf != NULL && tag_get(packet_of(mbuf)->query.notes, key, key_length, &value->data,
				       &value->length);
}

size_t sluice_question_tags(const struct lua_question *question, struct lua_tag *tags, size_t size)
{
	struct rte_mbuf *mbuf = sluice_question_find(question);
	struct note note;
	size_t count = 0;
	if (mbuf == NULL)
		return 0;
	struct note_cursor cursor = notes_open(packet_of(mbuf)->query.notes);
	while (note_next_of(&cursor, NOTE_TAG, &note)) {
		if (count < size)
			tags[count] = (struct lua_tag){{note.key, note.key_length},
						       {note.value, note.value_length}};
		count++;
	}
	return count;
}

size_t sluice_question_options(const struct lua_question *question, struct lua_option *options,
			       size_t size)
{
	struct rte_mbuf *mbuf = sluice_question_find(question);
	struct dns_edns edns;
	struct dns_options walk;
	struct dns_option option;
	size_t count = 0;
	if (mbuf == NULL)
		return 0;
	const uint8_t *message = packet_dns(mbuf);
	if (dns_edns_search(message, packet_of(mbuf)->dns_length, &edns) != DNS_OK)
		return 0;
	dns_options_open(&walk, message, &edns);
	while (dns_option_next(&walk, &option) == 1) {
		if (count < size)
			options[count] = (struct lua_option){
				option.code,
				{(const char *)message + option.data, option.length}};
		count++;
	}
	return count;
}

bool sluice_question_trailing(const struct lua_question *question, struct lua_bytes *data)
{
	struct rte_mbuf *mbuf = sluice_question_find(question);
	if (mbuf == NULL)
		return false;
	const uint8_t *message = packet_dns(mbuf);
	int end = dns_message_end(message, packet_of(mbuf)->dns_length);
	*data = (struct lua_bytes){(const char *)message, 0};
	if (end >= 0)
		*data = (struct lua_bytes){(const char *)message + end,
					   packet_of(mbuf)->dns_length - (size_t)end};
	return true;
}

/* ---- any packet, as a string of Lua's ---- */

static void record_fill(struct lua_record *to, const uint8_t *message, size_t length,
			const struct dns_record *from)
{
	*to = (struct lua_record){
		.name = {.length = 1},
		.ttl = from->ttl,
		.type = from->type,
		.rclass = from->rclass,
		.length = from->rdlength,
		.offset = from->rdata,
		.place = from->section,
	};
	dns_name_unpack(message, length, from->start, to->name.wire, &to->name.length);
}

size_t sluice_records(const char *message, size_t length, struct lua_record *records, size_t size)
{
	struct dns_records walk;
	struct dns_record record;
	size_t count = 0;
	const uint8_t *bytes = (const uint8_t *)message;
	if (dns_records_open(&walk, bytes, length) < 0)
		return 0;
	while (dns_record_next(&walk, &record) == 1) {
		if (count < size)
			record_fill(&records[count], bytes, length, &record);
		count++;
	}
	return count;
}

/* False as well where records are malformed: who looks at some of them must not miss the others. */
bool sluice_packet_question(const char *message, size_t length, struct lua_record *question)
{
	struct dns_question parsed;
	if (dns_question_parse((const uint8_t *)message, length, &parsed) != DNS_OK ||
	    dns_message_check((const uint8_t *)message, length) < 0)
		return false;
	*question = (struct lua_record){
		.name = {.length = parsed.qname_length},
		.type = parsed.qtype,
		.rclass = parsed.qclass,
	};
	memcpy(question->name.wire, message + DNS_HEADER_SIZE, parsed.qname_length);
	return true;
}

bool sluice_packet_name(const char *message, size_t length, size_t offset, struct lua_name *name)
{
	return offset < length && dns_name_unpack((const uint8_t *)message, length, offset,
						  name->wire, &name->length) != 0;
}
