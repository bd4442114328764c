/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * DNS messages as they arrive: the header, the question, and a walk over the records (RFC 1035,
 * section 4). Everything is given as an offset from the start of the message, because messages are
 * edited in place.
 */
#ifndef SLUICE_DATAPLANE_DNS_MESSAGE_H
#define SLUICE_DATAPLANE_DNS_MESSAGE_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/dns/bytes.h"
#include "dataplane/dns/name.h"

#define DNS_HEADER_SIZE 12u
#define DNS_MESSAGE_MAX 65535u
#define DNS_QUESTION_FIXED 4u /* type and class after the name */
#define DNS_RECORD_FIXED 10u  /* type, class, TTL, length of the data */
#define DNS_TTL_OFFSET 4u     /* within those ten bytes */

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the header's bit fields are laid out for little-endian machines"
#endif

/* Lies over the first bytes of a message, at any alignment. */
struct dns_header {
	uint16_t id; /* this and the counts: network byte order */
	uint8_t rd : 1, tc : 1, aa : 1, opcode : 4, qr : 1;
	uint8_t rcode : 4, cd : 1, ad : 1, z : 1, ra : 1;
	uint16_t qdcount;
	uint16_t ancount;
	uint16_t nscount;
	uint16_t arcount;
} __attribute__((packed, may_alias));

static_assert(sizeof(struct dns_header) == DNS_HEADER_SIZE, "RFC 1035, section 4.1.1");

/* The second 16 bits of the header, in host byte order. */
enum dns_flag {
	DNS_FLAG_QR = 0x8000,
	DNS_FLAG_OPCODE = 0x7800,
	DNS_FLAG_AA = 0x0400,
	DNS_FLAG_TC = 0x0200,
	DNS_FLAG_RD = 0x0100,
	DNS_FLAG_RA = 0x0080,
	DNS_FLAG_Z = 0x0040,
	DNS_FLAG_AD = 0x0020,
	DNS_FLAG_CD = 0x0010,
	DNS_FLAG_RCODE = 0x000f,
};

enum dns_opcode {
	DNS_OPCODE_QUERY = 0,
	DNS_OPCODE_IQUERY = 1,
	DNS_OPCODE_STATUS = 2,
	DNS_OPCODE_NOTIFY = 4,
	DNS_OPCODE_UPDATE = 5,
	DNS_OPCODE_DSO = 6,
};

enum dns_rcode {
	DNS_RCODE_NOERROR = 0,
	DNS_RCODE_FORMERR = 1,
	DNS_RCODE_SERVFAIL = 2,
	DNS_RCODE_NXDOMAIN = 3,
	DNS_RCODE_NOTIMP = 4,
	DNS_RCODE_REFUSED = 5,
	DNS_RCODE_YXDOMAIN = 6,
	DNS_RCODE_YXRRSET = 7,
	DNS_RCODE_NXRRSET = 8,
	DNS_RCODE_NOTAUTH = 9,
	DNS_RCODE_NOTZONE = 10,
	DNS_RCODE_DSOTYPENI = 11,
	DNS_RCODE_BADVERS = 16, /* from here on only with EDNS */
	DNS_RCODE_BADKEY = 17,
	DNS_RCODE_BADTIME = 18,
	DNS_RCODE_BADMODE = 19,
	DNS_RCODE_BADNAME = 20,
	DNS_RCODE_BADALG = 21,
	DNS_RCODE_BADTRUNC = 22,
	DNS_RCODE_BADCOOKIE = 23,
};

enum dns_type {
	DNS_TYPE_A = 1,
	DNS_TYPE_NS = 2,
	DNS_TYPE_MD = 3,
	DNS_TYPE_MF = 4,
	DNS_TYPE_CNAME = 5,
	DNS_TYPE_SOA = 6,
	DNS_TYPE_MB = 7,
	DNS_TYPE_MG = 8,
	DNS_TYPE_MR = 9,
	DNS_TYPE_PTR = 12,
	DNS_TYPE_HINFO = 13,
	DNS_TYPE_MINFO = 14,
	DNS_TYPE_MX = 15,
	DNS_TYPE_TXT = 16,
	DNS_TYPE_RP = 17,
	DNS_TYPE_AFSDB = 18,
	DNS_TYPE_RT = 21,
	DNS_TYPE_SIG = 24,
	DNS_TYPE_PX = 26,
	DNS_TYPE_AAAA = 28,
	DNS_TYPE_NXT = 30,
	DNS_TYPE_SRV = 33,
	DNS_TYPE_NAPTR = 35,
	DNS_TYPE_KX = 36,
	DNS_TYPE_DNAME = 39,
	DNS_TYPE_OPT = 41,
	DNS_TYPE_DS = 43,
	DNS_TYPE_RRSIG = 46,
	DNS_TYPE_NSEC = 47,
	DNS_TYPE_DNSKEY = 48,
	DNS_TYPE_SVCB = 64,
	DNS_TYPE_HTTPS = 65,
	DNS_TYPE_TSIG = 250,
	DNS_TYPE_IXFR = 251,
	DNS_TYPE_AXFR = 252,
	DNS_TYPE_ANY = 255,
	DNS_TYPE_CAA = 257,
};

