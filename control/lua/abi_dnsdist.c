/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dnsdist's FFI for policies: the same names and types. Functions without a result do nothing when
 * the packet has left, is suspended, or has no room: there is no way to say so.
 */
#include "control/lua/abi.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/lua/guard.h"
#include "dataplane/dns/edns.h"
#include "dataplane/dns/message.h"
#include "dataplane/rules/tags.h"
#include "dataplane/rules/threads.h"
#include "dataplane/stats.h"

#define LIST_MAX 64u /* tags */

static struct lua_facts facts_of(const struct lua_question *question)
{
	struct lua_facts facts = {0}; /* also for NULL */
	sluice_question_facts(question, &facts);
	return facts;
}

/* What is asked for most is read alone: all facts take three times as long. */
static const struct query_state *state_of(const struct lua_question *question)
{
	static const struct query_state none;
	struct rte_mbuf *mbuf = sluice_question_find(question);
	return mbuf != NULL ? &packet_of(mbuf)->query : &none;
}

/* ---- addresses and transport ---- */

static void address_give(const struct lua_question *question, bool local, const void **addr,
			 size_t *size, const char *function)
{
	static __thread struct lua_address address[2];
	*size = 0;
	if (sluice_question_address(question, local, &address[local]))
		*size = address[local].ipv6 ? 16 : 4;
	*addr = lua_guard_copy(question, address[local].bytes, *size, function);
}

void dnsdist_ffi_dnsquestion_get_localaddr(const dnsdist_ffi_dnsquestion_t *dq, const void **addr,
					   size_t *addrSize)
{
	address_give(dq, true, addr, addrSize, __func__);
}

void dnsdist_ffi_dnsquestion_get_remoteaddr(const dnsdist_ffi_dnsquestion_t *dq, const void **addr,
					    size_t *addrSize)
{
	address_give(dq, false, addr, addrSize, __func__);
}

void dnsdist_ffi_dnsquestion_get_masked_remoteaddr(dnsdist_ffi_dnsquestion_t *dq,
						   const void **addr, size_t *addrSize,
						   uint8_t bits)
{
	static __thread struct lua_address masked;
	*addr = masked.bytes;
	*addrSize = 0;
	if (!sluice_question_address(dq, false, &masked))
		return;
	*addrSize = masked.ipv6 ? 16 : 4;
	for (unsigned i = 0; i < *addrSize; i++) {
		unsigned kept = bits > 8 * i ? bits - 8 * i : 0;
		if (kept < 8)
			masked.bytes[i] &= (uint8_t)(0xff00u >> kept);
	}
	*addr = lua_guard_copy(dq, masked.bytes, *addrSize, __func__);
}

uint16_t dnsdist_ffi_dnsquestion_get_local_port(const dnsdist_ffi_dnsquestion_t *dq)
{
	return state_of(dq)->local_port;
}

uint16_t dnsdist_ffi_dnsquestion_get_remote_port(const dnsdist_ffi_dnsquestion_t *dq)
{
	return state_of(dq)->client_port;
}

bool dnsdist_ffi_dnsquestion_is_remote_v6(const dnsdist_ffi_dnsquestion_t *dq)
{
	struct lua_address address;
	return sluice_question_address(dq, false, &address) && address.ipv6;
}

const char *dnsdist_ffi_dnsquestion_get_incoming_interface(const dnsdist_ffi_dnsquestion_t *dq)
{
	(void)dq;
	return ""; /* ports have no interface of the system */
}

bool dnsdist_ffi_dnsquestion_get_tcp(const dnsdist_ffi_dnsquestion_t *dq)
{
	return (state_of(dq)->flags & QUERY_TCP) != 0;
}

dnsdist_ffi_protocol_type
dnsdist_ffi_dnsquestion_get_protocol(const dnsdist_ffi_dnsquestion_t *dq)
{
	return dnsdist_ffi_dnsquestion_get_tcp(dq) ? dnsdist_ffi_protocol_type_dotcp
						   : dnsdist_ffi_protocol_type_doudp;
}

uint64_t dnsdist_ffi_dnsquestion_get_elapsed_us(const dnsdist_ffi_dnsquestion_t *dq)
{
	uint64_t us = 0;
	sluice_question_elapsed(dq, &us);
	return us;
}

