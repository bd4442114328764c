/* SPDX-License-Identifier: BSD-2-Clause */
#include "control/lua_policy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lauxlib.h>

#include "control/listener.h"
#include "control/loop.h"
#include "control/lua_context.h"
#include "control/lua_modules.h"
#include "control/publish.h"

#define DRIVERS 2 /* that boot.lua returns */
#define DATAGRAM_ROOM (LISTENER_DATAGRAM_MAX + 1u)

struct lua_context lua_context;

struct lua_question *sluice_questions(void)
{
	return lua_context.questions;
}

struct lua_datagram *sluice_datagrams(void)
{
	return lua_context.datagrams;
}

uint32_t *sluice_progress(void)
{
	return lua_state_progress(lua_context.policy->state);
}

void sluice_log(int level, const char *text, size_t length)
{
	log_write((enum log_level)level, "%.*s", (int)length, text);
}

/* Errors of actions and callbacks: all are counted, one a second is logged. */
void sluice_error(const char *text, size_t length)
{
	uint64_t held;
	lua_context.errors++;
	if (!log_limit_pass(&lua_context.limit, lua_context.control->now, &held))
		return;
	log_error("%.*s", (int)length, text);
	if (held > 0)
		log_error("%llu more policy errors were not logged", (unsigned long long)held);
}

uint64_t lua_policy_errors(void)
{
	return lua_context.errors;
}

/* ---- loading ---- */

static int module_load(lua_State *lua)
{
	const struct lua_module *module = lua_touserdata(lua, lua_upvalueindex(1));
	char name[64];
	snprintf(name, sizeof(name), "@lua/%s.lua", module->name);
	lua_settop(lua, 0); /* require() gave the name */
	if (luaL_loadbuffer(lua, module->text, module->size, name) != 0)
		return lua_error(lua);
	lua_call(lua, 0, LUA_MULTRET);
	return lua_gettop(lua);
}

static void modules_install(lua_State *lua)
{
	lua_getglobal(lua, "package");
	lua_getfield(lua, -1, "preload");
	for (const struct lua_module *module = lua_modules; module->name != NULL; module++) {
		lua_pushlightuserdata(lua, (void *)(uintptr_t)module);
		lua_pushcclosure(lua, module_load, 1);
		lua_setfield(lua, -2, module->name);
	}
	lua_pop(lua, 2);
}

static int failed(struct lua_policy *policy, enum lua_outcome outcome, char *error, size_t size)
{
	if (outcome == LUA_OUTCOME_RUNAWAY) {
		snprintf(error, size, "the policy does not end");
	} else {
		const char *text = lua_tostring(lua_state_of(policy->state), -1);
		snprintf(error, size, "%s", text ? text : "unknown error");
	}
	return -1;
}

/* Declares what C offers, runs boot.lua and keeps the drivers it returns. */
static int boot(struct lua_policy *policy, char *error, size_t size)
{
	lua_State *lua = lua_state_of(policy->state);
	modules_install(lua);
	if (luaL_loadstring(lua, "require('ffi').cdef(...) return package.preload.boot()") != 0)
		return failed(policy, LUA_OUTCOME_ERROR, error, size);
	lua_pushlstring(lua, lua_interface_text, lua_interface_size);
	enum lua_outcome outcome = lua_state_call(policy->state, 1, DRIVERS, false);
	if (outcome != LUA_OUTCOME_OK)
		return failed(policy, outcome, error, size);
	policy->deliver = luaL_ref(lua, LUA_REGISTRYINDEX);
	policy->run = luaL_ref(lua, LUA_REGISTRYINDEX);
	return 0;
}

static int file_run(struct lua_policy *policy, const char *path, char *error, size_t size)
{
	lua_State *lua = lua_state_of(policy->state);
	if (path == NULL)
		return 0;
	if (luaL_loadfile(lua, path) != 0)
		return failed(policy, LUA_OUTCOME_ERROR, error, size);
	enum lua_outcome outcome = lua_state_call(policy->state, 0, 0, false);
	return outcome == LUA_OUTCOME_OK ? 0 : failed(policy, outcome, error, size);
}

