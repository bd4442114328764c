/* SPDX-License-Identifier: BSD-2-Clause */
/* Which servers are up, by checks that a test answers or not. */
#include "control/servers/health.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/dns/message.h"
#include "tests/unit/unit.h"

static struct health *health;
#define SERVERS 300u

static struct backend servers[SERVERS] __attribute__((aligned(64)));
static struct backend *list[SERVERS] = {&servers[0], &servers[1]};
static const struct policy policy = {.backends = list, .n_backends = 2};
static const struct policy crowded = {.backends = list, .n_backends = SERVERS};
static struct backend_stats totals[SERVERS];
static unsigned asked, changes, found, judged;
static uint32_t token, tokens[SERVERS]; /* of the last question, to any and to each */
static struct health_question question;
static bool sendable;
static uint64_t now;

static bool on_send(void *ctx, const struct backend *backend, const struct health_question *q,
		    uint32_t timeout, uint32_t with)
{
	(void)ctx, (void)timeout;
	if (!sendable)
		return false;
	asked++;
	token = tokens[backend->number] = with;
	question = *q;
	ck_assert_uint_eq(with & 0xffff, backend->number);
	return true;
}

static const struct health_options *said; /* by the functions of the policy; NULL: nothing */

static void say(void)
{
	if (said != NULL)
		ck_assert_int_eq(health_set(health, &servers[0], said), 0);
}

static void on_question(void *ctx, int32_t callback, struct health_question *q)
{
	(void)ctx;
	q->qtype = (uint16_t)callback;
	say();
}

static bool on_judged(void *ctx, int32_t validator, const uint8_t *message, size_t length)
{
	(void)ctx;
	ck_assert_uint_eq(length, DNS_HEADER_SIZE);
	judged++;
	say();
	return message[3] == validator;
}

static unsigned failures[HEALTH_FAILURES];

static void on_changed(void *ctx, const struct backend *backend, bool up)
{
	(void)ctx;
	ck_assert_int_eq(backend_is_up(backend), up);
	changes++;
}

static void on_failed(void *ctx, const struct backend *backend, enum health_failure failure)
{
	(void)ctx;
	ck_assert_uint_lt(backend->number, 2);
	failures[failure]++;
}

static void on_found(void *ctx, const struct backend *backend, bool up)
{
	(void)ctx;
	ck_assert_int_eq(backend_is_up(backend), up);
	found++;
}

static void on_totals(void *ctx, uint16_t number, struct backend_stats *sum)
{
	(void)ctx;
	*sum = totals[number];
}

static void setup(void)
{
	static const struct health_hooks hooks = {.send = on_send,
						  .question = on_question,
						  .good = on_judged,
						  .changed = on_changed,
						  .found = on_found,
						  .failed = on_failed,
						  .totals = on_totals};
	memset(servers, 0, sizeof(servers));
	memset(totals, 0, sizeof(totals));
	servers[1].number = 1;
	asked = changes = found = judged = 0;
	sendable = true;
	said = NULL;
	memset(failures, 0, sizeof(failures));
	now = 1000;
	health = health_create(&hooks);
	ck_assert_ptr_nonnull(health);
}

static void teardown(void)
{
	health_destroy(health);
}

static void watch_server(const struct health_options *options)
{
	ck_assert_int_eq(health_set(health, &servers[0], options), 0);
	health_use(health, &policy);
}

static void turn(uint64_t at)
{
	now = at;
	health_turn(health, at);
}

static void answer_to(uint32_t to, uint8_t rcode, double latency)
{
	const uint8_t message[DNS_HEADER_SIZE] = {0, 0, 0x80, rcode};
	health_answer(health, to, message, sizeof(message), latency, now);
}

static void answer(uint8_t rcode)
{
	answer_to(token, rcode, 0.5);
}

