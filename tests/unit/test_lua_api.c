/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs the Lua specs of tests/lua, each in a state of its own, over packets in plain memory. The
 * program must export its symbols. SLUICE_SOURCE names the source folder, if it is not ".".
 */
#include "tests/unit/unit.h"

#include <malloc.h>
#include <stdio.h>
#include <string.h>

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

#include "control/lua/abi.h"
#include "control/lua/place.h"
#include "dataplane/clock.h"
#include "dataplane/dns/message.h"
#include "dataplane/recent.h"
#include "dataplane/rules/block_set.h"
#include "dataplane/rules/tags.h"

#define ROOM 1024u /* bytes for the message in the first buffer */
#define PACKETS 64u

/* The specs find these by their names. */
#pragma GCC visibility push(default)
int test_take(const char *dns, size_t length, int chain);
void test_fill(uint32_t slot, int reference, bool ffi, bool selector);
void test_fill_at(uint32_t index, uint32_t slot, int reference);
void test_settle(uint32_t count);
int test_turn(uint64_t now);
int test_ended(uint32_t slot);
void test_release(uint32_t slot);
size_t test_logged(void);
size_t test_heap(void);
void test_asked(const char *client, const char *dns, size_t length, uint32_t age_ms);
void test_answered(const char *client, const char *dns, size_t length, uint32_t age_ms,
		   int32_t took_ms, int origin);
void test_deliver(const char *data, size_t length, int reference);
void test_count(const char *client, uint32_t times, uint32_t value, bool answer, bool miss);
#pragma GCC visibility pop

struct test_packet {
	struct rte_mbuf mbuf;
	uint8_t private[PACKET_PRIVATE_SIZE];
	uint8_t bytes[RTE_PKTMBUF_HEADROOM + 70000];
};

static struct test_packet *packets[PACKETS];
static int ended[PACKETS]; /* by slot: -1, or enum async_end */
static struct lua_context *context;
static char listened[128];
static const struct blocks *blocks;

static struct test_packet *packet_make(uint16_t room)
{
	struct test_packet *made = calloc(1, sizeof(*made));
	struct rte_mbuf *mbuf = &made->mbuf;
	mbuf->buf_addr = made->bytes;
	mbuf->buf_len = room;
	mbuf->data_off = RTE_PKTMBUF_HEADROOM;
	mbuf->priv_size = PACKET_PRIVATE_SIZE;
	return made;
}

/* To another buffer, as the control lcore does it: nobody may hold on to the one before. */
static struct rte_mbuf *grow(void *ctx, struct rte_mbuf *mbuf, size_t need)
{
	(void)ctx;
	if (need > 60000)
		return NULL;
	uint32_t slot = packet_of(mbuf)->slot;
	struct test_packet *larger = packet_make(UINT16_MAX);
	memcpy(larger->bytes + RTE_PKTMBUF_HEADROOM, packet_dns(mbuf), packet_of(mbuf)->dns_length);
	*packet_of(&larger->mbuf) = *packet_of(mbuf);
	packet_dns_resize(&larger->mbuf, packet_of(mbuf)->dns_length);
	memset(packets[slot], 0xff, sizeof(*packets[slot]));
	free(packets[slot]);
	packets[slot] = larger;
	async_set_mbuf(context->async, slot, &larger->mbuf);
	return &larger->mbuf;
}

static bool hear(void *ctx, const char *path, size_t length, uint16_t endpoint_id,
		 int32_t reference, bool ffi, char *error, size_t error_size)
{
	(void)ctx;
	(void)endpoint_id;
	(void)ffi;
	snprintf(listened, sizeof(listened), "%.*s", (int)length, path);
	if (strcmp(listened, "/refused") == 0)
		snprintf(error, error_size, "%s is in use", listened);
	return reference > 0 && error[0] == '\0';
}

/* ---- late queries and responses */

#define RECENT_TEST_SIZE 64u

static struct recent *recent;
static struct recent_lcore recorder;

static const struct recent *recent_give(void *ctx)
{
	(void)ctx;
	return recent;
}

static void recent_setup(void)
{
	const struct recent_options options = {
		.size = {RECENT_TEST_SIZE, RECENT_TEST_SIZE}, .rate = 1};
	size_t size = RTE_CACHE_LINE_ROUNDUP(recent_memory(&options, 1));
	void *memory = aligned_alloc(RTE_CACHE_LINE_SIZE, size);
	ck_assert_ptr_nonnull(memory);
	memset(memory, 0, size);
	recent = recent_open(memory, &options, 1);
	recorder = (struct recent_lcore){0};
	recent_adopt(&recorder, recent, 0);
}

