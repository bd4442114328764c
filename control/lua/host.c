/* SPDX-License-Identifier: BSD-2-Clause */
#include "control/lua/host.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lauxlib.h>
#include <luajit.h>
#include <lualib.h>

#include "control/lua/bytecode.h"
#include "control/lua/host_parts.h"

#define MS 1000000u /* ns */
#define BOOT_RESULT "lua_host.boot"
#define GC_STEP_KB 16
#define GC_STEP_SHORT_KB 512 /* when memory is short */
#define GC_STEP_MOST_KB 1024 /* some milliseconds, however much came at once, as all does with a policy */
#define GC_REST (256u << 10) /* bytes that may be added before a new cycle begins */
#define GC_FULL_FACTOR 10    /* a full collection may take that many measures of time */

/* Reports the size of the first allocation: the state with the compiler's bookkeeping. */
struct first_allocation {
	struct lua_arena *arena;
	size_t size;
};

void lua_host_message_set(struct lua_host *host, const char *text)
{
	snprintf(host->message, sizeof(host->message), "%s", text);
}

static void message_give(const struct lua_host *host, char *error, size_t size)
{
	if (error != NULL && size > 0)
		snprintf(error, size, "%s", host->message);
}

/* ---- functions that run protected, inside the state ---- */

struct lua_host *lua_host_of(lua_State *lua)
{
	return lua_touserdata(lua, lua_upvalueindex(1));
}

void lua_host_error_text(lua_State *lua)
{
	int at = lua_gettop(lua);
	if (lua_isstring(lua, at))
		return;
	if (!luaL_callmeta(lua, at, "__tostring") || !lua_isstring(lua, -1))
		lua_pushfstring(lua, "(error object is a %s value)", luaL_typename(lua, at));
	lua_replace(lua, at);
	lua_settop(lua, at);
}

static int step_traceback(lua_State *lua)
{
	lua_settop(lua, 1);
	lua_host_error_text(lua);
	if (!lua_host_of(lua)->told)
		luaL_traceback(lua, lua, lua_tostring(lua, 1), 1);
	return 1;
}

/* The loop gets the compiler to lay out its memory. */
static int step_prepare(lua_State *lua)
{
	luaL_openlibs(lua);
	if (luaL_loadstring(lua, "local n = 0 for i = 1, 1000 do n = n + i end") != 0)
		return lua_error(lua);
	lua_call(lua, 0, 0);
	return 0;
}

static int module_load(lua_State *lua)
{
	const struct lua_module *module = lua_touserdata(lua, lua_upvalueindex(1));
	lua_settop(lua, 1); /* the name, which require() hands on */
	const char *file = strrchr(module->name, '.');
	const char *name =
		lua_pushfstring(lua, "@lua/%s.lua", file != NULL ? file + 1 : module->name);
	lua_bytecode_load(lua, module, name);
	lua_pushvalue(lua, 1);
	lua_call(lua, 1, 1);
	return 1;
}

static void modules_install(lua_State *lua, const struct lua_module *module)
{
	lua_getglobal(lua, "package");
	lua_getfield(lua, -1, "preload");
	for (; module != NULL && module->name != NULL; module++) {
		lua_pushlightuserdata(lua, (void *)(uintptr_t)module);
		lua_pushcclosure(lua, module_load, 1);
		lua_setfield(lua, -2, module->name);
	}
	lua_pop(lua, 2);
}

/* Whether the compiler is on, as jit.status() says. */
static bool compiler_is_on(lua_State *lua)
{
	lua_getfield(lua, LUA_REGISTRYINDEX, "_LOADED");
	lua_getfield(lua, -1, "jit");
	lua_getfield(lua, -1, "status");
	lua_call(lua, 0, 1);
	bool on = lua_toboolean(lua, -1);
	lua_pop(lua, 3);
	return on;
}

static int step_boot(lua_State *lua)
{
	struct lua_host *host = lua_host_of(lua);
	const struct lua_host_config *config = &host->config;
	modules_install(lua, config->modules);
	if (config->setup != NULL)
		config->setup(lua, config->context);
	if (config->boot != NULL) {
		lua_getglobal(lua, "require");
		lua_pushstring(lua, config->boot);
		lua_call(lua, 1, 1);
		lua_setfield(lua, LUA_REGISTRYINDEX, BOOT_RESULT);
	}
	host->compiles = compiler_is_on(lua);
	lua_host_read_hide(lua);
	return 0;
}