/* ---- name, header, packet ---- */

void dnsdist_ffi_dnsquestion_get_qname_raw(const dnsdist_ffi_dnsquestion_t *dq,
					   const char **qname, size_t *qnameSize)
{
	static __thread struct lua_name name;
	name = (struct lua_name){.length = 1};
	sluice_question_qname(dq, &name);
	*qname = lua_guard_copy(dq, name.wire, name.length, __func__);
	*qnameSize = name.length;
}

size_t dnsdist_ffi_dnsquestion_get_qname_hash(const dnsdist_ffi_dnsquestion_t *dq, size_t init)
{
	struct lua_name name = {.length = 1};
	sluice_question_qname(dq, &name);
	return sluice_name_hash(&name, (uint32_t)init);
}

uint16_t dnsdist_ffi_dnsquestion_get_qtype(const dnsdist_ffi_dnsquestion_t *dq)
{
	return state_of(dq)->qtype;
}

uint16_t dnsdist_ffi_dnsquestion_get_qclass(const dnsdist_ffi_dnsquestion_t *dq)
{
	return state_of(dq)->qclass;
}

uint16_t dnsdist_ffi_dnsquestion_get_id(const dnsdist_ffi_dnsquestion_t *dq)
{
	const struct lua_header *header = sluice_question_header(dq);
	return header != NULL ? dns_u16_load(header->bytes) : 0;
}

int dnsdist_ffi_dnsquestion_get_rcode(const dnsdist_ffi_dnsquestion_t *dq)
{
	return lua_abi_index(facts_of(dq).rcode);
}

void *dnsdist_ffi_dnsquestion_get_header(const dnsdist_ffi_dnsquestion_t *dq)
{
	static __thread struct lua_header copy;
	struct lua_header *live = sluice_question_header_edit((struct lua_question *)(uintptr_t)dq);
	if (live != NULL)
		return lua_guard_view(dq, live, __func__);
	/* What may no longer be written is handed out as a copy. */
	live = sluice_question_header(dq);
	copy = live != NULL ? *live : (struct lua_header){0};
	return (void *)(uintptr_t)lua_guard_copy(dq, &copy, sizeof(copy), __func__);
}

bool dnsdist_ffi_dnsquestion_get_header_copy(const dnsdist_ffi_dnsquestion_t *dq, char *buffer,
					     size_t buffer_size)
{
	const struct lua_header *header = sluice_question_header(dq);
	if (header == NULL || buffer == NULL || buffer_size < sizeof(*header))
		return false;
	memcpy(buffer, header, sizeof(*header));
	return true;
}

bool dnsdist_ffi_dnsquestion_set_header(dnsdist_ffi_dnsquestion_t *dq, const char *buffer)
{
	struct lua_header *header = buffer != NULL ? sluice_question_header_edit(dq) : NULL;
	if (header == NULL)
		return false;
	memcpy(header, buffer, sizeof(*header));
	return true;
}

const unsigned char *dnsdist_ffi_dnsquestion_get_data(const dnsdist_ffi_dnsquestion_t *dq)
{
	struct lua_bytes content;
	return sluice_question_content(dq, &content) ? lua_guard_view(dq, content.data, __func__)
						     : NULL;
}

uint16_t dnsdist_ffi_dnsquestion_get_len(const dnsdist_ffi_dnsquestion_t *dq)
{
	return facts_of(dq).length;
}

size_t dnsdist_ffi_dnsquestion_get_size(const dnsdist_ffi_dnsquestion_t *dq)
{
	return facts_of(dq).length; /* not what there is room for */
}

bool dnsdist_ffi_dnsquestion_set_size(dnsdist_ffi_dnsquestion_t *dq, size_t newSize)
{
	return sluice_question_resize(dq, newSize) == 0;
}

void dnsdist_ffi_dnsquestion_set_len(dnsdist_ffi_dnsquestion_t *dq, uint16_t len)
{
	sluice_question_resize(dq, len);
}

uint8_t dnsdist_ffi_dnsquestion_get_opcode(const dnsdist_ffi_dnsquestion_t *dq)
{
	return facts_of(dq).opcode;
}

