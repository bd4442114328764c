/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Answers that Lua makes of the packet in hand, through our functions and through dnsdist's FFI. An
 * answer may be as long as a message; what a client over UDP does not take is truncated on its way
 * out.
 */
#include "control/lua/abi.h"

#include <errno.h>
#include <string.h>

#include "dataplane/dns/edns.h"
#include "dataplane/dns/message.h"
#include "dataplane/dns/reply.h"

static int query_of(struct dns_reply_query *reply, const uint8_t *message, size_t length)
{
	struct dns_question question;
	struct dns_edns edns;
	if (dns_question_parse(message, length, &question) != DNS_OK ||
	    dns_edns_find(message, length, question.end, &edns) != DNS_OK)
		return -EBADMSG;
	*reply = dns_reply_query_of(&question, &edns, DNS_EDNS_UDP_SIZE);
	return 0;
}

/* A value of the answer: its data, and the type of its record; 0 is none of this answer's. */
struct spoof_value {
	const void *data;
	size_t length;
	uint16_t type;
};

struct spoof_edit;
typedef struct spoof_value spoof_value_fn(const struct spoof_edit *spoof, size_t index, uint16_t qtype);

struct spoof_edit {
	spoof_value_fn *value;
	const void *values;
	size_t count;
	uint16_t type_for_any;
	uint32_t ttl;
};

static struct spoof_value address_value(const uint8_t *bytes, size_t length, uint16_t qtype)
{
	uint16_t type = length == 4 ? DNS_TYPE_A : DNS_TYPE_AAAA;
	bool fits = qtype == type || qtype == DNS_TYPE_ANY;
	return (struct spoof_value){bytes, length, fits ? type : 0};
}

static struct spoof_value value_of_address(const struct spoof_edit *spoof, size_t index,
					   uint16_t qtype)
{
	const struct lua_address *address = (const struct lua_address *)spoof->values + index;
	return address_value(address->bytes, address->ipv6 ? 16 : 4, qtype);
}

static struct spoof_value value_of_bytes(const struct spoof_edit *spoof, size_t index,
					 uint16_t qtype)
{
	const struct lua_bytes *bytes = (const struct lua_bytes *)spoof->values + index;
	bool other = qtype == DNS_TYPE_ANY && spoof->type_for_any != 0;
	return (struct spoof_value){bytes->data, bytes->length,
				    other ? spoof->type_for_any : qtype};
}

static int spoof_write(uint8_t *message, size_t length, size_t capacity,
		       const struct query_state *query, const void *argument)
{
	const struct spoof_edit *spoof = argument;
	struct dns_reply_options options = {.ttl = spoof->ttl};
	struct dns_reply_builder builder;
	struct dns_reply_query reply;
	size_t size = 0;
	(void)query;
	int error = query_of(&reply, message, length);
	if (error < 0)
		return error;
	for (size_t i = 0; i < spoof->count; i++) {
		struct spoof_value value = spoof->value(spoof, i, reply.qtype);
		size += value.type != 0 ? DNS_REPLY_RECORD_SIZE + value.length : 0;
	}
	error = dns_reply_start(&builder, message, capacity, &reply, size);
	if (error < 0)
		return error;
	for (size_t i = 0; i < spoof->count; i++) {
		struct spoof_value value = spoof->value(spoof, i, reply.qtype);
		if (value.type != 0)
			dns_reply_add(&builder, value.type, spoof->ttl, value.data, value.length);
	}
	return dns_reply_finish(&builder, &reply, &options);
}

/* `size`: of all the data. What is longer than a message makes no answer, as in dnsdist. */
static int spoof_run(struct lua_question *question, const struct spoof_edit *spoof, size_t size)
{
	if (spoof->count > DNS_MESSAGE_MAX / DNS_REPLY_RECORD_SIZE)
		return -E2BIG;
	return lua_question_edit(question,
				 spoof->count * DNS_REPLY_RECORD_SIZE + size + DNS_OPT_SIZE,
				 spoof_write, spoof);
}

int sluice_question_spoof_addresses(struct lua_question *question,
				    const struct lua_address *addresses, size_t count)
{
	struct spoof_edit spoof = {.value = value_of_address,
				   .values = addresses,
				   .count = count,
				   .ttl = DNS_REPLY_TTL};
	return spoof_run(question, &spoof, count * 16);
}

int sluice_question_spoof_raw(struct lua_question *question, const struct lua_bytes *values,
			      size_t count, uint16_t type_for_any, uint32_t ttl)
{
	struct spoof_edit spoof = {.value = value_of_bytes,
				   .values = values,
				   .count = count,
				   .type_for_any = type_for_any,
				   .ttl = ttl};
	size_t size = 0;
	for (size_t i = 0; i < count; i++) {
		if (values[i].length > DNS_MESSAGE_MAX)
			return -E2BIG;
		size += values[i].length;
	}
	return spoof_run(question, &spoof, size);
}

