/* SPDX-License-Identifier: BSD-2-Clause */
#include "dataplane/dns/edns.h"

#include <errno.h>

#include "dataplane/dns/rebuild.h"

#define OPTION_HEADER 4u /* code and length */

static void opt_write(uint8_t *to, uint16_t udp_size, bool dnssec_ok)
{
	memset(to, 0, DNS_OPT_SIZE);
	dns_u16_store(to + 1, DNS_TYPE_OPT);
	dns_u16_store(to + 3, udp_size);
	to[7] = dnssec_ok ? DNS_EDNS_DO >> 8 : 0;
}

enum dns_error dns_edns_search(const uint8_t *message, size_t length, struct dns_edns *edns)
{
	struct dns_records records;
	struct dns_record record;

	*edns = (struct dns_edns){0};
	int rc = dns_records_open(&records, message, length);
	while (rc >= 0 && (rc = dns_record_next(&records, &record)) > 0) {
		if (record.type != DNS_TYPE_OPT) {
			edns->last = false;
			continue;
		}
		if (edns->offset != 0 || record.section != DNS_SECTION_ADDITIONAL ||
		    record.fixed != record.start + 1)
			return DNS_ERROR_OPT;
		dns_opt_read(message, length, record.start, edns);
	}
	return rc < 0 ? DNS_ERROR_CUT : DNS_OK;
}

void dns_options_open(struct dns_options *options, const uint8_t *message,
		      const struct dns_edns *edns)
{
	*options = (struct dns_options){
		.message = message,
		.offset = edns->rdata,
		.end = (uint16_t)(edns->rdata + edns->rdlength),
	};
}

int dns_option_next(struct dns_options *options, struct dns_option *option)
{
	size_t left = options->end - options->offset;
	if (left == 0)
		return 0;
	if (left < OPTION_HEADER)
		return -EBADMSG;
	const uint8_t *at = options->message + options->offset;
	uint16_t length = dns_u16_load(at + 2);
	if (left - OPTION_HEADER < length)
		return -EBADMSG;
	*option = (struct dns_option){
		.start = options->offset,
		.code = dns_u16_load(at),
		.data = (uint16_t)(options->offset + OPTION_HEADER),
		.length = length,
	};
	options->offset = (uint16_t)(option->data + length);
	return 1;
}

int dns_option_find(const uint8_t *message, const struct dns_edns *edns, uint16_t code,
		    struct dns_option *option)
{
	struct dns_options options;
	int rc;

	dns_options_open(&options, message, edns);
	while ((rc = dns_option_next(&options, option)) > 0)
		if (option->code == code)
			return 1;
	return rc;
}

int dns_options_measure(const uint8_t *message, const struct dns_edns *edns,
			const struct dns_option_edit *edit)
{
	struct dns_options options;
	struct dns_option option;
	size_t size = edit->add ? OPTION_HEADER + edit->head_length + edit->data_length : 0;
	int rc;

	dns_options_open(&options, message, edns);
	while ((rc = dns_option_next(&options, &option)) > 0)
		if (option.code != edit->drop)
			size += OPTION_HEADER + option.length;
	if (rc < 0)
		return rc;
	return size <= DNS_MESSAGE_MAX ? (int)size : -ENOSPC;
}

uint8_t *dns_options_write(uint8_t *to, const uint8_t *message, const struct dns_edns *edns,
			   const struct dns_option_edit *edit)
{
	struct dns_options options;
	struct dns_option option;

	dns_options_open(&options, message, edns);
	while (dns_option_next(&options, &option) > 0) {
		if (option.code == edit->drop)
			continue;
		memmove(to, message + option.start, OPTION_HEADER + option.length);
		to += OPTION_HEADER + option.length;
	}
	if (!edit->add)
		return to;
	dns_u16_store(to, edit->code);
	dns_u16_store(to + 2, (uint16_t)(edit->head_length + edit->data_length));
	to += OPTION_HEADER;
	memcpy(to, edit->head, edit->head_length);
	to += edit->head_length;
	if (edit->data_length > 0)
		memcpy(to, edit->data, edit->data_length);
	return to + edit->data_length;
}

