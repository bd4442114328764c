/* SPDX-License-Identifier: BSD-2-Clause */
#include "dataplane/dns/message.h"

#include <errno.h>

int dns_records_open(struct dns_records *records, const uint8_t *message, size_t length)
{
	if (length < DNS_HEADER_SIZE || length > DNS_MESSAGE_MAX)
		return -EBADMSG;
	size_t offset = DNS_HEADER_SIZE;
	for (unsigned left = dns_count_load(message, DNS_SECTION_QUESTION); left > 0; left--) {
		size_t name = dns_name_skip(message, length, offset);
		if (name == 0 || length - offset - name < DNS_QUESTION_FIXED)
			return -EBADMSG;
		offset += name + DNS_QUESTION_FIXED;
	}
	*records = (struct dns_records){
		.message = message,
		.length = length,
		.offset = offset,
		.left = dns_count_load(message, DNS_SECTION_ANSWER),
		.section = DNS_SECTION_ANSWER,
	};
	return 0;
}

int dns_record_next(struct dns_records *records, struct dns_record *record)
{
	while (records->left == 0) {
		if (records->section >= DNS_SECTION_ADDITIONAL)
			return 0;
		records->left = dns_count_load(records->message, ++records->section);
	}

	size_t start = records->offset;
	size_t owner = dns_name_skip(records->message, records->length, start);
	if (owner == 0 || records->length - start - owner < DNS_RECORD_FIXED)
		return -EBADMSG;
	size_t fixed = start + owner;
	size_t rdata = fixed + DNS_RECORD_FIXED;
	const uint8_t *at = records->message + fixed;
	uint16_t rdlength = dns_u16_load(at + 8);
	if (records->length - rdata < rdlength)
		return -EBADMSG;

	*record = (struct dns_record){
		.ttl = dns_u32_load(at + DNS_TTL_OFFSET),
		.start = (uint16_t)start,
		.fixed = (uint16_t)fixed,
		.type = dns_u16_load(at),
		.rclass = dns_u16_load(at + 2),
		.rdata = (uint16_t)rdata,
		.rdlength = rdlength,
		.end = (uint16_t)(rdata + rdlength),
		.section = records->section,
	};
	records->offset = rdata + rdlength;
	records->left--;
	return 1;
}

int dns_message_end(const uint8_t *message, size_t length)
{
	struct dns_records records;
	struct dns_record record;

	int rc = dns_records_open(&records, message, length);
	if (rc < 0)
		return rc;
	while ((rc = dns_record_next(&records, &record)) > 0)
		;
	return rc < 0 ? rc : (int)records.offset;
}

int dns_message_check(const uint8_t *message, size_t length)
{
	int end = dns_message_end(message, length);
	return end < 0 ? end : 0;
}
