/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What Lua reaches in C, and how the control lcore hands it work. One context per policy file; the
 * one in use is set with lua_abi_use(), around loading a file as around running it. All functions
 * of lua/cdef.h work on that one. They are found by name: the program must export them.
 *
 * Code that lcores run themselves (lua/threads.h) has contexts of its own, one a state. Which
 * context is in use is each thread's own affair. Such a context has one packet at a time, as the
 * question selector.items[0], and no registry, sockets or model.
 *
 * Running a batch: lua_question_fill() each item of context->batch, set batch.count, call the Lua
 * function run(first, count) of lua/boot.lua, then lua_batch_settle(), read action, text and
 * suspended of each item and go on with its mbuf (which an edit may have swapped). When the call is
 * cut short, the item at batch.progress is the culprit: lua_question_fail() it and run again from
 * the next.
 */
#ifndef SLUICE_CONTROL_LUA_ABI_H
#define SLUICE_CONTROL_LUA_ABI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "control/async/async.h"
#include "control/socket/endpoint.h"
#include "control/log/log.h"
#include "control/policy/build.h"
#include "dataplane/packet.h"
#include "dataplane/serve/balance.h"

/* LuaJIT finds these by their names in the executable; nothing else is seen from outside of it. */
#pragma GCC visibility push(default)
#include "control/lua/cdef.h"
#include "control/lua/cdef_policy.h"
#include "control/lua/cdef_recent.h"
#include "control/lua/cdef_export.h"
#include "control/lua/cdef_dnsdist.h"
#include "control/lua/cdef_dnsdist_control.h"
#include "control/lua/cdef_thread.h"
#pragma GCC visibility pop

#define LUA_BATCH 64u /* items in a batch, datagrams in a mailbox */
#define LUA_LISTEN_ERROR_SIZE 256u
#define LUA_COUNTED_LCORES 64u /* there are no more workers */
#define LUA_WEB_HEADERS 32u /* of an answer of the web server */

enum lua_question_flag {
	LUA_QUESTION_RESPONSE = 1,
	LUA_QUESTION_FETCHED = 2,  /* of an AsynchronousObject: may be edited while suspended */
	LUA_QUESTION_FFI = 4,	   /* the function takes the pointer itself */
	LUA_QUESTION_AGAIN = 16,   /* had been suspended before and went on at its next rule */
	LUA_QUESTION_SELECTOR = 8, /* action becomes 1 if the function returned true, else 0 */
	LUA_QUESTION_POLICY = 32,  /* action becomes a server's number, -1 for none */
	LUA_QUESTION_CONTINUES = 64, /* its chain goes on, whatever the action returned */
};

/* What the control lcore does for Lua. Any may be NULL. */
struct lua_abi_hooks {
	/*
	 * The packet needs `need` bytes for its message: move it to a larger buffer, tell
	 * async_set_mbuf() and return it. NULL: impossible, and nothing has changed.
	 */
	struct rte_mbuf *(*grow)(void *ctx, struct rte_mbuf *mbuf, size_t need);
	/*
	 * Listen on a path and hand datagrams to `reference`. False, and a sentence in `error`. At
	 * load the old policy may hold the same path: bind when the new one takes over.
	 */
	bool (*listen)(void *ctx, const char *path, size_t length, uint16_t endpoint_id,
		       int32_t reference, bool ffi, char *error, size_t error_size);
	/* The rules were edited outside of loading: compile and publish. */
	void (*changed)(void *ctx);
	uint64_t (*now)(void *ctx);	   /* milliseconds, monotonic; NULL: context->now */
	uint64_t (*elapsed_us)(void *ctx, uint64_t arrival); /* since this TSC */
	/* Servers: what all workers counted, what checks found, how they are watched from now on. */
	void (*server_totals)(void *ctx, uint16_t number, struct backend_stats *sum);
	struct health_status (*server_status)(void *ctx, uint16_t number);
	void (*server_health)(void *ctx, struct backend *backend,
			      const struct health_options *options);
	void (*server_state)(void *ctx, uint16_t number, bool up);
	/* Writes what is known of connections over TCP, for people; returns how much. */
	size_t (*tcp_show)(void *ctx, char *text, size_t size);
	/* Has all of them written to the log. */
	void (*tcp_dump)(void *ctx);
	/* What a policy is to choose from for this packet: all but its `balance`. */
	void (*choice)(void *ctx, struct rte_mbuf *mbuf, struct balance_list *list);
	void (*metrics)(void *ctx, FILE *out);
	/* The rings of the policy in force, NULL: there are none. */
	const struct recent *(*recent)(void *ctx);
	/* The lines of the policy that Lua is in, when the process ends over them. */
	void (*where)(void *ctx, char *text, size_t size);
	/* Looks a host up for a function of the driver: as lua_errand_lookup(). */
	int (*lookup)(void *ctx, const char *host, int32_t reference);
	/* Sends a text over TCP: as lua_errand_send(). */
	int (*send)(void *ctx, const struct lua_address *to, uint32_t sender, const char *text,
		    size_t length);
	/* Where packets to a server of this family leave from: 0, or -EINVAL and why in `error`. */
	int (*source)(void *ctx, const char *text, bool ipv6, struct net_source *source,
		      char *error, size_t error_size);
};

