/* SPDX-License-Identifier: BSD-2-Clause */
#include "dataplane/dns/rebuild.h"

#include <errno.h>

#include "dataplane/dns/rdata.h"

#define SUFFIX_SLOTS 512u /* a power of two */
#define POINTER_MAX 0x3fffu

/*
 * The message being written. `suffixes` remembers one offset for each hash of a name or suffix:
 * what collides is only compressed less, and looking is one probe whatever the input.
 */
struct writer {
	size_t size;
	size_t limit;
	uint16_t suffixes[SUFFIX_SLOTS]; /* 0: empty */
	uint8_t bytes[DNS_MESSAGE_MAX];
};

static int bytes_write(struct writer *writer, const uint8_t *bytes, size_t length)
{
	if (writer->limit - writer->size < length)
		return -ENOSPC;
	memcpy(writer->bytes + writer->size, bytes, length);
	writer->size += length;
	return 0;
}

static uint16_t *suffix_slot(struct writer *writer, const uint8_t *suffix, size_t length)
{
	return &writer->suffixes[dns_name_hash(suffix, length, 0) % SUFFIX_SLOTS];
}

/* Whether the written name at `offset` is `name` byte for byte: pointers must not change case. */
static bool suffix_matches(const struct writer *writer, uint16_t offset, const uint8_t *name,
			   size_t length)
{
	uint8_t written[DNS_NAME_MAX];
	uint8_t written_length;

	return offset != 0 &&
	       dns_name_unpack(writer->bytes, writer->size, offset, written, &written_length) !=
		       0 &&
	       written_length == length && memcmp(written, name, length) == 0;
}

static int name_write(struct writer *writer, const uint8_t *name, size_t length, bool compress)
{
	size_t at = 0;
	uint16_t target = 0;

	for (; name[at] != 0; at += name[at] + 1u) {
		uint16_t *slot = suffix_slot(writer, name + at, length - at);
		if (compress && suffix_matches(writer, *slot, name + at, length - at)) {
			target = *slot;
			break;
		}
		if (*slot == 0 && writer->size + at <= POINTER_MAX)
			*slot = (uint16_t)(writer->size + at);
	}
	if (target == 0)
		return bytes_write(writer, name, length);
	uint8_t pointer[2];
	dns_u16_store(pointer, 0xc000 | target);
	int rc = bytes_write(writer, name, at);
	return rc < 0 ? rc : bytes_write(writer, pointer, sizeof(pointer));
}

/* Writes the data of a record, and its length before it. */
static int rdata_write(struct writer *writer, const uint8_t *message,
		       const struct dns_record *record)
{
	struct dns_rdata_layout layout = dns_rdata_layout_of(record->type);
	size_t start = writer->size;
	size_t from = record->rdata;
	int rc = 0;

	if (layout.names > 0 && record->rdlength > 0) {
		int names = dns_rdata_name_find(message, record, layout);
		if (names < 0)
			return names;
		rc = bytes_write(writer, message + from, (size_t)names - from);
		from = (size_t)names;
	}
	for (unsigned i = 0; rc == 0 && record->rdlength > 0 && i < layout.names; i++) {
		uint8_t name[DNS_NAME_MAX];
		uint8_t length;
		size_t taken = dns_name_unpack(message, record->end, from, name, &length);
		if (taken == 0)
			return -EBADMSG;
		rc = name_write(writer, name, length, layout.compress);
		from += taken;
	}
	if (rc == 0)
		rc = bytes_write(writer, message + from, record->end - from);
	dns_u16_store(writer->bytes + start - 2, (uint16_t)(writer->size - start));
	return rc;
}

