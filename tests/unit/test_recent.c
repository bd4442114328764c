/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"

#include <pthread.h>
#include <string.h>

#include "control/suffixes.h"
#include "dataplane/dns/message.h"
#include "dataplane/recent.h"
#include "dataplane/stats.h"

#define BURST 64u

struct fake {
	struct rte_mbuf mbuf;
	uint8_t private[PACKET_PRIVATE_SIZE];
	uint8_t bytes[512];
};

static struct fake packets[BURST];
static struct rte_mbuf *burst[BURST];
static struct recent *recent;
static struct recent_lcore lcore;

/* A query for a name of so many bytes. */
static void packet_make(struct fake *made, uint16_t number, uint8_t label)
{
	struct rte_mbuf *mbuf = &made->mbuf;
	memset(made, 0, sizeof(*made));
	mbuf->buf_addr = made->bytes;
	mbuf->buf_len = sizeof(made->bytes);
	mbuf->priv_size = PACKET_PRIVATE_SIZE;
	struct packet *packet = packet_of(mbuf);
	packet->query.client_port = number;
	packet->query.qtype = number;
	packet->query.qname_length = label + 2;
	uint8_t *dns = packet_dns(mbuf);
	dns[DNS_HEADER_SIZE] = label;
	memset(dns + DNS_HEADER_SIZE + 1, number, label);
	packet_dns_resize(mbuf, (uint16_t)(DNS_HEADER_SIZE + label + 2 + DNS_QUESTION_FIXED));
}

static void rings_make(uint32_t size, uint32_t rate)
{
	const struct recent_options options = {.size = {size, size}, .rate = rate};
	size_t bytes = RTE_CACHE_LINE_ROUNDUP(recent_memory(&options, 1));
	free(recent);
	recent = aligned_alloc(RTE_CACHE_LINE_SIZE, bytes);
	ck_assert_ptr_nonnull(recent);
	memset(recent, 0, bytes);
	recent_open(recent, &options, 1);
	memset(&lcore, 0, sizeof(lcore));
	recent_adopt(&lcore, recent, 0);
	for (uint16_t i = 0; i < BURST; i++) {
		packet_make(&packets[i], i, (uint8_t)(i % 60 + 1));
		burst[i] = &packets[i].mbuf;
	}
}

static const struct recent_ring *ring(enum recent_kind kind)
{
	return &recent->rings[0][kind];
}

static struct recent_entry entry(enum recent_kind kind, uint64_t number)
{
	struct recent_entry copy;
	ck_assert(recent_copy(ring(kind), number, &copy));
	return copy;
}

START_TEST(query_is_recorded)
{
	rings_make(8, 0);
	struct packet *packet = packet_of(burst[7]);
	memcpy(packet->query.client_addr, "\xc0\x00\x02\x01", 4);
	memcpy(packet_dns(burst[7]), "\x12\x34\x01\x00\x00\x01", 6);
	recent_queries(&lcore, &burst[7], 1, 1234);
	struct recent_entry found = entry(RECENT_QUERIES, 0);
	ck_assert_uint_eq(found.when, 1234);
	ck_assert_uint_eq(found.weight, 1);
	ck_assert_uint_eq(found.client_port, 7);
	ck_assert_uint_eq(found.size, DNS_HEADER_SIZE + 10 + 4);
	ck_assert_uint_eq(found.flags, RECENT_MAC);
	ck_assert_uint_eq(found.name_length, 10);
	ck_assert_mem_eq(found.name, "\x08\x07\x07\x07\x07\x07\x07\x07\x07\x00", 10);
	ck_assert_mem_eq(found.client, "\xc0\x00\x02\x01", 4);
	ck_assert_mem_eq(found.header, "\x12\x34\x01\x00\x00\x01", 6);
	ck_assert(!recent_copy(ring(RECENT_QUERIES), 1, &found));
}
END_TEST

