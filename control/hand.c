/* SPDX-License-Identifier: BSD-2-Clause */
#include "control/hand.h"

#include <inttypes.h>

#include "control/log/log.h"
#include "control/lua/policy.h"
#include "control/publish.h"
#include "dataplane/clock.h"
#include "dataplane/dns/message.h"
#include "dataplane/dns/reply.h"

#define EXPIRY_LATE_MS 2u /* what is later is counted */
#define TURN_LONG_MS 4u	  /* of one turn's packets: verdicts and timers wait meanwhile */

/* Packets whose next step is Lua, in the order in which they came, and what of it. */
struct pending {
	unsigned count;
	struct rte_mbuf *mbufs[CONTROL_BATCH];
	struct rule_lua luas[CONTROL_BATCH];
};

static void pending_add(struct pending *pending, struct rte_mbuf *mbuf, struct rule_lua lua)
{
	pending->mbufs[pending->count] = mbuf;
	pending->luas[pending->count++] = lua;
}

static bool is_query(const struct packet *packet)
{
	return packet->chain == CHAIN_QUERY || packet->chain == CHAIN_CACHE_MISS;
}

/* ---- back to the worker ---- */

static void backlog_push(struct control_backlog *backlog, struct rte_mbuf *mbuf)
{
	packet_of(mbuf)->link = NULL;
	if (backlog->head == NULL)
		backlog->head = mbuf;
	else
		packet_of(backlog->tail)->link = mbuf;
	backlog->tail = mbuf;
}

/* As many as there is room for; the links are read before the packets are the worker's. */
static bool backlog_send(struct control_backlog *backlog, struct rte_ring *inbox)
{
	unsigned count, sent, total = 0;
	do {
		void *mbufs[CONTROL_BATCH];
		struct rte_mbuf *next = backlog->head;
		for (count = 0; next != NULL && count < CONTROL_BATCH; count++) {
			mbufs[count] = next;
			next = packet_of(next)->link;
		}
		sent = rte_ring_enqueue_burst(inbox, mbufs, count, NULL);
		backlog->head = sent < count ? mbufs[sent] : next;
		total += sent;
	} while (backlog->head != NULL && sent == count);
	return total != 0;
}

unsigned hand_flush(struct control *control)
{
	unsigned waiting = 0;
	for (unsigned w = 0; w < control->dataplane->n_workers; w++) {
		struct control_backlog *backlog = &control->backlog[w];
		if (backlog->head == NULL)
			continue;
		if (backlog_send(backlog, workers[w].handoff.inbox))
			waker_wake(&workers[w].handoff.worker_waker);
		waiting += backlog->head != NULL;
	}
	return waiting;
}

void hand_probe(struct control *control, unsigned worker, struct rte_mbuf *mbuf)
{
	packet_of(mbuf)->kind = PACKET_PROBE;
	backlog_push(&control->backlog[worker], mbuf);
}

/* The packet leaves; hand_flush() carries it out at the end of the turn. */
static void leave(struct control *control, struct rte_mbuf *mbuf, enum packet_next next)
{
	struct packet *packet = packet_of(mbuf);
	packet->next = (uint8_t)next;
	async_release(control->async, packet->slot);
	backlog_push(&control->backlog[packet->worker], mbuf);
}

/*
 * Whether Lua chooses the server of an unanswered query that goes on from here: not before the cache,
 * which a worker looks into.
 */
static bool is_to_be_chosen(const struct packet *packet)
{
	const struct policy *policy = policy_current();
	const struct query_state *query = &packet->query;
	if (policy_method(policy, query->pool) != BALANCE_LUA ||
	    (query->flags & QUERY_CACHE_ONLY) != 0)
		return false;
	return packet->chain == CHAIN_CACHE_MISS || policy->pools[query->pool].cache == NULL ||
	       (query->flags & QUERY_SKIP_CACHE) != 0;
}

static void leave_dropped(struct control *control, struct rte_mbuf *mbuf, enum drop_reason reason)
{
	packet_of(mbuf)->drop_reason = (uint8_t)reason;
	leave(control, mbuf, PACKET_NEXT_DROP);
}

/* Past the end of its chain. */
static void leave_onward(struct control *control, struct rte_mbuf *mbuf)
{
	struct packet *packet = packet_of(mbuf);
	if (packet->chain == CHAIN_SELF_ANSWERED)
		leave(control, mbuf, PACKET_NEXT_SEND);
	else if (!is_query(packet))
		leave(control, mbuf, PACKET_NEXT_RESPOND);
	else if (packet_is_answered(mbuf))
		leave(control, mbuf, PACKET_NEXT_ANSWER);
	else if (is_to_be_chosen(packet))
		backlog_push(&control->choosing, mbuf);
	else
		leave(control, mbuf, PACKET_NEXT_FORWARD);
}