START_TEST(first_check_decides)
{
	struct health_options options = HEALTH_DEFAULTS;
	options.failures = 3;
	options.rise = 3;
	watch_server(&options);
	ck_assert(health_is_starting(health));
	ck_assert(backend_is_up(&servers[0]));
	turn(1000);
	ck_assert_uint_eq(asked, 1);
	ck_assert_uint_eq(question.qtype, 1);
	ck_assert_uint_eq(question.length, 20);
	ck_assert_uint_eq(health_next(health), 2000);
	turn(1999);
	ck_assert(backend_is_up(&servers[0]));
	turn(2000); /* its time is over: out at once, and asked again */
	ck_assert(!backend_is_up(&servers[0]));
	ck_assert(!health_is_starting(health));
	ck_assert_uint_eq(asked, 2);
	ck_assert_uint_eq(changes, 1);
	ck_assert_uint_eq(found, 1);
	ck_assert_uint_eq(health_status(health, 0).by_failure[HEALTH_FAILURE_TIMEOUT], 1);
}
END_TEST

START_TEST(rises_and_falls)
{
	struct health_options options = HEALTH_DEFAULTS;
	options.failures = 2;
	options.rise = 3;
	watch_server(&options);
	turn(1000);
	answer(DNS_RCODE_REFUSED); /* good enough unless it must resolve */
	ck_assert(!health_is_starting(health));
	ck_assert_uint_eq(found, 1); /* told of the first check, though nothing changed */
	turn(2000);
	answer(DNS_RCODE_SERVFAIL);
	ck_assert(backend_is_up(&servers[0]));
	turn(3000);
	answer(DNS_RCODE_NOERROR);
	turn(4000);
	answer(DNS_RCODE_SERVFAIL);
	ck_assert(backend_is_up(&servers[0])); /* not two in a row */
	turn(5000);
	answer(DNS_RCODE_SERVFAIL);
	ck_assert(!backend_is_up(&servers[0]));
	for (unsigned i = 0; i < 3; i++) {
		ck_assert(!backend_is_up(&servers[0]));
		turn(6000 + i * 1000);
		answer(DNS_RCODE_NXDOMAIN);
	}
	ck_assert(backend_is_up(&servers[0]));
	ck_assert_uint_eq(changes, 2);
	ck_assert_uint_eq(health_status(health, 0).changes, 2);
	ck_assert_uint_eq(found, 3);
	ck_assert_uint_eq(health_status(health, 0).checks, 8);
	ck_assert_uint_eq(health_status(health, 0).good, 5); /* each after half a millisecond */
	ck_assert_double_eq(health_status(health, 0).latency_sum, 2.5);
	ck_assert_uint_eq(health_status(health, 0).latencies[0], 5);
	ck_assert_uint_eq(health_status(health, 0).latencies[HEALTH_LATENCIES - 1], 5);
	ck_assert_uint_eq(health_status(health, 0).failures, 3);
}
END_TEST

START_TEST(the_policy_judges)
{
	struct health_options options = HEALTH_DEFAULTS;
	options.validator = DNS_RCODE_REFUSED;
	options.question.cd = true;
	watch_server(&options);
	turn(1000);
	ck_assert_uint_eq(question.flags, DNS_FLAG_RD | DNS_FLAG_CD);
	answer(DNS_RCODE_REFUSED);
	ck_assert(backend_is_up(&servers[0]));
	turn(3000);
	answer(DNS_RCODE_NOERROR);
	ck_assert(!backend_is_up(&servers[0]));
	ck_assert_uint_eq(health_status(health, 0).by_failure[HEALTH_FAILURE_INVALID], 1);
	ck_assert_uint_eq(failures[HEALTH_FAILURE_INVALID], 1);
	turn(5000);
	answer(DNS_RCODE_SERVFAIL); /* it is not asked of what is bad anyway */
	ck_assert_uint_eq(judged, 2);
}
END_TEST

START_TEST(one_that_is_forgotten_is_new)
{
	watch_server(&HEALTH_DEFAULTS);
	turn(1000);
	uint32_t old = token;
	health_forget(health, 0);
	answer_to(old, DNS_RCODE_SERVFAIL, 1);
	ck_assert(backend_is_up(&servers[0]));
	ck_assert_uint_eq(health_status(health, 0).checks, 0);
	watch_server(&HEALTH_DEFAULTS);
	turn(2000);
	ck_assert_uint_eq(health_status(health, 0).checks, 1);
}
END_TEST

