/* SPDX-License-Identifier: BSD-2-Clause */
/* The Lua that lcores run themselves, in chains over packets in plain memory. */
#include "control/lua/threads.h"

#include <errno.h>
#include <pthread.h>
#include <time.h>

#include "control/metrics/custom.h"
#include "dataplane/rules/answers.h"
#include "tests/unit/rule_samples.h"
#include "tests/unit/unit.h"

#define LCORES 3
#define WATCHDOG_MS 40

static struct rule_bench *bench;
static struct lua_context *context;
static struct packet_sample packet;
static char error[4096];
static unsigned woken;

static void wake(void *ctx)
{
	(void)ctx;
	__atomic_add_fetch(&woken, 1, __ATOMIC_RELAXED);
}

static const struct lua_threads_options options = {.lcores = LCORES,
						   .memory = 8u << 20,
						   .watchdog_ms = WATCHDOG_MS,
						   .load_ms = 1000,
						   .wake = wake};

static void setup(void)
{
	bench = bench_new();
	context = lua_context_new();
	context->registry = bench->registry;
	context->model = bench->model;
	lua_abi_use(context);
	packet_sample_query(&packet, "www.example.com", DNS_TYPE_A, false);
	woken = 0;
}

static void teardown(void)
{
	notes_free(&packet.packet.query.notes);
	bench_free(bench);
	lua_context_free(context);
}

static int code_add(const char *code, bool selects)
{
	return sluice_thread_add(code, strlen(code), "here:7: code", selects);
}

/* One rule for all, with this code as its action. */
static void action_set(enum chain_id chain, const char *code)
{
	struct policy_action *action = policy_action_thread(bench->model, code_add(code, false));
	struct rule_threads *threads = lua_threads_new(context, &options, error, sizeof(error));
	ck_assert_msg(threads != NULL, "%s", error);
	policy_model_threads_set(bench->model, threads);
	policy_rules_clear(bench->model, chain);
	bench_rule(bench, chain, policy_selector_all(bench->model), action);
	bench_compile(bench);
}

static enum rule_verdict run(enum chain_id chain, uint16_t lcore)
{
	bench->context.lcore = lcore;
	return bench_run(bench, chain, &packet, 0);
}

static unsigned rcode(void)
{
	return packet_dns(&packet.mbuf)[3] & 0x0f;
}

static void turn(uint64_t now)
{
	lua_threads_turn(policy_model_threads(bench->model), context, now);
}

static const char tags_code[] = "local C = require('ffi').C\n"
				"local n = 0\n"
				"return function(dq)\n"
				"  n = n + 1\n"
				"  C.dnsdist_ffi_dnsquestion_set_tag(dq, 'n', tostring(n))\n"
				"  return DNSAction.None\n"
				"end";

static char tag_first(void)
{
	const char *value = "";
	size_t length;
	ck_assert(tag_get(packet.packet.query.notes, "n", 1, &value, &length));
	return value[0];
}

START_TEST(each_lcore_has_its_own)
{
	action_set(CHAIN_QUERY, tags_code);
	ck_assert_int_eq(run(CHAIN_QUERY, 0), RULE_NEXT);
	ck_assert_int_eq(run(CHAIN_QUERY, 0), RULE_NEXT);
	ck_assert_int_eq(tag_first(), '2');
	run(CHAIN_QUERY, 2);
	ck_assert_int_eq(tag_first(), '1');
	ck_assert_ptr_eq(lua_abi_context(), context);
	/* A lcore that nobody told of has none. */
	ck_assert_int_eq(run(CHAIN_QUERY, LCORES), RULE_ANSWER);
	ck_assert_uint_eq(rcode(), DNS_RCODE_SERVFAIL);
}
END_TEST

/* A policy that is compiled again has the states that it had. */
START_TEST(states_outlive_a_snapshot)
{
	action_set(CHAIN_QUERY, tags_code);
	run(CHAIN_QUERY, 0);
	bench_compile(bench);
	run(CHAIN_QUERY, 0);
	ck_assert_int_eq(tag_first(), '2');
}
END_TEST

