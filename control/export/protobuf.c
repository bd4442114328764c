/* SPDX-License-Identifier: BSD-2-Clause */
#include "control/export/encode.h"

#include <string.h>

#include "control/crypto/ip_cipher.h"
#include "dataplane/dns/edns.h"
#include "dataplane/dns/message.h"
#include "dataplane/dns/name.h"
#include "dataplane/rules/tags.h"
#include "dnsmessage.pb-c.h"

#define SECOND 1000000000u /* nanoseconds */
#define ID_SIZE 16u

typedef PBDNSMessage__DNSResponse__DNSRR answer_record;

/* A message that is being put together, and what its parts are of. */
struct draft {
	struct export_encoder *encoder;
	const struct export_form *form;
	const struct export_record *record;
	const struct export_world *world;
	PBDNSMessage message;
	PBDNSMessage__DNSQuestion question;
	PBDNSMessage__DNSResponse response;
	uint8_t id[ID_SIZE];
	uint8_t requestor[16], responder[16];
	size_t room; /* for entries of the lists that grow */
	bool full;   /* some part had no place */
};

/* ---- memory ---- */

static void *take(struct draft *draft, size_t size)
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

/* Room for one more entry of a list; lists are as long as a power of two. */
static void *grow(struct draft *draft, void *list, size_t count, size_t size)
{
	if (count != 0 && (count & (count - 1)) != 0)
		return list;
	void *longer = take(draft, (count == 0 ? 1 : 2 * count) * size);
	if (longer != NULL && count > 0)
		memcpy(longer, list, count * size);
	return longer;
}

static ProtobufCBinaryData bytes_of(const void *bytes, size_t length)
{
	return (ProtobufCBinaryData){length, (uint8_t *)(uintptr_t)bytes};
}

static bool data_add(struct draft *draft, ProtobufCBinaryData **list, size_t *count,
		     ProtobufCBinaryData data)
{
	ProtobufCBinaryData *longer = grow(draft, *list, *count, sizeof(data));
	if (longer == NULL)
		return false;
	*list = longer;
	longer[(*count)++] = data;
	return true;
}

/* A name as text, with its final dot. */
static char *name_text(struct draft *draft, const uint8_t *name)
{
	char text[DNS_NAME_TEXT_SIZE];
	int length = dns_name_print(name, text, sizeof(text), true);
	char *kept = length < 0 ? NULL : take(draft, (size_t)length + 1);
	if (kept != NULL)
		memcpy(kept, text, (size_t)length + 1);
	return kept;
}

/* "key:value", or what there is of it. */
static ProtobufCBinaryData joined(struct draft *draft, const struct export_item *item, size_t skip,
				  bool value)
{
	size_t key = item->key_length - skip;
	value = value && item->value_length > 0;
	uint8_t *text = take(draft, key + 1 + item->value_length);
	if (text == NULL)
		return bytes_of(NULL, 0);
	memcpy(text, item->key + skip, key);
	if (!value)
		return bytes_of(text, key);
	text[key] = ':';
	memcpy(text + key + 1, item->value, item->value_length);
	return bytes_of(text, key + 1 + item->value_length);
}

/* ---- facts ---- */

/*
 * Of the query, so that its response has the same: a secret function of what only this query has. In
 * the form of a random UUID (RFC 4122).
 */
static void id_make(struct draft *draft)
{
	static const uint8_t start[ID_SIZE];
	const struct export_record *record = draft->record;
	uint8_t facts[3 * ID_SIZE] = {0}, sealed[sizeof(facts)];
	int length = 0;
	memcpy(facts, &record->arrival, 8);
	memcpy(facts + 8, record->client, 16);
	memcpy(facts + 24, record->local, 16);
	memcpy(facts + 40, &record->client_port, 2);
	memcpy(facts + 42, &record->id, 2);
	EVP_EncryptInit_ex(draft->encoder->identify, NULL, NULL, NULL, start);
	EVP_EncryptUpdate(draft->encoder->identify, sealed, &length, facts, sizeof(facts));
	memcpy(draft->id, sealed + 2 * ID_SIZE, ID_SIZE);
	draft->id[6] = (draft->id[6] & 0x0f) | 0x40;
	draft->id[8] = (draft->id[8] & 0x3f) | 0x80;
}

