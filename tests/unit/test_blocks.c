/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <string.h>

#include <rte_rcu_qsbr.h>

#include "dataplane/dns/name.h"
#include "dataplane/rules/actions.h"
#include "dataplane/rules/block_parts.h"

#define LCORES 3u
#define MANY 100000u

static const struct blocks *now;
static struct block_set *set;

static void setup(void)
{
	set = block_set_create(&now, NULL, LCORES, 0x123456789abcdef);
}

static void teardown(void)
{
	block_set_destroy(set);
	ck_assert_ptr_null(now);
}

static struct block_client client_of(const char *text, uint8_t length, uint16_t port, uint8_t bits)
{
	struct block_client client;
	uint8_t bytes[16];
	bool ipv6 = strchr(text, ':') != NULL;
	ck_assert_int_eq(inet_pton(ipv6 ? AF_INET6 : AF_INET, text, bytes), 1);
	ck_assert_int_eq(block_client_make(&client, bytes, ipv6, length, port, bits), 0);
	return client;
}

static struct block_order order_of(const char *reason, uint64_t until)
{
	return (struct block_order){.reason = reason, .until = until, .action = RULE_RESULT_DROP};
}

static int add(const char *text, uint8_t length, const char *reason, uint64_t until)
{
	struct block_client client = client_of(text, length, 0, 0);
	struct block_order order = order_of(reason, until);
	return block_set_add_client(set, &client, &order, 10);
}

static int remove_one(const char *text, uint8_t length)
{
	struct block_client client = client_of(text, length, 0, 0);
	return block_set_remove_client(set, &client, 10);
}

static const struct block *find_one(const struct blocks *view, const uint8_t *bytes, bool ipv6,
				    uint16_t port, uint64_t at)
{
	struct block_ask ask = {.bytes = bytes, .ipv6 = ipv6, .port = port};
	if (view == NULL || view->clients == NULL)
		return NULL;
	blocks_find_clients(view, &ask, 1, at);
	return ask.found;
}

static const struct block *find(const char *text, uint16_t port, uint64_t at)
{
	uint8_t bytes[16];
	bool ipv6 = strchr(text, ':') != NULL;
	memset(bytes, 0xa5, sizeof(bytes)); /* what is behind an IPv4 address does not count */
	ck_assert_int_eq(inet_pton(ipv6 ? AF_INET6 : AF_INET, text, bytes), 1);
	return find_one(now, bytes, ipv6, port, at);
}

static const char *reason(const char *text, uint16_t port, uint64_t at)
{
	const struct block *block = find(text, port, at);
	return block != NULL ? block->reason : "none";
}

static int add_name(const char *text, const char *why, uint64_t until)
{
	uint8_t name[DNS_NAME_MAX];
	struct block_order order = order_of(why, until);
	int length = dns_name_parse(text, strlen(text), name);
	return block_set_add_name(set, name, (size_t)length, &order, 10);
}

static const char *reason_name(const char *text, uint64_t at)
{
	uint8_t name[DNS_NAME_MAX];
	int length = dns_name_parse(text, strlen(text), name);
	struct block_ask ask = {.bytes = name, .length = (uint16_t)length};
	if (now != NULL)
		blocks_find_names(now, &ask, 1, at);
	return ask.found != NULL ? ask.found->reason : "none";
}

static void hit(const struct block *block, unsigned lcore, unsigned times)
{
	block->hits[lcore * BLOCK_HITS_ROW] += times;
}

START_TEST(the_longest_prefix_counts)
{
	ck_assert_int_eq(add("192.0.2.99", 24, "network", 100), BLOCK_ADDED);
	ck_assert_int_eq(add("192.0.2.7", 32, "host", 50), BLOCK_ADDED);
	ck_assert_int_eq(add("0.0.0.0", 0, "all", 90), BLOCK_ADDED);
	ck_assert_int_eq(add("2001:db8::1", 64, "six", 100), BLOCK_ADDED);
	ck_assert_str_eq(reason("192.0.2.7", 1, 20), "host");
	ck_assert_str_eq(reason("192.0.2.8", 1, 20), "network");
	ck_assert_str_eq(reason("198.51.100.1", 1, 20), "all");
	ck_assert_str_eq(reason("2001:db8::ffff:1", 1, 20), "six");
	ck_assert_str_eq(reason("2001:db8:0:1::1", 1, 20), "none");
	/* One that has expired hides none that is wider. */
	ck_assert_str_eq(reason("192.0.2.7", 1, 50), "network");
	ck_assert_str_eq(reason("198.51.100.1", 1, 90), "none");
	ck_assert_int_eq(remove_one("192.0.2.0", 24), 0);
	ck_assert_int_eq(remove_one("192.0.2.0", 24), -ENOENT);
	ck_assert_str_eq(reason("192.0.2.8", 1, 20), "all");
}
END_TEST

