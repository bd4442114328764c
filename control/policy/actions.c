/* SPDX-License-Identifier: BSD-2-Clause */
/* Actions of a policy model. */
#include <errno.h>
#include <stdlib.h>

#include "control/policy/model.h"

/* An action with `size` bytes of data, none if 0. */
static struct policy_action *action_new(struct policy_model *model, enum rule_action_kind kind,
					size_t size)
{
	struct policy_action *action = calloc(1, sizeof(*action));
	if (!action)
		return NULL;
	if (size > 0 && !(action->blob = policy_blob_new(size))) {
		free(action);
		return NULL;
	}
	action->action.kind = (uint8_t)kind;
	action->users = 1;
	action->next = model->actions;
	action->link = &model->actions;
	if (action->next)
		action->next->link = &action->next;
	model->actions = action;
	return action;
}

struct policy_action *policy_action_plain(struct policy_model *model, enum rule_action_kind kind)
{
	return action_new(model, kind, 0);
}

struct policy_action *policy_action_rcode(struct policy_model *model, uint16_t rcode,
					  const struct dns_reply_options *options)
{
	struct policy_action *action =
		action_new(model, RULE_ACTION_RCODE, options ? sizeof(*options) : 0);
	if (!action)
		return NULL;
	action->action.value = rcode;
	if (options) {
		memcpy(action->blob->data, options, sizeof(*options));
		action->action.options = (const void *)action->blob->data;
	}
	return action;
}

static struct dns_reply_options options_or_default(const struct dns_reply_options *options)
{
	return options ? *options : (struct dns_reply_options)DNS_REPLY_OPTIONS_DEFAULT;
}

struct policy_action *policy_action_spoof(struct policy_model *model,
					  const struct dns_reply_address *addresses, size_t count,
					  const struct dns_reply_options *options)
{
	if (count > UINT16_MAX) {
		errno = E2BIG;
		return NULL;
	}
	size_t bytes = count * sizeof(*addresses);
	struct policy_action *action =
		action_new(model, RULE_ACTION_SPOOF, sizeof(struct rule_spoof) + bytes);
	if (!action)
		return NULL;
	struct rule_spoof *spoof = (void *)action->blob->data;
	spoof->options = options_or_default(options);
	spoof->count = (uint32_t)count;
	if (bytes > 0)
		memcpy(spoof->addresses, addresses, bytes);
	action->action.spoof = spoof;
	return action;
}

struct policy_action *policy_action_cname(struct policy_model *model, const uint8_t *target,
					  size_t length, const struct dns_reply_options *options)
{
	if (length == 0 || length > DNS_NAME_MAX) {
		errno = EINVAL;
		return NULL;
	}
	struct policy_action *action = action_new(model, RULE_ACTION_SPOOF_CNAME,
						  sizeof(struct rule_cname) + length);
	if (!action)
		return NULL;
	struct rule_cname *cname = (void *)action->blob->data;
	cname->options = options_or_default(options);
	cname->length = (uint8_t)length;
	memcpy(cname->target, target, length);
	action->action.cname = cname;
	return action;
}

struct policy_action *policy_action_raw(struct policy_model *model,
					const struct dns_reply_rdata *values, size_t count,
					uint16_t type_for_any,
					const struct dns_reply_options *options)
{
	size_t bytes = 0;
	for (size_t i = 0; i < count; i++)
		bytes += values[i].length;
	if (count > UINT16_MAX || bytes > DNS_MESSAGE_MAX) {
		errno = E2BIG;
		return NULL;
	}
	struct policy_action *action = action_new(
		model, RULE_ACTION_SPOOF_RAW,
		sizeof(struct rule_raw) + count * sizeof(struct dns_reply_rdata) + bytes);
	if (!action)
		return NULL;
	struct rule_raw *raw = (void *)action->blob->data;
	uint8_t *copy = (uint8_t *)&raw->values[count];
	raw->options = options_or_default(options);
	raw->type_for_any = type_for_any;
	raw->count = (uint32_t)count;
	for (size_t i = 0; i < count; i++) {
		if (values[i].length > 0)
			memcpy(copy, values[i].bytes, values[i].length);
		raw->values[i] = (struct dns_reply_rdata){copy, values[i].length};
		copy += values[i].length;
	}
	action->action.raw = raw;
	return action;
}

