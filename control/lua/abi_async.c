/* SPDX-License-Identifier: BSD-2-Clause */
/* Suspended packets, and the sockets over which others are asked about them. */
#include "control/lua/abi.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/lua/guard.h"
#include "dataplane/dns/edns.h"
#include "dataplane/dns/message.h"
#include "dataplane/dns/reply.h"

#define FATE_NONE (-1)

struct lua_endpoint {
	struct lua_endpoint *next;
	struct endpoint *endpoint;
	int fate; /* enum async_fate of the packet if a send fails, or FATE_NONE */
};

/* ---- suspending ---- */

/* Whether this handle may suspend its packet: it is in hand, or was fetched with this handle. */
static bool may_suspend(const struct lua_question *question)
{
	if (question != NULL &&
	    question->flags & (LUA_QUESTION_SELECTOR | LUA_QUESTION_POLICY)) {
		errno = EPERM;
		return false;
	}
	errno = EPERM;
	return !lua_abi_context()->lone && lua_question_editable(question) != NULL;
}

/* A send that failed before its packet was suspended takes effect now. */
static void suspended(struct lua_context *context, struct lua_question *question)
{
	question->suspended = 1;
	lua_guard_suspended(question);
	context->reason = NULL;
	if (context->failed_tag == 0 || context->failed_tag != question->tag)
		return;
	context->failed_tag = 0;
	async_finish(context->async, async_ref_of(context->async, question->slot),
		     context->failed_fate);
}

/* Nobody's time is over early: of the millisecond that the clock shows a part has passed. */
static uint32_t patience(uint32_t timeout_ms)
{
	return timeout_ms == 0 || timeout_ms == UINT32_MAX ? timeout_ms : timeout_ms + 1;
}

bool sluice_suspend(struct lua_question *question, uint16_t async_id, uint16_t query_id,
		    uint32_t timeout_ms)
{
	struct lua_context *context = lua_abi_context();
	if (!may_suspend(question)) {
		context->reason = sluice_strerror(errno);
		return false;
	}
	uint64_t duplicate = async_counters(context->async)->duplicate;
	if (!async_suspend(context->async, question->slot, async_id, query_id,
			   patience(timeout_ms), sluice_now())) {
		context->reason = async_counters(context->async)->duplicate != duplicate
					  ? "the key is taken"
					  : "async.max_suspended is reached";
		return false;
	}
	suspended(context, question);
	return true;
}

uint64_t sluice_suspend_id(struct lua_question *question, uint32_t timeout_ms, int32_t fate,
			   bool continue_rules)
{
	struct lua_context *context = lua_abi_context();
	if (!may_suspend(question)) {
		context->reason = sluice_strerror(errno);
		return 0;
	}
	enum async_fate on_expiry = fate >= ASYNC_FATE_RESUME && fate <= ASYNC_FATE_DROP
					    ? (enum async_fate)fate
					    : async_on_expiry(context->async);
	uint64_t id = async_suspend_id(context->async, question->slot, patience(timeout_ms),
				       on_expiry, continue_rules ? ASYNC_CONTINUE_RULES : 0, sluice_now());
	if (id == 0) {
		context->reason = "async.max_suspended is reached";
		return 0;
	}
	suspended(context, question);
	return id;
}

const char *sluice_suspend_reason(void)
{
	const char *reason = lua_abi_context()->reason;
	return reason != NULL ? reason : "";
}

/* ---- objects ---- */

static struct async_ref ref_of(const struct lua_object *object)
{
	return (struct async_ref){object->slot, object->generation};
}

static bool object_fill(struct lua_object *object, struct async_ref ref)
{
	struct lua_context *context = lua_abi_context();
	const struct packet *packet = packet_of(async_mbuf(context->async, ref.slot));
	*object = (struct lua_object){
		.slot = ref.slot,
		.generation = ref.generation,
		.tag = async_tag(context->async, ref.slot),
		.response = packet->chain != CHAIN_QUERY && packet->chain != CHAIN_CACHE_MISS,
	};
	context->about = object->tag;
	return true;
}

bool sluice_object_fetch(uint16_t async_id, uint16_t query_id, struct lua_object *object)
{
	struct async_ref ref;
	return !lua_abi_context()->lone &&
	       async_fetch(lua_abi_context()->async, async_id, query_id, &ref) &&
	       object_fill(object, ref);
}

