/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Pointers that policies got through dnsdist's FFI and use when they are no longer good: found out
 * in debug builds (SLUICE_GUARD), nothing at all in others. LuaJIT's code is not instrumented by
 * any sanitizer, so pages have to do it: what is given out is copied to the end of pages of its
 * own, which cannot be reached any more once the action has returned or its packet is suspended.
 * Who uses it then, or reads behind its end, ends the process with a sentence and the place in the
 * policy.
 *
 * A packet is given out as a view: a copy that is made when it is first looked at, and that goes
 * back into the packet, if the policy may write to it, before any function of ours looks there.
 */
#ifndef SLUICE_CONTROL_LUA_GUARD_H
#define SLUICE_CONTROL_LUA_GUARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lua_context;
struct lua_guard;
struct lua_question;
struct rte_mbuf;

#ifdef SLUICE_GUARD

/* `bytes`, to be given out by `function`; `question` may be NULL: it is about no packet. */
const void *lua_guard_copy(const struct lua_question *question, const void *bytes, size_t length,
			   const char *function);
/* `at` in the packet's message. */
void *lua_guard_view(const struct lua_question *question, const void *at, const char *function);
/* A handle to be given out for this one. */
struct lua_question *lua_guard_hand(struct lua_question *question);
bool lua_guard_handed(const struct lua_question *question);

/* The packet is about to be looked at: takes over what the policy wrote. */
void lua_guard_sync(void);
/* The action has returned. */
void lua_guard_end(void);
void lua_guard_suspended(const struct lua_question *question);
/* The message is elsewhere now. */
void lua_guard_moved(const struct rte_mbuf *mbuf);
void lua_guard_free(struct lua_guard *guard);

#else

static inline const void *lua_guard_copy(const struct lua_question *question, const void *bytes,
					 size_t length, const char *function)
{
	(void)question, (void)length, (void)function;
	return bytes;
}

static inline void *lua_guard_view(const struct lua_question *question, const void *at,
				   const char *function)
{
	(void)question, (void)function;
	return (void *)(uintptr_t)at;
}

static inline struct lua_question *lua_guard_hand(struct lua_question *question)
{
	return question;
}

static inline bool lua_guard_handed(const struct lua_question *question)
{
	(void)question;
	return false;
}

static inline void lua_guard_sync(void)
{
}
static inline void lua_guard_end(void)
{
}

static inline void lua_guard_suspended(const struct lua_question *question)
{
	(void)question;
}

static inline void lua_guard_moved(const struct rte_mbuf *mbuf)
{
	(void)mbuf;
}

static inline void lua_guard_free(struct lua_guard *guard)
{
	(void)guard;
}

#endif
#endif