/* A request to the web server and its answer, which the caller frees with lua_web_free(). */
struct lua_web {
	struct lua_web_request request;
	uint32_t status; /* 0: not Lua's to answer */
	bool metrics_open; /* there was no answer, and the metrics are for everybody */
	char *body;
	size_t length;
	unsigned n_headers;
	char *headers[LUA_WEB_HEADERS][2];
};
void lua_web_free(struct lua_web *web);

/* A line that the console runs, and where its output goes. */
struct lua_console {
	const char *text; /* NULL: nothing runs */
	size_t length;
	FILE *out;
};

struct block_set;
struct net_port;
struct exporter;
struct exporter_uses;
struct feed;
struct feeds;
struct lua_feed;
struct lua_endpoint; /* an endpoint in use by this policy */
struct lua_codes;    /* what lcores run themselves */
struct lua_names;    /* a set of names that its Lua holds */
struct lua_cache_found;
struct lua_guard;
/* How far queries have been read that are counted by name. */
struct lua_counted {
	const struct recent *recent; /* the rings that this is of */
	uint64_t serial;	     /* theirs */
	uint64_t next[LUA_COUNTED_LCORES]; /* by lcore: the number of the next one */
	uint64_t lost;
};

struct lua_recents; /* what it looks at of late queries and responses */

struct lua_context {
	/* Set by the caller, before lua_abi_use(). */
	struct async *async;
	struct endpoint_set *endpoints;
	struct feeds *feeds; /* NULL: there are none */
	struct block_set *blocks; /* NULL: there are none */
	struct log_writer *log_writer; /* NULL: no file is opened */
	struct exporter *exporter; /* NULL: nobody is told anything */
	struct exporter_uses *exports; /* what the policy uses of it */
	const struct rule_context *rules; /* of the control lcore, for what Lua exports; or NULL */
	bool feeds_block;    /* a list that is opened is read at once */
	struct policy_registry *registry;
	struct policy_model *model; /* the one that policy functions edit; may be NULL at runtime */
	uint32_t send_queue;	    /* datagrams an endpoint holds back */
	bool loading;		    /* the policy file is being read */
	bool closing;		    /* its state ends, and its model with it */
	uint32_t changes;	    /* of the policy, so far */
	uint64_t tsc_hz;	    /* 0: not known, nothing will run */
	const struct net_port *ports; /* NULL: of no client it is known whether it is on a link */
	bool checking;		    /* and nothing else will happen */
	uint64_t now;		    /* milliseconds, monotonic: set once a turn */
	bool lone; /* of an lcore's own Lua: what is above stays NULL, but for the registry */
	volatile uint32_t *progress; /* grows with every item begun: lua_host_progress(); or NULL */
	struct balance *balance; /* of this lcore; NULL: server policies find no server */
	struct backend_stats *latencies; /* that it goes by, filled in before it is asked; or NULL */
	const struct lua_abi_hooks *hooks;
	void *hooks_ctx;

	/* Read by the caller. */
	uint64_t errors;	  /* Lua errors in actions, selectors and callbacks */
	uint64_t listener_errors; /* of these, in callbacks */
	bool metrics_closed;	  /* the web server's, for who may not ask: sluice_web_metrics_open() */
	bool feeds_wait;	  /* some list has not been read yet */
	struct lua_batch batch;
	struct lua_batch selector; /* one item */
	double answer;		   /* of an lcore's own code */
	struct balance_list servers; /* that a server policy chooses from, while it runs */
	struct lua_mailbox mailbox;
	struct lua_check check; /* the question of a check, while its function runs */
	const struct lua_resolved *resolved; /* a host that was looked up, while its function runs */
	struct lua_web *web; /* a request to the web server, likewise */
	struct lua_bytes state; /* the server that went up or down, likewise */
	struct lua_console console; /* set by the caller while the console's function runs */

	/* Private. */
	struct lua_endpoint *list;
	struct lua_owned *owned;
	struct lua_feed *opened; /* lists */
	struct lua_codes *codes; /* for the lcores' own Lua: the policy's, which owns them */
	struct lua_recents *recents; /* likewise: */
	struct lua_counted counted;
	struct dnsdist_ffi_ring_entry_list_t *rings;
	struct lua_names *names; /* a state that is thrown away runs no finalizers */
	struct log_limit error_limit;
	uint64_t about; /* async_tag() of the packet that datagrams are about; 0: none */
	uint64_t failed_tag; /* a send failed before its packet was suspended */
	enum async_fate failed_fate;
	char *texts; /* the strings of this batch */
	size_t texts_used, texts_size;
	char error[LUA_LISTEN_ERROR_SIZE];
	char *metrics_text; /* the last that Lua asked for */
	struct lua_cache_found *found; /* in a packet cache, likewise */
	const char *reason;
	struct lua_guard *guard; /* of debug builds */
};

