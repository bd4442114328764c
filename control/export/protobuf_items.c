/* SPDX-License-Identifier: BSD-2-Clause */
#include "control/export/protobuf_parts.h"

#include <stdio.h>
#include <string.h>

#include "dataplane/dns/edns.h"
#include "dataplane/rules/tags.h"

/* ---- metadata ---- */

/* "key:value", or what there is of it. */
static ProtobufCBinaryData joined(struct draft *draft, const struct export_item *item, size_t skip,
				  bool value)
{
	size_t key = item->key_length - skip;
	value = value && item->value_length > 0;
	uint8_t *text = draft_take(draft, key + 1 + item->value_length);
	if (text == NULL)
		return draft_bytes(NULL, 0);
	memcpy(text, item->key + skip, key);
	if (!value)
		return draft_bytes(text, key);
	text[key] = ':';
	memcpy(text + key + 1, item->value, item->value_length);
	return draft_bytes(text, key + 1 + item->value_length);
}

static PBDNSMessage__Meta *meta_of(struct draft *draft, const void *key, size_t length)
{
	PBDNSMessage *message = &draft->message;
	for (size_t i = 0; i < message->n_meta; i++)
		if (message->meta[i]->key.len == length &&
		    (length == 0 || memcmp(message->meta[i]->key.data, key, length) == 0))
			return message->meta[i];
	PBDNSMessage__Meta **list =
		draft_grow(draft, message->meta, message->n_meta, sizeof(*list));
	PBDNSMessage__Meta *meta = draft_take(draft, sizeof(*meta));
	PBDNSMessage__MetaValue *value = draft_take(draft, sizeof(*value));
	if (list == NULL || meta == NULL || value == NULL)
		return NULL;
	pbdnsmessage__meta__init(meta);
	pbdnsmessage__meta_value__init(value);
	meta->key = draft_bytes(key, length);
	meta->value = value;
	message->meta = list;
	list[message->n_meta++] = meta;
	return meta;
}

static void text_add(struct draft *draft, PBDNSMessage__Meta *meta, ProtobufCBinaryData text)
{
	if (meta != NULL)
		draft_data_add(draft, &meta->value->stringval, &meta->value->n_stringval, text);
}

static void number_add(struct draft *draft, PBDNSMessage__Meta *meta, int64_t number)
{
	if (meta == NULL)
		return;
	PBDNSMessage__MetaValue *value = meta->value;
	int64_t *list = draft_grow(draft, value->intval, value->n_intval, sizeof(*list));
	if (list == NULL)
		return;
	list[value->n_intval++] = number;
	value->intval = list;
}

static ProtobufCBinaryData content_of(struct draft *draft)
{
	const struct export_record *record = draft->record;
	uint8_t *text = draft_take(draft, (record->message_length + 2u) / 3 * 4 + 1);
	if (text == NULL)
		return draft_bytes(NULL, 0);
	return draft_bytes(text,
			   (size_t)EVP_EncodeBlock(text, record->bytes, record->message_length));
}

static ProtobufCBinaryData typed_value(struct draft *draft, const struct export_item *item)
{
	char *text = draft_take(draft, 4 + (size_t)item->value_length);
	if (text == NULL)
		return draft_bytes(NULL, 0);
	size_t length = (size_t)snprintf(text, 5, "%u:", item->code & 0xffu);
	memcpy(text + length, item->value, item->value_length);
	return draft_bytes(text, length + item->value_length);
}

/* What of an item metadata of this kind has. */
static void meta_item(struct draft *draft, const struct export_meta *from, PBDNSMessage__Meta *meta,
		      const struct export_item *item)
{
	bool tag = item->kind == EXPORT_ITEM_TAG, proxied = item->kind == EXPORT_ITEM_PROXY;
	if (tag && from->kind == EXPORT_META_TAGS)
		text_add(draft, meta, joined(draft, item, 0, true));
	else if (tag && from->kind == EXPORT_META_TAG &&
		 from->argument_length == item->key_length &&
		 memcmp(from->argument, item->key, item->key_length) == 0)
		text_add(draft, meta, draft_bytes(item->value, item->value_length));
	else if (proxied && from->kind == EXPORT_META_PROXY_ALL)
		text_add(draft, meta, typed_value(draft, item));
	else if (proxied && from->kind == EXPORT_META_PROXY && from->type == item->code)
		text_add(draft, meta, draft_bytes(item->value, item->value_length));
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
		text_add(draft, meta, draft_bytes(text, length));
}

