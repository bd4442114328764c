/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sums over names, by suffix: of each name and of all that ends in it. The names are brought into the
 * order of a zone, where what is below a name follows it; so one walk gives the sums, and no tree of
 * them is ever in memory.
 */
#ifndef SLUICE_CONTROL_SUFFIXES_H
#define SLUICE_CONTROL_SUFFIXES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/dns/name.h"

struct suffix_sums {
	uint64_t queries, noerrors, nxdomains, servfails, drops, bytes, hits;
};

struct suffix_node {
	struct suffix_sums own; /* of this very name */
	struct suffix_sums all; /* and of those below it */
	uint32_t labels;
	uint32_t children; /* names that have one label more */
	uint8_t length;
	uint8_t name[DNS_NAME_MAX]; /* in lower case */
};

struct suffixes;

/* NULL without memory. */
struct suffixes *suffixes_new(void);
void suffixes_free(struct suffixes *suffixes);

/* Adds sums to a name that dns_name_measure() has accepted. 0 or -ENOMEM. Not after the walk began. */
int suffixes_add(struct suffixes *suffixes, const uint8_t *name, size_t length,
		 const struct suffix_sums *sums);

/* The next node: each behind those below it, the root last. False: that was all. */
bool suffixes_next(struct suffixes *suffixes, struct suffix_node *node);

#endif