static int step_find(lua_State *lua)
{
	struct lua_host *host = lua_host_of(lua);
	lua_settop(lua, 0);
	lua_getfield(lua, LUA_REGISTRYINDEX, BOOT_RESULT);
	if (lua_istable(lua, 1))
		lua_getfield(lua, 1, host->wanted);
	if (!lua_isfunction(lua, -1))
		lua_getglobal(lua, host->wanted);
	if (lua_isfunction(lua, -1))
		host->found = luaL_ref(lua, LUA_REGISTRYINDEX);
	return 0;
}

static int step_gc(lua_State *lua)
{
	struct lua_host *host = lua_host_of(lua);
	host->gc_done = lua_gc(lua, host->gc_what, host->gc_amount) != 0;
	return 0;
}

/* ---- calls ---- */

/* The state may be in the middle of anything: nothing runs in it again. */
static void state_abandon(struct lua_host *host)
{
	if (host->lua == NULL)
		return;
	host->lua = host->reader = NULL;
	lua_mcode_unmap(&host->mcode);
	host->mcode.words = NULL;
	lua_arena_destroy(host->arena);
	host->arena = NULL;
}

static enum lua_result call_failed(struct lua_host *host)
{
	bool text = lua_type(host->lua, -1) == LUA_TSTRING;
	lua_host_message_set(host, text ? lua_tostring(host->lua, -1) : "error in error handling");
	lua_settop(host->lua, SLOTS - 1);
	return LUA_RESULT_ERROR;
}

/*
 * Calls the function on the stack with the arguments above it; results stay on the stack only if
 * all went well. Budget in ns, 0: not watched.
 */
static enum lua_result call(struct lua_host *host, int arguments, int results, uint64_t budget)
{
	if (budget == 0) {
		int failed = lua_pcall(host->lua, arguments, results, SLOT_TRACEBACK);
		return failed ? call_failed(host) : LUA_RESULT_OK;
	}
	if (sigsetjmp(host->watchdog.escape, 0) != 0) {
		/* Of a reading in slices it is the time of all of them. */
		bool reading = host->reader != NULL;
		state_abandon(host);
		if (host->starved)
			lua_host_message_set(host, "stopped: its memory is full");
		else
			snprintf(host->message, sizeof(host->message), "stopped: ran for %u ms",
				 reading ? host->config.load_ms
					 : (unsigned)(host->watchdog.budget / MS));
		return LUA_RESULT_RUNAWAY;
	}
	int error = lua_watchdog_start(&host->watchdog, budget);
	if (error != 0) {
		lua_settop(host->lua, SLOTS - 1);
		snprintf(host->message, sizeof(host->message), "cannot watch the call: %s",
			 strerror(-error));
		return LUA_RESULT_ERROR;
	}
	int failed = lua_pcall(host->lua, arguments, results, SLOT_TRACEBACK);
	lua_watchdog_stop();
	return failed ? call_failed(host) : LUA_RESULT_OK;
}

enum lua_result lua_host_slot_call(struct lua_host *host, enum lua_host_slot slot, uint64_t budget)
{
	lua_pushvalue(host->lua, (int)slot);
	return call(host, 0, 0, budget);
}

static uint64_t run_budget(const struct lua_host *host)
{
	return (uint64_t)host->config.watchdog_ms * MS;
}

static uint64_t load_budget(const struct lua_host *host)
{
	return (uint64_t)host->config.load_ms * MS;
}

/* ---- the watchdog's view ---- */

static bool host_owns(const void *context, uintptr_t pc)
{
	const struct lua_host *host = context;
	return lua_mcode_owns(&host->mcode, pc);
}

static void hook_leave(lua_State *lua, lua_Debug *event)
{
	(void)lua;
	(void)event;
	lua_watchdog_leave();
}

/* LuaJIT allows hooks to be set in signal handlers. */
static void host_trap(const void *context)
{
	const struct lua_host *host = context;
	lua_sethook(host->lua, hook_leave, LUA_MASKCOUNT, 1);
	lua_mcode_block(&host->mcode);
}

/* ---- the state ---- */

static void *first_realloc(void *context, void *old, size_t old_size, size_t size)
{
	struct first_allocation *first = context;
	if (first->size == 0)
		first->size = size;
	return lua_arena_realloc(first->arena, old, old_size, size);
}

/*
 * LuaJIT's error for want of memory, raised out of machine code, overwrites the stack (2.1 betas): a
 * state that has used up its memory is left and thrown away instead.
 */
static void *host_realloc(void *context, void *old, size_t old_size, size_t size)
{
	struct lua_host *host = context;
	void *made = lua_arena_realloc(host->arena, old, old_size, size);
	if (made == NULL && size > old_size && host->mcode.words != NULL) {
		host->starved = true;
		lua_watchdog_give_up(&host->watchdog);
		host->starved = false; /* not a watched call: an error it is */
	}
	return made;
}

