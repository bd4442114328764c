/* SPDX-License-Identifier: BSD-2-Clause */
#include "dataplane/serve/cache_key.h"

#include <rte_branch_prediction.h>

#include "dataplane/dns/edns.h"

uint64_t cache_key_hash(const struct cache_key *key, uint64_t seed, const uint8_t *name,
			size_t length)
{
	uint64_t hash = dns_name_hash(name, length, seed);
	hash = hash_mix(hash ^ dns_word_load(key->head),
			    0xd1b54a32d192ed03u ^ dns_word_load(key->head + CACHE_KEY_HEAD - 8));
	for (size_t at = 0; at < key->tail_length; at += 8)
		hash = hash_mix(hash ^ dns_word_load(key->tail + at), 0x8bb84b93962eacc9u);
	return hash_mix(hash ^ key->tail_length, 0x9e6c63d0a15ad9ebu);
}

bool cache_key_same(const struct cache_key *key, const uint8_t *head, const uint8_t *tail)
{
	if (dns_word_load(key->head) != dns_word_load(head) ||
	    dns_word_load(key->head + CACHE_KEY_HEAD - 8) !=
		    dns_word_load(head + CACHE_KEY_HEAD - 8))
		return false;
	for (size_t at = 0; at < key->tail_length; at += 8)
		if (dns_word_load(key->tail + at) != dns_word_load(tail + at))
			return false;
	return true;
}

/* The tail is that long; what of its last word is behind it becomes zero. */
static void tail_end(struct cache_key *key, size_t length)
{
	key->tail_length = (uint8_t)length;
	memset(key->tail + length, 0, cache_key_padded(length) - length);
}

static bool tail_add(struct cache_key *key, const uint8_t *bytes, size_t length)
{
	if (length > CACHE_KEY_TAIL - key->tail_length)
		return false;
	memcpy(key->tail + key->tail_length, bytes, length);
	key->tail_length = (uint8_t)(key->tail_length + length);
	return true;
}

bool cache_key_subnet_add(struct cache_key *key, const uint8_t *data, size_t length)
{
	uint8_t count = (uint8_t)length;
	if (length + 1 > CACHE_KEY_TAIL - key->tail_length)
		return false;
	tail_add(key, data, length);
	tail_add(key, &count, 1);
	tail_end(key, key->tail_length);
	key->head[CACHE_KEY_HEAD - 1] |= CACHE_KEY_SUBNET;
	key->head[CACHE_KEY_HEAD - 1] &= (uint8_t)~CACHE_KEY_SHARED;
	return true;
}

const uint8_t *cache_key_subnet(const struct cache_key *key, size_t *length)
{
	if ((key->head[CACHE_KEY_HEAD - 1] & CACHE_KEY_SUBNET) == 0)
		return NULL;
	*length = key->tail[key->tail_length - 1];
	return key->tail + key->tail_length - 1 - *length;
}

void cache_key_share(struct cache_key *key)
{
	size_t length;
	if (cache_key_subnet(key, &length) != NULL)
		tail_end(key, key->tail_length - 1 - length);
	key->head[CACHE_KEY_HEAD - 1] &= (uint8_t)~CACHE_KEY_SUBNET;
	key->head[CACHE_KEY_HEAD - 1] |= CACHE_KEY_SHARED;
}

static bool skipped(const struct cache_key_rules *rules, uint16_t code)
{
	for (unsigned i = 0; i < rules->n_skip; i++)
		if (rules->skip[i] == code)
			return true;
	return false;
}

static uint16_t ranked(const struct cache_key_rules *rules, uint16_t size)
{
	uint16_t rank = size;
	for (unsigned i = 0; i < rules->n_ranks && rules->ranks[i] <= size; i++)
		rank = rules->ranks[i];
	return rank;
}

/* How much of an option counts, its code and length always, but for a subnet that nobody is told. */
static size_t option_part(const struct cache_key *key, const struct cache_key_rules *rules,
			  const struct dns_option *option)
{
	bool replaced = (key->head[CACHE_KEY_HEAD - 1] & CACHE_KEY_REPLACED) != 0;
	if (replaced && option->code == DNS_OPTION_ECS)
		return 2;
	return 4u + (skipped(rules, option->code) ? 0 : option->length);
}

