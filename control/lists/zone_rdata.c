/* SPDX-License-Identifier: BSD-2-Clause */
/* Types and data of records in zone files: from text to the wire. */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "control/lists/zone.h"
#include "dataplane/dns/message.h"

/*
 * Types by name, and what their data consists of: "n" a name, "b" "h" "w" numbers of 1, 2 and 4
 * bytes, "p" a period, "t" a string, "T" strings to the end, "x" a string without its length, "4"
 * and "6" addresses. Without such a form data can only be written as RFC 3597 has it; "-" is data
 * that a policy zone may have and that means nothing here.
 */
static const struct type_form {
	const char *name;
	uint16_t type;
	const char *form;
} types[] = {
	{"A", DNS_TYPE_A, "4"},
	{"AAAA", DNS_TYPE_AAAA, "6"},
	{"CNAME", DNS_TYPE_CNAME, "n"},
	{"TXT", DNS_TYPE_TXT, "T"},
	{"MX", DNS_TYPE_MX, "hn"},
	{"NS", DNS_TYPE_NS, "n"},
	{"SOA", DNS_TYPE_SOA, "nnwpppp"},
	{"PTR", DNS_TYPE_PTR, "n"},
	{"SRV", DNS_TYPE_SRV, "hhhn"},
	{"DNAME", DNS_TYPE_DNAME, "n"},
	{"CAA", DNS_TYPE_CAA, "btx"},
	{"NAPTR", DNS_TYPE_NAPTR, "hhtttn"},
	{"HINFO", DNS_TYPE_HINFO, "tt"},
	{"RP", DNS_TYPE_RP, "nn"},
	{"AFSDB", DNS_TYPE_AFSDB, "hn"},
	{"KX", DNS_TYPE_KX, "hn"},
	{"SPF", 99, "T"},
	{"SVCB", DNS_TYPE_SVCB, NULL},
	{"HTTPS", DNS_TYPE_HTTPS, NULL},
	{"TLSA", 52, NULL},
	{"SMIMEA", 53, NULL},
	{"SSHFP", 44, NULL},
	{"LOC", 29, NULL},
	{"DS", DNS_TYPE_DS, "-"},
	{"RRSIG", DNS_TYPE_RRSIG, "-"},
	{"NSEC", DNS_TYPE_NSEC, "-"},
	{"DNSKEY", DNS_TYPE_DNSKEY, "-"},
	{"NSEC3", 50, "-"},
	{"NSEC3PARAM", 51, "-"},
	{"CDS", 59, "-"},
	{"CDNSKEY", 60, "-"},
	{"ZONEMD", 63, "-"},
	{"TYPE65534", 65534, "-"}, /* BIND's notes on signing */
};

static const struct type_form *form_of(uint16_t type)
{
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (types[i].type == type)
			return &types[i];
	return NULL;
}

/* A decimal number up to `limit`. */
static bool number_parse(const char *text, size_t length, uint64_t limit, uint32_t *number)
{
	uint64_t value = 0;
	if (length == 0 || length > 10)
		return false;
	for (size_t i = 0; i < length; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		value = value * 10 + (uint64_t)(text[i] - '0');
	}
	*number = (uint32_t)value;
	return value <= limit;
}

int zone_type_parse(const struct zone_token *token)
{
	uint32_t number;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (strlen(types[i].name) == token->length &&
		    strncasecmp(types[i].name, token->text, token->length) == 0)
			return types[i].type;
	if (token->length > 4 && strncasecmp(token->text, "TYPE", 4) == 0 &&
	    number_parse(token->text + 4, token->length - 4, UINT16_MAX, &number))
		return (int)number;
	return -1;
}

static bool rdata_put(struct zone_record *record, const void *bytes, size_t length)
{
	if (length > ZONE_RDATA_MAX - record->rdata_length)
		return false;
	memcpy(record->rdata + record->rdata_length, bytes, length);
	record->rdata_length = (uint16_t)(record->rdata_length + length);
	return true;
}

static const char *number_put(struct zone_record *record, const struct zone_token *token,
			      unsigned size)
{
	uint32_t number;
	uint8_t bytes[4];
	if (!number_parse(token->text, token->length, UINT64_MAX >> (64 - 8 * size), &number))
		return "a number that is none, or too large";
	dns_u32_store(bytes, number);
	return rdata_put(record, bytes + 4 - size, size) ? NULL : "too much data";
}

static const char *period_put(struct zone_record *record, const struct zone_token *token)
{
	uint32_t seconds;
	uint8_t bytes[4];
	if (!zone_period_parse(token, &seconds))
		return "a time that is none";
	dns_u32_store(bytes, seconds);
	return rdata_put(record, bytes, sizeof(bytes)) ? NULL : "too much data";
}

static const char *address_put(struct zone_record *record, const struct zone_token *token,
			       int family)
{
	char text[INET6_ADDRSTRLEN];
	uint8_t bytes[16];
	if (token->length >= sizeof(text))
		return "an address that is none";
	memcpy(text, token->text, token->length);
	text[token->length] = '\0';
	if (memchr(text, '\0', token->length) || inet_pton(family, text, bytes) != 1)
		return "an address that is none";
	return rdata_put(record, bytes, family == AF_INET ? 4 : 16) ? NULL : "too much data";
}

