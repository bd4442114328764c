/* SPDX-License-Identifier: BSD-2-Clause */
/* The functions with which a policy file fills its model. */
#include "control/lua/abi.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/dns/reply.h"

static int last_error;

static struct policy_model *model(void)
{
	return lua_abi_context()->model;
}

/* Keeps errno until Lua asks for its text. */
#define KEEP(type, call)                                                                           \
	do {                                                                                       \
		errno = 0;                                                                         \
		type kept = model() != NULL ? (call) : NULL;                                       \
		last_error = kept != NULL ? 0 : errno != 0 ? errno : ENOMEM;                       \
		return kept;                                                                       \
	} while (0)

void *lua_policy_keep(void *made)
{
	last_error = made != NULL ? 0 : errno;
	return made;
}

const char *sluice_policy_error(void)
{
	switch (last_error) {
	case EEXIST:
		return "it exists already";
	case EINVAL:
		return "an argument is not valid here";
	case ENOSPC:
		return "there are too many";
	case E2BIG:
		return "it is too large";
	default:
		return strerror(last_error);
	}
}

static int test_kind(const char *name)
{
	static const char *const names[] = {
#define X(kind, text) text,
		RULE_TESTS(X)
#undef X
	};
	for (int i = 0; i < RULE_TEST_COUNT; i++)
		if (strcmp(names[i], name) == 0)
			return i;
	return -1;
}

static int action_kind(const char *name)
{
	static const char *const names[] = {
#define X(kind, text) text,
		RULE_ACTIONS(X)
#undef X
	};
	for (int i = 0; i < RULE_ACTION_COUNT; i++)
		if (strcmp(names[i], name) == 0)
			return i;
	return -1;
}

bool sluice_uuid_is(const char *text)
{
	return policy_uuid_is(text);
}

/* ---- selectors ---- */

/* By finalizers. Of a state that ends there may be very many, and the model frees its parts itself. */
static bool parts_end(void)
{
	if (lua_abi_context()->closing)
		sluice_progress();
	return lua_abi_context()->closing;
}

void sluice_selector_release(struct policy_selector *selector)
{
	if (!parts_end())
		policy_selector_release(selector);
}

void sluice_action_release(struct policy_action *action)
{
	if (!parts_end())
		policy_action_release(action);
}

struct policy_selector *sluice_selector_all(void)
{
	KEEP(struct policy_selector *, policy_selector_all(model()));
}

struct policy_selector *sluice_selector_qname(const struct lua_name *name)
{
	KEEP(struct policy_selector *, policy_selector_qname(model(), name->wire, name->length));
}

struct policy_selector *sluice_selector_names(const struct lua_names *names, bool suffix)
{
	const struct name_set *set = lua_names_set(names);
	KEEP(struct policy_selector *, suffix ? policy_selector_qname_suffix(model(), set)
					      : policy_selector_qname_set(model(), set));
}

struct policy_selector *sluice_selector_suffix(const struct lua_name *name)
{
	struct lua_names *names = sluice_names_new();
	int error = names != NULL ? sluice_names_add(names, name) : -ENOMEM;
	struct policy_selector *made = error == 0 ? sluice_selector_names(names, true) : NULL;
	if (error != 0)
		last_error = -error;
	sluice_names_free(names);
	return made;
}

struct policy_selector *sluice_selector_number(const char *kind, uint16_t value)
{
	int number = test_kind(kind);
	KEEP(struct policy_selector *,
	     number < 0 ? NULL
			: policy_selector_number(model(), (enum rule_test_kind)number, value));
}

struct policy_selector *sluice_selector_window(const char *kind, uint32_t min, uint32_t max)
{
	int number = test_kind(kind);
	KEEP(struct policy_selector *,
	     number < 0 ? NULL
			: policy_selector_window(model(), (enum rule_test_kind)number, min, max));
}

struct policy_selector *sluice_selector_records(uint32_t section, uint16_t min, uint16_t max)
{
	KEEP(struct policy_selector *,
	     policy_selector_records(model(), (enum dns_section)section, min, max));
}

int lua_prefixes_add(struct prefix_list *list, const struct lua_prefix *prefixes, size_t count)
{
	struct prefix_entry *entries = calloc(count | 1, sizeof(*entries));
	if (entries == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		entries[i] = (struct prefix_entry){.length = prefixes[i].length,
						   .ipv6 = prefixes[i].ipv6,
						   .negated = prefixes[i].negated};
		memcpy(entries[i].address, prefixes[i].bytes, prefixes[i].ipv6 ? 16 : 4);
	}
	int error = prefix_list_add_all(list, entries, count);
	free(entries);
	return error;
}

