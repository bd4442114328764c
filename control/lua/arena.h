/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory of one LuaJIT state: one reserved mapping with a limit that can be thrown away as a whole,
 * whatever the state was doing. Small objects live in pages of one size, large ones in runs of
 * pages; freed pages join their neighbours, so that no size starves another. Everything is O(1) but
 * the search for a run of pages when memory is short. One thread at a time.
 */
#ifndef SLUICE_CONTROL_LUA_ARENA_H
#define SLUICE_CONTROL_LUA_ARENA_H

#include <stddef.h>

struct lua_arena;

/* `limit` in bytes, below 8 TiB; only what is used gets real memory. NULL and errno. */
struct lua_arena *lua_arena_create(size_t limit);

/* Unmaps everything at once. NULL is allowed. */
void lua_arena_destroy(struct lua_arena *arena);

/* A lua_Alloc; `arena` is the struct lua_arena. NULL when the limit is reached. */
void *lua_arena_realloc(void *arena, void *old, size_t old_size, size_t size);

/* Bytes handed out, as rounded up, and the limit. */
size_t lua_arena_used(const struct lua_arena *arena);
size_t lua_arena_limit(const struct lua_arena *arena);

#endif
