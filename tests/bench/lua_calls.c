/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What an action in Lua costs: batches of 64 over packets in plain memory, without EAL, in a host
 * as the control lcore has it. The cases are in lua_calls.lua beside this file.
 *
 *   bench_lua_calls tests/bench/lua_calls.lua [ROUNDS [CASE]]
 *
 * Prints nanoseconds an action, and a callback where the case has one: the median of the batches.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <lauxlib.h>

#include "control/lua/abi.h"
#include "control/lua/host.h"
#include "control/lua/modules.h"
#include "control/lua/declare.h"
#include "dataplane/rules/tags.h"

#define ROOM 1024u
#define WARM_UP 200u
#define ROUNDS_MAX 100000u

static const uint8_t query[] = "\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x01\x03www\x07"
			       "example\x03org\x00\x00\x01\x00\x01\x00\x00\x29\x04\xd0\x00\x00"
			       "\x80\x00\x00\x00";

struct bench_packet {
	struct rte_mbuf mbuf;
	uint8_t private[PACKET_PRIVATE_SIZE];
	uint8_t bytes[RTE_PKTMBUF_HEADROOM + ROOM];
};

static struct bench_packet packets[LUA_BATCH];
static struct lua_context *context;
static struct lua_host *host;
static char peer_path[64];
static int peer = -1;

static void check(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "%s\n", what);
	exit(1);
}

static double clock_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

/* ---- the world around Lua ---- */

static void declarations_give(lua_State *lua, void *ctx)
{
	(void)ctx;
	lua_declare(lua, lua_interface_text, lua_interface_size);
	lua_pushstring(lua, peer_path);
	lua_setglobal(lua, "peer_path");
}

static void peer_open(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	snprintf(peer_path, sizeof(peer_path), "/tmp/sluice-bench.%d", (int)getpid());
	strcpy(address.sun_path, peer_path);
	peer = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	check(bind(peer, (struct sockaddr *)&address, sizeof(address)) == 0, "cannot bind");
}

static void peer_drain(void)
{
	char datagram[4096];
	for (int i = 0; i < 64 && endpoint_next(context->endpoints, NULL) != NULL; i++) {
		endpoint_flush_all(context->endpoints);
		while (recv(peer, datagram, sizeof(datagram), 0) >= 0)
			;
	}
}

static void packet_take(struct bench_packet *made, uint16_t id)
{
	struct rte_mbuf *mbuf = &made->mbuf;
	memset(made->private, 0, sizeof(made->private));
	mbuf->buf_addr = made->bytes;
	mbuf->buf_len = sizeof(made->bytes);
	mbuf->data_off = RTE_PKTMBUF_HEADROOM;
	mbuf->priv_size = PACKET_PRIVATE_SIZE;
	memcpy(packet_dns(mbuf), query, sizeof(query) - 1);
	packet_dns(mbuf)[0] = (uint8_t)(id >> 8);
	packet_dns(mbuf)[1] = (uint8_t)id;
	packet_dns_resize(mbuf, sizeof(query) - 1);
	lua_question_refresh(mbuf);
	packet_of(mbuf)->slot = async_take(context->async, mbuf);
}

static void packet_give(struct bench_packet *packet)
{
	async_release(context->async, packet_of(&packet->mbuf)->slot);
	notes_free(&packet_of(&packet->mbuf)->query.notes);
}

/* ---- measuring ---- */

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static double ask(const char *name, double n)
{
	double result = 0;
	int function = lua_host_function(host, name);
	check(lua_host_run(host, function, &n, 1, &result) == LUA_RESULT_OK, lua_host_message(host));
	return result;
}

static double call(int function, unsigned count)
{
	const double arguments[] = {0, count};
	double start = clock_ns();
	check(lua_host_run(host, function, arguments, 2, NULL) == LUA_RESULT_OK,
	      lua_host_message(host));
	return (clock_ns() - start) / count;
}

