/* SPDX-License-Identifier: BSD-2-Clause */
/* dnsdist's FFI for late queries and responses, and for sums over them by suffix. */
#include "control/lua/abi.h"

#include <stdlib.h>
#include <string.h>

#include "dataplane/dns/bytes.h"
#include "dataplane/dns/message.h"

enum ring_text { TEXT_NAME, TEXT_CLIENT, TEXT_SERVER, TEXT_MAC, TEXT_COUNT };

/* Texts are made when somebody asks for them. */
struct dnsdist_ffi_ring_entry_list_t {
	dnsdist_ffi_ring_entry_list_t *next, **link; /* the context owns it, as sets of names */
	size_t count;
	const struct lua_recent **entries;
	char *(*texts)[TEXT_COUNT];
	struct lua_recents *recents;
};

/* ---- lists ---- */

typedef bool entry_test(const struct lua_recent *entry, const void *wanted);

static dnsdist_ffi_ring_entry_list_t *list_new(struct lua_recents *recents)
{
	struct lua_context *context = lua_abi_context();
	size_t size = sluice_recents_count(recents) + 1;
	dnsdist_ffi_ring_entry_list_t *list = calloc(1, sizeof(*list));
	if (list == NULL)
		return NULL;
	list->recents = recents;
	list->entries = calloc(size, sizeof(list->entries[0]));
	list->texts = calloc(size, sizeof(list->texts[0]));
	list->next = context->rings;
	list->link = &context->rings;
	if (list->next != NULL)
		list->next->link = &list->next;
	context->rings = list;
	return list;
}

void dnsdist_ffi_ring_entry_list_free(dnsdist_ffi_ring_entry_list_t *list)
{
	if (list == NULL)
		return;
	*list->link = list->next;
	if (list->next != NULL)
		list->next->link = list->link;
	for (size_t i = 0; i < list->count; i++)
		for (unsigned text = 0; text < TEXT_COUNT; text++)
			free(list->texts[i][text]);
	sluice_recents_free(list->recents);
	free(list->entries);
	free(list->texts);
	free(list);
}

void lua_rings_free_all(struct lua_context *context)
{
	while (context->rings != NULL)
		dnsdist_ffi_ring_entry_list_free(context->rings);
}

/* A list of the entries that pass the test, NULL: of all. No list is made of none. */
static size_t entries_get(entry_test *test, const void *wanted, dnsdist_ffi_ring_entry_list_t **out)
{
	struct lua_recents *recents = sluice_recents_open(3, 0);
	dnsdist_ffi_ring_entry_list_t *list = recents != NULL ? list_new(recents) : NULL;
	if (list == NULL) {
		if (recents != NULL)
			sluice_recents_free(recents);
		return 0;
	}
	if (list->entries == NULL || list->texts == NULL) {
		dnsdist_ffi_ring_entry_list_free(list);
		return 0;
	}
	const struct lua_recent *const *array = sluice_recents_array(recents);
	for (size_t i = 0; i < sluice_recents_count(recents); i++)
		if (test == NULL || test(array[i], wanted))
			list->entries[list->count++] = array[i];
	size_t count = list->count;
	if (count > 0)
		*out = list;
	else
		dnsdist_ffi_ring_entry_list_free(list);
	return count;
}

size_t dnsdist_ffi_ring_get_entries(dnsdist_ffi_ring_entry_list_t **out)
{
	return out != NULL ? entries_get(NULL, NULL, out) : 0;
}

static bool client_is(const struct lua_recent *entry, const void *wanted)
{
	const struct lua_address *address = wanted;
	return entry->client.ipv6 == address->ipv6 &&
	       memcmp(entry->client.bytes, address->bytes, sizeof(address->bytes)) == 0;
}

size_t dnsdist_ffi_ring_get_entries_by_addr(const char *addr, dnsdist_ffi_ring_entry_list_t **out)
{
	struct lua_address address;
	if (addr == NULL || out == NULL || sluice_address_parse(addr, &address) != 0)
		return 0;
	return entries_get(client_is, &address, out);
}

