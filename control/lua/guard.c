/* SPDX-License-Identifier: BSD-2-Clause */
#include "control/lua/guard.h"

#include "control/lua/abi.h"

#ifdef SLUICE_GUARD

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE ((size_t)4096)
#define ARENA_SIZE (64u << 20) /* of addresses, for one Lua state */
#define GIVEN_MAX 2048u	       /* pieces that are remembered; a batch gives out fewer */

/* A piece that was given out, and the page behind it, which nobody can reach. */
struct given {
	uint8_t *start, *end;	   /* what there is to see */
	uint8_t *pages;		   /* from here to `end`, rounded up */
	const char *function;	   /* that gave it out */
	const char *over;	   /* why it is no longer good; NULL: it is */
	struct lua_question *hand; /* of a handle: whose */
	struct rte_mbuf *mbuf;	   /* of a view */
	struct lua_question question;
	bool view, open, writable;
};

struct lua_guard {
	uint8_t *base;
	size_t next;
	unsigned first, count; /* since the action began, and in all; indices modulo GIVEN_MAX */
	unsigned open;	       /* views */
	struct given given[GIVEN_MAX];
};

static struct sigaction before;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static struct given *given_at(struct lua_guard *guard, unsigned index)
{
	return &guard->given[index % GIVEN_MAX];
}

static size_t pages_of(const struct given *given)
{
	return RTE_ALIGN((size_t)(given->end - given->pages), PAGE);
}

/* ---- views ---- */

/* Where the packet of a view is now; does not look at views itself. */
static struct rte_mbuf *view_mbuf(const struct given *given)
{
	const struct lua_context *context = lua_abi_context();
	return context->lone ? given->mbuf : async_tag_mbuf(context->async, given->question.tag);
}

static void view_open(struct lua_guard *guard, struct given *given, struct rte_mbuf *mbuf)
{
	mprotect(given->pages, pages_of(given), PROT_READ | PROT_WRITE);
	memcpy(given->start, packet_dns(mbuf), packet_of(mbuf)->dns_length);
	given->open = true;
	guard->open++;
}

static void view_close(struct lua_guard *guard, struct given *given)
{
	struct rte_mbuf *mbuf = view_mbuf(given);
	if (mbuf != NULL && mbuf == given->mbuf && given->writable)
		memcpy(packet_dns(mbuf), given->start, packet_of(mbuf)->dns_length);
	mprotect(given->pages, pages_of(given), PROT_NONE);
	given->open = false;
	guard->open--;
}

void lua_guard_sync(void)
{
	struct lua_guard *guard = lua_abi_context()->guard;
	if (guard == NULL || guard->open == 0)
		return;
	for (unsigned i = guard->first; i != guard->count; i++)
		if (given_at(guard, i)->open)
			view_close(guard, given_at(guard, i));
}

/* ---- faults ---- */

static void say(const char *text)
{
	ssize_t written = write(STDERR_FILENO, text, strlen(text));
	(void)written;
}

static _Noreturn void fail(const struct given *given)
{
	static __thread bool failing;
	const struct lua_context *context = lua_abi_context();
	const char *how = given == NULL		? "and no longer does"
			  : given->over != NULL ? given->over
						: "past its end";
	char where[2048] = "";
	sigset_t all;
	sigfillset(&all);
	sigdelset(&all, SIGSEGV);
	pthread_sigmask(SIG_SETMASK, &all, NULL);
	if (failing)
		abort();
	failing = true;
	say("sluice: the policy used what ");
	say(given != NULL ? given->function : "dnsdist's FFI");
	say(" gave it ");
	say(how);
	say("\n");
	if (context->hooks != NULL && context->hooks->where != NULL)
		context->hooks->where(context->hooks_ctx, where, sizeof(where));
	say(where);
	say("\n");
	abort();
}

static struct given *given_find(struct lua_guard *guard, const uint8_t *at)
{
	unsigned known = RTE_MIN(guard->count, GIVEN_MAX);
	for (unsigned i = 0; i < known; i++) {
		struct given *given = given_at(guard, guard->count - 1 - i);
		if (at >= given->pages && at < given->pages + pages_of(given) + PAGE)
			return given;
	}
	return NULL;
}

/* Any other fault goes where it would have gone. */
static void fault(int number, siginfo_t *info, void *ucontext)
{
	const struct lua_context *context = lua_abi_context();
	struct lua_guard *guard = context != NULL ? context->guard : NULL;
	const uint8_t *at = info->si_addr;
	(void)number;
	(void)ucontext;
	if (guard == NULL || at < guard->base || at >= guard->base + ARENA_SIZE) {
		sigaction(SIGSEGV, &before, NULL);
		return;
	}
	struct given *given = given_find(guard, at);
	struct rte_mbuf *mbuf = NULL;
	if (given != NULL && given->over == NULL && given->view && !given->open && at < given->end)
		mbuf = view_mbuf(given);
	if (mbuf == NULL)
		fail(given);
	view_open(guard, given, mbuf);
}

static void faults_take(void)
{
	struct sigaction action = {.sa_sigaction = fault, .sa_flags = SA_SIGINFO | SA_NODEFER};
	sigaction(SIGSEGV, &action, &before);
}

/* ---- giving out ---- */

static struct lua_guard *guard_of(struct lua_context *context)
{
	struct lua_guard *guard = context->guard;
	if (guard != NULL)
		return guard;
	pthread_once(&once, faults_take);
	guard = calloc(1, sizeof(*guard));
	if (guard == NULL)
		return NULL;
	guard->base = mmap(NULL, ARENA_SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
			   -1, 0);
	if (guard->base == MAP_FAILED) {
		free(guard);
		return NULL;
	}
	return context->guard = guard;
}

