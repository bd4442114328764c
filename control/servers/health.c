/* SPDX-License-Identifier: BSD-2-Clause */
#include "control/servers/health.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/dns/message.h"

#define LAZY_LOOK_MS 100u /* how often a server that is watched is looked at */
#define CHECKS_A_MS 32u	  /* that begin in one millisecond, of all servers */
#define NUMBER_BITS 16u	  /* of a token; the rest tells one check of a server from the next */

static_assert(POLICY_BACKENDS_MAX <= 1u << NUMBER_BITS, "a token holds the number of a server");

const struct health_options HEALTH_DEFAULTS = {
	.mode = HEALTH_AUTO,
	.question = {.name = "\1a\14root-servers\3net", .length = 20, .qtype = 1, .qclass = 1},
	.interval = 1000,
	.timeout = 1000,
	.failures = 1,
	.rise = 1,
	.lazy_samples = 100,
	.lazy_least = 1,
	.lazy_threshold = 20,
	.lazy_interval = 30000,
	.lazy_longest = 3600000,
};

struct server {
	struct backend *backend;
	struct health_options options;
	struct health_status status;
	bool used;	/* by the policy in force */
	bool starting;	/* no check has ended yet */
	bool asked;	/* and not answered yet */
	uint16_t round; /* of the check, for the token */
	uint32_t failed, passed; /* checks in a row */
	uint32_t backoff;	 /* checks that failed since it is out */
	uint64_t asked_at, next;
	/* The last queries of one that is watched, and what their counters were. */
	double samples, bad;
	uint64_t seen_good, seen_bad;
};

struct health {
	struct health_hooks hooks;
	uint64_t now;
	uint64_t begun_at; /* when the last checks began, and how many */
	unsigned begun;
	struct server *servers[POLICY_BACKENDS_MAX];
};

struct health *health_create(const struct health_hooks *hooks)
{
	struct health *health = calloc(1, sizeof(*health));
	if (health != NULL)
		health->hooks = *hooks;
	return health;
}

void health_destroy(struct health *health)
{
	if (health == NULL)
		return;
	for (unsigned i = 0; i < POLICY_BACKENDS_MAX; i++)
		free(health->servers[i]);
	free(health);
}

/* ---- up and down ---- */

static void up_set(struct health *health, struct server *server, bool up)
{
	if (server->status.up == up)
		return;
	server->status.up = up;
	server->status.changes++;
	backend_up_set(server->backend, up);
	health->hooks.changed(health->hooks.ctx, server->backend, up);
}

/* As a check says: the first one is news in any case. */
static void up_found(struct health *health, struct server *server, bool up)
{
	bool news = server->starting || server->status.up != up;
	up_set(health, server, up);
	if (news)
		health->hooks.found(health->hooks.ctx, server->backend, up);
}

/* What has become of the queries of a server that is watched, so far. */
static void counters_read(struct health *health, const struct server *server, uint64_t *good,
			  uint64_t *bad)
{
	struct backend_stats sum;
	health->hooks.totals(health->hooks.ctx, server->backend->number, &sum);
	uint64_t servfails = server->options.lazy_timeouts ? 0 : sum.servfails;
	*bad = sum.timeouts + servfails;
	*good = sum.responses - servfails;
}

/* Nothing is held against it that was before. */
static void samples_forget(struct health *health, struct server *server)
{
	server->samples = server->bad = 0;
	counters_read(health, server, &server->seen_good, &server->seen_bad);
}

static void lazy_set(struct health *health, struct server *server, enum health_lazy lazy)
{
	server->status.lazy = lazy;
	server->failed = server->passed = server->backoff = 0;
	if (lazy == HEALTH_HEALTHY)
		samples_forget(health, server);
}

/* What the mode says, whatever is known. */
static void mode_apply(struct health *health, struct server *server)
{
	switch (server->options.mode) {
	case HEALTH_UP:
		up_set(health, server, true);
		break;
	case HEALTH_DOWN:
		up_set(health, server, false);
		break;
	case HEALTH_LAZY:
		lazy_set(health, server, server->starting ? HEALTH_SUSPECT : HEALTH_HEALTHY);
		up_set(health, server, true);
		break;
	case HEALTH_AUTO:
		break;
	}
}

/* A server that nobody knew: it is up, as the workers have it. */
static struct server *server_new(struct health *health, struct backend *backend)
{
	struct server *server = calloc(1, sizeof(*server));
	if (server == NULL)
		return NULL;
	server->backend = backend;
	server->status.up = backend_is_up(backend);
	server->options.mode = HEALTH_UP;
	server->starting = true;
	health->servers[backend->number] = server;
	return server;
}

int health_set(struct health *health, struct backend *backend, const struct health_options *options)
{
	struct server *server = health->servers[backend->number];
	if (server == NULL)
		server = server_new(health, backend);
	if (server == NULL)
		return -ENOMEM;
	bool other = server->options.mode != options->mode;
	server->options = *options;
	server->status.mode = options->mode;
	if (!other)
		return 0;
	server->next = health->now;
	server->asked = false;
	server->round++;
	mode_apply(health, server);
	return 0;
}

