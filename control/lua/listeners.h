/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The paths that policies listen on. A socket stays open from one policy to the next that wants its
 * path, so that no datagram is lost on a reload. Control lcore only.
 */
#ifndef SLUICE_CONTROL_LUA_LISTENERS_H
#define SLUICE_CONTROL_LUA_LISTENERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/control.h"

/* Who gets the datagrams. */
struct lua_listener_use {
	int32_t reference; /* of the callback */
	uint16_t endpoint_id;
	bool ffi;
};

enum lua_listeners_mode {
	LUA_LISTENERS_TAKE,  /* a new policy is in force: what it does not want is closed */
	LUA_LISTENERS_KEEP,  /* a new policy was refused: what only it wanted is closed */
	LUA_LISTENERS_CLOSE, /* all */
};

struct lua_listener;

/*
 * Binds the path unless it is bound; the policy in force gets its datagrams from now on. False and a
 * sentence in `error`.
 */
bool lua_listener_add(struct control *control, const char *path, size_t length,
		      const struct lua_listener_use *use, char *error, size_t error_size);

/*
 * The same for a policy that is being read, who will get its datagrams after
 * lua_listeners_settle(). The later one counts where a policy says it twice. False and a sentence
 * in `error`.
 */
bool lua_listener_want(struct control *control, const char *path, size_t length,
		       const struct lua_listener_use *use, char *error, size_t error_size);
void lua_listeners_settle(struct control *control, enum lua_listeners_mode mode);

/* The listener after `listener`, NULL for the first. */
struct lua_listener *lua_listener_next(struct lua_listener *listener);
struct listener *lua_listener_socket(const struct lua_listener *listener);
/* NULL as long as no policy in force uses it. */
const struct lua_listener_use *lua_listener_use(const struct lua_listener *listener);

#endif
