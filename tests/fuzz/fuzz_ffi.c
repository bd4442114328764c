/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Calls of dnsdist's FFI and of our own one after the other, with arguments of chance, on a query, a
 * response and a handle whose packet is gone. Byte 0 and 1 are the length of the message, then comes
 * that, then calls: a byte that says which, one that says on what, and arguments as far as it needs
 * any. What is handed out is read to its end, what is handed in has not a byte more than is said.
 */
#include "tests/fuzz/arguments.h"
#include "tests/fuzz/packets.h"

#include "dataplane/rules/block_set.h"

#define CALLS 40u
#define HANDLES 3u
#define ROOM 600u /* for the message, in the first buffer */

static struct lua_question handles[HANDLES];
static dnsdist_ffi_dnspacket_t *parsed;
static char *parsed_raw;

/* ---- calls on packets ---- */

static void read_addresses(dnsdist_ffi_dnsquestion_t *dq, struct script *script)
{
	const void *address = NULL;
	const char *name = NULL;
	size_t size = 0;
	dnsdist_ffi_dnsquestion_get_localaddr(dq, &address, &size);
	touch(address, size);
	dnsdist_ffi_dnsquestion_get_remoteaddr(dq, &address, &size);
	touch(address, size);
	dnsdist_ffi_dnsquestion_get_masked_remoteaddr(dq, &address, &size, next8(script));
	touch(address, size);
	dnsdist_ffi_dnsquestion_get_qname_raw(dq, &name, &size);
	touch(name, size);
	touch_text(dnsdist_ffi_dnsquestion_get_incoming_interface(dq));
	sink ^= (uint8_t)dnsdist_ffi_dnsquestion_get_local_port(dq);
	sink ^= (uint8_t)dnsdist_ffi_dnsquestion_get_remote_port(dq);
	sink ^= dnsdist_ffi_dnsquestion_is_remote_v6(dq) ^ dnsdist_ffi_dnsquestion_get_tcp(dq);
	sink ^= (uint8_t)dnsdist_ffi_dnsquestion_get_protocol(dq);
	sink ^= (uint8_t)dnsdist_ffi_dnsquestion_get_elapsed_us(dq);
	sink ^= (uint8_t)dnsdist_ffi_dnsquestion_get_qname_hash(dq, next8(script));
}

static void read_numbers(dnsdist_ffi_dnsquestion_t *dq)
{
	sink ^= (uint8_t)dnsdist_ffi_dnsquestion_get_qtype(dq);
	sink ^= (uint8_t)dnsdist_ffi_dnsquestion_get_qclass(dq);
	sink ^= (uint8_t)dnsdist_ffi_dnsquestion_get_id(dq);
	sink ^= (uint8_t)dnsdist_ffi_dnsquestion_get_rcode(dq);
	sink ^= (uint8_t)dnsdist_ffi_dnsquestion_get_size(dq);
	sink ^= dnsdist_ffi_dnsquestion_get_opcode(dq) ^ dnsdist_ffi_dnsquestion_get_do(dq);
	sink ^= dnsdist_ffi_dnsquestion_get_edns_version(dq);
	sink ^= dnsdist_ffi_dnsquestion_get_edns_extended_rcode(dq);
	sink ^= dnsdist_ffi_dnsquestion_get_skip_cache(dq);
	sink ^= dnsdist_ffi_dnsquestion_is_temp_failure_ttl_set(dq);
	sink ^= (uint8_t)dnsdist_ffi_dnsquestion_get_temp_failure_ttl(dq);
	sink ^= dnsdist_ffi_dnsquestion_get_use_ecs(dq) ^
		dnsdist_ffi_dnsquestion_get_ecs_override(dq);
	sink ^= (uint8_t)dnsdist_ffi_dnsquestion_get_ecs_prefix_length(dq);
	sink ^= dnsdist_ffi_dnsresponse_get_stale_cache_hit(dq);
	sink ^= dnsdist_ffi_dnsresponse_get_restart_count(dq);
}