/* Moves what stands from `from` on to `to`. The new length, -ENOSPC. */
static int tail_move(uint8_t *message, size_t length, size_t capacity, size_t from, size_t to)
{
	size_t limit = capacity < DNS_MESSAGE_MAX ? capacity : DNS_MESSAGE_MAX;
	size_t new_length = length - from + to;

	if (to > from && new_length > limit)
		return -ENOSPC;
	memmove(message + to, message + from, length - from);
	return (int)new_length;
}

/*
 * Edits the options of an OPT that is there. Names lead backwards and end before what they are part
 * of, so none can reach into the last record: it may change its size. One in the middle may not.
 */
static int options_edit(uint8_t *message, size_t length, size_t capacity,
			const struct dns_edns *edns, const struct dns_option_edit *edit)
{
	struct dns_rebuild_plan plan = {.options = edit};
	if (!edns->last)
		return dns_message_rebuild(message, length, capacity, &plan);

	int size = dns_options_measure(message, edns, edit);
	if (size < 0)
		return size;
	size_t end = edns->rdata + (size_t)size;
	if (end <= edns->end) /* written first: what goes is overwritten by what stays */
		dns_options_write(message + edns->rdata, message, edns, edit);
	int rc = tail_move(message, length, capacity, edns->end, end);
	if (rc < 0)
		return rc;
	if (end > edns->end)
		dns_options_write(message + edns->rdata, message, edns, edit);
	dns_u16_store(message + edns->rdata - 2, (uint16_t)size);
	return rc;
}

/* Whether it signs the message: a TSIG, or a SIG(0), which covers no type and has no owner. */
static bool signs(const uint8_t *message, const struct dns_record *record)
{
	if (record->section != DNS_SECTION_ADDITIONAL)
		return false;
	if (record->type == DNS_TYPE_TSIG)
		return true;
	return record->type == DNS_TYPE_SIG && record->rdlength >= 2 &&
	       dns_u16_load(message + record->rdata) == 0 && record->fixed == record->start + 1;
}

/*
 * Where a new OPT goes: behind the last record, or before it if it signs the message, as that has to be
 * last (RFC 8945, section 5.1; RFC 2931, section 3.1). Only that one moves: names that follow it could
 * lead into it. -EBADMSG.
 */
static int opt_place(const uint8_t *message, size_t length)
{
	struct dns_records records = {0};
	struct dns_record record;

	int rc = dns_records_open(&records, message, length);
	size_t place = records.offset;
	while (rc >= 0 && (rc = dns_record_next(&records, &record)) > 0)
		place = signs(message, &record) ? record.start : record.end;
	return rc < 0 ? rc : (int)place;
}

/* Puts a new OPT with the option that `edit` adds behind the records, but for a signature. */
static int opt_append(uint8_t *message, size_t length, size_t capacity, uint16_t udp_size,
		      bool dnssec_ok, const struct dns_option_edit *edit)
{
	static const struct dns_edns none;
	uint16_t arcount = dns_count_load(message, DNS_SECTION_ADDITIONAL);
	int size = dns_options_measure(message, &none, edit);
	int end = opt_place(message, length);

	if (end < 0 || size < 0)
		return end < 0 ? end : size;
	if (arcount == UINT16_MAX)
		return -ENOSPC;
	size_t rdata = (size_t)end + DNS_OPT_SIZE;
	int rc = tail_move(message, length, capacity, (size_t)end, rdata + (size_t)size);
	if (rc < 0)
		return rc;
	opt_write(message + end, udp_size, dnssec_ok);
	dns_u16_store(message + rdata - 2, (uint16_t)size);
	dns_options_write(message + rdata, message, &none, edit);
	dns_count_store(message, DNS_SECTION_ADDITIONAL, arcount + 1);
	return rc;
}