struct policy_action *policy_action_packet(struct policy_model *model, const uint8_t *packet,
					   size_t length)
{
	if (length < DNS_HEADER_SIZE || length > DNS_MESSAGE_MAX) {
		errno = EINVAL;
		return NULL;
	}
	struct policy_action *action =
		action_new(model, RULE_ACTION_SPOOF_PACKET, sizeof(struct rule_bytes) + length);
	if (!action)
		return NULL;
	struct rule_bytes *bytes = (void *)action->blob->data;
	bytes->length = (uint32_t)length;
	memcpy(bytes->bytes, packet, length);
	action->action.bytes = bytes;
	return action;
}

struct policy_action *policy_action_negative(struct policy_model *model, bool nxdomain,
					     const struct dns_reply_soa *soa, bool authority,
					     const struct dns_reply_options *options)
{
	size_t zone = soa->zone_length, mname = soa->mname_length, rname = soa->rname_length;
	struct policy_action *action =
		action_new(model, RULE_ACTION_NEGATIVE,
			   sizeof(struct rule_negative) + zone + mname + rname);
	if (!action)
		return NULL;
	struct rule_negative *negative = (void *)action->blob->data;
	negative->options = options_or_default(options);
	negative->nxdomain = nxdomain;
	negative->authority = authority;
	negative->soa = *soa;
	negative->soa.zone = memcpy(negative->names, soa->zone, zone);
	negative->soa.mname = memcpy(negative->names + zone, soa->mname, mname);
	negative->soa.rname = memcpy(negative->names + zone + mname, soa->rname, rname);
	action->action.negative = negative;
	return action;
}

struct policy_action *policy_action_continue(struct policy_model *model,
					     const struct policy_action *wrapped)
{
	bool lua = wrapped->action.kind == RULE_ACTION_LUA ||
		   wrapped->action.kind == RULE_ACTION_LUA_FFI ||
		   wrapped->action.kind == RULE_ACTION_LUA_THREAD;
	if (wrapped->action.kind == RULE_ACTION_CONTINUE) {
		errno = EINVAL;
		return NULL;
	}
	struct policy_action *action =
		action_new(model, RULE_ACTION_CONTINUE, sizeof(struct rule_action));
	if (!action)
		return NULL;
	struct rule_action *copy = (void *)action->blob->data;
	*copy = wrapped->action;
	action->wrapped = wrapped->blob;
	if (wrapped->blob)
		wrapped->blob->users++;
	action->action.wrapped = copy;
	if (lua) { /* whoever runs it then goes on */
		action->action = wrapped->action;
		action->action.stop = 1;
	}
	return action;
}

struct policy_action *policy_action_option(struct policy_model *model, uint16_t code,
					   const char *data, size_t length)
{
	if (length > UINT16_MAX) {
		errno = E2BIG;
		return NULL;
	}
	struct policy_action *action =
		action_new(model, RULE_ACTION_EDNS_OPTION, sizeof(struct rule_option) + length);
	if (!action)
		return NULL;
	struct rule_option *option = (void *)action->blob->data;
	option->code = code;
	option->length = (uint16_t)length;
	if (length > 0)
		memcpy(option->data, data, length);
	action->action.option = option;
	return action;
}

struct policy_action *policy_action_types(struct policy_model *model, enum rule_action_kind kind,
					  uint32_t min, uint32_t max, const uint16_t *types,
					  size_t count)
{
	if (count > UINT16_MAX) {
		errno = E2BIG;
		return NULL;
	}
	struct policy_action *action =
		action_new(model, kind, sizeof(struct rule_types) + count * sizeof(*types));
	if (!action)
		return NULL;
	struct rule_types *made = (void *)action->blob->data;
	made->min = min;
	made->max = max;
	made->count = (uint32_t)count;
	if (count > 0)
		memcpy(made->types, types, count * sizeof(*types));
	action->action.types = made;
	return action;
}

/* One that is told nothing but a number. */
static struct policy_action *number_action(struct policy_model *model, enum rule_action_kind kind,
					   uint16_t number)
{
	struct policy_action *action = action_new(model, kind, 0);
	if (action)
		action->action.value = number;
	return action;
}