/* With a fate other than its policy's: the registry was full, or no verdict came. */
static void leave_by_fate(struct control *control, struct rte_mbuf *mbuf, enum async_fate fate,
			  enum drop_reason reason)
{
	struct packet *packet = packet_of(mbuf);
	if (fate == ASYNC_FATE_RESUME) {
		leave_onward(control, mbuf);
		return;
	}
	int length = -1;
	if (fate != ASYNC_FATE_DROP) {
		uint8_t rcode = fate == ASYNC_FATE_REFUSED ? DNS_RCODE_REFUSED : DNS_RCODE_SERVFAIL;
		length = dns_reply_rcode_set(packet_dns(mbuf), packet->dns_length,
					     packet_dns_capacity(mbuf), rcode, true,
					     DNS_EDNS_UDP_SIZE);
		reason = DROP_REPLY_BUILD;
	}
	if (length < 0) {
		leave_dropped(control, mbuf, reason);
		return;
	}
	packet_dns_resize(mbuf, (uint16_t)length);
	leave(control, mbuf, is_query(packet) ? PACKET_NEXT_ANSWER : PACKET_NEXT_SEND);
}

static enum async_fate overflow_fate(const struct control *control)
{
	return (enum async_fate)control->config->async.on_overflow;
}

/*
 * There is no slot or no ID for the packet. Where it is to go on, it does so as it would on its
 * worker with the ring full: at its next rule, or to a server that is not Lua's choice.
 */
static void leave_untaken(struct control *control, struct rte_mbuf *mbuf, enum drop_reason reason)
{
	stats_add(&control->stats.counter[STATS_OVERFLOW], 1);
	if (overflow_fate(control) != ASYNC_FATE_RESUME) {
		leave_by_fate(control, mbuf, overflow_fate(control), reason);
		return;
	}
	if (packet_of(mbuf)->next == PACKET_NEXT_CHOOSE) {
		leave(control, mbuf, PACKET_NEXT_CHOOSE);
		return;
	}
	packet_of(mbuf)->rule_cursor++;
	leave(control, mbuf, PACKET_NEXT_CHAIN);
}

/* ---- rules ---- */

/* Whether an answer found no room, and the packet is in a larger buffer now. */
static bool reply_widened(struct control *control, struct rte_mbuf **mbuf, enum rule_verdict verdict)
{
	if (likely(verdict != RULE_DROP || packet_of(*mbuf)->drop_reason != DROP_REPLY_BUILD))
		return false;
	struct rte_mbuf *large = parking_largest(&control->dataplane->parking, *mbuf);
	if (large == *mbuf)
		return false;
	*mbuf = large;
	async_set_mbuf(control->async, packet_of(large)->slot, large);
	return true;
}

/*
 * Runs the chain of the packet from a rule on. False: a selector in Lua was stopped and the policy
 * loaded anew, and the packet is on its way with SERVFAIL. So each time that costs one packet, and
 * looking at the rules again comes to an end.
 */
static bool chain_run(struct control *control, struct rte_mbuf **mbuf, uint16_t cursor,
		      enum rule_verdict *verdict)
{
	const struct policy *policy = policy_current();
	uint32_t generation = policy->generation;
	*verdict = rule_chain_run(policy, packet_of(*mbuf)->chain, *mbuf, cursor, &control->rules);
	while (policy_current()->generation == generation) {
		if (!reply_widened(control, mbuf, *verdict))
			return true;
		*verdict = rule_chain_again(policy, *mbuf, &control->rules);
	}
	leave_by_fate(control, *mbuf, ASYNC_FATE_SERVFAIL, DROP_REPLY_BUILD);
	return false;
}

static void verdict_apply(struct control *control, struct pending *pending, struct rte_mbuf *mbuf,
			  enum rule_verdict verdict)
{
	struct packet *packet = packet_of(mbuf);
	struct rule_lua lua;
	/* In a policy that was loaded anew meanwhile the next place may be another rule's. */
	bool same = packet->generation == policy_current()->generation;
	if (verdict == RULE_GO_ON) {
		if (!chain_run(control, &mbuf, same ? packet->rule_cursor + 1 : 0, &verdict))
			return;
		packet = packet_of(mbuf);
	}
	switch (verdict) {
	case RULE_LUA:
		if (rule_lua_ref(policy_current(), packet->chain, packet->rule_cursor, &lua))
			pending_add(pending, mbuf, lua);
		else
			leave_onward(control, mbuf);
		break;
	case RULE_DROP:
		leave_dropped(control, mbuf, packet->drop_reason);
		break;
	case RULE_ANSWER:
		leave(control, mbuf, PACKET_NEXT_ANSWER);
		break;
	default:
		leave_onward(control, mbuf);
	}
}

