/* SPDX-License-Identifier: BSD-2-Clause */
#include "dataplane/rules/threads.h"

#include "dataplane/policy.h"
#include "dataplane/rules/answers.h"
#include "dataplane/rules/chain.h"
#include "dataplane/stats.h"

void rule_threads_release(struct rule_threads *threads)
{
	if (threads && --threads->users == 0)
		threads->free(threads);
}

static __thread uint32_t lost; /* notes, since they were counted */

void rule_thread_lost(void)
{
	lost++;
}

static void lost_count(struct rule_context *context)
{
	if (likely(lost == 0))
		return;
	stats_add(&context->stats->counter[STATS_RULE_UNNOTED], lost);
	lost = 0;
}

void rule_thread_forget(struct rte_mbuf *mbuf, struct rule_context *context)
{
	packet_of(mbuf)->built = false;
	rule_ahead_forget(&context->ahead, mbuf);
}

bool rule_thread_select(const struct policy *policy, struct rte_mbuf *mbuf, int reference,
			struct rule_context *context)
{
	struct rule_threads *threads = policy->threads;
	rule_thread_forget(mbuf, context);
	bool selected = threads && threads->select(threads, context->lcore, mbuf, reference);
	lost_count(context);
	return selected;
}

enum rule_verdict rule_thread_run(const struct policy *policy, const struct rule_action *action,
				  struct rte_mbuf *mbuf, struct rule_context *context)
{
	struct rule_threads *threads = policy->threads;
	bool query = rule_is_query(packet_of(mbuf));
	struct rule_thread_result result = {.action = query ? (int)RULE_RESULT_SERVFAIL
							    : (int)RULE_RESPONSE_RESULT_SERVFAIL};
	enum rule_verdict verdict;

	rule_thread_forget(mbuf, context);
	if (threads)
		result = threads->act(threads, context->lcore, mbuf, action->lua);
	lost_count(context);
	if (query)
		verdict = rule_result_apply(policy, mbuf, context, result.action, result.text,
					    result.length);
	else
		verdict = rule_response_result_apply(policy, mbuf, context, result.action,
						     result.text, result.length);
	/* Without room for its answer the rule is run again where there is some. */
	bool narrow = verdict == RULE_DROP && packet_of(mbuf)->drop_reason == DROP_REPLY_BUILD &&
		      mbuf->buf_len < PACKET_DATA_SIZE;
	return action->stop && !narrow ? RULE_GO_ON : verdict;
}