enum dns_class {
	DNS_CLASS_IN = 1,
	DNS_CLASS_CHAOS = 3,
	DNS_CLASS_HESIOD = 4,
	DNS_CLASS_NONE = 254,
	DNS_CLASS_ANY = 255,
};

enum dns_section {
	DNS_SECTION_QUESTION,
	DNS_SECTION_ANSWER,
	DNS_SECTION_AUTHORITY,
	DNS_SECTION_ADDITIONAL,
};

/* What reading a message can find. Hot code takes these as they are, cold code gets -EBADMSG. */
enum dns_error {
	DNS_OK = 0,
	DNS_ERROR_SHORT,   /* shorter than a header */
	DNS_ERROR_QDCOUNT, /* not exactly one question */
	DNS_ERROR_NAME,	   /* a name is cut off, too long, or compressed where it must not be */
	DNS_ERROR_CUT,	   /* type, class, TTL or data run over the end */
	DNS_ERROR_OPT,	   /* two OPT records, one with an owner, or one in a wrong section */
};

/* The one question. Its name starts right after the header and is not compressed. */
struct dns_question {
	uint16_t qtype;
	uint16_t qclass;
	uint16_t end;	      /* offset of the first byte after the question */
	uint8_t qname_length; /* bytes, with the root label */
	uint8_t qname_labels; /* without the root label */
};

struct dns_record {
	uint32_t ttl;
	uint16_t start; /* offset of the owner name */
	uint16_t fixed; /* offset of the type: the owner name ends here */
	uint16_t type;
	uint16_t rclass;
	uint16_t rdata; /* offset of the data */
	uint16_t rdlength;
	uint16_t end;	 /* offset of the first byte after the record */
	uint8_t section; /* enum dns_section */
};

/* A walk over the records of all sections. Private to dns_records_open() and dns_record_next(). */
struct dns_records {
	const uint8_t *message;
	size_t length;
	size_t offset; /* of the next record; after the last one, of trailing data */
	uint16_t left; /* records left in this section */
	uint8_t section;
};

static inline struct dns_header *dns_header_of(uint8_t *message)
{
	return (struct dns_header *)message;
}

static inline const struct dns_header *dns_header_peek(const uint8_t *message)
{
	return (const struct dns_header *)message;
}

static inline uint16_t dns_flags_load(const uint8_t *message)
{
	return dns_u16_load(message + 2);
}

static inline void dns_flags_store(uint8_t *message, uint16_t flags)
{
	dns_u16_store(message + 2, flags);
}

/* Number of entries that the header announces for a section. */
static inline uint16_t dns_count_load(const uint8_t *message, enum dns_section section)
{
	return dns_u16_load(message + 4 + 2 * section);
}

static inline void dns_count_store(uint8_t *message, enum dns_section section, uint16_t count)
{
	dns_u16_store(message + 4 + 2 * section, count);
}

/* Sets all four counts at once. */
static inline void dns_counts_store(uint8_t *message, uint16_t qdcount, uint16_t ancount,
				    uint16_t nscount, uint16_t arcount)
{
	uint64_t counts = (uint64_t)qdcount << 48 | (uint64_t)ancount << 32 |
			  (uint64_t)nscount << 16 | arcount;
	counts = __builtin_bswap64(counts);
	memcpy(message + 4, &counts, sizeof(counts));
}

/*
 * Reads the question of a message with exactly one; hot path. Nothing after the question is looked
 * at. `question` is valid only if DNS_OK is returned.
 */
static inline enum dns_error dns_question_parse(const uint8_t *message, size_t length,
						struct dns_question *question)
{
	if (length < DNS_HEADER_SIZE || length > DNS_MESSAGE_MAX)
		return DNS_ERROR_SHORT;
	if (dns_count_load(message, DNS_SECTION_QUESTION) != 1)
		return DNS_ERROR_QDCOUNT;
	size_t name = dns_name_measure(message + DNS_HEADER_SIZE, length - DNS_HEADER_SIZE,
				       &question->qname_labels);
	if (name == 0)
		return DNS_ERROR_NAME;
	size_t fixed = DNS_HEADER_SIZE + name;
	if (length - fixed < DNS_QUESTION_FIXED)
		return DNS_ERROR_CUT;
	question->qname_length = (uint8_t)name;
	question->qtype = dns_u16_load(message + fixed);
	question->qclass = dns_u16_load(message + fixed + 2);
	question->end = (uint16_t)(fixed + DNS_QUESTION_FIXED);
	return DNS_OK;
}

/* Starts a walk behind the questions, however many there are. 0 or -EBADMSG. */
int dns_records_open(struct dns_records *records, const uint8_t *message, size_t length);

/*
 * Reads the next record, its owner name checked and its data within the message. Returns 1, 0 after
 * the last one, -EBADMSG if the message is malformed there. Reads no more than the message has.
 */
int dns_record_next(struct dns_records *records, struct dns_record *record);

/* Walks over the whole message. 0 or -EBADMSG. */
int dns_message_check(const uint8_t *message, size_t length);

/* Offset of the first byte after the last record, where trailing data starts. Or -EBADMSG. */
int dns_message_end(const uint8_t *message, size_t length);

#endif
