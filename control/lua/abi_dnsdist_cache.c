/* SPDX-License-Identifier: BSD-2-Clause */
/* dnsdist's FFI for what a packet cache has: names for an address, addresses for a name. */
#include "control/lua/abi.h"

#include <string.h>

#include "dataplane/dns/name.h"

/* The texts lie one behind another, each with its NUL, behind where they begin. */
struct texts {
	struct lua_owned owned;
	size_t count;
	uint32_t starts[];
};

struct dnsdist_ffi_domain_list_t {
	struct texts texts;
};

struct dnsdist_ffi_address_list_t {
	struct texts texts;
};

typedef size_t text_print(size_t index, char *text, size_t size);

static struct texts *texts_make(size_t count, text_print *print, size_t size)
{
	size_t head = sizeof(struct texts) + count * sizeof(uint32_t), used = 0;
	struct texts *made = count > 0 ? lua_owned_new(head + count * size) : NULL;
	if (made == NULL)
		return NULL;
	char *text = (char *)made + head;
	for (size_t i = 0; i < count; i++) {
		made->starts[i] = (uint32_t)(head + used);
		used += print(i, text + used, size) + 1;
	}
	made->count = count;
	return made;
}

static const char *text_at(const struct texts *texts, size_t index)
{
	if (texts == NULL || index >= texts->count)
		return NULL;
	return (const char *)texts + texts->starts[index];
}

static struct policy_blob *cache_of(const char *pool)
{
	return pool != NULL ? sluice_pool_cache(pool, strlen(pool)) : NULL;
}

static size_t domain_print(size_t index, char *text, size_t size)
{
	int length = sluice_name_print(sluice_cache_domain_at(index), text, size, true);
	return length > 0 ? (size_t)length : 0;
}

static size_t address_print(size_t index, char *text, size_t size)
{
	int length = sluice_address_print(sluice_cache_address_at(index), text, size);
	return length > 0 ? (size_t)length : 0;
}

size_t dnsdist_ffi_packetcache_get_domain_list_by_addr(const char *poolName, const char *addr,
						       dnsdist_ffi_domain_list_t **out)
{
	struct policy_blob *cache = cache_of(poolName);
	struct lua_address address;
	if (cache == NULL || out == NULL || addr == NULL ||
	    sluice_address_parse(addr, &address) != 0)
		return 0;
	struct texts *made = texts_make(sluice_cache_domains(cache, &address), domain_print,
					DNS_NAME_TEXT_SIZE);
	lua_cache_found_free(lua_abi_context());
	if (made == NULL)
		return 0;
	*out = (dnsdist_ffi_domain_list_t *)made;
	return made->count;
}

size_t dnsdist_ffi_packetcache_get_address_list_by_domain(const char *poolName, const char *domain,
							  dnsdist_ffi_address_list_t **out)
{
	struct policy_blob *cache = cache_of(poolName);
	struct lua_name name;
	if (cache == NULL || out == NULL || domain == NULL ||
	    sluice_name_parse(domain, strlen(domain), &name) != 0)
		return 0;
	struct texts *made = texts_make(sluice_cache_addresses(cache, &name), address_print, 80);
	lua_cache_found_free(lua_abi_context());
	if (made == NULL)
		return 0;
	*out = (dnsdist_ffi_address_list_t *)made;
	return made->count;
}

const char *dnsdist_ffi_domain_list_get(const dnsdist_ffi_domain_list_t *list, size_t idx)
{
	return text_at((const struct texts *)list, idx);
}

void dnsdist_ffi_domain_list_free(dnsdist_ffi_domain_list_t *list)
{
	lua_owned_free(list);
}

const char *dnsdist_ffi_address_list_get(const dnsdist_ffi_address_list_t *list, size_t idx)
{
	return text_at((const struct texts *)list, idx);
}

void dnsdist_ffi_address_list_free(dnsdist_ffi_address_list_t *list)
{
	lua_owned_free(list);
}
