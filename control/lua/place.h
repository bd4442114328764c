/* SPDX-License-Identifier: BSD-2-Clause */
/* Where a policy stands: the line that errors and rules are told by. */
#ifndef SLUICE_CONTROL_LUA_PLACE_H
#define SLUICE_CONTROL_LUA_PLACE_H

#include <lua.h>

/*
 * Makes require('sluice.place') a function of a table whose keys are the sources of our own
 * modules: it returns file and line of the innermost Lua function that is from none of them,
 * nothing if there is none. It is C, since it is asked for each rule.
 */
void lua_place_install(lua_State *lua);

#endif
