/* SPDX-License-Identifier: BSD-2-Clause */
/* Policies come into force and go. */
#include "control/export/exporter.h"
#include "control/lua/policy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <lauxlib.h>

#include <rte_cycles.h>

#include "control/lua/host.h"
#include "control/lua/listeners.h"
#include "control/lua/errands.h"
#include "control/lua/modules.h"
#include "control/lua/place.h"
#include "control/lua/suggest.h"
#include "control/lua/threads.h"
#include "control/policy/lint.h"
#include "control/publish.h"

#define LOAD_MS 30000u /* for a policy file; large lists take their time */
#define MAINTENANCE_MS 1000u
#define READINGS_MAX 4u /* of a policy at the start, to be told what is wrong in it */
#define WAIT_MS 1000
#define WAIT_TOLD_S 3

/* Errors of policies that are gone. */
static uint64_t errors_before;
static struct lua_policy *in_force;
static uint64_t maintained; /* ms */

uint64_t lua_policy_errors(void)
{
	return errors_before + (in_force != NULL ? in_force->context->errors : 0) +
	       lua_threads_errors();
}

/* ---- loading ---- */

static void declarations_give(lua_State *lua, void *context)
{
	(void)context;
	lua_place_install(lua);
	lua_getglobal(lua, "require");
	lua_pushliteral(lua, "ffi");
	lua_call(lua, 1, 1);
	lua_getfield(lua, -1, "cdef");
	lua_pushlstring(lua, lua_interface_text, lua_interface_size);
	lua_call(lua, 1, 0);
	lua_pop(lua, 1);
}

static void policy_free_all(struct lua_policy *policy)
{
	if (policy == NULL)
		return;
	struct lua_context *using = lua_abi_context();
	if (policy->context != NULL) {
		lua_abi_use(policy->context); /* for finalizers */
		errors_before += policy->context->errors;
		lua_exports_leave(policy->context->exports);
	}
	lua_host_destroy(policy->host);
	lua_abi_use(using != policy->context ? using : NULL);
	lua_context_free(policy->context);
	policy_model_free(policy->model);
	free(policy);
}

