/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Zone files in master file format (RFC 1035, section 5; RFC 2308, section 4 for $TTL), record by
 * record. What is broken is reported with its line and skipped.
 *
 * libzscanner would do, but it is under the GPL, and it stops at lines that end as DOS has them.
 */
#ifndef SLUICE_CONTROL_LISTS_ZONE_H
#define SLUICE_CONTROL_LISTS_ZONE_H

#include "control/lists/parse.h"
#include "dataplane/dns/name.h"

#define ZONE_TOKENS_MAX 4096u
#define ZONE_TEXT_MAX LIST_LINE_MAX /* bytes of the tokens of one record */
#define ZONE_RDATA_MAX 65535u

struct zone_token {
	const char *text; /* escapes as they are in the file */
	uint32_t length;
	bool quoted;
};

struct zone_name {
	uint8_t length; /* 0: there is none, or it was broken */
	uint8_t wire[DNS_NAME_MAX];
};

struct zone_record {
	uint64_t line; /* where it starts */
	struct zone_name owner;
	uint32_t ttl;
	uint16_t type;
	bool opaque; /* a type whose text is not read: no data */
	uint16_t rdata_length;
	uint8_t rdata[ZONE_RDATA_MAX];
};

struct zone_reader {
	struct list_parser *parser;
	struct zone_name origin; /* the root until a $ORIGIN says otherwise */
	struct zone_record record;
	uint32_t ttl; /* of $TTL, else of the record before */
	bool ttl_given; /* by $TTL, or by the SOA */
	bool ttl_known; /* by that or a record */
	/* the record being read */
	bool owner_omitted;
	unsigned depth; /* parentheses open */
	unsigned n_tokens;
	size_t text_used;
	struct zone_token tokens[ZONE_TOKENS_MAX];
	char text[ZONE_TEXT_MAX];
};

/* A reader to zone_reader_free(); NULL without memory. */
struct zone_reader *zone_reader_new(struct list_parser *parser);
void zone_reader_free(struct zone_reader *zone);

/* Reads on to the next record of class IN into zone->record: 1, 0 at the end, or -errno. */
int zone_record_next(struct zone_reader *zone);

/* A name in a zone file, relative to the origin. NULL or what is wrong with it. */
const char *zone_name_parse(const struct zone_reader *zone, const struct zone_token *token,
			    struct zone_name *name);

/* A time in seconds, or with units as in "1h30m". False if it is none below 2^31. */
bool zone_period_parse(const struct zone_token *token, uint32_t *seconds);

/* The number of a type, from its name or as TYPE123; -1 if it is unknown. */
int zone_type_parse(const struct zone_token *token);

/*
 * The data of zone->record from the tokens from number `first` on; the type is set. NULL or what is
 * wrong with it.
 */
const char *zone_rdata_parse(struct zone_reader *zone, unsigned first);

#endif