bool dnsdist_ffi_dnsquestion_get_do(const dnsdist_ffi_dnsquestion_t *dq)
{
	return (state_of(dq)->flags & QUERY_DO) != 0;
}

static struct dns_edns edns_of(const struct lua_question *question)
{
	struct dns_edns edns = {0};
	struct rte_mbuf *mbuf = sluice_question_find(question);
	if (mbuf == NULL ||
	    dns_edns_search(packet_dns(mbuf), packet_of(mbuf)->dns_length, &edns) != DNS_OK)
		return (struct dns_edns){0};
	return edns;
}

uint8_t dnsdist_ffi_dnsquestion_get_edns_version(const dnsdist_ffi_dnsquestion_t *dq)
{
	return edns_of(dq).version;
}

uint8_t dnsdist_ffi_dnsquestion_get_edns_extended_rcode(const dnsdist_ffi_dnsquestion_t *dq)
{
	return edns_of(dq).extended_rcode;
}

void dnsdist_ffi_dnsquestion_set_rcode(dnsdist_ffi_dnsquestion_t *dq, int rcode)
{
	struct rte_mbuf *mbuf = lua_question_editable(dq);
	if (mbuf == NULL)
		return;
	/* Unlike an object's `rcode` it makes the query an answer. */
	dns_header_of(packet_dns(mbuf))->rcode = (unsigned)rcode & 0x0f;
	dns_header_of(packet_dns(mbuf))->qr = 1;
}

/* All that a message has: clients must not be able to put one behind those that are looked at. */
struct handed {
	size_t size;
	struct lua_option *options;
	dnsdist_ffi_ednsoption_t *list;
};

/* Room for so many, which the thread keeps; it grows with the largest message. */
static struct handed *handed_make(size_t count)
{
	static __thread struct handed handed;
	if (count <= handed.size)
		return &handed;
	size_t size = RTE_MAX(count, (size_t)LIST_MAX);
	void *options = realloc(handed.options, size * sizeof(handed.options[0]));
	if (options == NULL)
		return NULL;
	handed.options = options;
	void *list = realloc(handed.list, size * sizeof(handed.list[0]));
	if (list == NULL)
		return NULL;
	handed.list = list;
	handed.size = size;
	return &handed;
}

size_t dnsdist_ffi_dnsquestion_get_edns_options(dnsdist_ffi_dnsquestion_t *dq,
						const dnsdist_ffi_ednsoption_t **out)
{
	size_t count = sluice_question_options(dq, NULL, 0);
	struct handed *handed = handed_make(count);
	if (handed == NULL)
		return 0;
	sluice_question_options(dq, handed->options, count);
	for (size_t i = 0; i < count; i++)
		handed->list[i] = (dnsdist_ffi_ednsoption_t){
			handed->options[i].code, (uint16_t)handed->options[i].data.length,
			lua_guard_view(dq, handed->options[i].data.data, __func__)};
	if (out != NULL)
		*out = lua_guard_copy(dq, handed->list, count * sizeof(handed->list[0]), __func__);
	return count;
}

size_t dnsdist_ffi_dnsquestion_get_trailing_data(dnsdist_ffi_dnsquestion_t *dq, const char **out)
{
	struct lua_bytes data = {NULL, 0};
	sluice_question_trailing(dq, &data);
	if (out != NULL)
		*out = lua_guard_view(dq, data.data, __func__);
	return data.length;
}

bool dnsdist_ffi_dnsquestion_set_trailing_data(dnsdist_ffi_dnsquestion_t *dq, const char *data,
					       size_t dataLen)
{
	return (data != NULL || dataLen == 0) &&
	       sluice_question_trailing_set(dq, data, dataLen) == 0;
}

/* ---- annotations ---- */

bool dnsdist_ffi_dnsquestion_get_skip_cache(const dnsdist_ffi_dnsquestion_t *dq)
{
	return (state_of(dq)->flags & QUERY_SKIP_CACHE) != 0;
}

bool dnsdist_ffi_dnsquestion_is_temp_failure_ttl_set(const dnsdist_ffi_dnsquestion_t *dq)
{
	return facts_of(dq).has_temp_failure_ttl;
}

uint32_t dnsdist_ffi_dnsquestion_get_temp_failure_ttl(const dnsdist_ffi_dnsquestion_t *dq)
{
	return facts_of(dq).temp_failure_ttl;
}