static const char *name_put(struct zone_reader *zone, const struct zone_token *token)
{
	struct zone_name name;
	const char *problem = zone_name_parse(zone, token, &name);
	if (problem)
		return problem;
	return rdata_put(&zone->record, name.wire, name.length) ? NULL : "too much data";
}

/* One byte of a string, \DDD and \X undone; -1 for a broken escape. */
static int string_byte(const struct zone_token *token, uint32_t *at)
{
	uint32_t number;
	const char *text = token->text + *at;
	uint32_t left = token->length - *at;
	if (text[0] != '\\') {
		++*at;
		return (uint8_t)text[0];
	}
	if (left >= 4 && number_parse(text + 1, 3, UINT8_MAX, &number)) {
		*at += 4;
		return (int)number;
	}
	if (left < 2 || (text[1] >= '0' && text[1] <= '9'))
		return -1;
	*at += 2;
	return (uint8_t)text[1];
}

static const char *string_put(struct zone_record *record, const struct zone_token *token,
			      bool with_length)
{
	uint8_t bytes[1 + 4096];
	size_t limit = with_length ? 255 : sizeof(bytes) - 1, length = 0;
	for (uint32_t at = 0; at < token->length;) {
		int byte = string_byte(token, &at);
		if (byte < 0)
			return "a broken escape";
		if (length == limit)
			return "a string that is too long";
		bytes[++length] = (uint8_t)byte;
	}
	bytes[0] = (uint8_t)length;
	bool fits = with_length ? rdata_put(record, bytes, length + 1)
				: rdata_put(record, bytes + 1, length);
	return fits ? NULL : "too much data";
}

static const char *part_put(struct zone_reader *zone, char part, const struct zone_token *token)
{
	struct zone_record *record = &zone->record;
	switch (part) {
	case '4':
		return address_put(record, token, AF_INET);
	case '6':
		return address_put(record, token, AF_INET6);
	case 'n':
		return name_put(zone, token);
	case 'b':
		return number_put(record, token, 1);
	case 'h':
		return number_put(record, token, 2);
	case 'w':
		return number_put(record, token, 4);
	case 'p':
		return period_put(record, token);
	case 't':
	case 'T':
		return string_put(record, token, true);
	default: /* x */
		return string_put(record, token, false);
	}
}

static int hex_digit(char byte)
{
	if (byte >= '0' && byte <= '9')
		return byte - '0';
	byte |= 0x20;
	return byte >= 'a' && byte <= 'f' ? byte - 'a' + 10 : -1;
}

/* Data of any type: "\# length hex...", RFC 3597, section 5. */
static bool generic_is(const struct zone_reader *zone, unsigned first)
{
	return first + 1 < zone->n_tokens && zone->tokens[first].length == 2 &&
	       memcmp(zone->tokens[first].text, "\\#", 2) == 0;
}

static const char *generic_parse(struct zone_reader *zone, unsigned first)
{
	uint32_t length, digits = 0;
	int high = 0;

	if (!generic_is(zone, first))
		return "a type whose data can only be written as \\# here (RFC 3597)";
	const struct zone_token *token = &zone->tokens[first + 1];
	if (!number_parse(token->text, token->length, ZONE_RDATA_MAX, &length))
		return "a number that is none, or too large";
	for (unsigned i = first + 2; i < zone->n_tokens; i++) {
		for (uint32_t at = 0; at < zone->tokens[i].length; at++) {
			int digit = hex_digit(zone->tokens[i].text[at]);
			uint8_t byte = (uint8_t)(high << 4 | digit);
			if (digit < 0)
				return "data that is not hexadecimal";
			if (digits++ % 2 == 1 && !rdata_put(&zone->record, &byte, 1))
				return "too much data";
			high = digit;
		}
	}
	return digits == 2 * (uint64_t)length ? NULL : "data of another length than it says";
}

/* Addresses may be written so, too; what has parts of its own may not. */
static const char *generic_address_parse(struct zone_reader *zone, unsigned first)
{
	const char *problem = generic_parse(zone, first);
	size_t length = zone->record.type == DNS_TYPE_A ? 4 : 16;
	if (problem == NULL && zone->record.rdata_length != length)
		problem = "an address that is none";
	return problem;
}

const char *zone_rdata_parse(struct zone_reader *zone, unsigned first)
{
	const struct type_form *form = form_of(zone->record.type);
	const char *parts = form ? form->form : NULL;
	unsigned at = first;

	zone->record.rdata_length = 0;
	zone->record.opaque = parts && *parts == '-';
	if (zone->record.opaque)
		return NULL;
	if (!parts)
		return generic_parse(zone, first);
	bool address = zone->record.type == DNS_TYPE_A || zone->record.type == DNS_TYPE_AAAA;
	if (address && generic_is(zone, first))
		return generic_address_parse(zone, first);
	for (; *parts != '\0'; parts++) {
		bool rest = *parts == 'T';
		do {
			if (at == zone->n_tokens)
				return "data that is not complete";
			const char *problem = part_put(zone, *parts, &zone->tokens[at++]);
			if (problem)
				return problem;
		} while (rest && at < zone->n_tokens);
	}
	return at == zone->n_tokens ? NULL : "more data than the type has";
}
