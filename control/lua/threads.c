/* SPDX-License-Identifier: BSD-2-Clause */
#include "control/lua/threads.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lauxlib.h>

#include "control/lua/guard.h"
#include "control/lua/host.h"
#include "control/lua/modules.h"
#include "control/lua/declare.h"
#include "dataplane/clock.h"
#include "dataplane/rules/answers.h"

#define MESSAGE_SIZE 2048

/* Who may use the state. */
enum thread_state {
	THREAD_READY, /* its lcore */
	THREAD_LOST,  /* the control lcore: it is to be made anew */
	THREAD_GONE,  /* the control lcore, which could not */
};

struct lua_thread {
	/* Control writes, or whoever may use the state. */
	struct lua_host *host;
	struct lua_context *context;
	int *functions; /* by code; LUA_HOST_NO_FUNCTION: it did not compile */
	int recover;

	/* The lcore writes, control reads; `told` and `state` go back and forth. */
	uint64_t errors __rte_cache_aligned;
	uint32_t state; /* enum thread_state */
	uint32_t told;	/* 1: there is a message */
	char message[MESSAGE_SIZE];
} __rte_cache_aligned;

struct lua_threads {
	struct rule_threads rules; /* first: what the rules know of it */
	struct lua_threads *next;
	struct lua_threads_options options;
	unsigned n_codes;
	struct lua_thread threads[];
};

static struct lua_threads *alive;
static uint64_t errors_before, errors_said;
static struct log_limit said_limit;

uint64_t lua_threads_errors(void)
{
	uint64_t sum = errors_before;
	for (const struct lua_threads *made = alive; made != NULL; made = made->next)
		for (unsigned i = 0; i < made->options.lcores; i++)
			sum += __atomic_load_n(&made->threads[i].errors, __ATOMIC_RELAXED);
	return sum;
}

/* ---- on the lcore ---- */

static void error_count(struct lua_thread *thread)
{
	__atomic_store_n(&thread->errors, thread->errors + 1, __ATOMIC_RELAXED);
}

/* Nothing is written from here: a log that is slow would hold up the packets. */
static __attribute__((cold, noinline)) void
call_failed(const struct lua_threads *threads, struct lua_thread *thread, enum lua_result result)
{
	error_count(thread);
	if (result == LUA_RESULT_RUNAWAY) {
		__atomic_store_n(&thread->state, THREAD_LOST, __ATOMIC_RELEASE);
	} else {
		if (__atomic_load_n(&thread->told, __ATOMIC_ACQUIRE) == 0) {
			snprintf(thread->message, sizeof(thread->message), "%s",
				 lua_host_message(thread->host));
			__atomic_store_n(&thread->told, 1, __ATOMIC_RELEASE);
		}
		result = lua_host_run(thread->host, thread->recover, NULL, 0, NULL);
		if (result == LUA_RESULT_RUNAWAY)
			__atomic_store_n(&thread->state, THREAD_LOST, __ATOMIC_RELEASE);
	}
	if (threads->options.wake != NULL)
		threads->options.wake(threads->options.wake_ctx);
}

struct lua_thread_answer {
	double number; /* an action, the place of a server, 1 for a match */
	const char *text; /* NULL: none; good until the next call */
	size_t length;
};

static void item_set(struct lua_question *item, struct rte_mbuf *mbuf)
{
	bool query = rule_is_query(packet_of(mbuf));
	*item = (struct lua_question){
		.mbuf = mbuf,
		.flags = (uint16_t)(LUA_QUESTION_FFI | (query ? 0 : LUA_QUESTION_RESPONSE)),
	};
}

/*
 * `list` is NULL but for a server policy. The control lcore has a context in use already: it goes on
 * with that.
 */
static bool call(struct lua_threads *threads, uint16_t lcore, struct rte_mbuf *mbuf, int reference,
		 const struct balance_list *list, struct lua_thread_answer *answer)
{
	if (unlikely(lcore >= threads->options.lcores))
		return false;
	struct lua_thread *thread = &threads->threads[lcore];
	if (unlikely(__atomic_load_n(&thread->state, __ATOMIC_ACQUIRE) != THREAD_READY ||
		     (unsigned)reference >= threads->n_codes ||
		     thread->functions[reference] == LUA_HOST_NO_FUNCTION)) {
		error_count(thread);
		return false;
	}
	struct lua_context *before = lua_abi_context();
	struct lua_question *item = &thread->context->selector.items[0];
	item_set(item, mbuf);
	if (list != NULL)
		thread->context->servers = *list;
	thread->context->texts_used = 0;
	lua_abi_use(thread->context);
	enum lua_result result = lua_host_call(thread->host, thread->functions[reference]);
	lua_guard_end();
	lua_abi_use(before);
	item->mbuf = NULL;
	if (unlikely(result != LUA_RESULT_OK)) {
		call_failed(threads, thread, result);
		return false;
	}
	*answer = (struct lua_thread_answer){
		.number = thread->context->answer,
		.text = item->text, /* returned, or of dnsdist_ffi_dnsquestion_set_result() */
		.length = item->text_length,
	};
	return true;
}

