/* SPDX-License-Identifier: BSD-2-Clause */
/* For an error about a name that does not exist: the closest one that does. */
#ifndef SLUICE_CONTROL_LUA_SUGGEST_H
#define SLUICE_CONTROL_LUA_SUGGEST_H

#include <stddef.h>

#include <lua.h>

/*
 * If the first line of `error` is Lua's about a global, or a field, that is nil, adds the global or
 * the member of the table `sluice` whose name is nearly that one, if there is any. Runs no Lua and
 * allocates nothing there. `lua` may be NULL: no state, no word.
 */
void lua_suggest(lua_State *lua, char *error, size_t size);

#endif
