/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where the machine code of a LuaJIT state is: the watchdog may leave code there, and it has to go
 * with a state that is thrown away. LuaJIT offers no function for it, but keeps it in five words of
 * the state that are told by what they hold.
 */
#ifndef SLUICE_CONTROL_LUA_MCODE_H
#define SLUICE_CONTROL_LUA_MCODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lua.h>

struct lua_mcode_words;

struct lua_mcode {
	const struct lua_mcode_words *words; /* inside the state; NULL: not known */
};

/*
 * Looks through the first allocation of a state, which has just compiled its first loop. False if
 * the words are not there.
 */
bool lua_mcode_find(struct lua_mcode *mcode, const void *state, size_t size);

/* Whether the address is in the state's machine code. Safe in signal handlers. */
bool lua_mcode_owns(const void *mcode, uintptr_t pc);

/*
 * Takes the right to execute away from the machine code of a state that will be thrown away: a C
 * function that returns there raises SIGSEGV. It stays writable, LuaJIT may be at it. For signal
 * handlers.
 */
void lua_mcode_block(const struct lua_mcode *mcode);

/*
 * Unmaps the machine code of a state that will not run again, while its memory is still there.
 * What was being set up or taken down when the state was stopped stays mapped.
 */
void lua_mcode_unmap(const struct lua_mcode *mcode);

/*
 * Has a file, which is the function on top of the stack, not compiled if it is long, but for the
 * functions in it: lines that run once each are not worth a trace, and for each one that comes back
 * to them LuaJIT reads all lines that follow.
 */
void lua_mcode_spare(lua_State *lua);

#endif
