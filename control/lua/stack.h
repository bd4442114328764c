/* SPDX-License-Identifier: BSD-2-Clause */
/* Room on the C stack of threads that run Lua. */
#ifndef SLUICE_CONTROL_LUA_STACK_H
#define SLUICE_CONTROL_LUA_STACK_H

#include <stdbool.h>

/*
 * C functions that call Lua back (string.gsub, table.sort) nest until Lua's own stack is full, which
 * takes more than the 8 MiB of C stack that a thread usually has. For the main thread, at the start
 * of the program. 0, or -errno where the hard limit is lower: deep recursion then ends the process.
 */
int lua_stack_raise(void);

/* Threads that are made from now on get as much, or again what they got before. 0 or -errno. */
int lua_stack_threads(bool raised);

#endif
