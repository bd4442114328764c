/* SPDX-License-Identifier: BSD-2-Clause */
#include "dataplane/rules/prefix_set.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/dns/bytes.h"

#define LENGTH_MAX 128u
#define SORT_SHARE 64u /* who adds less than one in so many does not sort all of them */

static uint8_t length_limit(uint8_t ipv6)
{
	return ipv6 ? 128 : 32;
}

/* Clears the bits after the length. */
static void entry_mask(struct prefix_entry *entry)
{
	for (unsigned i = 0; i < sizeof(entry->address); i++) {
		unsigned bits = entry->length > 8 * i ? entry->length - 8 * i : 0;
		if (bits < 8)
			entry->address[i] &= (uint8_t)(0xff00u >> bits);
	}
}

static int length_parse(const char *text, uint8_t limit, uint8_t *length)
{
	unsigned value = 0;
	size_t digits = strspn(text, "0123456789");
	if (digits == 0 || digits > 3 || text[digits] != '\0')
		return -EINVAL;
	for (size_t i = 0; i < digits; i++)
		value = value * 10 + (unsigned)(text[i] - '0');
	if (value > limit)
		return -EINVAL;
	*length = (uint8_t)value;
	return 0;
}

int prefix_parse(const char *text, struct prefix_entry *entry)
{
	char address[INET6_ADDRSTRLEN];
	*entry = (struct prefix_entry){.negated = text[0] == '!'};
	text += entry->negated;
	size_t length = strcspn(text, "/");
	if (length >= sizeof(address))
		return -EINVAL;
	memcpy(address, text, length);
	address[length] = '\0';
	entry->ipv6 = strchr(address, ':') != NULL;
	if (inet_pton(entry->ipv6 ? AF_INET6 : AF_INET, address, entry->address) != 1)
		return -EINVAL;
	entry->length = length_limit(entry->ipv6);
	if (text[length] == '/' &&
	    length_parse(text + length + 1, entry->length, &entry->length) != 0)
		return -EINVAL;
	entry_mask(entry);
	return 0;
}

int prefix_print(const struct prefix_entry *entry, char *text, size_t size)
{
	char address[INET6_ADDRSTRLEN];
	inet_ntop(entry->ipv6 ? AF_INET6 : AF_INET, entry->address, address, sizeof(address));
	int length = snprintf(text, size, "%s%s/%u", entry->negated ? "!" : "", address,
			      entry->length);
	return (size_t)length < size ? length : -ENOSPC;
}

void prefix_list_clear(struct prefix_list *list)
{
	free(list->entries);
	*list = (struct prefix_list){0};
}

int prefix_compare(const struct prefix_entry *left, const struct prefix_entry *right)
{
	if (left->ipv6 != right->ipv6)
		return left->ipv6 - right->ipv6;
	int order = memcmp(left->address, right->address, sizeof(left->address));
	return order ? order : left->length - right->length;
}

/* Where the prefix is in the list, or would be: entries are sorted, outer before inner. */
static size_t list_place(const struct prefix_list *list, const struct prefix_entry *entry,
			 bool *found)
{
	size_t at = 0, end = list->count;
	*found = false;
	while (at < end && !*found) {
		size_t middle = at + (end - at) / 2;
		int order = prefix_compare(&list->entries[middle], entry);
		if (order == 0)
			*found = true;
		if (order < 0)
			at = middle + 1;
		else
			end = middle;
	}
	return *found ? end : at;
}

static int list_reserve(struct prefix_list *list, size_t count)
{
	size_t size = list->size ? list->size : 8;
	while (size < count)
		size *= 2;
	if (size == list->size)
		return 0;
	struct prefix_entry *entries = realloc(list->entries, size * sizeof(*entries));
	if (!entries)
		return -ENOMEM;
	list->entries = entries;
	list->size = size;
	return 0;
}

static int list_insert(struct prefix_list *list, size_t at, const struct prefix_entry *entry)
{
	if (list_reserve(list, list->count + 1) != 0)
		return -ENOMEM;
	struct prefix_entry *place = list->entries + at;
	memmove(place + 1, place, (list->count - at) * sizeof(*place));
	*place = *entry;
	list->count++;
	return 0;
}

int prefix_list_add(struct prefix_list *list, const struct prefix_entry *entry)
{
	struct prefix_entry masked = *entry;
	bool found;

	if (entry->length > length_limit(entry->ipv6))
		return -EINVAL;
	entry_mask(&masked);
	size_t at = list_place(list, &masked, &found);
	if (!found)
		return list_insert(list, at, &masked);
	list->entries[at].negated = entry->negated;
	return 0;
}

struct ordered {
	struct prefix_entry entry;
	uint32_t order;
};

static int ordered_compare(const void *left, const void *right)
{
	const struct ordered *one = left, *other = right;
	int order = prefix_compare(&one->entry, &other->entry);
	return order != 0 ? order : (one->order > other->order) - (one->order < other->order);
}

