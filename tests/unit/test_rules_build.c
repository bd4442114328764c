/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <time.h>

#include "dataplane/recent.h"
#include "tests/unit/rule_samples.h"
#include "tests/unit/unit.h"

#define UUID "6ba7b810-9dad-11d1-80b4-00c04fd430c8"

static struct rule_bench *bench;

static void setup(void)
{
	bench = bench_new();
}

static void teardown(void)
{
	bench_free(bench);
}

static void rule(struct policy_model *model, size_t position, const char *name, const char *uuid)
{
	ck_assert_ptr_nonnull(policy_rule_add(model, CHAIN_QUERY, position,
					      policy_selector_all(model),
					      policy_action_plain(model, RULE_ACTION_NONE), name,
					      uuid));
}

static void order_assert(const char *names)
{
	ck_assert_uint_eq(policy_rules_count(bench->model, CHAIN_QUERY), strlen(names));
	for (size_t i = 0; names[i]; i++)
		ck_assert_int_eq(policy_rule_name(policy_rule_at(bench->model, CHAIN_QUERY, i))[0],
				 names[i]);
}

START_TEST(rules_are_ordered)
{
	struct policy_model *m = bench->model;
	rule(m, POLICY_RULE_LAST, "b", NULL);
	rule(m, POLICY_RULE_LAST, "c", UUID);
	rule(m, 0, "a", NULL);
	order_assert("abc");
	ck_assert_int_eq(policy_rule_find(m, CHAIN_QUERY, UUID), 2);
	ck_assert_int_eq(policy_rule_find(m, CHAIN_QUERY, "b"), 1);
	ck_assert_int_eq(policy_rule_find(m, CHAIN_QUERY, "x"), -ENOENT);
	ck_assert_int_eq(policy_rule_find(m, CHAIN_RESPONSE, "b"), -ENOENT);
	ck_assert_int_eq(policy_rule_move_to_top(m, CHAIN_QUERY), 0);
	order_assert("cab");
	ck_assert_int_eq(policy_rule_move(m, CHAIN_QUERY, 0, 2), 0);
	order_assert("acb");
	ck_assert_int_eq(policy_rule_move(m, CHAIN_QUERY, 0, 3), 0);
	order_assert("cba");
	ck_assert_int_eq(policy_rule_move(m, CHAIN_QUERY, 3, 0), -ENOENT);
	ck_assert_int_eq(policy_rule_move(m, CHAIN_QUERY, 0, 4), -ENOENT);
	ck_assert_int_eq(policy_rule_remove(m, CHAIN_QUERY, 1), 0);
	ck_assert_int_eq(policy_rule_remove(m, CHAIN_QUERY, 2), -ENOENT);
	order_assert("ca");
	policy_rules_clear(m, CHAIN_QUERY);
	ck_assert_int_eq(policy_rule_move_to_top(m, CHAIN_QUERY), -ENOENT);
}
END_TEST

START_TEST(rules_that_are_refused)
{
	struct policy_model *m = bench->model;
	struct policy_selector *all = policy_selector_all(m);
	struct policy_action *none = policy_action_plain(m, RULE_ACTION_NONE);
	struct policy_action *rcode = policy_action_rcode(m, 5, NULL);
	rule(m, 0, NULL, UUID);
	ck_assert_ptr_null(policy_rule_add(m, CHAIN_QUERY, 0, all, none, NULL, UUID));
	ck_assert_int_eq(errno, EEXIST);
	ck_assert_ptr_null(policy_rule_add(m, CHAIN_QUERY, 0, all, none, NULL, "no-uuid"));
	ck_assert_int_eq(errno, EINVAL);
	ck_assert_ptr_null(policy_rule_add(m, CHAIN_QUERY, 2, all, none, NULL, NULL));
	ck_assert_int_eq(errno, EINVAL);
	ck_assert_ptr_null(policy_rule_add(m, CHAIN_RESPONSE, 0, all, rcode, NULL, NULL));
	ck_assert_int_eq(errno, EINVAL);
	ck_assert_uint_eq(policy_rules_count(m, CHAIN_QUERY), 1);
}
END_TEST