/* NULL without memory. Then set what is to be set. */
struct lua_context *lua_context_new(void);
/* Closes its endpoints and frees its sets: Lua runs no more. NULL has no effect. */
void lua_context_free(struct lua_context *context);

/* Says in the log what memory the policy's groups of dynamic blocks take. */
void lua_groups_say(const struct lua_context *context);

/* Forgets what a search in a packet cache found. */
void lua_cache_found_free(struct lua_context *context);

/* Makes it the one that Lua's calls mean. NULL: none; then nothing may be called. */
void lua_abi_use(struct lua_context *context);
/* How many pieces of code the policy has for the lcores' own Lua. */
unsigned lua_abi_codes(const struct lua_context *context);
/* Those from this number on do not compile: what runs them fails from now on. */
void lua_codes_break(struct lua_context *context, unsigned from);
struct lua_context *lua_abi_context(void);

/* Makes the item a handle of a packet in hand; its packet->slot must be taken. */
void lua_question_fill(struct lua_question *question, struct rte_mbuf *mbuf, int reference,
		       bool ffi);
/* Forgets the texts of the last batch; call before filling the next. */
void lua_batch_begin(void);
/*
 * After the call: looks up what became of the first `count` packets. Only now, since an action can
 * hold on to the object of another packet of its batch, and suspend it or have its mbuf swapped.
 */
void lua_batch_settle(struct lua_context *context, unsigned count);

/*
 * An endpoint_failed_fn; its ctx is not used. Ends the packet that the datagram was about if the
 * policy in use said so with sluice.onSendFailure().
 */
void lua_abi_send_failed(void *ctx, struct endpoint *endpoint, uint64_t tag);

/* ---- for the files that implement this ---- */

/*
 * What policies got through dnsdist's FFI and may forget to free: one piece of memory each, which
 * begins with this. The context in use owns it.
 */
struct lua_owned {
	struct lua_owned *next, **link;
};
void *lua_owned_new(size_t size); /* zeroed; NULL without memory */
void lua_owned_free(void *made);  /* NULL has no effect */

const struct name_set *lua_names_set(const struct lua_names *names);
void lua_feeds_close_all(struct lua_context *context);
struct feed *lua_feed_of(const struct lua_feed *list);
void lua_codes_free_all(struct lua_context *context);
void lua_names_free_all(struct lua_context *context);
void lua_recents_free_all(struct lua_context *context);
void lua_rings_free_all(struct lua_context *context);

/* The packet of a handle that may be edited now; NULL with errno ESTALE or EROFS. */
struct rte_mbuf *lua_question_editable(const struct lua_question *question);

/* Makes room for a message of `need` bytes; the mbuf then is `*mbuf`. 0 or -ENOSPC. */
int lua_question_reserve(struct rte_mbuf **mbuf, size_t need);
/* Edits a message that has `capacity` bytes of room; returns its new length or -errno. */
typedef int lua_edit_fn(uint8_t *message, size_t length, size_t capacity,
			const struct query_state *query, const void *argument);
/* Runs an edit that needs at most `extra` more bytes than the message has. 0 or -errno. */
int lua_question_edit(const struct lua_question *question, size_t extra, lua_edit_fn *edit,
		      const void *argument);

/* Reads the question anew after the message has been replaced. */
void lua_question_refresh(struct rte_mbuf *mbuf);

/* Gives up what is kept for policies that ask ours. */
void lua_balance_forget(void);

/* The pool's number, -1 if the policy never spoke of it. */
long lua_pool_number(const char *pool, size_t length);

/* What holds for the query of the client's subnet. */
void lua_ecs_facts(const struct query_state *query, struct lua_facts *facts);

/* Gives back what a constructor of policy/build.h made; NULL: keeps errno for Lua to ask about. */
void *lua_policy_keep(void *made);

/* 0, -EINVAL or -ENOMEM. */
int lua_prefixes_add(struct prefix_list *list, const struct lua_prefix *prefixes, size_t count);

/* NULL for NULL. */
const struct dns_reply_options *lua_reply_options_read(const struct lua_reply_options *from,
						       struct dns_reply_options *to);
/* The names stay where they are. */
void lua_soa_read(const struct lua_soa *from, struct dns_reply_soa *to);

/* A copy of some bytes, with a NUL behind, until the next batch. NULL without memory. */
char *lua_text_copy(const char *text, size_t length);

/*
 * An int that Lua may index a table with. LuaJIT's machine code does so with the whole register that a
 * function's result comes in, and the upper half of that is anything (System V ABI, 3.2.3): when the
 * int was half of a struct, it is the other half.
 */
static inline int lua_abi_index(int value)
{
#ifdef __x86_64__
	__asm__("movl %0, %0" : "+r"(value));
#endif
	return value;
}

/* What a policy that goes used of the exporter; given back later, at the end to nobody (NULL). */
void lua_exports_leave(struct exporter_uses *uses);
void lua_exports_release(struct exporter *exporter);

#endif
