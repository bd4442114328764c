/* SPDX-License-Identifier: BSD-2-Clause */
/* Suspended packets and sockets as Lua sees them. Called by Lua over FFI; nothing calls back. */
#include "control/lua_context.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "control/listener.h"
#include "control/loop.h"
#include "dataplane/dns/edns.h"
#include "dataplane/dns/message.h"
#include "dataplane/dns/name.h"
#include "dataplane/dns/reply.h"

#define ENDPOINT_FATES 64

static struct async *registry(void)
{
	return lua_context.control->async;
}

static struct async_ref ref_of(const struct lua_ref *ref)
{
	return (struct async_ref){ref->slot, ref->generation};
}

bool sluice_async_fetch(uint16_t async_id, uint16_t query_id, struct lua_ref *ref)
{
	struct async_ref found;
	if (!async_fetch(registry(), async_id, query_id, &found))
		return false;
	*ref = (struct lua_ref){found.slot, found.generation};
	return true;
}

bool sluice_async_find(double id, struct lua_ref *ref)
{
	struct async_ref found;
	if (id < 1 || id >= 9007199254740992.0 || !async_find(registry(), (uint64_t)id, &found))
		return false;
	*ref = (struct lua_ref){found.slot, found.generation};
	return true;
}

int sluice_async_resume(const struct lua_ref *ref)
{
	return async_resume(registry(), ref_of(ref));
}

int sluice_async_drop(const struct lua_ref *ref)
{
	return async_drop(registry(), ref_of(ref));
}

int sluice_async_rcode(const struct lua_ref *ref, uint8_t rcode, bool clear)
{
	enum async_result state = async_state(registry(), ref_of(ref));
	if (state != ASYNC_OK)
		return state;
	struct rte_mbuf *mbuf = async_mbuf(registry(), ref->slot);
	int length = dns_reply_rcode_set(packet_dns(mbuf), packet_of(mbuf)->dns_length,
					 packet_dns_capacity(mbuf), rcode, clear,
					 DNS_EDNS_UDP_SIZE);
	if (length > 0)
		packet_dns_resize(mbuf, (uint16_t)length);
	packet_of(mbuf)->query.flags |= QUERY_SKIP_CACHE;
	async_mark_answered(registry(), ref_of(ref));
	return ASYNC_OK;
}

int sluice_async_question(const struct lua_ref *ref, struct lua_question *question)
{
	enum async_result state = async_state(registry(), ref_of(ref));
	if (state != ASYNC_OK)
		return state;
	*question = (struct lua_question){
		.mbuf = async_mbuf(registry(), ref->slot),
		.ref = *ref,
		.asynchronous = 1,
	};
	question->response = packet_of(question->mbuf)->kind == PACKET_RESPONSE;
	return ASYNC_OK;
}

const char *sluice_async_list(void)
{
	static char text[65536];
	struct lua_context *context = &lua_context;
	struct async_view view;
	uint32_t cursor = ASYNC_NONE;
	size_t used = (size_t)snprintf(text, sizeof(text), "%-8s %-8s %-18s %10s %12s  %s\n",
				       "asyncID", "queryID", "id", "age ms", "remaining", "name");
	while (used + 1300 < sizeof(text) &&
	       async_list(registry(), context->control->now, &cursor, &view)) {
		char name[DNS_NAME_TEXT_SIZE] = "";
		uint8_t labels;
		const struct packet *packet = packet_of(view.mbuf);
		const uint8_t *dns = packet_dns(view.mbuf);
		if (packet->dns_length > DNS_HEADER_SIZE &&
		    dns_name_measure(dns + DNS_HEADER_SIZE, packet->dns_length - DNS_HEADER_SIZE,
				     &labels) != 0)
			dns_name_print(dns + DNS_HEADER_SIZE, name, sizeof(name), true);
		used += (size_t)snprintf(text + used, sizeof(text) - used,
					 "%-8u %-8u %-18llu %10llu %12llu  %s\n", view.async_id,
					 view.query_id, (unsigned long long)view.id,
					 (unsigned long long)view.age,
					 (unsigned long long)view.remaining, name);
	}
	return text;
}

/* ---- endpoints ---- */

/* What the policy wants for packets whose datagram could not be sent; few endpoints, a short list. */
static struct {
	const struct endpoint *endpoint;
	int fate;
} fates[ENDPOINT_FATES];

struct endpoint *sluice_endpoint(const char *path, size_t length)
{
	struct control *control = lua_context.control;
	struct endpoint *known = endpoint_find(control->endpoints, path, length);
	if (known != NULL)
		return known;
	struct endpoint *endpoint = endpoint_open(control->endpoints, path, length,
						  control->config->async.send_queue);
	return endpoint;
}

bool sluice_endpoint_valid(struct endpoint *endpoint)
{
	return endpoint_is_valid(endpoint);
}

static int fate_of(const struct endpoint *endpoint)
{
	for (unsigned i = 0; i < ENDPOINT_FATES && fates[i].endpoint != NULL; i++)
		if (fates[i].endpoint == endpoint)
			return fates[i].fate;
	return -1;
}

void sluice_endpoint_fate(struct endpoint *endpoint, int fate)
{
	for (unsigned i = 0; i < ENDPOINT_FATES; i++)
		if (fates[i].endpoint == NULL || fates[i].endpoint == endpoint) {
			fates[i].endpoint = endpoint;
			fates[i].fate = fate;
			return;
		}
}

void lua_policy_send_failed(void *control, struct endpoint *endpoint, uint64_t tag)
{
	struct async_ref ref;
	int fate = fate_of(endpoint);
	(void)control;
	if (fate >= 0 && tag != 0 && async_tag_ref(registry(), tag, &ref))
		async_finish(registry(), ref, (enum async_fate)fate);
}

/* The packet whose action runs is the one that a datagram is about. */
bool sluice_endpoint_send(struct endpoint *endpoint, const char *data, size_t length)
{
	uint32_t done = *lua_state_progress(lua_context.policy->state);
	uint64_t tag = 0;
	if (lua_context.current != NULL && done != 0) {
		const struct lua_question *question = &lua_context.current[done - 1];
		tag = async_tag(registry(), packet_of(question->mbuf)->slot);
	}
	bool sent = endpoint_send(endpoint, data, length, tag);
	if (!sent)
		lua_policy_send_failed(NULL, endpoint, tag);
	return sent;
}

/* ---- listeners ---- */

/* A listener that the policy before had on the path is taken over, its socket stays open. */
bool sluice_listen(const char *path, size_t length, uint16_t id, int callback, bool ffi,
		   char *error, size_t size)
{
	struct lua_listener *listener = NULL;
	if (lua_context.check)
		return true;
	for (struct lua_listener *l = lua_context.listeners; l != NULL; l = l->next) {
		size_t known;
		const char *at = listener_path(l->socket, &known);
		if (known == length && memcmp(at, path, length) == 0)
			listener = l;
	}
	if (listener == NULL) {
		listener = calloc(1, sizeof(*listener));
		if (listener == NULL)
			return false;
		listener->socket = listener_bind(path, length, error, size);
		if (listener->socket == NULL) {
			free(listener);
			return false;
		}
		loop_watch(lua_context.control, listener_fd(listener->socket), EPOLLIN);
		listener->next = lua_context.listeners;
		lua_context.listeners = listener;
	}
	listener->callback = callback;
	listener->id = id;
	listener->ffi = ffi;
	listener->wanted = true;
	return true;
}
