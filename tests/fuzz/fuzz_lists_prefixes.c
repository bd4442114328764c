/* SPDX-License-Identifier: BSD-2-Clause */
/* Any bytes as a list of prefixes: each one found is in the index, longest first. */
#include "tests/fuzz/lists.h"

#define MEMBERS_MAX 4096u

static struct prefix_member members[MEMBERS_MAX], asked[MEMBERS_MAX];
static size_t count;

static int member_add(void *data, const struct list_entry *entry)
{
	struct fuzz_lists *lists = data;
	const struct prefix_entry *prefix = entry->prefix;
	lists->entries++;
	if (prefix->length > (prefix->ipv6 ? 128 : 32))
		abort();
	if (count < MEMBERS_MAX)
		members[count++] = (struct prefix_member){.prefix = *prefix};
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_lists lists = {0};
	struct list_options options = {.format = LIST_FORMAT_PREFIXES};
	struct list_sink sink = {.data = &lists, .entry = member_add, .error = fuzz_error};
	struct list_report report;
	count = 0;
	int error = list_parse_memory(data, size, &options, &sink, &report);
	if ((error != 0) != (report.failure[0] != '\0') || report.errors != lists.errors ||
	    report.entries != lists.entries || (error == 0 && lists.entries == 0))
		abort();
	memcpy(asked, members, count * sizeof(*members));
	struct prefix_index *index = prefix_index_build(members, count);
	if (index == NULL || prefix_index_count(index) > count)
		abort();
	for (size_t i = 0; i < count; i++) {
		const struct prefix_entry *prefix = &asked[i].prefix;
		const struct prefix_member *found =
			prefix_index_find(index, prefix->address, prefix->ipv6);
		if (found != NULL && (found->prefix.negated || found->prefix.ipv6 != prefix->ipv6))
			abort();
	}
	prefix_index_free(index);
	return 0;
}
