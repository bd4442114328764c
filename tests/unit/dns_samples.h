/* SPDX-License-Identifier: BSD-2-Clause */
/* Writes DNS messages for tests, piece by piece, malformed ones too. */
#ifndef SLUICE_TESTS_DNS_SAMPLES_H
#define SLUICE_TESTS_DNS_SAMPLES_H

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/dns/edns.h"
#include "dataplane/dns/message.h"

struct sample {
	uint8_t bytes[DNS_MESSAGE_MAX];
	size_t length;
};

static inline void sample_bytes(struct sample *sample, const void *bytes, size_t length)
{
	memcpy(sample->bytes + sample->length, bytes, length);
	sample->length += length;
}

static inline void sample_u8(struct sample *sample, uint8_t value)
{
	sample->bytes[sample->length++] = value;
}

static inline void sample_u16(struct sample *sample, uint16_t value)
{
	dns_u16_store(sample->bytes + sample->length, value);
	sample->length += 2;
}

static inline void sample_u32(struct sample *sample, uint32_t value)
{
	dns_u32_store(sample->bytes + sample->length, value);
	sample->length += 4;
}

static inline void sample_pointer(struct sample *sample, size_t target)
{
	sample_u16(sample, (uint16_t)(0xc000 | target));
}

static inline void sample_name(struct sample *sample, const char *text)
{
	uint8_t name[DNS_NAME_MAX];
	int length = dns_name_parse(text, strlen(text), name);
	ck_assert_int_gt(length, 0);
	sample_bytes(sample, name, (size_t)length);
}

/* Labels without the root: to be ended by a pointer. */
static inline void sample_labels(struct sample *sample, const char *text)
{
	sample_name(sample, text);
	sample->length--;
}

static inline void sample_header(struct sample *sample, uint16_t flags, uint16_t qdcount,
				 uint16_t ancount, uint16_t nscount, uint16_t arcount)
{
	sample->length = 0;
	sample_u16(sample, 0x1234);
	sample_u16(sample, flags);
	sample_u16(sample, qdcount);
	sample_u16(sample, ancount);
	sample_u16(sample, nscount);
	sample_u16(sample, arcount);
}

static inline void sample_question(struct sample *sample, const char *name, uint16_t qtype)
{
	sample_name(sample, name);
	sample_u16(sample, qtype);
	sample_u16(sample, DNS_CLASS_IN);
}

/* What comes between owner and data. */
static inline void sample_fixed(struct sample *sample, uint16_t type, uint32_t ttl,
				uint16_t rdlength)
{
	sample_u16(sample, type);
	sample_u16(sample, DNS_CLASS_IN);
	sample_u32(sample, ttl);
	sample_u16(sample, rdlength);
}

static inline void sample_opt(struct sample *sample, uint16_t udp_size, bool dnssec_ok,
			      const void *options, uint16_t length)
{
	sample_u8(sample, 0);
	sample_u16(sample, DNS_TYPE_OPT);
	sample_u16(sample, udp_size);
	sample_u32(sample, dnssec_ok ? DNS_EDNS_DO : 0);
	sample_u16(sample, length);
	if (length > 0)
		sample_bytes(sample, options, length);
}

/* A query for `name`, with an OPT of 4,096 bytes if `edns`. */
static inline void sample_query(struct sample *sample, const char *name, uint16_t qtype, bool edns,
				bool dnssec_ok)
{
	sample_header(sample, DNS_FLAG_RD, 1, 0, 0, edns);
	sample_question(sample, name, qtype);
	if (edns)
		sample_opt(sample, 4096, dnssec_ok, NULL, 0);
}

/*
 * A compressed response to www.example.com MX: two MX whose names end in the question's, a NS in
 * authority, glue that points into the MX data, an OPT before the last record.
 */
static inline void sample_response(struct sample *sample)
{
	sample_header(sample, DNS_FLAG_QR | DNS_FLAG_RD | DNS_FLAG_RA, 1, 2, 1, 3);
	sample_question(sample, "www.example.com", DNS_TYPE_MX); /* 12; example.com: 16 */
	sample_pointer(sample, 12);
	sample_fixed(sample, DNS_TYPE_MX, 300, 2 + 6 + 2);
	sample_u16(sample, 10);
	size_t mail = sample->length;
	sample_labels(sample, "mail1");
	sample_pointer(sample, 16);
	sample_pointer(sample, 12);
	sample_fixed(sample, DNS_TYPE_MX, 200, 2 + 2);
	sample_u16(sample, 20);
	sample_pointer(sample, 12);
	sample_pointer(sample, 16);
	sample_fixed(sample, DNS_TYPE_NS, 100, 3 + 2);
	size_t server = sample->length;
	sample_labels(sample, "ns");
	sample_pointer(sample, 16);
	sample_pointer(sample, mail);
	sample_fixed(sample, DNS_TYPE_A, 50, 4);
	sample_u32(sample, 0xc0000201);
	sample_opt(sample, 1232, true, "\0\x0a\0\x02hi", 6);
	size_t glue = sample->length;
	sample_labels(sample, "v6");
	sample_pointer(sample, server);
	sample_fixed(sample, DNS_TYPE_CNAME, 40, 2);
	sample_pointer(sample, glue);
}

/* A copy of exactly this size on the heap, so that reading past it is seen. free() it. */
static inline uint8_t *sample_exact(const uint8_t *bytes, size_t length)
{
	uint8_t *copy = malloc(length ? length : 1);
	ck_assert_ptr_nonnull(copy);
	if (length > 0)
		memcpy(copy, bytes, length);
	return copy;
}

/* Asserts that the name at `offset` reads as `text`, with final dot. */
static inline void sample_name_assert(const uint8_t *message, size_t length, size_t offset,
				      const char *text)
{
	uint8_t name[DNS_NAME_MAX];
	uint8_t name_length;
	char printed[DNS_NAME_TEXT_SIZE];

	ck_assert_uint_gt(dns_name_unpack(message, length, offset, name, &name_length), 0);
	ck_assert_int_gt(dns_name_print(name, printed, sizeof(printed), true), 0);
	ck_assert_str_eq(printed, text);
}

/* Record number `index` of the whole message, from 0. */
static inline struct dns_record sample_record(const uint8_t *message, size_t length, unsigned index)
{
	struct dns_records records;
	struct dns_record record;

	ck_assert_int_eq(dns_records_open(&records, message, length), 0);
	for (unsigned i = 0; i <= index; i++)
		ck_assert_int_eq(dns_record_next(&records, &record), 1);
	return record;
}

#endif
