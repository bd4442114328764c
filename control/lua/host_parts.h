/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of a host share. */
#ifndef SLUICE_CONTROL_LUA_HOST_PARTS_H
#define SLUICE_CONTROL_LUA_HOST_PARTS_H

#include "control/lua/arena.h"
#include "control/lua/host.h"
#include "control/lua/mcode.h"
#include "control/lua/watchdog.h"

#define LUA_HOST_MESSAGE_SIZE 8192

/*
 * Functions that stay at the bottom of the stack, so that a call does not have to make them:
 * outside of a protected call nothing may allocate.
 */
enum lua_host_slot {
	SLOT_NONE,
	SLOT_TRACEBACK,
	SLOT_PREPARE,
	SLOT_BOOT,
	SLOT_READ,
	SLOT_FIND,
	SLOT_GC,
	SLOTS
};

struct lua_host {
	lua_State *lua; /* NULL: no state */
	struct lua_arena *arena;
	struct lua_mcode mcode;
	struct lua_host_config config;
	char *path;		 /* of the policy */
	const char *wanted;	 /* function name for SLOT_FIND */
	int found;		 /* its reference */
	lua_State *reader;	 /* the coroutine in which the policy is read; NULL: none is */
	bool paused;		 /* and which has given way in the midst of it */
	bool compiles;		 /* the compiler is on, but in a slice */
	bool told;		 /* the error has its traceback, or needs none */
	uint64_t read_used;	 /* ns that reading has taken since it last got on */
	uint32_t read_seen;	 /* what said so then */
	int gc_what, gc_amount;	 /* for SLOT_GC */
	bool gc_done;		 /* the step ended a cycle */
	bool gc_running;	 /* in a cycle */
	volatile bool starved;	 /* the call was left for want of memory */
	size_t gc_next;		 /* bytes used at which a cycle begins */
	size_t gc_seen;		 /* bytes used at the end of the last step */
	struct lua_watchdog watchdog;
	char message[LUA_HOST_MESSAGE_SIZE];
};

/* Of a function in a slot: the host that it belongs to. */
struct lua_host *lua_host_of(lua_State *lua);

/* Calls the function in the slot; the budget in ns, 0: not watched. */
enum lua_result lua_host_slot_call(struct lua_host *host, enum lua_host_slot slot, uint64_t budget);

void lua_host_message_set(struct lua_host *host, const char *text);

/* Makes the error object at the top of the stack a string. May raise errors. */
void lua_host_error_text(lua_State *lua);

/* The function of SLOT_READ: reads the policy, or goes on with that. */
int lua_host_read_step(lua_State *lua);

/*
 * Hides from policies that they are read in a coroutine, uncompiled: who yields out of that gets Lua's
 * error, and jit.on() and jit.off() last. Behind the boot module.
 */
void lua_host_read_hide(lua_State *lua);

/* Has the policy that is being read pause at its next instruction. Called in the signal handler. */
void lua_host_read_pause(const void *context);

/* Reads `path` anew, to its end. 0, -EINVAL or -ETIME, and the host's message. */
int lua_host_read_all(struct lua_host *host);

#endif
