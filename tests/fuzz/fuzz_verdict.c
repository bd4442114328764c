/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What another program sends back, put into a suspended packet as policies do it, then read and
 * edited in every way that Lua has. Byte 0 says how it gets in and whether a response waits.
 */
#include "tests/fuzz/packets.h"

#define ROOM 1024u
#define RECORDS 64u

static const uint8_t query[] = "\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x01\x03www\x07"
			       "Example\x03org\x00\x00\x01\x00\x01\x00\x00\x29\x04\xd0\x00\x00"
			       "\x80\x00\x00\x00";

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
		context_make(false);
	struct rte_mbuf *mbuf = packet_hold(data[0] & 1 ? CHAIN_RESPONSE : CHAIN_QUERY, query,
					    sizeof(query) - 1, ROOM);
	struct lua_question question;
	lua_batch_begin();
	lua_question_fill(&question, mbuf, 0, false);
	MUST(sluice_suspend(&question, 1, 7, 10));
	answer(data[0], data + 1, size - 1);
	now += 20; /* what was not resumed expires */
	context->now = now;
	async_advance(context->async, now);
	MUST(async_done_pop(context->async, &done) && done.mbuf == mbuf);
	MUST(memcmp(packet_dns(mbuf), query, 2) == 0); /* the ID stays */
	packet_release(done.slot);
	return 0;
}