static void read_lists(dnsdist_ffi_dnsquestion_t *dq)
{
	const dnsdist_ffi_ednsoption_t *options = NULL;
	const dnsdist_ffi_tag_t *tags = NULL;
	const char *data = NULL;
	size_t count = dnsdist_ffi_dnsquestion_get_edns_options(dq, &options);
	for (size_t i = 0; i < count; i++)
		touch(options[i].data, options[i].len);
	count = dnsdist_ffi_dnsquestion_get_tag_array(dq, &tags);
	for (size_t i = 0; i < count; i++) {
		touch_text(tags[i].name);
		touch_text(tags[i].value);
	}
	count = dnsdist_ffi_dnsquestion_get_trailing_data(dq, &data);
	touch(data, count);
	touch(dnsdist_ffi_dnsquestion_get_data(dq), dnsdist_ffi_dnsquestion_get_len(dq));
}

/* Policies write through the header, too. */
static void header(dnsdist_ffi_dnsquestion_t *dq, struct script *script)
{
	struct span copy = room_next(script), given = span_new(DNS_HEADER_SIZE);
	uint8_t *bytes = dnsdist_ffi_dnsquestion_get_header(dq);
	if (bytes != NULL)
		for (unsigned i = 0; i < DNS_HEADER_SIZE; i++)
			bytes[i] ^= next8(script);
	if (dnsdist_ffi_dnsquestion_get_header_copy(dq, copy.data, copy.size))
		touch(copy.data, DNS_HEADER_SIZE);
	for (unsigned i = 0; i < DNS_HEADER_SIZE; i++)
		given.data[i] = (char)next8(script);
	dnsdist_ffi_dnsquestion_set_header(dq, given.data);
}

static void flags_set(dnsdist_ffi_dnsquestion_t *dq, struct script *script)
{
	uint8_t which = next8(script);
	dnsdist_ffi_dnsquestion_set_skip_cache(dq, which & 1);
	dnsdist_ffi_dnsquestion_set_use_ecs(dq, which & 2);
	dnsdist_ffi_dnsquestion_set_ecs_override(dq, which & 4);
	dnsdist_ffi_dnsquestion_set_ecs_prefix_length(dq, next16(script));
	dnsdist_ffi_dnsquestion_set_rcode(dq, (int)next32(script));
	dnsdist_ffi_dnsquestion_set_max_returned_ttl(dq, next32(script));
	dnsdist_ffi_dnsresponse_set_max_returned_ttl(dq, next32(script));
	if ((which & 8) != 0)
		dnsdist_ffi_dnsquestion_set_temp_failure_ttl(dq, next32(script));
	else
		dnsdist_ffi_dnsquestion_unset_temp_failure_ttl(dq);
}

static void tags(dnsdist_ffi_dnsquestion_t *dq, struct script *script)
{
	const char *label = text_next(script);
	struct span value = span_next(script), out = room_next(script);
	switch (next8(script) % 4) {
	case 0:
		dnsdist_ffi_dnsquestion_set_tag_raw(dq, label, value.data, value.size);
		break;
	case 1:
		dnsdist_ffi_dnsquestion_set_tag(dq, label, label);
		break;
	case 2:
		dnsdist_ffi_dnsquestion_unset_tag(dq, label);
		break;
	default:
		touch_text(dnsdist_ffi_dnsquestion_get_tag(dq, label));
	}
	size_t size = dnsdist_ffi_dnsquestion_get_tag_raw(dq, label, out.data, out.size);
	if (size <= out.size)
		touch(out.data, size);
}

