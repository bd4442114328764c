/* SPDX-License-Identifier: BSD-2-Clause */
/* What the functions that Lua calls work on. Private to the lua_*.c files of control/. */
#ifndef SLUICE_CONTROL_LUA_CONTEXT_H
#define SLUICE_CONTROL_LUA_CONTEXT_H

#include "control/log.h"
#include "control/lua_policy.h"
#include "control/lua_state.h"

struct lua_listener {
	struct lua_listener *next;
	struct listener *socket;
	int32_t callback;
	uint16_t id;
	bool ffi;
	bool wanted; /* by the policy that is being loaded */
};

/* One policy file's state and model. */
struct lua_policy {
	struct lua_state *state;
	struct policy_model *model;
	int run, deliver; /* references of the drivers */
	uint64_t generation;
};

struct lua_context {
	struct control *control;
	struct lua_policy *policy; /* that runs or is being loaded */
	bool check;		   /* open no socket */
	struct lua_question questions[CONTROL_BATCH];
	struct lua_datagram datagrams[LUA_DATAGRAMS];
	struct lua_question *current; /* whose action runs: the first that is not done is behind it */
	struct lua_listener *listeners;
	uint64_t errors;
	struct log_limit limit;
};

extern struct lua_context lua_context;

/* The packet of a handle, NULL if it has left. */
struct rte_mbuf *lua_question_mbuf(const struct lua_question *question);

/* Reads the question's name, type and class anew after an edit. False if there is none. */
bool lua_question_parse(struct rte_mbuf *mbuf);

#endif
