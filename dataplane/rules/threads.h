/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Lua that runs where the rules run, in states that each lcore has for itself. The rules know
 * nothing of Lua: control/lua/threads.h is behind this.
 */
#ifndef SLUICE_DATAPLANE_RULES_THREADS_H
#define SLUICE_DATAPLANE_RULES_THREADS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <rte_mbuf.h>

#include "dataplane/rules/actions.h"

struct balance_list;

/* What an action returned. */
struct rule_thread_result {
	int action;
	const char *text; /* that came with it; good until the lcore's next call */
	size_t length;
};

/*
 * The states of all lcores. `select`, `act` and `choose` are called by any of them, each with its
 * number. Where the code fails there is no match, ServFail, and no server.
 */
struct rule_threads {
	bool (*select)(struct rule_threads *threads, uint16_t lcore, struct rte_mbuf *mbuf,
		       int reference);
	struct rule_thread_result (*act)(struct rule_threads *threads, uint16_t lcore,
					 struct rte_mbuf *mbuf, int reference);
	/* The place of the server in the list; its count or more: none. */
	uint32_t (*choose)(struct rule_threads *threads, uint16_t lcore, struct rte_mbuf *mbuf,
			   int reference, const struct balance_list *list);
	void (*free)(struct rule_threads *threads);
	uint32_t users; /* control lcore only: policies, and who makes them */
};

/* Gives up one use. NULL is fine. */
void rule_threads_release(struct rule_threads *threads);

/*
 * What runs has lost a note, such as a tag, for want of memory, and cannot say so: it is counted when it
 * returns.
 */
void rule_thread_lost(void);

/* Lua of the lcore's own may change the packet: what was found out about it counts no more. */
void rule_thread_forget(struct rte_mbuf *mbuf, struct rule_context *context);

/* Runs a selector; the packet may be another than before, and what was read of it is void. */
bool rule_thread_select(const struct policy *policy, struct rte_mbuf *mbuf, int reference,
			struct rule_context *context);

/* Runs an action and does with the packet what it returned. RULE_GO_ON: the chain continues. */
enum rule_verdict rule_thread_run(const struct policy *policy, const struct rule_action *action,
				  struct rte_mbuf *mbuf, struct rule_context *context);

#endif