static uint64_t ago(uint64_t ms)
{
	return clock_now() - ms * (context->tsc_hz / 1000);
}

static struct test_packet *recent_packet(const char *client, const char *dns, size_t length)
{
	struct test_packet *made = packet_make(RTE_PKTMBUF_HEADROOM + ROOM);
	struct query_state *query = &packet_of(&made->mbuf)->query;
	struct lua_address address;
	ck_assert_int_eq(sluice_address_parse(client, &address), 0);
	memcpy(query->client_addr, address.bytes, 16);
	memcpy(query->client_mac, "\2\0\0\0\0\1", 6);
	query->client_port = address.port;
	memcpy(packet_dns(&made->mbuf), dns, length);
	packet_dns_resize(&made->mbuf, (uint16_t)length);
	lua_question_refresh(&made->mbuf);
	query->flags |= address.ipv6 ? QUERY_IPV6 : 0;
	return made;
}

void test_asked(const char *client, const char *dns, size_t length, uint32_t age_ms)
{
	struct test_packet *made = recent_packet(client, dns, length);
	struct rte_mbuf *mbuf = &made->mbuf;
	recent_queries(&recorder, &mbuf, 1, ago(age_ms));
	free(made);
}

/* `took_ms` -1: it was not answered at all. */
void test_answered(const char *client, const char *dns, size_t length, uint32_t age_ms,
		   int32_t took_ms, int origin)
{
	struct test_packet *made = recent_packet(client, dns, length);
	struct packet *packet = packet_of(&made->mbuf);
	packet->origin = (uint8_t)origin;
	packet->query.arrival = ago(age_ms + (uint64_t)(took_ms > 0 ? took_ms : 0));
	packet->query.backend = BACKEND_NONE;
	if (took_ms >= 0)
		recent_answer(&recorder, &made->mbuf, ago(age_ms));
	else
		recent_timeout(&recorder, &packet->query,
			       packet_dns(&made->mbuf) + DNS_HEADER_SIZE, ago(age_ms));
	free(made);
}

static const struct lua_abi_hooks hooks = {.grow = grow, .listen = hear, .recent = recent_give};

int test_take(const char *dns, size_t length, int chain)
{
	struct test_packet *made = packet_make(RTE_PKTMBUF_HEADROOM + ROOM);
	struct rte_mbuf *mbuf = &made->mbuf;
	ck_assert_uint_le(length, ROOM);
	struct packet *packet = packet_of(mbuf);
	packet->chain = (uint8_t)chain;
	packet->query.client_port = 4242;
	packet->query.local_port = 53;
	memcpy(packet->query.client_addr, "\xc0\x00\x02\x01", 4);
	memcpy(packet->query.local_addr, "\x0a\x35\x00\x01", 4);
	memcpy(packet_dns(mbuf), dns, length);
	packet_dns_resize(mbuf, (uint16_t)length);
	lua_question_refresh(mbuf);
	packet->slot = async_take(context->async, mbuf);
	ck_assert_uint_lt(packet->slot, PACKETS);
	packets[packet->slot] = made;
	ended[packet->slot] = -1;
	return (int)packet->slot;
}

void test_fill(uint32_t slot, int reference, bool ffi, bool selector)
{
	struct lua_question *item = selector ? context->selector.items : context->batch.items;
	lua_batch_begin();
	lua_question_fill(item, &packets[slot]->mbuf, reference, ffi);
	if (selector)
		item->flags |= LUA_QUESTION_SELECTOR;
}

void test_fill_at(uint32_t index, uint32_t slot, int reference)
{
	lua_question_fill(&context->batch.items[index], &packets[slot]->mbuf, reference, false);
}

void test_settle(uint32_t count)
{
	lua_batch_settle(context, count);
}

int test_turn(uint64_t now)
{
	struct async_done done;
	int count = 0;
	context->now = now;
	clock_replayed = now * 1000000 + 1;
	async_advance(context->async, now);
	for (; async_done_pop(context->async, &done); count++)
		ended[done.slot] = done.end;
	return count;
}

int test_ended(uint32_t slot)
{
	return ended[slot];
}

void test_release(uint32_t slot)
{
	async_release(context->async, slot);
	notes_free(&packet_of(&packets[slot]->mbuf)->query.notes);
	free(packets[slot]);
	packets[slot] = NULL;
}

size_t test_logged(void)
{
	return context->errors;
}