START_TEST(answer_and_timeout_are_recorded)
{
	rings_make(8, 0);
	struct packet *packet = packet_of(burst[3]);
	packet->query.arrival = 1000;
	packet->query.backend = 5;
	packet->query.flags = QUERY_TCP | QUERY_IPV6;
	packet->origin = STATS_FORWARDED_ANSWER;
	recent_answer(&lcore, burst[3], 1000 + (77 << RECENT_TICK_SHIFT));
	recent_timeout(&lcore, &packet->query, packet_dns(burst[3]) + DNS_HEADER_SIZE, 9000);
	recent_answer(&lcore, burst[3], 500); /* before it came: the clocks of lcores */
	struct recent_entry found = entry(RECENT_RESPONSES, 0);
	ck_assert_uint_eq(found.ticks, 77);
	ck_assert_uint_eq(found.backend, 5);
	ck_assert_uint_eq(found.flags,
			  RECENT_TCP | RECENT_IPV6 | RECENT_RESPONSE | RECENT_FORWARDED);
	ck_assert_uint_eq(found.weight, 1);
	/* One of the two that make up the second block. */
	found = entry(RECENT_RESPONSES, 1);
	ck_assert_uint_eq(found.weight, 2);
	ck_assert_uint_eq(found.ticks, found.when == 9000 ? RECENT_TIMEOUT : 0);
}
END_TEST

/* What Lua left is no question: nothing behind it is read. */
START_TEST(message_may_be_cut)
{
	rings_make(8, 0);
	packet_dns_resize(burst[9], 5);
	recent_queries(&lcore, &burst[9], 1, 1);
	struct recent_entry found = entry(RECENT_QUERIES, 0);
	ck_assert_uint_eq(found.name_length, 0);
	ck_assert_uint_eq(found.size, 5);
}
END_TEST

START_TEST(ring_wraps)
{
	rings_make(5, 0);
	struct recent_entry copy;
	for (unsigned i = 0; i < 13; i++)
		recent_queries(&lcore, &burst[i], 1, i);
	ck_assert_uint_eq(recent_count(ring(RECENT_QUERIES)), 13);
	for (unsigned i = 0; i < 13; i++) {
		ck_assert_int_eq(recent_copy(ring(RECENT_QUERIES), i, &copy), i >= 8);
		if (i >= 8)
			ck_assert_uint_eq(copy.qtype, i);
	}
}
END_TEST

START_TEST(nothing_may_be_recorded)
{
	rings_make(5, 0);
	recent->options.size[RECENT_QUERIES] = recent->rings[0][RECENT_QUERIES].size = 0;
	recent_queries(&lcore, burst, BURST, 1);
	ck_assert_uint_eq(recent_count(ring(RECENT_QUERIES)), 0);
	recent_turn(&lcore, NULL, 0);
	recent_queries(&lcore, burst, BURST, 1);
	for (unsigned i = 0; i < 1000; i++)
		recent_answer(&lcore, burst[0], 1);
	ck_assert_uint_eq(recent_count(ring(RECENT_RESPONSES)), 0);
}
END_TEST

/* What entries say of each packet of a burst, over many of them. */
struct tally {
	uint64_t seen, packets, weight;
	uint64_t of[BURST]; /* sum of weights, by packet */
};

static void tally_read(struct tally *tally, enum recent_kind kind)
{
	uint64_t end = recent_count(ring(kind));
	for (; tally->seen < end; tally->seen++) {
		struct recent_entry found = entry(kind, tally->seen);
		tally->weight += found.weight;
		tally->of[found.qtype] += found.weight;
	}
}

static void tally_check(const struct tally *tally, unsigned count, uint64_t rounds)
{
	ck_assert_double_eq_tol((double)tally->weight / (double)tally->packets, 1, 0.05);
	for (unsigned i = 0; i < count; i++)
		ck_assert_double_eq_tol((double)tally->of[i] / (double)rounds, 1, 0.2);
}

static const uint32_t rates[] = {0, 1, 7, 100};