bool dnsdist_ffi_dnsquestion_get_use_ecs(dnsdist_ffi_dnsquestion_t *dq)
{
	return facts_of(dq).use_ecs;
}

bool dnsdist_ffi_dnsquestion_get_ecs_override(dnsdist_ffi_dnsquestion_t *dq)
{
	return facts_of(dq).ecs_override;
}

uint16_t dnsdist_ffi_dnsquestion_get_ecs_prefix_length(dnsdist_ffi_dnsquestion_t *dq)
{
	return facts_of(dq).ecs_prefix;
}

void dnsdist_ffi_dnsquestion_set_use_ecs(dnsdist_ffi_dnsquestion_t *dq, bool useECS)
{
	sluice_question_ecs_use_set(dq, useECS);
}

void dnsdist_ffi_dnsquestion_set_ecs_override(dnsdist_ffi_dnsquestion_t *dq, bool ecsOverride)
{
	sluice_question_ecs_override_set(dq, ecsOverride);
}

void dnsdist_ffi_dnsquestion_set_ecs_prefix_length(dnsdist_ffi_dnsquestion_t *dq,
						   uint16_t ecsPrefixLength)
{
	sluice_question_ecs_prefix_set(dq, ecsPrefixLength);
}

void dnsdist_ffi_dnsquestion_set_skip_cache(dnsdist_ffi_dnsquestion_t *dq, bool skipCache)
{
	sluice_question_skip_cache_set(dq, skipCache);
}

void dnsdist_ffi_dnsquestion_set_temp_failure_ttl(dnsdist_ffi_dnsquestion_t *dq,
						  uint32_t tempFailureTTL)
{
	sluice_question_failure_ttl_set(dq, true, tempFailureTTL);
}

void dnsdist_ffi_dnsquestion_unset_temp_failure_ttl(dnsdist_ffi_dnsquestion_t *dq)
{
	sluice_question_failure_ttl_set(dq, false, 0);
}

const char *dnsdist_ffi_dnsquestion_get_tag(const dnsdist_ffi_dnsquestion_t *dq, const char *label)
{
	struct lua_bytes value;
	if (label == NULL || !sluice_question_tag(dq, label, strlen(label), &value))
		return NULL;
	return lua_guard_copy(dq, lua_text_copy(value.data, value.length), value.length + 1,
			      __func__);
}

size_t dnsdist_ffi_dnsquestion_get_tag_raw(const dnsdist_ffi_dnsquestion_t *dq, const char *label,
					   char *buffer, size_t bufferSize)
{
	struct lua_bytes value;
	if (label == NULL || buffer == NULL ||
	    !sluice_question_tag(dq, label, strlen(label), &value) || value.length > bufferSize)
		return 0;
	if (value.length > 0)
		memcpy(buffer, value.data, value.length);
	return value.length;
}

size_t dnsdist_ffi_dnsquestion_get_tag_array(dnsdist_ffi_dnsquestion_t *dq,
					     const dnsdist_ffi_tag_t **out)
{
	static __thread dnsdist_ffi_tag_t list[LIST_MAX];
	struct lua_tag tags[LIST_MAX];
	size_t found = sluice_question_tags(dq, tags, LIST_MAX), count = 0;
	for (size_t i = 0; i < found && i < LIST_MAX; i++) {
		const char *name = lua_text_copy(tags[i].key.data, tags[i].key.length);
		const char *value = lua_text_copy(tags[i].value.data, tags[i].value.length);
		if (name == NULL || value == NULL)
			continue;
		list[count++] = (dnsdist_ffi_tag_t){
			lua_guard_copy(dq, name, tags[i].key.length + 1, __func__),
			lua_guard_copy(dq, value, tags[i].value.length + 1, __func__)};
	}
	if (out != NULL)
		*out = lua_guard_copy(dq, list, count * sizeof(list[0]), __func__);
	return count;
}

/* There is no result to tell that the packet goes on without what it was to carry: it is counted. */
static void noted(int error)
{
	const struct rule_context *rules = lua_abi_context()->rules;
	if (error != -ENOMEM && error != -E2BIG)
		return;
	if (rules != NULL)
		stats_add(&rules->stats->counter[STATS_RULE_UNNOTED], 1);
	else
		rule_thread_lost();
}