static void spoof(dnsdist_ffi_dnsquestion_t *dq, struct script *script)
{
	struct span first = span_next(script), second = span_next(script);
	dnsdist_ffi_raw_value_t values[] = {{first.data, (uint16_t)first.size},
					    {second.data, (uint16_t)second.size}};
	switch (next8(script) % 4) {
	case 0:
		dnsdist_ffi_dnsquestion_spoof_raw(dq, values, next8(script) % 3);
		break;
	case 1:
		dnsdist_ffi_dnsquestion_spoof_addrs(dq, values, next8(script) % 3);
		break;
	case 2:
		dnsdist_ffi_dnsquestion_spoof_packet(dq, first.data, first.size);
		break;
	default:
		dnsdist_ffi_dnsquestion_set_result(dq, first.data, first.size);
	}
}

static void records_edit(dnsdist_ffi_dnsquestion_t *dq, struct script *script)
{
	struct span name = span_next(script);
	switch (next8(script) % 5) {
	case 0:
		dnsdist_ffi_dnsresponse_set_min_ttl(dq, next32(script));
		break;
	case 1:
		dnsdist_ffi_dnsresponse_set_max_ttl(dq, next32(script));
		break;
	case 2:
		dnsdist_ffi_dnsresponse_limit_ttl(dq, next32(script), next32(script));
		break;
	case 3:
		dnsdist_ffi_dnsresponse_clear_records_type(dq, next16(script));
		break;
	default:
		dnsdist_ffi_dnsresponse_rebase(dq, name.data, name.size);
	}
}

static void size_edit(dnsdist_ffi_dnsquestion_t *dq, struct script *script)
{
	struct span data = span_next(script);
	switch (next8(script) % 4) {
	case 0:
		dnsdist_ffi_dnsquestion_set_size(dq, next16(script) % 5000);
		break;
	case 1:
		dnsdist_ffi_dnsquestion_set_len(dq, next16(script));
		break;
	case 2:
		dnsdist_ffi_dnsquestion_set_trailing_data(dq, data.data, data.size);
		break;
	default:
		dnsdist_ffi_dnsquestion_set_extended_dns_error(dq, next16(script), data.data,
							       data.size);
		dnsdist_ffi_dnsquestion_add_extended_dns_error(dq, next16(script), data.data,
							       data.size);
	}
}

static void rename_to(dnsdist_ffi_dnsquestion_t *dq, struct script *script)
{
	struct span name = span_next(script), tag = span_next(script);
	struct span value = span_next(script), former = span_next(script);
	if (next8(script) % 2 == 0)
		dnsdist_ffi_dnsquestion_set_alternate_name(dq, name.data, name.size, tag.data,
							   tag.size, value.data, value.size,
							   former.data, former.size);
	else
		dnsdist_ffi_resume_from_async_with_alternate_name(
			next8(script) % 4, next8(script) % 4, name.data, name.size, tag.data, tag.size,
			value.data, value.size, former.data, former.size);
}

static void suspend(dnsdist_ffi_dnsquestion_t *dq, struct script *script)
{
	uint16_t async_id = next8(script) % 4, query_id = next8(script) % 4;
	struct span tag = span_next(script), data = span_next(script);
	switch (next8(script) % 7) {
	case 0:
		dnsdist_ffi_dnsquestion_set_async(dq, async_id, query_id, next16(script));
		break;
	case 1:
		dnsdist_ffi_dnsresponse_set_async(dq, async_id, query_id, next16(script));
		break;
	case 2:
		dnsdist_ffi_resume_from_async(async_id, query_id, tag.data, tag.size, data.data,
					      data.size, tag.size % 2);
		break;
	case 3:
		dnsdist_ffi_drop_from_async(async_id, query_id);
		break;
	case 4:
		dnsdist_ffi_set_answer_from_async(async_id, query_id, data.data, data.size);
		break;
	case 5:
		dnsdist_ffi_set_rcode_from_async(async_id, query_id, next8(script), data.size % 2);
		break;
	default:
		dnsdist_ffi_dnsquestion_set_restartable(dq);
	}
}

/* ---- calls on bytes ---- */

