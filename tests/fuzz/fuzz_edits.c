/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Edits of a packet in hand, one after the other, as policies make them: byte 0 says how many bytes
 * of edits follow, the rest is the message. An edit is a byte that says which, one that says how
 * much, and data as far as it needs any.
 */
#include <stdlib.h>
#include <string.h>

#include "control/lua_abi.h"
#include "dataplane/dns/edns.h"
#include "dataplane/dns/rewrite.h"
#include "dataplane/rules/tags.h"

#define SMALL 512u /* bytes of a message in the first buffer */
#define EDITS 12u
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

/* What is left of the edits. */
struct script {
	const uint8_t *at;
	size_t left;
};

static struct lua_context *context;
static struct held *held; /* the buffer of the packet in hand */

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
static struct rte_mbuf *grow(void *ctx, struct rte_mbuf *mbuf, size_t need)
{
	(void)ctx;
	if (need > 4096)
		return NULL;
	uint16_t length = packet_of(mbuf)->dns_length;
	struct held *larger = buffer_new(need);
	*packet_of(&larger->mbuf) = *packet_of(mbuf);
	memcpy(packet_dns(&larger->mbuf), packet_dns(mbuf), length);
	packet_dns_resize(&larger->mbuf, length);
	async_set_mbuf(context->async, packet_of(mbuf)->slot, &larger->mbuf);
	free(held);
	held = larger;
	return &larger->mbuf;
}

static void setup(void)
{
	static const struct lua_abi_hooks hooks = {.grow = grow};
	struct async_config config = {
		.max_packets = 4, .max_suspended = 4, .on_expiry = ASYNC_FATE_RESUME};
	context = lua_context_new();
	MUST(context != NULL);
	context->async = async_create(&config, 0);
	context->registry = policy_registry_new(NULL, NULL);
	context->model = policy_model_new(context->registry);
	context->hooks = &hooks;
	MUST(context->async != NULL && context->model != NULL);
	lua_abi_use(context);
}

static uint8_t next(struct script *script)
{
	if (script->left == 0)
		return 0;
	script->left--;
	return *script->at++;
}

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
	MUST(mbuf == &held->mbuf);
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
	uint8_t what = next(script), how = next(script);
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
	held = buffer_new(size > SMALL ? size : SMALL);
	struct packet *state = packet_of(&held->mbuf);
	state->chain = response ? CHAIN_RESPONSE : CHAIN_QUERY;
	packet_dns_resize(&held->mbuf, DNS_HEADER_SIZE);
	state->slot = async_take(context->async, &held->mbuf);
	MUST(state->slot != ASYNC_NONE);
	lua_batch_begin();
	lua_question_fill(question, &held->mbuf, 0, false);
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
	if (length > 4096)
		return 0;
	if (context == NULL)
		setup();
	packet_take(&question, data[0] & 1, length);
	MUST((sluice_question_content_set(&question, message, length) == 0) ==
	     (length >= DNS_HEADER_SIZE));
	for (unsigned i = 0; i < EDITS && script.left > 0; i++)
		edit_judge(&question, &script);
	async_release(context->async, question.slot);
	notes_free(&packet_of(&held->mbuf)->query.notes);
	free(held);
	return 0;
}