START_TEST(late_answers_are_nobodys)
{
	watch_server(&HEALTH_DEFAULTS);
	turn(1000);
	uint32_t old = token;
	turn(2000);
	ck_assert(!backend_is_up(&servers[0]));
	answer_to(old, DNS_RCODE_NOERROR, 1);
	ck_assert(!backend_is_up(&servers[0]));
	answer_to(0xffffffff, DNS_RCODE_NOERROR, 1);
	answer_to(5, DNS_RCODE_NOERROR, 1);
	answer(DNS_RCODE_NOERROR);
	ck_assert(backend_is_up(&servers[0]));
	answer(DNS_RCODE_SERVFAIL); /* twice the same */
	ck_assert(backend_is_up(&servers[0]));
}
END_TEST

START_TEST(must_resolve)
{
	struct health_options options = HEALTH_DEFAULTS;
	options.must_resolve = true;
	options.callback = 28;
	watch_server(&options);
	turn(1000);
	ck_assert_uint_eq(question.qtype, 28);
	answer(DNS_RCODE_NXDOMAIN);
	ck_assert(!backend_is_up(&servers[0]));
	turn(2000);
	answer(DNS_RCODE_REFUSED);
	ck_assert(!backend_is_up(&servers[0]));
	ck_assert_uint_eq(health_status(health, 0).by_failure[HEALTH_FAILURE_INVALID], 2);
	sendable = false;
	turn(3000);
	ck_assert_uint_eq(health_status(health, 0).by_failure[HEALTH_FAILURE_NETWORK], 1);
}
END_TEST

START_TEST(by_decree)
{
	struct health_options options = HEALTH_DEFAULTS;
	options.mode = HEALTH_DOWN;
	watch_server(&options);
	ck_assert(!backend_is_up(&servers[0]));
	turn(5000);
	ck_assert_uint_eq(asked, 0);
	options.mode = HEALTH_UP;
	ck_assert_int_eq(health_set(health, &servers[0], &options), 0);
	ck_assert(backend_is_up(&servers[0]));
	ck_assert_uint_eq(health_next(health), UINT64_MAX);
	options.mode = HEALTH_AUTO;
	ck_assert_int_eq(health_set(health, &servers[0], &options), 0);
	health_up_set(health, 0, false); /* setAuto(false) */
	ck_assert(!backend_is_up(&servers[0]));
	ck_assert_uint_eq(found, 0); /* nothing of that came of a check */
	turn(6000);
	ck_assert_uint_eq(asked, 1);
	answer(DNS_RCODE_NOERROR);
	ck_assert(backend_is_up(&servers[0]));
	health_use(health, NULL);
	turn(9000);
	ck_assert_uint_eq(asked, 1); /* not in the policy */
}
END_TEST

/* Asked once, at the start. */
static void watch_lazily(const struct health_options *options, uint64_t at)
{
	watch_server(options);
	ck_assert(health_is_starting(health));
	turn(at);
	answer(DNS_RCODE_NOERROR);
	ck_assert(!health_is_starting(health));
	ck_assert_uint_eq(asked, 1);
	asked = 0;
}

static struct health_options lazy(void)
{
	struct health_options options = HEALTH_DEFAULTS;
	options.mode = HEALTH_LAZY;
	options.lazy_least = 10;
	options.lazy_interval = 30000;
	options.failures = 2;
	return options;
}

