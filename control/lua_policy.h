/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A policy in Lua: the state that ran its file, the model that the file filled, and the calls of
 * its actions and callbacks in batches. Control lcore only.
 *
 * lua_interface.h is both this header's and Lua's view of what the two share: it holds plain
 * declarations and is embedded as the text of ffi.cdef, so the two cannot differ.
 */
#ifndef SLUICE_CONTROL_LUA_POLICY_H
#define SLUICE_CONTROL_LUA_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/control.h"
#include "control/lua_interface.h"

#define LUA_DATAGRAMS 32u

struct lua_policy;

/*
 * Runs the file (NULL: no file, an empty policy) in a fresh state, compiles what it declared and
 * publishes it; the policy before is freed. On error the one before stays in force and `error`
 * holds the message with file, line and traceback. `check` compiles and opens nothing.
 */
int lua_policy_load(struct control *control, const char *path, bool check, char *error, size_t size);
void lua_policy_unload(struct control *control);

/* The batch: CONTROL_BATCH questions, filled in before lua_policy_run(). */
struct lua_question *lua_policy_questions(struct lua_policy *policy);
void lua_question_fill(struct lua_question *question, struct rte_mbuf *mbuf, int reference,
		       bool ffi);

/* Calls the actions of the first `count` questions; each holds its result then. */
void lua_policy_run(struct lua_policy *policy, unsigned count);

/* Reads the listeners and calls their callbacks; how many datagrams. */
unsigned lua_policy_receive(struct lua_policy *policy);

/* A datagram that was taken for sending could not be delivered; endpoint_failed_fn. */
void lua_policy_send_failed(void *control, struct endpoint *endpoint, uint64_t tag);

uint64_t lua_policy_errors(void);

#endif
