/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where the answer to a query for a zone ends: AXFR (RFC 5936) and IXFR (RFC 1995) are of as many
 * messages as the server likes, and nothing but their SOA records says which is the last.
 */
#ifndef SLUICE_CONTROL_TCP_XFR_H
#define SLUICE_CONTROL_TCP_XFR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tcp_xfr {
	bool ixfr;
	bool has_serial;  /* the query said which version the client has */
	bool incremental; /* differences, rather than the whole zone */
	uint32_t serial;  /* that version */
	uint32_t newest;  /* the version in the answer */
	uint8_t soas;	  /* of that version, so far; at most 3 */
	uint64_t records; /* of the answer, so far */
};

/* The query has been parsed; `qtype` is AXFR or IXFR. */
void tcp_xfr_begin(struct tcp_xfr *xfr, const uint8_t *query, size_t length, uint16_t qtype);

/* Takes the next message: whether it is the last. What does not parse is. */
bool tcp_xfr_ended(struct tcp_xfr *xfr, const uint8_t *message, size_t length);

#endif
