/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The Lua that lcores run themselves: of LuaFFIPerThreadRule and its kin. Each lcore that runs
 * rules has a state of its own for each policy, in which all code that the policy gave is compiled.
 * The control lcore makes the states before the policy is published, and frees them with the last
 * snapshot that has them; in between each is its lcore's alone.
 *
 * Code that fails is no match, or ServFail. The lcore only leaves a message. A state that had to be
 * stopped is the control lcore's from that moment, until it has made it anew.
 */
#ifndef SLUICE_CONTROL_LUA_THREADS_H
#define SLUICE_CONTROL_LUA_THREADS_H

#include "control/lua/abi.h"
#include "dataplane/rules/threads.h"

struct lua_threads_options {
	uint16_t lcores;
	size_t memory;	      /* bytes, of each state */
	uint32_t watchdog_ms; /* of each call */
	uint32_t load_ms;     /* of compiling each piece of code */
	void (*wake)(void *ctx); /* lua_threads_turn() has something to do; any lcore; or NULL */
	void *wake_ctx;
};

/*
 * States for the code that the policy's context has by now, with one use. NULL and a message in
 * `error` if there is no memory or the code of one does not compile. Control lcore only, as all
 * here, and not from inside a call of Lua.
 */
struct rule_threads *lua_threads_new(const struct lua_context *policy,
				     const struct lua_threads_options *options, char *error,
				     size_t size);

/*
 * Between turns: logs what the lcores left, makes states anew that were stopped. `policy` as
 * before, `now` in milliseconds. NULL has no effect.
 */
void lua_threads_turn(struct rule_threads *threads, const struct lua_context *policy, uint64_t now);

/* Errors since the start, in all policies. */
uint64_t lua_threads_errors(void);

#endif
