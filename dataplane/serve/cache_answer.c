/* SPDX-License-Identifier: BSD-2-Clause */
#include "dataplane/serve/cache_answer.h"

#include "dataplane/dns/edns.h"
#include "dataplane/dns/message.h"

#define SHUFFLED_MAX 64u /* addresses of one name; those behind keep their places */

/* What a walk over a response's records shows. */
struct content {
	uint32_t ttl; /* the lowest, UINT32_MAX without records */
	bool soa;     /* one in the authority section */
	bool answers;
};

/* A TSIG is for one message; a second OPT, or one elsewhere, leaves open which one holds. */
static bool record_fits(const struct dns_record *record, bool *opt)
{
	if (record->type == DNS_TYPE_TSIG)
		return false;
	if (record->type != DNS_TYPE_OPT)
		return true;
	bool first = !*opt && record->section == DNS_SECTION_ADDITIONAL &&
		     record->fixed - record->start == 1;
	*opt = true;
	return first;
}

static bool content_read(const uint8_t *response, size_t length, struct cache_places *places,
			 struct content *content)
{
	struct dns_records records;
	struct dns_record record;
	bool opt = false;
	int more;
	*content = (struct content){.ttl = UINT32_MAX};
	places->count = 0;
	if (dns_records_open(&records, response, length) != 0)
		return false;
	while ((more = dns_record_next(&records, &record)) > 0) {
		if (!record_fits(&record, &opt))
			return false;
		if (record.type == DNS_TYPE_OPT)
			continue;
		if (places->count == CACHE_TTLS_MAX)
			return false;
		places->at[places->count++] = (uint16_t)(record.fixed + DNS_TTL_OFFSET);
		if (record.ttl < content->ttl)
			content->ttl = record.ttl;
		content->answers |= record.section == DNS_SECTION_ANSWER;
		content->soa |= record.section == DNS_SECTION_AUTHORITY &&
				record.type == DNS_TYPE_SOA;
	}
	return more == 0 && records.offset == length;
}

static bool is_negative(uint16_t flags, const struct content *content)
{
	uint8_t rcode = flags & DNS_FLAG_RCODE;
	return rcode == DNS_RCODE_NXDOMAIN ||
	       (rcode == DNS_RCODE_NOERROR && !content->answers && content->soa);
}

static bool is_failure(uint16_t flags)
{
	uint8_t rcode = flags & DNS_FLAG_RCODE;
	return rcode == DNS_RCODE_SERVFAIL || rcode == DNS_RCODE_REFUSED;
}

