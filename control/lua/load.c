/* SPDX-License-Identifier: BSD-2-Clause */
#include "control/lua/load.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <lauxlib.h>

#include <rte_cycles.h>

#include "control/export/exporter.h"
#include "control/log/log.h"
#include "control/lua/host.h"
#include "control/lua/modules.h"
#include "control/lua/declare.h"
#include "control/lua/suggest.h"
#include "control/lua/threads.h"
#include "control/policy/lint.h"
#include "control/ports.h"

#define LOAD_MS 30000u /* for a policy file; large lists take their time */
#define WAIT_MS 1000
#define WAIT_TOLD_S 3

/* ---- a policy without anything ---- */

/* The listen list of the configuration stands until the policy says setLocal(). */
static int listeners_default(const struct control *control, struct policy_model *model)
{
	for (unsigned i = 0; i < control->config->n_listen; i++) {
		const struct config_address *listen = &control->config->listen[i];
		struct net_address address = ports_address(listen);
		char text[64];
		backend_address_print(&address, listen->port, text, sizeof(text));
		if (policy_listener_add(model, text, true) != 0)
			return -1;
	}
	return 0;
}

/* What policies in Lua go by when they ask ours: the control lcore's own, as workers have theirs. */
static void balance_make(struct control *control)
{
	if (control->balance != NULL)
		return;
	control->balance = calloc(1, sizeof(*control->balance));
	if (control->balance != NULL)
		balance_init(control->balance, &control->rules, control->latencies,
			     rte_get_tsc_hz());
}

static uint64_t serials;

static struct lua_policy *policy_create(struct control *control, bool check)
{
	struct lua_policy *policy = calloc(1, sizeof(*policy));
	if (policy == NULL)
		return NULL;
	balance_make(control);
	policy->control = control;
	policy->serial = ++serials;
	policy->check = check;
	policy->model = policy_model_new(control->registry);
	policy->context = lua_context_new();
	if (policy->context != NULL)
		policy->context->exports = calloc(1, sizeof(struct exporter_uses));
	if (policy->model == NULL || policy->context == NULL || policy->context->exports == NULL ||
	    listeners_default(control, policy->model) != 0) {
		lua_policy_free(policy);
		return NULL;
	}
	policy->context->checking = check;
	policy->context->async = control->async;
	policy->context->endpoints = control->endpoints;
	policy->context->feeds = control->feeds;
	policy->context->blocks = control->blocks;
	policy->context->log_writer = control->log_writer;
	policy->context->exporter = control->exporter;
	policy->context->rules = &control->rules;
	policy->context->feeds_block = !control->serving;
	policy->context->registry = control->registry;
	policy->context->model = policy->model;
	policy->context->send_queue = control->config->async.send_queue;
	policy->context->tsc_hz = rte_get_tsc_hz();
	policy->context->ports = control->rules.ports;
	policy->context->balance = control->balance;
	policy->context->latencies = control->latencies;
	policy->context->hooks = &lua_policy_hooks;
	policy->context->hooks_ctx = policy;
	return policy;
}

/* ---- its state ---- */

static void declarations_give(lua_State *lua, void *context)
{
	(void)context;
	lua_declare(lua, lua_interface_text, lua_interface_size);
}

static int state_start(struct lua_policy *policy, char *error, size_t size)
{
	struct lua_host_config config = {
		.memory = (size_t)policy->control->config->lua.memory << 20,
		.watchdog_ms = policy->control->config->lua.watchdog,
		.load_ms = LOAD_MS,
		.boot = "sluice.boot",
		.modules = lua_modules,
		.setup = declarations_give,
	};
	policy->host = lua_host_create(&config, error, size);
	if (policy->host == NULL)
		return -1;
	policy->context->progress = lua_host_progress(policy->host);
	return 0;
}

static int file_read(struct lua_policy *policy, uint64_t slice, char *error, size_t size)
{
	int result = policy->path == NULL
			     ? 0
			     : lua_host_read(policy->host, policy->path, slice, error, size);
	if (result < 0)
		lua_suggest(lua_host_lua(policy->host), error, size);
	return result == LUA_HOST_READING ? LUA_POLICY_READING : result;
}

