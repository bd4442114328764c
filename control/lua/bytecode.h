/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Modules compiled once in the life of the program: a state is made anew with each reading of a
 * policy, and half of that was compiling the same text again. Any thread.
 */
#ifndef SLUICE_CONTROL_LUA_BYTECODE_H
#define SLUICE_CONTROL_LUA_BYTECODE_H

#include <lua.h>

#include "control/lua/modules.h"

/* Leaves the module's function on the stack, or raises an error. `name`: of the chunk. */
void lua_bytecode_load(lua_State *lua, const struct lua_module *module, const char *name);

#endif
