/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A policy from its file to what workers read, step by step, so that nobody has to wait for all of
 * it. Control lcore only, and never from inside a call of Lua.
 */
#ifndef SLUICE_CONTROL_LUA_LOAD_H
#define SLUICE_CONTROL_LUA_LOAD_H

#include "control/lua/policy.h"

/*
 * A policy of which nothing has been read. NULL: no memory. lua_policy_free() it, unless it comes
 * into force.
 */
struct lua_policy *lua_load_begin(struct control *control, const char *path, enum lua_policy_mode mode);

/*
 * The next step; what runs Lua takes `slice` ns and a little (0: as long as it takes). LUA_POLICY_READING: call again;
 * 0: `compiled` of the policy is there; -1: `error` says why not.
 */
int lua_load_step(struct lua_policy *policy, uint64_t slice, char *error, size_t size);

/* Code that came since the workers' states were made needs new ones, which start afresh. 0 or -1. */
int lua_load_threads(struct lua_policy *policy, char *error, size_t size);

/* What the model gives; where nothing runs yet, what it needs is waited for. NULL: `error` says why, or it waits. */
struct policy *lua_load_compile(struct lua_policy *policy, char *error, size_t size);

#endif