static uint64_t hits_of(struct policy_model *model, size_t index)
{
	return policy_rule_hits(model, policy_rule_at(model, CHAIN_QUERY, index));
}

START_TEST(counters_carry_over)
{
	struct packet_sample packet;
	struct policy_model *next = policy_model_new(bench->registry);
	rule(bench->model, POLICY_RULE_LAST, NULL, NULL);
	rule(bench->model, POLICY_RULE_LAST, "named", NULL);
	rule(bench->model, POLICY_RULE_LAST, NULL, UUID);
	bench_compile(bench);
	packet_sample_query(&packet, "x", DNS_TYPE_A, false);
	bench_run(bench, CHAIN_QUERY, &packet, 0);
	bench_run(bench, CHAIN_QUERY, &packet, 0);
	rule(bench->model, 0, "later", NULL);
	bench_compile(bench);
	ck_assert_uint_eq(hits_of(bench->model, 0), 0);
	for (size_t i = 1; i < 4; i++)
		ck_assert_uint_eq(hits_of(bench->model, i), 2);
	rule(next, POLICY_RULE_LAST, NULL, UUID);
	rule(next, POLICY_RULE_LAST, "named", NULL);
	rule(next, POLICY_RULE_LAST, "named", NULL);
	rule(next, POLICY_RULE_LAST, NULL, NULL);
	policy_model_free(bench->model);
	bench->model = next;
	ck_assert_uint_eq(hits_of(next, 0), 2);
	ck_assert_uint_eq(hits_of(next, 1), 2);
	ck_assert_uint_eq(hits_of(next, 2), 0);
	ck_assert_uint_eq(hits_of(next, 3), 0);
	bench_compile(bench);
	bench_run(bench, CHAIN_QUERY, &packet, 0);
	for (size_t i = 0; i < 4; i++)
		ck_assert_uint_eq(hits_of(next, i), i < 2 ? 3 : 1);
}
END_TEST

/* Of the same name, each has the counter of the one in its place, however many there are. */
START_TEST(namesakes_carry_over)
{
	enum { COUNT = 300 };
	struct policy_model *next = policy_model_new(bench->registry);
	for (size_t i = 0; i < COUNT; i++) {
		rule(bench->model, POLICY_RULE_LAST, i % 3 ? "same" : NULL, NULL);
		bench->hits[policy_rule_slot(policy_rule_at(bench->model, CHAIN_QUERY, i))] = i;
	}
	for (size_t i = 0; i < COUNT; i++)
		rule(next, POLICY_RULE_LAST, i % 3 ? "same" : NULL, NULL);
	ck_assert_int_eq(policy_rule_remove(bench->model, CHAIN_QUERY, 1), 0);
	rule(bench->model, POLICY_RULE_LAST, "same", NULL);
	for (size_t i = 0; i < COUNT; i++)
		ck_assert_uint_eq(hits_of(next, i), i % 3 ? i : 0);
	ck_assert_uint_eq(hits_of(bench->model, COUNT - 1), 1);
	policy_model_free(next);
}
END_TEST

/* An anonymous rule has no UUID that is given, and one that went leaves its own. */
START_TEST(uuids_are_told_apart)
{
	static const char upper[] = "6BA7B810-9DAD-11D1-80B4-00C04FD430C8";
	struct policy_model *m = bench->model;
	for (size_t i = 0; i < 50; i++)
		rule(m, POLICY_RULE_LAST, NULL, i == 20 ? UUID : NULL);
	for (size_t i = 0; i < 50; i++) {
		const char *uuid = policy_rule_uuid(policy_rule_at(m, CHAIN_QUERY, i));
		ck_assert_uint_eq(strlen(uuid), 36);
		ck_assert_int_eq(uuid[14], i == 20 ? '1' : '4');
		ck_assert_int_eq(policy_rule_find(m, CHAIN_QUERY, uuid), (long)i);
	}
	ck_assert_ptr_null(policy_rule_add(m, CHAIN_QUERY, 0, policy_selector_all(m),
					   policy_action_plain(m, RULE_ACTION_NONE), NULL, upper));
	ck_assert_int_eq(errno, EEXIST);
	ck_assert_int_eq(policy_rule_remove(m, CHAIN_QUERY, 20), 0);
	rule(m, POLICY_RULE_LAST, NULL, upper);
	policy_rules_clear(m, CHAIN_QUERY);
	rule(m, POLICY_RULE_LAST, NULL, UUID);
}
END_TEST

