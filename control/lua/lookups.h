/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * getAddressInfo(): hosts are looked up as the system does it (getaddrinfo(3)), in a thread, since
 * that may take many seconds; the policy that asked is told between turns. Control lcore only.
 */
#ifndef SLUICE_CONTROL_LUA_LOOKUPS_H
#define SLUICE_CONTROL_LUA_LOOKUPS_H

#include "control/lua/policy.h"

/* For the function `reference` of this policy. 0, -ENAMETOOLONG, -EAGAIN: too many wait, -ENOMEM. */
int lua_lookup_ask(struct lua_policy *policy, const char *host, int32_t reference);
/* Calls the functions of what was found; what another policy asked for is forgotten. */
void lua_lookups_tell(struct control *control);
/* At the end: forgets what nobody waits for any more. */
void lua_lookups_close(void);

#endif
