/* SPDX-License-Identifier: BSD-2-Clause */
#include "dataplane/dns/rewrite.h"

#include <errno.h>

#include "dataplane/dns/edns.h"
#include "dataplane/dns/rebuild.h"

/* A message whose only record, if any, is an OPT: nothing in it can be compressed. */
static bool records_plain(const uint8_t *message, size_t length, size_t question_end)
{
	uint16_t arcount = dns_count_load(message, DNS_SECTION_ADDITIONAL);
	struct dns_edns edns;

	if (dns_count_load(message, DNS_SECTION_ANSWER) != 0 ||
	    dns_count_load(message, DNS_SECTION_AUTHORITY) != 0 || arcount > 1)
		return false;
	return arcount == 0 || (dns_edns_find(message, length, question_end, &edns) == DNS_OK &&
				edns.offset == question_end);
}

int dns_question_rename(uint8_t *message, size_t length, size_t capacity, const uint8_t *name,
			size_t name_length)
{
	struct dns_rebuild_plan plan = {.qname = name, .qname_length = name_length};
	size_t limit = capacity < DNS_MESSAGE_MAX ? capacity : DNS_MESSAGE_MAX;
	struct dns_question question;

	if (dns_question_parse(message, length, &question) != DNS_OK)
		return -EBADMSG;
	if (!records_plain(message, length, question.end))
		return dns_message_rebuild(message, length, capacity, &plan);

	size_t new_length = length - question.qname_length + name_length;
	if (new_length > limit)
		return -ENOSPC;
	uint8_t *qname = message + DNS_HEADER_SIZE;
	if (name_length != question.qname_length)
		memmove(qname + name_length, qname + question.qname_length,
			length - DNS_HEADER_SIZE - question.qname_length);
	memcpy(qname, name, name_length);
	return (int)new_length;
}

int dns_question_restore(uint8_t *message, size_t length, size_t capacity, const uint8_t *name,
			 size_t name_length, uint16_t qtype, uint16_t qclass)
{
	size_t added = name_length + DNS_QUESTION_FIXED;
	uint8_t *at = message + DNS_HEADER_SIZE;
	if (length < DNS_HEADER_SIZE || dns_count_load(message, DNS_SECTION_QUESTION) != 0 ||
	    !records_plain(message, length, DNS_HEADER_SIZE))
		return -EBADMSG;
	if (length + added > capacity || length + added > DNS_MESSAGE_MAX)
		return -ENOSPC;
	memmove(at + added, at, length - DNS_HEADER_SIZE);
	memcpy(at, name, name_length);
	dns_u16_store(at + name_length, qtype);
	dns_u16_store(at + name_length + 2, qclass);
	dns_count_store(message, DNS_SECTION_QUESTION, 1);
	return (int)(length + added);
}

/* The one walk over TTLs: over all records but OPT. The message has been checked if it is edited.
 */
static int ttls_walk(const uint8_t *message, size_t length, uint8_t *patch, dns_ttl_edit_fn *edit,
		     void *context)
{
	struct dns_records records;
	struct dns_record record;

	int rc = dns_records_open(&records, message, length);
	while (rc >= 0 && (rc = dns_record_next(&records, &record)) > 0) {
		if (record.type == DNS_TYPE_OPT)
			continue;
		uint32_t ttl =
			edit(context, record.section, record.rclass, record.type, record.ttl);
		if (patch)
			dns_u32_store(patch + record.fixed + DNS_TTL_OFFSET, ttl);
	}
	return rc;
}

int dns_ttls_edit(uint8_t *message, size_t length, dns_ttl_edit_fn *edit, void *context)
{
	int rc = dns_message_check(message, length);
	return rc < 0 ? rc : ttls_walk(message, length, message, edit, context);
}

struct ttl_limits {
	uint32_t min;
	uint32_t max;
	const uint16_t *types;
	size_t count;
};

static uint32_t ttl_limit(void *context, enum dns_section section, uint16_t rclass, uint16_t type,
			  uint32_t ttl)
{
	const struct ttl_limits *limits = context;
	size_t i = 0;

	(void)section;
	(void)rclass;
	while (i < limits->count && limits->types[i] != type)
		i++;
	if (limits->count > 0 && i == limits->count)
		return ttl;
	if (ttl < limits->min)
		return limits->min;
	return ttl > limits->max ? limits->max : ttl;
}

int dns_ttls_limit(uint8_t *message, size_t length, uint32_t min, uint32_t max,
		   const uint16_t *types, size_t count)
{
	struct ttl_limits limits = {.min = min, .max = max, .types = types, .count = count};
	return dns_ttls_edit(message, length, ttl_limit, &limits);
}

static uint32_t ttl_lowest(void *context, enum dns_section section, uint16_t rclass, uint16_t type,
			   uint32_t ttl)
{
	uint32_t *lowest = context;

	(void)section;
	(void)rclass;
	(void)type;
	if (ttl < *lowest)
		*lowest = ttl;
	return ttl;
}

int dns_ttls_min(const uint8_t *message, size_t length, uint32_t *min)
{
	*min = UINT32_MAX;
	return ttls_walk(message, length, NULL, ttl_lowest, min);
}

int dns_records_clear(uint8_t *message, size_t length, size_t capacity, const uint16_t *types,
		      size_t count)
{
	struct dns_rebuild_plan plan = {.types = types, .count = count};
	return dns_message_rebuild(message, length, capacity, &plan);
}

int dns_trailing_set(uint8_t *message, size_t length, size_t capacity, const uint8_t *data,
		     size_t data_length)
{
	size_t limit = capacity < DNS_MESSAGE_MAX ? capacity : DNS_MESSAGE_MAX;
	int end = dns_message_end(message, length);

	if (end < 0)
		return end;
	if ((size_t)end > limit || data_length > limit - (size_t)end)
		return -ENOSPC;
	if (data_length > 0)
		memmove(message + end, data, data_length);
	return end + (int)data_length;
}

int dns_response_cut(uint8_t *message, size_t length, size_t max_size)
{
	struct dns_question question = {.end = DNS_HEADER_SIZE};
	struct dns_edns edns;
	size_t opt = 0;

	enum dns_error error = dns_question_parse(message, length, &question);
	if (error == DNS_ERROR_SHORT ||
	    (error != DNS_OK && dns_count_load(message, DNS_SECTION_QUESTION) != 0))
		return -EBADMSG;
	if (dns_edns_search(message, length, &edns) == DNS_OK && edns.offset != 0) {
		size_t room =
			(max_size > DNS_UDP_SIZE_MIN ? max_size : DNS_UDP_SIZE_MIN) - question.end;
		opt = edns.end - edns.offset;
		if (opt > room) {
			opt = DNS_OPT_SIZE;
			dns_u16_store(message + edns.rdata - 2, 0);
		}
		memmove(message + question.end, message + edns.offset, opt);
	}
	dns_counts_store(message, error == DNS_OK, 0, 0, opt > 0);
	dns_flags_store(message, dns_flags_load(message) | DNS_FLAG_TC);
	return question.end + (int)opt;
}

int dns_records_drop(uint8_t *message, size_t length)
{
	struct dns_question question;
	if (dns_question_parse(message, length, &question) != DNS_OK)
		return -EBADMSG;
	dns_counts_store(message, 1, 0, 0, 0);
	return question.end;
}

int dns_response_truncate(uint8_t *message, size_t length, size_t max_size)
{
	if (length <= DNS_UDP_SIZE_MIN || length <= max_size)
		return (int)length;
	return dns_response_cut(message, length, max_size);
}