/* A slot that is given out again starts at 0 though its counter does not. */
START_TEST(slots_are_used_again)
{
	for (size_t i = 0; i < RULE_HIT_SLOTS; i++)
		bench->hits[i] = 5;
	for (size_t i = 0; i < RULE_HIT_SLOTS + 10; i++) {
		rule(bench->model, 0, i % 2 ? "named" : NULL, NULL);
		ck_assert_uint_eq(hits_of(bench->model, 0), 0);
		ck_assert_int_eq(policy_rule_remove(bench->model, CHAIN_QUERY, 0), 0);
	}
}
END_TEST

/* A policy as large as may be is followed by another one like it, none of whose rules has a name. */
START_TEST(as_many_rules_follow)
{
	struct policy_model *both[] = {bench->model, policy_model_new(bench->registry)};
	for (unsigned m = 0; m < 2; m++) {
		struct policy_selector *all = policy_selector_all(both[m]);
		struct policy_action *none = policy_action_plain(both[m], RULE_ACTION_NONE);
		for (size_t i = 0; i < RULE_COUNT_MAX; i++)
			ck_assert_ptr_nonnull(policy_rule_add(
				both[m], i < 1000 ? CHAIN_RESPONSE : CHAIN_QUERY, POLICY_RULE_LAST,
				all, none, NULL, NULL));
		ck_assert_ptr_null(policy_rule_add(both[m], CHAIN_QUERY, POLICY_RULE_LAST, all,
						   none, NULL, NULL));
		ck_assert_int_eq(errno, ENOSPC);
	}
	policy_model_free(both[1]);
}
END_TEST

static struct backend *server(struct policy_model *model, const char *address, const char *name,
			      int32_t order, const char *pool)
{
	struct backend *backend = policy_server_add(
		model, &(struct policy_server_options){
			       .address = address, .name = name, .order = order});
	ck_assert_ptr_nonnull(backend);
	ck_assert_int_eq(policy_server_pool_add(model, backend, pool, strlen(pool)), 0);
	return backend;
}

START_TEST(servers_have_an_order)
{
	struct policy_model *m = bench->model;
	struct backend *c = server(m, "192.0.2.3", "c", 3, "");
	struct backend *a = server(m, "192.0.2.1:5300", "a", 1, "");
	struct backend *b = server(m, "[2001:db8::2]:54", "b", 1, "");
	struct backend *other = server(m, "192.0.2.9", NULL, 1, "other");
	const struct backend *order[] = {a, b, c};
	bench_compile(bench);
	ck_assert_uint_eq(bench->policy->pools[0].count, 3);
	for (size_t i = 0; i < 3; i++) {
		ck_assert_uint_eq(bench->policy->pools[0].servers[i], order[i]->number);
		ck_assert_ptr_eq(policy_pool_server_at(m, 0, i), order[i]);
	}
	ck_assert_ptr_null(policy_pool_server_at(m, 0, 3));
	int pool = policy_pool_find(bench->policy, "other", 5);
	ck_assert_uint_eq(bench->policy->pools[pool].servers[0], other->number);
	ck_assert_int_eq(policy_server_remove(m, other), 0);
	bench_compile(bench);
	ck_assert_uint_eq(bench->policy->pools[pool].count, 0);
	ck_assert_ptr_null(policy_backend(bench->policy, other->number));
	ck_assert_ptr_eq(policy_backend(bench->policy, a->number), a);
	ck_assert_ptr_null(policy_backend(bench->policy, 4));
}
END_TEST