/* Byte by byte: of a text that is shorter, nothing is read behind what differs, its NUL at the latest. */
static bool mac_is(const struct lua_recent *entry, const void *wanted)
{
	const char *bytes = wanted;
	for (size_t i = 0; i < sizeof(entry->mac); i++)
		if (bytes[i] != (char)entry->mac[i])
			return false;
	return entry->has_mac;
}

size_t dnsdist_ffi_ring_get_entries_by_mac(const char *addr, dnsdist_ffi_ring_entry_list_t **out)
{
	return addr != NULL && out != NULL ? entries_get(mac_is, addr, out) : 0;
}

/* ---- entries ---- */

static const struct lua_recent *entry_at(const dnsdist_ffi_ring_entry_list_t *list, size_t idx)
{
	static const struct lua_recent none;
	return list != NULL && idx < list->count ? list->entries[idx] : &none;
}

static struct dns_header header_at(const dnsdist_ffi_ring_entry_list_t *list, size_t idx)
{
	struct dns_header header;
	memcpy(&header, entry_at(list, idx)->header.bytes, sizeof(header));
	return header;
}

static void address_print(const struct lua_address *address, char *text, size_t size)
{
	struct net_address from = {.ipv6 = address->ipv6};
	memcpy(from.bytes, address->bytes, sizeof(from.bytes));
	backend_address_print(&from, address->port, text, size);
}

static const char *text_at(const dnsdist_ffi_ring_entry_list_t *list, size_t idx,
			   enum ring_text which)
{
	char text[DNS_NAME_TEXT_SIZE] = "";
	if (list == NULL || idx >= list->count)
		return NULL;
	const struct lua_recent *entry = list->entries[idx];
	char **kept = &list->texts[idx][which];
	if (*kept != NULL)
		return *kept;
	if (which == TEXT_NAME && entry->name.length > 0)
		dns_name_print(entry->name.wire, text, sizeof(text), true);
	else if (which == TEXT_CLIENT)
		address_print(&entry->client, text, sizeof(text));
	else if (which == TEXT_SERVER && entry->response != 0)
		address_print(&entry->server, text, sizeof(text));
	else if (which == TEXT_MAC)
		memcpy(text, entry->mac, sizeof(entry->mac));
	size_t size = which == TEXT_MAC ? sizeof(entry->mac) + 1 : strlen(text) + 1;
	*kept = malloc(size);
	if (*kept != NULL)
		memcpy(*kept, text, size);
	return *kept;
}

bool dnsdist_ffi_ring_entry_is_response(const dnsdist_ffi_ring_entry_list_t *list, size_t idx)
{
	return entry_at(list, idx)->response != 0;
}

double dnsdist_ffi_ring_entry_get_age(const dnsdist_ffi_ring_entry_list_t *list, size_t idx)
{
	return entry_at(list, idx)->age;
}

const char *dnsdist_ffi_ring_entry_get_name(const dnsdist_ffi_ring_entry_list_t *list, size_t idx)
{
	return text_at(list, idx, TEXT_NAME);
}

uint16_t dnsdist_ffi_ring_entry_get_type(const dnsdist_ffi_ring_entry_list_t *list, size_t idx)
{
	return entry_at(list, idx)->qtype;
}

const char *dnsdist_ffi_ring_entry_get_requestor(const dnsdist_ffi_ring_entry_list_t *list,
					    size_t idx)
{
	return text_at(list, idx, TEXT_CLIENT);
}

const char *dnsdist_ffi_ring_entry_get_backend(const dnsdist_ffi_ring_entry_list_t *list,
					    size_t idx)
{
	return text_at(list, idx, TEXT_SERVER);
}

uint8_t dnsdist_ffi_ring_entry_get_protocol(const dnsdist_ffi_ring_entry_list_t *list, size_t idx)
{
	return entry_at(list, idx)->tcp != 0 ? dnsdist_ffi_protocol_type_dotcp
				       : dnsdist_ffi_protocol_type_doudp;
}

uint16_t dnsdist_ffi_ring_entry_get_size(const dnsdist_ffi_ring_entry_list_t *list, size_t idx)
{
	return entry_at(list, idx)->size;
}

/* Microseconds, as far as they fit. */
uint16_t dnsdist_ffi_ring_entry_get_latency(const dnsdist_ffi_ring_entry_list_t *list, size_t idx)
{
	uint32_t us = entry_at(list, idx)->us;
	return us < UINT16_MAX ? (uint16_t)us : UINT16_MAX;
}

