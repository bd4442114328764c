/* SPDX-License-Identifier: BSD-2-Clause */
/* What Lua reads from a packet in hand, and the edits it makes. */
#include "control/lua/abi.h"

#include <errno.h>
#include <string.h>

#include "control/lua/guard.h"
#include "dataplane/dns/edns.h"
#include "dataplane/dns/message.h"
#include "dataplane/dns/rewrite.h"
#include "dataplane/rules/tags.h"

static bool is_query(const struct packet *packet)
{
	return packet->chain == CHAIN_QUERY || packet->chain == CHAIN_CACHE_MISS;
}

struct rte_mbuf *sluice_question_find(const struct lua_question *question)
{
	const struct lua_context *context = lua_abi_context();
	if (question == NULL || (uint32_t)question->tag != question->slot)
		return NULL;
	lua_guard_sync();
	if (context->lone)
		return question == &context->selector.items[0] || lua_guard_handed(question)
			       ? question->mbuf
			       : NULL;
	return async_tag_mbuf(context->async, question->tag);
}

struct rte_mbuf *lua_question_editable(const struct lua_question *question)
{
	struct async *async = lua_abi_context()->async;
	struct rte_mbuf *mbuf = sluice_question_find(question);
	if (mbuf == NULL) {
		errno = ESTALE;
		return NULL;
	}
	if (lua_abi_context()->lone)
		return mbuf;
	if ((question->flags & (LUA_QUESTION_POLICY | LUA_QUESTION_FFI)) == LUA_QUESTION_POLICY) {
		errno = EACCES; /* as in dnsdist */
		return NULL;
	}
	struct async_ref fetched = {question->slot, question->generation};
	bool is_fetched = question->flags & LUA_QUESTION_FETCHED;
	if (is_fetched ? async_state(async, fetched) == ASYNC_OK
		       : !sluice_question_was_suspended(question))
		return mbuf;
	errno = EROFS;
	return NULL;
}

/*
 * A packet that goes on at its next rule after an earlier suspension has ended (continue_rules) is
 * in hand again, although its slot tells how it ended: then only a new suspension counts, which
 * gives the slot another generation.
 */
bool sluice_question_was_suspended(const struct lua_question *question)
{
	struct async *async = lua_abi_context()->async;
	if (lua_abi_context()->lone)
		return false;
	struct async_ref now = async_ref_of(async, question->slot);
	if (async_state(async, now) == ASYNC_NOT_SUSPENDED)
		return false;
	return !(question->flags & LUA_QUESTION_AGAIN) || now.generation != question->generation;
}

int lua_question_reserve(struct rte_mbuf **mbuf, size_t need)
{
	const struct lua_context *context = lua_abi_context();
	if (need > DNS_MESSAGE_MAX)
		return -ENOSPC;
	if (need <= packet_dns_capacity(*mbuf))
		return 0;
	if (context->hooks == NULL || context->hooks->grow == NULL)
		return -ENOSPC;
	struct rte_mbuf *larger = context->hooks->grow(context->hooks_ctx, *mbuf, need);
	if (larger == NULL)
		return -ENOSPC;
	if (larger != *mbuf)
		lua_guard_moved(*mbuf);
	*mbuf = larger;
	return 0;
}

void lua_question_refresh(struct rte_mbuf *mbuf)
{
	struct packet *packet = packet_of(mbuf);
	struct query_state *query = &packet->query;
	struct dns_question question;
	if (dns_question_parse(packet_dns(mbuf), packet->dns_length, &question) != DNS_OK) {
		query->qname_length = query->qname_labels = 0;
		return;
	}
	query->qname_length = question.qname_length;
	query->qname_labels = question.qname_labels;
	query->qtype = question.qtype;
	query->qclass = question.qclass;
}

