/* SPDX-License-Identifier: BSD-2-Clause */
/* Packet caches as policies and the console see them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/cache_admin.h"
#include "control/lua/abi.h"
#include "dataplane/clock.h"
#include "dataplane/dns/message.h"
#include "dataplane/stats.h"

#define CACHE_FOUND_MAX 100000u /* answers to one question of the console */
#define MIB ((size_t)1 << 20)

/* What a search found: names or addresses. */
struct lua_cache_found {
	size_t count, size;
	bool names;
	union {
		struct lua_name *name;
		struct lua_address *address;
		void *memory;
	};
};

static struct policy_model *model(void)
{
	return lua_abi_context()->model;
}

static struct cache_options options_read(const struct lua_cache_options *from)
{
	struct cache_options to;
	memset(&to, 0, sizeof(to)); /* they are compared as bytes */
	to.entries = from->entries;
	to.ttls.max = from->max_ttl;
	to.ttls.min = from->min_ttl;
	to.ttls.negative = from->negative_ttl;
	to.ttls.failure = from->failure_ttl;
	to.ttls.truncated = from->truncated_ttl;
	to.stale_ttl = from->stale_ttl;
	to.entry_max = from->entry_max;
	to.dont_age = from->dont_age;
	to.shuffle = from->shuffle;
	to.parse_ecs = from->parse_ecs;
	to.key.n_skip = from->n_skip;
	to.key.n_ranks = from->n_ranks;
	memcpy(to.key.skip, from->skip, sizeof(to.key.skip));
	memcpy(to.key.ranks, from->ranks, sizeof(to.key.ranks));
	return to;
}

struct policy_blob *sluice_cache_new(const struct lua_cache_options *given)
{
	struct cache_options options = options_read(given);
	bool known, checking = lua_abi_context()->checking;
	errno = 0;
	struct policy_blob *blob =
		lua_policy_keep(policy_cache_new(model(), &options, !checking, &known));
	if (blob != NULL && !checking)
		log_info("memory: %zu MiB for a packet cache of %u entries%s",
			 policy_cache_size(blob) / MIB, options.entries,
			 known ? ", kept from the policy before" : "");
	return blob;
}

void sluice_cache_stats(struct policy_blob *blob, struct lua_cache_stats *stats)
{
	struct cache *cache = policy_cache_of(blob);
	struct cache_stats sum = cache_stats_sum(cache);
	*stats = (struct lua_cache_stats){
		.entries = cache_count(cache),
		.capacity = cache_options_of(cache)->entries,
		.memory = policy_cache_size(blob),
		.hits = sum.hits,
		.misses = sum.misses,
		.stale_hits = sum.stale_hits,
		.inserts = sum.inserts,
		.evictions = sum.evictions,
		.deferred_inserts = sum.deferred_inserts,
		.deferred_lookups = sum.deferred_lookups,
		.lookup_collisions = sum.lookup_collisions,
		.ttl_too_short = sum.ttl_too_short,
		.unfit = sum.unfit,
		.too_large = sum.too_large,
		.cleanups = sum.cleanups,
	};
}

/* As workers have it: whole milliseconds, then whole seconds. */
static uint32_t now(void)
{
	uint64_t hz = lua_abi_context()->tsc_hz;
	return hz < 1000 ? 0 : (uint32_t)(clock_now() / (hz / 1000) / 1000);
}

static unsigned lcore(void)
{
	return policy_cache_lcore(model());
}

uint64_t sluice_cache_expunge(struct policy_blob *blob, uint64_t left)
{
	return cache_remove(policy_cache_of(blob), left, false, now(), lcore());
}

uint64_t sluice_cache_purge(struct policy_blob *blob, uint64_t left)
{
	struct cache *cache = policy_cache_of(blob);
	stats_add(&cache_stats_of(cache, lcore())->cleanups, 1);
	return cache_remove(cache, left, true, now(), lcore());
}

uint64_t sluice_cache_expunge_name(struct policy_blob *blob, const struct lua_name *name,
				   int32_t qtype, bool suffix)
{
	struct cache_names names = {
		.name = name->wire, .length = name->length, .qtype = qtype, .below = suffix};
	return cache_remove_names(policy_cache_of(blob), &names, lcore());
}

int64_t sluice_cache_dump(struct policy_blob *blob, const char *path, bool raw,
			  const char **reason)
{
	int64_t count = cache_dump(policy_cache_of(blob), path, raw, now(), lcore());
	*reason = strerror(count < 0 ? (int)-count : 0);
	return count;
}

/* ---- looking into it ---- */

