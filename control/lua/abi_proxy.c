/* SPDX-License-Identifier: BSD-2-Clause */
/* What policies say about PROXY headers: who sends them, and what is told in them. */
#include "control/lua/abi.h"

#include <errno.h>
#include <stdlib.h>

#include "dataplane/rules/tags.h"

static struct policy_model *model(void)
{
	return lua_abi_context()->model;
}

/* ---- who sends them ---- */

int sluice_proxy_acl_add(const struct lua_prefix *prefixes, size_t count)
{
	int error = lua_prefixes_add(policy_model_proxy_acl(model()), prefixes, count);
	if (error == 0)
		sluice_policy_changed();
	return error;
}

void sluice_proxy_acl_clear(void)
{
	prefix_list_clear(policy_model_proxy_acl(model()));
	sluice_policy_changed();
}

/* ---- rules ---- */

struct policy_action *sluice_action_proxy(const struct lua_option *values, size_t count,
					  bool replace)
{
	struct proxy_value *made = calloc(count + 1, sizeof(*made));
	bool fits = made != NULL;
	for (size_t i = 0; fits && i < count; i++) {
		made[i] = (struct proxy_value){(uint8_t)values[i].code,
					       (uint16_t)values[i].data.length,
					       (const uint8_t *)values[i].data.data};
		fits = values[i].data.length <= UINT16_MAX;
	}
	errno = made != NULL ? E2BIG : ENOMEM;
	struct policy_action *action =
		lua_policy_keep(fits ? policy_action_proxy(model(), made, count, replace) : NULL);
	free(made);
	return action;
}

struct policy_selector *sluice_selector_proxy(uint8_t type, const char *value, size_t length)
{
	return lua_policy_keep(policy_selector_proxy(model(), type, value, length));
}

/* ---- of a question ---- */

size_t sluice_question_proxy_values(const struct lua_question *question, struct lua_option *values,
				    size_t size)
{
	struct rte_mbuf *mbuf = sluice_question_find(question);
	struct note note;
	size_t count = 0;
	if (mbuf == NULL)
		return 0;
	struct note_cursor cursor = notes_open(packet_of(mbuf)->query.notes);
	while (note_next_of(&cursor, NOTE_PROXY_VALUE, &note)) {
		if (count < size)
			values[count] = (struct lua_option){note.info_code,
							    {note.value, note.value_length}};
		count++;
	}
	return count;
}

int sluice_question_proxy_value_add(struct lua_question *question, uint8_t type, const char *value,
				    size_t length)
{
	struct rte_mbuf *mbuf = lua_question_editable(question);
	if (mbuf == NULL)
		return -errno;
	return proxy_value_add(&packet_of(mbuf)->query.notes, type, value, length);
}

int sluice_question_proxy_values_clear(struct lua_question *question)
{
	struct rte_mbuf *mbuf = lua_question_editable(question);
	if (mbuf == NULL)
		return -errno;
	proxy_values_clear(&packet_of(mbuf)->query.notes);
	return 0;
}