static uint32_t lower(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/* Seconds; 0: not to be kept. `short_lived`: it has less than the least. */
static uint32_t lifetime(uint16_t flags, const struct content *content,
			 const struct cache_ttls *ttls, uint32_t failure, bool *short_lived)
{
	*short_lived = false;
	if (is_failure(flags))
		return failure != UINT32_MAX ? failure : ttls->failure;
	if (content->ttl == UINT32_MAX)
		return (flags & DNS_FLAG_TC) != 0 ? ttls->truncated : 0;
	uint32_t ttl = content->ttl;
	if (is_negative(flags, content))
		ttl = lower(ttl, ttls->negative);
	ttl = lower(ttl, ttls->max);
	*short_lived = ttl < ttls->min;
	return ttl;
}

enum cache_fitness cache_answer_check(const uint8_t *response, size_t length, uint16_t qtype,
				      const struct cache_ttls *ttls, uint32_t failure,
				      struct cache_places *places, uint32_t *seconds)
{
	struct dns_question question;
	struct content content;
	if (length > UINT16_MAX || dns_question_parse(response, length, &question) != DNS_OK)
		return CACHE_UNFIT;
	uint16_t flags = dns_flags_load(response);
	if ((flags & DNS_FLAG_QR) == 0 || (flags & DNS_FLAG_OPCODE) != 0 ||
	    question.qtype != qtype || qtype == DNS_TYPE_AXFR || qtype == DNS_TYPE_IXFR)
		return CACHE_UNFIT;
	if (!content_read(response, length, places, &content))
		return CACHE_UNFIT;
	bool short_lived;
	*seconds = lower(lifetime(flags, &content, ttls, failure, &short_lived), CACHE_SECONDS_MAX);
	if (short_lived)
		return CACHE_TTL_SHORT;
	return *seconds > 0 ? CACHE_FIT : CACHE_UNFIT;
}

/* Where the TTL with this number stands; NULL: not among the records. */
static inline uint8_t *ttl_at(uint8_t *response, size_t records, size_t length,
			      const uint8_t *places, unsigned number)
{
	uint16_t at;
	memcpy(&at, places + 2u * number, sizeof(at));
	return at >= records && at + sizeof(uint32_t) <= length ? response + at : NULL;
}

void cache_answer_age(uint8_t *response, size_t records, size_t length, const uint8_t *places,
		      unsigned count, uint32_t age)
{
	for (unsigned i = 0; age != 0 && i < count; i++) {
		uint8_t *at = ttl_at(response, records, length, places, i);
		if (at == NULL)
			continue;
		uint32_t ttl = dns_u32_load(at);
		dns_u32_store(at, ttl > age ? ttl - age : 0);
	}
}

void cache_answer_ttl_set(uint8_t *response, size_t records, size_t length, const uint8_t *places,
			  unsigned count, uint32_t ttl)
{
	for (unsigned i = 0; i < count; i++) {
		uint8_t *at = ttl_at(response, records, length, places, i);
		if (at != NULL)
			dns_u32_store(at, ttl);
	}
}

/* Records that follow each other, of one type and owner. */
struct addresses {
	uint16_t type;
	uint8_t owner_length;
	uint8_t count;
	uint8_t owner[DNS_NAME_MAX];
	uint16_t at[SHUFFLED_MAX]; /* where their data stand */
};

static void addresses_shuffle(uint8_t *response, const struct addresses *addresses, uint32_t random)
{
	size_t size = addresses->type == DNS_TYPE_A ? 4 : 16;
	uint8_t kept[16];
	for (unsigned left = addresses->count; left > 1; left--) {
		random = random * 1664525u + 1013904223u;
		uint8_t *one = response + addresses->at[(uint64_t)random * left >> 32];
		uint8_t *other = response + addresses->at[left - 1];
		memcpy(kept, one, size);
		memmove(one, other, size);
		memcpy(other, kept, size);
	}
}

static bool is_address(const struct dns_record *record)
{
	return (record->type == DNS_TYPE_A && record->rdlength == 4) ||
	       (record->type == DNS_TYPE_AAAA && record->rdlength == 16);
}

void cache_answer_shuffle(uint8_t *response, size_t length, uint32_t random)
{
	struct addresses addresses;
	struct dns_records records;
	struct dns_record record;
	uint8_t owner[DNS_NAME_MAX], owner_length;
	addresses.type = 0;
	addresses.count = 0;
	if (dns_records_open(&records, response, length) != 0)
		return;
	while (dns_record_next(&records, &record) > 0 && record.section == DNS_SECTION_ANSWER) {
		if (!is_address(&record) ||
		    dns_name_unpack(response, length, record.start, owner, &owner_length) == 0)
			continue;
		if (addresses.count > 0 &&
		    (addresses.type != record.type || addresses.owner_length != owner_length ||
		     !dns_name_same(addresses.owner, owner, owner_length))) {
			addresses_shuffle(response, &addresses, random);
			addresses.count = 0;
		}
		if (addresses.count == 0) {
			addresses.type = record.type;
			addresses.owner_length = owner_length;
			memcpy(addresses.owner, owner, owner_length);
		}
		if (addresses.count < SHUFFLED_MAX)
			addresses.at[addresses.count++] = record.rdata;
	}
	addresses_shuffle(response, &addresses, random);
}
