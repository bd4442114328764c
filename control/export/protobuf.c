/* SPDX-License-Identifier: BSD-2-Clause */
#include "control/export/protobuf_parts.h"

#include <string.h>

#include "dataplane/dns/message.h"
#include "dataplane/dns/name.h"

#define SECOND 1000000000u /* nanoseconds */

/* ---- facts ---- */

/*
 * Of the query, so that its response has the same: a secret function of what only this query has.
 * In the form of a random UUID (RFC 4122).
 */
static void id_make(struct draft *draft)
{
	static const uint8_t start[DRAFT_ID_SIZE];
	const struct export_record *record = draft->record;
	uint8_t facts[3 * DRAFT_ID_SIZE] = {0}, sealed[sizeof(facts)];
	int length = 0;
	memcpy(facts, &record->arrival, 8);
	memcpy(facts + 8, record->client, 16);
	memcpy(facts + 24, record->local, 16);
	memcpy(facts + 40, &record->client_port, 2);
	memcpy(facts + 42, &record->id, 2);
	EVP_EncryptInit_ex(draft->encoder->identify, NULL, NULL, NULL, start);
	EVP_EncryptUpdate(draft->encoder->identify, sealed, &length, facts, sizeof(facts));
	memcpy(draft->id, sealed + 2 * DRAFT_ID_SIZE, DRAFT_ID_SIZE);
	draft->id[6] = (draft->id[6] & 0x0f) | 0x40;
	draft->id[8] = (draft->id[8] & 0x3f) | 0x80;
}

static void times_set(struct draft *draft)
{
	uint64_t now = export_wall(draft->world, draft->record->now);
	uint64_t then = export_wall(draft->world, draft->record->arrival);
	draft_time_set(draft, (uint32_t)(now / SECOND), (uint32_t)(now % SECOND / 1000));
	draft_query_time_set(draft, (uint32_t)(then / SECOND), (uint32_t)(then % SECOND / 1000));
}

static void facts_set(struct draft *draft)
{
	const struct export_record *record = draft->record;
	PBDNSMessage *message = &draft->message;
	size_t address = record->flags & EXPORT_IPV6 ? 16 : 4;
	bool response = record->flags & EXPORT_RESPONSE;
	uint16_t flags = 0;
	message->type =
		response ? PBDNSMESSAGE__TYPE__DNSResponseType : PBDNSMESSAGE__TYPE__DNSQueryType;
	id_make(draft);
	message->has_messageid = true;
	message->messageid = draft_bytes(draft->id, DRAFT_ID_SIZE);
	message->has_socketprotocol = true;
	message->socketprotocol = record->flags & EXPORT_TCP ? PBDNSMESSAGE__SOCKET_PROTOCOL__TCP
							     : PBDNSMESSAGE__SOCKET_PROTOCOL__UDP;
	draft_requestor_set(draft, record->client, address);
	draft_responder_set(draft, record->local, address);
	message->has_inbytes = message->has_id = true;
	message->inbytes = record->length;
	message->id = rte_be_to_cpu_16(record->id);
	message->has_fromport = message->has_toport = true;
	message->fromport = record->client_port;
	message->toport = record->local_port;
	draft_question_set(draft,
			   record->qname_length > 0 ? record->bytes + DNS_HEADER_SIZE
						    : (const uint8_t *)"",
			   record->qtype, record->qclass);
	if (record->message_length >= DNS_HEADER_SIZE)
		memcpy(&flags, record->bytes + 2, sizeof(flags));
	message->has_headerflags = true;
	message->headerflags = rte_le_to_cpu_16(flags);
	message->has_packetcachehit = message->has_outgoingqueries = response;
	message->packetcachehit = (record->flags & EXPORT_CACHE_HIT) != 0;
	message->outgoingqueries = (record->flags & EXPORT_FORWARDED) != 0;
	message->response = &draft->response;
	times_set(draft);
	if (draft->form->identity != NULL)
		draft_server_set(draft, draft->form->identity->value,
				 draft->form->identity->value_length);
}

/* ---- records of a response ---- */

/* An address as its bytes, a CNAME as text. */
static void answer_add(struct draft *draft, const struct dns_record *found)
{
	const struct export_record *record = draft->record;
	bool cname = found->type == DNS_TYPE_CNAME && draft->form->flags & EXPORT_FORM_CNAMES;
	uint8_t name[DNS_NAME_MAX], target[DNS_NAME_MAX], length;
	if (found->type != DNS_TYPE_A && found->type != DNS_TYPE_AAAA && !cname)
		return;
	if (dns_name_unpack(record->bytes, record->message_length, found->start, name, &length) ==
		    0 ||
	    (cname && dns_name_unpack(record->bytes, record->message_length, found->rdata, target,
				      &length) == 0))
		return;
	answer_record *added =
		draft_record_add(draft, name, found->type, found->rclass, found->ttl);
	if (added == NULL)
		return;
	added->rdata = draft_bytes(record->bytes + found->rdata, found->rdlength);
	if (cname) {
		char *text = draft_name(draft, target);
		added->rdata = draft_bytes(text, text != NULL ? strlen(text) : 0);
	}
}

static void answers_add(struct draft *draft)
{
	const struct export_record *record = draft->record;
	struct dns_records records;
	struct dns_record found;
	if (record->message_length < DNS_HEADER_SIZE)
		return;
	draft_rcode_set(draft, dns_header_peek(record->bytes)->rcode);
	if (record->qname_length == 0 ||
	    dns_records_open(&records, record->bytes, record->message_length) != 0)
		return;
	while (dns_record_next(&records, &found) > 0 && found.section == DNS_SECTION_ANSWER)
		answer_add(draft, &found);
}

size_t export_protobuf(struct export_encoder *encoder, const struct export_form *form,
		       const struct export_record *record, const struct export_world *world,
		       uint8_t *to, size_t room)
{
	struct draft draft = {.encoder = encoder, .form = form, .record = record, .world = world};
	encoder->used = 0;
	pbdnsmessage__init(&draft.message);
	pbdnsmessage__dnsquestion__init(&draft.question);
	pbdnsmessage__dnsresponse__init(&draft.response);
	facts_set(&draft);
	if (record->flags & EXPORT_RESPONSE)
		answers_add(&draft);
	draft_metas_add(&draft);
	draft_items_apply(&draft);
	if (draft.full || draft.question.qname == NULL ||
	    pbdnsmessage__get_packed_size(&draft.message) > room)
		return 0;
	return pbdnsmessage__pack(&draft.message, to);
}