/* What was added while the policy runs does not keep later code out. */
START_TEST(code_that_is_broken_fails_alone)
{
	unsigned before = lua_abi_codes(context);
	struct policy_action *bad =
		policy_action_thread(bench->model, code_add("return nothing.at.all", false));
	ck_assert_ptr_null(lua_threads_new(context, &options, error, sizeof(error)));
	lua_codes_break(context, before);
	action_set(CHAIN_QUERY, "return function() return DNSAction.Refused end");
	ck_assert_int_eq(run(CHAIN_QUERY, 0), RULE_ANSWER);
	ck_assert_uint_eq(rcode(), DNS_RCODE_REFUSED);
	policy_rules_clear(bench->model, CHAIN_QUERY);
	bench_rule(bench, CHAIN_QUERY, policy_selector_all(bench->model), bad);
	bench_compile(bench);
	packet_sample_query(&packet, "www.example.com", DNS_TYPE_A, false);
	ck_assert_int_eq(run(CHAIN_QUERY, 0), RULE_ANSWER);
	ck_assert_uint_eq(rcode(), DNS_RCODE_SERVFAIL);
	ck_assert_uint_eq(lua_threads_errors(), 1);
}
END_TEST

static const struct {
	const char *code, *message;
} broken[] = {
	{"return function(", "here:7: code:1: "},
	{"local a = 1\nreturn a.b.c", "here:7: code:2: attempt to index"},
	{"return 5", "here:7: code: the code must return a function, not number"},
	{"while true do end", "stopped: ran for"},
	{"\033LJ\2", "attempt to load chunk with wrong mode"},
};

START_TEST(code_that_does_not_compile_is_told)
{
	struct lua_threads_options hasty = options;
	hasty.load_ms = WATCHDOG_MS;
	code_add(broken[_i].code, false);
	ck_assert_ptr_null(lua_threads_new(context, &hasty, error, sizeof(error)));
	ck_assert_msg(strstr(error, broken[_i].message) != NULL, "%s", error);
	ck_assert_uint_eq(lua_threads_errors(), 0);
}
END_TEST

START_TEST(errors_are_counted_and_leave_a_message)
{
	action_set(CHAIN_QUERY, "local n = 0\n"
				"return function(dq)\n"
				"  n = n + 1\n"
				"  if n == 1 then error('meant') end\n"
				"  if n == 2 then return 'a' end\n"
				"  return DNSAction.Refused\n"
				"end");
	for (unsigned i = 1; i <= 2; i++) {
		ck_assert_int_eq(run(CHAIN_QUERY, 1), RULE_ANSWER);
		ck_assert_uint_eq(rcode(), DNS_RCODE_SERVFAIL);
		ck_assert_uint_eq(lua_threads_errors(), i);
		ck_assert_uint_eq(woken, i);
	}
	turn(5000);
	packet_sample_query(&packet, "www.example.com", DNS_TYPE_A, false);
	run(CHAIN_QUERY, 1);
	ck_assert_uint_eq(rcode(), DNS_RCODE_REFUSED);
	ck_assert_uint_eq(lua_threads_errors(), 2);
}
END_TEST

/* The functions that set them have no result. */
START_TEST(tags_that_are_lost_are_counted)
{
	const uint64_t *lost = &bench->stats.counter[STATS_RULE_UNNOTED];
	action_set(CHAIN_QUERY, "local C = require('ffi').C\n"
				"local long = ('k'):rep(65536)\n"
				"return function(dq)\n"
				"  C.dnsdist_ffi_dnsquestion_set_tag(dq, long, 'v')\n"
				"  C.dnsdist_ffi_dnsquestion_set_tag_raw(dq, 'n', 'value', 5)\n"
				"  C.dnsdist_ffi_dnsquestion_set_tag_raw(dq, long, 'v', 1)\n"
				"  return DNSAction.None\n"
				"end");
	ck_assert_int_eq(run(CHAIN_QUERY, 1), RULE_NEXT);
	ck_assert_uint_eq(*lost, 2);
	ck_assert_int_eq(tag_first(), 'v');
	ck_assert_int_eq(run(CHAIN_QUERY, 0), RULE_NEXT);
	ck_assert_uint_eq(*lost, 4);
}
END_TEST

START_TEST(results_that_are_none_are_servfail)
{
	action_set(CHAIN_QUERY, "return function(dq) return 1e300 end");
	run(CHAIN_QUERY, 0);
	ck_assert_uint_eq(rcode(), DNS_RCODE_SERVFAIL);
	action_set(CHAIN_RESPONSE, "return function(dr) return 0/0 end");
	packet.packet.chain = CHAIN_RESPONSE;
	ck_assert_int_eq(run(CHAIN_RESPONSE, 0), RULE_NEXT);
	ck_assert_uint_eq(rcode(), DNS_RCODE_SERVFAIL);
}
END_TEST

static void *endless(void *argument)
{
	struct timespec before, after;
	clock_gettime(CLOCK_MONOTONIC, &before);
	ck_assert_int_eq(run(CHAIN_QUERY, 1), RULE_ANSWER);
	clock_gettime(CLOCK_MONOTONIC, &after);
	*(double *)argument = (double)(after.tv_sec - before.tv_sec) * 1e3 +
			      (double)(after.tv_nsec - before.tv_nsec) / 1e6;
	return NULL;
}

