/* SPDX-License-Identifier: BSD-2-Clause */
/* Groups of dynamic blocks: what Lua says is counted of clients, and what it gets to know of them. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "control/log/log.h"
#include "control/lua/abi.h"
#include "dataplane/clock.h"

#define MIB (1u << 20)

static_assert(sizeof(((struct lua_group_client *)0)->sums) ==
		      2 * COUNT_COLUMNS_MAX * sizeof(double),
	      "all columns");

struct policy_client_group *sluice_group_new(void)
{
	struct policy_model *model = lua_abi_context()->model;
	if (model == NULL)
		errno = EINVAL;
	return lua_policy_keep(
		model != NULL ? policy_group_new(model, lua_abi_context()->tsc_hz) : NULL);
}

void sluice_group_free(struct policy_client_group *group)
{
	policy_group_free(lua_abi_context()->model, group);
	sluice_policy_changed();
}

int sluice_group_set(struct policy_client_group *group, uint32_t clients, uint8_t v4_prefix,
		     uint8_t v6_prefix, uint8_t port_bits, const struct lua_group_column *columns,
		     size_t count)
{
	struct count_shape shape = {
		.clients = clients,
		.v4_prefix = v4_prefix,
		.v6_prefix = v6_prefix,
		.port_bits = port_bits,
		.n_columns = (uint8_t)count,
	};
	double limits[COUNT_COLUMNS_MAX];
	if (count > COUNT_COLUMNS_MAX)
		return -E2BIG;
	if (clients == 0 || clients > COUNT_CLIENTS_MAX || v4_prefix > 32 || v6_prefix > 128 ||
	    port_bits > 16)
		return -EINVAL;
	for (size_t i = 0; i < count; i++) {
		shape.columns[i] = (struct count_column){.kind = columns[i].kind,
							 .value = columns[i].value,
							 .seconds = columns[i].seconds};
		limits[i] = columns[i].limit;
		if (columns[i].kind <= COUNT_TYPE)
			shape.n_queries++;
	}
	policy_group_shape_set(group, &shape, limits);
	sluice_policy_changed();
	return 0;
}

int sluice_group_excluded_set(struct policy_client_group *group, const struct lua_prefix *prefixes,
			      size_t count)
{
	struct prefix_list *list = policy_group_excluded(group);
	prefix_list_clear(list);
	int error = lua_prefixes_add(list, prefixes, count);
	sluice_policy_changed();
	return error;
}

/* Packets for Lua wait meanwhile: who is not looked at by then is first the next time. */
#define LOOK_MS 20u
#define LOOK_EACH 256u /* so many are in any case */

static struct {
	uint64_t end; /* TSC */
	unsigned count;
} look;

void sluice_group_begin(struct policy_client_group *group)
{
	const struct lua_context *context = lua_abi_context();
	if (context->progress != NULL)
		++*context->progress; /* another piece of work for the watchdog, and it has an end */
	look.end = rte_rdtsc() + context->tsc_hz * LOOK_MS / 1000;
	look.count = 0;
	uint64_t lost = policy_group_begin(group);
	if (lost > 0)
		log_warning("a group of dynamic blocks has no room to look at %" PRIu64
			 " more clients at once",
			 lost);
}

bool sluice_group_next(struct policy_client_group *group, struct lua_group_client *client)
{
	struct count_client found;
	uint64_t sums[2][COUNT_COLUMNS_MAX];
	if (look.count++ % LOOK_EACH == LOOK_EACH - 1 && rte_rdtsc() >= look.end)
		return false;
	if (!policy_group_next(group, clock_now(), &found, sums))
		return false;
	memcpy(client->address.bytes, found.words, sizeof(client->address.bytes));
	client->address.ipv6 = found.ipv6;
	client->address.port = found.port;
	for (unsigned sum = 0; sum < 2; sum++)
		for (unsigned i = 0; i < COUNT_COLUMNS_MAX; i++)
			client->sums[sum][i] = (double)sums[sum][i];
	return true;
}

void lua_groups_say(const struct lua_context *context)
{
	struct policy_group_memory memory;
	for (size_t i = 0; policy_group_memory(context->model, i, &memory); i++)
		if (memory.size > 0)
			log_info("memory: %zu MiB for what %u clients of a group of dynamic "
				 "blocks did%s",
				 memory.size / MIB, memory.clients,
				 memory.known ? ", kept from the policy before" : "");
}