static void packet_parse(struct script *script)
{
	struct span raw = span_next(script);
	dnsdist_ffi_dnspacket_free(parsed);
	free(parsed_raw);
	parsed = NULL;
	parsed_raw = malloc(raw.size > 0 ? raw.size : 1);
	MUST(parsed_raw != NULL);
	memcpy(parsed_raw, raw.data, raw.size);
	if (!dnsdist_ffi_dnspacket_parse(parsed_raw, raw.size, &parsed))
		parsed = NULL;
}

static void packet_read(struct script *script)
{
	size_t index = next8(script), size = 0;
	const char *name = NULL;
	if (parsed == NULL)
		return;
	dnsdist_ffi_dnspacket_get_qname_raw(parsed, &name, &size);
	touch(name, size);
	dnsdist_ffi_dnspacket_get_record_name_raw(parsed, index, &name, &size);
	if (name != NULL)
		touch(name, size);
	sink ^= (uint8_t)dnsdist_ffi_dnspacket_get_qtype(parsed);
	sink ^= (uint8_t)dnsdist_ffi_dnspacket_get_qclass(parsed);
	sink ^= (uint8_t)dnsdist_ffi_dnspacket_get_records_count_in_section(parsed, (uint8_t)index);
	sink ^= (uint8_t)dnsdist_ffi_dnspacket_get_record_type(parsed, index);
	sink ^= (uint8_t)dnsdist_ffi_dnspacket_get_record_class(parsed, index);
	sink ^= (uint8_t)dnsdist_ffi_dnspacket_get_record_ttl(parsed, index);
	size = dnsdist_ffi_dnspacket_get_record_content_length(parsed, index);
	touch(parsed_raw + dnsdist_ffi_dnspacket_get_record_content_offset(parsed, index), size);
}

static void record_read(struct script *script)
{
	size_t index = next8(script);
	struct span out = room_next(script);
	size_t size = out.size;
	bool found = false;
	if (parsed == NULL)
		return;
	switch (next8(script) % 4) {
	case 0:
		found = dnsdist_ffi_dnspacket_parse_a_record(parsed_raw, parsed, index, out.data, &size);
		break;
	case 1:
		found = dnsdist_ffi_dnspacket_parse_aaaa_record(parsed_raw, parsed, index, out.data,
								&size);
		break;
	case 2:
		found = dnsdist_ffi_dnspacket_parse_address_record(parsed_raw, parsed, index, out.data,
								   &size);
		break;
	default:
		found = dnsdist_ffi_dnspacket_parse_cname_record(parsed_raw, parsed, index, out.data,
								 &size);
	}
	if (found)
		touch(out.data, size);
}

static void metric(struct script *script)
{
	struct span name = span_next(script);
	const char *text = text_next(script);
	switch (next8(script) % 6) {
	case 0:
		dnsdist_ffi_metric_declare(name.data, name.size,
					   next8(script) % 2 ? "counter" : "gauge", text, NULL);
		break;
	case 1:
		dnsdist_ffi_metric_inc(name.data, name.size);
		break;
	case 2:
		dnsdist_ffi_metric_inc_by(name.data, name.size, next32(script));
		break;
	case 3:
		dnsdist_ffi_metric_dec(name.data, name.size);
		break;
	case 4:
		dnsdist_ffi_metric_set(name.data, name.size, next16(script));
		break;
	default:
		sink ^= dnsdist_ffi_metric_get(name.data, name.size, next8(script) % 2) > 0;
	}
	sink ^= (uint8_t)dnsdist_ffi_hash(next32(script), (const unsigned char *)name.data,
					  name.size, next8(script) % 2);
}