/* Each packet of each burst counts as one, on average. */
START_TEST(queries_are_weighed_fairly)
{
	struct tally tally = {0};
	rings_make(1000, rates[_i]);
	for (unsigned round = 0; round < 200000; round++) {
		unsigned count = round % 3 == 0 ? 1 : round % 3 == 1 ? 17 : BURST;
		recent_turn(&lcore, recent, 0);
		recent_queries(&lcore, burst, count, round);
		tally.packets += count;
		tally_read(&tally, RECENT_QUERIES);
	}
	ck_assert_double_eq_tol((double)tally.weight / (double)tally.packets, 1, 0.05);
	/* The first of them is in each round, the last ones in every third. */
	ck_assert_double_eq_tol((double)tally.of[0] / 200000, 1, 0.1);
	ck_assert_double_eq_tol((double)tally.of[16] / 133333, 1, 0.2);
	ck_assert_double_eq_tol((double)tally.of[63] / 66667, 1, 0.2);
}
END_TEST

START_TEST(responses_are_weighed_fairly)
{
	struct tally tally = {0};
	rings_make(1000, rates[_i]);
	for (unsigned round = 0; round < 100000; round++) {
		recent_turn(&lcore, recent, 0);
		/* Turns of a few come between those of many, and some have none. */
		unsigned count = round % 4 == 3 ? 0 : round % 4 == 2 ? 5 : BURST;
		for (unsigned i = 0; i < count; i++)
			recent_answer(&lcore, burst[i], round);
		tally.packets += count;
		tally_read(&tally, RECENT_RESPONSES);
	}
	tally_check(&tally, 5, 75000);
}
END_TEST

/* Under load about one a turn, of few all. */
START_TEST(load_decides_how_many)
{
	rings_make(1000, 0);
	for (unsigned turn = 0; turn < 1000; turn++) {
		recent_turn(&lcore, recent, 0);
		recent_queries(&lcore, burst, BURST, turn);
		for (unsigned i = 0; i < BURST; i++)
			recent_answer(&lcore, burst[i], turn);
	}
	ck_assert_uint_eq(recent_count(ring(RECENT_QUERIES)), 1000);
	ck_assert_uint_ge(recent_count(ring(RECENT_RESPONSES)), 990);
	ck_assert_uint_le(recent_count(ring(RECENT_RESPONSES)), 1010);
	for (unsigned turn = 0; turn < 10; turn++) /* a pause */
		recent_turn(&lcore, recent, 0);
	uint64_t before = recent_count(ring(RECENT_RESPONSES));
	for (unsigned turn = 0; turn < 100; turn++) {
		recent_turn(&lcore, recent, 0);
		recent_queries(&lcore, burst, 1, turn);
		recent_answer(&lcore, burst[0], turn);
	}
	ck_assert_uint_eq(recent_count(ring(RECENT_QUERIES)), 1100);
	ck_assert_uint_eq(recent_count(ring(RECENT_RESPONSES)) - before, 100);
}
END_TEST

/* ---- somebody reads meanwhile ---- */

static volatile bool writing;

static void *write_on(void *unused)
{
	(void)unused;
	for (uint64_t now = 0; writing; now++)
		recent_queries(&lcore, &burst[now % BURST], 1, now);
	return NULL;
}

/* No entry is a mixture: all of it is of one packet. */
static void entry_check(const struct recent_entry *found)
{
	uint16_t number = found->client_port;
	ck_assert_uint_eq(found->qtype, number);
	ck_assert_uint_eq(found->when % BURST, number);
	ck_assert_uint_eq(found->name_length, number % 60 + 3);
	for (unsigned i = 1; i + 1 < found->name_length; i++)
		ck_assert_uint_eq(found->name[i], (uint8_t)number);
}

START_TEST(torn_entries_are_none)
{
	pthread_t writer;
	uint64_t read = 0, torn = 0;
	rings_make(4, 0); /* so small that the writer is always near */
	writing = true;
	ck_assert_int_eq(pthread_create(&writer, NULL, write_on, NULL), 0);
	while (read < 200000) {
		uint64_t end = recent_count(ring(RECENT_QUERIES));
		for (uint64_t number = end > 4 ? end - 4 : 0; number < end; number++) {
			struct recent_entry found;
			if (!recent_copy(ring(RECENT_QUERIES), number, &found)) {
				torn++;
				continue;
			}
			entry_check(&found);
			read++;
		}
	}
	writing = false;
	pthread_join(writer, NULL);
	ck_assert_uint_gt(read, torn / 1000000); /* both are used */
}
END_TEST