/* Sorts, and puts the last of those that are the same into the list, which has room. */
static void list_fill(struct prefix_list *list, struct ordered *all, size_t count)
{
	qsort(all, count, sizeof(*all), ordered_compare);
	list->count = 0;
	for (size_t i = 0; i < count; i++)
		if (i + 1 == count || prefix_compare(&all[i].entry, &all[i + 1].entry) != 0)
			list->entries[list->count++] = all[i].entry;
}

/* All are of a valid length. */
static int few_add(struct prefix_list *list, const struct prefix_entry *entries, size_t count)
{
	int error = list_reserve(list, list->count + count);
	for (size_t i = 0; i < count && error == 0; i++)
		error = prefix_list_add(list, &entries[i]);
	return error;
}

int prefix_list_add_all(struct prefix_list *list, const struct prefix_entry *entries, size_t count)
{
	size_t total = list->count + count;
	for (size_t i = 0; i < count; i++)
		if (entries[i].length > length_limit(entries[i].ipv6))
			return -EINVAL;
	if (total > UINT32_MAX)
		return -ENOMEM;
	if (count < list->count / SORT_SHARE || count <= 1)
		return few_add(list, entries, count);
	struct ordered *all = malloc(total * sizeof(*all));
	struct prefix_entry *room = malloc(total * sizeof(*room));
	if (all == NULL || room == NULL) {
		free(all);
		free(room);
		return -ENOMEM;
	}
	for (size_t i = 0; i < total; i++) {
		all[i].entry = i < list->count ? list->entries[i] : entries[i - list->count];
		all[i].order = (uint32_t)i;
		entry_mask(&all[i].entry);
	}
	free(list->entries);
	*list = (struct prefix_list){.entries = room, .size = total};
	list_fill(list, all, total);
	free(all);
	return 0;
}

int prefix_list_add_text(struct prefix_list *list, const char *text)
{
	struct prefix_entry entry;
	int error = prefix_parse(text, &entry);
	return error ? error : prefix_list_add(list, &entry);
}

int prefix_list_remove(struct prefix_list *list, const struct prefix_entry *entry)
{
	struct prefix_entry masked = *entry;
	bool found;

	entry_mask(&masked);
	size_t at = list_place(list, &masked, &found);
	if (!found)
		return -ENOENT;
	list->count--;
	memmove(list->entries + at, list->entries + at + 1,
		(list->count - at) * sizeof(*list->entries));
	return 0;
}

int prefix_list_add_list(struct prefix_list *list, const struct prefix_list *from)
{
	for (size_t i = 0; i < from->count; i++) {
		int error = prefix_list_add(list, &from->entries[i]);
		if (error != 0)
			return error;
	}
	return 0;
}

bool prefix_list_match(const struct prefix_list *list, const uint8_t *address, bool ipv6)
{
	const struct prefix_entry *best = NULL;
	for (size_t i = 0; i < list->count; i++) {
		const struct prefix_entry *entry = &list->entries[i];
		struct prefix_entry masked = {.length = entry->length};
		memcpy(masked.address, address, ipv6 ? 16 : 4);
		entry_mask(&masked);
		if (entry->ipv6 == ipv6 && (!best || entry->length > best->length) &&
		    memcmp(masked.address, entry->address, sizeof(masked.address)) == 0)
			best = entry;
	}
	return best && !best->negated;
}

/* Freezing: a sweep over the prefixes, outer before inner, that notes where the answer flips. */

struct sweep {
	struct prefix_set *set;
	uint32_t *v4;
	struct prefix_v6 *v6;
	bool inside; /* the answer behind the last flip */
};

prefix_address prefix_first(const struct prefix_entry *entry)
{
	if (!entry->ipv6)
		return dns_u32_load(entry->address);
	prefix_address value = 0;
	for (unsigned i = 0; i < 16; i++)
		value = value << 8 | entry->address[i];
	return value;
}

prefix_address prefix_last(const struct prefix_entry *entry)
{
	unsigned bits = length_limit(entry->ipv6) - entry->length;
	return prefix_first(entry) | (bits == 128 ? ~(prefix_address)0 :
						    ((prefix_address)1 << bits) - 1);
}

/* From `address` on the answer is `inside`; addresses come in order, the last word counts. */
static void sweep_v4(struct sweep *sweep, uint32_t address, bool inside)
{
	if (sweep->set->v4_count > 0 && sweep->v4[sweep->set->v4_count - 1] == address) {
		sweep->set->v4_count--;
		sweep->inside = !sweep->inside;
	}
	if (inside == sweep->inside)
		return;
	sweep->inside = inside;
	sweep->v4[sweep->set->v4_count++] = address;
}