struct policy_action *policy_action_reduce(struct policy_model *model, uint16_t percent)
{
	return number_action(model, RULE_ACTION_REDUCE_TTL, percent);
}

struct policy_action *policy_action_log(struct policy_model *model, uint16_t file)
{
	return number_action(model, RULE_ACTION_LOG, file);
}

struct policy_action *policy_action_export(struct policy_model *model, struct rule_export what)
{
	struct policy_action *action = action_new(model, RULE_ACTION_EXPORT, 0);
	if (action)
		action->action.export = what;
	return action;
}

uint16_t policy_action_file(const struct policy_action *action)
{
	return action->action.value;
}

struct policy_action *policy_action_pool(struct policy_model *model, const char *name,
					 size_t length, bool stop)
{
	int pool = policy_pool_intern(model, name, length);
	if (pool < 0) {
		errno = -pool;
		return NULL;
	}
	struct policy_action *action = action_new(model, RULE_ACTION_POOL, 0);
	if (!action)
		return NULL;
	action->action.value = (uint16_t)pool;
	action->action.stop = stop;
	return action;
}

struct policy_action *policy_action_rate(struct policy_model *model, struct rate_limit limit)
{
	struct policy_action *action = action_new(model, RULE_ACTION_QPS, policy_rate_size());
	if (action)
		action->action.rate = policy_rate_init(action->blob, limit);
	return action;
}

struct policy_action *policy_action_rate_pool(struct policy_model *model, struct rate_limit limit,
					      const char *name, size_t length, bool stop)
{
	int pool = policy_pool_intern(model, name, length);
	if (pool < 0) {
		errno = -pool;
		return NULL;
	}
	struct policy_action *action = policy_action_rate(model, limit);
	if (!action)
		return NULL;
	action->action.kind = RULE_ACTION_QPS_POOL;
	action->action.value = (uint16_t)pool;
	action->action.stop = stop;
	return action;
}

struct policy_action *policy_action_ttl(struct policy_model *model, enum rule_action_kind kind,
					uint32_t ttl)
{
	struct policy_action *action = action_new(model, kind, 0);
	if (action)
		action->action.ttl = ttl;
	return action;
}

struct policy_action *policy_action_mac(struct policy_model *model, uint16_t code)
{
	return number_action(model, RULE_ACTION_CLIENT_MAC, code);
}

struct policy_action *policy_action_delay(struct policy_model *model, uint32_t ms)
{
	struct policy_action *action = action_new(model, RULE_ACTION_DELAY, 0);
	if (action)
		action->action.delay = ms;
	return action;
}

struct policy_action *policy_action_ecs_override(struct policy_model *model, bool override)
{
	struct policy_action *action = action_new(model, RULE_ACTION_ECS_OVERRIDE, 0);
	if (action)
		action->action.value = override;
	return action;
}

struct policy_action *policy_action_ecs_prefix(struct policy_model *model, uint8_t v4, uint8_t v6)
{
	struct policy_action *action = action_new(model, RULE_ACTION_ECS_PREFIX, 0);
	if (action) {
		action->action.prefix.v4 = v4;
		action->action.prefix.v6 = v6;
	}
	return action;
}

struct policy_action *policy_action_ecs(struct policy_model *model, const struct note_subnet *v4,
					const struct note_subnet *v6)
{
	struct policy_action *action =
		action_new(model, RULE_ACTION_ECS, sizeof(struct rule_ecs));
	if (!action)
		return NULL;
	struct rule_ecs *ecs = (void *)action->blob->data;
	*ecs = (struct rule_ecs){.v4 = *v4, .v6 = *v6};
	action->action.ecs = ecs;
	return action;
}

struct policy_action *policy_action_proxy(struct policy_model *model,
					  const struct proxy_value *values, size_t count,
					  bool replace)
{
	size_t size = 0;
	for (size_t i = 0; i < count; i++)
		size += PROXY_VALUE_HEADER + (size_t)values[i].length;
	if (size > UINT16_MAX - PROXY_HEADER_FULL) {
		errno = E2BIG;
		return NULL;
	}
	struct policy_action *action =
		action_new(model, RULE_ACTION_PROXY_VALUES, sizeof(struct rule_bytes) + size);
	if (!action)
		return NULL;
	struct rule_bytes *bytes = (void *)action->blob->data;
	for (size_t i = 0; i < count; i++)
		bytes->length += proxy_value_write(bytes->bytes + bytes->length, &values[i]);
	action->action.bytes = bytes;
	action->action.value = replace;
	return action;
}