START_TEST(numbers_stay)
{
	struct policy_model *next = policy_model_new(bench->registry);
	size_t length;
	struct backend *a = server(bench->model, "192.0.2.1", "a", 1, "first");
	int second = policy_pool_intern(bench->model, "second", 6);
	backend_up_set(a, false);
	ck_assert_ptr_null(policy_pool_name_at(next, (size_t)second, &length));
	ck_assert_int_eq(policy_pool_intern(next, "second", 6), second);
	ck_assert_str_eq(policy_pool_name_at(next, (size_t)second, &length), "second");
	struct backend *b = server(next, "192.0.2.1", "b", 1, "");
	ck_assert_ptr_ne(a, b);
	ck_assert_ptr_eq(server(next, "192.0.2.1:53", "a", 1, "second"), a);
	ck_assert(!backend_is_up(a) && backend_is_up(b));
	struct backend *twin = server(next, "192.0.2.1", "a", 1, "twins");
	ck_assert(twin != NULL && twin != a);
	ck_assert_int_eq(policy_server_remove(next, twin), 0);
	ck_assert_int_eq(policy_server_pool_add(next, a, "second", 6), -EEXIST);
	ck_assert_int_eq(policy_server_pool_remove(next, a, "second", 6), 0);
	ck_assert_int_eq(policy_server_pool_remove(next, a, "second", 6), -ENOENT);
	ck_assert_uint_eq(policy_servers_count(next), 2);
	ck_assert_ptr_eq(policy_registry_backend(bench->registry, a->number), a);
	policy_model_free(next);
}
END_TEST

START_TEST(options_wait_until_they_are_in_force)
{
	struct policy_model *m = bench->model, *next = policy_model_new(bench->registry);
	struct policy_server_options options = {.address = "192.0.2.1", .weight = 3, .order = 3};
	struct backend *a = policy_server_add(m, &options);
	bench_compile(bench);
	ck_assert_uint_eq(a->weight, 3);
	options.weight = 7;
	options.ecs = options.proxy = true;
	options.id = "00000000-0000-4000-8000-000000000007";
	struct backend_options before = a->options;
	ck_assert_ptr_eq(policy_server_add(next, &options), a);
	ck_assert_uint_eq(policy_server_options(next, a)->weight, 7);
	ck_assert_uint_eq(policy_server_options(m, a)->weight, 3);
	policy_server_state_set(next, a, false);
	ck_assert(backend_is_up(a));
	ck_assert_int_eq(policy_server_state_take(next, a), 0);
	ck_assert_int_eq(policy_server_state_take(next, a), -1);
	ck_assert_mem_eq(&a->options, &before, sizeof(before));
	policy_model_apply(next);
	ck_assert_uint_eq(a->weight, 7);
	ck_assert_str_eq(a->id, options.id);
	policy_model_free(next);
}
END_TEST

#define REST_MS 1000 /* for so long a number that was in force is nobody else's */

static uint16_t held;
static unsigned swept;

static int64_t now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void on_sweep(void *context, bool numbers[static POLICY_BACKENDS_MAX])
{
	(void)context;
	numbers[held] = false;
	for (unsigned i = 0; i < POLICY_BACKENDS_MAX; i++)
		swept += numbers[i];
}