int dns_edns_add(uint8_t *message, size_t length, size_t capacity, uint16_t udp_size,
		 bool dnssec_ok)
{
	static const struct dns_option_edit nothing = {.drop = DNS_OPTION_NONE};
	struct dns_edns edns;

	if (dns_edns_search(message, length, &edns) != DNS_OK)
		return -EBADMSG;
	if (edns.offset != 0)
		return -EEXIST;
	return opt_append(message, length, capacity, udp_size, dnssec_ok, &nothing);
}

int dns_edns_turn(uint8_t *message, size_t length, uint16_t client_size, uint16_t udp_size)
{
	struct dns_question question;
	struct dns_edns edns;

	if (dns_count_load(message, DNS_SECTION_ANSWER) != 0 ||
	    dns_count_load(message, DNS_SECTION_AUTHORITY) != 0 ||
	    dns_count_load(message, DNS_SECTION_ADDITIONAL) != 1)
		return (int)length; /* no query: whoever made the answer has seen to its OPT */
	if (dns_question_parse(message, length, &question) != DNS_OK ||
	    dns_edns_find(message, length, question.end, &edns) != DNS_OK)
		return -EBADMSG;
	if (edns.offset == 0 || dns_edns_client_size(&edns) != client_size ||
	    (edns.udp_size == udp_size && edns.rdlength == 0))
		return (int)length;
	int rc = tail_move(message, length, length, edns.end, edns.rdata);
	opt_write(message + edns.offset, udp_size, dns_edns_do(&edns));
	return rc;
}

int dns_edns_remove(uint8_t *message, size_t length)
{
	static const uint16_t type = DNS_TYPE_OPT;
	struct dns_rebuild_plan plan = {.types = &type, .count = 1};
	struct dns_edns edns;

	if (dns_edns_search(message, length, &edns) != DNS_OK)
		return -EBADMSG;
	if (edns.offset == 0)
		return (int)length;
	if (!edns.last)
		return dns_message_rebuild(message, length, length, &plan);
	dns_count_store(message, DNS_SECTION_ADDITIONAL,
			dns_count_load(message, DNS_SECTION_ADDITIONAL) - 1);
	return tail_move(message, length, length, edns.end, edns.offset);
}

int dns_option_set(uint8_t *message, size_t length, size_t capacity, uint16_t code,
		   const uint8_t *data, size_t data_length, uint16_t udp_size)
{
	struct dns_option_edit edit = {
		.drop = code,
		.add = true,
		.code = code,
		.data = data,
		.data_length = data_length,
	};
	struct dns_edns edns;

	if (data_length > DNS_MESSAGE_MAX)
		return -ENOSPC;
	if (dns_edns_search(message, length, &edns) != DNS_OK)
		return -EBADMSG;
	if (edns.offset == 0)
		return opt_append(message, length, capacity, udp_size, false, &edit);
	return options_edit(message, length, capacity, &edns, &edit);
}

int dns_option_remove(uint8_t *message, size_t length, uint16_t code)
{
	struct dns_option_edit edit = {.drop = code};
	struct dns_option option;
	struct dns_edns edns;

	if (dns_edns_search(message, length, &edns) != DNS_OK)
		return -EBADMSG;
	int rc = dns_option_find(message, &edns, code, &option);
	if (rc <= 0)
		return rc < 0 ? rc : (int)length;
	return options_edit(message, length, length, &edns, &edit);
}

int dns_ede_add(uint8_t *message, size_t length, size_t capacity, uint16_t info_code,
		const char *text, size_t text_length, bool clear)
{
	struct dns_option_edit edit = {
		.drop = clear ? DNS_OPTION_EDE : DNS_OPTION_NONE,
		.add = true,
		.code = DNS_OPTION_EDE,
		.head_length = 2,
		.data = (const uint8_t *)text,
		.data_length = text_length,
	};
	struct dns_edns edns;

	if (text_length > DNS_MESSAGE_MAX)
		return -ENOSPC;
	if (dns_edns_search(message, length, &edns) != DNS_OK)
		return -EBADMSG;
	if (edns.offset == 0)
		return -ENOENT;
	dns_u16_store(edit.head, info_code);
	return options_edit(message, length, capacity, &edns, &edit);
}