/* The OPT with its options. */
static bool options_add(struct cache_key *key, const struct cache_key_rules *rules,
			const uint8_t *query, const struct dns_edns *edns)
{
	struct dns_options options;
	struct dns_option option;
	uint8_t fixed[DNS_OPT_SIZE];
	memcpy(fixed, query + edns->offset, sizeof(fixed));
	dns_u16_store(fixed + 3, ranked(rules, edns->udp_size));
	if ((key->head[CACHE_KEY_HEAD - 1] & CACHE_KEY_REPLACED) != 0)
		dns_u16_store(fixed + DNS_OPT_SIZE - 2, 0); /* how long what goes was */
	if (!tail_add(key, fixed, sizeof(fixed)))
		return false;
	dns_options_open(&options, query, edns);
	int more;
	while ((more = dns_option_next(&options, &option)) > 0)
		if (!tail_add(key, query + option.start, option_part(key, rules, &option)))
			return false;
	return more == 0;
}

/* Type, class and an OPT without options, as most queries have it; or type and class. */
static inline void tail_plain(struct cache_key *key, const uint8_t *type, bool opt)
{
	uint64_t words[2] = {dns_half_load(type), 0};
	key->tail_length = DNS_QUESTION_FIXED;
	if (opt) {
		static_assert(DNS_QUESTION_FIXED + DNS_OPT_SIZE == 15, "two words but a byte");
		words[0] = dns_word_load(type);
		words[1] = dns_word_load(type + 7) >> 8;
		key->tail_length = DNS_QUESTION_FIXED + DNS_OPT_SIZE;
	}
	memcpy(key->tail, words, sizeof(words));
}

static __attribute__((noinline)) bool tail_write(struct cache_key *key,
						 const struct cache_key_rules *rules,
						 const uint8_t *query, size_t length,
						 size_t question_end)
{
	struct dns_edns edns;
	const uint8_t *type = query + question_end - DNS_QUESTION_FIXED;
	if (length - question_end > CACHE_QUERY_REST ||
	    dns_edns_find(query, length, question_end, &edns) != DNS_OK)
		return false;
	size_t opt = edns.offset != 0 ? edns.offset : length;
	size_t behind = edns.offset != 0 ? edns.end : length;
	key->tail_length = 0;
	if (!tail_add(key, type, query + opt - type) ||
	    (edns.offset != 0 && !options_add(key, rules, query, &edns)) ||
	    !tail_add(key, query + behind, length - behind))
		return false;
	tail_end(key, key->tail_length);
	return true;
}

enum plain { PLAIN_NO, PLAIN_BARE, PLAIN_OPT };

/* Whether nothing stands behind the question, or an OPT without options alone. */
static inline enum plain plain_of(const struct cache_key_rules *rules, const uint8_t *query,
				  size_t length, size_t question_end)
{
	const uint8_t *opt = query + question_end;
	uint64_t counts = dns_word_load(query + 4) >> 16;
	if (length == question_end)
		return counts == 0 ? PLAIN_BARE : PLAIN_NO;
	if (length != question_end + DNS_OPT_SIZE || counts != (uint64_t)1 << 40 ||
	    rules->n_ranks != 0)
		return PLAIN_NO;
	return opt[0] == 0 && dns_u16_load(opt + 1) == DNS_TYPE_OPT && dns_u16_load(opt + 9) == 0
		       ? PLAIN_OPT
		       : PLAIN_NO;
}

bool cache_key_make(struct cache_key *key, const struct cache_key_rules *rules, uint64_t seed,
		    const uint8_t *query, size_t length, size_t question_end, uint8_t flags)
{
	const uint8_t *type = query + question_end - DNS_QUESTION_FIXED;
	enum plain plain = plain_of(rules, query, length, question_end);
	memcpy(key->head, query + 2, CACHE_KEY_HEAD - 1);
	key->head[CACHE_KEY_HEAD - 1] = flags;
	if (likely(plain != PLAIN_NO))
		tail_plain(key, type, plain == PLAIN_OPT);
	else if (!tail_write(key, rules, query, length, question_end))
		return false;
	key->hash = cache_key_hash(key, seed, query + DNS_HEADER_SIZE,
				   question_end - DNS_HEADER_SIZE - DNS_QUESTION_FIXED);
	return true;
}
