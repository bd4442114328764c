/* SPDX-License-Identifier: BSD-2-Clause */
#include "control/servers/probe.h"

#include <errno.h>
#include <inttypes.h>

#include "control/hand.h"
#include "control/log/log.h"
#include "control/lua/policy.h"
#include "control/publish.h"
#include "dataplane/dns/message.h"

#define REPORTS 64u

size_t probe_write(const struct health_question *question, uint8_t *dns)
{
	uint8_t *at = dns + DNS_HEADER_SIZE;
	memset(dns, 0, DNS_HEADER_SIZE);
	dns_flags_store(dns, question->flags);
	dns_count_store(dns, DNS_SECTION_QUESTION, 1);
	memcpy(at, question->name, question->length);
	at += question->length;
	dns_u16_store(at, question->qtype);
	dns_u16_store(at + 2, question->qclass);
	return (size_t)(at + 4 - dns);
}

/* ---- hooks ---- */

static bool probe_send(void *ctx, const struct backend *backend,
		       const struct health_question *question, uint32_t timeout, uint32_t token)
{
	struct control *control = ctx;
	struct rte_mbuf *mbuf;
	if (!control->dataplane->routed[backend->number] ||
	    (mbuf = rte_pktmbuf_alloc(control->dataplane->parking.small)) == NULL)
		return false;
	struct packet *packet = packet_of(mbuf);
	*packet = (struct packet){.patience = timeout, .slot = token};
	packet->query.backend = backend->number;
	packet->query.qtype = question->qtype;
	packet->query.qclass = question->qclass;
	packet->query.qname_length = (uint8_t)question->length;
	packet_dns_resize(mbuf, (uint16_t)probe_write(question, packet_dns(mbuf)));
	hand_probe(control, backend->number % control->dataplane->n_workers, mbuf);
	return true;
}

static void probe_question(void *ctx, int32_t callback, struct health_question *question)
{
	lua_policy_check_question(ctx, callback, question);
}

static bool probe_good(void *ctx, int32_t validator, const uint8_t *message, size_t length)
{
	return lua_policy_check_answer(ctx, validator, message, length);
}

static void server_changed(void *ctx, const struct backend *backend, bool up)
{
	(void)ctx;
	if (up)
		log_info("server %s is up", backend->title);
	else
		log_warning("server %s is down", backend->title);
}

/* As in dnsdist: not what somebody sets by hand. */
static void server_found(void *ctx, const struct backend *backend, bool up)
{
	lua_policy_server_changed(ctx, backend->title, up);
}

static void server_silent(void *ctx, const struct backend *backend)
{
	struct control *control = ctx;
	__atomic_fetch_add(&control->dataplane->silent_checks[backend->number], 1, __ATOMIC_RELAXED);
}

static void check_failed(void *ctx, const struct backend *backend, enum health_failure failure)
{
	static const char *const reasons[HEALTH_FAILURES] = {
		[HEALTH_FAILURE_TIMEOUT] = "it did not answer in time",
		[HEALTH_FAILURE_NETWORK] = "it could not be asked",
		[HEALTH_FAILURE_INVALID] = "its answer is not good",
	};
	static struct log_limit limit;
	const struct control *control = ctx;
	uint64_t held;
	if (!policy_current()->verbose_checks || !log_limit_pass(&limit, control->now, &held))
		return;
	log_warning("check of server %s failed: %s (%" PRIu64 " more failed since the last message)",
		    backend->title, reasons[failure], held);
}

static void server_totals(void *ctx, uint16_t number, struct backend_stats *sum)
{
	totals_backend(ctx, number, sum);
}

/* ---- turns ---- */

int probe_init(struct control *control)
{
	const struct health_hooks hooks = {
		.send = probe_send,
		.question = probe_question,
		.good = probe_good,
		.changed = server_changed,
		.found = server_found,
		.silent = server_silent,
		.failed = check_failed,
		.totals = server_totals,
		.ctx = control,
	};
	control->health = health_create(&hooks);
	return control->health != NULL ? 0 : -ENOMEM;
}

void probe_fini(struct control *control)
{
	health_destroy(control->health);
	control->health = NULL;
}

void probe_changed(struct control *control)
{
	if (control->health != NULL)
		health_use(control->health, policy_current());
	control->health_due = 0;
}

static unsigned reports_take(struct control *control, unsigned worker)
{
	struct rte_mbuf *answers[REPORTS];
	unsigned count = rte_ring_sc_dequeue_burst(workers[worker].handoff.reports,
						   (void **)answers, REPORTS, NULL);
	for (unsigned i = 0; i < count; i++) {
		const struct packet *packet = packet_of(answers[i]);
		health_answer(control->health, packet->slot, packet_dns(answers[i]),
			      packet->dns_length, (double)packet->patience / 1000, control->now);
	}
	rte_pktmbuf_free_bulk(answers, count);
	return count;
}

unsigned probe_turn(struct control *control)
{
	unsigned total = 0;
	if (control->health == NULL)
		return 0;
	/* First: what was answered in time is not late because this lcore was. */
	for (unsigned w = 0; w < control->dataplane->n_workers; w++)
		total += reports_take(control, w);
	if ((total == 0 && control->now < control->health_due) || control->ended != 0)
		return 0;
	health_turn(control->health, control->now);
	control->health_due = health_next(control->health);
	return total;
}