struct policy_selector *sluice_selector_netmask(const struct lua_prefix *prefixes, size_t count,
						bool destination)
{
	struct prefix_list list = {0};
	struct policy_selector *selector = NULL;
	int error = lua_prefixes_add(&list, prefixes, count);
	errno = 0;
	if (error == 0 && model() != NULL)
		selector = policy_selector_netmask(model(), &list, destination);
	last_error = error < 0 ? -error : errno != 0 ? errno : ENOMEM;
	prefix_list_clear(&list);
	return selector;
}

struct policy_selector *sluice_selector_tag(const char *key, size_t key_length, const char *value,
					    size_t value_length)
{
	KEEP(struct policy_selector *,
	     policy_selector_tag(model(), key, key_length, value, value_length));
}

struct policy_selector *sluice_selector_probability(double p)
{
	KEEP(struct policy_selector *, policy_selector_probability(model(), p));
}

struct policy_selector *sluice_selector_lua(int reference, bool ffi)
{
	KEEP(struct policy_selector *, policy_selector_lua(model(), reference, ffi));
}

struct policy_selector *sluice_selector_join(uint32_t kind, struct policy_selector *const *members,
					     size_t count)
{
	KEEP(struct policy_selector *,
	     kind == 0	 ? policy_selector_and(model(), members, count)
	     : kind == 1 ? policy_selector_or(model(), members, count)
			 : policy_selector_not(model(), members[0]));
}

/* ---- actions ---- */

struct policy_action *sluice_action_plain(const char *kind)
{
	int number = action_kind(kind);
	KEEP(struct policy_action *,
	     number < 0 ? NULL : policy_action_plain(model(), (enum rule_action_kind)number));
}

struct policy_action *sluice_action_rcode(uint16_t rcode, const struct lua_reply_options *options)
{
	struct dns_reply_options made;
	KEEP(struct policy_action *,
	     policy_action_rcode(model(), rcode, lua_reply_options_read(options, &made)));
}

struct policy_action *sluice_action_spoof(const struct lua_address *addresses, size_t count,
					  const struct lua_reply_options *options)
{
	struct dns_reply_address list[64];
	struct dns_reply_options made;
	if (count > 64) {
		last_error = E2BIG;
		return NULL;
	}
	for (size_t i = 0; i < count; i++) {
		list[i].length = addresses[i].ipv6 ? 16 : 4;
		memcpy(list[i].bytes, addresses[i].bytes, 16);
	}
	KEEP(struct policy_action *,
	     policy_action_spoof(model(), list, count, lua_reply_options_read(options, &made)));
}

struct policy_action *sluice_action_pool(const char *name, size_t length, bool stop)
{
	KEEP(struct policy_action *, policy_action_pool(model(), name, length, stop));
}

struct policy_action *sluice_action_ttl(const char *kind, uint32_t ttl)
{
	int number = action_kind(kind);
	KEEP(struct policy_action *,
	     number < 0 ? NULL : policy_action_ttl(model(), (enum rule_action_kind)number, ttl));
}

struct policy_action *sluice_action_tag(const char *key, size_t key_length, const char *value,
					size_t value_length)
{
	KEEP(struct policy_action *,
	     policy_action_tag(model(), key, key_length, value, value_length));
}

struct policy_action *sluice_action_untag(const char *key, size_t key_length)
{
	KEEP(struct policy_action *, policy_action_untag(model(), key, key_length));
}

struct policy_action *sluice_action_ede(uint16_t code, const char *text, size_t length, bool clear)
{
	KEEP(struct policy_action *,
	     policy_action_extended_error(model(), code, text, length, clear));
}

struct policy_action *sluice_action_lua(int reference, bool ffi)
{
	KEEP(struct policy_action *, policy_action_lua(model(), reference, ffi));
}

/* ---- rules ---- */

void sluice_policy_changed(void)
{
	struct lua_context *context = lua_abi_context();
	context->changes++;
	if (!context->loading && context->hooks != NULL && context->hooks->changed != NULL)
		context->hooks->changed(context->hooks_ctx);
}

uint32_t sluice_policy_changes(void)
{
	return lua_abi_context()->changes;
}