START_TEST(lazy_fails_and_comes_back)
{
	struct health_options options = lazy();
	options.lazy_backoff = true;
	options.lazy_longest = 100000;
	watch_lazily(&options, 0);
	turn(1000);
	totals[0].responses = 100;
	totals[0].servfails = 10;
	turn(1100);
	turn(1200);
	ck_assert_uint_eq(asked, 0); /* a tenth: healthy */
	totals[0].timeouts = 15;
	turn(1300);
	ck_assert_uint_eq(health_status(health, 0).lazy, HEALTH_SUSPECT);
	ck_assert_uint_eq(asked, 1);
	ck_assert(backend_is_up(&servers[0]));
	answer(DNS_RCODE_SERVFAIL);
	ck_assert(backend_is_up(&servers[0]));
	turn(2300);
	answer(DNS_RCODE_SERVFAIL);
	ck_assert(!backend_is_up(&servers[0]));
	ck_assert_uint_eq(health_status(health, 0).lazy, HEALTH_FAILED);
	ck_assert_uint_eq(health_next(health), 32300);
	const uint64_t at[] = {32300, 92300, 192300}; /* 60 s later, then the most: 100 s */
	for (unsigned i = 0; i < 3; i++) {
		turn(at[i]);
		ck_assert_uint_eq(asked, 3 + i);
		answer(i < 2 ? DNS_RCODE_SERVFAIL : DNS_RCODE_NOERROR);
	}
	ck_assert(backend_is_up(&servers[0]));
	ck_assert_uint_eq(health_status(health, 0).lazy, HEALTH_HEALTHY);
	turn(200000);
	ck_assert_uint_eq(asked, 5); /* nothing is held against it */
}
END_TEST

START_TEST(lazy_is_asked_at_the_start)
{
	struct health_options options = lazy();
	watch_server(&options);
	turn(1000);
	turn(2000); /* its time is over */
	ck_assert(!backend_is_up(&servers[0]));
	ck_assert_uint_eq(health_status(health, 0).lazy, HEALTH_FAILED);
	ck_assert_uint_eq(found, 1);
	ck_assert_uint_eq(health_next(health), 31000);
}
END_TEST

START_TEST(lazy_is_cleared_by_a_check)
{
	struct health_options options = lazy();
	options.lazy_timeouts = true;
	watch_lazily(&options, 0);
	totals[0].responses = 50;
	totals[0].servfails = 50;
	turn(1000);
	ck_assert_uint_eq(asked, 0); /* they are answers */
	totals[0].timeouts = 9;
	turn(1100);
	ck_assert_uint_eq(asked, 0);
	totals[0].timeouts = 200;
	turn(1200);
	ck_assert_uint_eq(asked, 1);
	answer(DNS_RCODE_NOERROR);
	ck_assert_uint_eq(health_status(health, 0).lazy, HEALTH_HEALTHY);
	ck_assert(backend_is_up(&servers[0]));
	ck_assert_uint_eq(changes, 0);
}
END_TEST

/* What failed while it was out, or before it was watched, is not held against one that works. */
START_TEST(lazy_forgets_what_was_before)
{
	struct health_options options = lazy();
	watch_lazily(&options, 0);
	totals[0].timeouts = 20;
	turn(1000);
	turn(2000);
	turn(3000);
	ck_assert_uint_eq(health_status(health, 0).lazy, HEALTH_FAILED);
	totals[0].timeouts = 500; /* of what it had in hand */
	turn(32000);
	answer(DNS_RCODE_NOERROR);
	ck_assert_uint_eq(health_status(health, 0).lazy, HEALTH_HEALTHY);
	turn(33000);
	ck_assert_uint_eq(health_status(health, 0).lazy, HEALTH_HEALTHY);
	totals[0].timeouts = 510; /* and then again */
	turn(33100);
	ck_assert_uint_eq(health_status(health, 0).lazy, HEALTH_SUSPECT);
}
END_TEST

START_TEST(lazy_from_a_reload_on)
{
	struct health_options options = HEALTH_DEFAULTS;
	watch_server(&options);
	turn(1000);
	answer(DNS_RCODE_NOERROR);
	totals[0].timeouts = 500;
	options = lazy();
	watch_server(&options);
	turn(2000);
	ck_assert_uint_eq(health_status(health, 0).lazy, HEALTH_HEALTHY);
}
END_TEST

/* What the functions of a check say of the server comes before what the check finds. */
START_TEST(functions_of_checks_decree)
{
	struct health_options options = HEALTH_DEFAULTS, decree = HEALTH_DEFAULTS;
	options.validator = DNS_RCODE_NOERROR + 1;
	options.callback = 28;
	decree.mode = HEALTH_DOWN;
	watch_server(&options);
	turn(1000);
	said = &decree;
	answer(DNS_RCODE_NOERROR + 1);
	ck_assert(!backend_is_up(&servers[0]));
	said = NULL;
	watch_server(&options);
	decree.mode = HEALTH_UP;
	said = &decree;
	turn(2000);
	turn(4000);
	ck_assert(backend_is_up(&servers[0]));
	ck_assert_uint_eq(asked, 1);
	ck_assert_uint_eq(health_next(health), UINT64_MAX);
}
END_TEST