static struct lua_threads *threads_of(struct rule_threads *rules)
{
	return (struct lua_threads *)(void *)rules;
}

static bool thread_select(struct rule_threads *rules, uint16_t lcore, struct rte_mbuf *mbuf,
			  int reference)
{
	struct lua_thread_answer answer;
	return call(threads_of(rules), lcore, mbuf, reference, NULL, &answer) && answer.number != 0;
}

static struct rule_thread_result thread_act(struct rule_threads *rules, uint16_t lcore,
					    struct rte_mbuf *mbuf, int reference)
{
	struct lua_thread_answer answer;
	if (!call(threads_of(rules), lcore, mbuf, reference, NULL, &answer))
		return (struct rule_thread_result){
			.action = rule_is_query(packet_of(mbuf)) ? RULE_RESULT_SERVFAIL
								 : RULE_RESPONSE_RESULT_SERVFAIL};
	bool known = answer.number >= 0 && answer.number <= UINT8_MAX;
	return (struct rule_thread_result){
		.action = known ? (int)answer.number : -1, /* ServFail */
		.text = answer.text,
		.length = answer.length,
	};
}

static uint32_t thread_choose(struct rule_threads *rules, uint16_t lcore, struct rte_mbuf *mbuf,
			      int reference, const struct balance_list *list)
{
	struct lua_thread_answer answer;
	if (!call(threads_of(rules), lcore, mbuf, reference, list, &answer))
		return UINT32_MAX;
	return answer.number >= 0 && answer.number < UINT32_MAX ? (uint32_t)answer.number
								: UINT32_MAX;
}

/* ---- making them ---- */

static uint64_t hook_elapsed_us(void *ctx, uint64_t arrival)
{
	const struct lua_context *context = ctx;
	if (context->tsc_hz == 0)
		return 0;
	return (uint64_t)((double)(clock_now() - arrival) * 1e6 / (double)context->tsc_hz);
}

static void hook_where(void *ctx, char *text, size_t size)
{
	const struct lua_context *context = ctx;
	struct lua_threads *made;
	for (made = alive; made != NULL; made = made->next)
		for (unsigned i = 0; i < made->options.lcores; i++)
			if (made->threads[i].context == context && made->threads[i].host != NULL)
				lua_host_where(made->threads[i].host, text, size);
}

static const struct lua_abi_hooks hooks = {.elapsed_us = hook_elapsed_us, .where = hook_where};

static void declarations_give(lua_State *lua, void *context)
{
	(void)context;
	lua_declare(lua, lua_thread_interface_text, lua_thread_interface_size);
}

static int codes_compile(struct lua_thread *thread, unsigned count, char *error, size_t size)
{
	int compile = lua_host_function(thread->host, "compile");
	thread->recover = lua_host_function(thread->host, "recover");
	for (unsigned i = 0; i < count; i++) {
		double index = i;
		char name[24];
		snprintf(name, sizeof(name), "run%u", i);
		if (lua_host_prepare(thread->host, compile, &index, 1, NULL) != LUA_RESULT_OK) {
			snprintf(error, size, "%s", lua_host_message(thread->host));
			return -1;
		}
		thread->functions[i] = lua_host_function(thread->host, name);
	}
	return 0;
}

/* Makes the state, or makes it anew. */
static int thread_build(const struct lua_threads *threads, struct lua_thread *thread,
			const struct lua_context *policy, char *error, size_t size)
{
	struct lua_host_config config = {
		.memory = threads->options.memory,
		.watchdog_ms = threads->options.watchdog_ms,
		.load_ms = threads->options.load_ms,
		.boot = "sluice.thread",
		.modules = lua_modules,
		.setup = declarations_give,
	};
	struct lua_context *before = lua_abi_context();
	int result = 0;
	thread->context->codes = policy->codes;
	lua_abi_use(thread->context);
	if (thread->host == NULL)
		result = (thread->host = lua_host_create(&config, error, size)) != NULL ? 0 : -1;
	else
		result = lua_host_rebuild(thread->host, error, size);
	if (result == 0)
		result = codes_compile(thread, threads->n_codes, error, size);
	thread->context->codes = NULL;
	lua_abi_use(before);
	return result;
}

