/* SPDX-License-Identifier: BSD-2-Clause */
/* The members of DNSQuestion and DNSResponse. Called by Lua over FFI; nothing here calls back. */
#include "control/lua_context.h"

#include <string.h>

#include <rte_cycles.h>

#include "dataplane/dns/edns.h"
#include "dataplane/dns/message.h"
#include "dataplane/dns/rewrite.h"
#include "dataplane/rules/tags.h"

struct rte_mbuf *lua_question_mbuf(const struct lua_question *question)
{
	struct async_ref ref = {question->ref.slot, question->ref.generation};
	if (!question->asynchronous)
		return question->mbuf;
	return async_ref_valid(lua_context.control->async, ref) ? question->mbuf : NULL;
}

static struct packet *packet_for(const struct lua_question *question)
{
	struct rte_mbuf *mbuf = lua_question_mbuf(question);
	return mbuf != NULL ? packet_of(mbuf) : NULL;
}

bool lua_question_parse(struct rte_mbuf *mbuf)
{
	struct packet *packet = packet_of(mbuf);
	struct dns_question question;
	if (dns_question_parse(packet_dns(mbuf), packet->dns_length, &question) != DNS_OK)
		return false;
	packet->query.qname_length = question.qname_length;
	packet->query.qname_labels = question.qname_labels;
	packet->query.qtype = question.qtype;
	packet->query.qclass = question.qclass;
	return true;
}

const uint8_t *sluice_data(const struct lua_question *question, size_t *length)
{
	struct rte_mbuf *mbuf = lua_question_mbuf(question);
	if (mbuf == NULL)
		return NULL;
	*length = packet_of(mbuf)->dns_length;
	return packet_dns(mbuf);
}

/* The ID stays what it was: it is ours while the packet is in hand. */
bool sluice_data_set(struct lua_question *question, const char *data, size_t length)
{
	struct rte_mbuf *mbuf = lua_question_mbuf(question);
	if (mbuf == NULL || length < DNS_HEADER_SIZE || length > packet_dns_capacity(mbuf))
		return false;
	uint8_t *dns = packet_dns(mbuf);
	memcpy(dns + 2, data + 2, length - 2);
	packet_dns_resize(mbuf, (uint16_t)length);
	lua_question_parse(mbuf);
	return true;
}

bool sluice_header_set(struct lua_question *question, const struct lua_header *header)
{
	struct rte_mbuf *mbuf = lua_question_mbuf(question);
	if (mbuf == NULL || packet_of(mbuf)->dns_length < sizeof(*header))
		return false;
	memcpy(packet_dns(mbuf) + 2, (const uint8_t *)header + 2, sizeof(*header) - 2);
	return true;
}

bool sluice_name(const struct lua_question *question, struct lua_name *name)
{
	struct rte_mbuf *mbuf = lua_question_mbuf(question);
	if (mbuf == NULL)
		return false;
	size_t length = packet_of(mbuf)->query.qname_length;
	if (length == 0 || DNS_HEADER_SIZE + length > packet_of(mbuf)->dns_length) {
		name->length = 1;
		name->wire[0] = 0;
		return true;
	}
	name->length = (uint8_t)length;
	memcpy(name->wire, packet_dns(mbuf) + DNS_HEADER_SIZE, length);
	return true;
}

bool sluice_info(const struct lua_question *question, struct lua_info *info)
{
	struct rte_mbuf *mbuf = lua_question_mbuf(question);
	if (mbuf == NULL)
		return false;
	const struct query_state *query = &packet_of(mbuf)->query;
	const uint8_t *dns = packet_dns(mbuf);
	memcpy(info->remote.bytes, query->client_addr, 16);
	memcpy(info->here.bytes, query->local_addr, 16);
	info->remote.ipv6 = info->here.ipv6 = (query->flags & QUERY_IPV6) != 0;
	info->remote.port = query->client_port;
	info->here.port = query->local_port;
	info->qtype = query->qtype;
	info->qclass = query->qclass;
	info->length = packet_of(mbuf)->dns_length;
	info->opcode = dns[2] >> 3 & 0x0f;
	info->rcode = dns[3] & 0x0f;
	info->skip_cache = (query->flags & QUERY_SKIP_CACHE) != 0;
	info->dnssec_ok = (query->flags & QUERY_DO) != 0;
	info->tcp = (query->flags & QUERY_TCP) != 0;
	info->elapsed_us = (double)(rte_rdtsc() - query->arrival) * 1e6 / (double)rte_get_tsc_hz();
	return true;
}

bool sluice_rcode_set(struct lua_question *question, int rcode)
{
	struct rte_mbuf *mbuf = lua_question_mbuf(question);
	if (mbuf == NULL)
		return false;
	uint8_t *flags = packet_dns(mbuf) + 3;
	*flags = (uint8_t)((*flags & 0xf0) | (rcode & 0x0f));
	return true;
}

bool sluice_length_set(struct lua_question *question, size_t length)
{
	struct rte_mbuf *mbuf = lua_question_mbuf(question);
	if (mbuf == NULL || length < DNS_HEADER_SIZE || length > packet_of(mbuf)->dns_length)
		return false;
	packet_dns_resize(mbuf, (uint16_t)length);
	return true;
}

