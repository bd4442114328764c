/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What large tables of subscribers cost: seconds to read and build, bytes a subscriber, nanoseconds
 * a look-up, and nanoseconds to set the tags.
 *
 *   bench_subscribers [SUBSCRIBERS...]      default 1000 to 5000000
 *
 * Subscribers are made up, the same in each run, in a file that is read as a policy's would be:
 * half of them have a sixty-third of the ports of an IPv4 address they share, the other half an
 * IPv6 /56, none of which borders on another. There are twelve sets of two tags. Lines are in
 * order, or in one of chance.
 *
 * Clients, all of whom are in the table, are looked up in an order of chance, and then again with
 * their tags and ids set on a packet that has no others. Each look-up depends on the one before, so
 * that they cannot overlap. Then the same in bursts of 32, as workers look up the clients of a
 * burst before its rules.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/lists/lists.h"
#include "dataplane/rules/tags.h"
#include "tests/bench/measure.h"

#define LOOKUPS 2000000u
#define BURST 32u
#define SHARED 63u /* subscribers of an address */
#define PORTS 1024u

struct client {
	uint8_t address[16];
	uint16_t port; /* 0 for IPv6 */
	bool ipv6;
};

/* A client of the subscriber with this number; of every second /56 there is none. */
static struct client client_make(uint64_t number, bool shared, uint32_t extra)
{
	struct client client = {.ipv6 = !shared};
	uint64_t prefix = __builtin_bswap64(UINT64_C(0x20010db800000000) + (number << 9));
	uint32_t address = __builtin_bswap32(UINT32_C(0x64400000) + (uint32_t)(number / SHARED));
	if (!shared) {
		memcpy(client.address, &prefix, sizeof(prefix));
		memcpy(client.address + 8, &extra, sizeof(extra));
		return client;
	}
	memcpy(client.address, &address, sizeof(address));
	client.port = (uint16_t)(PORTS + number % SHARED * PORTS + extra % PORTS);
	return client;
}

static const char *const tags[] = {"profile=kids region=north",	    "profile=kids region=south",
				   "profile=adults region=north",   "profile=adults region=south",
				   "profile=business region=north", "profile=business region=south",
				   "profile=kids,region=east",	    "profile=kids,region=west",
				   "profile=adults,region=east",    "profile=adults,region=west",
				   "profile=business,region=east",  "profile=business,region=west"};

static void line_write(FILE *file, uint64_t number, bool shared)
{
	struct client client = client_make(number, shared, 0);
	const uint8_t *at = client.address;
	if (shared)
		fprintf(file, "%u.%u.%u.%u:%u-%u", at[0], at[1], at[2], at[3], client.port,
			client.port + PORTS - 1u);
	else
		fprintf(file, "%x:%x:%x:%x::/56", at[0] << 8 | at[1], at[2] << 8 | at[3],
			at[4] << 8 | at[5], at[6] << 8 | at[7]);
	fprintf(file, "\ts%08lu\t%s\n", (unsigned long)number,
		tags[mix(number) % (sizeof(tags) / sizeof(tags[0]))]);
}

/* The lines of `count` subscribers: in order, or each a step of a prime behind the last. */
static bool file_write(const char *path, uint64_t count, bool sorted)
{
	FILE *file = fopen(path, "w");
	uint64_t at = 0;
	if (file == NULL)
		return false;
	for (uint64_t i = 0; i < count; i++, at = (at + 1000000007u) % count) {
		uint64_t number = sorted ? i : at;
		line_write(file, number / 2, number % 2 == 0);
	}
	return fclose(file) == 0;
}

static struct client client_draw(uint64_t i, uint64_t count, uint64_t last)
{
	uint64_t draw = mix(i + last);
	return client_make((draw >> 8) % (count / 2), draw & 1, (uint32_t)(draw >> 32));
}

static uint64_t block_memory[NOTE_BLOCK_SIZE / 8]; /* of the packet, for each anew */

static void *block_take(void)
{
	return block_memory;
}

static void block_give(void *block)
{
	(void)block;
}

