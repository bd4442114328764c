/* SPDX-License-Identifier: BSD-2-Clause */
/* Calls into a policy: batches of actions and of datagrams, selectors, the console. */
#include "control/lua/policy.h"

#include <stdlib.h>
#include <string.h>

#include "control/socket/listener.h"
#include "control/lua/host.h"
#include "control/lua/listeners.h"
#include "control/publish.h"

#define DATAGRAM_ROOM (LISTENER_DATAGRAM_MAX + 1u)
#define FROM_ROOM 128u /* sun_path and a NUL */

static_assert(CONTROL_BATCH <= LUA_BATCH, "a batch of the control lcore fits");
static_assert(LISTENER_BATCH <= LUA_BATCH, "and so does what a listener reads at once");

static enum lua_result call_range(const struct lua_policy *policy, int function, unsigned first,
				  unsigned count)
{
	const double arguments[] = {first, count - first};
	return lua_host_run(policy->host, function, arguments, 2, NULL);
}

static void failure_tell(const struct lua_policy *policy)
{
	sluice_error(lua_host_message(policy->host), 0);
}

/* ---- actions ---- */

struct lua_question *lua_policy_batch(struct control *control)
{
	lua_abi_use(control->lua->context);
	lua_batch_begin();
	return control->lua->context->batch.items;
}

static unsigned batch_run(struct control *control, int function, unsigned count)
{
	struct lua_policy *policy = control->lua;
	struct lua_batch *batch = &policy->context->batch;
	unsigned first = 0;
	batch->count = count;
	while (first < count) {
		batch->progress = first;
		enum lua_result result = call_range(policy, function, first, count);
		if (result == LUA_RESULT_OK)
			break;
		/* The item that Lua was at when it was stopped, or ran out of memory. */
		unsigned culprit = batch->progress < count ? batch->progress : count - 1;
		lua_question_fail(&batch->items[culprit]);
		first = culprit + 1;
		if (result == LUA_RESULT_RUNAWAY) {
			lua_policy_renew(control);
			lua_batch_settle(policy->context, count);
			return first;
		}
		failure_tell(policy);
	}
	lua_batch_settle(policy->context, count);
	return count;
}

unsigned lua_policy_run(struct control *control, unsigned count)
{
	return batch_run(control, control->lua->run, count);
}

unsigned lua_policy_choose(struct control *control, unsigned count)
{
	return batch_run(control, control->lua->choose, count);
}

bool lua_policy_select(void *ctx, struct rte_mbuf *mbuf, int reference, bool ffi)
{
	struct control *control = ctx;
	struct lua_policy *policy = control->lua;
	/* An earlier selector of this very chain did not end: the references are another file's. */
	if (packet_of(mbuf)->generation != policy_current()->generation)
		return false;
	struct lua_batch *batch = &policy->context->selector;
	lua_question_fill(&batch->items[0], mbuf, reference, ffi);
	batch->items[0].flags |= LUA_QUESTION_SELECTOR;
	batch->count = 1;
	batch->progress = 0;
	policy->selecting = true;
	/* Its texts end with it; those of actions that wait to be settled stay. */
	size_t texts = policy->context->texts_used;
	enum lua_result result = lua_host_run(policy->host, policy->select, NULL, 0, NULL);
	policy->context->texts_used = texts;
	policy->selecting = false;
	if (result == LUA_RESULT_RUNAWAY)
		lua_policy_renew(control);
	else if (result != LUA_RESULT_OK)
		failure_tell(policy);
	return result == LUA_RESULT_OK && batch->items[0].action == 1;
}

/* ---- datagrams ---- */

/* Copied out of the socket's buffers: a callback that is cut off loses only itself. */
static struct {
	struct lua_mailbox *mailbox;
	struct lua_listener_use use;
	char from[LISTENER_BATCH][FROM_ROOM];
	char *data;
} post;

static void datagram_take(void *ctx, const uint8_t *data, size_t length, const char *from,
			  size_t from_length)
{
	(void)ctx;
	if (post.mailbox->count == LISTENER_BATCH || from_length >= FROM_ROOM)
		return;
	unsigned i = post.mailbox->count++;
	char *copy = post.data + (size_t)i * DATAGRAM_ROOM;
	memcpy(copy, data, length);
	memcpy(post.from[i], from, from_length);
	post.from[i][from_length] = '\0';
	post.mailbox->items[i] = (struct lua_datagram){
		.data = copy,
		.from = post.from[i],
		.length = (uint32_t)length,
		.from_length = (uint32_t)from_length,
		.reference = post.use.reference,
		.endpoint_id = post.use.endpoint_id,
		.ffi = post.use.ffi,
	};
}

