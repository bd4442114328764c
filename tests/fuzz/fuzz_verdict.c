/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What another program sends back, put into a suspended packet as policies do it, then read and
 * edited in every way that Lua has. Byte 0 says how it gets in and whether a response waits.
 */
#include <stdlib.h>
#include <string.h>

#include "control/lua_abi.h"
#include "dataplane/rules/tags.h"

#define ROOM 1024u
#define RECORDS 64u

#define MUST(condition)                                                                            \
	do {                                                                                       \
		if (!(condition))                                                                  \
			abort();                                                                   \
	} while (0)

struct parked {
	struct rte_mbuf mbuf;
	uint8_t private[PACKET_PRIVATE_SIZE];
	uint8_t bytes[RTE_PKTMBUF_HEADROOM + ROOM];
};

static const uint8_t query[] = "\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x01\x03www\x07"
			       "Example\x03org\x00\x00\x01\x00\x01\x00\x00\x29\x04\xd0\x00\x00"
			       "\x80\x00\x00\x00";

static struct lua_context *context;

static void setup(void)
{
	struct async_config config = {
		.max_packets = 4, .max_suspended = 4, .on_expiry = ASYNC_FATE_RESUME};
	context = lua_context_new();
	MUST(context != NULL);
	context->async = async_create(&config, 0);
	context->registry = policy_registry_new(NULL, NULL);
	context->model = policy_model_new(context->registry);
	MUST(context->async != NULL && context->model != NULL);
	lua_abi_use(context);
}

/* The size of its own keeps reads beyond the message in sight of the sanitizer. */
static struct parked *park(enum chain_id chain)
{
	struct parked *made = calloc(1, sizeof(*made));
	MUST(made != NULL);
	made->mbuf.buf_addr = made->bytes;
	made->mbuf.buf_len = sizeof(made->bytes);
	made->mbuf.data_off = RTE_PKTMBUF_HEADROOM;
	made->mbuf.priv_size = PACKET_PRIVATE_SIZE;
	struct packet *packet = packet_of(&made->mbuf);
	packet->chain = (uint8_t)chain;
	memcpy(packet_dns(&made->mbuf), query, sizeof(query) - 1);
	packet_dns_resize(&made->mbuf, sizeof(query) - 1);
	lua_question_refresh(&made->mbuf);
	packet->slot = async_take(context->async, &made->mbuf);
	MUST(packet->slot != ASYNC_NONE);
	return made;
}

static void look(const struct lua_question *question)
{
	static struct lua_record records[RECORDS];
	struct lua_option options[8];
	struct lua_facts facts;
	struct lua_name name;
	struct lua_bytes bytes;
	char text[1100];
	MUST(sluice_question_facts(question, &facts));
	if (sluice_question_qname(question, &name))
		MUST(sluice_name_print(&name, text, sizeof(text), true) < (int)sizeof(text));
	MUST(sluice_question_content(question, &bytes) && bytes.length == facts.length);
	size_t count = sluice_records(bytes.data, bytes.length, records, RECORDS);
	for (size_t i = 0; i < count && i < RECORDS; i++) {
		MUST(records[i].offset + records[i].length <= bytes.length);
		sluice_packet_name(bytes.data, bytes.length, records[i].offset, &name);
	}
	sluice_packet_question(bytes.data, bytes.length, &records[0]);
	sluice_question_options(question, options, 8);
	sluice_question_trailing(question, &bytes);
}

static void edit(struct lua_question *question, const uint8_t *data, size_t size)
{
	static const uint16_t types[] = {1, 28};
	struct lua_name name;
	struct lua_bytes value = {(const char *)data, size < 300 ? size : 300};
	sluice_question_ttls_limit(question, 10, 20);
	sluice_question_types_clear(question, types, 2);
	sluice_question_option_set(question, 12, (const char *)data, size < 64 ? size : 64);
	look(question);
	sluice_question_trailing_set(question, (const char *)data, size < 64 ? size : 64);
	if (sluice_name_load((const char *)data, size, &name) == 0)
		sluice_question_rename(question, &name);
	look(question);
	sluice_question_spoof_raw(question, &value, 1, 1, 60);
	look(question);
}

/* The answer of the filter as the message itself, by setContent or by the FFI form. */
static void answer(unsigned how, const uint8_t *data, size_t size)
{
	struct lua_object object;
	struct lua_question fetched;
	const char *text = (const char *)data;
	if (how & 2) {
		dnsdist_ffi_set_answer_from_async(1, 7, text, size);
		return;
	}
	MUST(sluice_object_fetch(1, 7, &object));
	MUST(sluice_object_question(&object, &fetched) == 0);
	if (sluice_question_content_set(&fetched, text, size) == 0)
		MUST(packet_of(sluice_question_find(&fetched))->dns_length == size);
	look(&fetched);
	if (how & 4)
		edit(&fetched, data, size);
	if (how & 8)
		sluice_object_rcode(&object, (uint8_t)size, how & 16);
	look(&fetched);
	sluice_object_resume(&object);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint64_t now;
	struct async_done done;
	if (size < 1)
		return 0;
	if (context == NULL)
		setup();
	struct parked *made = park(data[0] & 1 ? CHAIN_RESPONSE : CHAIN_QUERY);
	struct lua_question question;
	lua_batch_begin();
	lua_question_fill(&question, &made->mbuf, 0, false);
	MUST(sluice_suspend(&question, 1, 7, 10));
	answer(data[0], data + 1, size - 1);
	now += 20; /* what was not resumed expires */
	context->now = now;
	async_advance(context->async, now);
	MUST(async_done_pop(context->async, &done) && done.mbuf == &made->mbuf);
	MUST(memcmp(packet_dns(&made->mbuf), query, 2) == 0); /* the ID stays */
	async_release(context->async, done.slot);
	notes_free(&packet_of(&made->mbuf)->query.notes);
	free(made);
	return 0;
}