void lua_question_fill(struct lua_question *question, struct rte_mbuf *mbuf, int reference,
		       bool ffi)
{
	const struct packet *packet = packet_of(mbuf);
	struct async *async = lua_abi_context()->async;
	struct async_ref ref = async_ref_of(async, packet->slot);
	bool again = async_state(async, ref) != ASYNC_NOT_SUSPENDED;
	*question = (struct lua_question){
		.mbuf = mbuf,
		.tag = async_tag(async, packet->slot),
		.slot = packet->slot,
		.generation = ref.generation,
		.reference = reference,
		.flags = (uint16_t)((ffi ? LUA_QUESTION_FFI : 0) | (again ? LUA_QUESTION_AGAIN : 0) |
				    (is_query(packet) ? 0 : LUA_QUESTION_RESPONSE)),
	};
}

/* ---- edits of the message ---- */

int lua_question_edit(const struct lua_question *question, size_t extra, lua_edit_fn *edit,
		      const void *argument)
{
	struct rte_mbuf *mbuf = lua_question_editable(question);
	if (mbuf == NULL)
		return -errno;
	/* Where there is no more room the edit itself may yet do with what there is. */
	(void)lua_question_reserve(&mbuf, RTE_MIN(packet_of(mbuf)->dns_length + extra,
						  (size_t)DNS_MESSAGE_MAX));
	struct packet *packet = packet_of(mbuf);
	size_t capacity = packet_dns_capacity(mbuf);
	int length = edit(packet_dns(mbuf), packet->dns_length,
			  capacity < DNS_MESSAGE_MAX ? capacity : DNS_MESSAGE_MAX, &packet->query,
			  argument);
	if (length < 0)
		return length;
	packet_dns_resize(mbuf, (uint16_t)length);
	return 0;
}

int sluice_question_content_set(struct lua_question *question, const char *data, size_t length)
{
	struct rte_mbuf *mbuf = lua_question_editable(question);
	if (mbuf == NULL)
		return -errno;
	if (length < DNS_HEADER_SIZE)
		return -EBADMSG;
	int error = lua_question_reserve(&mbuf, length);
	if (error < 0)
		return error;
	uint8_t *message = packet_dns(mbuf);
	memcpy(message + 2, data + 2, length - 2); /* the ID stays */
	packet_dns_resize(mbuf, (uint16_t)length);
	lua_question_refresh(mbuf);
	return 0;
}

int sluice_question_resize(struct lua_question *question, size_t length)
{
	struct rte_mbuf *mbuf = lua_question_editable(question);
	if (mbuf == NULL)
		return -errno;
	if (length < DNS_HEADER_SIZE)
		return -EBADMSG;
	int error = lua_question_reserve(&mbuf, length);
	if (error < 0)
		return error;
	struct packet *packet = packet_of(mbuf);
	if (length > packet->dns_length)
		memset(packet_dns(mbuf) + packet->dns_length, 0, length - packet->dns_length);
	packet_dns_resize(mbuf, (uint16_t)length);
	lua_question_refresh(mbuf);
	return 0;
}

struct lua_header *sluice_question_header(const struct lua_question *question)
{
	struct rte_mbuf *mbuf = sluice_question_find(question);
	return mbuf != NULL ? (struct lua_header *)packet_dns(mbuf) : NULL;
}

struct lua_header *sluice_question_header_edit(struct lua_question *question)
{
	struct rte_mbuf *mbuf = lua_question_editable(question);
	return mbuf != NULL ? (struct lua_header *)packet_dns(mbuf) : NULL;
}

int sluice_question_rcode_set(struct lua_question *question, uint32_t rcode)
{
	struct rte_mbuf *mbuf = lua_question_editable(question);
	if (mbuf == NULL)
		return -errno;
	dns_header_of(packet_dns(mbuf))->rcode = rcode & 0x0f;
	return 0;
}

struct option_edit {
	uint16_t code;
	const char *data;
	size_t length;
};

