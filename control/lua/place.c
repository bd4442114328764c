/* SPDX-License-Identifier: BSD-2-Clause */
#include "control/lua/place.h"

#include <stdbool.h>

#include <lauxlib.h>

static bool is_ours(lua_State *lua, const char *source)
{
	lua_pushstring(lua, source);
	lua_rawget(lua, 1);
	bool ours = lua_toboolean(lua, -1);
	lua_pop(lua, 1);
	return ours;
}

static int place(lua_State *lua)
{
	lua_Debug at;
	luaL_checktype(lua, 1, LUA_TTABLE);
	for (int level = 1; lua_getstack(lua, level, &at) != 0; level++) {
		lua_getinfo(lua, "Sl", &at);
		if (*at.what == 'C' || is_ours(lua, at.source))
			continue;
		lua_pushstring(lua, at.short_src);
		lua_pushinteger(lua, at.currentline);
		return 2;
	}
	return 0;
}

static int place_open(lua_State *lua)
{
	lua_pushcfunction(lua, place);
	return 1;
}

void lua_place_install(lua_State *lua)
{
	lua_getglobal(lua, "package");
	lua_getfield(lua, -1, "preload");
	lua_pushcfunction(lua, place_open);
	lua_setfield(lua, -2, "sluice.place");
	lua_pop(lua, 2);
}