/* No socket can be at such a path. */
static void endpoint(struct script *script)
{
	dnsdist_ffi_network_endpoint_t *made = NULL;
	struct span path = span_next(script), data = span_next(script);
	struct lua_datagram datagram = {.data = data.data, .from = "", .length = (uint32_t)data.size};
	if (path.size > 10)
		memcpy(path.data, "/dev/null/", 10);
	else
		path.size = 0;
	if (dnsdist_ffi_network_endpoint_new(path.data, path.size, &made)) {
		sink ^= dnsdist_ffi_network_endpoint_is_valid(made);
		dnsdist_ffi_network_endpoint_send(made, data.data, data.size);
		dnsdist_ffi_network_endpoint_free(made);
	}
	touch(dnsdist_ffi_network_message_get_payload(&datagram),
	      dnsdist_ffi_network_message_get_payload_size(&datagram));
	sink ^= (uint8_t)dnsdist_ffi_network_message_get_endpoint_id(&datagram);
}

/* ---- our own ---- */

static void own_read(struct lua_question *question, struct script *script)
{
	struct lua_bytes bytes;
	struct lua_name name;
	struct span key = span_next(script);
	static struct lua_tag all[4];
	static struct lua_option options[4];
	if (sluice_question_content(question, &bytes))
		touch(bytes.data, bytes.length);
	if (sluice_question_trailing(question, &bytes))
		touch(bytes.data, bytes.length);
	if (sluice_question_pool(question, &bytes))
		touch(bytes.data, bytes.length);
	if (sluice_question_tag(question, key.data, key.size, &bytes))
		touch(bytes.data, bytes.length);
	if (sluice_question_qname(question, &name))
		touch(name.wire, name.length);
	size_t count = sluice_question_tags(question, all, RTE_DIM(all));
	for (size_t i = 0; i < RTE_MIN(count, RTE_DIM(all)); i++)
		touch(all[i].value.data, all[i].value.length);
	count = sluice_question_options(question, options, RTE_DIM(options));
	for (size_t i = 0; i < RTE_MIN(count, RTE_DIM(options)); i++)
		touch(options[i].data.data, options[i].data.length);
	const struct lua_header *head = sluice_question_header(question);
	if (head != NULL)
		touch(head, sizeof(*head));
}

static void own_edit(struct lua_question *question, struct script *script)
{
	struct span data = span_next(script);
	struct lua_soa soa = {.nxdomain = data.size % 2, .ttl = 60};
	struct lua_record record = {.offset = next16(script), .place = 1};
	bool restarted;
	switch (next8(script) % 11) {
	case 0:
		sluice_question_content_set(question, data.data, data.size);
		break;
	case 1:
		sluice_question_rename(question, name_next(script));
		break;
	case 2:
		sluice_question_option_set(question, next16(script), data.data, data.size);
		break;
	case 3:
		soa.zone = soa.mname = soa.rname = *name_next(script);
		sluice_question_negative(question, &soa);
		break;
	case 4:
		sluice_question_ttl_store(question, &record, next32(script));
		break;
	case 5:
		sluice_question_pool_set(question, data.data, data.size);
		break;
	case 6:
		sluice_question_keep(question);
		break;
	case 7:
		sluice_question_restart(question, &restarted);
		break;
	case 8:
		sluice_suspend_id(question, next16(script), next8(script) % 5 - 1, data.size % 2);
		break;
	case 9:
		sluice_question_rcode_set(question, next32(script));
		break;
	default:
		sluice_question_tag_set(question, data.data, data.size, data.data, data.size);
	}
}

/* ---- dynamic blocks ---- */

static void entries_read(bool named)
{
	dnsdist_ffi_dynamic_blocks_list_t *list = NULL;
	size_t count = named ? dnsdist_ffi_dynamic_blocks_smt_get_entries(&list)
			     : dnsdist_ffi_dynamic_blocks_get_entries(&list);
	for (size_t i = 0; i < count; i++) {
		const dnsdist_ffi_dynamic_block_entry_t *entry =
			dnsdist_ffi_dynamic_blocks_list_get(list, i);
		touch_text(entry->key);
		touch_text(entry->reason);
		sink ^= entry->action;
	}
	MUST(dnsdist_ffi_dynamic_blocks_list_get(list, count) == NULL);
	dnsdist_ffi_dynamic_blocks_list_free(list);
}