START_TEST(ports_are_of_a_whole_address)
{
	uint8_t bytes[16] = {192, 0, 2, 1};
	struct block_client quarter = client_of("192.0.2.1", 32, 20000, 2), refused;
	struct block_order order = order_of("quarter", 100);
	ck_assert_uint_eq(quarter.port, 16384);
	ck_assert_int_eq(block_set_add_client(set, &quarter, &order, 10), BLOCK_ADDED);
	ck_assert_int_eq(add("192.0.2.1", 24, "network", 100), BLOCK_ADDED);
	ck_assert_str_eq(reason("192.0.2.1", 16384, 20), "quarter");
	ck_assert_str_eq(reason("192.0.2.1", 32767, 20), "quarter");
	ck_assert_str_eq(reason("192.0.2.1", 16383, 20), "network");
	ck_assert_str_eq(reason("192.0.2.1", 32768, 20), "network");
	ck_assert_str_eq(reason("192.0.2.2", 16384, 20), "network");
	ck_assert_int_eq(block_client_make(&refused, bytes, false, 24, 1, 2), -EINVAL);
	ck_assert_int_eq(block_client_make(&refused, bytes, false, 33, 0, 0), -EINVAL);
	ck_assert_int_eq(block_client_make(&refused, bytes, false, 32, 0, 17), -EINVAL);
}
END_TEST

START_TEST(the_longest_suffix_counts)
{
	ck_assert_str_eq(reason_name("example.org", 20), "none");
	ck_assert_int_eq(add_name("Example.ORG", "two", 100), BLOCK_ADDED);
	ck_assert_int_eq(add_name("a.b.example.org", "four", 50), BLOCK_ADDED);
	ck_assert_str_eq(reason_name("example.org", 20), "two");
	ck_assert_str_eq(reason_name("WWW.exAmple.org", 20), "two");
	ck_assert_str_eq(reason_name("x.A.b.example.org", 20), "four");
	ck_assert_str_eq(reason_name("x.a.b.example.org", 50), "two");
	ck_assert_str_eq(reason_name("notexample.org", 20), "none");
	ck_assert_str_eq(reason_name("org", 20), "none");
	ck_assert_int_eq(add_name(".", "root", 100), BLOCK_ADDED);
	ck_assert_str_eq(reason_name("org", 20), "root");
	ck_assert_uint_eq(block_set_count(set, true), 3);
	ck_assert_uint_eq(block_set_count(set, false), 0);
}
END_TEST

START_TEST(a_block_that_is_there_stays_or_becomes_the_new_one)
{
	struct block_client client = client_of("192.0.2.1", 32, 0, 0);
	struct block_order order = order_of("warning", 100);
	order.warning = true;
	ck_assert_int_eq(block_set_add_client(set, &client, &order, 10), BLOCK_ADDED);
	hit(find("192.0.2.1", 0, 10), 2, 5);
	/* More than a warning, if for less time; then it counts on. */
	ck_assert_int_eq(add("192.0.2.1", 32, "real", 60), BLOCK_ADDED);
	ck_assert_uint_eq(block_set_hits(set, find("192.0.2.1", 0, 10)), 5);
	ck_assert(!find("192.0.2.1", 0, 10)->warning);
	ck_assert_int_eq(block_set_add_client(set, &client, &order, 10), BLOCK_KEPT);
	ck_assert_int_eq(add("192.0.2.1", 32, "sooner", 59), BLOCK_KEPT);
	ck_assert_int_eq(add("192.0.2.1", 32, "later", 70), BLOCK_EXTENDED);
	ck_assert_str_eq(reason("192.0.2.1", 0, 69), "later");
	hit(find("192.0.2.1", 0, 10), 0, 1);
	ck_assert_uint_eq(block_set_hits(set, find("192.0.2.1", 0, 10)), 6);
	/* After its end it is another one. */
	ck_assert_int_eq(block_set_add_client(set, &client, &order, 70), BLOCK_ADDED);
	ck_assert_uint_eq(block_set_hits(set, find("192.0.2.1", 0, 70)), 0);
	ck_assert_uint_eq(block_set_count(set, false), 1);
}
END_TEST