/* On a thread of its own, as workers are; what it ran is made anew by this one. */
static void endless_run(void)
{
	pthread_t thread;
	double took;
	packet_sample_query(&packet, "www.example.com", DNS_TYPE_A, false);
	ck_assert_int_eq(pthread_create(&thread, NULL, endless, &took), 0);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	ck_assert_msg(took < 20 * WATCHDOG_MS, "%f ms", took);
	ck_assert_uint_eq(rcode(), DNS_RCODE_SERVFAIL);
}

static const char *const runaways[] = {
	"return function() while true do end end",
	"return function() local s = ('a'):rep(30) while true do s:find('.-.-.-.-.-.-.-b') end end",
	"local t = {}\nreturn function() while true do t[#t + 1] = ('x'):rep(1000) .. #t end end",
	("local C = require('ffi').C "
	"return function(dq) while true do C.dnsdist_ffi_dnsquestion_get_qtype(dq) end end"),
};

START_TEST(code_that_does_not_end_is_stopped)
{
	action_set(CHAIN_QUERY, runaways[_i]);
	for (unsigned i = 1; i <= 10; i++) {
		uint64_t errors = lua_threads_errors();
		endless_run();
		ck_assert_uint_eq(lua_threads_errors(), errors + 1);
		/* Until the next turn it fails at once; others have theirs. */
		run(CHAIN_QUERY, 1);
		ck_assert_uint_eq(lua_threads_errors(), errors + 2);
		turn(1000 * i);
	}
}
END_TEST

struct crowd {
	uint16_t lcore;
	unsigned failed; /* calls */
	struct stats stats;
	uint64_t hits[RULE_HIT_SLOTS];
};

#define CROWD_CALLS 20000

static void *crowd_run(void *argument)
{
	static const uint8_t servfail = DNS_RCODE_SERVFAIL;
	struct crowd *crowd = argument;
	struct rule_context own = {
		.stats = &crowd->stats, .rule_hits = crowd->hits, .lcore = crowd->lcore};
	struct packet_sample mine;
	for (unsigned i = 0; i < CROWD_CALLS; i++) {
		packet_sample_query(&mine, "www.example.com", DNS_TYPE_A, false);
		rule_chain_run(bench->policy, CHAIN_QUERY, &mine.mbuf, 0, &own);
		crowd->failed += (packet_dns(&mine.mbuf)[3] & 0x0f) == servfail;
		notes_free(&mine.packet.query.notes);
	}
	return NULL;
}

/* Errors and endless loops on two lcores at once, while a third makes their states anew. */
START_TEST(lcores_run_at_once)
{
	static struct crowd crowds[2];
	pthread_t threads[2];
	uint64_t errors = lua_threads_errors(), now = 0;
	action_set(CHAIN_QUERY, "local C = require('ffi').C\n"
				"local n = 0\n"
				"return function(dq)\n"
				"  n = n + 1\n"
				"  if n % 100 == 0 then error('meant') end\n"
				"  if n == 5050 then while true do end end\n"
				"  C.dnsdist_ffi_dnsquestion_set_tag(dq, 'n', tostring(n))\n"
				"  return DNSAction.None\n"
				"end");
	for (uint16_t i = 0; i < 2; i++) {
		crowds[i] = (struct crowd){.lcore = i};
		ck_assert_int_eq(pthread_create(&threads[i], NULL, crowd_run, &crowds[i]), 0);
	}
	for (unsigned i = 0; i < 2; i++)
		while (pthread_tryjoin_np(threads[i], NULL) == EBUSY)
			turn(now++);
	ck_assert_uint_gt(crowds[0].failed, CROWD_CALLS / 100 / 2);
	ck_assert_uint_gt(crowds[1].failed, CROWD_CALLS / 100 / 2);
	ck_assert_uint_eq(crowds[0].failed + crowds[1].failed, lua_threads_errors() - errors);
}
END_TEST