static void dynamic_blocks(struct script *script)
{
	static const struct blocks *view;
	if (context->blocks == NULL) {
		context->blocks = block_set_create(&view, NULL, 1, 1);
		context->tsc_hz = 1000000000;
	}
	uint8_t what = next8(script), bits = next8(script), ports = next8(script);
	const char *whom = text_next(script), *tag = text_next(script), *why = text_next(script);
	if (what & 16)
		dnsdist_ffi_dynamic_blocks_add(whom, why, what % 16, next32(script), bits, ports,
					       tag, what & 32 ? why : NULL);
	else
		dnsdist_ffi_dynamic_blocks_smt_add(whom, why, what % 16, next32(script),
						   what & 32 ? tag : NULL, why);
	if (what & 64)
		entries_read(what & 128);
	if (sluice_blocks_count() > 64)
		sluice_blocks_clear();
	block_set_reclaim(context->blocks);
}

static void call(struct script *script)
{
	uint8_t which = next8(script), on = next8(script);
	struct lua_question *question = on % 4 == 3 ? NULL : &handles[on % 4];
	switch (which % 17) {
	case 0:
		read_addresses(question, script);
		break;
	case 1:
		read_numbers(question);
		break;
	case 2:
		read_lists(question);
		break;
	case 3:
		header(question, script);
		break;
	case 4:
		flags_set(question, script);
		break;
	case 5:
		tags(question, script);
		break;
	case 6:
		spoof(question, script);
		break;
	case 7:
		records_edit(question, script);
		break;
	case 8:
		size_edit(question, script);
		break;
	case 9:
		rename_to(question, script);
		break;
	case 10:
		suspend(question, script);
		break;
	case 11:
		packet_parse(script);
		break;
	case 12:
		packet_read(script);
		break;
	case 13:
		record_read(script);
		break;
	case 14:
		metric(script);
		break;
	case 15:
		endpoint(script);
		break;
	default:
		if (on & 32)
			dynamic_blocks(script);
		else if (on & 16)
			own_read(question, script);
		else
			own_edit(question, script);
	}
	spans_free();
}

/* ---- packets ---- */

static void packet_take(unsigned at, const uint8_t *message, size_t length, bool response)
{
	struct rte_mbuf *mbuf =
		packet_hold(response ? CHAIN_RESPONSE : CHAIN_QUERY, message, length, ROOM);
	lua_question_fill(&handles[at], mbuf, 0, true);
}

/* Whatever was called, messages lie within their buffers. */
static void packets_judge(void)
{
	for (unsigned i = 0; i < PACKETS_MAX; i++) {
		if (held[i] == NULL)
			continue;
		struct rte_mbuf *mbuf = &held[i]->mbuf;
		MUST(packet_of(mbuf)->dns_length >= DNS_HEADER_SIZE);
		MUST(packet_of(mbuf)->dns_length <= packet_dns_capacity(mbuf));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint64_t now;
	struct async_done done;
	if (size < 2)
		return 0;
	size_t length = (size_t)data[0] << 8 | data[1];
	if (length < DNS_HEADER_SIZE || length > size - 2 || length > PACKET_MOST)
		return 0;
	if (context == NULL)
		context_make(true);
	lua_batch_begin();
	packet_take(0, data + 2, length, false);
	packet_take(1, data + 2, length, true);
	packet_take(2, data + 2, length, false);
	packet_release(handles[2].slot);
	struct script script = {data + 2 + length, size - 2 - length};
	for (unsigned i = 0; i < CALLS && script.left > 0; i++) {
		call(&script);
		packets_judge();
	}
	now += 100000; /* whoever is suspended expires */
	async_advance(context->async, now);
	while (async_done_pop(context->async, &done))
		continue;
	context->now = now;
	packet_release(handles[0].slot);
	packet_release(handles[1].slot);
	dnsdist_ffi_dnspacket_free(parsed);
	free(parsed_raw);
	parsed = NULL;
	parsed_raw = NULL;
	return 0;
}
