/* SPDX-License-Identifier: BSD-2-Clause */
#include "control/tcp/parts.h"
#include "tests/unit/unit.h"

#define START 1000000u /* ms */

static struct tcp tcp;
static struct policy policy;
static struct net_address client = {.bytes = {192, 0, 2, 1}}, other = {.bytes = {192, 0, 2, 2}};

static void setup(void)
{
	memset(&tcp, 0, sizeof(tcp));
	policy.tcp = (struct policy_tcp)POLICY_TCP_DEFAULT;
	tcp.policy = &policy;
	tcp.now = START;
	ck_assert_int_eq(tcp_rates_create(&tcp), 0);
}

static void teardown(void)
{
	tcp_rates_destroy(&tcp);
}

static unsigned taken(const struct net_address *address, uint16_t port, unsigned wanted)
{
	unsigned count = 0;
	while (wanted-- > 0)
		count += tcp_rate_take(&tcp, address, port);
	return count;
}

START_TEST(no_limit)
{
	ck_assert_uint_eq(taken(&client, 1, 10000), 10000);
}
END_TEST

START_TEST(so_many_a_second)
{
	policy.tcp.max_rate = 10;
	policy.tcp.ban = 0;
	ck_assert_uint_eq(taken(&client, 1, 100), 10);
	ck_assert_uint_eq(taken(&other, 1, 100), 10);
	tcp.now += 1000;
	ck_assert_uint_eq(taken(&client, 1, 100), 10);
	/* A minute of silence is made up for within the interval: it is an average. */
	tcp.now += 60000;
	ck_assert_uint_eq(taken(&client, 1, 10000), 600);
}
END_TEST

START_TEST(what_is_older_than_the_interval_is_forgotten)
{
	policy.tcp.max_rate = 10;
	policy.tcp.ban = 0;
	ck_assert_uint_eq(taken(&client, 1, 1), 1);
	tcp.now += 5 * 60000;
	ck_assert_uint_eq(taken(&client, 1, 100), 10);
	/* Of what goes on, the oldest slice is forgotten first. */
	for (unsigned second = 0; second < 1000; second++) {
		tcp.now += 1000;
		ck_assert_uint_eq(taken(&client, 1, 100), 10);
	}
}
END_TEST

START_TEST(shorter_interval)
{
	policy.tcp.max_rate = 10;
	policy.tcp.ban = 0;
	policy.tcp.rate_interval = 1;
	ck_assert_uint_eq(taken(&client, 1, 1), 1);
	tcp.now += 60000;
	ck_assert_uint_eq(taken(&client, 1, 10000), 10);
	policy.tcp.rate_interval = 60; /* another policy: slices of other times tell nothing */
	ck_assert(taken(&client, 1, 10000) <= 10);
}
END_TEST

START_TEST(ban)
{
	policy.tcp.max_rate = 1;
	policy.tcp.ban = 10;
	ck_assert_uint_eq(taken(&client, 1, 2), 1);
	tcp.now += 9999;
	ck_assert_uint_eq(taken(&client, 1, 1), 0);
	ck_assert_uint_eq(taken(&other, 1, 1), 1);
	tcp.now++;
	ck_assert_uint_eq(taken(&client, 1, 1), 1);
}
END_TEST

START_TEST(ban_for_reads)
{
	tcp_ban(&tcp, &client, 1);
	ck_assert_uint_eq(taken(&client, 2, 1), 0);
	ck_assert_uint_eq(taken(&other, 1, 1), 1);
	tcp.now += 59999;
	ck_assert_uint_eq(taken(&client, 1, 1), 0);
	tcp.now++;
	ck_assert_uint_eq(taken(&client, 1, 1), 1);
}
END_TEST

START_TEST(who_a_client_is)
{
	policy.tcp.max_rate = 1;
	policy.tcp.mask_v4_port = 4; /* sixteen clients behind one address */
	for (unsigned block = 0; block < 16; block++) {
		ck_assert_uint_eq(taken(&client, (uint16_t)(block << 12), 1), 1);
		ck_assert_uint_eq(taken(&client, (uint16_t)(block << 12 | 0xfff), 1), 0);
	}
	policy.tcp.mask_v4 = 24; /* ports tell nothing where addresses do not */
	ck_assert_uint_eq(taken(&client, 0x1000, 1), 1);
	ck_assert_uint_eq(taken(&other, 0x2000, 1), 0);
	struct net_address six = {.bytes = {0x20, 1}, .ipv6 = true};
	ck_assert_uint_eq(taken(&six, 0x1000, 1), 1);
	ck_assert_uint_eq(taken(&six, 0x2000, 1), 0);
}
END_TEST

START_TEST(many_clients)
{
	policy.tcp.max_rate = 1;
	for (unsigned i = 0; i < 200000; i++) {
		struct net_address address = {.ipv6 = true};
		memcpy(address.bytes, &i, sizeof(i));
		tcp.now += i % 1000 == 0;
		ck_assert(tcp_rate_take(&tcp, &address, 1));
	}
}
END_TEST

/* A ban is there until it ends, however many others come. */
START_TEST(bans_are_kept)
{
	struct net_address many = {.bytes = {10}};
	policy.tcp.max_rate = 1000;
	policy.tcp.reads_ban = 60;
	tcp_ban(&tcp, &client, 1);
	for (unsigned i = 0; i < 300000; i++) {
		tcp.now += i % 64 == 0;
		memcpy(many.bytes + 1, &i, 3);
		tcp_rate_take(&tcp, &many, 1);
	}
	ck_assert_uint_eq(taken(&client, 1, 1), 0);
	ck_assert_uint_eq(tcp.stats.rates_full, 0);
	tcp.now = START + 60000;
	ck_assert_uint_eq(taken(&client, 1, 1), 1);
}
END_TEST

START_TEST(more_bans_than_there_is_room_for)
{
	struct net_address many = {.bytes = {10}};
	policy.tcp.reads_ban = 60;
	tcp_ban(&tcp, &client, 1);
	for (unsigned i = 0; i < 300000; i++) {
		memcpy(many.bytes + 1, &i, 3);
		tcp_ban(&tcp, &many, 1);
	}
	ck_assert_uint_gt(tcp.stats.rates_full, 200000);
	ck_assert_uint_eq(taken(&client, 1, 1), 0);
}
END_TEST

static Suite *tcp_rates_suite(void)
{
	Suite *suite = suite_create("tcp_rates");
	TCase *tcase = tcase_create("rates");
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, no_limit);
	tcase_add_test(tcase, bans_are_kept);
	tcase_add_test(tcase, more_bans_than_there_is_room_for);
	tcase_add_test(tcase, so_many_a_second);
	tcase_add_test(tcase, what_is_older_than_the_interval_is_forgotten);
	tcase_add_test(tcase, shorter_interval);
	tcase_add_test(tcase, ban);
	tcase_add_test(tcase, ban_for_reads);
	tcase_add_test(tcase, who_a_client_is);
	tcase_add_test(tcase, many_clients);
	suite_add_tcase(suite, tcase);
	return suite;
}

UNIT_MAIN(tcp_rates_suite)