const struct health_options *health_options(const struct health *health, uint16_t number)
{
	const struct server *server = health->servers[number];
	return server != NULL ? &server->options : NULL;
}

struct health_status health_status(const struct health *health, uint16_t number)
{
	const struct server *server = health->servers[number];
	return server != NULL ? server->status : (struct health_status){.mode = HEALTH_UP};
}

void health_up_set(struct health *health, uint16_t number, bool up)
{
	struct server *server = health->servers[number];
	if (server == NULL || server->options.mode == HEALTH_UP ||
	    server->options.mode == HEALTH_DOWN)
		return;
	server->starting = false;
	server->failed = server->passed = 0;
	up_set(health, server, up);
	lazy_set(health, server, up ? HEALTH_HEALTHY : HEALTH_FAILED);
}

void health_forget(struct health *health, uint16_t number)
{
	free(health->servers[number]);
	health->servers[number] = NULL;
}

/* A check that is under way says nothing of a server that leaves the policy, or comes back by and by. */
static void use_set(struct server *server, bool used)
{
	if (!used && server->asked) {
		server->asked = false;
		server->round++;
	}
	server->used = used;
}

void health_use(struct health *health, const struct policy *policy)
{
	for (uint16_t i = 0; i < POLICY_BACKENDS_MAX; i++)
		if (health->servers[i] != NULL)
			use_set(health->servers[i],
				policy != NULL && policy_backend(policy, i) != NULL);
}

/* ---- checks ---- */

static bool is_checked(const struct server *server)
{
	return server->options.mode == HEALTH_AUTO ||
	       (server->options.mode == HEALTH_LAZY && server->status.lazy != HEALTH_HEALTHY);
}

/* How long until one that is out is asked again. */
static uint32_t failed_interval(const struct server *server)
{
	uint64_t interval = server->options.lazy_interval;
	for (uint32_t i = 0; server->options.lazy_backoff && i < server->backoff; i++) {
		interval *= 2;
		if (interval >= server->options.lazy_longest)
			return server->options.lazy_longest;
	}
	return (uint32_t)interval;
}

static uint32_t interval_of(const struct server *server)
{
	if (server->options.mode == HEALTH_LAZY && server->status.lazy == HEALTH_FAILED)
		return failed_interval(server);
	return server->options.interval;
}

static void passed(struct health *health, struct server *server)
{
	bool enough = ++server->passed >= server->options.rise || server->starting;
	server->failed = 0;
	if (!server->status.up && !enough)
		return;
	up_found(health, server, true);
	if (server->options.mode == HEALTH_LAZY)
		lazy_set(health, server, HEALTH_HEALTHY);
}

static void failed(struct health *health, struct server *server, enum health_failure failure)
{
	bool enough = ++server->failed >= server->options.failures || server->starting;
	if (health->hooks.failed != NULL)
		health->hooks.failed(health->hooks.ctx, server->backend, failure);
	server->status.failures++;
	server->status.by_failure[failure]++;
	server->passed = 0;
	if (server->options.mode == HEALTH_LAZY && server->status.lazy == HEALTH_FAILED) {
		server->backoff++;
	} else if (enough) {
		up_found(health, server, false);
		if (server->options.mode == HEALTH_LAZY)
			lazy_set(health, server, HEALTH_FAILED);
	}
}

/*
 * How much sooner than usual a server is asked for the second time: so that servers that were first
 * asked together, at the start or after a reload, are asked at times of their own from then on.
 */
static uint64_t interval_cut(const struct server *server)
{
	uint32_t part = server->backend->number * 0x9e3779b1u >> 16; /* golden ratio: even */
	return server->starting ? (uint64_t)server->options.interval * part >> 16 : 0;
}

/* The check has ended; the next is an interval after it began. */
static void check_end(struct health *health, struct server *server, bool good,
		      enum health_failure failure)
{
	server->asked = false;
	server->round++;
	if (good)
		passed(health, server);
	else
		failed(health, server, failure);
	server->next = server->asked_at + interval_of(server) - interval_cut(server);
	server->starting = false;
}

static void check_begin(struct health *health, struct server *server)
{
	struct health_question question = server->options.question;
	question.flags = DNS_FLAG_RD | (question.cd ? DNS_FLAG_CD : 0);
	if (server->options.callback != 0)
		health->hooks.question(health->hooks.ctx, server->options.callback, &question);
	if (!is_checked(server)) /* any more: so the callback says */
		return;
	uint32_t token = (uint32_t)server->round << NUMBER_BITS | server->backend->number;
	server->status.checks++;
	server->asked = true;
	server->asked_at = health->now;
	if (!health->hooks.send(health->hooks.ctx, server->backend, &question,
				server->options.timeout, token))
		check_end(health, server, false, HEALTH_FAILURE_NETWORK);
}