/* A check ends with the policy that has the server: nothing of it counts when another one has it again. */
START_TEST(a_check_ends_with_the_policy)
{
	struct health_options options = HEALTH_DEFAULTS;
	options.validator = DNS_RCODE_REFUSED;
	watch_server(&options);
	turn(1000);
	answer(DNS_RCODE_REFUSED);
	turn(2000);
	uint32_t old = token;
	health_use(health, NULL);
	answer_to(old, DNS_RCODE_NOERROR, 1);
	ck_assert_uint_eq(judged, 1); /* its function is of a policy that is gone */
	turn(60000);
	watch_server(&options);
	turn(60001);
	ck_assert(backend_is_up(&servers[0]));
	ck_assert_uint_eq(changes, 0);
	ck_assert_uint_eq(asked, 3);
	answer_to(old, DNS_RCODE_NOERROR, 1);
	ck_assert_uint_eq(judged, 1);
	answer(DNS_RCODE_REFUSED);
	ck_assert_uint_eq(judged, 2);
	ck_assert_uint_eq(health_status(health, 0).failures, 0);
}
END_TEST

/* A turn, all of whose questions are answered at once; how many those were. */
static unsigned turn_answered(void)
{
	unsigned before = asked;
	health_turn(health, now);
	unsigned fresh = asked - before;
	for (unsigned i = 0; i < SERVERS; i++)
		answer_to(tokens[i], 0, 1);
	return fresh;
}

/* Many servers are not asked all at once, and from then on at times of their own. */
START_TEST(checks_are_spread)
{
	for (unsigned i = 0; i < SERVERS; i++) {
		servers[i].number = (uint16_t)i;
		list[i] = &servers[i];
		ck_assert_int_eq(health_set(health, &servers[i], &HEALTH_DEFAULTS), 0);
	}
	health_use(health, &crowded);
	for (; health_is_starting(health); now++) {
		ck_assert_uint_le(health_next(health), now);
		ck_assert_uint_le(turn_answered(), 32);
		health_turn(health, now); /* not more in the same millisecond */
	}
	ck_assert_uint_ge(asked, SERVERS);
	ck_assert_uint_le(asked, SERVERS + SERVERS / 20);
	ck_assert_uint_eq(now, 1000 + SERVERS / 32 + 1);
	for (; now < 2050; now++)
		turn_answered();
	while (now < 5050) {
		unsigned fresh = 0;
		for (unsigned ms = 0; ms < 100; ms++, now++)
			fresh += turn_answered();
		ck_assert_uint_ge(fresh, SERVERS / 10 - 5);
		ck_assert_uint_le(fresh, SERVERS / 10 + 5);
	}
	ck_assert_uint_eq(changes, 0);
}
END_TEST

static Suite *health_suite(void)
{
	Suite *suite = suite_create("health");
	TCase *tests = tcase_create("health");
	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, first_check_decides);
	tcase_add_test(tests, rises_and_falls);
	tcase_add_test(tests, late_answers_are_nobodys);
	tcase_add_test(tests, must_resolve);
	tcase_add_test(tests, by_decree);
	tcase_add_test(tests, lazy_fails_and_comes_back);
	tcase_add_test(tests, lazy_is_asked_at_the_start);
	tcase_add_test(tests, lazy_is_cleared_by_a_check);
	tcase_add_test(tests, lazy_forgets_what_was_before);
	tcase_add_test(tests, lazy_from_a_reload_on);
	tcase_add_test(tests, a_check_ends_with_the_policy);
	tcase_add_test(tests, functions_of_checks_decree);
	tcase_add_test(tests, checks_are_spread);
	tcase_add_test(tests, the_policy_judges);
	tcase_add_test(tests, one_that_is_forgotten_is_new);
	suite_add_tcase(suite, tests);
	return suite;
}

UNIT_MAIN(health_suite)
