/* SPDX-License-Identifier: BSD-2-Clause */
/* Any bytes as a list of subscribers: each one that is not in conflict is found where it is. */
#include "tests/fuzz/lists.h"

#define KNOWN_MAX 1024u

static struct {
	struct subscriber_entry entry; /* its texts are gone */
	bool dropped;
} known[KNOWN_MAX];
static size_t count;
static struct subscriber_builder *builder;

static int entry_add(void *data, const struct list_entry *entry)
{
	struct fuzz_lists *lists = data;
	struct subscriber_entry numbered = *entry->subscriber;
	lists->entries++;
	if (count == KNOWN_MAX)
		return 0;
	known[count].entry = numbered;
	known[count++].dropped = false;
	numbered.line = count; /* so that what is dropped can be told by it */
	if (subscriber_builder_add(builder, &numbered) != 0)
		abort();
	return 0;
}

static void conflict(void *data, uint64_t line, uint64_t other, bool ports)
{
	(void)data;
	if (line == 0 || line > count || other == 0 || other >= line ||
	    known[line - 1].entry.ports != ports || known[line - 1].dropped)
		abort();
	known[line - 1].dropped = true;
}

/* Its first address and port are its own, or those of an entry within it. */
static void ask(const struct subscriber_table *table, const struct subscriber_entry *entry)
{
	struct subscriber found;
	struct subscriber_tag tags[SUBSCRIBER_TAGS_MAX];
	size_t length;
	if (!subscriber_find(table, entry->prefix.address, entry->prefix.ipv6, entry->first_port,
			     &found) ||
	    subscriber_id(&found, &length) == NULL || length == 0)
		abort();
	unsigned n = subscriber_tags(&found, tags);
	for (unsigned i = 0; i < n; i++)
		if (tags[i].key_length == 0)
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_lists lists = {0};
	struct list_options options = {.format = LIST_FORMAT_SUBSCRIBERS};
	struct list_sink sink = {.data = &lists, .entry = entry_add, .error = fuzz_error};
	struct list_report report;
	size_t left = 0;
	count = 0;
	builder = subscriber_builder_new();
	if (builder == NULL)
		abort();
	int error = list_parse_memory(data, size, &options, &sink, &report);
	if ((error != 0) != (report.failure[0] != '\0') || report.errors != lists.errors ||
	    report.entries != lists.entries || (error == 0 && lists.entries == 0))
		abort();
	struct subscriber_table *table = subscriber_builder_finish(builder, conflict, NULL);
	if (table == NULL)
		abort();
	for (size_t i = 0; i < count; i++) {
		left += !known[i].dropped;
		if (!known[i].dropped)
			ask(table, &known[i].entry);
	}
	if (subscriber_table_count(table) != left)
		abort();
	subscriber_table_free(table);
	return 0;
}