START_TEST(numbers_are_given_back)
{
	struct policy_model *m = bench->model;
	struct backend *a = server(m, "192.0.2.1", "a", 1, ""), *b;
	policy_registry_sweep_set(bench->registry, on_sweep, NULL);
	b = server(m, "192.0.2.2", "b", 1, "");
	held = b->number;
	uint32_t serial = a->serial;
	bench_compile(bench);
	int64_t left = now_ms();
	bool reused = false;
	ck_assert_int_eq(policy_server_remove(m, a), 0);
	ck_assert_int_eq(policy_server_remove(m, b), 0);
	for (unsigned i = 0; i < 20000; i++) {
		char address[32];
		snprintf(address, sizeof(address), "198.51.100.1:%u", 1 + i);
		struct backend *made = server(m, address, NULL, 1, "");
		ck_assert_uint_ne(made->number, held);
		reused |= made->number == a->number;
		ck_assert(!reused || now_ms() - left >= REST_MS);
		ck_assert_int_eq(policy_server_remove(m, made), 0);
	}
	/* What was never in force is to be had at once, the two that were perhaps not yet. */
	ck_assert_uint_ge(policy_registry_numbers(bench->registry), POLICY_BACKENDS_MAX - 2);
	ck_assert(!policy_registry_was_short(bench->registry));
	ck_assert_uint_gt(swept, 10000);
	ck_assert(reused || a->serial == serial);
	for (unsigned i = 0; i < POLICY_SERVERS_MAX; i++) {
		char address[32];
		snprintf(address, sizeof(address), "203.0.113.1:%u", 1 + i);
		server(m, address, NULL, 1, "");
	}
	ck_assert_ptr_null(policy_server_add(m, &(struct policy_server_options){.address = "192.0.2.9"}));
	ck_assert_int_eq(errno, ENOSPC);
}
END_TEST

START_TEST(addresses)
{
	static const char *const bad[] = {"", ":53", "192.0.2.1:", "192.0.2.1:0", "192.0.2.1:65536",
					  "[::1", "[::1]x", "[192.0.2.1]:53", "::1]:53", "name:53",
					  "192.0.2.1:53x", "[]:53"};
	static const char *const good[][2] = {{"192.0.2.1", "192.0.2.1:53"},
					      {"192.0.2.1:5353", "192.0.2.1:5353"},
					      {"::1", "[::1]:53"},
					      {"[::1]", "[::1]:53"},
					      {"[2001:db8::1]:65535", "[2001:db8::1]:65535"}};
	struct net_address address;
	uint16_t port;
	char text[64];
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(backend_address_parse(bad[i], 53, &address, &port) == -EINVAL, "%s",
			      bad[i]);
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		ck_assert_int_eq(backend_address_parse(good[i][0], 53, &address, &port), 0);
		backend_address_print(&address, port, text, sizeof(text));
		ck_assert_str_eq(text, good[i][1]);
	}
}
END_TEST

START_TEST(listeners_and_acl)
{
	uint8_t v4[16] = {192, 0, 2, 1}, v6[16] = {0x20, 1}, home[16] = {10, 1, 2, 3};
	struct policy_model *m = bench->model;
	ck_assert_int_eq(policy_listener_add(m, "192.0.2.1", true), 0);
	ck_assert_int_eq(policy_listener_add(m, "192.0.2.1:53", true), -EEXIST);
	ck_assert_int_eq(policy_listener_add(m, "[::]:5300", true), 0);
	ck_assert_int_eq(policy_listener_add(m, "nowhere", true), -EINVAL);
	bench_compile(bench);
	ck_assert(policy_listener_find(bench->policy, v4, false, 53));
	ck_assert(!policy_listener_find(bench->policy, v4, false, 5300));
	ck_assert(!policy_listener_find(bench->policy, home, false, 53));
	ck_assert(policy_listener_find(bench->policy, v6, true, 5300));
	ck_assert(!policy_listener_find(bench->policy, v6, true, 53));
	ck_assert(!policy_allows(bench->policy, v4, false) && !policy_allows(bench->policy, v6, true));
	ck_assert(policy_allows(bench->policy, home, false));
	ck_assert_int_eq(prefix_list_add_text(policy_model_acl(m), "192.0.2.0/24"), 0);
	/* An address keeps the number of its counters, whatever comes and goes around it. */
	ck_assert_uint_eq(policy_listener_find(bench->policy, v6, true, 5300)->frontend, 1);
	policy_listeners_clear(m);
	ck_assert_int_eq(policy_listener_add(m, "192.0.2.9", true), 0);
	ck_assert_int_eq(policy_listener_add(m, "[::]:5300", true), 0);
	bench_compile(bench);
	ck_assert_uint_eq(policy_listener_find(bench->policy, v6, true, 5300)->frontend, 1);
	ck_assert_uint_eq(policy_listener_at(m, 0)->frontend, 2);
	ck_assert(policy_allows(bench->policy, v4, false));
	ck_assert_uint_eq(bench->policy->generation, 2);
	policy_listeners_clear(m);
	for (unsigned i = 0; i < STATS_FRONTENDS; i++) {
		char text[32];
		snprintf(text, sizeof(text), "192.0.2.77:%u", 1000 + i);
		ck_assert_int_eq(policy_listener_add(m, text, true), 0);
		ck_assert_uint_eq(policy_listener_at(m, i)->frontend,
				  RTE_MIN(i + 3, STATS_FRONTEND_NONE));
	}
}
END_TEST