static void slots_fill(struct lua_host *host)
{
	static const lua_CFunction steps[SLOTS] = {
		[SLOT_TRACEBACK] = step_traceback, [SLOT_PREPARE] = step_prepare,
		[SLOT_BOOT] = step_boot,	   [SLOT_READ] = lua_host_read_step,
		[SLOT_FIND] = step_find,	   [SLOT_GC] = step_gc,
	};
	for (int slot = SLOT_TRACEBACK; slot < SLOTS; slot++) {
		lua_pushlightuserdata(host->lua, host);
		lua_pushcclosure(host->lua, steps[slot], 1);
	}
}

/* A state with the standard libraries. What the compiler makes must be known to be used. */
static int state_make(struct lua_host *host)
{
	struct first_allocation first = {.arena = lua_arena_create(host->config.memory)};
	if (first.arena == NULL) {
		lua_host_message_set(host, "no memory for a Lua state");
		return -ENOMEM;
	}
	lua_State *lua = lua_newstate(first_realloc, &first);
	if (lua == NULL) {
		lua_arena_destroy(first.arena);
		lua_host_message_set(host, "no memory for a Lua state");
		return -ENOMEM;
	}
	host->starved = false;
	lua_setallocf(lua, host_realloc, host);
	host->lua = lua;
	host->arena = first.arena;
	host->gc_running = false;
	host->gc_next = 0;
	host->gc_seen = 0;
	slots_fill(host);
	if (lua_host_slot_call(host, SLOT_PREPARE, 0) != LUA_RESULT_OK)
		return -ENOMEM;
	if (!lua_mcode_find(&host->mcode, lua, first.size))
		luaJIT_setmode(lua, 0, LUAJIT_MODE_ENGINE | LUAJIT_MODE_OFF);
	return 0;
}

static int error_of(enum lua_result result)
{
	if (result == LUA_RESULT_OK)
		return 0;
	return result == LUA_RESULT_RUNAWAY ? -ETIME : -EINVAL;
}

static int state_boot(struct lua_host *host)
{
	int error = state_make(host);
	return error != 0 ? error : error_of(lua_host_slot_call(host, SLOT_BOOT, load_budget(host)));
}

/* Finalizers are Lua code, so that closing needs the watchdog as well. */
static void state_close(struct lua_host *host)
{
	if (host->lua == NULL)
		return;
	uint64_t budget = run_budget(host);
	if (budget != 0) {
		if (sigsetjmp(host->watchdog.escape, 0) != 0) {
			state_abandon(host);
			return;
		}
		if (lua_watchdog_start(&host->watchdog, budget) != 0) {
			state_abandon(host);
			return;
		}
	}
	lua_close(host->lua);
	host->mcode.words = NULL; /* lua_close() unmapped it */
	if (budget != 0)
		lua_watchdog_stop();
	state_abandon(host);
}

/* ---- life ---- */

struct lua_host *lua_host_create(const struct lua_host_config *config, char *error, size_t size)
{
	struct lua_host *host = calloc(1, sizeof(*host));
	if (host == NULL) {
		snprintf(error, size, "no memory");
		return NULL;
	}
	host->config = *config;
	if (host->config.memory < LUA_HOST_MEMORY_MIN)
		host->config.memory = LUA_HOST_MEMORY_MIN;
	host->watchdog.owns = host_owns;
	host->watchdog.trap = host_trap;
	host->watchdog.pause = lua_host_read_pause;
	host->watchdog.context = host;
	int setup = lua_watchdog_setup();
	if (setup == -EBUSY)
		lua_host_message_set(host, "the signal of the watchdog is taken: too many net_tap queues?");
	else if (setup != 0)
		lua_host_message_set(host, "LuaJIT's shared library was not found in this process");
	else if (state_boot(host) == 0)
		return host;
	message_give(host, error, size);
	lua_host_destroy(host);
	return NULL;
}

void lua_host_destroy(struct lua_host *host)
{
	if (host == NULL)
		return;
	state_close(host);
	free(host->path);
	free(host);
}

int lua_host_rebuild(struct lua_host *host, char *error, size_t size)
{
	state_close(host);
	int result = state_boot(host);
	if (result == 0 && host->path != NULL)
		result = lua_host_read_all(host);
	if (result == 0)
		return 0;
	message_give(host, error, size);
	state_close(host);
	return result;
}

/* ---- use ---- */

lua_State *lua_host_lua(struct lua_host *host)
{
	return host->lua;
}

