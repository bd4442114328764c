/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Edits of whole messages in place. They return the new length in bytes, -EBADMSG for a malformed
 * message, -ENOSPC if the capacity of the buffer is too small; a message that is refused is
 * unchanged unless it says otherwise. Cold, except where it says hot path.
 */
#ifndef SLUICE_DATAPLANE_DNS_REWRITE_H
#define SLUICE_DATAPLANE_DNS_REWRITE_H

#include "dataplane/dns/message.h"

/*
 * Gives the question another name, which may be longer. Records owned by the old name are owned by
 * the new one then; names in record data stay what they were, however they were compressed. So it
 * renames a query, and the same call with the former name un-renames its response. Needs 64 KiB of
 * stack where the message has more records than an OPT.
 */
int dns_question_rename(uint8_t *message, size_t length, size_t capacity, const uint8_t *name,
			size_t name_length);

/*
 * Whether the message asks this and nothing else, in whatever case; then its name is written as `name`,
 * which is a whole one, spells it. What is the same as a question that parses does so, too. Hot path:
 * responses get the case in which the client asked.
 */
static inline bool dns_question_case_restore(uint8_t *message, size_t length, const uint8_t *name,
					     size_t name_length, uint16_t qtype, uint16_t qclass)
{
	uint8_t *qname = message + DNS_HEADER_SIZE, *fixed = qname + name_length;
	if (length < DNS_HEADER_SIZE + name_length + DNS_QUESTION_FIXED ||
	    dns_count_load(message, DNS_SECTION_QUESTION) != 1 || dns_u16_load(fixed) != qtype ||
	    dns_u16_load(fixed + 2) != qclass || !dns_name_same(qname, name, name_length))
		return false;
	dns_short_copy(qname, name, name_length);
	return true;
}

/*
 * Puts back the question that a response came without: as the servers send them that refuse before
 * they look. -EBADMSG if the message has one, or records besides an OPT, whose names might be
 * compressed.
 */
int dns_question_restore(uint8_t *message, size_t length, size_t capacity, const uint8_t *name,
			 size_t name_length, uint16_t qtype, uint16_t qclass);

/* Gives the new TTL for a record. */
typedef uint32_t dns_ttl_edit_fn(void *context, enum dns_section section, uint16_t rclass,
				 uint16_t type, uint32_t ttl);

/*
 * Asks `edit` for the TTL of every record but OPT. Returns 0 or -EBADMSG; nothing is changed before
 * the whole message has been checked. A name that leads into a TTL changes with it, and may make the
 * message malformed from there on; then -EBADMSG too.
 */
int dns_ttls_edit(uint8_t *message, size_t length, dns_ttl_edit_fn *edit, void *context);

/*
 * Raises TTLs to `min` and lowers them to `max` seconds (0 and UINT32_MAX: no limit), of records of
 * the `count` types given, of all but OPT if `count` is 0. 0 or -EBADMSG.
 */
int dns_ttls_limit(uint8_t *message, size_t length, uint32_t min, uint32_t max,
		   const uint16_t *types, size_t count);

/* The lowest TTL of all records but OPT, UINT32_MAX if there are none. 0 or -EBADMSG. */
int dns_ttls_min(const uint8_t *message, size_t length, uint32_t *min);

/* Removes the records of these types from all three sections. Needs 64 KiB of stack. */
int dns_records_clear(uint8_t *message, size_t length, size_t capacity, const uint16_t *types,
		      size_t count);

/* Puts `data` behind the last record in place of what trailing data there is. */
int dns_trailing_set(uint8_t *message, size_t length, size_t capacity, const uint8_t *data,
		     size_t data_length);

/*
 * Cuts a response to what the client takes: if it is longer than `max_size` bytes (at least 512 is
 * assumed), it keeps header, question and OPT, and gets TC set. If the OPT does not fit with its
 * options it loses them. Never grows the message.
 */
int dns_response_truncate(uint8_t *message, size_t length, size_t max_size);

/* Does that whatever the length. */
int dns_response_cut(uint8_t *message, size_t length, size_t max_size);

/* Leaves header and question alone, without the OPT; flags stay. The new length or -EBADMSG. */
int dns_records_drop(uint8_t *message, size_t length);

#endif