/* What a rule points to is freed with the last policy that has it, not with its model. */
START_TEST(policies_outlive_their_model)
{
	struct packet_sample packet;
	struct name_set *names = name_set_new();
	ck_assert_int_eq(name_set_add(names, (const uint8_t *)"\3com", 5), 0);
	struct policy_selector *selector = policy_selector_qname_suffix(bench->model, names);
	name_set_free(names);
	bench_rule(bench, CHAIN_QUERY, selector,
		   policy_action_rcode(bench->model, 3, &(struct dns_reply_options){0}));
	bench_compile(bench);
	policy_model_free(bench->model);
	bench->model = NULL;
	packet_sample_query(&packet, "example.com", DNS_TYPE_A, false);
	ck_assert_int_eq(bench_run(bench, CHAIN_QUERY, &packet, 0), RULE_ANSWER);
}
END_TEST

START_TEST(a_policy_that_does_not_compile)
{
	char error[64] = "";
	policy_model_settings(bench->model)->udp_timeout = 0;
	ck_assert_ptr_null(policy_model_compile(bench->model, error, sizeof(error)));
	ck_assert_ptr_nonnull(strstr(error, "timeout"));
}
END_TEST

/* Rings of late queries take no more memory than is ever looked at. */
START_TEST(rings_of_a_million)
{
	struct policy_recent *recent = &policy_model_settings(bench->model)->recent;
	*recent = (struct policy_recent){.size = POLICY_RECENT_MAX, .queries = true};
	bench_compile(bench);
	const struct recent_options *options = &bench->policy->recent->options;
	ck_assert_uint_eq(options->size[RECENT_QUERIES], RECENT_READ_MAX);
	ck_assert_uint_eq(options->size[RECENT_RESPONSES], 0);
	ck_assert_uint_eq(options->rate, 0);
	*recent = (struct policy_recent){.size = 10, .counted = true}; /* each query is wanted */
	bench_compile(bench);
	options = &bench->policy->recent->options;
	ck_assert_uint_eq(options->size[RECENT_QUERIES], RECENT_READ_MAX);
	ck_assert_uint_eq(options->rate, 1);
}
END_TEST

static Suite *rules_build_suite(void)
{
	Suite *suite = suite_create("rules_build");
	TCase *tcase = tcase_create("rules_build");
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, rules_are_ordered);
	tcase_add_test(tcase, rules_that_are_refused);
	tcase_add_test(tcase, counters_carry_over);
	tcase_add_test(tcase, namesakes_carry_over);
	tcase_add_test(tcase, uuids_are_told_apart);
	tcase_add_test(tcase, slots_are_used_again);
	tcase_add_test(tcase, as_many_rules_follow);
	tcase_add_test(tcase, servers_have_an_order);
	tcase_add_test(tcase, numbers_stay);
	tcase_add_test(tcase, options_wait_until_they_are_in_force);
	tcase_add_test(tcase, numbers_are_given_back);
	tcase_add_test(tcase, addresses);
	tcase_add_test(tcase, listeners_and_acl);
	tcase_add_test(tcase, policies_outlive_their_model);
	tcase_add_test(tcase, a_policy_that_does_not_compile);
	tcase_add_test(tcase, rings_of_a_million);
	suite_add_tcase(suite, tcase);
	return suite;
}

UNIT_MAIN(rules_build_suite)