/*
 * A packet that is left alone from here on lies where it takes little room. One that is too long for
 * that has to end if it would keep others from getting to this lcore at all.
 */
static void suspended_settle(struct control *control, struct rte_mbuf *mbuf)
{
	const struct parking *parking = &control->dataplane->parking;
	struct async_ref ref = async_ref_of(control->async, packet_of(mbuf)->slot);
	if (!async_ref_valid(control->async, ref))
		return; /* it has ended in the same action */
	struct rte_mbuf *rest = parking_rest(parking, mbuf);
	if (likely(rest != mbuf)) {
		async_set_mbuf(control->async, ref.slot, rest);
	} else if (parking_may_stay(parking, mbuf)) {
		stats_add(&control->stats.counter[STATS_SUSPENDED_LARGER], 1);
	} else {
		stats_add(&control->stats.counter[STATS_OVERFLOW], 1);
		enum async_fate fate = overflow_fate(control);
		if (fate != ASYNC_FATE_RESUME)
			packet_of(mbuf)->drop_reason = DROP_PARKING_FULL;
		async_finish(control->async, ref, fate);
	}
}

/* Once more in a larger buffer, if the answer that Lua wants found no room. */
static enum rule_verdict query_result(struct control *control, struct rte_mbuf **mbuf,
				      const struct lua_question *question)
{
	enum rule_verdict verdict;
	do
		verdict = rule_result_apply(policy_current(), *mbuf, &control->rules,
					    question->action, question->text,
					    question->text_length);
	while (reply_widened(control, mbuf, verdict));
	return verdict;
}

/* What became of one packet whose Lua action has run. */
static void question_settle(struct control *control, struct pending *pending,
			    struct lua_question *question)
{
	struct rte_mbuf *mbuf = question->mbuf;
	struct packet *packet = packet_of(mbuf);
	if (question->suspended) {
		suspended_settle(control, mbuf);
		return;
	}
	if (async_was_refused(control->async, packet->slot) &&
	    overflow_fate(control) != ASYNC_FATE_RESUME) {
		leave_by_fate(control, mbuf, overflow_fate(control), DROP_ASYNC_FULL);
		return;
	}
	if ((question->flags & LUA_QUESTION_RESPONSE) != 0 && is_query(packet)) {
		leave_onward(control, mbuf); /* restarted, whatever the action returned */
		return;
	}
	enum rule_verdict verdict;
	if (is_query(packet))
		verdict = query_result(control, &mbuf, question);
	else
		verdict = rule_response_result_apply(policy_current(), mbuf, &control->rules,
						     question->action, question->text,
						     question->text_length);
	if ((question->flags & LUA_QUESTION_CONTINUES) != 0)
		verdict = RULE_GO_ON;
	verdict_apply(control, pending, mbuf, verdict);
}

static void rules_run(struct control *control, struct pending *pending, struct rte_mbuf *mbuf,
		      uint16_t cursor)
{
	enum rule_verdict verdict;
	if (chain_run(control, &mbuf, cursor, &verdict))
		verdict_apply(control, pending, mbuf, verdict);
}

/* Looks at the rules anew: the policy changed since the packet met them. */
static void rules_again(struct control *control, struct pending *pending, struct rte_mbuf *mbuf)
{
	rules_run(control, pending, mbuf, 0);
}

/* Those whose policy changed look again; false if that made it change once more. */
static bool pending_renew(struct control *control, struct pending *pending)
{
	uint32_t generation = policy_current()->generation;
	unsigned total = pending->count;
	pending->count = 0; /* filled again, no faster than it is read */
	for (unsigned i = 0; i < total; i++) {
		struct rte_mbuf *mbuf = pending->mbufs[i];
		if (packet_of(mbuf)->generation != generation)
			rules_again(control, pending, mbuf);
		else
			pending_add(pending, mbuf, pending->luas[i]);
	}
	return policy_current()->generation == generation;
}