/* Room for `length` bytes at the end of pages, or NULL: then what was given out is not watched. */
static struct given *give(const struct lua_question *question, size_t length, const char *function)
{
	struct lua_guard *guard = guard_of(lua_abi_context());
	size_t size = RTE_ALIGN(length + !length, PAGE);
	if (guard == NULL || size > ARENA_SIZE / 4 || guard->count - guard->first >= GIVEN_MAX)
		return NULL;
	if (guard->next + size + PAGE > ARENA_SIZE)
		guard->next = 0;
	uint8_t *pages = guard->base + guard->next;
	guard->next += size + PAGE;
	struct given *given = given_at(guard, guard->count++);
	*given = (struct given){.start = pages + size - length,
				.end = pages + size,
				.pages = pages,
				.function = function};
	if (question != NULL)
		given->question = *question;
	return given;
}

const void *lua_guard_copy(const struct lua_question *question, const void *bytes, size_t length,
			   const char *function)
{
	struct given *given = bytes != NULL ? give(question, length, function) : NULL;
	if (given == NULL)
		return bytes;
	mprotect(given->pages, pages_of(given), PROT_READ | PROT_WRITE);
	memcpy(given->start, bytes, length);
	return given->start;
}

static struct given *view_of(const struct lua_question *question, struct rte_mbuf *mbuf)
{
	struct lua_guard *guard = lua_abi_context()->guard;
	for (unsigned i = guard != NULL ? guard->first : 0; guard != NULL && i != guard->count;
	     i++) {
		struct given *given = given_at(guard, i);
		if (given->view && given->over == NULL && given->mbuf == mbuf &&
		    given->question.tag == question->tag)
			return given;
	}
	return NULL;
}

void *lua_guard_view(const struct lua_question *question, const void *at, const char *function)
{
	struct rte_mbuf *mbuf = sluice_question_find(question);
	if (mbuf == NULL || at == NULL)
		return (void *)(uintptr_t)at;
	size_t offset = (size_t)((const uint8_t *)at - packet_dns(mbuf));
	struct given *given = view_of(question, mbuf);
	if (given == NULL)
		given = give(question, RTE_ALIGN(packet_dns_capacity(mbuf), PAGE), function);
	if (given == NULL)
		return (void *)(uintptr_t)at;
	given->view = true;
	given->mbuf = mbuf;
	given->writable = lua_question_editable(question) != NULL;
	return given->start + offset;
}

struct lua_question *lua_guard_hand(struct lua_question *question)
{
	const void *copy = lua_guard_copy(question, question, sizeof(*question), "its caller");
	struct lua_guard *guard = lua_abi_context()->guard;
	if (copy != question)
		given_at(guard, guard->count - 1)->hand = question;
	return (struct lua_question *)(uintptr_t)copy;
}

bool lua_guard_handed(const struct lua_question *question)
{
	const struct lua_guard *guard = lua_abi_context()->guard;
	const uint8_t *at = (const uint8_t *)question;
	return guard != NULL && at >= guard->base && at < guard->base + ARENA_SIZE;
}

/* ---- taking away ---- */

static void take(struct lua_guard *guard, struct given *given, const char *why)
{
	if (given->over != NULL)
		return;
	if (given->open)
		view_close(guard, given);
	if (given->hand != NULL && given->hand->text == NULL) {
		const struct lua_question *copy = (const void *)given->start;
		given->hand->text = copy->text;
		given->hand->text_length = copy->text_length;
	}
	mprotect(given->pages, pages_of(given), PROT_NONE);
	madvise(given->pages, pages_of(given), MADV_DONTNEED);
	given->over = why;
}

void lua_guard_end(void)
{
	struct lua_guard *guard = lua_abi_context()->guard;
	if (guard == NULL)
		return;
	for (; guard->first != guard->count; guard->first++)
		take(guard, given_at(guard, guard->first), "after its action had returned");
}

void lua_guard_suspended(const struct lua_question *question)
{
	struct lua_guard *guard = lua_abi_context()->guard;
	for (unsigned i = guard != NULL ? guard->first : 0; guard != NULL && i != guard->count;
	     i++) {
		struct given *given = given_at(guard, i);
		if (given->hand == NULL && given->question.tag == question->tag)
			take(guard, given, "after its packet had been suspended");
	}
}

void lua_guard_moved(const struct rte_mbuf *mbuf)
{
	struct lua_guard *guard = lua_abi_context()->guard;
	for (unsigned i = guard != NULL ? guard->first : 0; guard != NULL && i != guard->count;
	     i++) {
		struct given *given = given_at(guard, i);
		if (given->view && given->mbuf == mbuf)
			take(guard, given, "after an edit had moved the packet");
	}
}

void lua_guard_free(struct lua_guard *guard)
{
	if (guard == NULL)
		return;
	munmap(guard->base, ARENA_SIZE);
	free(guard);
}

#endif

/* ---- for Lua ---- */

bool sluice_guarded(void)
{
#ifdef SLUICE_GUARD
	return true;
#else
	return false;
#endif
}

struct lua_question *sluice_guard_question(struct lua_question *question)
{
	return lua_guard_hand(question);
}

const struct lua_datagram *sluice_guard_datagram(const struct lua_datagram *datagram)
{
	return lua_guard_copy(NULL, datagram, sizeof(*datagram), "its caller");
}

const struct balance_list *sluice_guard_servers(const struct balance_list *list)
{
	return lua_guard_copy(NULL, list, sizeof(*list), "its caller");
}
