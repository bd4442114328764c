/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A LuaJIT state with memory of its own and a watchdog. A call that runs longer than its time is
 * left by a jump out of a signal handler; the state is then thrown away as a whole, memory and all.
 */
#ifndef SLUICE_CONTROL_LUA_STATE_H
#define SLUICE_CONTROL_LUA_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lua.h>

enum lua_outcome { LUA_OUTCOME_OK, LUA_OUTCOME_ERROR, LUA_OUTCOME_RUNAWAY };

struct lua_state;

/* NULL: no memory. `memory` in MiB, `watchdog` in milliseconds. */
struct lua_state *lua_state_create(uint32_t memory, uint32_t watchdog);
void lua_state_destroy(struct lua_state *state);

lua_State *lua_state_of(struct lua_state *state);

/* What the running call stores to say that it got on: a new value means a new measure of time. */
uint32_t *lua_state_progress(struct lua_state *state);

/*
 * lua_pcall() with a traceback and the watchdog; function and arguments are on the stack, on error
 * the message is. After RUNAWAY nothing but lua_state_destroy() may be called.
 */
enum lua_outcome lua_state_call(struct lua_state *state, int arguments, int results, bool guarded);

#endif