/* One call into Lua for all that wait; those that stop at another Lua rule wait again. */
static void pending_run(struct control *control, struct pending *pending)
{
	while (pending->count > 0) {
		if (!pending_renew(control, pending))
			continue;
		struct lua_question *questions = lua_policy_batch(control);
		unsigned count = pending->count;
		for (unsigned i = 0; i < count; i++) {
			const struct rule_lua *lua = &pending->luas[i];
			lua_question_fill(&questions[i], pending->mbufs[i], lua->reference,
					  lua->ffi);
			if (lua->continues)
				questions[i].flags |= LUA_QUESTION_CONTINUES;
		}
		pending->count = 0;
		unsigned done = lua_policy_run(control, count);
		for (unsigned i = 0; i < done; i++)
			question_settle(control, pending, &questions[i]);
		for (unsigned i = done; i < count; i++)
			rules_again(control, pending, questions[i].mbuf);
	}
}

/* ---- servers ---- */

static struct rte_mbuf *backlog_pop(struct control_backlog *backlog)
{
	struct rte_mbuf *mbuf = backlog->head;
	if (mbuf != NULL)
		backlog->head = packet_of(mbuf)->link;
	return mbuf;
}

static void choice_settle(struct control *control, const struct lua_question *question)
{
	struct rte_mbuf *mbuf = question->mbuf;
	if (packet_is_answered(mbuf)) { /* dnsdist's FFI may */
		leave(control, mbuf, PACKET_NEXT_ANSWER);
		return;
	}
	packet_of(mbuf)->query.backend =
		question->action >= 0 ? (uint16_t)question->action : BACKEND_NONE;
	leave(control, mbuf, PACKET_NEXT_SERVER);
}

/* Those that wait become questions; how many. For whom it is no longer Lua's affair goes on. */
static unsigned choices_fill(struct control *control, struct lua_question *questions)
{
	const struct policy *policy = policy_current();
	unsigned count = 0;
	struct rte_mbuf *mbuf;
	while (count < CONTROL_BATCH && (mbuf = backlog_pop(&control->choosing)) != NULL) {
		uint16_t number = packet_of(mbuf)->query.pool;
		if (policy_method(policy, number) != BALANCE_LUA) {
			leave(control, mbuf, PACKET_NEXT_FORWARD);
			continue;
		}
		const struct policy_pool *pool = &policy->pools[number];
		lua_question_fill(&questions[count], mbuf, pool->lua, pool->lua_ffi);
		questions[count++].flags |= LUA_QUESTION_POLICY;
	}
	return count;
}

/* One call into Lua for all whose server it chooses. */
static void choices_run(struct control *control)
{
	while (control->choosing.head != NULL) {
		struct lua_question *questions = lua_policy_batch(control);
		unsigned count = choices_fill(control, questions);
		unsigned done = lua_policy_choose(control, count);
		for (unsigned i = 0; i < done; i++)
			choice_settle(control, &questions[i]);
		for (unsigned i = done; i < count; i++) /* the policy was loaded anew */
			backlog_push(&control->choosing, questions[i].mbuf);
	}
}

/* Shows Lua an ID that no other packet in hand has; false if the packet went its way without. */
static bool id_give(struct control *control, struct rte_mbuf *mbuf)
{
	if (!control->config->async.rewrite_ids)
		return true;
	int id = async_id_take(control->async, packet_of(mbuf)->slot);
	if (id < 0) {
		leave_untaken(control, mbuf, DROP_IDS_USED_UP);
		return false;
	}
	packet_dns(mbuf)[0] = (uint8_t)(id >> 8);
	packet_dns(mbuf)[1] = (uint8_t)id;
	return true;
}

/* Gives the packet its slot and an ID of its own; false if it went its way without. */
static bool take(struct control *control, struct rte_mbuf *mbuf)
{
	struct packet *packet = packet_of(mbuf);
	packet->slot = async_take(control->async, mbuf);
	if (packet->slot != ASYNC_NONE)
		return id_give(control, mbuf);
	leave_untaken(control, mbuf, DROP_PARKING_FULL);
	return false;
}

/*
 * Where the packet stands: before an action in Lua, a selector in Lua that no worker can run, or the
 * choice of a server.
 */
static void arrive(struct control *control, struct pending *pending, struct rte_mbuf *mbuf)
{
	struct packet *packet = packet_of(mbuf);
	struct rule_lua lua;
	if (packet->next == PACKET_NEXT_CHOOSE)
		leave_onward(control, mbuf);
	else if (packet->generation != policy_current()->generation)
		rules_again(control, pending, mbuf);
	else if (!rule_lua_ref(policy_current(), packet->chain, packet->rule_cursor, &lua))
		leave_onward(control, mbuf);
	else if (lua.selector)
		rules_run(control, pending, mbuf, packet->rule_cursor);
	else
		pending_add(pending, mbuf, lua);
}

