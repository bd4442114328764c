/* SPDX-License-Identifier: BSD-2-Clause */
/* Servers and pools of a policy: what they are, how they are watched and balanced. */
#include "control/lua/abi.h"

#include <errno.h>
#include <string.h>

#include "dataplane/clock.h"

static struct policy_model *model(void)
{
	return lua_abi_context()->model;
}

static int changed(int error)
{
	if (error == 0)
		sluice_policy_changed();
	return error;
}

static struct rate_limit qps_limit(double qps)
{
	uint64_t hz = lua_abi_context()->tsc_hz;
	return qps > 0 && hz > 0 ? rate_limit_of(qps, qps, hz) : (struct rate_limit){0};
}

/* Without ports, in tests, any may be. */
static int source_find(const struct lua_server *options, struct net_source *source)
{
	struct lua_context *context = lua_abi_context();
	const struct lua_abi_hooks *hooks = context->hooks;
	struct net_address address;
	uint16_t port;
	*source = (struct net_source){0};
	if (options->source == NULL || hooks == NULL || hooks->source == NULL ||
	    backend_address_parse(options->address, POLICY_PORT, &address, &port) != 0)
		return 0;
	return hooks->source(context->hooks_ctx, options->source, address.ipv6, source,
			     context->error, sizeof(context->error));
}

const char *sluice_server_source(const struct lua_server *options)
{
	struct net_source source;
	return source_find(options, &source) == 0 ? NULL : lua_abi_context()->error;
}

static struct backend_tcp tcp_read(const struct lua_server_tcp *from)
{
	const struct backend_tcp usual = BACKEND_TCP_DEFAULT;
	return (struct backend_tcp){
		.only = from->only,
		.check = from->check,
		.retries = from->retries,
		.max_in_flight = from->max_in_flight != 0 ? from->max_in_flight : usual.max_in_flight,
		.max_connections = from->max_connections,
		.connect_timeout = from->connect_timeout,
		.send_timeout = from->send_timeout,
		.receive_timeout = from->receive_timeout,
	};
}

struct backend *sluice_server_add(const struct lua_server *options)
{
	struct backend_tcp tcp = tcp_read(&options->tcp);
	struct policy_server_options made = {
		.tcp = &tcp,
		.address = options->address,
		.name = options->name,
		.id = options->id,
		.weight = options->weight,
		.order = options->order,
		.udp_timeout = options->udp_timeout,
		.dscp = options->dscp,
		.max_outstanding = options->max_outstanding,
		.qps = qps_limit(options->qps),
		.proxy = options->proxy,
		.ecs = options->ecs,
		.ecs_no_share = options->ecs_no_share,
	};
	errno = EINVAL;
	if (source_find(options, &made.source) != 0)
		return lua_policy_keep(NULL);
	errno = 0;
	struct backend *server = lua_policy_keep(policy_server_add(model(), &made));
	if (server != NULL)
		sluice_policy_changed();
	return server;
}

uint32_t sluice_server_serial(const struct backend *server)
{
	return server->serial;
}

int sluice_server_pool(struct backend *server, const char *pool, size_t length, bool add)
{
	return changed(add ? policy_server_pool_add(model(), server, pool, length)
			   : policy_server_pool_remove(model(), server, pool, length));
}

int sluice_server_remove(struct backend *server)
{
	return changed(policy_server_remove(model(), server));
}

size_t sluice_servers_count(void)
{
	return policy_servers_count(model());
}

struct backend *sluice_server_at(size_t index)
{
	return index < sluice_servers_count() ? policy_server_at(model(), index) : NULL;
}

struct backend *sluice_server_number(uint16_t number)
{
	const struct lua_context *context = lua_abi_context();
	return context->registry != NULL && number < POLICY_BACKENDS_MAX
		       ? policy_registry_backend(context->registry, number)
		       : NULL;
}

/* ---- what is known of a server ---- */

static const struct health_options *health_of(const struct backend *server)
{
	const struct health_options *options = policy_server_health(model(), server);
	return options != NULL ? options : &HEALTH_DEFAULTS;
}

static struct health_status status_of(const struct backend *server)
{
	const struct lua_context *context = lua_abi_context();
	const struct lua_abi_hooks *hooks = context->hooks;
	if (hooks != NULL && hooks->server_status != NULL)
		return hooks->server_status(context->hooks_ctx, server->number);
	return (struct health_status){.up = backend_is_up(server)};
}

static bool is_up(const struct backend *server)
{
	enum health_mode mode = health_of(server)->mode;
	return mode == HEALTH_UP || (mode != HEALTH_DOWN && backend_is_up(server));
}

static void counters_view(const struct backend *server, struct lua_server_view *view)
{
	const struct lua_context *context = lua_abi_context();
	const struct lua_abi_hooks *hooks = context->hooks;
	struct backend_stats sum = {0};
	if (hooks != NULL && hooks->server_totals != NULL)
		hooks->server_totals(context->hooks_ctx, server->number, &sum);
	uint64_t ended = sum.responses + sum.timeouts;
	view->queries = sum.queries;
	view->responses = sum.responses;
	view->drops = sum.timeouts;
	view->send_errors = sum.send_errors;
	view->noncompliant = sum.noncompliant;
	view->outstanding = sum.queries > ended ? sum.queries - ended : 0;
	view->latency = sum.latency / 1000;
}

/* What the policy says now comes before what is in force. */
static const struct backend_options *options_of(const struct backend *server)
{
	const struct backend_options *said =
		model() != NULL ? policy_server_options(model(), server) : NULL;
	return said != NULL ? said : &server->options;
}

