/* SPDX-License-Identifier: BSD-2-Clause */
#include "dataplane/dns/reply.h"

#include <errno.h>

#include "dataplane/dns/rewrite.h"

#define OWNER_QNAME (0xc000u | DNS_HEADER_SIZE) /* pointer to the question's name */
#define OWNER_SIZE (DNS_REPLY_RECORD_SIZE - DNS_RECORD_FIXED)
#define SOA_NUMBERS 20u

static size_t opt_size(const struct dns_reply_query *query)
{
	return query->edns ? DNS_OPT_SIZE : 0;
}

static int build_start(struct dns_reply_builder *builder, uint8_t *message, size_t capacity,
		       const struct dns_reply_query *query)
{
	size_t limit = capacity < DNS_MESSAGE_MAX ? capacity : DNS_MESSAGE_MAX;
	if (limit < query->question_end + opt_size(query))
		return -ENOSPC;
	*builder = (struct dns_reply_builder){
		.message = message,
		.end = query->question_end,
		.limit = limit - opt_size(query),
		.qclass = dns_u16_load(message + query->question_end - 2),
	};
	return 0;
}

static inline void opt_write(uint8_t *to, const struct dns_reply_query *query, uint16_t rcode)
{
	uint64_t opt = (uint64_t)DNS_TYPE_OPT << 40 | (uint64_t)query->udp_size << 24 |
		       (uint64_t)(rcode >> 4 & 0xff) << 16;
	if (query->dnssec_ok)
		opt |= DNS_EDNS_DO >> 8;
	opt = __builtin_bswap64(opt);
	memcpy(to, &opt, sizeof(opt));
	memset(to + sizeof(opt), 0, DNS_OPT_SIZE - sizeof(opt));
}

static inline uint16_t reply_flags(uint16_t asked, const struct dns_reply_options *options)
{
	uint16_t flags = DNS_FLAG_QR | (asked & (DNS_FLAG_OPCODE | DNS_FLAG_RD | DNS_FLAG_CD));
	if (options->set_aa && options->aa)
		flags |= DNS_FLAG_AA;
	if (options->set_ad && options->ad)
		flags |= DNS_FLAG_AD;
	if (options->set_ra ? options->ra : (asked & DNS_FLAG_RD) != 0)
		flags |= DNS_FLAG_RA;
	return flags;
}

/* Writes flags, counts and OPT, and returns the length of the whole. */
static inline int build_finish(const struct dns_reply_builder *builder, const struct dns_reply_query *query,
			       const struct dns_reply_options *options, uint16_t rcode,
			       const uint16_t counts[static 3])
{
	uint8_t *message = builder->message;
	uint16_t flags = reply_flags(dns_flags_load(message), options);

	dns_flags_store(message, flags | (rcode & DNS_FLAG_RCODE));
	dns_counts_store(message, 1, counts[0], counts[1], (uint16_t)(counts[2] + query->edns));
	if (query->edns)
		opt_write(message + builder->end, query, rcode);
	return (int)(builder->end + opt_size(query));
}

/* Starts a record owned by the question's name; returns where its data goes, NULL if no room. */
static inline uint8_t *record_add(struct dns_reply_builder *builder, uint16_t type, uint32_t ttl,
				  size_t rdlength)
{
	uint8_t *to = builder->message + builder->end;
	if (builder->limit - builder->end < OWNER_SIZE + DNS_RECORD_FIXED + rdlength)
		return NULL;
	dns_u16_store(to, OWNER_QNAME);
	dns_u16_store(to + 2, type);
	dns_u16_store(to + 4, builder->qclass);
	dns_u32_store(to + 6, ttl);
	dns_u16_store(to + 10, (uint16_t)rdlength);
	builder->end += OWNER_SIZE + DNS_RECORD_FIXED + rdlength;
	return to + OWNER_SIZE + DNS_RECORD_FIXED;
}

int dns_reply_rcode(uint8_t *message, size_t capacity, const struct dns_reply_query *query,
		    uint16_t rcode, const struct dns_reply_options *options)
{
	struct dns_reply_builder builder;
	int rc = build_start(&builder, message, capacity, query);
	if (rc < 0)
		return rc;
	return build_finish(&builder, query, options, rcode, (uint16_t[3]){0});
}

int dns_reply_notimp(uint8_t *message)
{
	static const struct dns_reply_options options = {.set_ra = true};
	dns_flags_store(message, reply_flags(dns_flags_load(message), &options) | DNS_RCODE_NOTIMP);
	dns_counts_store(message, 0, 0, 0, 0);
	return DNS_HEADER_SIZE;
}

