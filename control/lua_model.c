/* SPDX-License-Identifier: BSD-2-Clause */
/* What a policy file declares, into the model that is being filled. Called by Lua over FFI. */
#include "control/lua_context.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "dataplane/dns/name.h"

struct number_kind {
	const char *name;
	int kind;
};

static const struct number_kind selector_kinds[] = {
	{"qtype", RULE_TEST_QTYPE}, {"qclass", RULE_TEST_QCLASS}, {"opcode", RULE_TEST_OPCODE},
	{"rcode", RULE_TEST_RCODE}, {"rd", RULE_TEST_RD},	  {"dnssec", RULE_TEST_DNSSEC},
	{"tcp", RULE_TEST_TCP},	    {"dstport", RULE_TEST_DST_PORT},
};

static const struct number_kind action_kinds[] = {
	{"none", RULE_ACTION_NONE},
	{"allow", RULE_ACTION_ALLOW},
	{"drop", RULE_ACTION_DROP},
	{"truncate", RULE_ACTION_TRUNCATE},
	{"norecurse", RULE_ACTION_NO_RECURSE},
	{"novalidation", RULE_ACTION_DISABLE_VALIDATION},
	{"skipcache", RULE_ACTION_SKIP_CACHE},
};

static int kind_find(const struct number_kind *kinds, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(kinds[i].name, name) == 0)
			return kinds[i].kind;
	return -1;
}

static struct policy_model *model(void)
{
	return lua_context.policy->model;
}

struct policy_selector *sluice_selector_all(void)
{
	return policy_selector_all(model());
}

struct policy_selector *sluice_selector_qname(const struct lua_name *name)
{
	return policy_selector_qname(model(), name->wire, name->length);
}

struct policy_selector *sluice_selector_suffixes(const struct lua_name *names, size_t count)
{
	struct policy_selector *selector = NULL;
	struct name_set *set = name_set_new();
	if (set == NULL)
		return NULL;
	size_t i = 0;
	while (i < count) {
		int error = name_set_add(set, names[i].wire, names[i].length);
		if (error != 0 && error != -EEXIST)
			break;
		i++;
	}
	if (i == count)
		selector = policy_selector_qname_suffix(model(), set);
	name_set_free(set);
	return selector;
}

struct policy_selector *sluice_selector_netmasks(const char **texts, size_t count, bool destination)
{
	struct policy_selector *selector = NULL;
	struct prefix_list list = {0};
	size_t i = 0;
	while (i < count && prefix_list_add_text(&list, texts[i]) == 0)
		i++;
	if (i == count)
		selector = policy_selector_netmask(model(), &list, destination);
	prefix_list_clear(&list);
	return selector;
}

struct policy_selector *sluice_selector_number(const char *kind, uint16_t value)
{
	int number = kind_find(selector_kinds, RTE_DIM(selector_kinds), kind);
	if (number < 0)
		return NULL;
	return policy_selector_number(model(), (enum rule_test_kind)number, value);
}

struct policy_selector *sluice_selector_tag(const char *key, size_t key_length, const char *value,
					    size_t value_length)
{
	return policy_selector_tag(model(), key, key_length, value, value_length);
}

struct policy_selector *sluice_selector_and(struct policy_selector **members, size_t count)
{
	return policy_selector_and(model(), members, count);
}

struct policy_selector *sluice_selector_or(struct policy_selector **members, size_t count)
{
	return policy_selector_or(model(), members, count);
}

struct policy_selector *sluice_selector_not(struct policy_selector *member)
{
	return policy_selector_not(model(), member);
}

struct policy_action *sluice_action_plain(const char *kind)
{
	int number = kind_find(action_kinds, RTE_DIM(action_kinds), kind);
	if (number < 0)
		return NULL;
	return policy_action_plain(model(), (enum rule_action_kind)number);
}

struct policy_action *sluice_action_rcode(uint16_t rcode, int aa, int ad, int ra, uint32_t ttl)
{
	struct dns_reply_options options = {
		.ttl = ttl,
		.set_aa = aa >= 0,
		.aa = aa > 0,
		.set_ad = ad >= 0,
		.ad = ad > 0,
		.set_ra = ra >= 0,
		.ra = ra > 0,
	};
	return policy_action_rcode(model(), rcode, &options);
}

struct policy_action *sluice_action_pool(const char *name, size_t length, bool stop)
{
	return policy_action_pool(model(), name, length, stop);
}

