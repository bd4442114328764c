/* SPDX-License-Identifier: BSD-2-Clause */
/* The Lua of lua/ and the declarations for ffi.cdef(), embedded when the program is built. */
#ifndef SLUICE_CONTROL_LUA_MODULES_H
#define SLUICE_CONTROL_LUA_MODULES_H

#include <stddef.h>

struct lua_module {
	const char *name;
	const char *text;
	size_t size;
};

extern const struct lua_module lua_modules[]; /* a NULL name ends them */
extern const char *const lua_interface_text;
extern const size_t lua_interface_size;
/* For the states that lcores have for themselves. */
extern const char *const lua_thread_interface_text;
extern const size_t lua_thread_interface_size;

#endif
