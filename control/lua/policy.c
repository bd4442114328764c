/* SPDX-License-Identifier: BSD-2-Clause */
/* Policies come into force and go. */
#include "control/lua/policy.h"

#include <stdio.h>
#include <stdlib.h>

#include "control/export/exporter.h"
#include "control/log/log.h"
#include "control/lua/errands.h"
#include "control/lua/host.h"
#include "control/lua/listeners.h"
#include "control/lua/load.h"
#include "control/lua/threads.h"
#include "control/publish.h"
#include "control/reload.h"

#define MAINTENANCE_MS 1000u
#define READINGS_MAX 4u /* of a policy at the start, to be told what is wrong in it */

/* Errors of policies that are gone. */
static uint64_t errors_before;
static struct lua_policy *in_force;
static struct lua_policy *coming; /* that is being read; NULL: none is */
static uint64_t maintained; /* ms */

uint64_t lua_policy_errors(void)
{
	return errors_before + (in_force != NULL ? in_force->context->errors : 0) +
	       lua_threads_errors();
}

void lua_policy_free(struct lua_policy *policy)
{
	if (policy == NULL)
		return;
	struct lua_context *using = lua_abi_context();
	if (policy->context != NULL) {
		lua_abi_use(policy->context); /* for finalizers */
		policy->context->closing = true;
		errors_before += policy->context->errors;
		lua_exports_leave(policy->context->exports);
	}
	lua_host_destroy(policy->host);
	lua_abi_use(using != policy->context ? using : NULL);
	lua_context_free(policy->context);
	policy_model_free(policy->model);
	free(policy->path);
	free(policy);
}

/* ---- into force ---- */

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

/* What becomes of a policy that has been read, with or without success. As lua_policy_load(). */
static int read_end(struct control *control, struct lua_policy *policy, enum lua_policy_mode mode,
		    const char *error)
{
	struct policy *compiled = policy->compiled;
	bool lacks = compiled == NULL && mode == LUA_POLICY_LOAD && control->serving &&
		     policy->is_short;
	bool waits = compiled != NULL ? mode == LUA_POLICY_LOAD && policy->context->feeds_wait
				      : policy_model_waits(policy->model);
	if (compiled != NULL && mode != LUA_POLICY_CHECK && !waits) {
		take_over(control, policy, compiled);
		return 0;
	}
	policy_free(compiled);
	lua_listeners_settle(control, LUA_LISTENERS_KEEP);
	lua_policy_free(policy);
	if (lacks)
		log_info("not yet: %s", error);
	if (waits || lacks)
		return waits ? LUA_POLICY_WAITS : LUA_POLICY_SHORT;
	return compiled != NULL ? 0 : -1;
}

static struct lua_policy *read_begin(struct control *control, const char *path,
				     enum lua_policy_mode mode, char *error, size_t size)
{
	struct lua_policy *policy = lua_load_begin(control, path, mode);
	if (policy == NULL)
		snprintf(error, size, "no memory for the policy; lower lua.memory");
	return policy;
}

static int read_at_once(struct control *control, const char *path, enum lua_policy_mode mode,
			char *error, size_t size)
{
	struct lua_policy *policy = read_begin(control, path, mode, error, size);
	if (policy == NULL)
		return -1;
	while (lua_load_step(policy, 0, error, size) == LUA_POLICY_READING)
		;
	return read_end(control, policy, mode, error);
}

/* LUA_POLICY_WAITS also where nothing runs yet: then it has to be read again. */
int lua_policy_load(struct control *control, const char *path, enum lua_policy_mode mode,
		    char *error, size_t size)
{
	int result = LUA_POLICY_WAITS;
	for (unsigned i = 0; result == LUA_POLICY_WAITS && i < READINGS_MAX; i++) {
		result = read_at_once(control, path, mode, error, size);
		if (control->serving)
			return result;
	}
	return result == LUA_POLICY_WAITS ? -1 : result;
}

int lua_policy_read(struct control *control, const char *path, uint64_t slice, char *error,
		    size_t size)
{
	if (coming == NULL)
		coming = read_begin(control, path, LUA_POLICY_LOAD, error, size);
	if (coming == NULL)
		return -1;
	if (lua_load_step(coming, slice, error, size) == LUA_POLICY_READING)
		return LUA_POLICY_READING;
	struct lua_policy *policy = coming;
	coming = NULL;
	return read_end(control, policy, LUA_POLICY_LOAD, error);
}

void lua_policy_read_drop(struct control *control)
{
	if (coming == NULL)
		return;
	lua_listeners_settle(control, LUA_LISTENERS_KEEP);
	lua_policy_free(coming);
	coming = NULL;
}

static void olders_free(struct lua_policy *policy)
{
	while (policy->older != NULL) {
		struct lua_policy *older = policy->older;
		policy->older = older->older;
		lua_policy_free(older);
	}
}

void lua_policy_unload(struct control *control)
{
	lua_policy_read_drop(control);
	if (in_force == NULL)
		return;
	lua_listeners_settle(control, LUA_LISTENERS_CLOSE);
	olders_free(in_force);
	lua_policy_free(in_force);
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
	reload_again(control); /* what is being read makes way, and is read afterwards */
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
	if (lua_load_threads(policy, error, sizeof(error)) != 0) {
		log_error("the rules with new code for the workers fail: %s", error);
		lua_codes_break(policy->context, codes);
	}
	struct policy *compiled = lua_load_compile(policy, error, sizeof(error));
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
