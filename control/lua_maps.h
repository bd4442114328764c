/* SPDX-License-Identifier: BSD-2-Clause */
/* Tells machine code made at run time from code of files, by the lines of /proc/self/maps. */
#ifndef SLUICE_CONTROL_LUA_MAPS_H
#define SLUICE_CONTROL_LUA_MAPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A reading in progress; zero it first. Private to lua_maps_scan(). */
struct lua_maps {
	uintptr_t field[2]; /* start and end */
	unsigned column, which;
	bool hit, executable, plain, inode_seen;
};

/*
 * Reads on, in pieces of any size. True once a whole line was read whose mapping holds `pc`, may be
 * executed, has inode 0 and no name: neither a file's nor the kernel's own. Safe in signal handlers.
 */
bool lua_maps_scan(struct lua_maps *maps, const char *text, size_t length, uintptr_t pc);

#endif