struct policy_action *sluice_action_tag(const char *key, size_t key_length, const char *value,
					size_t value_length)
{
	return policy_action_tag(model(), key, key_length, value, value_length);
}

struct policy_action *sluice_action_untag(const char *key, size_t key_length)
{
	return policy_action_untag(model(), key, key_length);
}

struct policy_action *sluice_action_lua(int reference, bool ffi)
{
	return policy_action_lua(model(), reference, ffi);
}

int sluice_rule_add(int chain, struct policy_selector *selector, struct policy_action *action,
		    const char *name, const char *uuid)
{
	if (chain < 0 || chain >= CHAIN_COUNT)
		return -EINVAL;
	return policy_rule_add(model(), (enum chain_id)chain, POLICY_RULE_LAST, selector, action,
			       name, uuid) != NULL
		       ? 0
		       : -errno;
}

int sluice_rules_clear(int chain)
{
	if (chain < 0 || chain >= CHAIN_COUNT)
		return -EINVAL;
	policy_rules_clear(model(), (enum chain_id)chain);
	return 0;
}

int sluice_server_add(const char *address, const char *name, const char *id, uint32_t weight,
		      int32_t order, uint32_t timeout_ms, const char **pools, size_t n_pools)
{
	struct policy_server_options options = {
		.address = address,
		.name = name,
		.id = id,
		.weight = weight,
		.order = order,
		.udp_timeout = timeout_ms,
	};
	struct backend *backend = policy_server_add(model(), &options);
	if (backend == NULL)
		return -errno;
	int error = 0;
	for (size_t i = 0; i < n_pools && error == 0; i++)
		error = policy_server_pool_add(model(), backend, pools[i], strlen(pools[i]));
	return error;
}

int sluice_acl(const char **texts, size_t count, bool replace)
{
	struct prefix_list *acl = policy_model_acl(model());
	if (replace)
		prefix_list_clear(acl);
	for (size_t i = 0; i < count; i++) {
		int error = prefix_list_add_text(acl, texts[i]);
		if (error != 0 && error != -EEXIST)
			return error;
	}
	return 0;
}

int sluice_listener_add(const char *text, bool replace)
{
	if (replace)
		policy_listeners_clear(model());
	int error = policy_listener_add(model(), text);
	return error == -EEXIST ? 0 : error;
}

void sluice_settings(uint32_t udp_timeout_ms, int servfail)
{
	struct policy_settings *settings = policy_model_settings(model());
	if (udp_timeout_ms != 0)
		settings->udp_timeout = udp_timeout_ms;
	if (servfail >= 0)
		settings->servfail_when_no_server = servfail;
}

bool sluice_name_parse(const char *text, size_t length, struct lua_name *name)
{
	int size = dns_name_parse(text, length, name->wire);
	name->length = size > 0 ? (uint8_t)size : 0;
	return size > 0;
}

/* `text` has room for DNS_NAME_TEXT_SIZE bytes. */
size_t sluice_name_print(const struct lua_name *name, bool dot, char *text)
{
	int length = dns_name_print(name->wire, text, DNS_NAME_TEXT_SIZE, dot);
	return length > 0 ? (size_t)length : 0;
}

bool sluice_name_within(const struct lua_name *name, const struct lua_name *zone)
{
	return dns_name_within(name->wire, name->length, zone->wire, zone->length);
}

bool sluice_name_same(const struct lua_name *a, const struct lua_name *b)
{
	return dns_name_equal(a->wire, a->length, b->wire, b->length);
}

int sluice_name_labels(const struct lua_name *name)
{
	uint8_t labels = 0;
	return dns_name_measure(name->wire, name->length, &labels) != 0 ? labels : 0;
}

/* Addresses with a prefix length are accepted too: this also tells netmasks from names. */
bool sluice_address_parse(const char *text, struct lua_address *address)
{
	struct config_address parsed;
	if (config_address_parse(text, &parsed) != 0)
		return false;
	memcpy(address->bytes, parsed.bytes, 16);
	address->port = parsed.port;
	address->ipv6 = parsed.ipv6;
	return true;
}

void sluice_address_print(const struct lua_address *address, bool port, char *text, size_t size)
{
	struct net_address plain = {.ipv6 = address->ipv6};
	memcpy(plain.bytes, address->bytes, 16);
	if (port)
		backend_address_print(&plain, address->port, text, size);
	else
		inet_ntop(address->ipv6 ? AF_INET6 : AF_INET, plain.bytes, text, (socklen_t)size);
}
