/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Writing a message anew, name by name, where an edit changes what compression pointers lead to.
 * Uses 64 KiB of stack: for the control lcore, or for what is rare.
 */
#ifndef SLUICE_DATAPLANE_DNS_REBUILD_H
#define SLUICE_DATAPLANE_DNS_REBUILD_H

#include "dataplane/dns/edns.h"
#include "dataplane/dns/message.h"

/* A change of the options in the OPT: some go, then one may be appended. */
struct dns_option_edit {
	int drop;      /* code of the options that go, DNS_OPTION_NONE for none */
	bool add;      /* whether one is appended, and which: */
	uint16_t code; /* its data is `head`, then `data`, so that nobody has to join them */
	uint8_t head[2];
	size_t head_length;
	const uint8_t *data;
	size_t data_length;
};

#define DNS_OPTION_NONE (-1)

/* What is to be different. */
struct dns_rebuild_plan {
	const uint8_t *qname; /* new name of the question and of the records it owns; NULL: as is */
	size_t qname_length;
	const uint16_t *types; /* records of these types are left out */
	size_t count;
	const struct dns_option_edit *options; /* NULL: as they are */
};

/*
 * Returns the new length, -ENOSPC, or -EBADMSG; then the message is unchanged. Messages with one
 * question or none. Trailing data is kept. Names are compressed where RFC 3597 allows it.
 */
int dns_message_rebuild(uint8_t *message, size_t length, size_t capacity,
			const struct dns_rebuild_plan *plan);

/* Bytes that `edit` leaves of the options of an OPT, and adds. -EBADMSG if any is malformed. */
int dns_options_measure(const uint8_t *message, const struct dns_edns *edns,
			const struct dns_option_edit *edit);

/*
 * Writes what `edit` leaves, and adds, to `to`, which may be where the options stand. They have
 * been measured. Returns the end of what was written.
 */
uint8_t *dns_options_write(uint8_t *to, const uint8_t *message, const struct dns_edns *edns,
			   const struct dns_option_edit *edit);

#endif