/* One batch of actions, and of the datagrams that their verdicts would come in. */
static void round_run(int run, int deliver, int action, int callback, double *actions,
		      double *callbacks)
{
	static char texts[LUA_BATCH][8];
	lua_batch_begin();
	for (unsigned i = 0; i < LUA_BATCH; i++) {
		packet_take(&packets[i], (uint16_t)(1000 + i));
		lua_question_fill(&context->batch.items[i], &packets[i].mbuf, action, false);
	}
	*actions = call(run, LUA_BATCH);
	lua_batch_settle(context, LUA_BATCH);
	for (unsigned i = 0; i < LUA_BATCH && callback != 0; i++)
		context->mailbox.items[i] = (struct lua_datagram){
			.data = texts[i],
			.from = "",
			.length = (uint32_t)snprintf(texts[i], sizeof(texts[i]), "%u", 1000 + i),
			.reference = callback};
	context->mailbox.count = LUA_BATCH;
	*callbacks = callback != 0 ? call(deliver, LUA_BATCH) : 0;
	struct async_done done;
	while (async_done_pop(context->async, &done))
		;
	for (unsigned i = 0; i < LUA_BATCH; i++)
		packet_give(&packets[i]);
	peer_drain();
	check(lua_host_gc_step(host) == LUA_RESULT_OK, "the collector failed");
}

static void case_run(double n, unsigned rounds)
{
	static double actions[ROUNDS_MAX], callbacks[ROUNDS_MAX];
	int run = lua_host_function(host, "run"), deliver = lua_host_function(host, "deliver");
	int action = (int)ask("action", n), callback = (int)ask("callback", n);
	for (unsigned i = 0; i < WARM_UP; i++)
		round_run(run, deliver, action, callback, actions, callbacks);
	for (unsigned i = 0; i < rounds; i++)
		round_run(run, deliver, action, callback, &actions[i], &callbacks[i]);
	qsort(actions, rounds, sizeof(double), compare);
	qsort(callbacks, rounds, sizeof(double), compare);
	check(context->errors == 0, "an action failed");
	ask("tell", n);
	printf("%8.1f", actions[rounds / 2]);
	if (callback != 0)
		printf("%8.1f", callbacks[rounds / 2]);
	printf("\n");
}

int main(int argc, char **argv)
{
	char error[4096] = "";
	struct async_config async = {.max_packets = 2 * LUA_BATCH, .max_suspended = 2 * LUA_BATCH};
	struct lua_host_config config = {.memory = 256u << 20,
					 .watchdog_ms = 10000,
					 .boot = "sluice.boot",
					 .modules = lua_modules,
					 .setup = declarations_give};
	check(argc > 1, "usage: bench_lua_calls LUA [ROUNDS [CASE]]");
	unsigned rounds = argc > 2 ? (unsigned)atoi(argv[2]) : 5000;
	check(rounds > 0 && rounds <= ROUNDS_MAX, "ROUNDS is out of range");
	peer_open();
	context = lua_context_new();
	context->async = async_create(&async, 0);
	context->endpoints = endpoint_set_create(lua_abi_send_failed, NULL);
	context->registry = policy_registry_new(NULL, NULL);
	context->model = policy_model_new(context->registry);
	context->loading = true;
	lua_abi_use(context);
	host = lua_host_create(&config, error, sizeof(error));
	check(host != NULL, error);
	context->progress = lua_host_progress(host);
	check(lua_host_load(host, argv[1], error, sizeof(error)) == 0, error);
	ask("settle", 0);
	for (double n = 1; n <= ask("cases", 0); n++)
		if (argc < 4 || atoi(argv[3]) == (int)n)
			case_run(n, rounds);
	lua_host_destroy(host);
	policy_model_free(context->model);
	policy_registry_free(context->registry);
	struct endpoint_set *endpoints = context->endpoints;
	async_destroy(context->async);
	lua_context_free(context);
	endpoint_set_destroy(endpoints);
	close(peer);
	unlink(peer_path);
	return 0;
}