static void policy_destroy(struct lua_policy *policy)
{
	if (policy == NULL)
		return;
	lua_state_destroy(policy->state);
	policy_model_free(policy->model);
	free(policy);
}

/* The listen list of the configuration stands until the policy says setLocal(). */
static int listeners_default(struct control *control, struct policy_model *model)
{
	for (unsigned i = 0; i < control->config->n_listen; i++) {
		const struct config_address *listen = &control->config->listen[i];
		struct net_address address = {.ipv6 = listen->ipv6};
		char text[64];
		memcpy(address.bytes, listen->bytes, 16);
		backend_address_print(&address, listen->port, text, sizeof(text));
		if (policy_listener_add(model, text) != 0)
			return -1;
	}
	return 0;
}

/* Listeners that only the policy before wanted are closed. */
static void listeners_settle(bool keep_wanted)
{
	struct lua_listener **link = &lua_context.listeners;
	while (*link != NULL) {
		struct lua_listener *listener = *link;
		if (keep_wanted && listener->wanted) {
			link = &listener->next;
			continue;
		}
		*link = listener->next;
		loop_unwatch(lua_context.control, listener_fd(listener->socket));
		listener_close(listener->socket);
		free(listener);
	}
}

static int policy_fill(struct control *control, struct lua_policy *policy, const char *path,
		       char *error, size_t size, struct policy **compiled)
{
	policy->model = policy_model_new(control->registry);
	policy->state = lua_state_create(control->config->lua.memory, control->config->lua.watchdog);
	if (policy->model == NULL || policy->state == NULL) {
		snprintf(error, size, "no memory for the policy; lower lua.memory");
		return -1;
	}
	if (listeners_default(control, policy->model) != 0 || boot(policy, error, size) != 0 ||
	    file_run(policy, path, error, size) != 0)
		return -1;
	*compiled = policy_model_compile(policy->model, error, size);
	return *compiled != NULL ? 0 : -1;
}

int lua_policy_load(struct control *control, const char *path, bool check, char *error, size_t size)
{
	struct lua_policy *before = lua_context.policy;
	struct lua_policy *policy = calloc(1, sizeof(*policy));
	struct policy *compiled = NULL;
	if (policy == NULL)
		return -1;
	lua_context.control = control;
	lua_context.check = check;
	lua_context.policy = policy;
	for (struct lua_listener *l = lua_context.listeners; l != NULL; l = l->next)
		l->wanted = false;
	if (policy_fill(control, policy, path, error, size, &compiled) != 0) {
		lua_context.policy = before;
		policy_destroy(policy);
		return -1;
	}
	if (check) {
		policy_free(compiled);
		lua_context.policy = before;
		policy_destroy(policy);
		return 0;
	}
	policy_publish(control->dataplane, compiled);
	listeners_settle(true);
	control->lua = policy;
	policy_destroy(before);
	return 0;
}

void lua_policy_unload(struct control *control)
{
	listeners_settle(false);
	policy_destroy(lua_context.policy);
	lua_context.policy = NULL;
	control->lua = NULL;
}

/* A state that had to be thrown away is made anew from the same file; its packets go on. */
static void state_renew(struct control *control)
{
	char error[2048];
	const char *path = control->policy_path ? control->policy_path : control->config->policy;
	lua_context.errors++;
	log_error("the policy ran for more than lua.watchdog (%u ms) and was stopped",
		  control->config->lua.watchdog);
	if (lua_policy_load(control, path, false, error, sizeof(error)) != 0)
		log_error("the policy cannot be loaded anew, its Lua actions answer SERVFAIL: %s",
			  error);
}

/* ---- batches ---- */

struct lua_question *lua_policy_questions(struct lua_policy *policy)
{
	(void)policy;
	return lua_context.questions;
}