bool sluice_object_find(uint64_t id, struct lua_object *object)
{
	struct async_ref ref;
	return !lua_abi_context()->lone && async_find(lua_abi_context()->async, id, &ref) &&
	       object_fill(object, ref);
}

int sluice_object_state(const struct lua_object *object)
{
	if (object->resumed)
		return -EALREADY;
	if (object->dropped)
		return -ECANCELED;
	switch (async_state(lua_abi_context()->async, ref_of(object))) {
	case ASYNC_OK:
		return 0;
	case ASYNC_RESUMED:
		return -EALREADY;
	case ASYNC_DROPPED:
		return -ECANCELED;
	default:
		return -ENOENT;
	}
}

int sluice_object_resume(struct lua_object *object)
{
	struct async *async = lua_abi_context()->async;
	int state = sluice_object_state(object);
	if (state < 0)
		return state;
	if (!object->response && packet_is_answered(async_mbuf(async, object->slot)))
		async_mark_answered(async, ref_of(object));
	if (async_resume(async, ref_of(object)) != ASYNC_OK)
		return -ENOENT;
	object->resumed = 1;
	return 0;
}

int sluice_object_drop(struct lua_object *object)
{
	int state = sluice_object_state(object);
	if (state < 0)
		return state;
	if (async_drop(lua_abi_context()->async, ref_of(object)) != ASYNC_OK)
		return -ENOENT;
	object->dropped = 1;
	return 0;
}

int sluice_object_rcode(struct lua_object *object, uint8_t rcode, bool clear)
{
	int state = sluice_object_state(object);
	if (state < 0)
		return state;
	struct rte_mbuf *mbuf = async_mbuf(lua_abi_context()->async, object->slot);
	struct packet *packet = packet_of(mbuf);
	int error = lua_question_reserve(&mbuf, packet->dns_length + DNS_OPT_SIZE);
	if (error < 0)
		return error;
	packet = packet_of(mbuf);
	int length = dns_reply_rcode_set(packet_dns(mbuf), packet->dns_length,
					 packet_dns_capacity(mbuf), rcode, clear,
					 DNS_EDNS_UDP_SIZE);
	if (length < 0)
		return length;
	packet_dns_resize(mbuf, (uint16_t)length);
	packet->query.flags |= QUERY_SKIP_CACHE; /* a refusal of one is not an answer for all */
	async_mark_answered(lua_abi_context()->async, ref_of(object));
	return 0;
}

int sluice_object_question(const struct lua_object *object, struct lua_question *question)
{
	int state = sluice_object_state(object);
	if (state < 0)
		return state;
	*question = (struct lua_question){
		.mbuf = async_mbuf(lua_abi_context()->async, object->slot),
		.tag = object->tag,
		.slot = object->slot,
		.generation = object->generation,
		.flags = (uint16_t)(LUA_QUESTION_FETCHED |
				    (object->response ? LUA_QUESTION_RESPONSE : 0)),
	};
	return 0;
}

size_t sluice_suspended_now(void)
{
	return async_suspended_now(lua_abi_context()->async);
}

size_t sluice_suspended_list(struct lua_view *views, size_t size)
{
	struct async *async = lua_abi_context()->async;
	uint32_t *slots = calloc(size, sizeof(*slots));
	size_t count = slots != NULL ? async_oldest(async, slots, (uint32_t)size) : 0;
	for (size_t i = 0; i < count; i++) {
		struct async_view view = async_view_of(async, slots[i], sluice_now());
		struct lua_question question = {.slot = slots[i],
						.tag = async_tag(async, slots[i])};
		const struct packet *packet = packet_of(view.mbuf);
		views[i] = (struct lua_view){
			.id = view.id,
			.age = view.age,
			.remaining = view.remaining,
			.async_id = view.async_id,
			.query_id = view.query_id,
			.fetched = view.fetched,
			.response = packet->chain != CHAIN_QUERY &&
				    packet->chain != CHAIN_CACHE_MISS,
			.qtype = packet->query.qtype,
		};
		sluice_question_qname(&question, &views[i].qname);
	}
	free(slots);
	return count;
}

/* ---- endpoints ---- */