static void sweep_v6(struct sweep *sweep, prefix_address address, bool inside)
{
	struct prefix_v6 split = {.high = (uint64_t)(address >> 64), .low = (uint64_t)address};
	struct prefix_v6 *last = sweep->v6 + sweep->set->v6_count - 1;
	if (sweep->set->v6_count > 0 && last->high == split.high && last->low == split.low) {
		sweep->set->v6_count--;
		sweep->inside = !sweep->inside;
	}
	if (inside == sweep->inside)
		return;
	sweep->inside = inside;
	sweep->v6[sweep->set->v6_count++] = split;
}

static void sweep_flip(struct sweep *sweep, bool ipv6, prefix_address address, bool inside)
{
	if (ipv6)
		sweep_v6(sweep, address, inside);
	else
		sweep_v4(sweep, (uint32_t)address, inside);
}

/* Ends the innermost prefix: what surrounds it decides again behind it. */
static void sweep_close(struct sweep *sweep, const struct prefix_entry **stack, unsigned *depth)
{
	const struct prefix_entry *inner = stack[--*depth];
	prefix_address last = prefix_last(inner);
	prefix_address end = inner->ipv6 ? ~(prefix_address)0 : UINT32_MAX;
	if (last != end)
		sweep_flip(sweep, inner->ipv6, last + 1,
			   *depth > 0 && !stack[*depth - 1]->negated);
}

/* All sorted prefixes of one family. */
static void sweep_run(struct sweep *sweep, const struct prefix_entry *entries, size_t count)
{
	const struct prefix_entry *stack[LENGTH_MAX + 1];
	unsigned depth = 0;

	sweep->inside = false;
	for (size_t i = 0; i < count; i++) {
		while (depth > 0 && prefix_last(stack[depth - 1]) < prefix_first(&entries[i]))
			sweep_close(sweep, stack, &depth);
		stack[depth++] = &entries[i];
		sweep_flip(sweep, entries[i].ipv6, prefix_first(&entries[i]), !entries[i].negated);
	}
	while (depth > 0)
		sweep_close(sweep, stack, &depth);
}

size_t prefix_set_frozen_size(const struct prefix_list *list)
{
	size_t flips = 2 * list->count;
	size_t each = sizeof(struct prefix_v6) + sizeof(uint32_t);
	return (sizeof(struct prefix_set) + flips * each + 7) & ~(size_t)7;
}

static void octets_settle(struct prefix_set *set)
{
	uint32_t flip = 0;
	for (unsigned octet = 0; octet < 256; octet++) {
		uint64_t bit = (uint64_t)1 << octet % 64;
		bool settled = true;
		for (; flip < set->v4_count && set->v4[flip] >> 24 == octet; flip++)
			settled &= (set->v4[flip] & 0xffffff) == 0;
		set->settled[octet / 64] |= settled ? bit : 0;
		set->inside[octet / 64] |= (flip & 1) != 0 ? bit : 0;
	}
}

struct prefix_set *prefix_set_freeze(const struct prefix_list *list, void *memory)
{
	struct prefix_set *set = memory;
	size_t n_v4 = 0;

	while (n_v4 < list->count && !list->entries[n_v4].ipv6)
		n_v4++;
	*set = (struct prefix_set){0};
	struct sweep sweep = {.set = set, .v6 = (void *)(set + 1)};
	sweep.v4 = (void *)(sweep.v6 + 2 * (list->count - n_v4));
	set->v4 = sweep.v4;
	set->v6 = sweep.v6;
	if (n_v4 > 0)
		sweep_run(&sweep, list->entries, n_v4);
	if (n_v4 < list->count)
		sweep_run(&sweep, list->entries + n_v4, list->count - n_v4);
	octets_settle(set);
	return set;
}

/* How many of these addresses, which are sorted, are not above this one. */
static uint32_t rank_v4(const uint32_t *addresses, uint32_t count, const uint8_t address[static 4])
{
	uint32_t value = dns_u32_load(address);
	const uint32_t *base = addresses;
	while (count > 0) {
		uint32_t half = count - count / 2;
		base += base[half - 1] <= value ? half : 0;
		count /= 2;
	}
	return (uint32_t)(base - addresses);
}

static uint32_t rank_v6(const struct prefix_v6 *addresses, uint32_t count,
			const uint8_t address[static 16])
{
	uint64_t high = __builtin_bswap64(dns_word_load(address));
	uint64_t low = __builtin_bswap64(dns_word_load(address + 8));
	uint32_t at = 0, end = count;
	while (at < end) {
		uint32_t middle = at + (end - at) / 2;
		const struct prefix_v6 *split = &addresses[middle];
		if (split->high < high || (split->high == high && split->low <= low))
			at = middle + 1;
		else
			end = middle;
	}
	return at;
}

/* An odd number of flips at or below the address means that it is inside. */

bool prefix_set_search_v4(const struct prefix_set *set, const uint8_t address[static 4])
{
	return rank_v4(set->v4, set->v4_count, address) & 1;
}

bool prefix_set_match_v6(const struct prefix_set *set, const uint8_t address[static 16])
{
	return rank_v6(set->v6, set->v6_count, address) & 1;
}