START_TEST(a_tag_is_part_of_the_block)
{
	struct block_client client = client_of("192.0.2.1", 32, 0, 0);
	struct block_order order = order_of("tags", 100);
	order.action = RULE_RESULT_SET_TAG;
	order.tag = "name";
	order.tag_length = 4;
	order.value = "a";
	order.value_length = 1;
	ck_assert_int_eq(block_set_add_client(set, &client, &order, 10), BLOCK_ADDED);
	const struct block *first = find("192.0.2.1", 0, 20);
	hit(first, 1, 3);
	ck_assert_mem_eq(first->tag->bytes, "namea", 5);
	order.value = "b";
	ck_assert_int_eq(block_set_add_client(set, &client, &order, 10), BLOCK_EXTENDED);
	const struct block *second = find("192.0.2.1", 0, 20);
	ck_assert_ptr_ne(first, second);
	ck_assert_mem_eq(second->tag->bytes, "nameb", 5);
	hit(first, 1, 1); /* by a worker that still has that one */
	ck_assert_uint_eq(block_set_hits(set, second), 4);
	ck_assert_int_eq(block_set_add_client(set, &client, &order, 10), BLOCK_EXTENDED);
	ck_assert_ptr_eq(find("192.0.2.1", 0, 20), second);
	block_set_reclaim(set);
	block_set_reclaim(set);
	ck_assert_uint_eq(block_set_hits(set, second), 4);
}
END_TEST

static void address_text(uint32_t number, char text[static INET_ADDRSTRLEN])
{
	uint32_t address = htonl(0x0a000000u + number * 7);
	inet_ntop(AF_INET, &address, text, INET_ADDRSTRLEN);
}

START_TEST(there_may_be_many)
{
	char text[INET_ADDRSTRLEN];
	for (uint32_t i = 0; i < MANY; i++) {
		address_text(i, text);
		ck_assert_int_eq(add(text, 32, "many", 20 + i % 2 * 100), BLOCK_ADDED);
		block_set_reclaim(set);
	}
	ck_assert_uint_eq(block_set_count(set, false), MANY);
	for (uint32_t i = 0; i < MANY; i++) {
		address_text(i, text);
		hit(find(text, 1, 15), 0, 1);
		ck_assert_uint_eq(block_set_hits(set, find(text, 1, 15)), 1);
	}
	while (!block_set_sweep(set, 20, true, true))
		block_set_reclaim(set);
	ck_assert_uint_eq(block_set_count(set, false), MANY / 2);
	const struct block *block;
	uint32_t cursor = 0, seen = 0;
	for (; (block = block_set_next(set, &cursor)) != NULL; seen++)
		ck_assert(block->until == 120 && block->recent == 1);
	ck_assert_uint_eq(seen, MANY / 2);
	block_set_clear(set);
	ck_assert_ptr_null(now);
	ck_assert_uint_eq(block_set_count(set, false), 0);
}
END_TEST

/* Memory comes back over the calls, or when as many again want it. */
START_TEST(cleared_in_steps)
{
	char text[INET_ADDRSTRLEN];
	unsigned calls = 0;
	for (unsigned round = 0; round < 3; round++) {
		for (uint32_t i = 0; i < MANY; i++) {
			address_text(i, text);
			ck_assert_int_eq(add(text, 32, "many", 100), BLOCK_ADDED);
		}
		address_text(7, text);
		ck_assert_ptr_nonnull(find(text, 1, 15));
		block_set_clear(set);
		ck_assert_ptr_null(now);
		ck_assert_uint_eq(block_set_count(set, false), 0);
	}
	while (set->cleared != NULL && calls < 1000) {
		block_set_reclaim(set);
		calls++;
	}
	ck_assert_uint_gt(calls, MANY / 5000);
	ck_assert_uint_lt(calls, 1000);
	ck_assert_uint_eq(set->n_slots, set->n_chunks * BLOCK_HITS_ROW);
	ck_assert_uint_lt(set->n_slots, 2 * MANY); /* those to come took what had gone */
}
END_TEST

