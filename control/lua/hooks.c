/* SPDX-License-Identifier: BSD-2-Clause */
/* What the control lcore does for a policy's Lua. */
#include "control/lua/policy.h"

#include <stdio.h>

#include <rte_cycles.h>

#include "control/lua/errands.h"
#include "control/lua/host.h"
#include "control/lua/listeners.h"
#include "control/metrics/metrics.h"
#include "control/parking.h"
#include "control/publish.h"
#include "control/servers/probe.h"
#include "control/servers/source.h"
#include "control/tcp/tcp.h"
#include "dataplane/clock.h"

/* Packets lie in buffers that are small as a rule: this one needs a larger one now. */
static struct rte_mbuf *hook_grow(void *ctx, struct rte_mbuf *mbuf, size_t need)
{
	const struct lua_policy *policy = ctx;
	const struct control *control = policy->control;
	if (policy->selecting)
		return NULL;
	struct rte_mbuf *larger = parking_take(&control->dataplane->parking, need);
	if (larger == NULL)
		return NULL;
	async_set_mbuf(control->async, packet_of(mbuf)->slot, larger);
	packet_move(larger, mbuf);
	return larger;
}

static bool hook_listen(void *ctx, const char *path, size_t length, uint16_t endpoint_id,
			int32_t reference, bool ffi, char *error, size_t error_size)
{
	const struct lua_policy *policy = ctx;
	struct lua_listener_use use = {reference, endpoint_id, ffi};
	if (policy->check || policy->control->replaying)
		return true;
	if (policy != policy->control->lua && !policy->context->loading) {
		snprintf(error, error_size, "the policy is no longer in force");
		return false;
	}
	if (policy->context->loading)
		return lua_listener_want(policy->control, path, length, &use, error, error_size);
	return lua_listener_add(policy->control, path, length, &use, error, error_size);
}

static void hook_changed(void *ctx)
{
	struct lua_policy *policy = ctx;
	policy->changed = true;
}

static uint64_t hook_now(void *ctx)
{
	const struct lua_policy *policy = ctx;
	return policy->control->now;
}

static uint64_t hook_elapsed_us(void *ctx, uint64_t arrival)
{
	(void)ctx;
	return (uint64_t)((double)(clock_now() - arrival) * 1e6 / (double)rte_get_tsc_hz());
}

static void hook_server_totals(void *ctx, uint16_t number, struct backend_stats *sum)
{
	const struct lua_policy *policy = ctx;
	totals_backend(policy->control, number, sum);
}

static struct health_status hook_server_status(void *ctx, uint16_t number)
{
	const struct lua_policy *policy = ctx;
	return policy->control->health != NULL ? health_status(policy->control->health, number)
					       : (struct health_status){.up = true};
}

/* Where nobody is asked, only a decree counts. */
static void server_watch(struct control *control, struct backend *backend,
			 const struct health_options *options)
{
	if (control->health == NULL) {
		backend_up_set(backend, options->mode != HEALTH_DOWN);
		return;
	}
	if (health_set(control->health, backend, options) != 0)
		log_error("no memory to watch a server: it stays as it is");
	probe_changed(control);
}

static void hook_server_health(void *ctx, struct backend *backend,
			       const struct health_options *options)
{
	struct lua_policy *policy = ctx;
	if (policy == policy->control->lua)
		server_watch(policy->control, backend, options);
}

static void hook_server_state(void *ctx, uint16_t number, bool up)
{
	const struct lua_policy *policy = ctx;
	if (policy->control->health != NULL)
		health_up_set(policy->control->health, number, up);
}

static void hook_choice(void *ctx, struct rte_mbuf *mbuf, struct balance_list *list)
{
	const struct lua_policy *policy = ctx;
	uint16_t number = packet_of(mbuf)->query.pool;
	list->policy = policy_current();
	list->number = number;
	list->now = clock_now();
	if (policy == policy->control->lua && number < list->policy->n_pools)
		list->pool = &list->policy->pools[number];
}

static void hook_metrics(void *ctx, FILE *out)
{
	const struct lua_policy *policy = ctx;
	metrics_print(policy->control, out);
}

static const struct recent *hook_recent(void *ctx)
{
	const struct policy *policy = policy_current();
	(void)ctx;
	return policy != NULL ? policy->recent : NULL;
}

static void hook_where(void *ctx, char *text, size_t size)
{
	const struct lua_policy *policy = ctx;
	if (policy->host != NULL)
		lua_host_where(policy->host, text, size);
}

void lua_policy_servers_watch(struct lua_policy *policy)
{
	for (size_t i = 0; i < policy_servers_count(policy->model); i++) {
		struct backend *backend = policy_server_at(policy->model, i);
		const struct health_options *options =
			policy_server_health(policy->model, backend);
		server_watch(policy->control, backend, options ? options : &HEALTH_DEFAULTS);
		int state = policy_server_state_take(policy->model, backend);
		if (state >= 0)
			hook_server_state(policy, backend->number, state != 0);
	}
	probe_changed(policy->control);
}

static int hook_source(void *ctx, const char *text, bool ipv6, struct net_source *source,
		       char *error, size_t error_size)
{
	const struct lua_policy *policy = ctx;
	const struct config *config = policy->control->config;
	int result = server_source_find(config, text, ipv6, source, error, error_size);
	return config->partial ? 0 : result; /* it may lack just the port that is meant */
}

static size_t hook_tcp_show(void *ctx, char *text, size_t size)
{
	return tcp_show(((struct lua_policy *)ctx)->control, text, size);
}

static void hook_tcp_dump(void *ctx)
{
	tcp_dump(((struct lua_policy *)ctx)->control);
}

static int hook_lookup(void *ctx, const char *host, int32_t reference)
{
	struct lua_policy *policy = ctx;
	/* Nobody is told anything in a check, and a replay knows nothing but its capture. */
	if (policy->check || policy->control->replaying)
		return 0;
	return lua_errand_lookup(policy, host, reference);
}

static int hook_send(void *ctx, const struct lua_address *to, uint32_t sender, const char *text,
		     size_t length)
{
	struct lua_policy *policy = ctx;
	return policy->control->replaying ? 0 : lua_errand_send(policy, to, sender, text, length);
}

const struct lua_abi_hooks lua_policy_hooks = {
	.lookup = hook_lookup,
	.send = hook_send,
	.grow = hook_grow,
	.listen = hook_listen,
	.changed = hook_changed,
	.now = hook_now,
	.elapsed_us = hook_elapsed_us,
	.server_totals = hook_server_totals,
	.server_status = hook_server_status,
	.server_health = hook_server_health,
	.server_state = hook_server_state,
	.tcp_show = hook_tcp_show,
	.tcp_dump = hook_tcp_dump,
	.choice = hook_choice,
	.metrics = hook_metrics,
	.recent = hook_recent,
	.where = hook_where,
	.source = hook_source,
};