static bool is_good(const struct health *health, const struct server *server,
		    const uint8_t *message, size_t length)
{
	uint8_t rcode = message[3] & 0x0f;
	if (rcode == DNS_RCODE_SERVFAIL ||
	    (server->options.must_resolve &&
	     (rcode == DNS_RCODE_NXDOMAIN || rcode == DNS_RCODE_REFUSED)))
		return false;
	return server->options.validator == 0 ||
	       health->hooks.good(health->hooks.ctx, server->options.validator, message, length);
}

unsigned health_latency(unsigned number)
{
	static const unsigned bounds[HEALTH_LATENCIES] = {1, 10, 50, 100, 1000};
	return bounds[number];
}

static void latency_take(struct health_status *status, double latency)
{
	status->good++;
	status->latency_sum += latency;
	for (unsigned i = 0; i < HEALTH_LATENCIES; i++)
		status->latencies[i] += latency <= health_latency(i);
}

void health_answer(struct health *health, uint32_t token, const uint8_t *message, size_t length,
		   double latency, uint64_t now)
{
	uint32_t number = token & ((1u << NUMBER_BITS) - 1);
	struct server *server = number < POLICY_BACKENDS_MAX ? health->servers[number] : NULL;
	if (server == NULL || !server->asked || server->round != token >> NUMBER_BITS)
		return;
	health->now = now;
	server->status.latency = latency;
	bool good = is_good(health, server, message, length);
	if (!server->asked || server->round != token >> NUMBER_BITS)
		return; /* the validator has said how it is to be watched from now on */
	if (good)
		latency_take(&server->status, latency);
	check_end(health, server, good, HEALTH_FAILURE_INVALID);
}

/* ---- watching ---- */

/*
 * Takes what the counters grew by into the samples. Those are kept as a sum: new ones push out as
 * many old ones as there are too many, of either kind by its part.
 */
static void samples_take(struct health *health, struct server *server)
{
	uint64_t bad, good;
	counters_read(health, server, &good, &bad);
	double new_bad = (double)(int64_t)(bad - server->seen_bad);
	/* Counters that are read while they grow may seem to go back by one. */
	double new_good = (double)(int64_t)(good - server->seen_good);
	double most = server->options.lazy_samples, fresh = new_bad + new_good;
	server->seen_bad = bad;
	server->seen_good = good;
	if (fresh >= most) {
		server->bad = new_bad * most / fresh;
		server->samples = most;
		return;
	}
	if (server->samples + fresh > most) {
		server->bad *= (most - fresh) / server->samples;
		server->samples = most - fresh;
	}
	server->bad += new_bad;
	server->samples += fresh;
}

static void watch(struct health *health, struct server *server)
{
	samples_take(health, server);
	server->next = health->now + LAZY_LOOK_MS;
	if (server->samples < server->options.lazy_least || server->samples == 0 ||
	    server->bad * 100 < server->options.lazy_threshold * server->samples)
		return;
	lazy_set(health, server, HEALTH_SUSPECT);
	server->next = health->now; /* it is asked at once */
}

/* Many servers that are due at once are asked one after the other: their answers come back so, too. */
static bool check_may_begin(struct health *health)
{
	if (health->begun_at != health->now) {
		health->begun_at = health->now;
		health->begun = 0;
	}
	return health->begun++ < CHECKS_A_MS;
}

static void server_turn(struct health *health, struct server *server)
{
	if (server->asked && health->now >= server->asked_at + server->options.timeout) {
		check_end(health, server, false, HEALTH_FAILURE_TIMEOUT);
		if (health->hooks.silent != NULL)
			health->hooks.silent(health->hooks.ctx, server->backend);
	}
	if (server->options.mode == HEALTH_LAZY && server->status.lazy == HEALTH_HEALTHY &&
	    health->now >= server->next)
		watch(health, server);
	if (is_checked(server) && !server->asked && health->now >= server->next &&
	    check_may_begin(health))
		check_begin(health, server);
}

void health_turn(struct health *health, uint64_t now)
{
	health->now = now;
	for (unsigned i = 0; i < POLICY_BACKENDS_MAX; i++)
		if (health->servers[i] != NULL && health->servers[i]->used)
			server_turn(health, health->servers[i]);
}

uint64_t health_next(const struct health *health)
{
	uint64_t next = UINT64_MAX;
	for (unsigned i = 0; i < POLICY_BACKENDS_MAX; i++) {
		const struct server *server = health->servers[i];
		if (server == NULL || !server->used ||
		    (!is_checked(server) && server->options.mode != HEALTH_LAZY))
			continue;
		uint64_t due = server->asked ? server->asked_at + server->options.timeout
					     : server->next;
		next = due < next ? due : next;
	}
	return next;
}

bool health_is_starting(const struct health *health)
{
	for (unsigned i = 0; i < POLICY_BACKENDS_MAX; i++) {
		const struct server *server = health->servers[i];
		if (server != NULL && server->used && server->starting && is_checked(server))
			return true;
	}
	return false;
}
