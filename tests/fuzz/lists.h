/* SPDX-License-Identifier: BSD-2-Clause */
/* Any bytes as a list of one format: what comes of it is a set of names or a failure that says so. */
#ifndef SLUICE_TESTS_FUZZ_LISTS_H
#define SLUICE_TESTS_FUZZ_LISTS_H

#include <stdlib.h>
#include <string.h>

#include "control/lists/lists.h"
#include "dataplane/dns/name.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct fuzz_lists {
	struct name_builder *builder;
	uint64_t entries, errors;
};

static inline int fuzz_entry(void *data, const struct list_entry *entry)
{
	struct fuzz_lists *lists = data;
	uint8_t labels;
	if (dns_name_measure(entry->name, entry->length, &labels) != entry->length)
		abort();
	if (name_builder_add(lists->builder, entry->name, entry->length, entry->flags, 0) != 0)
		abort();
	lists->entries++;
	return 0;
}

static inline void fuzz_error(void *data, uint64_t line, const char *message)
{
	struct fuzz_lists *lists = data;
	for (const char *at = message; *at != '\0'; at++)
		if (*at < ' ' || *at > '~')
			abort(); /* what is in a file does not get into a log as it is */
	if (line == 0 || strlen(message) >= LIST_MESSAGE_SIZE)
		abort();
	lists->errors++;
}

/* Each member is found, as itself or in a name below it. */
static inline void fuzz_index(const struct name_index *index)
{
	struct name_member member;
	struct name_match match;
	uint8_t below[2 + DNS_NAME_MAX] = "\1-";

	for (uint64_t cursor = 0; name_index_next(index, &cursor, &member);) {
		bool self = name_index_find(index, member.name, member.length, &match);
		if ((member.flags & NAME_ENTRY_SELF) && (!self || match.offset != 0))
			abort();
		memcpy(below + 2, member.name, member.length);
		if (!(member.flags & NAME_ENTRY_BELOW) || member.length + 2u > DNS_NAME_MAX)
			continue;
		if (!name_index_find(index, below, member.length + 2u, &match) || match.offset > 2)
			abort();
	}
}

static inline int fuzz_list(enum list_format format, const uint8_t *bytes, size_t size)
{
	struct fuzz_lists lists = {.builder = name_builder_new()};
	struct list_options options = {.format = format};
	struct list_sink sink = {.data = &lists, .entry = fuzz_entry, .error = fuzz_error};
	struct list_report report;
	int error = list_parse_memory(bytes, size, &options, &sink, &report);

	if ((error != 0) != (report.failure[0] != '\0') || report.errors != lists.errors ||
	    report.entries != lists.entries || (error == 0 && lists.entries == 0))
		abort();
	struct name_index *index = name_builder_finish(lists.builder);
	if (index == NULL || name_index_count(index) > lists.entries)
		abort();
	fuzz_index(index);
	name_index_free(index);
	return 0;
}

#endif