static int option_set(uint8_t *message, size_t length, size_t capacity,
		      const struct query_state *query, const void *argument)
{
	const struct option_edit *option = argument;
	/* As SetEDNSOptionAction: a client without an OPT takes no more from the server. */
	uint16_t size = query->flags & QUERY_HAD_EDNS ? DNS_EDNS_UDP_SIZE : DNS_UDP_SIZE_MIN;
	return dns_option_set(message, length, capacity, option->code,
			      (const uint8_t *)option->data, option->length, size);
}

int sluice_question_option_set(struct lua_question *question, uint16_t code, const char *data,
			       size_t length)
{
	struct option_edit option = {code, data, length};
	int error = lua_question_edit(question, length + 4 + DNS_OPT_SIZE, option_set, &option);
	if (error < 0)
		return error;
	struct rte_mbuf *mbuf = sluice_question_find(question); /* the edit may have moved it */
	if (mbuf == NULL)
		return -ESTALE;
	struct query_state *query = &packet_of(mbuf)->query;
	if ((query->flags & QUERY_HAD_EDNS) == 0)
		query->flags |= QUERY_EDNS_ADDED;
	return 0;
}

static int trailing_set(uint8_t *message, size_t length, size_t capacity,
			const struct query_state *query, const void *argument)
{
	const struct lua_bytes *data = argument;
	(void)query;
	return dns_trailing_set(message, length, capacity, (const uint8_t *)data->data,
				data->length);
}

int sluice_question_trailing_set(struct lua_question *question, const char *data, size_t length)
{
	struct lua_bytes bytes = {data, length};
	return lua_question_edit(question, length, trailing_set, &bytes);
}

static int question_rename(uint8_t *message, size_t length, size_t capacity,
			   const struct query_state *query, const void *argument)
{
	const struct lua_name *name = argument;
	(void)query;
	return dns_question_rename(message, length, capacity, name->wire, name->length);
}

int sluice_question_rename(struct lua_question *question, const struct lua_name *name)
{
	uint8_t labels;
	if (dns_name_measure(name->wire, name->length, &labels) != name->length)
		return -EINVAL;
	int error = lua_question_edit(question, 0, question_rename, name);
	if (error == -ENOSPC) /* how much it grows depends on the records that the name owns */
		error = lua_question_edit(question, DNS_MESSAGE_MAX / 2, question_rename, name);
	if (error < 0)
		return error;
	struct rte_mbuf *mbuf = sluice_question_find(question); /* the edit may have moved it */
	if (mbuf == NULL)
		return -ESTALE;
	lua_question_refresh(mbuf);
	return 0;
}

struct types_edit {
	const uint16_t *types;
	size_t count;
};

static int types_clear(uint8_t *message, size_t length, size_t capacity,
		       const struct query_state *query, const void *argument)
{
	const struct types_edit *types = argument;
	(void)query;
	return dns_records_clear(message, length, capacity, types->types, types->count);
}

int sluice_question_types_clear(struct lua_question *question, const uint16_t *types, size_t count)
{
	struct types_edit edit = {types, count};
	return lua_question_edit(question, 0, types_clear, &edit);
}

int sluice_question_ttls_limit(struct lua_question *question, uint32_t min, uint32_t max)
{
	struct rte_mbuf *mbuf = lua_question_editable(question);
	if (mbuf == NULL)
		return -errno;
	return dns_ttls_limit(packet_dns(mbuf), packet_of(mbuf)->dns_length, min, max, NULL, 0);
}

/* `record` is compared with what is there: Lua may have edited the message since it was read. */
int sluice_question_ttl_store(struct lua_question *question, const struct lua_record *record,
			      uint32_t ttl)
{
	struct rte_mbuf *mbuf = lua_question_editable(question);
	if (mbuf == NULL)
		return -errno;
	uint8_t *message = packet_dns(mbuf);
	if (record->offset < DNS_HEADER_SIZE + DNS_RECORD_FIXED ||
	    record->offset > packet_of(mbuf)->dns_length)
		return -EBADMSG;
	uint8_t *fixed = message + record->offset - DNS_RECORD_FIXED;
	if (dns_u16_load(fixed) != record->type || dns_u32_load(fixed + 4) != record->ttl)
		return -EBADMSG;
	dns_u32_store(fixed + DNS_TTL_OFFSET, ttl);
	return 0;
}