static int thread_open(const struct lua_threads *threads, struct lua_thread *thread,
		       const struct lua_context *policy, char *error, size_t size)
{
	thread->context = lua_context_new();
	thread->functions = calloc(threads->n_codes, sizeof(*thread->functions));
	if (thread->context == NULL || thread->functions == NULL) {
		snprintf(error, size, "no memory for the Lua of the workers");
		return -1;
	}
	thread->context->lone = true;
	thread->context->registry = policy->registry;
	thread->context->tsc_hz = policy->tsc_hz;
	thread->context->ports = policy->ports;
	thread->context->hooks = &hooks;
	thread->context->hooks_ctx = thread->context;
	return thread_build(threads, thread, policy, error, size);
}

/* Its finalizers are Lua code. */
static void thread_close(struct lua_thread *thread)
{
	struct lua_context *before = lua_abi_context();
	errors_before += thread->errors;
	if (thread->context != NULL)
		lua_abi_use(thread->context);
	lua_host_destroy(thread->host);
	lua_abi_use(before);
	lua_context_free(thread->context);
	free(thread->functions);
}

static void threads_free(struct rule_threads *rules)
{
	struct lua_threads *threads = threads_of(rules);
	struct lua_threads **link = &alive;
	while (*link != threads)
		link = &(*link)->next;
	*link = threads->next;
	for (unsigned i = 0; i < threads->options.lcores; i++)
		thread_close(&threads->threads[i]);
	free(threads);
}

struct rule_threads *lua_threads_new(const struct lua_context *policy,
				     const struct lua_threads_options *options, char *error,
				     size_t size)
{
	size_t bytes = sizeof(struct lua_threads) + options->lcores * sizeof(struct lua_thread);
	bytes = RTE_ALIGN(bytes, RTE_CACHE_LINE_SIZE);
	struct lua_threads *threads = aligned_alloc(RTE_CACHE_LINE_SIZE, bytes);
	if (threads == NULL) {
		snprintf(error, size, "no memory for the Lua of the workers");
		return NULL;
	}
	memset(threads, 0, bytes);
	threads->rules = (struct rule_threads){
		thread_select, thread_act, thread_choose, threads_free, 1};
	threads->options = *options;
	threads->n_codes = lua_abi_codes(policy);
	threads->next = alive;
	alive = threads;
	for (unsigned i = 0; i < options->lcores; i++) {
		if (thread_open(threads, &threads->threads[i], policy, error, size) == 0)
			continue;
		rule_threads_release(&threads->rules);
		return NULL;
	}
	return &threads->rules;
}

/* ---- between turns ---- */

static void message_log(const char *message, uint64_t now)
{
	uint64_t held, errors = lua_threads_errors();
	if (!log_limit_pass(&said_limit, now, &held))
		return;
	uint64_t more = errors - errors_said;
	errors_said = errors;
	if (more > 1)
		log_error("Lua error: %s (%llu more were not logged)", message,
			  (unsigned long long)(more - 1));
	else
		log_error("Lua error: %s", message);
}

static void thread_renew(const struct lua_threads *threads, unsigned lcore,
			 const struct lua_context *policy)
{
	struct lua_thread *thread = (struct lua_thread *)(uintptr_t)&threads->threads[lcore];
	char error[MESSAGE_SIZE];
	log_error("the Lua of lcore %u is made anew, since lua.watchdog or lua.memory was used up: "
		  "%s",
		  lcore, lua_host_message(thread->host));
	bool made = thread_build(threads, thread, policy, error, sizeof(error)) == 0;
	if (!made)
		log_error("the Lua of lcore %u cannot be made anew, its actions answer SERVFAIL; "
			  "mend "
			  "the policy and send SIGHUP: %s",
			  lcore, error);
	__atomic_store_n(&thread->state, made ? THREAD_READY : THREAD_GONE, __ATOMIC_RELEASE);
}

void lua_threads_turn(struct rule_threads *rules, const struct lua_context *policy, uint64_t now)
{
	struct lua_threads *threads = threads_of(rules);
	if (threads == NULL)
		return;
	for (unsigned i = 0; i < threads->options.lcores; i++) {
		struct lua_thread *thread = &threads->threads[i];
		if (__atomic_load_n(&thread->told, __ATOMIC_ACQUIRE) != 0) {
			message_log(thread->message, now);
			__atomic_store_n(&thread->told, 0, __ATOMIC_RELEASE);
		}
		if (__atomic_load_n(&thread->state, __ATOMIC_ACQUIRE) == THREAD_LOST)
			thread_renew(threads, i, policy);
	}
}