/* Declarations of its own do not give it what the control lcore has. */
static const char *const refused[] = {
	"ffi.cdef('bool dnsdist_ffi_dnsquestion_set_async(dnsdist_ffi_dnsquestion_t *,'\n"
	"  .. 'uint16_t, uint16_t, uint32_t);')\n"
	"local function try(dq) return C.dnsdist_ffi_dnsquestion_set_async(dq, 1, 2, 3) end",
	"ffi.cdef('bool dnsdist_ffi_drop_from_async(uint16_t, uint16_t);')\n"
	"local function try() return C.dnsdist_ffi_drop_from_async(1, 2) end",
	"ffi.cdef('bool dnsdist_ffi_network_endpoint_new(const char *, size_t, void **);')\n"
	"local out = ffi.new('void *[1]')\n"
	"local function try() return C.dnsdist_ffi_network_endpoint_new('/x', 2, out) end",
	"ffi.cdef('bool dnsdist_ffi_metric_declare(const char *, size_t, const char *,'\n"
	"  .. 'const char *, const char *);')\n"
	"local function try()\n"
	"  return C.dnsdist_ffi_metric_declare('a', 1, 'counter', 'text', nil)\n"
	"end",
	"local function set() return C.dnsdist_ffi_dnsquestion_set_async end\n"
	"local function try(dq) return pcall(set) end",
	/* A packet that was in hand is not any more; another pointer is no packet. */
	"local other = ffi.cast('dnsdist_ffi_dnsquestion_t *', ffi.new('char[64]'))\n"
	"local function try() return C.dnsdist_ffi_dnsquestion_get_len(other) ~= 0 end",
};

START_TEST(what_is_not_for_lcores_is_refused)
{
	char code[1024];
	snprintf(code, sizeof(code),
		 "local ffi = require('ffi')\nlocal C = ffi.C\n%s\n"
		 "return function(dq) return try(dq) and DNSAction.Drop or DNSAction.Refused end",
		 refused[_i]);
	action_set(CHAIN_QUERY, code);
	ck_assert_int_eq(run(CHAIN_QUERY, 0), RULE_ANSWER);
	ck_assert_uint_eq(rcode(), DNS_RCODE_REFUSED);
	ck_assert_uint_eq(lua_threads_errors(), 0);
}
END_TEST

START_TEST(metrics_are_counted_by_all)
{
	struct custom_metrics *metrics = policy_registry_metrics(bench->registry);
	int declared = custom_metric_declare(metrics, "asked", CUSTOM_COUNTER, "", NULL, false);
	ck_assert_int_eq(declared, 0);
	action_set(CHAIN_QUERY, "local C = require('ffi').C\n"
				"return function(dq)\n"
				"  C.dnsdist_ffi_metric_inc('asked', 5)\n"
				"  return DNSAction.None\n"
				"end");
	for (uint16_t lcore = 0; lcore < LCORES; lcore++)
		run(CHAIN_QUERY, lcore);
	double sum = 0;
	ck_assert_int_eq(sluice_metric_get("asked", 5, "", &sum), 0);
	ck_assert_double_eq(sum, 3);
}
END_TEST

/* Finalizers run when the last snapshot goes, and find no packet. */
START_TEST(finalizers_have_no_packet)
{
	action_set(CHAIN_QUERY, "local ffi = require('ffi')\n"
				"local kept\n"
				"ring = ffi.gc(ffi.new('char[8]'), function()\n"
				"  ffi.C.dnsdist_ffi_dnsquestion_set_len(kept, 12)\n"
				"end)\n"
				"return function(dq) kept = dq return DNSAction.None end");
	run(CHAIN_QUERY, 0);
	uint16_t length = packet.packet.dns_length;
	policy_free(bench->policy);
	bench->policy = NULL;
	policy_model_threads_set(bench->model, NULL);
	ck_assert_uint_eq(packet.packet.dns_length, length);
}
END_TEST

static Suite *suite(void)
{
	Suite *made = suite_create("lua_threads");
	TCase *threads = tcase_create("threads");
	tcase_set_timeout(threads, 60);
	tcase_add_checked_fixture(threads, setup, teardown);
	tcase_add_test(threads, each_lcore_has_its_own);
	tcase_add_test(threads, states_outlive_a_snapshot);
	tcase_add_test(threads, code_that_is_broken_fails_alone);
	tcase_add_loop_test(threads, code_that_does_not_compile_is_told, 0, (int)RTE_DIM(broken));
	tcase_add_test(threads, errors_are_counted_and_leave_a_message);
	tcase_add_test(threads, results_that_are_none_are_servfail);
	tcase_add_test(threads, tags_that_are_lost_are_counted);
	tcase_add_loop_test(threads, code_that_does_not_end_is_stopped, 0, (int)RTE_DIM(runaways));
	tcase_add_test(threads, lcores_run_at_once);
	tcase_add_loop_test(threads, what_is_not_for_lcores_is_refused, 0, (int)RTE_DIM(refused));
	tcase_add_test(threads, metrics_are_counted_by_all);
	tcase_add_test(threads, finalizers_have_no_packet);
	suite_add_tcase(made, threads);
	return made;
}

UNIT_MAIN(suite)