static bool found_add(struct lua_cache_found *found, const void *item, size_t item_size)
{
	if (found->count == CACHE_FOUND_MAX)
		return false;
	if (found->count == found->size) {
		size_t size = found->size > 0 ? 2 * found->size : 16;
		void *memory = realloc(found->memory, size * item_size);
		if (memory == NULL)
			return false;
		found->memory = memory;
		found->size = size;
	}
	memcpy((uint8_t *)found->memory + found->count * item_size, item, item_size);
	found->count++;
	return true;
}

struct search {
	struct lua_cache_found *found;
	const struct lua_address *address; /* else: */
	const struct lua_name *name;
};

static bool domain_is_known(const struct lua_cache_found *found, const struct lua_name *name)
{
	for (size_t i = 0; i < found->count; i++)
		if (dns_name_equal(found->name[i].wire, found->name[i].length, name->wire, name->length))
			return true;
	return false;
}

/* Calls for each address among the answers, until `use` says that it is enough. */
static void addresses_visit(const struct cache_view *view, struct search *search,
			    bool (*use)(struct search *search, const struct cache_view *view,
					const struct lua_address *address))
{
	struct dns_records records;
	struct dns_record record;
	if (dns_records_open(&records, view->message, view->length) != 0)
		return;
	while (dns_record_next(&records, &record) > 0 && record.section == DNS_SECTION_ANSWER) {
		bool ipv6 = record.type == DNS_TYPE_AAAA && record.rdlength == 16;
		struct lua_address address = {.ipv6 = ipv6};
		if (!ipv6 && (record.type != DNS_TYPE_A || record.rdlength != 4))
			continue;
		memcpy(address.bytes, view->message + record.rdata, record.rdlength);
		if (use(search, view, &address))
			return;
	}
}

static bool domain_use(struct search *search, const struct cache_view *view,
		       const struct lua_address *address)
{
	struct dns_question question;
	struct lua_name name = {0};
	if (address->ipv6 != search->address->ipv6 ||
	    memcmp(address->bytes, search->address->bytes, 16) != 0)
		return false;
	if (dns_question_parse(view->message, view->length, &question) == DNS_OK) {
		name.length = question.qname_length;
		memcpy(name.wire, view->message + DNS_HEADER_SIZE, name.length);
		if (!domain_is_known(search->found, &name))
			found_add(search->found, &name, sizeof(name));
	}
	return true;
}

static bool domain_visit(void *context, const struct cache_view *view)
{
	addresses_visit(view, context, domain_use);
	return false;
}

static bool address_use(struct search *search, const struct cache_view *view,
			const struct lua_address *address)
{
	(void)view;
	for (size_t i = 0; i < search->found->count; i++)
		if (memcmp(&search->found->address[i], address, sizeof(*address)) == 0)
			return false;
	return !found_add(search->found, address, sizeof(*address));
}

static bool address_visit(void *context, const struct cache_view *view)
{
	struct search *search = context;
	struct cache_names names = {
		.name = search->name->wire, .length = search->name->length, .qtype = -1};
	if (cache_names_have(&names, view))
		addresses_visit(view, search, address_use);
	return false;
}

void lua_cache_found_free(struct lua_context *context)
{
	if (context->found != NULL)
		free(context->found->memory);
	free(context->found);
	context->found = NULL;
}

static size_t search(struct policy_blob *blob, struct search *search, cache_walk_fn *visit)
{
	struct lua_context *context = lua_abi_context();
	lua_cache_found_free(context);
	context->found = calloc(1, sizeof(*context->found));
	if (context->found == NULL)
		return 0;
	context->found->names = search->address != NULL;
	search->found = context->found;
	cache_walk(policy_cache_of(blob), visit, search, lcore());
	return context->found->count;
}

size_t sluice_cache_domains(struct policy_blob *blob, const struct lua_address *address)
{
	return search(blob, &(struct search){.address = address}, domain_visit);
}

size_t sluice_cache_addresses(struct policy_blob *blob, const struct lua_name *name)
{
	return search(blob, &(struct search){.name = name}, address_visit);
}

const struct lua_name *sluice_cache_domain_at(size_t index)
{
	const struct lua_cache_found *found = lua_abi_context()->found;
	return found && found->names && index < found->count ? &found->name[index] : NULL;
}

const struct lua_address *sluice_cache_address_at(size_t index)
{
	const struct lua_cache_found *found = lua_abi_context()->found;
	return found && !found->names && index < found->count ? &found->address[index] : NULL;
}

/* ---- pools ---- */

int sluice_pool_cache_set(const char *pool, size_t length, struct policy_blob *cache)
{
	int number = policy_pool_intern(model(), pool, length);
	if (number < 0)
		return number;
	policy_pool_cache_set(model(), (uint32_t)number, cache);
	sluice_policy_changed();
	return 0;
}

struct policy_blob *sluice_pool_cache(const char *pool, size_t length)
{
	int number = policy_pool_intern(model(), pool, length);
	return number < 0 ? NULL : policy_pool_cache(model(), (uint32_t)number);
}