bool sluice_rename(struct lua_question *question, const struct lua_name *name)
{
	struct rte_mbuf *mbuf = lua_question_mbuf(question);
	if (mbuf == NULL)
		return false;
	int length = dns_question_rename(packet_dns(mbuf), packet_of(mbuf)->dns_length,
					 packet_dns_capacity(mbuf), name->wire, name->length);
	if (length < 0)
		return false;
	packet_dns_resize(mbuf, (uint16_t)length);
	packet_of(mbuf)->query.flags |= QUERY_RENAMED;
	return lua_question_parse(mbuf);
}

static void flag_set(struct packet *packet, enum query_flag flag, bool on)
{
	if (on)
		packet->query.flags |= (uint8_t)flag;
	else
		packet->query.flags &= (uint8_t)~flag;
}

bool sluice_skip_cache_set(struct lua_question *question, bool skip)
{
	struct packet *packet = packet_for(question);
	if (packet != NULL)
		flag_set(packet, QUERY_SKIP_CACHE, skip);
	return packet != NULL;
}

bool sluice_temp_failure_ttl(const struct lua_question *question, uint32_t *ttl)
{
	const struct packet *packet = packet_for(question);
	if (packet == NULL || (packet->query.flags & QUERY_TEMP_FAILURE_TTL) == 0)
		return false;
	*ttl = packet->query.temp_failure_ttl;
	return true;
}

bool sluice_temp_failure_ttl_set(struct lua_question *question, bool set, uint32_t ttl)
{
	struct packet *packet = packet_for(question);
	if (packet == NULL)
		return false;
	flag_set(packet, QUERY_TEMP_FAILURE_TTL, set);
	packet->query.temp_failure_ttl = ttl;
	return true;
}

const char *sluice_pool(const struct lua_question *question, size_t *length)
{
	const struct packet *packet = packet_for(question);
	if (packet == NULL ||
	    packet->query.pool >= policy_pools_count(lua_context.policy->model))
		return NULL;
	return policy_pool_name_at(lua_context.policy->model, packet->query.pool, length);
}

bool sluice_pool_set(struct lua_question *question, const char *name, size_t length)
{
	struct packet *packet = packet_for(question);
	int pool = packet ? policy_pool_intern(lua_context.policy->model, name, length) : -1;
	if (pool >= 0)
		packet->query.pool = (uint16_t)pool;
	return pool >= 0;
}

bool sluice_tag(const struct lua_question *question, const char *key, size_t key_length,
		struct lua_tag *tag)
{
	const struct packet *packet = packet_for(question);
	return packet != NULL &&
	       tag_get(packet->query.notes, key, key_length, &tag->value, &tag->value_length);
}

bool sluice_tag_at(const struct lua_question *question, size_t index, struct lua_tag *tag)
{
	const struct packet *packet = packet_for(question);
	if (packet == NULL)
		return false;
	struct note_cursor cursor = notes_open(packet->query.notes);
	struct note note;
	do {
		if (!note_next_of(&cursor, NOTE_TAG, &note))
			return false;
	} while (index-- > 0);
	*tag = (struct lua_tag){note.key, note.key_length, note.value, note.value_length};
	return true;
}

bool sluice_tag_set(struct lua_question *question, const char *key, size_t key_length,
		    const char *value, size_t value_length)
{
	struct packet *packet = packet_for(question);
	return packet != NULL &&
	       tag_set(&packet->query.notes, key, key_length, value, value_length) == 0;
}

void sluice_tag_unset(struct lua_question *question, const char *key, size_t key_length)
{
	struct packet *packet = packet_for(question);
	if (packet != NULL)
		tag_unset(&packet->query.notes, key, key_length);
}

bool sluice_extended_error(struct lua_question *question, uint16_t code, const char *text,
			   size_t length, bool clear)
{
	struct packet *packet = packet_for(question);
	return packet != NULL && ede_add(&packet->query.notes, code, text, length, clear) == 0;
}

bool sluice_suspend(struct lua_question *question, uint16_t async_id, uint16_t query_id,
		    uint32_t timeout_ms)
{
	const struct packet *packet = packet_for(question);
	if (packet == NULL || !async_suspend(lua_context.control->async, packet->slot, async_id,
					     query_id, timeout_ms, lua_context.control->now))
		return false;
	question->suspended = 1;
	return true;
}

double sluice_suspend_id(struct lua_question *question, uint32_t timeout_ms, int fate,
			 bool continue_rules)
{
	struct async *async = lua_context.control->async;
	const struct packet *packet = packet_for(question);
	if (packet == NULL)
		return 0;
	enum async_fate ends = fate < 0 ? async_on_expiry(async) : (enum async_fate)fate;
	uint64_t id = async_suspend_id(async, packet->slot, timeout_ms, ends,
				       continue_rules ? ASYNC_CONTINUE_RULES : 0,
				       lua_context.control->now);
	question->suspended = id != 0;
	return (double)id;
}
