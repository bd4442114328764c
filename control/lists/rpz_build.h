/* SPDX-License-Identifier: BSD-2-Clause */
/* What list_load_rpz() gathers while a zone file is read, and how it becomes a zone. */
#ifndef SLUICE_CONTROL_LISTS_RPZ_BUILD_H
#define SLUICE_CONTROL_LISTS_RPZ_BUILD_H

#include "control/lists/lists.h"

#define RPZ_FIXED 5u	/* policies without data: the first ones of the enum */
#define RPZ_SET_MAX 64u /* records of one owner; more have no room in an answer */

/*
 * While building, what a trigger does is a reference: a policy below RPZ_FIXED, or a set of records
 * plus RPZ_FIXED, or RPZ_NONE.
 */
struct rpz_build_record {
	uint32_t next; /* in records[], RPZ_NONE after the last */
	uint32_t ttl;
	uint64_t at; /* in bytes[] */
	uint16_t type, length;
};

struct rpz_build_set {
	uint32_t first, last; /* records */
	uint32_t count;	      /* 0: joined to another set */
	uint32_t action;      /* in the zone, RPZ_NONE if it has none yet */
	uint8_t policy;	      /* DATA, WILD_CNAME */
};

/* An array that grows. */
struct rpz_array {
	void *items;
	size_t count, room;
};

struct rpz_build {
	struct name_builder *names; /* values: in triggers */
	struct rpz_array triggers;  /* struct rpz_trigger, of references */
	struct rpz_array sets;	    /* struct rpz_build_set */
	struct rpz_array records;   /* struct rpz_build_record */
	struct rpz_array bytes;
	struct rpz_array answers, clients; /* struct prefix_member, of references */
	uint64_t conflicts; /* owners that are told to do two things, and records too many */
	int error;	    /* from where none can be returned */
	/* the owner of the record before, whose set the next one may join; RPZ_NONE: none */
	uint32_t last_set;
	struct list_rpz_entry last;
	uint8_t last_name[255];
	/* the zone's SOA */
	uint8_t soa[65535 + 255]; /* its name, then its data */
	uint8_t soa_name_length;
	uint16_t soa_length; /* 0: there was none */
	uint32_t soa_ttl;
};

/* Room for `more` items of `size` bytes behind those there: 0 or -ENOMEM. */
int rpz_array_reserve(struct rpz_array *array, size_t more, size_t size);

/* Joins two references of one owner: the reference that stands for both. */
uint32_t rpz_refs_join(struct rpz_build *build, uint32_t before, uint32_t after);

/* The zone of all that was gathered; NULL without memory. The build remains to be freed. */
struct rpz_zone *rpz_zone_make(struct rpz_build *build);

#endif
