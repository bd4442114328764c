/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A policy in Lua: the state that ran its file, the model that the file filled, and the calls of
 * its actions and callbacks in batches. Control lcore only, and never from inside a call of Lua.
 */
#ifndef SLUICE_CONTROL_LUA_POLICY_H
#define SLUICE_CONTROL_LUA_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "control/control.h"
#include "control/servers/health.h"
#include "control/lua/abi.h"

struct lua_host;

/* How far the reading of a policy has come. */
enum lua_policy_stage {
	LUA_POLICY_STATE, /* it has no state yet */
	LUA_POLICY_FILE,
	LUA_POLICY_SETTLE,
	LUA_POLICY_THREADS,
	LUA_POLICY_COMPILE,
};

/* One reading of a policy file. `lua` of struct control is the one in force. */
struct lua_policy {
	struct lua_policy *older; /* taken out of force in this turn; it may be in use up to its end */
	struct control *control;
	struct lua_host *host;
	struct lua_context *context;
	struct policy_model *model;
	int run, choose, select, deliver, maintain, finish, console; /* lua_host_function() */
	int check_question, check_answer, state_changed; /* likewise */
	int describe_rule, describe_type, resolved, web, count;
	char *path;		 /* of the file; NULL: there is none */
	enum lua_policy_stage stage;
	struct policy *compiled; /* at the end of its reading */
	bool is_short;		 /* a server of its own found no number */
	uint64_t serial; /* no other policy's */
	bool check;   /* nothing is opened but lists */
	bool selecting; /* a selector runs: its packet stays where it is */
	bool changed;	/* the model was edited and is not published yet */
	unsigned codes; /* of lua_abi_codes(), those that states were made for */
};

enum lua_policy_mode {
	LUA_POLICY_LOAD,
	LUA_POLICY_CHECK, /* compiles and opens nothing but lists */
	LUA_POLICY_RENEW, /* as LOAD, but waits for nothing */
};

#define LUA_POLICY_WAITS 1
#define LUA_POLICY_SHORT 2
#define LUA_POLICY_READING 3

/*
 * Runs the file (NULL: no file, an empty policy) in a fresh state, compiles what it declared and
 * publishes it; the policy before goes at the end of the turn. On error the one before stays in
 * force and `error` holds the message with file, line and traceback. 0, -1, or, and then nothing happened,
 * LUA_POLICY_WAITS where workers run and it opened lists that have not been read yet, or has regular
 * expressions that are not compiled or tables that are not filled: call again when feeds_loading() and policy_registry_left() are 0;
 * LUA_POLICY_SHORT where its servers found no numbers, since too many have
 * just left: call again when policy_registry_numbers() are more.
 */
int lua_policy_load(struct control *control, const char *path, enum lua_policy_mode mode,
		    char *error, size_t size);

/*
 * The same with LUA_POLICY_LOAD, step by step while workers run: what runs Lua takes `slice` ns and a little.
 * LUA_POLICY_READING: call again, until it says something else, or lua_policy_read_drop().
 */
int lua_policy_read(struct control *control, const char *path, uint64_t slice, char *error,
		    size_t size);
void lua_policy_read_drop(struct control *control);

void lua_policy_unload(struct control *control);

/* Frees a policy that nobody uses. NULL is allowed. */
void lua_policy_free(struct lua_policy *policy);

/* At the end of the program, before lua_policy_unload(): what the policy wants to do then. */
void lua_policy_finish(struct control *control);

/* For a policy's Lua; the context is the struct lua_policy. */
extern const struct lua_abi_hooks lua_policy_hooks;
/* The servers of a policy that comes into force are watched as it says. */
void lua_policy_servers_watch(struct lua_policy *policy);

/* What was edited is in force; at the end of a turn, or before somebody is told that it is. */
void lua_policy_settle(struct control *control);

/* Whether it is not yet, since something in it is being compiled elsewhere. */
bool lua_policy_waits(const struct control *control);
/* Some of that is done: what waited for it is settled again. */
void lua_policy_came(struct control *control);

/* Between turns: publishes edits, collects garbage, calls maintenance, frees policies before. */
void lua_policy_turn(struct control *control);

/* The batch: CONTROL_BATCH questions, to be filled in before lua_policy_run(). */
struct lua_question *lua_policy_batch(struct control *control);

/*
 * Calls the actions of the first `count` questions; each holds its result then. Returns how many
 * were run: where one did not end, the policy was loaded anew, and the rest has to look for its
 * rule again.
 */
unsigned lua_policy_run(struct control *control, unsigned count);

/* The same for questions that ask which server: lua_question.action is its number. */
unsigned lua_policy_choose(struct control *control, unsigned count);

/* A rule_lua_selector_fn; `control` is the struct control. False also where the call failed. */
bool lua_policy_select(void *control, struct rte_mbuf *mbuf, int reference, bool ffi);

/* Reads the listeners and calls their callbacks; how many datagrams. */
unsigned lua_policy_receive(struct control *control);

/*
 * Runs a line of the console and writes its results, or its error, to `out`. 0, or -1 if it raised
 * an error.
 */
int lua_policy_console(struct control *control, const char *text, size_t length, FILE *out);

/* Writes what a rule is, or the name of a type, on one line without its end. */
void lua_policy_describe_rule(struct control *control, unsigned chain, size_t index, FILE *out);
void lua_policy_describe_type(struct control *control, uint16_t type, FILE *out);

/* Has the policy answer a request to the web server. False: it could not. */
bool lua_policy_web(struct control *control, struct lua_web *web);

/* Whether the policy counts queries by name: then it wants to look at them every few milliseconds. */
static inline bool lua_policy_counts(const struct control *control)
{
	return control->lua != NULL && policy_model_settings(control->lua->model)->recent.counted;
}

/* Errors in actions, selectors and callbacks since the start. */
uint64_t lua_policy_errors(void);

/* Throws away a state that had to be stopped and loads the same file anew. For lua/run.c. */
void lua_policy_renew(struct control *control);

/* Lets the function `reference` of the policy change the question of a check. */
void lua_policy_check_question(struct control *control, int32_t reference,
			       struct health_question *question);

/* Lets the function `reference` judge the answer to a check; false also where the call failed. */
bool lua_policy_check_answer(struct control *control, int32_t reference, const uint8_t *message,
			     size_t length);

/*
 * Calls a function of the driver that has what it needs in the context, and settles what goes wrong:
 * then the policy in force may be another one. Whether it ran to its end.
 */
bool lua_policy_call(struct control *control, int function);

/* The part of lua_policy_turn() that is about servers. */
void lua_policy_states_tell(struct control *control);

/* Tells the policy, at the end of the turn, that a server went up or down. */
void lua_policy_server_changed(struct control *control, const char *title, bool up);

#endif