/* Those that the response has; what rules say comes into it on its way out, and stands in notes. */
static void errors_add(struct draft *draft)
{
	const struct export_record *record = draft->record;
	const uint8_t *message = record->bytes;
	struct dns_options options;
	struct dns_option option;
	struct dns_edns edns;
	if (draft->form->errors == NULL || (record->flags & EXPORT_RESPONSE) == 0 ||
	    dns_edns_search(message, record->message_length, &edns) != DNS_OK)
		return;
	dns_options_open(&options, message, &edns);
	while (dns_option_next(&options, &option) > 0)
		if (option.code == DNS_OPTION_EDE && option.length >= sizeof(uint16_t))
			error_add(draft, dns_u16_load(message + option.data),
				  message + option.data + sizeof(uint16_t),
				  option.length - sizeof(uint16_t));
}

void draft_metas_add(struct draft *draft)
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
			text_add(draft, meta, draft_bytes(name, length));
		}
		/* Nothing to say is said with an empty text. */
		if (meta != NULL && meta->value->n_stringval == 0)
			text_add(draft, meta, draft_bytes("", 0));
	}
	errors_add(draft);
}

/* ---- items ---- */

static void tag_add_to(struct draft *draft, ProtobufCBinaryData text)
{
	draft_data_add(draft, &draft->response.tags, &draft->response.n_tags, text);
}

static void identity_apply(struct draft *draft, const struct export_item *item)
{
	const ProtobufCBinaryData text = draft_bytes(item->value, item->value_length);
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
			tag_add_to(draft,
				   joined(draft, item, skip,
					  (draft->form->flags & EXPORT_FORM_KEYS_ONLY) == 0));
		return;
	case EXPORT_ITEM_META:
		meta = meta_of(draft, item->key, item->key_length);
		if (item->code == 1)
			number_apply(draft, meta, item);
		else
			text_add(draft, meta, draft_bytes(item->value, item->value_length));
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
	answer_record *added = draft_record_add(draft, item->key, type, rclass, ttl);
	if (added != NULL)
		added->rdata = draft_bytes(item->value, item->value_length);
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
		tag_add_to(draft, draft_bytes(item->value, item->value_length));
		break;
	case EXPORT_ITEM_QUESTION:
		memcpy(types, item->key, sizeof(types));
		draft_question_set(draft, item->value, types[0], types[1]);
		break;
	case EXPORT_ITEM_BYTES:
		memcpy(&message->inbytes, item->value, sizeof(message->inbytes));
		break;
	case EXPORT_ITEM_TIME:
		draft_time_set(draft, pair[0], pair[1]);
		break;
	case EXPORT_ITEM_QUERY_TIME:
		draft_query_time_set(draft, pair[0], pair[1]);
		break;
	case EXPORT_ITEM_RCODE:
		draft_rcode_set(draft, item->code);
		break;
	case EXPORT_ITEM_REQUESTOR:
		draft_requestor_set(draft, item->value, item->value_length);
		if (item->key_length == sizeof(port)) {
			memcpy(&port, item->key, sizeof(port));
			message->fromport = port;
		}
		break;
	case EXPORT_ITEM_RESPONDER:
		draft_responder_set(draft, item->value, item->value_length);
		if (item->key_length == sizeof(port)) {
			memcpy(&port, item->key, sizeof(port));
			message->toport = port;
		}
		break;
	case EXPORT_ITEM_SERVER:
		draft_server_set(draft, item->value, item->value_length);
		break;
	case EXPORT_ITEM_SUBNET:
		message->has_originalrequestorsubnet = true;
		message->originalrequestorsubnet = draft_bytes(item->value, item->value_length);
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

void draft_items_apply(struct draft *draft)
{
	struct export_item item;
	uint32_t offset = 0;
	while (export_item_next(draft->record, &offset, &item)) {
		note_apply(draft, &item);
		change_apply(draft, &item);
	}
}