/* Writes the options of the OPT as the plan wants them, and their length before them. */
static int options_rewrite(struct writer *writer, const uint8_t *message, size_t length,
			   const struct dns_record *record, const struct dns_option_edit *edit)
{
	struct dns_edns edns;

	if (dns_opt_read(message, length, record->start, &edns) != DNS_OK)
		return -EBADMSG;
	int size = dns_options_measure(message, &edns, edit);
	if (size < 0)
		return size;
	if (writer->limit - writer->size < (size_t)size)
		return -ENOSPC;
	uint8_t *to = writer->bytes + writer->size;
	dns_options_write(to, message, &edns, edit);
	dns_u16_store(to - 2, (uint16_t)size);
	writer->size += (size_t)size;
	return 0;
}

/* The question's name as it was, to tell the records that it owns. */
struct former {
	uint8_t name[DNS_NAME_MAX];
	uint8_t length; /* 0: there is no question, or it keeps its name */
};

static int record_write(struct writer *writer, const uint8_t *message,
			const struct dns_record *record, const struct former *former,
			const struct dns_rebuild_plan *plan)
{
	uint8_t owner[DNS_NAME_MAX];
	uint8_t length;

	if (dns_name_unpack(message, record->end, record->start, owner, &length) == 0)
		return -EBADMSG;
	int rc;
	if (dns_name_equal(owner, length, former->name, former->length))
		rc = name_write(writer, plan->qname, plan->qname_length, true);
	else
		rc = name_write(writer, owner, length, true);
	if (rc == 0)
		rc = bytes_write(writer, message + record->fixed, DNS_RECORD_FIXED);
	if (rc == 0 && record->type == DNS_TYPE_OPT && plan->options)
		return options_rewrite(writer, message, record->end, record, plan->options);
	return rc < 0 ? rc : rdata_write(writer, message, record);
}

static int question_write(struct writer *writer, const uint8_t *message, size_t length,
			  const struct dns_rebuild_plan *plan, struct former *former)
{
	struct dns_question question;

	former->length = 0;
	int rc = bytes_write(writer, message, DNS_HEADER_SIZE);
	if (rc < 0 || dns_count_load(message, DNS_SECTION_QUESTION) == 0)
		return rc;
	if (dns_question_parse(message, length, &question) != DNS_OK)
		return -EBADMSG;
	const uint8_t *qname = message + DNS_HEADER_SIZE;
	if (plan->qname) {
		memcpy(former->name, qname, question.qname_length);
		former->length = question.qname_length;
		rc = name_write(writer, plan->qname, plan->qname_length, false);
	} else {
		rc = name_write(writer, qname, question.qname_length, false);
	}
	return rc < 0 ? rc : bytes_write(writer, qname + question.qname_length, DNS_QUESTION_FIXED);
}

static bool type_listed(const struct dns_rebuild_plan *plan, uint16_t type)
{
	for (size_t i = 0; i < plan->count; i++)
		if (plan->types[i] == type)
			return true;
	return false;
}

int dns_message_rebuild(uint8_t *message, size_t length, size_t capacity,
			const struct dns_rebuild_plan *plan)
{
	struct writer writer;
	struct dns_records records;
	struct dns_record record;
	struct former former;
	uint16_t counts[4] = {0};

	writer.size = 0;
	writer.limit = capacity < DNS_MESSAGE_MAX ? capacity : DNS_MESSAGE_MAX;
	memset(writer.suffixes, 0, sizeof(writer.suffixes));
	int rc = dns_records_open(&records, message, length);
	if (rc == 0)
		rc = question_write(&writer, message, length, plan, &former);
	while (rc == 0 && (rc = dns_record_next(&records, &record)) > 0) {
		rc = 0;
		if (type_listed(plan, record.type))
			continue;
		counts[record.section]++;
		rc = record_write(&writer, message, &record, &former, plan);
	}
	if (rc == 0)
		rc = bytes_write(&writer, message + records.offset, length - records.offset);
	if (rc < 0)
		return rc;
	for (unsigned section = DNS_SECTION_ANSWER; section <= DNS_SECTION_ADDITIONAL; section++)
		dns_count_store(writer.bytes, section, counts[section]);
	memcpy(message, writer.bytes, writer.size);
	return (int)writer.size;
}