bool sluice_server_view(const struct backend *server, struct lua_server_view *view)
{
	struct health_status status = status_of(server);
	const struct backend_options *options = options_of(server);
	uint64_t period = options->qps_limit.period;
	*view = (struct lua_server_view){
		.address = {.port = server->port, .ipv6 = server->address.ipv6},
		.weight = options->weight,
		.order = options->order,
		.number = server->number,
		.up = is_up(server),
		.mode = (uint8_t)health_of(server)->mode,
		.lazy = (uint8_t)status.lazy,
		.name = server->name,
		.id = options->id,
		.qps_limit = period > 0 ? (double)lua_abi_context()->tsc_hz / (double)period : 0,
		.checks = status.checks,
		.check_failures = status.failures,
		.check_latency = status.latency,
	};
	memcpy(view->address.bytes, server->address.bytes, 16);
	counters_view(server, view);
	return true;
}

int sluice_server_set(struct backend *server, uint32_t weight, int32_t order)
{
	struct backend_options *options = policy_server_options(model(), server);
	if (options == NULL)
		return -ENOENT;
	if (options->weight == weight && options->order == order)
		return 0;
	options->weight = weight;
	options->order = order;
	return changed(0);
}

int sluice_server_qps_set(struct backend *server, double qps)
{
	if (!(qps >= 0) || qps > 1e9)
		return -EINVAL;
	struct backend_options *options = policy_server_options(model(), server);
	if (options == NULL)
		return -ENOENT;
	options->qps_limit = qps_limit(qps);
	return changed(0);
}

bool sluice_server_accepts(struct backend *server, bool take)
{
	if (!is_up(server))
		return false;
	return !take || server->qps.limit.period == 0 || rate_take(&server->qps, clock_now());
}

/* ---- how it is watched ---- */

void sluice_server_health(const struct backend *server, struct lua_health *health)
{
	const struct health_options *from = server != NULL ? health_of(server) : &HEALTH_DEFAULTS;
	*health = (struct lua_health){
		.name = {.length = (uint8_t)from->question.length},
		.qtype = from->question.qtype,
		.qclass = from->question.qclass,
		.mode = (uint8_t)from->mode,
		.must_resolve = from->must_resolve,
		.set_cd = from->question.cd,
		.lazy_timeouts = from->lazy_timeouts,
		.lazy_backoff = from->lazy_backoff,
		.callback = from->callback,
		.validator = from->validator,
		.interval = from->interval,
		.timeout = from->timeout,
		.failures = from->failures,
		.rise = from->rise,
		.lazy_samples = from->lazy_samples,
		.lazy_least = from->lazy_least,
		.lazy_threshold = from->lazy_threshold,
		.lazy_interval = from->lazy_interval,
		.lazy_longest = from->lazy_longest,
	};
	memcpy(health->name.wire, from->question.name, from->question.length);
}

static struct health_options health_read(const struct lua_health *from)
{
	struct health_options to = {
		.mode = (enum health_mode)from->mode,
		.question = {.length = from->name.length,
			     .qtype = from->qtype,
			     .qclass = from->qclass,
			     .cd = from->set_cd},
		.callback = from->callback,
		.validator = from->validator,
		.must_resolve = from->must_resolve,
		.interval = from->interval,
		.timeout = from->timeout,
		.failures = from->failures,
		.rise = from->rise,
		.lazy_timeouts = from->lazy_timeouts,
		.lazy_backoff = from->lazy_backoff,
		.lazy_samples = from->lazy_samples,
		.lazy_least = from->lazy_least,
		.lazy_threshold = from->lazy_threshold,
		.lazy_interval = from->lazy_interval,
		.lazy_longest = from->lazy_longest,
	};
	memcpy(to.question.name, from->name.wire, from->name.length);
	return to;
}

/* In force at once, except while the policy is loaded: then with the policy. */
int sluice_server_health_set(struct backend *server, const struct lua_health *health)
{
	const struct lua_context *context = lua_abi_context();
	const struct lua_abi_hooks *hooks = context->hooks;
	struct health_options options = health_read(health);
	int error = policy_server_health_set(model(), server, &options);
	if (error != 0 || context->loading)
		return error;
	if (hooks != NULL && hooks->server_health != NULL)
		hooks->server_health(context->hooks_ctx, server, &options);
	else if (options.mode == HEALTH_UP || options.mode == HEALTH_DOWN)
		backend_up_set(server, options.mode == HEALTH_UP);
	return 0;
}

void sluice_server_state_set(struct backend *server, bool up)
{
	const struct lua_context *context = lua_abi_context();
	const struct lua_abi_hooks *hooks = context->hooks;
	if (context->loading)
		policy_server_state_set(model(), server, up);
	else if (hooks != NULL && hooks->server_state != NULL)
		hooks->server_state(context->hooks_ctx, server->number, up);
	else
		backend_up_set(server, up);
}

struct lua_check *sluice_check_item(void)
{
	return &lua_abi_context()->check;
}

struct lua_bytes *sluice_state_item(void)
{
	return &lua_abi_context()->state;
}

/* ---- pools ---- */

/* Its number, -1 if nobody spoke of it. */
long lua_pool_number(const char *pool, size_t length)
{
	size_t found;
	for (size_t i = 0; i < policy_pools_count(model()); i++) {
		const char *name = policy_pool_name_at(model(), i, &found);
		if (name != NULL && found == length && memcmp(name, pool, length) == 0)
			return (long)i;
	}
	return -1;
}

size_t sluice_pools_count(void)
{
	return policy_pools_count(model());
}

const char *sluice_pool_at(size_t number, struct lua_bytes *name)
{
	name->data = policy_pool_name_at(model(), number, &name->length);
	return name->data;
}

struct backend *sluice_pool_server_at(const char *pool, size_t length, size_t index)
{
	long number = lua_pool_number(pool, length);
	return number < 0 ? NULL : policy_pool_server_at(model(), (uint32_t)number, index);
}
