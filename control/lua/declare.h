/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SLUICE_CONTROL_LUA_DECLARE_H
#define SLUICE_CONTROL_LUA_DECLARE_H

#include <stddef.h>

#include <lua.h>

/*
 * What our modules need before the first one runs: the place of a policy's line, and these
 * declarations for FFI. For lua_host_config.setup; may raise errors.
 */
void lua_declare(lua_State *lua, const char *text, size_t size);

#endif