/* Bytes that C has; LuaJIT has its own. Not all compilers have the sanitizer's header. */
#ifdef __SANITIZE_ADDRESS__
size_t __sanitizer_get_current_allocated_bytes(void);
#endif
size_t test_heap(void)
{
#ifdef __SANITIZE_ADDRESS__
	return __sanitizer_get_current_allocated_bytes();
#else
	struct mallinfo2 now = mallinfo2();
	return now.uordblks + now.hblkhd;
#endif
}

/* As workers would, for the group that was made last: `value` is a type, or an rcode. */
void test_count(const char *client, uint32_t times, uint32_t value, bool answer, bool miss)
{
	char error[256];
	struct count_losses losses = {0};
	struct lua_address address;
	struct policy *policy = policy_model_compile(context->model, error, sizeof(error));
	const struct count_event event = {
		.value = (uint16_t)value, .answer = answer, .miss = miss, .bytes = 100};
	ck_assert_msg(policy != NULL, "%s", error);
	ck_assert_int_eq(sluice_address_parse(client, &address), 0);
	const struct policy_group *group = &policy->groups[policy->n_groups - 1];
	for (uint32_t i = 0; i < times; i++) {
		if (group->excluded != NULL &&
		    prefix_set_match(group->excluded, address.bytes, address.ipv6 != 0))
			break;
		client_counts_add(group->counts, 0, address.bytes, address.ipv6 != 0, address.port,
				  &event);
		client_counts_flush(group->counts, 0, group->limits, clock_now(), &losses);
	}
	policy_free(policy);
}

void test_deliver(const char *data, size_t length, int reference)
{
	context->mailbox.items[0] = (struct lua_datagram){
		.data = data, .from = "", .length = (uint32_t)length, .reference = reference};
}

/* ---- states ---- */

static char *file_read(const char *path, size_t *size)
{
	FILE *file = fopen(path, "r");
	ck_assert_msg(file != NULL, "cannot open %s", path);
	char *text = calloc(1, 1 << 20);
	*size = fread(text, 1, (1 << 20) - 1, file);
	fclose(file);
	return text;
}

static const char *at_source(const char *name)
{
	static char path[512];
	const char *source = getenv("SLUICE_SOURCE");
	snprintf(path, sizeof(path), "%s/%s", source != NULL ? source : ".", name);
	return path;
}

static int module_load(lua_State *lua)
{
	char name[256], chunk[260];
	snprintf(name, sizeof(name), "lua/%s.lua", luaL_checkstring(lua, 1) + strlen("sluice."));
	snprintf(chunk, sizeof(chunk), "@%s", name);
	size_t size;
	char *text = file_read(at_source(name), &size);
	int error = luaL_loadbuffer(lua, text, size, chunk);
	free(text);
	if (error != 0)
		return lua_error(lua);
	lua_call(lua, 0, 1);
	return 1;
}

static const char prepare[] = "local load, text = ...\n"
			      "require('ffi').cdef(text)\n"
			      "for name in ([[check help guard constants name address header question packet\n"
			      "delta driver async part wording lists stores blocks groups selectors actions export chains tcp server servers cache\n"
			      "balancing metrics svcb interfaces json web api carbon binds recent counts tops unsupported\n"
			      "boot]]):gmatch('%S+') do\n"
			      "package.preload['sluice.' .. name] = load\n"
			      "end\n"
			      "driver = require('sluice.boot')\n";

static void must(lua_State *lua, int error)
{
	ck_assert_msg(error == 0, "%s", error ? lua_tostring(lua, -1) : "");
}

/* Over one worker, which has asked nobody. */
static struct balance *balance_made(void)
{
	static struct backend_stats stats[POLICY_BACKENDS_MAX];
	static const struct backend_stats *const all[] = {stats, NULL};
	static struct rule_context rules = {.backends = all};
	struct balance *made = calloc(1, sizeof(*made));
	balance_init(made, &rules, stats, 1000000000);
	return made;
}

/* What ffi.cdef() is to read. */
static void interface_push(lua_State *lua)
{
	static const char *const parts[] = {"", "_policy", "_recent", "_export", "_dnsdist", "_dnsdist_control"};
	luaL_Buffer all;

	luaL_buffinit(lua, &all);
	for (size_t i = 0; i < RTE_DIM(parts); i++) {
		char name[64];
		snprintf(name, sizeof(name), "control/lua/cdef%s.h", parts[i]);
		size_t size;
		char *text = file_read(at_source(name), &size);
		luaL_addlstring(&all, text, size);
		free(text);
	}
	luaL_pushresult(&all);
}

