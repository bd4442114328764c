/* SPDX-License-Identifier: BSD-2-Clause */
#include "control/export/protobuf_parts.h"

#include <string.h>

#include "control/crypto/ip_cipher.h"
#include "dataplane/dns/name.h"

/* ---- memory ---- */

void *draft_take(struct draft *draft, size_t size)
{
	struct export_encoder *encoder = draft->encoder;
	size = RTE_ALIGN(size, 8);
	if (size > sizeof(encoder->memory) - encoder->used) {
		draft->full = true;
		return NULL;
	}
	void *memory = encoder->memory + encoder->used;
	encoder->used += size;
	return memory;
}

void *draft_grow(struct draft *draft, void *list, size_t count, size_t size)
{
	if (count != 0 && (count & (count - 1)) != 0)
		return list;
	void *longer = draft_take(draft, (count == 0 ? 1 : 2 * count) * size);
	if (longer != NULL && count > 0)
		memcpy(longer, list, count * size);
	return longer;
}

bool draft_data_add(struct draft *draft, ProtobufCBinaryData **list, size_t *count,
		    ProtobufCBinaryData data)
{
	ProtobufCBinaryData *longer = draft_grow(draft, *list, *count, sizeof(data));
	if (longer == NULL)
		return false;
	*list = longer;
	longer[(*count)++] = data;
	return true;
}

char *draft_name(struct draft *draft, const uint8_t *name)
{
	char text[DNS_NAME_TEXT_SIZE];
	int length = dns_name_print(name, text, sizeof(text), true);
	char *kept = length < 0 ? NULL : draft_take(draft, (size_t)length + 1);
	if (kept != NULL)
		memcpy(kept, text, (size_t)length + 1);
	return kept;
}

/* ---- facts ---- */

/* The key's length tells the method. */
static int requestor_hide(uint8_t *address, bool ipv6, const struct export_setting *cipher)
{
	const uint8_t *key = (const uint8_t *)cipher->value;
	return cipher->value_length == IP_CIPHER_PREFIX_KEY
		       ? ip_cipher_encrypt_prefixes(address, ipv6, key)
		       : ip_cipher_encrypt(address, ipv6, key);
}

void draft_requestor_set(struct draft *draft, const uint8_t *address, size_t length)
{
	memcpy(draft->requestor, address, length);
	draft->message.has_from = false;
	/* Better no address than one that was to be hidden. */
	if (draft->form->cipher != NULL &&
	    requestor_hide(draft->requestor, length == 16, draft->form->cipher) != 0)
		return;
	draft->message.from = draft_bytes(draft->requestor, length);
	draft->message.has_from = true;
	draft->message.has_socketfamily = true;
	draft->message.socketfamily = length == 16 ? PBDNSMESSAGE__SOCKET_FAMILY__INET6
						   : PBDNSMESSAGE__SOCKET_FAMILY__INET;
}

void draft_responder_set(struct draft *draft, const uint8_t *address, size_t length)
{
	memcpy(draft->responder, address, length);
	draft->message.to = draft_bytes(draft->responder, length);
	draft->message.has_to = true;
}

void draft_question_set(struct draft *draft, const uint8_t *name, uint16_t type, uint16_t qclass)
{
	draft->question.qname = draft_name(draft, name);
	draft->question.has_qtype = draft->question.has_qclass = true;
	draft->question.qtype = type;
	draft->question.qclass = qclass;
	draft->message.question = &draft->question;
}

void draft_time_set(struct draft *draft, uint32_t seconds, uint32_t microseconds)
{
	draft->message.has_timesec = draft->message.has_timeusec = true;
	draft->message.timesec = seconds;
	draft->message.timeusec = microseconds;
}

void draft_query_time_set(struct draft *draft, uint32_t seconds, uint32_t microseconds)
{
	draft->response.has_querytimesec = draft->response.has_querytimeusec = true;
	draft->response.querytimesec = seconds;
	draft->response.querytimeusec = microseconds;
}

void draft_rcode_set(struct draft *draft, uint32_t rcode)
{
	draft->response.has_rcode = true;
	draft->response.rcode = rcode;
}

void draft_server_set(struct draft *draft, const void *bytes, size_t length)
{
	draft->message.has_serveridentity = true;
	draft->message.serveridentity = draft_bytes(bytes, length);
}

/* ---- records of a response ---- */

answer_record *draft_record_add(struct draft *draft, const uint8_t *name, uint16_t type,
				uint16_t rclass, uint32_t ttl)
{
	answer_record **list = draft_grow(draft, draft->response.rrs, draft->response.n_rrs,
					  sizeof(answer_record *));
	answer_record *added = draft_take(draft, sizeof(*added));
	if (list == NULL || added == NULL)
		return NULL;
	pbdnsmessage__dnsresponse__dnsrr__init(added);
	added->name = draft_name(draft, name);
	if (added->name == NULL)
		return NULL;
	added->has_type = added->has_class_ = added->has_ttl = added->has_rdata = true;
	added->type = type;
	added->class_ = rclass;
	added->ttl = ttl;
	draft->response.rrs = list;
	list[draft->response.n_rrs++] = added;
	return added;
}
