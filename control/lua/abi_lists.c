/* SPDX-License-Identifier: BSD-2-Clause */
/* The lists that a policy opens. */
#include "control/lua/abi.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/lists/feed.h"

/* The context owns them: a handle is good as long as the policy. */
struct lua_feed {
	struct lua_feed *next;
	struct feed *feed;
};

/* Somebody waits for the start: tell them why. */
static void progress(void *data, const char *path, unsigned seconds)
{
	struct lua_context *context = data;
	if (context->progress != NULL)
		(*context->progress)++;
	log_info("%s: read for %u s", path, seconds);
}

static struct lua_feed *opened(struct lua_context *context, struct feed *feed)
{
	for (struct lua_feed *entry = context->opened; entry != NULL; entry = entry->next)
		if (entry->feed == feed) {
			feed_close(feed);
			return entry;
		}
	struct lua_feed *entry = malloc(sizeof(*entry));
	if (entry == NULL) {
		feed_close(feed);
		return NULL;
	}
	*entry = (struct lua_feed){context->opened, feed};
	context->opened = entry;
	return entry;
}

struct lua_feed *sluice_list_open(const char *path, const struct lua_list_options *options)
{
	struct lua_context *context = lua_abi_context();
	struct feed_options made = {
		.name = options->name,
		.format = (enum list_format)options->format,
		.flags = options->flags,
		.watch = options->watch,
	};
	errno = ENOTSUP;
	if (context->feeds == NULL)
		return lua_policy_keep(NULL);
	struct feed *feed = feed_open(context->feeds, path, &made);
	if (feed != NULL && context->feeds_block)
		feed_wait(feed, progress, context);
	if (feed != NULL && feed_state(feed) == FEED_LOADING)
		context->feeds_wait = true;
	return lua_policy_keep(feed != NULL ? opened(context, feed) : NULL);
}

struct feed *lua_feed_of(const struct lua_feed *list)
{
	return list->feed;
}

void lua_feeds_close_all(struct lua_context *context)
{
	while (context->opened != NULL) {
		struct lua_feed *entry = context->opened;
		context->opened = entry->next;
		feed_close(entry->feed);
		free(entry);
	}
}

void sluice_list_status(const struct lua_feed *list, struct lua_list_status *status)
{
	struct feed_status from = feed_status(list->feed);
	*status = (struct lua_list_status){
		.path = from.path,
		.name = from.name,
		.failure = from.failure,
		.state = from.state,
		.entries = from.entries,
		.errors = from.errors,
		.memory = from.memory,
		.loads = from.loads,
		.failures = from.failures,
		.loaded = from.loaded,
		.seconds = from.seconds,
	};
}

void sluice_list_check(struct lua_feed *list)
{
	feed_check(list->feed);
}

int sluice_list_format(const char *name)
{
	return list_format_parse(name);
}

long sluice_list_find(const struct lua_feed *list, const struct lua_name *name)
{
	const struct name_index *names = live_list_names(feed_list(list->feed));
	struct name_match match;
	if (names == NULL || !name_index_find(names, name->wire, name->length, &match))
		return -1;
	return match.offset;
}

const char *sluice_list_find_address(const struct lua_feed *list,
				     const struct lua_address *address)
{
	static char text[80];
	const struct prefix_index *prefixes = live_list_prefixes(feed_list(list->feed));
	const struct prefix_member *member =
		prefixes != NULL ? prefix_index_find(prefixes, address->bytes, address->ipv6)
				 : NULL;
	if (member == NULL || prefix_print(&member->prefix, text, sizeof(text)) < 0)
		return NULL;
	return text;
}

struct policy_selector *sluice_selector_list(struct lua_feed *list, uint32_t trigger, bool exact)
{
	errno = 0;
	struct policy_model *model = lua_abi_context()->model;
	return lua_policy_keep(model == NULL ? NULL
					     : policy_selector_list(model, feed_blob(list->feed),
								    (enum matched_trigger)trigger,
								    exact));
}

struct policy_action *sluice_action_rpz(struct lua_feed *list)
{
	errno = 0;
	struct policy_model *model = lua_abi_context()->model;
	return lua_policy_keep(model != NULL ? policy_action_rpz(model, feed_blob(list->feed))
					     : NULL);
}

struct policy_action *sluice_action_subscriber(struct lua_feed *list, const char *tag,
					       size_t length)
{
	errno = 0;
	struct policy_model *model = lua_abi_context()->model;
	return lua_policy_keep(model != NULL ? policy_action_subscriber(model,
									feed_blob(list->feed), tag,
									length)
					     : NULL);
}

int sluice_list_find_subscriber(const struct lua_feed *list, const struct lua_address *address,
				uint32_t port, struct lua_bytes *id, struct lua_tag *tags,
				size_t size)
{
	const struct subscriber_table *table = live_list_subscribers(feed_list(list->feed));
	struct subscriber_tag found[SUBSCRIBER_TAGS_MAX];
	struct subscriber subscriber;
	if (table == NULL || !subscriber_find(table, address->bytes, address->ipv6, (uint16_t)port,
					      &subscriber))
		return -1;
	id->data = subscriber_id(&subscriber, &id->length);
	unsigned count = subscriber_tags(&subscriber, found);
	for (unsigned i = 0; i < count && i < size; i++)
		tags[i] = (struct lua_tag){{found[i].key, found[i].key_length},
					   {found[i].value, found[i].value_length}};
	return (int)count;
}

void sluice_action_expand(struct policy_action *action)
{
	policy_action_expand(action);
}
