/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where names lie in record data. Edits that move bytes must know: those names may be compressed
 * (RFC 1035, section 3.3; RFC 3597, section 4 closes the list). Data of all other types is opaque.
 */
#ifndef SLUICE_DATAPLANE_DNS_RDATA_H
#define SLUICE_DATAPLANE_DNS_RDATA_H

#include "dataplane/dns/message.h"

struct dns_rdata_layout {
	uint8_t fixed;	 /* bytes before anything else */
	uint8_t strings; /* then this many character strings, each with its length before it */
	uint8_t names;	 /* then this many names; the rest is opaque */
	bool compress;	 /* senders may compress the names: the types of RFC 1035 */
};

/* The layout of a type; without names for types that have none, or that nobody may compress. */
struct dns_rdata_layout dns_rdata_layout_of(uint16_t type);

/*
 * Offset of the first name in a record's data, given its layout. -EBADMSG if the data ends before.
 * Only for records with data: an UPDATE has some without.
 */
int dns_rdata_name_find(const uint8_t *message, const struct dns_record *record,
			struct dns_rdata_layout layout);

#endif