/* ---- asking again ---- */

int sluice_question_keep(struct lua_question *question)
{
	struct rte_mbuf *mbuf = lua_question_editable(question);
	if (mbuf == NULL)
		return -errno;
	struct packet *packet = packet_of(mbuf);
	return query_keep(&packet->query.notes, packet_dns(mbuf), packet->dns_length);
}

int sluice_question_restart(struct lua_question *question, bool *restarted)
{
	struct rte_mbuf *mbuf = lua_question_editable(question);
	size_t length;
	*restarted = false;
	if (mbuf == NULL)
		return -errno;
	const uint8_t *kept = query_kept(packet_of(mbuf)->query.notes, &length);
	if (kept == NULL || (question->flags & LUA_QUESTION_RESPONSE) == 0 ||
	    packet_of(mbuf)->query.restarts >= PACKET_RESTARTS_MAX)
		return 0;
	int error = lua_question_reserve(&mbuf, length);
	if (error < 0)
		return error;
	/* Its ID stays the one that Lua knows it by. */
	memcpy(packet_dns(mbuf) + 2, kept + 2, length - 2);
	packet_dns_resize(mbuf, (uint16_t)length);
	packet_restart(mbuf);
	lua_question_refresh(mbuf);
	*restarted = true;
	return 0;
}

/* ---- annotations ---- */

int sluice_question_skip_cache_set(struct lua_question *question, bool skip)
{
	struct rte_mbuf *mbuf = lua_question_editable(question);
	if (mbuf == NULL)
		return -errno;
	uint16_t *flags = &packet_of(mbuf)->query.flags;
	*flags = (uint16_t)(skip ? *flags | QUERY_SKIP_CACHE : *flags & ~QUERY_SKIP_CACHE);
	return 0;
}

int sluice_question_failure_ttl_set(struct lua_question *question, bool set, uint32_t ttl)
{
	struct rte_mbuf *mbuf = lua_question_editable(question);
	if (mbuf == NULL)
		return -errno;
	struct query_state *query = &packet_of(mbuf)->query;
	query->flags = (uint16_t)(set ? query->flags | QUERY_TEMP_FAILURE_TTL
				      : query->flags & ~QUERY_TEMP_FAILURE_TTL);
	query->temp_failure_ttl = set ? ttl : 0;
	return 0;
}

int sluice_question_max_ttl_set(struct lua_question *question, uint32_t ttl)
{
	struct rte_mbuf *mbuf = lua_question_editable(question);
	if (mbuf == NULL)
		return -errno;
	packet_of(mbuf)->query.flags |= QUERY_MAX_TTL;
	packet_of(mbuf)->query.max_returned_ttl = ttl;
	return 0;
}

int sluice_question_tag_set(struct lua_question *question, const char *key, size_t key_length,
			    const char *value, size_t value_length)
{
	struct rte_mbuf *mbuf = lua_question_editable(question);
	if (mbuf == NULL)
		return -errno;
	return tag_set(&packet_of(mbuf)->query.notes, key, key_length, value, value_length);
}

int sluice_question_tag_unset(struct lua_question *question, const char *key, size_t key_length)
{
	struct rte_mbuf *mbuf = lua_question_editable(question);
	if (mbuf == NULL)
		return -errno;
	tag_unset(&packet_of(mbuf)->query.notes, key, key_length);
	return 0;
}

int sluice_question_ede(struct lua_question *question, uint16_t code, const char *text,
			size_t length, bool clear)
{
	struct rte_mbuf *mbuf = lua_question_editable(question);
	if (mbuf == NULL)
		return -errno;
	return ede_add(&packet_of(mbuf)->query.notes, code, text, length, clear);
}
