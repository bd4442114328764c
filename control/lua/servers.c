/* SPDX-License-Identifier: BSD-2-Clause */
/* Calls into a policy that are about servers: the questions of checks, and who went up or down. */
#include "control/lua/policy.h"

#include <stdlib.h>
#include <string.h>

#include "control/log/log.h"
#include "control/lua/host.h"
#include "dataplane/dns/message.h"

/* A change that the policy was not told of yet: Lua may be what caused it. */
struct state {
	struct state *next;
	bool up;
	char title[];
};

static struct state *first, **last = &first;

/* The policy's function ran into an error, or was stopped; the policy in force may be another. */
static void failure_settle(struct control *control, enum lua_result result)
{
	if (result == LUA_RESULT_RUNAWAY)
		lua_policy_renew(control);
	else if (result == LUA_RESULT_ERROR)
		sluice_error(lua_host_message(control->lua->host), 0);
}

bool lua_policy_call(struct control *control, int function)
{
	lua_abi_use(control->lua->context);
	lua_batch_begin();
	enum lua_result result = lua_host_run(control->lua->host, function, NULL, 0, NULL);
	failure_settle(control, result);
	return result == LUA_RESULT_OK;
}

void lua_policy_check_question(struct control *control, int32_t reference,
			       struct health_question *question)
{
	struct lua_policy *policy = control->lua;
	if (policy == NULL)
		return;
	struct lua_check *item = &policy->context->check;
	*item = (struct lua_check){
		.name = {.length = (uint8_t)question->length},
		.qtype = question->qtype,
		.qclass = question->qclass,
		.reference = reference,
	};
	memcpy(item->name.wire, question->name, question->length);
	dns_flags_store(item->header.bytes, question->flags);
	dns_count_store(item->header.bytes, DNS_SECTION_QUESTION, 1);
	lua_abi_use(policy->context);
	lua_batch_begin();
	enum lua_result result =
		lua_host_run(policy->host, policy->check_question, NULL, 0, NULL);
	if (result != LUA_RESULT_OK) {
		failure_settle(control, result);
		return;
	}
	memcpy(question->name, item->name.wire, item->name.length);
	question->length = item->name.length;
	question->qtype = item->qtype;
	question->qclass = item->qclass;
	question->flags = dns_flags_load(item->header.bytes);
}

bool lua_policy_check_answer(struct control *control, int32_t reference, const uint8_t *message,
			     size_t length)
{
	struct lua_policy *policy = control->lua;
	if (policy == NULL)
		return false;
	struct lua_check *item = &policy->context->check;
	*item = (struct lua_check){.reference = reference,
				   .answer = {(const char *)message, length}};
	memcpy(item->header.bytes, message, sizeof(item->header.bytes));
	lua_abi_use(policy->context);
	lua_batch_begin();
	enum lua_result result = lua_host_run(policy->host, policy->check_answer, NULL, 0, NULL);
	if (result == LUA_RESULT_OK)
		return item->good != 0;
	failure_settle(control, result);
	return false;
}

void lua_policy_server_changed(struct control *control, const char *title, bool up)
{
	size_t length = strlen(title);
	struct state *state = malloc(sizeof(*state) + length + 1);
	(void)control;
	if (state == NULL) {
		log_error("no memory to tell the policy of %s", title);
		return;
	}
	*state = (struct state){.up = up};
	memcpy(state->title, title, length + 1);
	*last = state;
	last = &state->next;
}

void lua_policy_states_tell(struct control *control)
{
	while (first != NULL && control->lua != NULL) {
		struct state *state = first;
		first = state->next;
		if (first == NULL)
			last = &first;
		struct lua_policy *policy = control->lua;
		const double argument = state->up;
		policy->context->state = (struct lua_bytes){state->title, strlen(state->title)};
		lua_abi_use(policy->context);
		lua_batch_begin();
		failure_settle(control, lua_host_run(policy->host, policy->state_changed, &argument,
						     1, NULL));
		free(state);
	}
}