/* What goes on: making up a client; with a table the look-up too; with `set` the tags as well. */
static double round_time(const struct subscriber_table *table, uint64_t count, bool set)
{
	uint64_t last = 0;
	double start = now();
	for (uint64_t i = 0; i < LOOKUPS; i++) {
		struct client client = client_draw(i, count, last);
		struct note_block *notes = NULL;
		struct subscriber subscriber;
		if (table == NULL)
			last = client.address[0] == 0xff; /* never */
		else if (!subscriber_find(table, client.address, client.ipv6, client.port,
					  &subscriber))
			abort();
		else if (set)
			last = (uint64_t)subscriber_tags_set(&subscriber, "subscriber", 10, &notes);
		else /* never, but the next one must wait */
			last = subscriber.record == SUBSCRIBER_NOBODY;
	}
	return (now() - start) / LOOKUPS * 1e9;
}

static double bursts_time(const struct subscriber_table *table, uint64_t count, bool set)
{
	struct client drawn[BURST];
	struct subscriber_client clients[BURST];
	uint32_t records[BURST];
	uint64_t last = 0;
	double start = now();
	for (uint64_t i = 0; i < LOOKUPS; i += BURST) {
		for (unsigned n = 0; n < BURST; n++) {
			drawn[n] = client_draw(i + n, count, last);
			clients[n] = (struct subscriber_client){drawn[n].address, drawn[n].ipv6,
								drawn[n].port};
		}
		subscriber_find_bulk(table, clients, BURST, records);
		for (unsigned n = 0; n < BURST; n++) {
			struct subscriber subscriber = {table, records[n]};
			struct note_block *notes = NULL;
			if (records[n] == SUBSCRIBER_NOBODY)
				abort();
			if (set)
				last |= (uint64_t)subscriber_tags_set(&subscriber, "subscriber", 10,
								      &notes);
		}
	}
	return (now() - start) / LOOKUPS * 1e9;
}

static void lookups_time(const struct subscriber_table *table, uint64_t count)
{
	double making = round_time(NULL, count, false);
	double finding = round_time(table, count, false) - making;
	double setting = round_time(table, count, true) - making;
	printf("%10lu  found in %.1f ns, found and three tags set in %.1f ns\n",
	       (unsigned long)count, finding, setting);
	finding = bursts_time(table, count, false) - making;
	setting = bursts_time(table, count, true) - making;
	printf("%10lu  in bursts found in %.1f ns, found and three tags set in %.1f ns\n",
	       (unsigned long)count, finding, setting);
}

static int file_run(const char *path, uint64_t count, bool sorted)
{
	struct list_options options = {0};
	struct list_report report;
	if (!file_write(path, count, sorted))
		return 1;
	double start = now();
	struct subscriber_table *table = list_load_subscribers(path, &options, &report);
	double seconds = now() - start;
	if (table == NULL || report.errors != 0 || subscriber_table_count(table) != count) {
		fprintf(stderr, "%s: %s, %lu errors\n", path, report.failure,
			(unsigned long)report.errors);
		subscriber_table_free(table);
		return 1;
	}
	printf("%10lu  %s, read and built in %.2f s, %.1f bytes each with an id of 9\n",
	       (unsigned long)count, sorted ? "in order" : "in no order", seconds,
	       (double)subscriber_table_memory(table) / (double)count);
	if (!sorted)
		lookups_time(table, count);
	subscriber_table_free(table);
	return 0;
}

static int size_run(uint64_t count)
{
	char path[] = "/tmp/sluice-bench-subscribers.XXXXXX";
	int fd = mkstemp(path);
	if (fd < 0)
		return 1;
	close(fd);
	int status = file_run(path, count, true) | file_run(path, count, false);
	unlink(path);
	return status;
}

int main(int argc, char **argv)
{
	static const uint64_t sizes[] = {1000, 10000, 100000, 1000000, 5000000};
	int status = 0;
	notes_allocator_set(block_take, block_give);
	for (int i = 1; i < argc; i++)
		status |= size_run(strtoul(argv[i], NULL, 10));
	for (unsigned i = 0; argc == 1 && i < sizeof(sizes) / sizeof(sizes[0]); i++)
		status |= size_run(sizes[i]);
	return status;
}