static void requestor_set(struct draft *draft, const uint8_t *address, size_t length)
{
	memcpy(draft->requestor, address, length);
	draft->message.has_from = false;
	/* Better no address than one that was to be hidden. */
	if (draft->form->cipher != NULL &&
	    ip_cipher_encrypt(draft->requestor, length == 16,
			      (const uint8_t *)draft->form->cipher->value) != 0)
		return;
	draft->message.from = bytes_of(draft->requestor, length);
	draft->message.has_from = true;
	draft->message.has_socketfamily = true;
	draft->message.socketfamily = length == 16 ? PBDNSMESSAGE__SOCKET_FAMILY__INET6
						   : PBDNSMESSAGE__SOCKET_FAMILY__INET;
}

static void responder_set(struct draft *draft, const uint8_t *address, size_t length)
{
	memcpy(draft->responder, address, length);
	draft->message.to = bytes_of(draft->responder, length);
	draft->message.has_to = true;
}

static void question_set(struct draft *draft, const uint8_t *name, uint16_t type, uint16_t qclass)
{
	draft->question.qname = name_text(draft, name);
	draft->question.has_qtype = draft->question.has_qclass = true;
	draft->question.qtype = type;
	draft->question.qclass = qclass;
	draft->message.question = &draft->question;
}

static void time_set(struct draft *draft, uint32_t seconds, uint32_t microseconds)
{
	draft->message.has_timesec = draft->message.has_timeusec = true;
	draft->message.timesec = seconds;
	draft->message.timeusec = microseconds;
}

static void query_time_set(struct draft *draft, uint32_t seconds, uint32_t microseconds)
{
	draft->response.has_querytimesec = draft->response.has_querytimeusec = true;
	draft->response.querytimesec = seconds;
	draft->response.querytimeusec = microseconds;
}

static void times_set(struct draft *draft)
{
	uint64_t now = export_wall(draft->world, draft->record->now);
	uint64_t then = export_wall(draft->world, draft->record->arrival);
	time_set(draft, (uint32_t)(now / SECOND), (uint32_t)(now % SECOND / 1000));
	query_time_set(draft, (uint32_t)(then / SECOND), (uint32_t)(then % SECOND / 1000));
}

static void rcode_set(struct draft *draft, uint32_t rcode)
{
	draft->response.has_rcode = true;
	draft->response.rcode = rcode;
}

static void server_set(struct draft *draft, const void *bytes, size_t length)
{
	draft->message.has_serveridentity = true;
	draft->message.serveridentity = bytes_of(bytes, length);
}