/* Where actions take long, fewer packets make a turn: all else on this lcore waits for its end. */
static void burst_adapt(struct control *control, uint64_t started)
{
	uint64_t took = clock_now() - started, most = TURN_LONG_MS * control->tsc_per_ms;
	if (took > most)
		control->burst = RTE_MAX(control->burst / 2, 1u);
	else if (took < most / 4)
		control->burst = RTE_MIN(control->burst * 2, CONTROL_BATCH);
}

unsigned hand_receive(struct control *control)
{
	uint64_t started = clock_now();
	unsigned total = 0;
	if (control->burst == 0)
		control->burst = CONTROL_BATCH;
	for (unsigned w = 0; w < control->dataplane->n_workers; w++) {
		struct rte_mbuf *mbufs[CONTROL_BATCH];
		struct pending pending = {0};
		unsigned count = rte_ring_sc_dequeue_burst(workers[w].handoff.to_control,
							   (void **)mbufs, control->burst, NULL);
		for (unsigned i = 0; i < count; i++) {
			if (take(control, mbufs[i]))
				arrive(control, &pending, mbufs[i]);
		}
		pending_run(control, &pending);
		choices_run(control);
		total += count;
	}
	if (total > 0)
		burst_adapt(control, started);
	return total;
}

static enum drop_reason reason_of(const struct control *control, const struct async_done *done)
{
	if (done->end == ASYNC_END_EXPIRED)
		return DROP_ASYNC_EXPIRED;
	if (packet_of(done->mbuf)->drop_reason == DROP_PARKING_FULL)
		return DROP_PARKING_FULL;
	return control->stop ? DROP_SHUTDOWN : DROP_SEND_FAILED;
}

/* A packet that ended otherwise than resumed, and is to go on, does so as a resumed one. */
static void done_settle(struct control *control, const struct async_done *done)
{
	struct rte_mbuf *mbuf = done->mbuf;
	struct packet *packet = packet_of(mbuf);
	if (done->end == ASYNC_END_DROPPED) {
		leave_dropped(control, mbuf, DROP_ASYNC_DROPPED);
		return;
	}
	if (done->end != ASYNC_END_RESUMED && done->fate != ASYNC_FATE_RESUME) {
		leave_by_fate(control, mbuf, done->fate, reason_of(control, done));
		return;
	}
	if (!done->continue_rules || packet_is_answered(mbuf) == is_query(packet) ||
	    packet->generation != policy_current()->generation) {
		leave_onward(control, mbuf);
		return;
	}
	/* Under an id of the registry's own it gave its DNS ID back; the next rule may need one. */
	mbuf = parking_widen(&control->dataplane->parking, mbuf);
	async_set_mbuf(control->async, done->slot, mbuf);
	if (!id_give(control, mbuf))
		return;
	struct pending pending = {0};
	verdict_apply(control, &pending, mbuf, RULE_GO_ON);
	pending_run(control, &pending);
}

/* Objects that were fetched and then lost: an error in the policy, so it is said. */
static void abandoned_tell(const struct control *control)
{
	static struct log_limit limit;
	static uint64_t told;
	uint64_t held, abandoned = async_counters(control->async)->abandoned;
	if (abandoned == told || !log_limit_pass(&limit, control->now, &held))
		return;
	log_warning("%" PRIu64 " packets expired after getAsynchronousObject(): the policy fetched "
		    "them and neither resumed nor dropped them", abandoned - told);
	told = abandoned;
}

/* How late the packet comes from its expiry, counted from the millisecond it was due in. */
static void lateness_count(struct control *control, const struct async_done *done)
{
	uint64_t late = clock_now() - done->deadline * control->tsc_per_ms;
	if (late > control->expiry_late && late < INT64_MAX)
		control->expiry_late = late;
	control->overdue += late > EXPIRY_LATE_MS * control->tsc_per_ms && late < INT64_MAX;
}

unsigned hand_finish(struct control *control)
{
	struct async_done done;
	unsigned total = async_advance(control->async, control->now);
	abandoned_tell(control);
	while (async_done_pop(control->async, &done)) {
		if (done.end == ASYNC_END_EXPIRED)
			lateness_count(control, &done);
		done_settle(control, &done);
		total++;
	}
	choices_run(control);
	return total;
}

void hand_drop_all(struct control *control)
{
	uint32_t cursor = 0;
	struct async_view view;
	for (unsigned i = 1; async_list(control->async, control->now, &cursor, &view); i++) {
		async_finish(control->async, view.ref, ASYNC_FATE_DROP);
		if (i % CONTROL_BATCH != 0)
			continue;
		hand_finish(control);
		hand_flush(control);
	}
	hand_finish(control);
	hand_flush(control);
}