int dns_reply_truncated(uint8_t *message, size_t capacity, const struct dns_reply_query *query)
{
	static const struct dns_reply_options options = DNS_REPLY_OPTIONS_DEFAULT;
	int rc = dns_reply_rcode(message, capacity, query, DNS_RCODE_NOERROR, &options);
	if (rc > 0)
		dns_flags_store(message, dns_flags_load(message) | DNS_FLAG_TC);
	return rc;
}

static inline uint16_t address_type(const struct dns_reply_address *address)
{
	return address->length == 4 ? DNS_TYPE_A : DNS_TYPE_AAAA;
}

static inline bool address_fits(uint16_t qtype, const struct dns_reply_address *address)
{
	return qtype == address_type(address) || qtype == DNS_TYPE_ANY;
}

unsigned dns_reply_addresses_fit(uint16_t qtype, const struct dns_reply_address *addresses,
				 unsigned count)
{
	unsigned fit = 0;
	for (unsigned i = 0; i < count; i++)
		fit += address_fits(qtype, &addresses[i]);
	return fit;
}

int dns_reply_addresses(uint8_t *message, size_t capacity, const struct dns_reply_query *query,
			const struct dns_reply_address *addresses, unsigned count, unsigned first,
			const struct dns_reply_options *options)
{
	struct dns_reply_builder builder;
	int rc = build_start(&builder, message, capacity, query);
	if (rc < 0)
		return rc;

	/* A message that is refused stays what it was. */
	size_t size = 0;
	for (unsigned i = 0; i < count; i++)
		if (address_fits(query->qtype, &addresses[i]))
			size += OWNER_SIZE + DNS_RECORD_FIXED + addresses[i].length;
	if (builder.limit - builder.end < size)
		return -ENOSPC;
	uint16_t counts[3] = {0};
	unsigned at = count > 1 ? first % count : 0;
	for (unsigned left = count; left > 0; left--) {
		const struct dns_reply_address *address = &addresses[at];
		at = at + 1 < count ? at + 1 : 0;
		if (!address_fits(query->qtype, address))
			continue;
		uint8_t *rdata =
			record_add(&builder, address_type(address), options->ttl, address->length);
		if (!rdata)
			return -ENOSPC;
		dns_short_copy(rdata, address->bytes, address->length);
		counts[0]++;
	}
	return build_finish(&builder, query, options, DNS_RCODE_NOERROR, counts);
}

int dns_reply_raw(uint8_t *message, size_t capacity, const struct dns_reply_query *query,
		  uint16_t type, const struct dns_reply_rdata *rdata, unsigned count,
		  const struct dns_reply_options *options)
{
	struct dns_reply_builder builder;
	int rc = build_start(&builder, message, capacity, query);
	if (rc < 0)
		return rc;

	size_t size = 0;
	for (unsigned i = 0; i < count; i++)
		size += OWNER_SIZE + DNS_RECORD_FIXED + rdata[i].length;
	if (builder.limit - builder.end < size)
		return -ENOSPC;
	for (unsigned i = 0; i < count; i++) {
		uint8_t *to = record_add(&builder, type, options->ttl, rdata[i].length);
		if (!to)
			return -ENOSPC;
		if (rdata[i].length > 0)
			memcpy(to, rdata[i].bytes, rdata[i].length);
	}
	return build_finish(&builder, query, options, DNS_RCODE_NOERROR,
			    (uint16_t[3]){(uint16_t)count});
}

int dns_reply_start(struct dns_reply_builder *builder, uint8_t *message, size_t capacity,
		    const struct dns_reply_query *query, size_t size)
{
	int rc = build_start(builder, message, capacity, query);
	return rc == 0 && builder->limit - builder->end < size ? -ENOSPC : rc;
}

void dns_reply_add(struct dns_reply_builder *builder, uint16_t type, uint32_t ttl,
		   const uint8_t *rdata, size_t length)
{
	uint8_t *to = record_add(builder, type, ttl, length);
	if (to != NULL && length > 0)
		memcpy(to, rdata, length);
	builder->count += to != NULL;
}

int dns_reply_finish(const struct dns_reply_builder *builder, const struct dns_reply_query *query,
		     const struct dns_reply_options *options)
{
	return build_finish(builder, query, options, DNS_RCODE_NOERROR,
			    (uint16_t[3]){builder->count});
}

int dns_reply_cname(uint8_t *message, size_t capacity, const struct dns_reply_query *query,
		    const uint8_t *target, size_t target_length,
		    const struct dns_reply_options *options)
{
	struct dns_reply_rdata rdata = {.bytes = target, .length = (uint16_t)target_length};
	return dns_reply_raw(message, capacity, query, DNS_TYPE_CNAME, &rdata, 1, options);
}