/* ---- by suffix ---- */

static void name_add(struct suffixes *suffixes, const char *text, uint64_t queries)
{
	uint8_t name[DNS_NAME_MAX];
	int length = dns_name_parse(text, strlen(text), name);
	ck_assert_int_gt(length, 0);
	const struct suffix_sums sums = {.queries = queries, .bytes = 10 * queries};
	ck_assert_int_eq(suffixes_add(suffixes, name, (size_t)length, &sums), 0);
}

START_TEST(suffixes_are_summed)
{
	static const struct {
		const char *name;
		unsigned own, all, children, labels;
	} wanted[] = {
		{"z.net", 7, 7, 0, 2},		  {"net", 0, 7, 1, 1},
		{"a.example.org", 1, 1, 0, 3},	  {"c.b.example.org", 4, 4, 0, 4},
		{"b.example.org", 0, 4, 1, 3},	  {"example.org", 3, 8, 2, 2},
		{"notexample.org", 16, 16, 0, 2}, {"org", 0, 24, 2, 1},
		{"", 32, 63, 2, 0},
	};
	struct suffixes *suffixes = suffixes_new();
	struct suffix_node node;
	char text[DNS_NAME_TEXT_SIZE];
	name_add(suffixes, "example.org", 2);
	name_add(suffixes, "a.example.org", 1);
	name_add(suffixes, "z.net", 7);
	name_add(suffixes, "notexample.org", 16);
	name_add(suffixes, ".", 32);
	name_add(suffixes, "EXAMPLE.org", 1);
	name_add(suffixes, "c.b.Example.Org", 4);
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		ck_assert(suffixes_next(suffixes, &node));
		dns_name_print(node.name, text, sizeof(text), false);
		ck_assert_str_eq(text, wanted[i].name);
		ck_assert_uint_eq(node.own.queries, wanted[i].own);
		ck_assert_uint_eq(node.all.queries, wanted[i].all);
		ck_assert_uint_eq(node.all.bytes, 10 * wanted[i].all);
		ck_assert_uint_eq(node.children, wanted[i].children);
		ck_assert_uint_eq(node.labels, wanted[i].labels);
	}
	ck_assert(!suffixes_next(suffixes, &node));
	suffixes_free(suffixes);
}
END_TEST

START_TEST(names_may_be_long)
{
	struct suffixes *suffixes = suffixes_new();
	struct suffix_node node;
	char text[2 * DNS_LABELS_MAX + 1];
	for (unsigned i = 0; i < DNS_LABELS_MAX; i++)
		memcpy(text + 2 * i, "a.", 3);
	name_add(suffixes, text, 1);
	for (unsigned labels = DNS_LABELS_MAX + 1; labels-- > 0;) {
		ck_assert(suffixes_next(suffixes, &node));
		ck_assert_uint_eq(node.labels, labels);
		ck_assert_uint_eq(node.length, 2 * labels + 1);
		ck_assert_uint_eq(node.all.queries, 1);
	}
	ck_assert(!suffixes_next(suffixes, &node));
	suffixes_free(suffixes);
}
END_TEST

static Suite *suite(void)
{
	Suite *made = suite_create("recent");
	TCase *entries = tcase_create("entries");
	tcase_add_test(entries, query_is_recorded);
	tcase_add_test(entries, answer_and_timeout_are_recorded);
	tcase_add_test(entries, message_may_be_cut);
	tcase_add_test(entries, ring_wraps);
	tcase_add_test(entries, nothing_may_be_recorded);
	tcase_add_loop_test(entries, queries_are_weighed_fairly, 0, 4);
	tcase_add_loop_test(entries, responses_are_weighed_fairly, 0, 4);
	tcase_add_test(entries, load_decides_how_many);
	tcase_add_test(entries, torn_entries_are_none);
	suite_add_tcase(made, entries);
	TCase *names = tcase_create("suffixes");
	tcase_add_test(names, suffixes_are_summed);
	tcase_add_test(names, names_may_be_long);
	suite_add_tcase(made, names);
	return made;
}

UNIT_MAIN(suite)