static int file_settle(struct lua_policy *policy, char *error, size_t size)
{
	int settle = lua_host_function(policy->host, "settle");
	if (lua_host_run(policy->host, settle, NULL, 0, NULL) != LUA_RESULT_OK) {
		snprintf(error, size, "%s", lua_host_message(policy->host));
		return -1;
	}
	policy->run = lua_host_function(policy->host, "run");
	policy->choose = lua_host_function(policy->host, "choose");
	policy->select = lua_host_function(policy->host, "select");
	policy->deliver = lua_host_function(policy->host, "deliver");
	policy->maintain = lua_host_function(policy->host, "maintain");
	policy->finish = lua_host_function(policy->host, "finish");
	policy->console = lua_host_function(policy->host, "console");
	policy->check_question = lua_host_function(policy->host, "check");
	policy->check_answer = lua_host_function(policy->host, "check_answer");
	policy->state_changed = lua_host_function(policy->host, "state");
	policy->describe_rule = lua_host_function(policy->host, "describe_rule");
	policy->describe_type = lua_host_function(policy->host, "describe_type");
	policy->resolved = lua_host_function(policy->host, "resolved");
	policy->web = lua_host_function(policy->host, "web");
	policy->count = lua_host_function(policy->host, "count");
	return 0;
}

/* ---- what it gives ---- */

static void threads_wake(void *ctx)
{
	struct control *control = ctx;
	waker_wake(&control->waker);
}

int lua_load_threads(struct lua_policy *policy, char *error, size_t size)
{
	const struct config *config = policy->control->config;
	struct lua_threads_options options = {
		.lcores = policy_registry_lcores(policy->control->registry),
		.memory = (size_t)config->lua.memory << 20,
		.watchdog_ms = config->lua.watchdog,
		.load_ms = LOAD_MS,
		.wake = threads_wake,
		.wake_ctx = policy->control,
	};
	unsigned codes = lua_abi_codes(policy->context);
	if (codes == policy->codes)
		return 0;
	policy->codes = codes;
	struct rule_threads *threads = lua_threads_new(policy->context, &options, error, size);
	if (threads == NULL)
		return -1;
	policy_model_threads_set(policy->model, threads);
	return 0;
}

/* Before workers run; says every few seconds what it is that takes so long. */
static void registry_await(struct policy_registry *registry)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	time_t begin = now.tv_sec, told = begin;
	while (policy_registry_left(registry) > 0) {
		policy_registry_wait(registry, WAIT_MS);
		clock_gettime(CLOCK_MONOTONIC, &now);
		if (now.tv_sec - told < WAIT_TOLD_S)
			continue;
		told = now.tv_sec;
		log_info("regular expressions are being compiled, or tables filled, for %ld s",
			 (long)(told - begin));
	}
}

struct policy *lua_load_compile(struct lua_policy *policy, char *error, size_t size)
{
	struct policy_registry *registry = policy->control->registry;
	struct policy *compiled;
	while ((compiled = policy_model_compile(policy->model, error, size)) == NULL &&
	       policy_model_waits(policy->model) && !policy->control->serving &&
	       policy_registry_left(registry) > 0)
		registry_await(registry);
	return compiled;
}

/* ---- steps ---- */

struct lua_policy *lua_load_begin(struct control *control, const char *path, enum lua_policy_mode mode)
{
	struct lua_policy *policy = policy_create(control, mode == LUA_POLICY_CHECK);
	if (policy == NULL)
		return NULL;
	policy->path = path != NULL ? strdup(path) : NULL;
	if (path != NULL && policy->path == NULL) {
		lua_policy_free(policy);
		return NULL;
	}
	policy->context->loading = true;
	policy_registry_reading(control->registry);
	return policy;
}

static int compile(struct lua_policy *policy, char *error, size_t size)
{
	policy->compiled = lua_load_compile(policy, error, size);
	if (policy->compiled == NULL)
		return -1;
	if (policy->check)
		policy_lint(policy->model, sluice_warn);
	policy->context->loading = false;
	return 0;
}

static int step(struct lua_policy *policy, uint64_t slice, char *error, size_t size)
{
	int result;
	switch (policy->stage) {
	case LUA_POLICY_STATE:
		result = state_start(policy, error, size);
		break;
	case LUA_POLICY_FILE:
		result = file_read(policy, slice, error, size);
		break;
	case LUA_POLICY_SETTLE:
		result = file_settle(policy, error, size);
		break;
	case LUA_POLICY_THREADS:
		result = lua_load_threads(policy, error, size);
		break;
	default:
		return compile(policy, error, size);
	}
	if (result == 0)
		policy->stage++;
	return result == 0 ? LUA_POLICY_READING : result < 0 ? -1 : result;
}

int lua_load_step(struct lua_policy *policy, uint64_t slice, char *error, size_t size)
{
	const struct lua_policy *in_force = policy->control->lua;
	struct policy_registry *registry = policy->control->registry;
	policy_registry_was_short(registry); /* for the policy in force, between two steps */
	lua_abi_use(policy->context);
	int result = step(policy, slice, error, size);
	policy->is_short |= policy_registry_was_short(registry);
	lua_abi_use(in_force != NULL ? in_force->context : NULL);
	return result;
}