uint16_t dnsdist_ffi_ring_entry_get_id(const dnsdist_ffi_ring_entry_list_t *list, size_t idx)
{
	return dns_u16_load(entry_at(list, idx)->header.bytes);
}

uint8_t dnsdist_ffi_ring_entry_get_rcode(const dnsdist_ffi_ring_entry_list_t *list, size_t idx)
{
	return header_at(list, idx).rcode;
}

bool dnsdist_ffi_ring_entry_get_aa(const dnsdist_ffi_ring_entry_list_t *list, size_t idx)
{
	return header_at(list, idx).aa;
}

bool dnsdist_ffi_ring_entry_get_rd(const dnsdist_ffi_ring_entry_list_t *list, size_t idx)
{
	return header_at(list, idx).rd;
}

bool dnsdist_ffi_ring_entry_get_tc(const dnsdist_ffi_ring_entry_list_t *list, size_t idx)
{
	return header_at(list, idx).tc;
}

uint16_t dnsdist_ffi_ring_entry_get_ancount(const dnsdist_ffi_ring_entry_list_t *list, size_t idx)
{
	return dns_count_load(entry_at(list, idx)->header.bytes, DNS_SECTION_ANSWER);
}

uint16_t dnsdist_ffi_ring_entry_get_nscount(const dnsdist_ffi_ring_entry_list_t *list, size_t idx)
{
	return dns_count_load(entry_at(list, idx)->header.bytes, DNS_SECTION_AUTHORITY);
}

uint16_t dnsdist_ffi_ring_entry_get_arcount(const dnsdist_ffi_ring_entry_list_t *list, size_t idx)
{
	return dns_count_load(entry_at(list, idx)->header.bytes, DNS_SECTION_ADDITIONAL);
}

bool dnsdist_ffi_ring_entry_has_mac_address(const dnsdist_ffi_ring_entry_list_t *list, size_t idx)
{
	return entry_at(list, idx)->has_mac != 0;
}

const char *dnsdist_ffi_ring_entry_get_mac_address(const dnsdist_ffi_ring_entry_list_t *list,
					    size_t idx)
{
	return text_at(list, idx, TEXT_MAC);
}

/* ---- by suffix: the children's sums have the node's own in them, as in dnsdist ---- */

#define STAT(name, value)                                                                          \
	uint64_t dnsdist_ffi_stat_node_get_##name(const dnsdist_ffi_stat_node_t *node)             \
	{                                                                                          \
		return (uint64_t)node->value;                                                      \
	}

STAT(queries_count, own.queries)
STAT(noerrors_count, own.noerrors)
STAT(nxdomains_count, own.nxdomains)
STAT(servfails_count, own.servfails)
STAT(drops_count, own.drops)
STAT(bytes, own.bytes)
STAT(hits, own.hits)
STAT(children_queries_count, all.queries)
STAT(children_noerrors_count, all.noerrors)
STAT(children_nxdomains_count, all.nxdomains)
STAT(children_servfails_count, all.servfails)
STAT(children_drops_count, all.drops)
STAT(children_bytes_count, all.bytes)
STAT(children_hits, all.hits)

unsigned int dnsdist_ffi_stat_node_get_labels_count(const dnsdist_ffi_stat_node_t *node)
{
	return node->labels;
}

unsigned int dnsdist_ffi_stat_node_get_children_count(const dnsdist_ffi_stat_node_t *node)
{
	return node->children;
}

void dnsdist_ffi_stat_node_get_full_name_raw(const dnsdist_ffi_stat_node_t *node, const char **name,
					     size_t *nameSize)
{
	*name = node->text;
	*nameSize = node->text_length;
}

/* What does not fit is cut off. */
void dnsdist_ffi_state_node_set_reason(dnsdist_ffi_stat_node_t *node, const char *reason,
				       size_t reasonSize)
{
	node->reason_length = (uint32_t)RTE_MIN(reasonSize, sizeof(node->reason));
	memcpy(node->reason, reason, node->reason_length);
}

void dnsdist_ffi_state_node_set_action(dnsdist_ffi_stat_node_t *node, int blockAction)
{
	node->action = blockAction;
}