static void facts_set(struct draft *draft)
{
	const struct export_record *record = draft->record;
	PBDNSMessage *message = &draft->message;
	size_t address = record->flags & EXPORT_IPV6 ? 16 : 4;
	bool response = record->flags & EXPORT_RESPONSE;
	uint16_t flags = 0;
	message->type = response ? PBDNSMESSAGE__TYPE__DNSResponseType
				 : PBDNSMESSAGE__TYPE__DNSQueryType;
	id_make(draft);
	message->has_messageid = true;
	message->messageid = bytes_of(draft->id, ID_SIZE);
	message->has_socketprotocol = true;
	message->socketprotocol = record->flags & EXPORT_TCP ? PBDNSMESSAGE__SOCKET_PROTOCOL__TCP
							     : PBDNSMESSAGE__SOCKET_PROTOCOL__UDP;
	requestor_set(draft, record->client, address);
	responder_set(draft, record->local, address);
	message->has_inbytes = message->has_id = true;
	message->inbytes = record->length;
	message->id = rte_be_to_cpu_16(record->id);
	message->has_fromport = message->has_toport = true;
	message->fromport = record->client_port;
	message->toport = record->local_port;
	question_set(draft,
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
		server_set(draft, draft->form->identity->value, draft->form->identity->value_length);
}

/* ---- records of a response ---- */

static answer_record *record_add(struct draft *draft, const uint8_t *name, uint16_t type,
				 uint16_t rclass, uint32_t ttl)
{
	answer_record **list = grow(draft, draft->response.rrs, draft->response.n_rrs,
				    sizeof(answer_record *));
	answer_record *added = take(draft, sizeof(*added));
	if (list == NULL || added == NULL)
		return NULL;
	pbdnsmessage__dnsresponse__dnsrr__init(added);
	added->name = name_text(draft, name);
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

/* An address as its bytes, a CNAME as text. */
static void answer_add(struct draft *draft, const struct dns_record *found)
{
	const struct export_record *record = draft->record;
	bool cname = found->type == DNS_TYPE_CNAME && draft->form->flags & EXPORT_FORM_CNAMES;
	uint8_t name[DNS_NAME_MAX], target[DNS_NAME_MAX], length;
	if (found->type != DNS_TYPE_A && found->type != DNS_TYPE_AAAA && !cname)
		return;
	if (dns_name_unpack(record->bytes, record->message_length, found->start, name, &length) == 0 ||
	    (cname && dns_name_unpack(record->bytes, record->message_length, found->rdata, target,
				      &length) == 0))
		return;
	answer_record *added = record_add(draft, name, found->type, found->rclass, found->ttl);
	if (added == NULL)
		return;
	added->rdata = bytes_of(record->bytes + found->rdata, found->rdlength);
	if (cname) {
		char *text = name_text(draft, target);
		added->rdata = bytes_of(text, text != NULL ? strlen(text) : 0);
	}
}

static void answers_add(struct draft *draft)
{
	const struct export_record *record = draft->record;
	struct dns_records records;
	struct dns_record found;
	if (record->message_length < DNS_HEADER_SIZE)
		return;
	rcode_set(draft, dns_header_peek(record->bytes)->rcode);
	if (record->qname_length == 0 ||
	    dns_records_open(&records, record->bytes, record->message_length) != 0)
		return;
	while (dns_record_next(&records, &found) > 0 && found.section == DNS_SECTION_ANSWER)
		answer_add(draft, &found);
}

/* ---- metadata ---- */

static PBDNSMessage__Meta *meta_of(struct draft *draft, const void *key, size_t length)
{
	PBDNSMessage *message = &draft->message;
	for (size_t i = 0; i < message->n_meta; i++)
		if (message->meta[i]->key.len == length &&
		    (length == 0 || memcmp(message->meta[i]->key.data, key, length) == 0))
			return message->meta[i];
	PBDNSMessage__Meta **list = grow(draft, message->meta, message->n_meta, sizeof(*list));
	PBDNSMessage__Meta *meta = take(draft, sizeof(*meta));
	PBDNSMessage__MetaValue *value = take(draft, sizeof(*value));
	if (list == NULL || meta == NULL || value == NULL)
		return NULL;
	pbdnsmessage__meta__init(meta);
	pbdnsmessage__meta_value__init(value);
	meta->key = bytes_of(key, length);
	meta->value = value;
	message->meta = list;
	list[message->n_meta++] = meta;
	return meta;
}

static void text_add(struct draft *draft, PBDNSMessage__Meta *meta, ProtobufCBinaryData text)
{
	if (meta != NULL)
		data_add(draft, &meta->value->stringval, &meta->value->n_stringval, text);
}

static void number_add(struct draft *draft, PBDNSMessage__Meta *meta, int64_t number)
{
	if (meta == NULL)
		return;
	PBDNSMessage__MetaValue *value = meta->value;
	int64_t *list = grow(draft, value->intval, value->n_intval, sizeof(*list));
	if (list == NULL)
		return;
	list[value->n_intval++] = number;
	value->intval = list;
}

static ProtobufCBinaryData content_of(struct draft *draft)
{
	const struct export_record *record = draft->record;
	uint8_t *text = take(draft, (record->message_length + 2u) / 3 * 4 + 1);
	if (text == NULL)
		return bytes_of(NULL, 0);
	return bytes_of(text, (size_t)EVP_EncodeBlock(text, record->bytes, record->message_length));
}

static ProtobufCBinaryData typed_value(struct draft *draft, const struct export_item *item)
{
	char *text = take(draft, 4 + (size_t)item->value_length);
	if (text == NULL)
		return bytes_of(NULL, 0);
	size_t length = (size_t)snprintf(text, 5, "%u:", item->code & 0xffu);
	memcpy(text + length, item->value, item->value_length);
	return bytes_of(text, length + item->value_length);
}

/* What of an item metadata of this kind has. */
static void meta_item(struct draft *draft, const struct export_meta *from,
		      PBDNSMessage__Meta *meta, const struct export_item *item)
{
	bool tag = item->kind == EXPORT_ITEM_TAG, proxied = item->kind == EXPORT_ITEM_PROXY;
	if (tag && from->kind == EXPORT_META_TAGS)
		text_add(draft, meta, joined(draft, item, 0, true));
	else if (tag && from->kind == EXPORT_META_TAG &&
		 from->argument_length == item->key_length &&
		 memcmp(from->argument, item->key, item->key_length) == 0)
		text_add(draft, meta, bytes_of(item->value, item->value_length));
	else if (proxied && from->kind == EXPORT_META_PROXY_ALL)
		text_add(draft, meta, typed_value(draft, item));
	else if (proxied && from->kind == EXPORT_META_PROXY && from->type == item->code)
		text_add(draft, meta, bytes_of(item->value, item->value_length));
}

static void metas_add(struct draft *draft)
{
	for (unsigned i = 0; i < draft->form->n_metas; i++) {
		const struct export_meta *from = &draft->form->metas[i];
		PBDNSMessage__Meta *meta =
			meta_of(draft, from->setting->key, from->setting->key_length);
		struct export_item item;
		uint32_t offset = 0;
		while (meta != NULL && export_item_next(draft->record, &offset, &item))
			meta_item(draft, from, meta, &item);
		if (from->kind == EXPORT_META_CONTENT) {
			text_add(draft, meta, content_of(draft));
		} else if (from->kind == EXPORT_META_POOL) {
			size_t length = 0;
			const char *name = draft->world->pool_name(draft->world->ctx,
								   draft->record->pool, &length);
			text_add(draft, meta, bytes_of(name, length));
		}
		/* Nothing to say is said with an empty text. */
		if (meta != NULL && meta->value->n_stringval == 0)
			text_add(draft, meta, bytes_of("", 0));
	}
}

/* ---- items ---- */

static void tag_add_to(struct draft *draft, ProtobufCBinaryData text)
{
	data_add(draft, &draft->response.tags, &draft->response.n_tags, text);
}

static void identity_apply(struct draft *draft, const struct export_item *item)
{
	const ProtobufCBinaryData text = bytes_of(item->value, item->value_length);
	PBDNSMessage *message = &draft->message;
	if (item->code == NOTE_DEVICE_ID) {
		message->has_deviceid = true;
		message->deviceid = text;
	} else if (item->code == NOTE_DEVICE_NAME) {
		message->has_devicename = true;
		message->devicename = text;
	} else {
		message->has_requestorid = true;
		message->requestorid = text;
	}
}

/* An extended error (RFC 8914): its code as a number, and its text if it has one. */
static void error_add(struct draft *draft, uint16_t code, const uint8_t *text, size_t length)
{
	const struct export_setting *name = draft->form->errors;
	if (name == NULL)
		return;
	PBDNSMessage__Meta *meta = meta_of(draft, name->value, name->value_length);
	number_add(draft, meta, code);
	if (length > 0)
		text_add(draft, meta, bytes_of(text, length));
}

/* Those that the response has; what rules say comes into it on its way out, and stands in notes. */
static void errors_add(struct draft *draft)
{
	const struct export_record *record = draft->record;
	const uint8_t *message = record->bytes;
	struct dns_options options;
	struct dns_option option;
	struct dns_edns edns;
	if (draft->form->errors == NULL ||
	    dns_edns_search(message, record->message_length, &edns) != DNS_OK)
		return;
	dns_options_open(&options, message, &edns);
	while (dns_option_next(&options, &option) > 0)
		if (option.code == DNS_OPTION_EDE && option.length >= sizeof(uint16_t))
			error_add(draft, dns_u16_load(message + option.data),
				  message + option.data + sizeof(uint16_t),
				  option.length - sizeof(uint16_t));
}

static void number_apply(struct draft *draft, PBDNSMessage__Meta *meta, const struct export_item *item)
{
	int64_t number;
	if (item->value_length != sizeof(number))
		return;
	memcpy(&number, item->value, sizeof(number));
	number_add(draft, meta, number);
}

/* What rules said of the packet. */
static void note_apply(struct draft *draft, const struct export_item *item)
{
	PBDNSMessage__Meta *meta;
	size_t skip;
	switch ((enum export_item_kind)item->kind) {
	case EXPORT_ITEM_TAG:
		if (export_form_tag(draft->form, item->key, item->key_length, &skip))
			tag_add_to(draft, joined(draft, item, skip,
						 (draft->form->flags & EXPORT_FORM_KEYS_ONLY) == 0));
		return;
	case EXPORT_ITEM_META:
		meta = meta_of(draft, item->key, item->key_length);
		if (item->code == 1)
			number_apply(draft, meta, item);
		else
			text_add(draft, meta, bytes_of(item->value, item->value_length));
		return;
	case EXPORT_ITEM_IDENTITY:
		identity_apply(draft, item);
		return;
	case EXPORT_ITEM_ERROR:
		error_add(draft, item->code, item->value, item->value_length);
		return;
	default:
		return;
	}
}

static void rr_apply(struct draft *draft, const struct export_item *item)
{
	size_t name = item->key_length - 8u;
	uint16_t type, rclass;
	uint32_t ttl;
	memcpy(&type, item->key + name, 2);
	memcpy(&rclass, item->key + name + 2, 2);
	memcpy(&ttl, item->key + name + 4, 4);
	answer_record *added = record_add(draft, item->key, type, rclass, ttl);
	if (added != NULL)
		added->rdata = bytes_of(item->value, item->value_length);
}

/* What the policy's Lua changed of the message. */
static void change_apply(struct draft *draft, const struct export_item *item)
{
	PBDNSMessage *message = &draft->message;
	uint32_t pair[2] = {0};
	uint16_t types[2] = {0}, port;
	if (item->value_length == sizeof(pair))
		memcpy(pair, item->value, sizeof(pair));
	switch ((enum export_item_kind)item->kind) {
	case EXPORT_ITEM_POLICY_TAG:
		tag_add_to(draft, bytes_of(item->value, item->value_length));
		break;
	case EXPORT_ITEM_QUESTION:
		memcpy(types, item->key, sizeof(types));
		question_set(draft, item->value, types[0], types[1]);
		break;
	case EXPORT_ITEM_BYTES:
		memcpy(&message->inbytes, item->value, sizeof(message->inbytes));
		break;
	case EXPORT_ITEM_TIME:
		time_set(draft, pair[0], pair[1]);
		break;
	case EXPORT_ITEM_QUERY_TIME:
		query_time_set(draft, pair[0], pair[1]);
		break;
	case EXPORT_ITEM_RCODE:
		rcode_set(draft, item->code);
		break;
	case EXPORT_ITEM_REQUESTOR:
		requestor_set(draft, item->value, item->value_length);
		if (item->key_length == sizeof(port)) {
			memcpy(&port, item->key, sizeof(port));
			message->fromport = port;
		}
		break;
	case EXPORT_ITEM_RESPONDER:
		responder_set(draft, item->value, item->value_length);
		if (item->key_length == sizeof(port)) {
			memcpy(&port, item->key, sizeof(port));
			message->toport = port;
		}
		break;
	case EXPORT_ITEM_SERVER:
		server_set(draft, item->value, item->value_length);
		break;
	case EXPORT_ITEM_SUBNET:
		message->has_originalrequestorsubnet = true;
		message->originalrequestorsubnet = bytes_of(item->value, item->value_length);
		break;
	case EXPORT_ITEM_RECORD:
		rr_apply(draft, item);
		break;
	case EXPORT_ITEM_TYPE:
		message->type = PBDNSMESSAGE__TYPE__DNSResponseType;
		break;
	default:
		break;
	}
}

size_t export_protobuf(struct export_encoder *encoder, const struct export_form *form,
		       const struct export_record *record, const struct export_world *world,
		       uint8_t *to, size_t room)
{
	struct draft draft = {.encoder = encoder, .form = form, .record = record, .world = world};
	struct export_item item;
	uint32_t offset = 0;
	encoder->used = 0;
	pbdnsmessage__init(&draft.message);
	pbdnsmessage__dnsquestion__init(&draft.question);
	pbdnsmessage__dnsresponse__init(&draft.response);
	facts_set(&draft);
	if (record->flags & EXPORT_RESPONSE) {
		answers_add(&draft);
		errors_add(&draft);
	}
	metas_add(&draft);
	while (export_item_next(record, &offset, &item)) {
		note_apply(&draft, &item);
		change_apply(&draft, &item);
	}
	if (draft.full || draft.question.qname == NULL ||
	    pbdnsmessage__get_packed_size(&draft.message) > room)
		return 0;
	return pbdnsmessage__pack(&draft.message, to);
}