static struct lua_endpoint *endpoint_entry(const struct lua_context *context,
					   const struct endpoint *endpoint)
{
	struct lua_endpoint *entry = context->list;
	while (entry != NULL && entry->endpoint != endpoint)
		entry = entry->next;
	return entry;
}

struct endpoint *sluice_endpoint_open(const char *path, size_t length)
{
	struct lua_context *context = lua_abi_context();
	errno = EPERM;
	if (context->lone)
		return NULL;
	struct endpoint *endpoint =
		endpoint_open(context->endpoints, path, length, context->send_queue);
	if (endpoint == NULL)
		return NULL;
	if (endpoint_entry(context, endpoint) != NULL) {
		endpoint_close(endpoint); /* one use for each policy */
		return endpoint;
	}
	struct lua_endpoint *entry = calloc(1, sizeof(*entry));
	if (entry == NULL) {
		endpoint_close(endpoint);
		errno = ENOMEM;
		return NULL;
	}
	*entry = (struct lua_endpoint){context->list, endpoint, FATE_NONE};
	context->list = entry;
	return endpoint;
}

void lua_context_free(struct lua_context *context)
{
	if (context == NULL)
		return;
	while (context->list != NULL) {
		struct lua_endpoint *entry = context->list;
		context->list = entry->next;
		endpoint_close(entry->endpoint);
		free(entry);
	}
	lua_names_free_all(context);
	lua_codes_free_all(context);
	lua_feeds_close_all(context);
	while (context->owned != NULL)
		lua_owned_free(context->owned);
	lua_rings_free_all(context);
	lua_recents_free_all(context);
	if (lua_abi_context() == context)
		lua_abi_use(NULL);
	lua_guard_free(context->guard);
	free(context->texts);
	free(context->metrics_text);
	lua_cache_found_free(context);
	free(context);
}

bool sluice_endpoint_valid(struct endpoint *endpoint)
{
	return endpoint_is_valid(endpoint);
}

int sluice_endpoint_fate_set(struct endpoint *endpoint, int32_t fate)
{
	struct lua_endpoint *entry = endpoint_entry(lua_abi_context(), endpoint);
	if (entry == NULL || fate < FATE_NONE || fate > ASYNC_FATE_DROP)
		return -EINVAL;
	entry->fate = fate;
	return 0;
}

/* What the policy wants for a packet whose datagram did not get through. */
static void send_failed(struct lua_context *context, const struct endpoint *endpoint, uint64_t tag)
{
	const struct lua_endpoint *entry = endpoint_entry(context, endpoint);
	struct async_ref ref;
	if (entry == NULL || entry->fate == FATE_NONE || tag == 0 ||
	    !async_tag_ref(context->async, tag, &ref))
		return;
	if (async_finish(context->async, ref, (enum async_fate)entry->fate) == ASYNC_OK)
		return;
	context->failed_tag = tag;
	context->failed_fate = (enum async_fate)entry->fate;
}

bool sluice_endpoint_send(struct endpoint *endpoint, const char *data, size_t length)
{
	struct lua_context *context = lua_abi_context();
	uint64_t tag = context->about;
	if (endpoint_send(endpoint, data, length, tag)) {
		context->failed_tag = 0;
		return true;
	}
	send_failed(context, endpoint, tag);
	return false;
}

void lua_abi_send_failed(void *ctx, struct endpoint *endpoint, uint64_t tag)
{
	(void)ctx;
	struct lua_context *context = lua_abi_context();
	if (context == NULL)
		return;
	send_failed(context, endpoint, tag);
	context->failed_tag = 0; /* the action that would have suspended it is over */
}

bool sluice_listen(const char *path, size_t length, uint16_t endpoint_id, int32_t reference,
		   bool ffi)
{
	struct lua_context *context = lua_abi_context();
	const struct lua_abi_hooks *hooks = context->hooks;
	if (hooks == NULL || hooks->listen == NULL) {
		snprintf(context->error, sizeof(context->error), "nothing can be listened on here");
		return false;
	}
	context->error[0] = '\0';
	return hooks->listen(context->hooks_ctx, path, length, endpoint_id, reference, ffi,
			     context->error, sizeof(context->error));
}

const char *sluice_listen_error(void)
{
	return lua_abi_context()->error;
}