void lua_question_fill(struct lua_question *question, struct rte_mbuf *mbuf, int reference,
		       bool ffi)
{
	bool response = packet_of(mbuf)->chain != CHAIN_QUERY &&
			packet_of(mbuf)->chain != CHAIN_CACHE_MISS;
	*question = (struct lua_question){
		.mbuf = mbuf,
		.reference = reference,
		.action = response ? RULE_RESPONSE_RESULT_SERVFAIL : RULE_RESULT_SERVFAIL,
		.ffi = ffi,
		.response = response,
	};
}

/*
 * Calls a driver for items 0 to count - 1. An item that does not end costs the state; the rest is
 * run by the new one.
 */
static void driver_run(bool datagrams, unsigned count)
{
	unsigned first = 0;
	while (first < count) {
		struct control *control = lua_context.control;
		struct lua_policy *policy = lua_context.policy;
		lua_State *lua = lua_state_of(policy->state);
		if (lua == NULL)
			return;
		uint32_t *progress = lua_state_progress(policy->state);
		*progress = first;
		lua_rawgeti(lua, LUA_REGISTRYINDEX, datagrams ? policy->deliver : policy->run);
		lua_pushinteger(lua, (lua_Integer)first);
		lua_pushinteger(lua, (lua_Integer)count);
		enum lua_outcome outcome = lua_state_call(policy->state, 2, 0, true);
		if (outcome == LUA_OUTCOME_OK)
			return;
		first = *progress > first ? *progress : first + 1;
		if (outcome == LUA_OUTCOME_RUNAWAY) {
			state_renew(control);
		} else {
			const char *text = lua_tostring(lua, -1);
			sluice_error(text ? text : "?", text ? strlen(text) : 1);
			lua_pop(lua, 1);
		}
	}
}

void lua_policy_run(struct lua_policy *policy, unsigned count)
{
	(void)policy;
	lua_context.current = lua_context.questions;
	driver_run(false, count);
	lua_context.current = NULL;
}

/* Datagrams are copied out of the socket's buffers: a callback that is cut off loses only itself. */
struct mailbox {
	unsigned count;
	const struct lua_listener *listener;
	char from[LUA_DATAGRAMS][128];
	char *data;
};

static struct mailbox mailbox;

static void datagram_take(void *context, const uint8_t *data, size_t length, const char *from,
			  size_t from_length)
{
	const struct lua_listener *listener = context;
	if (mailbox.count == LUA_DATAGRAMS || mailbox.data == NULL)
		return;
	unsigned i = mailbox.count++;
	char *copy = mailbox.data + (size_t)i * DATAGRAM_ROOM;
	memcpy(copy, data, length);
	snprintf(mailbox.from[i], sizeof(mailbox.from[i]), "%.*s", (int)from_length, from);
	lua_context.datagrams[i] = (struct lua_datagram){
		.data = copy,
		.length = length,
		.from = mailbox.from[i],
		.from_length = strlen(mailbox.from[i]),
		.callback = listener->callback,
		.endpoint_id = listener->id,
		.ffi = listener->ffi,
	};
}

unsigned lua_policy_receive(struct lua_policy *policy)
{
	unsigned total = 0;
	(void)policy;
	if (mailbox.data == NULL)
		mailbox.data = malloc((size_t)LUA_DATAGRAMS * DATAGRAM_ROOM);
	for (struct lua_listener *l = lua_context.listeners; l != NULL;) {
		mailbox.count = 0;
		uint32_t read = listener_receive(l->socket, LISTENER_BATCH, datagram_take, l);
		uint64_t generation = policy_current()->generation;
		if (mailbox.count > 0)
			driver_run(true, mailbox.count);
		total += read;
		/* A policy that was loaded anew may have closed listeners: start over next turn. */
		if (policy_current()->generation != generation)
			break;
		l = l->next;
	}
	return total;
}
