/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A LuaJIT state for policies: memory of its own with a limit, modules embedded in the program,
 * errors with tracebacks, and a watchdog that stops code that does not end. It knows nothing of
 * DNS.
 *
 * Life: lua_host_create() and lua_host_load() or lua_host_read(), then lua_host_run() for each batch and
 * lua_host_gc_step() once a turn, lua_host_destroy(). After LUA_RESULT_RUNAWAY the state is gone,
 * with it all references and every lua_State pointer; lua_host_rebuild() makes a fresh one from the
 * same modules and the same file.
 *
 * A host is used by one thread at a time and never from inside one of its own calls. Several hosts
 * may exist, in the same thread or in several. The watchdog takes the signal LUA_WATCHDOG_SIGNAL of
 * the process.
 *
 * What the watchdog may interrupt: LuaJIT's own code and the machine code it makes. C functions
 * called over FFI always run to their end. A lua_CFunction may be left at any call of Lua's C API,
 * as if that had raised an error.
 */
#ifndef SLUICE_CONTROL_LUA_HOST_H
#define SLUICE_CONTROL_LUA_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lua.h>

#include "control/lua/modules.h"

#define LUA_HOST_MEMORY_MIN (1u << 20)
#define LUA_HOST_ARGUMENTS_MAX 8
#define LUA_HOST_NO_FUNCTION (-2) /* LUA_NOREF */

struct lua_host;

enum lua_result {
	LUA_RESULT_OK,
	LUA_RESULT_ERROR,   /* lua_host_message() has the message and the traceback */
	LUA_RESULT_RUNAWAY, /* stopped by the watchdog or for want of memory; the state was thrown away */
};

struct lua_host_config {
	size_t memory;		/* limit in bytes, at least LUA_HOST_MEMORY_MIN */
	uint32_t watchdog_ms;	/* for a call without progress; 0: none */
	uint32_t load_ms;	/* for boot and policy file, each; 0: none */
	const char *boot;	/* module that is required first; NULL: none */
	const struct lua_module *modules; /* a NULL name ends them; NULL: none; they outlive the host */
	/* Registers what the modules need, before the boot module runs; it may raise Lua errors. */
	void (*setup)(lua_State *lua, void *context);
	void *context;
};

struct lua_host_memory {
	size_t used;	/* bytes that Lua holds, rounded as the arena rounds them */
	size_t limit;
};

/*
 * Makes a state and runs setup and the boot module. The configuration is copied. NULL and a message
 * in `error` on failure.
 */
struct lua_host *lua_host_create(const struct lua_host_config *config, char *error, size_t size);

/* Runs finalizers, within the watchdog's time, and frees everything. NULL is allowed. */
void lua_host_destroy(struct lua_host *host);

/*
 * Runs a policy file (text, no bytecode) and remembers its path for lua_host_rebuild(). 0, or
 * -EINVAL for an error in the file, -ETIME if it did not end (the state is gone then), -ENODEV
 * without a state, -ENOMEM; `error` tells file, line and traceback.
 */
int lua_host_load(struct lua_host *host, const char *path, char *error, size_t size);

#define LUA_HOST_READING 1

/*
 * The same in slices of so many ns, after which LUA_HOST_READING says that there is more: call again, with
 * the same arguments, until it does not. A slice ends later inside a function in C, a coroutine
 * of the policy's or machine code. Nothing else may run in the state before the end, but lua_host_destroy().
 */
int lua_host_read(struct lua_host *host, const char *path, uint64_t slice, char *error, size_t size);

/*
 * Throws away the state, if there still is one, and does what lua_host_create() and lua_host_load()
 * did. Returns as lua_host_load(). On failure the host has no state; it may be tried again.
 */
int lua_host_rebuild(struct lua_host *host, char *error, size_t size);

/* NULL without a state. Calls through it are not watched: only for setting up. */
lua_State *lua_host_lua(struct lua_host *host);
/* The lines that its Lua is in: for the last words of a process, since it may be in the midst of one. */
void lua_host_where(struct lua_host *host, char *text, size_t size);

/*
 * A reference for lua_host_run() to the function of this name: a field of the table that the boot
 * module returned, else a global. LUA_HOST_NO_FUNCTION if there is none. References end with the
 * state.
 */
int lua_host_function(struct lua_host *host, const char *name);

/*
 * Calls the function of a registry reference with numbers. `result`, if not NULL, becomes what it
 * returned, 0 if that is no number.
 */
enum lua_result lua_host_run(struct lua_host *host, int function, const double *arguments,
			     unsigned count, double *result);

/* The same within the time for loading: for what comes before the first packet. */
enum lua_result lua_host_prepare(struct lua_host *host, int function, const double *arguments,
				 unsigned count, double *result);

/* Calls a function without arguments and results, for callers that need it to be quick. */
enum lua_result lua_host_call(struct lua_host *host, int function);

/* Of the last error or runaway, with traceback if there is one; valid until the next call. */
const char *lua_host_message(const struct lua_host *host);

/*
 * What a batch driver stores to say that it got on: each new value seen is a new full measure of
 * time. The address stays the same while the host lives. Set to 0 by nobody but the caller.
 */
volatile uint32_t *lua_host_progress(struct lua_host *host);

/*
 * A bounded piece of garbage collection, larger when memory gets short. Finalizers are Lua code:
 * the result may be an error or a runaway.
 */
enum lua_result lua_host_gc_step(struct lua_host *host);

struct lua_host_memory lua_host_memory(const struct lua_host *host);

/* False: no state, or LuaJIT of an unknown make, with its compiler switched off to stay safe. */
bool lua_host_compiles(const struct lua_host *host);

#endif
