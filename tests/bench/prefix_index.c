/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What large prefix sets cost: seconds to build, bytes a prefix, nanoseconds a look-up.
 *
 *   bench_prefix_index [PREFIXES...]      of each family; default 1000 to 1000000
 *
 * Prefixes are made up, the same in each run: IPv4 /16 to /32, IPv6 /32 to /64 within 2000::/3.
 * Addresses are looked up in an order of chance, each once: half lie in some prefix. One by one,
 * each look-up's address depends on the one before, so that they cannot overlap; in bursts of 32,
 * as workers look up the clients of a burst before its rules, that of each burst does. No cache of
 * a core holds the index of a million.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/rules/prefix_index.h"
#include "tests/bench/measure.h"

#define LOOKUPS 2000000u
#define BURST 32u

static void address_make(uint8_t address[static 16], uint64_t number, bool ipv6)
{
	uint64_t bits = mix(number), more = mix(bits);
	memset(address, 0, 16);
	memcpy(address, &bits, ipv6 ? 8 : 4);
	if (ipv6) {
		memcpy(address + 8, &more, 8);
		address[0] = (uint8_t)(0x20 | (address[0] & 0x1f));
	}
}

static void member_make(struct prefix_member *member, uint64_t number, bool ipv6)
{
	*member = (struct prefix_member){.value = (uint32_t)number};
	member->prefix.ipv6 = ipv6;
	member->prefix.length = (uint8_t)(ipv6 ? 32 + number % 33 : 16 + number % 17);
	address_make(member->prefix.address, number, ipv6);
	for (unsigned bit = member->prefix.length; bit < 128; bit++)
		member->prefix.address[bit / 8] &= (uint8_t) ~(0x80u >> bit % 8);
}

/* What making the addresses takes, which is no look-up. */
static double making_time(size_t count, bool ipv6)
{
	uint8_t address[16];
	uint64_t last = 0;
	double start = now();
	for (uint64_t i = 0; i < LOOKUPS; i++) {
		address_make(address, mix(i) % (2 * count) + last, ipv6);
		last = address[3] == 0 && address[15] == 1 && address[1] == 2 && i == LOOKUPS;
	}
	return now() - start;
}

static double singles_time(const struct prefix_index *index, size_t count, bool ipv6,
			   uint64_t *found)
{
	uint8_t address[16];
	uint64_t last = 0;
	double start = now();
	for (uint64_t i = 0; i < LOOKUPS; i++) {
		address_make(address, mix(i) % (2 * count) + last, ipv6);
		const struct prefix_member *member = prefix_index_find(index, address, ipv6);
		*found += member != NULL;
		last = member == (const void *)index; /* never: but the next one must wait */
	}
	return now() - start;
}

static double bursts_time(const struct prefix_index *index, size_t count, bool ipv6,
			  uint64_t *found)
{
	uint8_t bytes[BURST][16];
	const uint8_t *addresses[BURST];
	const struct prefix_member *members[BURST];
	uint64_t last = 0;
	double start = now();
	for (uint64_t i = 0; i < LOOKUPS; i += BURST) {
		for (unsigned n = 0; n < BURST; n++) {
			address_make(bytes[n], mix(i + n) % (2 * count) + last, ipv6);
			addresses[n] = bytes[n];
		}
		prefix_index_find_bulk(index, addresses, ipv6 ? UINT64_MAX : 0, BURST, members);
		for (unsigned n = 0; n < BURST; n++) {
			*found += members[n] != NULL;
			last |= members[n] == (const void *)index;
		}
	}
	return now() - start;
}

static void lookups_time(const struct prefix_index *index, size_t count, bool ipv6)
{
	uint64_t found = 0, found_in_bursts = 0;
	double making = making_time(count, ipv6);
	double singles = singles_time(index, count, ipv6, &found) - making;
	double bursts = bursts_time(index, count, ipv6, &found_in_bursts) - making;
	if (found != found_in_bursts)
		abort();
	printf("%10zu  %s  %6.1f ns, in bursts %6.1f ns  %4.1f %% found\n", count,
	       ipv6 ? "IPv6" : "IPv4", singles / LOOKUPS * 1e9, bursts / LOOKUPS * 1e9,
	       100.0 * (double)found / LOOKUPS);
}

static int size_run(size_t count)
{
	struct prefix_member *members = malloc(2 * count * sizeof(*members));
	if (members == NULL)
		return 1;
	for (size_t i = 0; i < count; i++) {
		member_make(&members[i], i, false);
		member_make(&members[count + i], i, true);
	}
	double start = now();
	struct prefix_index *index = prefix_index_build(members, 2 * count);
	double seconds = now() - start;
	free(members);
	if (index == NULL)
		return 1;
	printf("%10zu  built in %.2f s, %.1f bytes a prefix\n", 2 * count, seconds,
	       (double)prefix_index_memory(index) / (double)prefix_index_count(index));
	lookups_time(index, count, false);
	lookups_time(index, count, true);
	prefix_index_free(index);
	return 0;
}

int main(int argc, char **argv)
{
	static const size_t sizes[] = {1000, 10000, 100000, 1000000};
	int status = 0;
	for (int i = 1; i < argc; i++)
		status |= size_run(strtoul(argv[i], NULL, 10));
	for (unsigned i = 0; argc == 1 && i < sizeof(sizes) / sizeof(sizes[0]); i++)
		status |= size_run(sizes[i]);
	return status;
}
