/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Answers made here: a received query becomes its own answer, in place.
 *
 * All take the message, the capacity of its buffer and what is known about the query, and return
 * the new length in bytes or -ENOSPC (then the message may be half changed: drop it or try a
 * shorter answer, the question is intact). Records of the query are dropped; an OPT of our own is
 * appended if the query had one. Answers may be longer than the client takes: see
 * dns_response_truncate().
 */
#ifndef SLUICE_DATAPLANE_DNS_REPLY_H
#define SLUICE_DATAPLANE_DNS_REPLY_H

#include "dataplane/dns/edns.h"
#include "dataplane/dns/message.h"

#define DNS_REPLY_TTL 60u /* seconds */
#define DNS_REPLY_RECORD_SIZE (2u + DNS_RECORD_FIXED) /* of a record, without its data */
#define DNS_REPLY_OPTIONS_DEFAULT                                                                  \
	{                                                                                          \
		.ttl = DNS_REPLY_TTL                                                               \
	}

/* Flags of the answer. Unless set here AA and AD are 0 and RA is what RD is. */
struct dns_reply_options {
	uint32_t ttl; /* seconds, of the records that are made */
	bool set_aa, aa;
	bool set_ad, ad;
	bool set_ra, ra;
};

/* The query to answer. */
struct dns_reply_query {
	uint16_t question_end; /* offset: struct dns_question has it */
	uint16_t qtype;
	uint16_t udp_size; /* what our OPT announces, bytes */
	bool edns;	   /* the query had an OPT, and answers are to have one */
	bool dnssec_ok;	   /* it had DO set */
};

struct dns_reply_address {
	uint8_t length; /* 4 or 16 */
	uint8_t bytes[16];
};

struct dns_reply_rdata {
	const uint8_t *bytes;
	uint16_t length;
};

struct dns_reply_soa {
	const uint8_t *zone, *mname, *rname; /* wire names */
	uint8_t zone_length, mname_length, rname_length;
	uint32_t ttl;
	uint32_t serial, refresh, retry, expire, minimum;
};

/* Fills in the query from what the parsers found. */
static inline struct dns_reply_query dns_reply_query_of(const struct dns_question *question,
							const struct dns_edns *edns,
							uint16_t udp_size)
{
	return (struct dns_reply_query){
		.question_end = question->end,
		.qtype = question->qtype,
		.udp_size = udp_size,
		.edns = edns->offset != 0,
		.dnssec_ok = dns_edns_do(edns),
	};
}

/* An empty answer with this rcode; of its twelve bits the upper eight need EDNS, else are lost. */
int dns_reply_rcode(uint8_t *message, size_t capacity, const struct dns_reply_query *query,
		    uint16_t rcode, const struct dns_reply_options *options);

/* NOTIMP without a question, for a query that has not exactly one; RA is 0. Needs the header only. */
int dns_reply_notimp(uint8_t *message);

/* An empty answer with TC set: come back over TCP. AA and AD are 0, RA is RD. */
int dns_reply_truncated(uint8_t *message, size_t capacity, const struct dns_reply_query *query);

/* How many of the addresses fit a query type: A, AAAA, or ANY for all. */
unsigned dns_reply_addresses_fit(uint16_t qtype, const struct dns_reply_address *addresses,
				 unsigned count);

/*
 * A and AAAA records for the addresses that fit the query type, in the order of the list from
 * number `first` (taken modulo `count`) on. None fits: an empty NOERROR answer.
 */
int dns_reply_addresses(uint8_t *message, size_t capacity, const struct dns_reply_query *query,
			const struct dns_reply_address *addresses, unsigned count, unsigned first,
			const struct dns_reply_options *options);

/* A CNAME to `target`, a wire name. */
int dns_reply_cname(uint8_t *message, size_t capacity, const struct dns_reply_query *query,
		    const uint8_t *target, size_t target_length,
		    const struct dns_reply_options *options);

/* One record of `type` for each data. */
int dns_reply_raw(uint8_t *message, size_t capacity, const struct dns_reply_query *query,
		  uint16_t type, const struct dns_reply_rdata *rdata, unsigned count,
		  const struct dns_reply_options *options);

/* Where an answer stands: records go to `end`, room for the OPT is always left. */
struct dns_reply_builder {
	uint8_t *message;
	size_t end;
	size_t limit;
	uint16_t qclass;
	uint16_t count;
};

/*
 * The same, record by record: `size` is what all of them take, DNS_REPLY_RECORD_SIZE and its data
 * each. Only the start can fail: with -ENOSPC, and then the message is unchanged.
 */
int dns_reply_start(struct dns_reply_builder *builder, uint8_t *message, size_t capacity,
		    const struct dns_reply_query *query, size_t size);
void dns_reply_add(struct dns_reply_builder *builder, uint16_t type, uint32_t ttl,
		   const uint8_t *rdata, size_t length);
int dns_reply_finish(const struct dns_reply_builder *builder, const struct dns_reply_query *query,
		     const struct dns_reply_options *options);

/* NXDOMAIN or NODATA with a SOA in the additional section, with `authority` in that one instead. */
int dns_reply_negative(uint8_t *message, size_t capacity, const struct dns_reply_query *query,
		       bool nxdomain, const struct dns_reply_soa *soa, bool authority,
		       const struct dns_reply_options *options);

/*
 * A canned response, made fit: ID and question (and owner names equal to the canned question's)
 * become the query's, QR is set, all else stays. -EBADMSG if `packet` is malformed. A message that
 * is refused is unchanged up to the end of its question. `packet` must not lie in the message.
 */
int dns_reply_packet(uint8_t *message, size_t capacity, const struct dns_reply_query *query,
		     const uint8_t *packet, size_t packet_length);

/*
 * Makes any message, query or response, an answer with this rcode: QR set, RA as RD, AA and AD 0,
 * the lower four bits of `rcode`. With `clear` all records go, except that a message with OPT gets
 * a new one with DO as it was, announcing `udp_size`; records that are malformed just go. -EBADMSG
 * if header or question are, or if there are several questions; -ENOSPC as above.
 */
int dns_reply_rcode_set(uint8_t *message, size_t length, size_t capacity, uint8_t rcode, bool clear,
			uint16_t udp_size);

#endif
