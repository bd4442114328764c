/* SPDX-License-Identifier: BSD-2-Clause */
#include "dataplane/rules/subscriber_table.h"
#include "dataplane/rules/tags.h"

typedef int set_fn(struct note_block **notes, const char *key, size_t key_length, const char *value,
		   size_t value_length);

int subscriber_tags_set(const struct subscriber *subscriber, const char *id_tag,
			size_t id_tag_length, struct note_block **notes)
{
	struct subscriber_tag tags[SUBSCRIBER_TAGS_MAX];
	/* All keys of a set are different: where there is nothing before, nothing is looked for. */
	set_fn *set = *notes == NULL ? tag_add : tag_set;
	size_t id_length;
	const char *id = subscriber_id(subscriber, &id_length); /* first: it is far away */
	unsigned count = subscriber_tags(subscriber, tags);
	for (unsigned i = 0; i < count; i++) {
		int error = set(notes, tags[i].key, tags[i].key_length, tags[i].value,
				tags[i].value_length);
		if (error != 0)
			return error;
	}
	return tag_set(notes, id_tag, id_tag_length, id, id_length);
}
