/* SPDX-License-Identifier: BSD-2-Clause */
/* What policies say of TCP. */
#include <endian.h>
#include <errno.h>
#include <string.h>

#include "control/lua/abi.h"

void sluice_listener_tcp_set(const struct lua_listener_tcp *tcp)
{
	const struct policy_listener_tcp made = {
		.off = tcp->off,
		.max_in_flight = tcp->max_in_flight != 0 ? tcp->max_in_flight : POLICY_TCP_IN_FLIGHT,
		.backlog = tcp->backlog,
		.fast_open = tcp->fast_open,
		.max_connections = tcp->max_connections,
	};
	policy_listener_tcp_set(lua_abi_context()->model, &made);
}

size_t sluice_tcp_show(char *text, size_t size)
{
	const struct lua_context *context = lua_abi_context();
	return context->hooks != NULL && context->hooks->tcp_show != NULL
		       ? context->hooks->tcp_show(context->hooks_ctx, text, size)
		       : 0;
}

void sluice_tcp_dump(void)
{
	const struct lua_context *context = lua_abi_context();
	if (context->hooks != NULL && context->hooks->tcp_dump != NULL)
		context->hooks->tcp_dump(context->hooks_ctx);
}

void sluice_tcp_fast_open_key_set(const uint32_t *words)
{
	struct policy_tcp *tcp = &policy_model_settings(lua_abi_context()->model)->tcp;
	for (unsigned i = 0; i < 4; i++)
		tcp->fast_open_key[i] = htole32(words[i]);
	tcp->fast_open_keyed = true;
	sluice_policy_changed();
}

int sluice_tcp_setting_set(const char *name, uint32_t value)
{
	struct policy_tcp *tcp = &policy_model_settings(lua_abi_context()->model)->tcp;
	const struct {
		const char *name;
		uint32_t *wide;
		uint8_t *narrow;
	} settings[] = {
		{"receive_timeout", &tcp->receive_timeout, NULL},
		{"send_timeout", &tcp->send_timeout, NULL},
		{"max_queries", &tcp->max_queries, NULL},
		{"max_duration", &tcp->max_duration, NULL},
		{"max_of_client", &tcp->max_of_client, NULL},
		{"max_rate", &tcp->max_rate, NULL},
		{"ban", &tcp->ban, NULL},
		{"rate_interval", &tcp->rate_interval, NULL},
		{"max_reads", &tcp->max_reads, NULL},
		{"reads_ban", &tcp->reads_ban, NULL},
		{"max_waiting", &tcp->max_waiting, NULL},
		{"max_idle", &tcp->max_idle, NULL},
		{"mask_v4", NULL, &tcp->mask_v4},
		{"mask_v6", NULL, &tcp->mask_v6},
		{"mask_v4_port", NULL, &tcp->mask_v4_port},
		{"overload", NULL, &tcp->overload},
		{"server_idle", &tcp->server_idle, NULL},
	};
	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
		if (strcmp(settings[i].name, name) != 0)
			continue;
		if (settings[i].wide != NULL)
			*settings[i].wide = value;
		else
			*settings[i].narrow = (uint8_t)value;
		sluice_policy_changed();
		return 0;
	}
	return -ENOENT;
}
