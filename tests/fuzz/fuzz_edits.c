/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Edits of a packet in hand, one after the other, as policies make them: byte 0 says how many bytes
 * of edits follow, the rest is the message. An edit is a byte that says which, one that says how
 * much, and data as far as it needs any.
 */
#include "dataplane/dns/edns.h"
#include "dataplane/dns/rewrite.h"
#include "tests/fuzz/packets.h"

#define SMALL 512u /* bytes of a message in the first buffer */
#define EDITS 12u

static struct lua_bytes data_next(struct script *script, size_t length)
{
	struct lua_bytes data = {(const char *)script->at,
				 length < script->left ? length : script->left};
	script->at += data.length;
	script->left -= data.length;
	return data;
}

static struct rte_mbuf *packet(struct lua_question *question)
{
	struct rte_mbuf *mbuf = sluice_question_find(question);
	MUST(mbuf == &held[question->slot]->mbuf);
	return mbuf;
}

static bool is_sound(struct rte_mbuf *mbuf)
{
	return dns_message_check(packet_dns(mbuf), packet_of(mbuf)->dns_length) == 0;
}

static size_t records(struct rte_mbuf *mbuf)
{
	return sluice_records((const char *)packet_dns(mbuf), packet_of(mbuf)->dns_length, NULL, 0);
}

/* ---- edits: 0 or -errno ---- */

static int rename_to(struct lua_question *question, struct lua_bytes data)
{
	struct lua_name name, is;
	size_t before = records(packet(question));
	if (sluice_name_load(data.data, data.length, &name) < 0)
		return -1;
	int error = sluice_question_rename(question, &name);
	if (error < 0)
		return error;
	MUST(sluice_question_qname(question, &is) && is.length == name.length);
	MUST(memcmp(is.wire, name.wire, is.length) == 0);
	MUST(records(packet(question)) == before);
	return 0;
}

static int option_put(struct lua_question *question, uint16_t code, struct lua_bytes data)
{
	struct dns_edns edns;
	struct dns_option option;
	int error = sluice_question_option_set(question, code, data.data, data.length);
	if (error < 0)
		return error;
	const uint8_t *dns = packet_dns(packet(question));
	MUST(dns_edns_search(dns, packet_of(packet(question))->dns_length, &edns) == DNS_OK);
	MUST(dns_option_find(dns, &edns, code, &option) != 0);
	MUST(option.code != code || option.length == data.length);
	return 0;
}

static int turn(struct lua_question *question, uint16_t client_size)
{
	struct rte_mbuf *mbuf = packet(question);
	uint16_t before = packet_of(mbuf)->dns_length;
	int length = dns_edns_turn(packet_dns(mbuf), before, client_size, DNS_EDNS_UDP_SIZE);
	MUST(length <= before);
	if (length >= 0)
		packet_dns_resize(mbuf, (uint16_t)length);
	return length < 0 ? length : 0;
}

static int cut(struct lua_question *question, uint16_t size)
{
	struct rte_mbuf *mbuf = packet(question);
	uint16_t before = packet_of(mbuf)->dns_length;
	int length = dns_response_cut(packet_dns(mbuf), before, size);
	MUST(length <= before);
	if (length >= 0)
		packet_dns_resize(mbuf, (uint16_t)length);
	return length < 0 ? length : 0;
}

static void spoof_packet(struct lua_question *question, struct lua_bytes data)
{
	struct rte_mbuf *mbuf = packet(question);
	uint16_t id;
	memcpy(&id, packet_dns(mbuf), sizeof(id));
	bool sound = is_sound(mbuf);
	dnsdist_ffi_dnsquestion_spoof_packet(question, data.data, data.length);
	MUST(memcmp(packet_dns(packet(question)), &id, sizeof(id)) == 0);
	MUST(!sound || is_sound(packet(question)));
}

static int edit(struct lua_question *question, struct script *script)
{
	uint8_t what = next8(script), how = next8(script);
	uint16_t type = how;
	struct lua_bytes value = {NULL, 0};
	struct lua_address address = {.ipv6 = how & 1};
	switch (what % 12) {
	case 0:
		return rename_to(question, data_next(script, how));
	case 1:
		return option_put(question, how % 16, data_next(script, how));
	case 2:
		return sluice_question_trailing_set(question, (const char *)script->at,
						    data_next(script, how).length);
	case 3:
		return sluice_question_types_clear(question, &type, 1);
	case 4:
		return sluice_question_ttls_limit(question, how, how + 5u);
	case 5:
		value = data_next(script, how);
		return sluice_question_spoof_raw(question, &value, how % 2 + 1u > 1 ? 1 : 0, how,
						 60);
	case 6:
		return sluice_question_spoof_addresses(question, &address, how % 2);
	case 7:
		return turn(question, (uint16_t)(how << 4));
	case 8:
		return cut(question, (uint16_t)(how << 4));
	case 9:
		spoof_packet(question, data_next(script, how));
		return 0;
	case 10:
		value = data_next(script, how);
		return sluice_question_content_set(question, value.data, value.length);
	default:
		return sluice_question_resize(question, how);
	}
}

/*
 * An edit that is refused leaves the message as it is; a sound one stays sound. Not so where names
 * lead into TTLs, as nobody writes them: who changes one changes the other.
 */
static void edit_judge(struct lua_question *question, struct script *script)
{
	static uint8_t before[65536];
	struct rte_mbuf *mbuf = packet(question);
	uint16_t length = packet_of(mbuf)->dns_length;
	unsigned what = *script->at % 12;
	bool sound = is_sound(mbuf), replaces = what >= 9 || what == 4;
	memcpy(before, packet_dns(mbuf), length);
	int error = edit(question, script);
	mbuf = packet(question);
	MUST(packet_of(mbuf)->dns_length <= packet_dns_capacity(mbuf));
	if (error < 0) {
		MUST(packet_of(mbuf)->dns_length == length);
		MUST(what == 4 || memcmp(packet_dns(mbuf), before, length) == 0);
	} else if (sound && !replaces) {
		MUST(is_sound(mbuf));
	}
}

static void packet_take(struct lua_question *question, bool response, size_t size)
{
	static const uint8_t header[DNS_HEADER_SIZE];
	struct rte_mbuf *mbuf = packet_hold(response ? CHAIN_RESPONSE : CHAIN_QUERY, header,
					    sizeof(header), size > SMALL ? size : SMALL);
	lua_batch_begin();
	lua_question_fill(question, mbuf, 0, false);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct lua_question question;
	if (size < 1)
		return 0;
	size_t left = data[0] < size - 1 ? data[0] : size - 1;
	struct script script = {data + 1, left};
	const char *message = (const char *)data + 1 + left;
	size_t length = size - 1 - left;
	if (length > PACKET_MOST)
		return 0;
	if (context == NULL)
		context_make(true);
	packet_take(&question, data[0] & 1, length);
	MUST((sluice_question_content_set(&question, message, length) == 0) ==
	     (length >= DNS_HEADER_SIZE));
	for (unsigned i = 0; i < EDITS && script.left > 0; i++)
		edit_judge(&question, &script);
	packet_release(question.slot);
	return 0;
}
