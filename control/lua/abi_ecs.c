/* SPDX-License-Identifier: BSD-2-Clause */
/* What policies say about the client's subnet: for all queries, for one, for a pool. */
#include "control/lua/abi.h"

#include <errno.h>
#include <string.h>

static struct policy_model *model(void)
{
	return lua_abi_context()->model;
}

/* ---- of a question ---- */

void lua_ecs_facts(const struct query_state *query, struct lua_facts *facts)
{
	const struct lua_context *context = lua_abi_context();
	struct policy_ecs ecs = POLICY_ECS_DEFAULT;
	if (context->model != NULL)
		ecs = policy_model_settings(context->model)->ecs;
	else if (context->registry != NULL)
		ecs = policy_registry_ecs(context->registry);
	bool said = (query->flags & (QUERY_ECS_KEEP | QUERY_ECS_OVERRIDE)) != 0;
	uint8_t prefix = (query->flags & QUERY_IPV6) != 0 ? ecs.v6_prefix : ecs.v4_prefix;
	facts->use_ecs = (query->flags & QUERY_ECS_OFF) == 0;
	facts->ecs_override = said ? (query->flags & QUERY_ECS_OVERRIDE) != 0 : ecs.override;
	facts->ecs_prefix = query->ecs_prefix != 0 ? (uint8_t)(query->ecs_prefix - 1) : prefix;
}

static struct query_state *query_editable(struct lua_question *question)
{
	struct rte_mbuf *mbuf = lua_question_editable(question);
	return mbuf != NULL ? &packet_of(mbuf)->query : NULL;
}

int sluice_question_ecs_use_set(struct lua_question *question, bool use)
{
	struct query_state *query = query_editable(question);
	if (query == NULL)
		return -errno;
	query->flags &= (uint16_t)~QUERY_ECS_OFF;
	if (!use)
		query->flags |= QUERY_ECS_OFF;
	return 0;
}

int sluice_question_ecs_override_set(struct lua_question *question, bool override)
{
	struct query_state *query = query_editable(question);
	if (query == NULL)
		return -errno;
	packet_ecs_override_set(query, override);
	return 0;
}

int sluice_question_ecs_prefix_set(struct lua_question *question, uint16_t prefix)
{
	struct query_state *query = query_editable(question);
	if (query == NULL)
		return -errno;
	packet_ecs_prefix_set(query, prefix);
	return 0;
}

/* ---- actions ---- */

struct policy_action *sluice_action_ecs_override(bool override)
{
	return lua_policy_keep(policy_action_ecs_override(model(), override));
}

struct policy_action *sluice_action_ecs_prefix(uint8_t v4, uint8_t v6)
{
	return lua_policy_keep(policy_action_ecs_prefix(model(), v4, v6));
}

static struct note_subnet subnet_of(const struct lua_prefix *prefix)
{
	struct note_subnet subnet = {.prefix = prefix->length, .ipv6 = prefix->ipv6};
	memcpy(subnet.address, prefix->bytes, sizeof(subnet.address));
	return subnet;
}

struct policy_action *sluice_action_ecs(const struct lua_prefix *v4, const struct lua_prefix *v6)
{
	struct note_subnet first = subnet_of(v4), second = subnet_of(v6);
	return lua_policy_keep(policy_action_ecs(model(), &first, &second));
}

/* ---- pools ---- */

bool sluice_pool_ecs(const char *pool, size_t length, bool share)
{
	int number = policy_pool_intern(model(), pool, length);
	if (number < 0)
		return share;
	return share ? policy_pool_ecs_shared(model(), (uint32_t)number)
		     : policy_pool_ecs_used(model(), (uint32_t)number);
}

int sluice_pool_ecs_set(const char *pool, size_t length, bool share, bool value)
{
	int number = policy_pool_intern(model(), pool, length);
	if (number < 0)
		return number;
	struct policy_pool_ecs *said = policy_pool_ecs(model(), (uint32_t)number);
	if (share)
		said->share = value;
	else
		said->use = value;
	sluice_policy_changed();
	return 0;
}
