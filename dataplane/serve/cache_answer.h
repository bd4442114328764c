/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which responses the packet cache may keep, for how long, and where their TTLs stand. Pure: bytes
 * in, decision out.
 */
#ifndef SLUICE_DATAPLANE_SERVE_CACHE_ANSWER_H
#define SLUICE_DATAPLANE_SERVE_CACHE_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CACHE_TTLS_MAX 384u /* records of a response that is kept */
#define CACHE_SECONDS_MAX (1u << 30) /* that it is kept: times are compared by their difference */

/* Seconds each. */
struct cache_ttls {
	uint32_t max, min;
	uint32_t negative;  /* most that NXDOMAIN and NODATA are kept */
	uint32_t failure;   /* SERVFAIL and REFUSED; 0: not kept */
	uint32_t truncated; /* answers with TC and no TTL; 0: not kept */
};

/* Where the TTLs of a message stand. */
struct cache_places {
	uint16_t count;
	uint16_t at[CACHE_TTLS_MAX];
};

enum cache_fitness {
	CACHE_FIT,
	CACHE_UNFIT, /* malformed, ambiguous, nothing that answers a query, or not to be kept */
	CACHE_TTL_SHORT, /* below the least that is kept */
};

/*
 * Whether a response to a question for `qtype` may be kept, and then for how many seconds.
 * Everything in it is checked: one question, sections as long as the header says, one OPT at most
 * and that in its place, nothing behind the last record. `failure` in place of the one in `ttls`
 * unless it is UINT32_MAX.
 */
enum cache_fitness cache_answer_check(const uint8_t *response, size_t length, uint16_t qtype,
				      const struct cache_ttls *ttls, uint32_t failure,
				      struct cache_places *places, uint32_t *seconds);

/*
 * TTLs where `places` says, `count` numbers of two bytes: lowered by an age in seconds, at least to 0;
 * all set to one. Places before `records`, the end of the question, or beyond `length` are passed over:
 * nobody may have checked them yet.
 */
void cache_answer_age(uint8_t *response, size_t records, size_t length, const uint8_t *places,
		      unsigned count, uint32_t age);
void cache_answer_ttl_set(uint8_t *response, size_t records, size_t length, const uint8_t *places,
			  unsigned count, uint32_t ttl);

/*
 * Shuffles the addresses of the answer section: of A or AAAA records that follow each other and have
 * one owner, the data change places. `random` is any number.
 */
void cache_answer_shuffle(uint8_t *response, size_t length, uint32_t random);

#endif
