/* SPDX-License-Identifier: BSD-2-Clause */
#include "dataplane/hash.h"

#include "dataplane/net/net.h"
#include "dataplane/rules/timed_set.h"
#include "tests/unit/unit.h"

#define BUCKETS 256u
#define ADDRESSES 4096u
#define SECRETS 2000u

/* splitmix64 */
static uint64_t draw(uint64_t number)
{
	uint64_t x = number * 0x9e3779b97f4a7c15u;
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
	x = (x ^ x >> 27) * 0x94d049bb133111ebu;
	return x ^ x >> 31;
}

static uint64_t net_hash(const uint64_t secrets[2], uint32_t host)
{
	struct net_address address = {.bytes = {10, 53, (uint8_t)(host >> 8), (uint8_t)host}};
	return net_address_hash(&address, secrets, 0);
}

static uint64_t set_hash(const uint64_t secrets[2], uint32_t host)
{
	const uint8_t bytes[16] = {10, 53, (uint8_t)(host >> 8), (uint8_t)host};
	uint64_t words[2];
	timed_set_address(bytes, false, words);
	return timed_set_hash(secrets[0], words);
}

/* How many of them have a place where each of 256 buckets has eight: 2,048 if they are spread. */
static unsigned placed(uint64_t hash(const uint64_t secrets[2], uint32_t host), const uint64_t secrets[2])
{
	unsigned in[BUCKETS] = {0}, found = 0;
	for (uint32_t host = 0; host < ADDRESSES; host++)
		found += in[hash(secrets, host) % BUCKETS]++ < 8;
	return found;
}

/* Those of one network, whatever the secret: of a single product one secret in 150 crowds them. */
START_TEST(neighbours_are_spread)
{
	for (uint64_t i = 1; i <= SECRETS; i++) {
		const uint64_t secrets[2] = {draw(2 * i), draw(2 * i + 1)};
		ck_assert_uint_ge(placed(net_hash, secrets), 2000);
		ck_assert_uint_ge(placed(set_hash, secrets), 2000);
	}
}
END_TEST

/* Where the second secret has zeros there, a single product leaves a few buckets for all. */
START_TEST(unlucky_secrets_do_no_harm)
{
	for (uint64_t i = 1; i <= 64; i++) {
		const uint64_t secrets[2] = {draw(2 * i), draw(2 * i + 1) & ~(UINT64_C(0xffff) << 40)};
		ck_assert_uint_ge(placed(net_hash, secrets), 2000);
	}
}
END_TEST

static Suite *hash_suite(void)
{
	Suite *suite = suite_create("hash");
	TCase *spread = tcase_create("spread");
	tcase_add_test(spread, neighbours_are_spread);
	tcase_add_test(spread, unlucky_secrets_do_no_harm);
	suite_add_tcase(suite, spread);
	return suite;
}

UNIT_MAIN(hash_suite)