bool sluice_rule_add(uint32_t chain, struct policy_selector *selector,
		     struct policy_action *action, const char *name, const char *uuid,
		     const char *place)
{
	errno = 0;
	struct policy_rule *added = policy_rule_add(model(), (enum chain_id)chain, POLICY_RULE_LAST,
						    selector, action, name, uuid);
	last_error = added != NULL ? 0 : errno;
	if (added == NULL)
		return false;
	policy_rule_place_set(added, place);
	sluice_policy_changed();
	return true;
}

size_t sluice_rules_count(uint32_t chain)
{
	return policy_rules_count(model(), (enum chain_id)chain);
}

bool sluice_rule_at(uint32_t chain, size_t index, struct lua_rule *rule)
{
	if (index >= sluice_rules_count(chain))
		return false;
	const struct policy_rule *found = policy_rule_at(model(), (enum chain_id)chain, index);
	*rule = (struct lua_rule){
		.name = policy_rule_name(found),
		.uuid = policy_rule_uuid(found),
		.hits = policy_rule_hits(model(), found),
		.created = policy_rule_created(found),
		.selector = policy_rule_selector(found),
		.action = policy_rule_action(found),
	};
	return true;
}

long sluice_rule_find(uint32_t chain, const char *text)
{
	return policy_rule_find(model(), (enum chain_id)chain, text);
}

static int changed(int error)
{
	if (error == 0)
		sluice_policy_changed();
	return error;
}

int sluice_rule_remove(uint32_t chain, size_t index)
{
	return changed(policy_rule_remove(model(), (enum chain_id)chain, index));
}

int sluice_rule_move(uint32_t chain, size_t from, size_t to)
{
	return changed(policy_rule_move(model(), (enum chain_id)chain, from, to));
}

int sluice_rule_top(uint32_t chain)
{
	return changed(policy_rule_move_to_top(model(), (enum chain_id)chain));
}

int sluice_rules_clear(uint32_t chain)
{
	policy_rules_clear(model(), (enum chain_id)chain);
	return changed(0);
}

/* ---- the packet's pool ---- */

bool sluice_question_pool(const struct lua_question *question, struct lua_bytes *name)
{
	struct rte_mbuf *mbuf = sluice_question_find(question);
	if (mbuf == NULL)
		return false;
	*name = (struct lua_bytes){"", 0};
	if (model() == NULL)
		return true;
	const char *found = policy_pool_name_at(model(), packet_of(mbuf)->query.pool, &name->length);
	if (found != NULL)
		name->data = found;
	else
		name->length = 0;
	return true;
}

int sluice_question_pool_set(struct lua_question *question, const char *name, size_t length)
{
	struct rte_mbuf *mbuf = lua_question_editable(question);
	if (mbuf == NULL)
		return -errno;
	int number = model() != NULL ? policy_pool_intern(model(), name, length) : -EINVAL;
	if (number < 0)
		return number;
	packet_of(mbuf)->query.pool = (uint16_t)number;
	return 0;
}

/* ---- settings ---- */

int sluice_listener_add(const char *text, bool proxied)
{
	return policy_listener_add(model(), text, proxied);
}

/* What leaves from an address of a port may come there. */
bool sluice_listener_lacks_port(const char *text)
{
	static const uint8_t any[16];
	const struct lua_abi_hooks *hooks = lua_abi_context()->hooks;
	struct net_address address;
	struct net_source source;
	char plain[INET6_ADDRSTRLEN], reason[256];
	uint16_t port;
	if (hooks == NULL || hooks->source == NULL ||
	    backend_address_parse(text, 1, &address, &port) != 0 ||
	    memcmp(address.bytes, any, sizeof(any)) == 0 ||
	    inet_ntop(address.ipv6 ? AF_INET6 : AF_INET, address.bytes, plain, sizeof(plain)) == NULL)
		return false;
	return hooks->source(lua_abi_context()->hooks_ctx, plain, address.ipv6, &source, reason,
			     sizeof(reason)) != 0;
}

int sluice_listeners_clear(void)
{
	policy_listeners_clear(model());
	return 0;
}

int sluice_listener_mute(size_t index, bool tcp, bool muted)
{
	return changed(policy_listener_mute(model(), index, tcp, muted));
}

bool sluice_listener_muted(size_t index, bool tcp)
{
	const struct policy_listener *listener = policy_listener_at(model(), index);
	return listener != NULL && listener->muted[tcp];
}