START_TEST(what_goes_leaves_its_place)
{
	char text[INET_ADDRSTRLEN];
	for (uint32_t i = 0; i < 20 * BLOCK_HITS_ROW; i++) {
		address_text(i, text);
		ck_assert_int_eq(add(text, 32, "passing", 100), BLOCK_ADDED);
		ck_assert_uint_eq(block_set_hits(set, find(text, 1, 15)), 0);
		hit(find(text, 1, 15), i % LCORES, 7);
		if (i >= 100) {
			address_text(i - 100, text);
			ck_assert_int_eq(remove_one(text, 32), 0);
		}
		block_set_reclaim(set);
	}
	ck_assert_uint_le(now->clients->mask, 1023);
	ck_assert_uint_eq(block_set_count(set, false), 100);
}
END_TEST

/* ---- while workers look ---- */

struct reader {
	struct rte_rcu_qsbr *rcu;
	unsigned number;
	bool stop, lost;
	uint64_t seen;
};

/* The even ones stay and must be found whatever happens to the others. */
static void *read_all(void *argument)
{
	struct reader *reader = argument;
	rte_rcu_qsbr_thread_register(reader->rcu, reader->number);
	rte_rcu_qsbr_thread_online(reader->rcu, reader->number);
	for (uint32_t i = 0; !__atomic_load_n(&reader->stop, __ATOMIC_RELAXED); i++) {
		const struct blocks *view = __atomic_load_n(&now, __ATOMIC_ACQUIRE);
		uint32_t number = i % 2000;
		uint32_t address = htonl(0x0a000000u + number * 7);
		uint8_t bytes[16];
		memcpy(bytes, &address, sizeof(address));
		const struct block *block = find_one(view, bytes, false, 1, 50);
		reader->lost |= number % 2 == 0 && block == NULL;
		if (block != NULL) {
			reader->lost |= block->client.words[0] != address;
			hit(block, reader->number, 1);
			reader->seen++;
		}
		rte_rcu_qsbr_quiescent(reader->rcu, reader->number);
	}
	rte_rcu_qsbr_thread_offline(reader->rcu, reader->number);
	rte_rcu_qsbr_thread_unregister(reader->rcu, reader->number);
	return NULL;
}

static void one_set(uint32_t number, bool there)
{
	char text[INET_ADDRSTRLEN];
	address_text(number, text);
	if (there)
		ck_assert_int_ge(add(text, 32, "changes", 100), 0);
	else
		remove_one(text, 32);
}

START_TEST(blocks_come_and_go_while_workers_look)
{
	struct reader readers[LCORES] = {0};
	pthread_t threads[LCORES];
	size_t size = rte_rcu_qsbr_get_memsize(LCORES);
	struct rte_rcu_qsbr *rcu = aligned_alloc(64, (size + 63) / 64 * 64);
	ck_assert_int_eq(rte_rcu_qsbr_init(rcu, LCORES), 0);
	block_set_destroy(set);
	set = block_set_create(&now, rcu, LCORES, 0x123456789abcdef);
	for (uint32_t i = 0; i < 2000; i += 2)
		one_set(i, true);
	for (unsigned i = 0; i < LCORES; i++) {
		readers[i].rcu = rcu;
		readers[i].number = i;
		pthread_create(&threads[i], NULL, read_all, &readers[i]);
	}
	for (unsigned round = 0; round < 20; round++) {
		for (uint32_t i = 1; i < 2000; i += 2) {
			one_set(i, round % 2 == 0);
			block_set_reclaim(set);
		}
	}
	for (unsigned i = 0; i < LCORES; i++)
		__atomic_store_n(&readers[i].stop, true, __ATOMIC_RELAXED);
	for (unsigned i = 0; i < LCORES; i++) {
		pthread_join(threads[i], NULL);
		ck_assert(!readers[i].lost);
	}
	block_set_destroy(set);
	free(rcu);
	setup();
}
END_TEST

static Suite *suite(void)
{
	Suite *made = suite_create("blocks");
	TCase *tests = tcase_create("all");
	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, the_longest_prefix_counts);
	tcase_add_test(tests, ports_are_of_a_whole_address);
	tcase_add_test(tests, the_longest_suffix_counts);
	tcase_add_test(tests, a_block_that_is_there_stays_or_becomes_the_new_one);
	tcase_add_test(tests, a_tag_is_part_of_the_block);
	tcase_add_test(tests, there_may_be_many);
	tcase_add_test(tests, what_goes_leaves_its_place);
	tcase_add_test(tests, cleared_in_steps);
	tcase_add_test(tests, blocks_come_and_go_while_workers_look);
	suite_add_tcase(made, tests);
	return made;
}

UNIT_MAIN(suite)
