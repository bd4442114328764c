/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What dynamic blocks cost: nanoseconds to add one, and milliseconds for the one that took longest;
 * nanoseconds to extend one, and to look for a client and for a name; bytes of memory a block.
 *
 *   bench_blocks [BLOCKS...]      default 10, 1000, 100000, 1000000
 *
 * Blocks are of whole IPv4 addresses ("lengths" 1), or of /24 to /32 ("lengths" 9). Clients come in
 * an order of chance, in bursts of 32, as on a worker: first those that are blocked, then others.
 * Names have four labels, those of every third block three.
 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/dns/name.h"
#include "dataplane/rules/actions.h"
#include "dataplane/rules/block_set.h"
#include "tests/bench/measure.h"

#define LOOKUPS 2000000u
#define BURST 32u

static const struct blocks *view;
static double slowest; /* of adding or extending: seconds */

static void address_make(uint8_t address[static 16], uint64_t number)
{
	uint32_t bits = (uint32_t)mix(number);
	memcpy(address, &bits, sizeof(bits));
}

static size_t name_make(uint8_t name[static DNS_NAME_MAX], uint64_t number)
{
	char text[64];
	int length = snprintf(text, sizeof(text), "%08x.host.example.org", (uint32_t)mix(number));
	return (size_t)dns_name_parse(text, (size_t)length, name);
}

/* Nanoseconds a block to add `count` of them, or to extend them. */
static double clients_add(struct block_set *set, size_t count, unsigned lengths, uint64_t until)
{
	struct block_order order = {
		.reason = "too many", .until = until, .action = RULE_RESULT_DROP};
	struct block_client client;
	uint8_t address[16];
	double start = now(), before = start;
	slowest = 0;
	for (uint64_t i = 0; i < count; i++) {
		address_make(address, i);
		block_client_make(&client, address, false, (uint8_t)(32 - i % lengths), 0, 0);
		block_set_add_client(set, &client, &order, 1);
		block_set_reclaim(set);
		double after = now();
		slowest = after - before > slowest ? after - before : slowest;
		before = after;
	}
	return (now() - start) / (double)count * 1e9;
}

static double names_add(struct block_set *set, size_t count)
{
	struct block_order order = {
		.reason = "too many", .until = 100, .action = RULE_RESULT_DROP};
	uint8_t name[DNS_NAME_MAX];
	double start = now();
	for (uint64_t i = 0; i < count; i++) {
		size_t length = name_make(name, i), skip = i % 3 == 2 ? name[0] + 1u : 0;
		block_set_add_name(set, name + skip, length - skip, &order, 1);
		block_set_reclaim(set);
	}
	return (now() - start) / (double)count * 1e9;
}

/* Nanoseconds a look-up of `count` clients, the first of them that with number `from`. */
static double clients_find(const struct blocks *blocks, size_t count, uint64_t from,
			   uint64_t *found)
{
	static uint8_t addresses[BURST][16];
	struct block_ask asks[BURST] = {0};
	double sum = 0;
	for (uint64_t i = 0; i < LOOKUPS; i += BURST) {
		for (unsigned k = 0; k < BURST; k++) {
			address_make(addresses[k], from + mix(i + k) % count);
			asks[k].bytes = addresses[k];
		}
		double start = now();
		blocks_find_clients(blocks, asks, BURST, 1);
		sum += now() - start;
		for (unsigned k = 0; k < BURST; k++)
			*found += asks[k].found != NULL;
	}
	return sum / LOOKUPS * 1e9;
}

static double names_find(const struct blocks *blocks, size_t count, uint64_t from, uint64_t *found)
{
	static uint8_t names[BURST][DNS_NAME_MAX];
	struct block_ask asks[BURST] = {0};
	double sum = 0;
	for (uint64_t i = 0; i < LOOKUPS; i += BURST) {
		for (unsigned k = 0; k < BURST; k++) {
			asks[k].bytes = names[k];
			asks[k].length = (uint16_t)name_make(names[k], from + mix(i + k) % count);
		}
		double start = now();
		blocks_find_names(blocks, asks, BURST, 1);
		sum += now() - start;
		for (unsigned k = 0; k < BURST; k++)
			*found += asks[k].found != NULL;
	}
	return sum / LOOKUPS * 1e9;
}

static void clients_measure(size_t count, unsigned lengths)
{
	uint64_t found = 0;
	size_t before = mallinfo2().uordblks + mallinfo2().hblkhd;
	struct block_set *set = block_set_create(&view, NULL, 2, mix(1));
	double adding = clients_add(set, count, lengths, 100);
	double most = slowest * 1e3;
	size_t memory = mallinfo2().uordblks + mallinfo2().hblkhd - before;
	double extending = clients_add(set, count, lengths, 101);
	printf("%8zu %8u %8.0f %8.2f %8.0f %8.1f", count, lengths, adding, most, extending,
	       clients_find(view, count, 0, &found));
	printf(" %8.1f %8zu\n", clients_find(view, count, count, &found), memory / count);
	block_set_destroy(set);
	if (found < LOOKUPS)
		printf("not all were found\n");
}

static void names_measure(size_t count)
{
	uint64_t found = 0;
	struct block_set *set = block_set_create(&view, NULL, 2, mix(1));
	double adding = names_add(set, count);
	printf("%8zu %8s %8.0f %8s %8s %8.1f", count, "names", adding, "", "",
	       names_find(view, count, 0, &found));
	printf(" %8.1f\n", names_find(view, count, count, &found));
	block_set_destroy(set);
	if (found < LOOKUPS)
		printf("not all were found\n");
}

int main(int argc, char **argv)
{
	static const char *const usual[] = {"10", "1000", "100000", "1000000"};
	const char *const *counts = argc > 1 ? (const char *const *)argv + 1 : usual;
	unsigned n = argc > 1 ? (unsigned)argc - 1 : 4;
	printf("%8s %8s %8s %8s %8s %8s %8s %8s\n", "blocks", "lengths", "add", "most ms",
	       "extend", "blocked", "others", "bytes");
	for (unsigned i = 0; i < n; i++) {
		size_t count = strtoul(counts[i], NULL, 10);
		if (count == 0 || count > BLOCKS_MAX)
			return EXIT_FAILURE;
		clients_measure(count, 1);
		clients_measure(count, 9);
		names_measure(count);
	}
	return EXIT_SUCCESS;
}