int sluice_listener_print(size_t index, char *text, size_t size, bool *tcp)
{
	const struct policy_listener *listener =
		index < policy_listeners_count(model()) ? policy_listener_at(model(), index) : NULL;
	if (listener == NULL)
		return -ENOENT;
	*tcp = !listener->tcp.off;
	backend_address_print(&listener->address, listener->port, text, size);
	return (int)strlen(text);
}

int sluice_acl_add(const struct lua_prefix *prefixes, size_t count)
{
	return changed(lua_prefixes_add(policy_model_acl(model()), prefixes, count));
}

int sluice_acl_remove(const char *text)
{
	struct prefix_entry entry;
	int error = prefix_parse(text, &entry);
	return error < 0 ? error : changed(prefix_list_remove(policy_model_acl(model()), &entry));
}

int sluice_acl_clear(void)
{
	prefix_list_clear(policy_model_acl(model()));
	return changed(0);
}

size_t sluice_acl_count(void)
{
	return policy_model_acl(model())->count;
}

int sluice_acl_print(size_t index, char *text, size_t size)
{
	const struct prefix_list *acl = policy_model_acl(model());
	return index < acl->count ? prefix_print(&acl->entries[index], text, size) : -ENOENT;
}

int64_t sluice_setting_get(const char *name)
{
	const struct policy_settings *settings = policy_model_settings(model());
	const struct {
		const char *name;
		int64_t value;
	} known[] = {
		{"allow_empty_response", settings->allow_empty_response},
		{"ecs_override", settings->ecs.override},
		{"ecs_v4_prefix", settings->ecs.v4_prefix},
		{"ecs_v6_prefix", settings->ecs.v6_prefix},
		{"stale", settings->stale},
		{"cut_truncated", settings->cut_truncated},
		{"verbose_checks", settings->verbose_checks},
		{"tcp_receive_timeout", settings->tcp.receive_timeout / 1000},
		{"tcp_send_timeout", settings->tcp.send_timeout / 1000},
	};
	for (size_t i = 0; i < RTE_DIM(known); i++)
		if (strcmp(name, known[i].name) == 0)
			return known[i].value;
	return -EINVAL;
}

int sluice_setting_set(const char *name, uint32_t value)
{
	struct policy_settings *settings = policy_model_settings(model());
	if (strcmp(name, "udp_timeout") == 0) {
		if (value == 0)
			return -EINVAL;
		settings->udp_timeout = value;
	} else if (strcmp(name, "servfail_when_no_server") == 0) {
		settings->servfail_when_no_server = value != 0;
	} else if (strcmp(name, "round_robin_fail") == 0) {
		settings->round_robin_fail = value != 0;
	} else if (strcmp(name, "stale") == 0) {
		settings->stale = value;
	} else if (strcmp(name, "stale_timeout") == 0) {
		settings->stale_timeout = value;
	} else if (strcmp(name, "perturbation") == 0) {
		settings->perturbation = value;
	} else if (strcmp(name, "block_action") == 0) {
		settings->block_action = (uint8_t)value;
	} else if (strcmp(name, "block_purge") == 0) {
		settings->block_purge = value;
	} else if (strcmp(name, "answer_empty") == 0) {
		settings->answer_empty = value != 0;
	} else if (strcmp(name, "own_edns") == 0) {
		settings->own_edns = value != 0;
	} else if (strcmp(name, "own_udp_size") == 0) {
		settings->own_udp_size = (uint16_t)value;
	} else if (strcmp(name, "allow_empty_response") == 0) {
		settings->allow_empty_response = value != 0;
	} else if (strcmp(name, "cut_truncated") == 0) {
		settings->cut_truncated = value != 0;
	} else if (strcmp(name, "verbose_checks") == 0) {
		settings->verbose_checks = value != 0;
	} else if (strcmp(name, "proxy_size") == 0) {
		settings->proxy_size = (uint16_t)value;
	} else if (strcmp(name, "proxy_clients_acl") == 0) {
		settings->proxy_clients_acl = value != 0;
	} else if (strcmp(name, "ecs_override") == 0) {
		settings->ecs.override = value != 0;
	} else if (strcmp(name, "ecs_v4_prefix") == 0) {
		settings->ecs.v4_prefix = (uint8_t)value;
	} else if (strcmp(name, "ecs_v6_prefix") == 0) {
		settings->ecs.v6_prefix = (uint8_t)value;
	} else {
		return -ENOENT;
	}
	return changed(0);
}