void dnsdist_ffi_dnsquestion_set_tag(dnsdist_ffi_dnsquestion_t *dq, const char *label,
				     const char *value)
{
	if (label != NULL && value != NULL)
		noted(sluice_question_tag_set(dq, label, strlen(label), value, strlen(value)));
}

void dnsdist_ffi_dnsquestion_unset_tag(dnsdist_ffi_dnsquestion_t *dq, const char *label)
{
	if (label != NULL)
		sluice_question_tag_unset(dq, label, strlen(label));
}

void dnsdist_ffi_dnsquestion_set_tag_raw(dnsdist_ffi_dnsquestion_t *dq, const char *label,
					 const char *value, size_t valueSize)
{
	if (label != NULL && value != NULL)
		noted(sluice_question_tag_set(dq, label, strlen(label), value, valueSize));
}

void dnsdist_ffi_dnsquestion_set_extended_dns_error(dnsdist_ffi_dnsquestion_t *dq,
						    uint16_t infoCode, const char *extraText,
						    size_t extraTextSize)
{
	noted(sluice_question_ede(dq, infoCode, extraText, extraText != NULL ? extraTextSize : 0,
				  true));
}

void dnsdist_ffi_dnsquestion_add_extended_dns_error(dnsdist_ffi_dnsquestion_t *dq,
						    uint16_t infoCode, const char *extraText,
						    size_t extraTextSize)
{
	noted(sluice_question_ede(dq, infoCode, extraText, extraText != NULL ? extraTextSize : 0,
				  false));
}

void dnsdist_ffi_dnsquestion_set_max_returned_ttl(dnsdist_ffi_dnsquestion_t *dq, uint32_t max)
{
	sluice_question_max_ttl_set(dq, max);
}

bool dnsdist_ffi_dnsquestion_set_restartable(dnsdist_ffi_dnsquestion_t *dq)
{
	return sluice_question_keep(dq) == 0;
}

void dnsdist_ffi_dnsquestion_set_result(dnsdist_ffi_dnsquestion_t *dq, const char *str,
					size_t strSize)
{
	if (dq != NULL && str != NULL)
		sluice_text_store(dq, str, strSize);
}

/* ---- answers: those that are made here are in abi_answers.c ---- */

void dnsdist_ffi_dnsresponse_set_min_ttl(dnsdist_ffi_dnsresponse_t *dr, uint32_t min)
{
	sluice_question_ttls_limit(dr, min, UINT32_MAX);
}

void dnsdist_ffi_dnsresponse_set_max_ttl(dnsdist_ffi_dnsresponse_t *dr, uint32_t max)
{
	sluice_question_ttls_limit(dr, 0, max);
}

void dnsdist_ffi_dnsresponse_limit_ttl(dnsdist_ffi_dnsresponse_t *dr, uint32_t min, uint32_t max)
{
	sluice_question_ttls_limit(dr, min, max);
}

void dnsdist_ffi_dnsresponse_set_max_returned_ttl(dnsdist_ffi_dnsresponse_t *dr, uint32_t max)
{
	sluice_question_max_ttl_set(dr, max);
}

void dnsdist_ffi_dnsresponse_clear_records_type(dnsdist_ffi_dnsresponse_t *dr, uint16_t qtype)
{
	sluice_question_types_clear(dr, &qtype, 1);
}

bool dnsdist_ffi_dnsresponse_rebase(dnsdist_ffi_dnsresponse_t *dr, const char *initialName,
				    size_t initialNameSize)
{
	struct lua_name name;
	return initialName != NULL && sluice_name_load(initialName, initialNameSize, &name) == 0 &&
	       sluice_question_rename(dr, &name) == 0 &&
	       sluice_question_skip_cache_set(dr, true) == 0;
}

bool dnsdist_ffi_dnsresponse_get_stale_cache_hit(const dnsdist_ffi_dnsresponse_t *dr)
{
	return facts_of(dr).stale;
}

uint8_t dnsdist_ffi_dnsresponse_get_restart_count(const dnsdist_ffi_dnsresponse_t *dr)
{
	return facts_of(dr).restarts;
}
