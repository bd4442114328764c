/* SPDX-License-Identifier: BSD-2-Clause */
#include "dataplane/serve/cache_key.h"

#include "dataplane/dns/edns.h"

uint64_t cache_key_hash(const struct cache_key *key, uint64_t seed, const uint8_t *name,
			size_t length)
{
	uint64_t hash = dns_name_hash(name, length, seed);
	uint64_t head = dns_word_load(key->head), rest = dns_tail_load(key->head + 8, 3);
	size_t left = key->tail_length;
	hash = dns_hash_mix(hash ^ head, 0xd1b54a32d192ed03u ^ rest);
	const uint8_t *tail = key->tail;
	for (; left >= 8; tail += 8, left -= 8)
		hash = dns_hash_mix(hash ^ dns_word_load(tail), 0x8bb84b93962eacc9u);
	if (left > 0)
		hash = dns_hash_mix(hash ^ dns_tail_load(tail, left), 0xa24baed4963ee407u);
	return dns_hash_mix(hash ^ key->tail_length, 0x9e6c63d0a15ad9ebu);
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
		key->tail_length = (uint8_t)(key->tail_length - 1 - length);
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
	uint16_t rank = 0;
	if (rules->n_ranks == 0)
		return size;
	for (unsigned i = 0; i < rules->n_ranks && rules->ranks[i] <= size; i++)
		rank = rules->ranks[i];
	return rank;
}

/* The OPT with its options; of those that are skipped, code and length. */
static bool options_add(struct cache_key *key, const struct cache_key_rules *rules,
			const uint8_t *query, const struct dns_edns *edns)
{
	struct dns_options options;
	struct dns_option option;
	uint8_t fixed[DNS_OPT_SIZE];
	memcpy(fixed, query + edns->offset, sizeof(fixed));
	dns_u16_store(fixed + 3, ranked(rules, edns->udp_size));
	if (!tail_add(key, fixed, sizeof(fixed)))
		return false;
	dns_options_open(&options, query, edns);
	int more;
	while ((more = dns_option_next(&options, &option)) > 0) {
		size_t data = skipped(rules, option.code) ? 0 : option.length;
		if (!tail_add(key, query + option.start, 4 + data))
			return false;
	}
	return more == 0;
}

bool cache_key_make(struct cache_key *key, const struct cache_key_rules *rules, uint64_t seed,
		    const uint8_t *query, size_t length, size_t question_end, uint8_t flags)
{
	struct dns_edns edns;
	memcpy(key->head, query + 2, CACHE_KEY_HEAD - 1);
	key->head[CACHE_KEY_HEAD - 1] = flags;
	key->tail_length = 0;
	size_t name_length = question_end - DNS_HEADER_SIZE - DNS_QUESTION_FIXED;
	if (dns_edns_find(query, length, question_end, &edns) != DNS_OK)
		return false;
	size_t opt = edns.offset != 0 ? edns.offset : length;
	size_t behind = edns.offset != 0 ? edns.end : length;
	const uint8_t *type = query + question_end - DNS_QUESTION_FIXED;
	if (!tail_add(key, type, query + opt - type))
		return false;
	if (edns.offset != 0 && !options_add(key, rules, query, &edns))
		return false;
	if (!tail_add(key, query + behind, length - behind))
		return false;
	key->hash = cache_key_hash(key, seed, query + DNS_HEADER_SIZE, name_length);
	return true;
}