int lua_host_function(struct lua_host *host, const char *name)
{
	host->found = LUA_NOREF;
	host->wanted = name;
	if (host->lua != NULL)
		lua_host_slot_call(host, SLOT_FIND, run_budget(host));
	return host->lua != NULL ? host->found : LUA_NOREF;
}

/* Without a collection the next calls would fail for the garbage that this one left. */
static enum lua_result memory_recover(struct lua_host *host)
{
	size_t limit = lua_arena_limit(host->arena);
	if (lua_arena_used(host->arena) < limit / 4 * 3)
		return LUA_RESULT_ERROR;
	char text[LUA_HOST_MESSAGE_SIZE];
	memcpy(text, host->message, sizeof(text));
	host->gc_what = LUA_GCCOLLECT;
	host->gc_amount = 0;
	enum lua_result result = lua_host_slot_call(host, SLOT_GC, run_budget(host) * GC_FULL_FACTOR);
	if (result == LUA_RESULT_RUNAWAY)
		return result;
	memcpy(host->message, text, sizeof(text));
	return LUA_RESULT_ERROR;
}

static enum lua_result run_within(struct lua_host *host, int function, const double *arguments,
				  unsigned count, double *result, uint64_t budget)
{
	if (host->lua == NULL || count > LUA_HOST_ARGUMENTS_MAX) {
		lua_host_message_set(host, host->lua == NULL ? "there is no Lua state" : "too many arguments");
		return LUA_RESULT_ERROR;
	}
	lua_rawgeti(host->lua, LUA_REGISTRYINDEX, function);
	for (unsigned i = 0; i < count; i++)
		lua_pushnumber(host->lua, arguments[i]);
	enum lua_result outcome = call(host, (int)count, result != NULL, budget);
	if (outcome == LUA_RESULT_ERROR)
		return memory_recover(host);
	if (outcome == LUA_RESULT_OK && result != NULL) {
		*result = lua_type(host->lua, -1) == LUA_TNUMBER ? lua_tonumber(host->lua, -1) : 0;
		lua_pop(host->lua, 1);
	}
	return outcome;
}

enum lua_result lua_host_run(struct lua_host *host, int function, const double *arguments,
			     unsigned count, double *result)
{
	return run_within(host, function, arguments, count, result, run_budget(host));
}

enum lua_result lua_host_prepare(struct lua_host *host, int function, const double *arguments,
				 unsigned count, double *result)
{
	return run_within(host, function, arguments, count, result, load_budget(host));
}

enum lua_result lua_host_call(struct lua_host *host, int function)
{
	if (host->lua == NULL) {
		lua_host_message_set(host, "there is no Lua state");
		return LUA_RESULT_ERROR;
	}
	lua_rawgeti(host->lua, LUA_REGISTRYINDEX, function);
	return call(host, 0, 0, run_budget(host));
}

const char *lua_host_message(const struct lua_host *host)
{
	return host->message;
}

volatile uint32_t *lua_host_progress(struct lua_host *host)
{
	return &host->watchdog.progress;
}

enum lua_result lua_host_gc_step(struct lua_host *host)
{
	if (host->lua == NULL)
		return LUA_RESULT_OK;
	size_t used = lua_arena_used(host->arena);
	bool lean = used < lua_arena_limit(host->arena) / 4 * 3;
	if (!host->gc_running && used < host->gc_next)
		return LUA_RESULT_OK;
	host->gc_running = true;
	host->gc_what = LUA_GCSTEP;
	/* As fast as memory is used, and faster, or a busy state would fill all it may have. */
	size_t grown = used > host->gc_seen ? (used - host->gc_seen) >> 9 : 0;
	size_t least = lean ? GC_STEP_KB : GC_STEP_SHORT_KB;
	size_t amount = grown > least ? grown : least;
	host->gc_amount = amount < GC_STEP_MOST_KB ? (int)amount : GC_STEP_MOST_KB;
	enum lua_result result = lua_host_slot_call(host, SLOT_GC, run_budget(host));
	if (result != LUA_RESULT_OK)
		return result;
	host->gc_seen = used = lua_arena_used(host->arena);
	if (host->gc_done) {
		host->gc_running = false;
		host->gc_next = used + used / 2 + GC_REST;
	}
	return result;
}

struct lua_host_memory lua_host_memory(const struct lua_host *host)
{
	struct lua_host_memory memory = {.limit = host->config.memory};
	if (host->lua != NULL)
		memory.used = lua_arena_used(host->arena);
	return memory;
}

bool lua_host_compiles(const struct lua_host *host)
{
	return host->lua != NULL && host->mcode.words != NULL;
}
