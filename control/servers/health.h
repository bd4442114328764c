/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which servers are up: by checks, by what becomes of the queries they get, or by decree.
 *
 * A server that is checked is asked a question every interval. One that is checked lazily is
 * watched: only when too many of its last queries failed it is asked, and taken out when it does
 * not answer then either. How a question gets to a server and back is for the hooks; answers are
 * told apart by tokens, so that one that comes late is nobody's.
 *
 * Control lcore only. Times are milliseconds of a monotonic clock.
 */
#ifndef SLUICE_CONTROL_SERVERS_HEALTH_H
#define SLUICE_CONTROL_SERVERS_HEALTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/dns/name.h"
#include "dataplane/serve/backend.h"

enum health_mode { HEALTH_AUTO, HEALTH_UP, HEALTH_DOWN, HEALTH_LAZY };

/* Of a server that is checked lazily. */
enum health_lazy {
	HEALTH_HEALTHY,
	HEALTH_SUSPECT, /* up, and checked */
	HEALTH_FAILED,	/* down, and checked */
};

enum health_failure {
	HEALTH_FAILURE_TIMEOUT,
	HEALTH_FAILURE_NETWORK, /* it could not be asked */
	HEALTH_FAILURE_INVALID, /* an rcode that says that it does not work */
	HEALTH_FAILURES,
};

struct health_question {
	uint8_t name[DNS_NAME_MAX]; /* wire form */
	size_t length;
	uint16_t qtype, qclass;
	bool cd; /* RFC 4035, section 3.2.2 */
	uint16_t flags; /* of the header, once it is asked */
};

struct health_options {
	enum health_mode mode;
	struct health_question question;
	int32_t callback;    /* a function that makes the question; 0: none */
	int32_t validator;   /* one that judges answers which are good otherwise; 0: none */
	bool must_resolve;   /* NXDOMAIN and REFUSED are failures, as SERVFAIL always is */
	uint32_t interval;   /* ms */
	uint32_t timeout;    /* ms */
	uint32_t failures;   /* in a row that take it out */
	uint32_t rise;	     /* successes in a row that bring it back */
	bool lazy_timeouts;  /* SERVFAIL does not count as a failure of a query */
	bool lazy_backoff;   /* twice as long after each failed check */
	uint32_t lazy_samples, lazy_least; /* queries that are looked at; how many at least */
	uint32_t lazy_threshold;	   /* failures in a hundred */
	uint32_t lazy_interval, lazy_longest; /* ms between checks of one that failed */
};

/* dnsdist's: auto, a.root-servers.net A every second. */
extern const struct health_options HEALTH_DEFAULTS;

#define HEALTH_LATENCIES 5u

struct health_status {
	enum health_mode mode;
	enum health_lazy lazy;
	bool up;
	uint64_t changes; /* from up to down and back */
	uint64_t checks, failures;
	uint64_t by_failure[HEALTH_FAILURES];
	double latency; /* ms, of the last check that was answered */
	double latency_sum; /* ms, of those that were good */
	uint64_t latencies[HEALTH_LATENCIES]; /* of these as many as took no longer than health_latency() */
	uint64_t good;
};

struct health_hooks {
	/* Asks the server; `token` comes back with the answer. False: it cannot be asked. */
	bool (*send)(void *ctx, const struct backend *backend, const struct health_question *question,
		     uint32_t timeout, uint32_t token);
	/* Lets the policy make the question from the one that is there. */
	void (*question)(void *ctx, int32_t callback, struct health_question *question);
	/* Whether the policy takes the answer for a good one. */
	bool (*good)(void *ctx, int32_t validator, const uint8_t *message, size_t length);
	/* A check was not answered in time; may be NULL. */
	void (*silent)(void *ctx, const struct backend *backend);
	/* A check failed; may be NULL. */
	void (*failed)(void *ctx, const struct backend *backend, enum health_failure failure);
	/* The server went up or down. */
	void (*changed)(void *ctx, const struct backend *backend, bool up);
	/* A check found it so: its first one, or otherwise than before. */
	void (*found)(void *ctx, const struct backend *backend, bool up);
	/* What all workers counted for the server. */
	void (*totals)(void *ctx, uint16_t number, struct backend_stats *sum);
	void *ctx;
};

struct health;

/* NULL without memory. */
struct health *health_create(const struct health_hooks *hooks);
void health_destroy(struct health *health);

/*
 * Sets how a server is watched; what is known of it stays, but for what its mode says. One that is
 * new is up, and its first check decides by itself. 0 or -ENOMEM.
 */
int health_set(struct health *health, struct backend *backend, const struct health_options *options);

/* The options and the state of a server; NULL, and all zero, if it never was set. */
const struct health_options *health_options(const struct health *health, uint16_t number);
struct health_status health_status(const struct health *health, uint16_t number);

/* The bounds of latencies, in milliseconds: those that dnsdist has. */
unsigned health_latency(unsigned number);

/* Sets the state of one that is checked, as if checks had said so. */
void health_up_set(struct health *health, uint16_t number, bool up);

/* Which servers are checked: those of the policy in force. */
void health_use(struct health *health, const struct policy *policy);

/* Asks who is due and gives up who did not answer. */
void health_turn(struct health *health, uint64_t now);

/* When health_turn() has something to do, at the earliest; UINT64_MAX: never. */
uint64_t health_next(const struct health *health);

/*
 * An answer of at least a header, which came from the server and has its question, `latency` ms after
 * that was sent.
 */
void health_answer(struct health *health, uint32_t token, const uint8_t *message, size_t length,
		   double latency, uint64_t now);

/* Its number is given back: nothing is known of the server any more. */
void health_forget(struct health *health, uint16_t number);

/* Whether some server has had no check yet: that is how a start ends. */
bool health_is_starting(const struct health *health);

#endif