/* Writes the data of a SOA (RFC 1035, section 3.3.13) and returns its end. */
static uint8_t *soa_write(uint8_t *to, const struct dns_reply_soa *soa)
{
	const uint32_t numbers[] = {soa->serial, soa->refresh, soa->retry, soa->expire,
				    soa->minimum};

	memcpy(to, soa->mname, soa->mname_length);
	to += soa->mname_length;
	memcpy(to, soa->rname, soa->rname_length);
	to += soa->rname_length;
	for (unsigned i = 0; i < 5; i++, to += 4)
		dns_u32_store(to, numbers[i]);
	return to;
}

int dns_reply_negative(uint8_t *message, size_t capacity, const struct dns_reply_query *query,
		       bool nxdomain, const struct dns_reply_soa *soa, bool authority,
		       const struct dns_reply_options *options)
{
	struct dns_reply_builder builder;
	int rc = build_start(&builder, message, capacity, query);
	if (rc < 0)
		return rc;

	size_t rdlength = soa->mname_length + soa->rname_length + SOA_NUMBERS;
	size_t size = soa->zone_length + DNS_RECORD_FIXED + rdlength;
	if (builder.limit - builder.end < size)
		return -ENOSPC;
	uint8_t *to = message + builder.end;
	memcpy(to, soa->zone, soa->zone_length);
	to += soa->zone_length;
	dns_u16_store(to, DNS_TYPE_SOA);
	dns_u16_store(to + 2, builder.qclass);
	dns_u32_store(to + 4, soa->ttl);
	dns_u16_store(to + 8, (uint16_t)rdlength);
	soa_write(to + DNS_RECORD_FIXED, soa);
	builder.end += size;
	return build_finish(&builder, query, options,
			    nxdomain ? DNS_RCODE_NXDOMAIN : DNS_RCODE_NOERROR,
			    (uint16_t[3]){0, authority, !authority});
}

int dns_reply_packet(uint8_t *message, size_t capacity, const struct dns_reply_query *query,
		     const uint8_t *packet, size_t packet_length)
{
	uint8_t asked[DNS_HEADER_SIZE + DNS_NAME_MAX + DNS_QUESTION_FIXED];
	size_t asked_length = query->question_end;
	size_t name_length = asked_length - DNS_HEADER_SIZE - DNS_QUESTION_FIXED;

	int rc = dns_message_check(packet, packet_length);
	if (rc < 0)
		return rc;
	if (packet_length > capacity)
		return -ENOSPC;
	memcpy(asked, message, asked_length);
	memcpy(message, packet, packet_length);
	rc = (int)packet_length;
	if (dns_count_load(packet, DNS_SECTION_QUESTION) != 0) {
		rc = dns_question_rename(message, packet_length, capacity, asked + DNS_HEADER_SIZE,
					 name_length);
		if (rc < 0) {
			memcpy(message, asked, asked_length);
			return rc;
		}
		memcpy(message + asked_length - DNS_QUESTION_FIXED,
		       asked + asked_length - DNS_QUESTION_FIXED, DNS_QUESTION_FIXED);
	}
	memcpy(message, asked, 2);
	dns_flags_store(message, dns_flags_load(message) | DNS_FLAG_QR);
	return rc;
}

int dns_reply_rcode_set(uint8_t *message, size_t length, size_t capacity, uint8_t rcode, bool clear,
			uint16_t udp_size)
{
	struct dns_question question = {.end = DNS_HEADER_SIZE};
	struct dns_edns edns = {0};

	enum dns_error error = dns_question_parse(message, length, &question);
	if (error == DNS_ERROR_SHORT)
		return -EBADMSG;
	if (clear) {
		if (error != DNS_OK && dns_count_load(message, DNS_SECTION_QUESTION) != 0)
			return -EBADMSG;
		if (dns_edns_search(message, length, &edns) != DNS_OK)
			edns.offset = 0;
		struct dns_reply_query query = dns_reply_query_of(&question, &edns, udp_size);
		length = query.question_end + opt_size(&query);
		if (length > capacity)
			return -ENOSPC;
		dns_counts_store(message, error == DNS_OK, 0, 0, query.edns);
		if (query.edns)
			opt_write(message + query.question_end, &query, 0);
	}
	uint16_t flags = dns_flags_load(message);
	flags &= (uint16_t)~(DNS_FLAG_AA | DNS_FLAG_AD | DNS_FLAG_RA | DNS_FLAG_RCODE);
	flags |= DNS_FLAG_QR | (rcode & DNS_FLAG_RCODE) | (flags & DNS_FLAG_RD ? DNS_FLAG_RA : 0);
	dns_flags_store(message, flags);
	return (int)length;
}