static void spec_run(const char *name)
{
	struct async_config config = {
		.max_packets = PACKETS, .max_suspended = 8, .on_expiry = ASYNC_FATE_RESUME};
	context = lua_context_new();
	context->async = async_create(&config, 0);
	context->endpoints = endpoint_set_create(lua_abi_send_failed, NULL);
	context->registry = policy_registry_new(NULL, NULL);
	context->model = policy_model_new(context->registry);
	context->loading = true;
	context->hooks = &hooks;
	context->balance = balance_made();
	context->blocks = block_set_create(&blocks, NULL, 1, 1);
	context->tsc_hz = 1000000000;
	clock_replayed = 1;
	recent_setup();
	lua_abi_use(context);

	lua_State *lua = luaL_newstate();
	luaL_openlibs(lua);
	lua_place_install(lua);
	must(lua, luaL_loadstring(lua, prepare));
	lua_pushcfunction(lua, module_load);
	interface_push(lua);
	must(lua, lua_pcall(lua, 2, 0, 0));
	must(lua, luaL_loadfile(lua, at_source("tests/lua/lib.lua")));
	must(lua, lua_pcall(lua, 0, 0, 0));
	must(lua, luaL_loadfile(lua, at_source(name)));
	must(lua, lua_pcall(lua, 0, 0, 0));

	lua_close(lua);
	for (unsigned i = 0; i < PACKETS; i++)
		if (packets[i] != NULL)
			test_release(i);
	async_destroy(context->async);
	policy_model_free(context->model);
	policy_registry_free(context->registry);
	lua_balance_forget();
	free(recent);
	free(context->balance);
	block_set_destroy(context->blocks);
	struct endpoint_set *endpoints = context->endpoints;
	lua_context_free(context);
	endpoint_set_destroy(endpoints);
}

static const char *const specs[] = {
	"tests/lua/values.lua",
	"tests/lua/arguments.lua",
	"tests/lua/help.lua",
	"tests/lua/question.lua",
	"tests/lua/async.lua",
	"tests/lua/policy.lua",
	"tests/lua/rebuilt.lua",
	"tests/lua/batch.lua",
	"tests/lua/tier1.lua",
	"tests/lua/reading.lua",
	"tests/lua/names.lua",
	"tests/lua/globals.lua",
	"tests/lua/metrics.lua",
	"tests/lua/servers.lua",
	"tests/lua/tcp.lua",
	"tests/lua/export.lua",
	"tests/lua/cache.lua",
	"tests/lua/recent.lua",
	"tests/lua/blocks.lua",
	"tests/lua/groups.lua",
	"tests/lua/members.lua",
	"tests/lua/ffi.lua",
	"tests/lua/secrets.lua",
	"tests/lua/json.lua",
	"tests/lua/counts.lua",
};

START_TEST(spec)
{
	spec_run(specs[_i]);
}
END_TEST

/* The watchdog throws states away without running finalizers. */
START_TEST(sets_end_with_their_context)
{
	size_t before = mallinfo2().uordblks;
	struct lua_context *made = lua_context_new();
	struct lua_names *names[5];
	struct lua_name name;
	lua_abi_use(made);
	for (unsigned i = 0; i < 5; i++) {
		names[i] = sluice_names_new();
		char text[32];
		for (unsigned k = 0; k < 1000; k++) {
			int length = snprintf(text, sizeof(text), "n%u.example.org", k);
			ck_assert_int_eq(sluice_name_parse(text, (size_t)length, &name), 0);
			ck_assert_int_eq(sluice_names_add(names[i], &name), 0);
		}
	}
	sluice_names_free(names[4]);
	sluice_names_free(names[2]);
	sluice_names_free(names[0]);
	ck_assert_uint_eq(sluice_names_count(names[1]), 1000);
	ck_assert_uint_eq(sluice_names_count(names[3]), 1000);
	lua_context_free(made);
	ck_assert_ptr_null(lua_abi_context());
	/* What malloc keeps at hand counts as used: less than one set. */
	ck_assert_uint_le(mallinfo2().uordblks, before + 16384);
}
END_TEST

static Suite *suite(void)
{
	Suite *made = suite_create("lua_api");
	TCase *specs_case = tcase_create("specs");
	tcase_set_timeout(specs_case, 20);
	tcase_add_loop_test(specs_case, spec, 0, sizeof(specs) / sizeof(specs[0]));
	suite_add_tcase(made, specs_case);
	TCase *sets = tcase_create("sets");
	tcase_add_test(sets, sets_end_with_their_context);
	suite_add_tcase(made, sets);
	return made;
}

UNIT_MAIN(suite)
