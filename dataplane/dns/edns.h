/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * EDNS: the OPT record and its options (RFC 6891), edited in place.
 *
 * Edits take the message, its length and the capacity of its buffer, all in bytes, and return the
 * new length, -ENOSPC if the buffer or the record is too small, -EBADMSG if the message or its OPT
 * is malformed. A message that an edit refuses is unchanged. If the OPT is not the last record the
 * message is written anew so that compression stays right, which takes 64 KiB of stack.
 */
#ifndef SLUICE_DATAPLANE_DNS_EDNS_H
#define SLUICE_DATAPLANE_DNS_EDNS_H

#include "dataplane/dns/message.h"

#define DNS_OPT_SIZE 11u /* an OPT without options */
#define DNS_OPT_SIZE_OFFSET 3u /* of what it announces, from its start */
#define DNS_EDNS_DO 0x8000u
#define DNS_EDNS_UDP_SIZE 1232u /* what we announce unless configured otherwise */
#define DNS_UDP_SIZE_MIN 512u	/* RFC 1035, section 4.2.1 */

enum dns_edns_option {
	DNS_OPTION_NSID = 3,
	DNS_OPTION_ECS = 8,
	DNS_OPTION_COOKIE = 10,
	DNS_OPTION_KEEPALIVE = 11,
	DNS_OPTION_PADDING = 12,
	DNS_OPTION_EDE = 15,
};

struct dns_edns {
	uint16_t offset;   /* of the OPT record; 0: there is none, and all other fields are 0 */
	uint16_t end;	   /* offset of the first byte after it */
	uint16_t rdata;	   /* offset of its options */
	uint16_t rdlength; /* their length */
	uint16_t udp_size; /* as sent, may be below 512 */
	uint16_t flags;	   /* DNS_EDNS_DO and the reserved bits */
	uint8_t extended_rcode; /* upper eight bits of the twelve */
	uint8_t version;
	bool last; /* no record follows it */
};

/* One option; offsets within the message. */
struct dns_option {
	uint16_t start; /* of its code */
	uint16_t code;
	uint16_t data;
	uint16_t length; /* of its data */
};

/* A walk over options. Private to dns_options_open() and dns_option_next(). */
struct dns_options {
	const uint8_t *message;
	uint16_t offset;
	uint16_t end;
};

/* Finds the OPT of any message by walking over it. `edns` is valid only if DNS_OK is returned. */
enum dns_error dns_edns_search(const uint8_t *message, size_t length, struct dns_edns *edns);

/* Reads the OPT at `offset`, which is known to have DNS_OPT_SIZE bytes, root owner and type OPT. */
static inline enum dns_error dns_opt_read(const uint8_t *message, size_t length, size_t offset,
					  struct dns_edns *edns)
{
	const uint8_t *opt = message + offset;
	uint16_t rdlength = dns_u16_load(opt + 9);
	size_t rdata = offset + DNS_OPT_SIZE;
	if (length - rdata < rdlength)
		return DNS_ERROR_CUT;
	*edns = (struct dns_edns){
		.offset = (uint16_t)offset,
		.end = (uint16_t)(rdata + rdlength),
		.rdata = (uint16_t)rdata,
		.rdlength = rdlength,
		.udp_size = dns_u16_load(opt + 3),
		.extended_rcode = opt[5],
		.version = opt[6],
		.flags = dns_u16_load(opt + 7),
		.last = true,
	};
	return DNS_OK;
}

/*
 * Finds the OPT of a message whose question ends at `question_end`; hot path. A query with no
 * record or only an OPT is settled here, anything else is walked over. The options themselves are
 * not looked at. `edns` is valid only if DNS_OK is returned.
 */
static inline enum dns_error dns_edns_find(const uint8_t *message, size_t length,
					   size_t question_end, struct dns_edns *edns)
{
	uint32_t an_ns;
	memcpy(&an_ns, message + 6, sizeof(an_ns));
	uint16_t arcount = dns_count_load(message, DNS_SECTION_ADDITIONAL);
	if (an_ns == 0 && arcount == 0) {
		*edns = (struct dns_edns){0};
		return DNS_OK;
	}
	if (an_ns == 0 && arcount == 1 && length - question_end >= DNS_OPT_SIZE &&
	    message[question_end] == 0 && dns_u16_load(message + question_end + 1) == DNS_TYPE_OPT)
		return dns_opt_read(message, length, question_end, edns);
	return dns_edns_search(message, length, edns);
}

static inline bool dns_edns_do(const struct dns_edns *edns)
{
	return edns->flags & DNS_EDNS_DO;
}

/* Size of answers that the sender of this query takes over UDP, at least 512. */
static inline uint16_t dns_edns_client_size(const struct dns_edns *edns)
{
	return edns->udp_size > DNS_UDP_SIZE_MIN ? edns->udp_size : DNS_UDP_SIZE_MIN;
}

/* Walks over the options of a found OPT; over none if there is no OPT. */
void dns_options_open(struct dns_options *options, const uint8_t *message,
		      const struct dns_edns *edns);

/* 1 and the next option, 0 after the last, -EBADMSG if an option runs over the end of the OPT. */
int dns_option_next(struct dns_options *options, struct dns_option *option);

/* The first option with this code: 1, 0 if there is none, -EBADMSG. */
int dns_option_find(const uint8_t *message, const struct dns_edns *edns, uint16_t code,
		    struct dns_option *option);

/*
 * Adds an OPT without options behind the last record, but before those that sign the message.
 * -EEXIST if there is one.
 */
int dns_edns_add(uint8_t *message, size_t length, size_t capacity, uint16_t udp_size,
		 bool dnssec_ok);

/*
 * In a query that has been made its own answer: an OPT that still is the client's, as its size tells,
 * becomes one of ours, with the same DO and without options. The length stays if there is none, or
 * if the message has other records.
 */
int dns_edns_turn(uint8_t *message, size_t length, uint16_t client_size, uint16_t udp_size);

/* Removes the OPT; the length stays if there is none. */
int dns_edns_remove(uint8_t *message, size_t length);

/*
 * Puts an option into the OPT in place of all that have the same code. If there is no OPT, one is
 * added with `udp_size` and without DO. `data` must not lie in the message.
 */
int dns_option_set(uint8_t *message, size_t length, size_t capacity, uint16_t code,
		   const uint8_t *data, size_t data_length, uint16_t udp_size);

/* Removes all options with this code; the length stays if there are none. */
int dns_option_remove(uint8_t *message, size_t length, uint16_t code);

/*
 * Appends an Extended DNS Error (RFC 8914) to the OPT; with `clear` in place of all others. -ENOENT
 * if the message has no OPT: whoever asked without EDNS must not get one.
 */
int dns_ede_add(uint8_t *message, size_t length, size_t capacity, uint16_t info_code,
		const char *text, size_t text_length, bool clear);

#endif