/* The listen list of the configuration stands until the policy says setLocal(). */
static int listeners_default(const struct control *control, struct policy_model *model)
{
	for (unsigned i = 0; i < control->config->n_listen; i++) {
		const struct config_address *listen = &control->config->listen[i];
		struct net_address address = {.ipv6 = listen->ipv6};
		char text[64];
		memcpy(address.bytes, listen->bytes, 16);
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
		policy_free_all(policy);
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

static int host_start(struct lua_policy *policy, const char *path, char *error, size_t size)
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
	if (path != NULL && lua_host_load(policy->host, path, error, size) != 0) {
		lua_suggest(lua_host_lua(policy->host), error, size);
		return -1;
	}
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

static void threads_wake(void *ctx)
{
	struct control *control = ctx;
	waker_wake(&control->waker);
}

/* Code that came since they were made needs new ones, which start afresh. */
static int threads_prepare(struct lua_policy *policy, char *error, size_t size)
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

/* What the model gives. Where nothing runs yet, what it needs is waited for. */
static struct policy *model_compile(struct lua_policy *policy, char *error, size_t size)
{
	struct policy_registry *registry = policy->control->registry;
	struct policy *compiled;
	while ((compiled = policy_model_compile(policy->model, error, size)) == NULL &&
	       policy_model_waits(policy->model) && !policy->control->serving &&
	       policy_registry_left(registry) > 0)
		registry_await(registry);
	return compiled;
}

static struct policy *policy_read(struct lua_policy *policy, const char *path, char *error,
				  size_t size)
{
	policy->context->loading = true;
	lua_abi_use(policy->context);
	struct policy *compiled = NULL;
	if (host_start(policy, path, error, size) == 0 &&
	    threads_prepare(policy, error, size) == 0)
		compiled = model_compile(policy, error, size);
	if (compiled != NULL && policy->check)
		policy_lint(policy->model, sluice_warn);
	policy->context->loading = false;
	lua_abi_use(in_force != NULL ? in_force->context : NULL);
	return compiled;
}

static void expressions_say(const struct policy_model *model)
{
	for (unsigned chain = 0; chain < CHAIN_COUNT; chain++) {
		struct policy_expressions told;
		policy_expressions(model, chain, &told);
		if (told.together > 0)
			log_info("memory: %zu KiB for %zu regular expressions of a chain together, "
				 "compiled in %.1f s; %zu more are asked alone",
				 told.size >> 10, told.together, told.seconds, told.alone);
		else if (told.alone > 0)
			log_info("regular expressions of a chain that are asked one by one: %zu",
				 told.alone);
	}
}

/* Collectors are told names, workers know numbers. */
static void pools_tell(const struct lua_policy *policy)
{
	struct exporter *exporter = policy->control->exporter;
	for (size_t i = 0; exporter != NULL && i < policy_pools_count(policy->model); i++) {
		size_t length;
		const char *name = policy_pool_name_at(policy->model, i, &length);
		if (name != NULL)
			exporter_pool(exporter, (uint16_t)i, name, length);
	}
}

static void take_over(struct control *control, struct lua_policy *policy, struct policy *compiled)
{
	policy_model_apply(policy->model);
	pools_tell(policy);
	if (control->exporter != NULL)
		exporter_settle(control->exporter, policy->context->exports);
	policy_publish(control->dataplane, compiled);
	lua_listeners_settle(control, LUA_LISTENERS_TAKE);
	policy->older = in_force;
	in_force = policy;
	control->lua = policy;
	control->rules.lua_selector = lua_policy_select;
	control->rules.lua = control;
	lua_abi_use(policy->context);
	lua_groups_say(policy->context);
	expressions_say(policy->model);
	lua_policy_servers_watch(policy);
}

/* As lua_policy_load(). LUA_POLICY_WAITS also where nothing runs yet: then it has to be read again. */
static int policy_load(struct control *control, const char *path, enum lua_policy_mode mode,
		       char *error, size_t size)
{
	bool check = mode == LUA_POLICY_CHECK;
	struct lua_policy *policy = policy_create(control, check);
	if (policy == NULL) {
		snprintf(error, size, "no memory for the policy; lower lua.memory");
		return -1;
	}
	policy_registry_was_short(control->registry);
	policy_registry_reading(control->registry);
	struct policy *compiled = policy_read(policy, path, error, size);
	bool lacks = compiled == NULL && mode == LUA_POLICY_LOAD && control->serving &&
		     policy_registry_was_short(control->registry);
	bool waits = compiled != NULL ? mode == LUA_POLICY_LOAD && policy->context->feeds_wait
				      : policy_model_waits(policy->model);
	if (compiled != NULL && !check && !waits) {
		take_over(control, policy, compiled);
		return 0;
	}
	policy_free(compiled);
	lua_listeners_settle(control, LUA_LISTENERS_KEEP);
	policy_free_all(policy);
	if (lacks)
		log_info("not yet: %s", error);
	if (waits || lacks)
		return waits ? LUA_POLICY_WAITS : LUA_POLICY_SHORT;
	return compiled != NULL ? 0 : -1;
}

int lua_policy_load(struct control *control, const char *path, enum lua_policy_mode mode,
		    char *error, size_t size)
{
	int result = LUA_POLICY_WAITS;
	for (unsigned i = 0; result == LUA_POLICY_WAITS && i < READINGS_MAX; i++) {
		result = policy_load(control, path, mode, error, size);
		if (control->serving)
			return result;
	}
	return result == LUA_POLICY_WAITS ? -1 : result;
}

static void olders_free(struct lua_policy *policy)
{
	while (policy->older != NULL) {
		struct lua_policy *older = policy->older;
		policy->older = older->older;
		policy_free_all(older);
	}
}

void lua_policy_unload(struct control *control)
{
	if (in_force == NULL)
		return;
	lua_listeners_settle(control, LUA_LISTENERS_CLOSE);
	olders_free(in_force);
	policy_free_all(in_force);
	lua_exports_release(NULL);
	in_force = NULL;
	control->lua = NULL;
	lua_balance_forget();
	free(control->balance);
	control->balance = NULL;
}

void lua_policy_renew(struct control *control)
{
	char error[2048];
	const char *path = control->policy_path ? control->policy_path : control->config->policy;
	control->lua->context->errors++;
	log_error("the policy is loaded anew, since lua.watchdog or lua.memory was used up: %s",
		  lua_host_message(control->lua->host));
	int result = lua_policy_load(control, path, LUA_POLICY_RENEW, error, sizeof(error));
	if (result == LUA_POLICY_WAITS) {
		control->reload = CONTROL_RELOAD_LISTS;
		log_warning("Lua actions answer SERVFAIL until the policy, which has changed, comes into "
			    "force: its regular expressions are being compiled, or its tables filled");
	} else if (result != 0) {
		log_error("the policy cannot be loaded anew, its Lua actions answer SERVFAIL; mend "
			  "it and send SIGHUP: %s",
			  error);
	}
}

/* ---- between turns ---- */

static void changes_publish(struct lua_policy *policy)
{
	char error[512];
	unsigned codes = policy->codes;
	policy->changed = false;
	if (threads_prepare(policy, error, sizeof(error)) != 0) {
		log_error("the rules with new code for the workers fail: %s", error);
		lua_codes_break(policy->context, codes);
	}
	struct policy *compiled = model_compile(policy, error, sizeof(error));
	if (compiled == NULL && policy_model_waits(policy->model))
		return;
	if (compiled != NULL) {
		policy_model_apply(policy->model);
		pools_tell(policy);
		policy_publish(policy->control->dataplane, compiled);
		lua_policy_servers_watch(policy);
	} else
		log_error("the change of the rules is not in force: %s", error);
}

static void maintain(struct control *control)
{
	if (control->now - maintained < MAINTENANCE_MS)
		return;
	maintained = control->now;
	lua_batch_begin();
	enum lua_result result =
		lua_host_run(control->lua->host, control->lua->maintain, NULL, 0, NULL);
	if (result == LUA_RESULT_RUNAWAY)
		lua_policy_renew(control);
	else if (result == LUA_RESULT_ERROR && lua_host_lua(control->lua->host) != NULL)
		sluice_error(lua_host_message(control->lua->host), 0);
}

void lua_policy_finish(struct control *control)
{
	if (control->lua == NULL)
		return;
	lua_batch_begin();
	if (lua_host_run(control->lua->host, control->lua->finish, NULL, 0, NULL) != LUA_RESULT_OK)
		log_error("%s", lua_host_message(control->lua->host));
}

void lua_policy_settle(struct control *control)
{
	if (control->lua != NULL && control->lua->changed)
		changes_publish(control->lua);
}

bool lua_policy_waits(const struct control *control)
{
	return control->lua != NULL && policy_model_waits(control->lua->model);
}

void lua_policy_came(struct control *control)
{
	if (control->lua != NULL && policy_model_came(control->lua->model))
		control->lua->changed = true;
}

void lua_policy_turn(struct control *control)
{
	if (control->lua == NULL)
		return;
	maintain(control);
	lua_policy_states_tell(control);
	lua_errands_turn(control);
	if (lua_policy_counts(control))
		lua_policy_call(control, control->lua->count);
	if (lua_host_gc_step(control->lua->host) == LUA_RESULT_RUNAWAY)
		lua_policy_renew(control);
	lua_threads_turn(policy_model_threads(control->lua->model), control->lua->context,
			 control->now);
	lua_policy_settle(control);
	olders_free(control->lua);
	if (policy_old_count() == 0)
		lua_exports_release(control->exporter);
}