struct policy_action *policy_action_tag(struct policy_model *model, const char *key,
					size_t key_length, const char *value, size_t value_length)
{
	if (!policy_tag_fits(key_length, value_length))
		return NULL;
	struct policy_action *action =
		action_new(model, RULE_ACTION_SET_TAG,
			   sizeof(struct rule_tag) + key_length + value_length);
	if (!action)
		return NULL;
	policy_tag_fill((void *)action->blob->data, key, key_length, value, value_length);
	action->action.tag = (const void *)action->blob->data;
	return action;
}

struct policy_action *policy_action_untag(struct policy_model *model, const char *key,
					  size_t key_length)
{
	struct policy_action *action = policy_action_tag(model, key, key_length, NULL, 0);
	if (action)
		action->action.kind = RULE_ACTION_UNSET_TAG;
	return action;
}

struct policy_action *policy_action_extended_error(struct policy_model *model, uint16_t info_code,
						   const char *text, size_t length, bool clear)
{
	if (!policy_tag_fits(0, length))
		return NULL;
	struct policy_action *action = action_new(
		model, RULE_ACTION_EXTENDED_ERROR, sizeof(struct rule_extended_error) + length);
	if (!action)
		return NULL;
	struct rule_extended_error *error = (void *)action->blob->data;
	error->info_code = info_code;
	error->clear = clear;
	error->text_length = (uint32_t)length;
	if (length > 0)
		memcpy(error->text, text, length);
	action->action.error = error;
	return action;
}

void policy_action_expand(struct policy_action *action)
{
	void *data = action->blob->data;
	if (action->action.kind == RULE_ACTION_SET_TAG) {
		struct rule_tag *tag = data;
		tag->expand = true;
	} else if (action->action.kind == RULE_ACTION_EXTENDED_ERROR) {
		struct rule_extended_error *error = data;
		error->expand = true;
	}
}

struct policy_action *policy_action_rpz(struct policy_model *model, struct policy_blob *list)
{
	struct policy_action *action = action_new(model, RULE_ACTION_RPZ, 0);
	if (!action)
		return NULL;
	list->users++;
	action->blob = list;
	action->action.list = (const void *)list->data;
	return action;
}

struct policy_action *policy_action_lookup(struct policy_model *model, struct policy_blob *store,
					   const struct rule_lookup *lookup, const char *text)
{
	struct policy_blob *blob = policy_lookup_blob(store, lookup, text);
	if (!blob)
		return NULL;
	struct policy_action *action = action_new(model, RULE_ACTION_LOOKUP, 0);
	if (!action) {
		policy_blob_release(blob);
		return NULL;
	}
	action->blob = blob;
	action->action.lookup = (const void *)blob->data;
	return action;
}

struct policy_action *policy_action_subscriber(struct policy_model *model, struct policy_blob *list,
					       const char *tag, size_t length)
{
	if (!policy_tag_fits(length, 0))
		return NULL;
	struct policy_action *action = action_new(model, RULE_ACTION_SUBSCRIBER,
						  sizeof(struct rule_subscriber) + length);
	if (!action)
		return NULL;
	struct rule_subscriber *subscriber = (void *)action->blob->data;
	subscriber->list = (const void *)list->data;
	subscriber->tag_length = (uint16_t)length;
	memcpy(subscriber->tag, tag, length);
	list->users++;
	action->blob->holds = list;
	action->action.subscriber = subscriber;
	return action;
}

struct policy_action *policy_action_lua(struct policy_model *model, int reference, bool ffi)
{
	struct policy_action *action =
		action_new(model, ffi ? RULE_ACTION_LUA_FFI : RULE_ACTION_LUA, 0);
	if (action)
		action->action.lua = reference;
	return action;
}

struct policy_action *policy_action_thread(struct policy_model *model, int reference)
{
	struct policy_action *action = action_new(model, RULE_ACTION_LUA_THREAD, 0);
	if (action)
		action->action.lua = reference;
	return action;
}
