/* SPDX-License-Identifier: BSD-2-Clause */
/* Packets in hand for targets that call what Lua does, in buffers that the sanitizer sees the ends of. */
#ifndef SLUICE_TESTS_FUZZ_PACKETS_H
#define SLUICE_TESTS_FUZZ_PACKETS_H

#include <stdlib.h>
#include <string.h>

#include "control/lua/abi.h"
#include "dataplane/rules/tags.h"

#define PACKETS_MAX 4u	/* in hand at once */
#define PACKET_MOST 4096u /* bytes that a message may grow to */

#define MUST(condition)                                                                            \
	do {                                                                                       \
		if (!(condition))                                                                  \
			abort();                                                                   \
	} while (0)

struct held {
	struct rte_mbuf mbuf;
	uint8_t private[PACKET_PRIVATE_SIZE];
	uint8_t bytes[];
};

/* What is left of the calls that the input asks for. */
struct script {
	const uint8_t *at;
	size_t left;
};

static struct lua_context *context;
static struct held *held[PACKETS_MAX]; /* by slot */

static inline uint8_t next8(struct script *script)
{
	if (script->left == 0)
		return 0;
	script->left--;
	return *script->at++;
}

static struct held *buffer_new(size_t room)
{
	struct held *made = calloc(1, sizeof(*made) + RTE_PKTMBUF_HEADROOM + room);
	MUST(made != NULL);
	made->mbuf.buf_addr = made->bytes;
	made->mbuf.buf_len = (uint16_t)(RTE_PKTMBUF_HEADROOM + room);
	made->mbuf.data_off = RTE_PKTMBUF_HEADROOM;
	made->mbuf.priv_size = PACKET_PRIVATE_SIZE;
	return made;
}

/* To another buffer, and the one before is gone: nobody may hold on to it. */
static struct rte_mbuf *buffer_grow(void *ctx, struct rte_mbuf *mbuf, size_t need)
{
	(void)ctx;
	if (need > PACKET_MOST)
		return NULL;
	uint32_t slot = packet_of(mbuf)->slot;
	struct held *larger = buffer_new(need);
	*packet_of(&larger->mbuf) = *packet_of(mbuf);
	memcpy(packet_dns(&larger->mbuf), packet_dns(mbuf), packet_of(mbuf)->dns_length);
	packet_dns_resize(&larger->mbuf, packet_of(mbuf)->dns_length);
	async_set_mbuf(context->async, slot, &larger->mbuf);
	free(held[slot]);
	held[slot] = larger;
	return &larger->mbuf;
}

/* Makes the context, at the first input. */
static void context_make(bool grows)
{
	static const struct lua_abi_hooks hooks = {.grow = buffer_grow};
	struct async_config config = {.max_packets = PACKETS_MAX,
				      .max_suspended = PACKETS_MAX,
				      .on_expiry = ASYNC_FATE_RESUME};
	context = lua_context_new();
	MUST(context != NULL);
	context->async = async_create(&config, 0);
	context->endpoints = endpoint_set_create(lua_abi_send_failed, NULL);
	context->registry = policy_registry_new(NULL, NULL);
	context->model = policy_model_new(context->registry);
	context->hooks = grows ? &hooks : NULL;
	MUST(context->async != NULL && context->model != NULL && context->endpoints != NULL);
	lua_abi_use(context);
}

/* Takes a packet with this message into a buffer of `room` bytes for messages. */
static struct rte_mbuf *packet_hold(enum chain_id chain, const uint8_t *message, size_t length,
				    size_t room)
{
	struct held *made = buffer_new(length > room ? length : room);
	struct packet *packet = packet_of(&made->mbuf);
	packet->chain = (uint8_t)chain;
	packet_dns_resize(&made->mbuf, (uint16_t)length);
	memcpy(packet_dns(&made->mbuf), message, length);
	lua_question_refresh(&made->mbuf);
	packet->slot = async_take(context->async, &made->mbuf);
	MUST(packet->slot < PACKETS_MAX);
	held[packet->slot] = made;
	return &made->mbuf;
}

static void packet_release(uint32_t slot)
{
	async_release(context->async, slot);
	notes_free(&packet_of(&held[slot]->mbuf)->query.notes);
	free(held[slot]);
	held[slot] = NULL;
}

#endif