static int negative(uint8_t *message, size_t length, size_t capacity,
		    const struct query_state *query, const void *argument)
{
	const struct lua_soa *from = argument;
	struct dns_reply_options options = DNS_REPLY_OPTIONS_DEFAULT;
	struct dns_reply_query reply;
	(void)query;
	int error = query_of(&reply, message, length);
	if (error < 0)
		return error;
	struct dns_reply_soa soa;
	lua_soa_read(from, &soa);
	return dns_reply_negative(message, capacity, &reply, from->nxdomain, &soa, false, &options);
}

int sluice_question_negative(struct lua_question *question, const struct lua_soa *soa)
{
	return lua_question_edit(question, 3 * DNS_NAME_MAX + 64, negative, soa);
}

/* ---- dnsdist's ---- */

static struct spoof_value value_of_raw(const struct spoof_edit *spoof, size_t index, uint16_t qtype)
{
	const dnsdist_ffi_raw_value_t *raw = (const dnsdist_ffi_raw_value_t *)spoof->values + index;
	return (struct spoof_value){raw->value, raw->value != NULL ? raw->size : 0, qtype};
}

static struct spoof_value value_of_raw_address(const struct spoof_edit *spoof, size_t index,
					       uint16_t qtype)
{
	const dnsdist_ffi_raw_value_t *raw = (const dnsdist_ffi_raw_value_t *)spoof->values + index;
	if (raw->value == NULL || (raw->size != 4 && raw->size != 16))
		return (struct spoof_value){0};
	return address_value((const uint8_t *)raw->value, raw->size, qtype);
}

/* These have no result that could say that it is too much: the log does, once. */
static void spoof_raws(dnsdist_ffi_dnsquestion_t *dq, const dnsdist_ffi_raw_value_t *raws,
		       size_t count, spoof_value_fn *value)
{
	static bool told;
	struct spoof_edit spoof = {
		.value = value, .values = raws, .count = count, .ttl = DNS_REPLY_TTL};
	size_t size = 0;
	if (raws == NULL)
		return;
	for (size_t i = 0; i < count; i++)
		size += raws[i].size;
	int error = spoof_run(dq, &spoof, size);
	if ((error == -E2BIG || error == -ENOSPC) &&
	    !__atomic_exchange_n(&told, true, __ATOMIC_RELAXED))
		log_warning("an answer of %zu records, made over the FFI, has no room and is not "
			    "given; further ones are not told",
			    count);
}

void dnsdist_ffi_dnsquestion_spoof_raw(dnsdist_ffi_dnsquestion_t *dq,
				       const dnsdist_ffi_raw_value_t *values, size_t valuesCount)
{
	spoof_raws(dq, values, valuesCount, value_of_raw);
}

void dnsdist_ffi_dnsquestion_spoof_addrs(dnsdist_ffi_dnsquestion_t *dq,
					 const dnsdist_ffi_raw_value_t *values, size_t valuesCount)
{
	spoof_raws(dq, values, valuesCount, value_of_raw_address);
}

void dnsdist_ffi_dnsquestion_spoof_packet(dnsdist_ffi_dnsquestion_t *dq, const char *rawresponse,
					  size_t len)
{
	struct rte_mbuf *mbuf = lua_question_editable(dq);
	struct dns_question question;
	struct dns_edns edns;
	if (mbuf == NULL || rawresponse == NULL)
		return;
	len = RTE_MIN(len, DNS_MESSAGE_MAX + (size_t)1); /* what is longer is malformed */
	/* Where there is no more room it may yet do with what there is. */
	(void)lua_question_reserve(&mbuf, RTE_MIN(len + 512, (size_t)DNS_MESSAGE_MAX));
	uint8_t *message = packet_dns(mbuf);
	size_t length = packet_of(mbuf)->dns_length;
	if (dns_question_parse(message, length, &question) != DNS_OK ||
	    dns_edns_find(message, length, question.end, &edns) != DNS_OK)
		return;
	struct dns_reply_query query = dns_reply_query_of(&question, &edns, DNS_EDNS_UDP_SIZE);
	static const struct dns_reply_options options = DNS_REPLY_OPTIONS_DEFAULT;
	size_t capacity = packet_dns_capacity(mbuf);
	int made = dns_reply_packet(message, capacity, &query, (const uint8_t *)rawresponse, len);
	/* What is behind the question may be lost: as the action does it, then. */
	if (made < 0)
		made = dns_reply_rcode(message, capacity, &query, DNS_RCODE_SERVFAIL, &options);
	if (made >= 0 && made <= (int)DNS_MESSAGE_MAX)
		packet_dns_resize(mbuf, (uint16_t)made);
}
