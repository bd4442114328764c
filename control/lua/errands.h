/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What policies have done that may take many seconds, in threads of their own: hosts looked up as the
 * system does it (getaddrinfo(3)), and texts sent over TCP. The policy that asked for a host is told
 * between turns. Control lcore only.
 */
#ifndef SLUICE_CONTROL_LUA_ERRANDS_H
#define SLUICE_CONTROL_LUA_ERRANDS_H

#include "control/lua/policy.h"

/* For the function `reference` of this policy. 0, -ENAMETOOLONG, -EAGAIN: too many wait, -ENOMEM. */
int lua_errand_lookup(struct lua_policy *policy, const char *host, int32_t reference);
/*
 * Sends the text to an address, and ends the connection. 0, -EAGAIN, -ENOMEM, -EBUSY: what the sender
 * sent there before is still in hand.
 */
int lua_errand_send(struct lua_policy *policy, const struct lua_address *to, uint32_t sender,
		    const char *text, size_t length);
/*
 * Takes what is done: calls the functions of what was found, unless another policy asked for it, and
 * says in the log what could not be sent.
 */
void lua_errands_turn(struct control *control);
/* At the end: forgets what nobody waits for any more; the threads touch nothing from then on. */
void lua_errands_close(void);

#endif