/* Calls the callbacks; false if one did not end and the policy was loaded anew. */
static bool deliver(struct control *control)
{
	struct lua_policy *policy = control->lua;
	struct lua_mailbox *mailbox = &policy->context->mailbox;
	unsigned first = 0;
	while (first < mailbox->count) {
		mailbox->progress = first;
		enum lua_result result = call_range(policy, policy->deliver, first, mailbox->count);
		if (result == LUA_RESULT_OK)
			return true;
		first = (mailbox->progress < mailbox->count ? mailbox->progress : first) + 1;
		if (result == LUA_RESULT_RUNAWAY) {
			mailbox->progress = first;
			lua_policy_renew(control);
			if (control->lua != policy)
				return false;
			continue;
		}
		failure_tell(policy);
	}
	return true;
}

static bool is_open(const struct lua_listener *wanted)
{
	struct lua_listener *listener = NULL;
	while ((listener = lua_listener_next(listener)) != NULL)
		if (listener == wanted)
			return true;
	return false;
}

/*
 * After the policy was loaded anew: what is left goes to the callback it now has for the same path.
 * The mailbox before stays readable to the end of the turn.
 */
static void mailbox_move(struct control *control, const struct lua_listener *listener)
{
	const struct lua_mailbox *left = post.mailbox;
	post.mailbox = &control->lua->context->mailbox;
	post.mailbox->count = 0;
	if (!is_open(listener) || lua_listener_use(listener) == NULL) {
		log_warning("%u datagrams were dropped: the policy no longer listens for them",
			    left->count - left->progress);
		return;
	}
	const struct lua_listener_use *use = lua_listener_use(listener);
	for (unsigned i = left->progress; i < left->count; i++) {
		struct lua_datagram datagram = left->items[i];
		datagram.reference = use->reference;
		datagram.endpoint_id = use->endpoint_id;
		datagram.ffi = use->ffi;
		post.mailbox->items[post.mailbox->count++] = datagram;
	}
}

static uint32_t receive(struct control *control, struct lua_listener *listener)
{
	const struct lua_listener_use *use = lua_listener_use(listener);
	if (use == NULL)
		return 0;
	post.mailbox = &control->lua->context->mailbox;
	post.use = *use;
	post.mailbox->count = 0;
	uint32_t read = listener_receive(lua_listener_socket(listener), LISTENER_BATCH,
					 datagram_take, NULL);
	if (post.mailbox->count == 0)
		return read;
	lua_abi_use(control->lua->context);
	lua_batch_begin();
	while (!deliver(control))
		mailbox_move(control, listener);
	return read;
}

unsigned lua_policy_receive(struct control *control)
{
	unsigned total = 0;
	if (post.data == NULL)
		post.data = malloc((size_t)LISTENER_BATCH * DATAGRAM_ROOM);
	if (control->lua == NULL || post.data == NULL)
		return 0;
	struct lua_policy *policy = control->lua;
	struct lua_listener *listener = NULL;
	while ((listener = lua_listener_next(listener)) != NULL) {
		total += receive(control, listener);
		if (control->lua != policy) /* the list may be another one: the rest next turn */
			break;
	}
	return total;
}

/* ---- the console, and texts for people ---- */

/* Calls a function that reads `text` and writes to `out`; its result is not 0 for an error. */
static int text_run(struct control *control, int function, const double *arguments, unsigned count,
		    const struct lua_console *console)
{
	struct lua_policy *policy = control->lua;
	double failed = 0;
	lua_abi_use(policy->context);
	lua_batch_begin();
	policy->context->console = *console;
	enum lua_result result = lua_host_run(policy->host, function, arguments, count, &failed);
	policy->context->console = (struct lua_console){0};
	if (result == LUA_RESULT_OK)
		return failed != 0 ? -1 : 0;
	fprintf(console->out, "%s\n", lua_host_message(policy->host));
	if (result == LUA_RESULT_RUNAWAY)
		lua_policy_renew(control);
	return -1;
}

int lua_policy_console(struct control *control, const char *text, size_t length, FILE *out)
{
	const struct lua_console console = {text, length, out};
	return text_run(control, control->lua->console, NULL, 0, &console);
}

void lua_policy_describe_rule(struct control *control, unsigned chain, size_t index, FILE *out)
{
	const double arguments[] = {chain, (double)index};
	text_run(control, control->lua->describe_rule, arguments, 2,
		 &(struct lua_console){.out = out});
}

void lua_policy_describe_type(struct control *control, uint16_t type, FILE *out)
{
	const double arguments[] = {type};
	text_run(control, control->lua->describe_type, arguments, 1,
		 &(struct lua_console){.out = out});
}

bool lua_policy_web(struct control *control, struct lua_web *web)
{
	struct lua_context *context = control->lua->context;
	web->status = 500; /* unless it says something else */
	context->web = web;
	bool answered = lua_policy_call(control, control->lua->web);
	context->web = NULL; /* a policy that was thrown away over it is there up to the end of the turn */
	/* A policy that could not be loaded anew is still there, with what its settings were. */
	web->metrics_open = web->body == NULL && !control->lua->context->metrics_closed;
	return answered;
}
