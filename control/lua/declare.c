/* SPDX-License-Identifier: BSD-2-Clause */
#include "control/lua/declare.h"

#include "control/lua/place.h"

void lua_declare(lua_State *lua, const char *text, size_t size)
{
	lua_place_install(lua);
	lua_getglobal(lua, "require");
	lua_pushliteral(lua, "ffi");
	lua_call(lua, 1, 1);
	lua_getfield(lua, -1, "cdef");
	lua_pushlstring(lua, text, size);
	lua_call(lua, 1, 0);
	lua_pop(lua, 1);
}
