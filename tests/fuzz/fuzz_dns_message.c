/* SPDX-License-Identifier: BSD-2-Clause */
/* Walks, answers and rewrites any bytes: what comes out must be a message again, and fit. */
#include <stdlib.h>

#include "dataplane/dns/reply.h"
#include "dataplane/dns/rewrite.h"

#define GROWTH 40u /* room behind the message */
#define MUST(condition)                                                                            \
	do {                                                                                       \
		if (!(condition))                                                                  \
			abort();                                                                   \
	} while (0)

static const uint8_t other[] = "\5other\4test";
static const struct dns_reply_options defaults = DNS_REPLY_OPTIONS_DEFAULT;

/* A fresh copy in a buffer of exactly `capacity` bytes, for one edit each. */
static uint8_t *copy(const uint8_t *data, size_t size, size_t capacity)
{
	uint8_t *message = malloc(capacity);
	MUST(message);
	memcpy(message, data, size);
	return message;
}

/* Judges an edit: either refused, then (if it promises so) unchanged, or a whole message. */
static void judge(uint8_t *message, int rc, size_t capacity, const uint8_t *data, size_t kept)
{
	MUST(rc <= (int)capacity);
	if (rc < 0)
		MUST(memcmp(message, data, kept) == 0);
	else
		MUST(dns_message_check(message, (size_t)rc) == 0);
	free(message);
}

static int answer(unsigned kind, uint8_t *message, size_t capacity,
		  const struct dns_reply_query *query, const uint8_t *data, size_t size)
{
	static const struct dns_reply_address addresses[] = {{4, {1}}, {16, {2}}};
	static const struct dns_reply_rdata rdata = {other, sizeof(other)};
	static const struct dns_reply_soa soa = {
		.zone = other,
		.zone_length = sizeof(other),
		.mname = other,
		.mname_length = sizeof(other),
		.rname = other,
		.rname_length = sizeof(other),
	};
	switch (kind) {
	case 0:
		return dns_reply_rcode(message, capacity, query, 0xfff, &defaults);
	case 1:
		return dns_reply_truncated(message, capacity, query);
	case 2:
		return dns_reply_addresses(message, capacity, query, addresses, 2, 1, &defaults);
	case 3:
		return dns_reply_cname(message, capacity, query, other, sizeof(other), &defaults);
	case 4:
		return dns_reply_raw(message, capacity, query, query->qtype, &rdata, 1, &defaults);
	case 5:
		return dns_reply_negative(message, capacity, query, true, &soa, true, &defaults);
	default:
		return dns_reply_packet(message, capacity, query, data, size);
	}
}

static void answers_try(const uint8_t *data, size_t size)
{
	struct dns_question question, again;
	struct dns_edns edns;

	if (dns_question_parse(data, size, &question) != DNS_OK ||
	    dns_edns_find(data, size, question.end, &edns) != DNS_OK)
		return;
	MUST(question.end <= size && edns.end <= size);
	struct dns_reply_query query = dns_reply_query_of(&question, &edns, DNS_EDNS_UDP_SIZE);
	for (unsigned kind = 0; kind < 7; kind++) {
		size_t capacity = size + (data[0] & 63);
		uint8_t *message = copy(data, size, capacity);
		int rc = answer(kind, message, capacity, &query, data, size);
		MUST(memcmp(message + DNS_HEADER_SIZE, data + DNS_HEADER_SIZE,
			    question.end - DNS_HEADER_SIZE) == 0);
		MUST(rc < 0 || dns_header_peek(message)->qr);
		MUST(rc < 0 || dns_question_parse(message, (size_t)rc, &again) == DNS_OK);
		judge(message, rc, capacity, data, 0);
	}
}

static void rename_try(const uint8_t *data, size_t size)
{
	size_t capacity = size + GROWTH;
	uint8_t *message = copy(data, size, capacity);
	struct dns_question question;

	int rc = dns_question_rename(message, size, capacity, other, sizeof(other));
	if (rc > 0) {
		MUST(dns_question_parse(message, (size_t)rc, &question) == DNS_OK);
		MUST(dns_name_equal(message + DNS_HEADER_SIZE, question.qname_length, other,
				    sizeof(other)));
		/* Done once, doing it again finds everything in its place. */
		uint8_t *twice = copy(message, (size_t)rc, capacity);
		int rc2 = dns_question_rename(twice, (size_t)rc, capacity, other, sizeof(other));
		MUST(rc2 == rc);
		free(twice);
	}
	MUST(rc < 0 || dns_message_check(data, size) == 0);
	judge(message, rc, capacity, data, size);
}

static uint32_t ttl_zero(void *context, enum dns_section section, uint16_t rclass, uint16_t type,
			 uint32_t ttl)
{
	(void)context, (void)section, (void)rclass, (void)type, (void)ttl;
	return 0;
}

static void rewrites_try(const uint8_t *data, size_t size)
{
	static const uint16_t types[] = {DNS_TYPE_A, DNS_TYPE_NS, DNS_TYPE_MX};
	size_t capacity = size + GROWTH;
	uint32_t min;

	uint8_t *message = copy(data, size, capacity);
	judge(message, dns_records_clear(message, size, capacity, types, 3), capacity, data, size);
	message = copy(data, size, size);
	int rc = dns_ttls_edit(message, size, ttl_zero, NULL);
	MUST(rc < 0 || (dns_ttls_min(message, size, &min) == 0 && (min == 0 || min == UINT32_MAX)));
	judge(message, rc < 0 ? rc : (int)size, size, data, size);
	message = copy(data, size, capacity);
	judge(message, dns_trailing_set(message, size, capacity, other, sizeof(other)), capacity,
	      data, size);
	message = copy(data, size, size);
	judge(message, dns_response_cut(message, size, 0), size, data, size);
	for (unsigned clear = 0; clear < 2; clear++) {
		message = copy(data, size, capacity);
		rc = dns_reply_rcode_set(message, size, capacity, 2, clear, DNS_EDNS_UDP_SIZE);
		if (clear)
			judge(message, rc, capacity, data, size);
		else
			free(message);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int end = dns_message_end(data, size);
	MUST(end <= (int)size);
	if (size == 0)
		return 0;
	answers_try(data, size);
	rename_try(data, size);
	rewrites_try(data, size);
	return 0;
}
