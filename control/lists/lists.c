/* SPDX-License-Identifier: BSD-2-Clause */
#include "control/lists/lists.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/lists/parse.h"

static const char *const format_names[] = {
#define X(format, name) [LIST_FORMAT_##format] = name,
	LIST_FORMATS(X)
#undef X
};

int list_format_parse(const char *text)
{
	for (int i = 0; i < LIST_FORMAT_COUNT; i++)
		if (strcmp(text, format_names[i]) == 0)
			return i;
	return -1;
}

const char *list_format_name(enum list_format format)
{
	return format < LIST_FORMAT_COUNT ? format_names[format] : "?";
}

static int format_parse(struct list_parser *parser)
{
	switch (parser->options->format) {
	case LIST_FORMAT_NAMES:
		return list_names_parse(parser);
	case LIST_FORMAT_HOSTS:
		return list_hosts_parse(parser);
	case LIST_FORMAT_RPZ:
		return list_rpz_parse(parser);
	case LIST_FORMAT_CDB:
		return list_cdb_parse(parser);
	case LIST_FORMAT_PREFIXES:
		return list_prefixes_parse(parser);
	case LIST_FORMAT_SUBSCRIBERS:
		return list_subscribers_parse(parser);
	default:
		return -EINVAL;
	}
}

int list_failure(struct list_report *report, int error)
{
	const char *why = error == -EBADMSG    ? "is no CDB file, or is cut off"
			  : error == -ECANCELED ? "was not read to its end"
			  : error == -EINVAL	? "has no format that is known"
						: strerror(-error);
	if (report->failure[0] == '\0')
		snprintf(report->failure, sizeof(report->failure), "%s", why);
	return error;
}

static int empty_fail(struct list_report *report)
{
	if (report->lines == 0)
		snprintf(report->failure, sizeof(report->failure), "is empty");
	else
		snprintf(report->failure, sizeof(report->failure),
			 "has no usable entry; %llu of %llu lines are broken",
			 (unsigned long long)report->errors, (unsigned long long)report->lines);
	return -EBADMSG;
}

static int source_parse(int fd, const void *bytes, size_t size, const struct list_options *options,
			const struct list_sink *sink, struct list_report *report)
{
	struct list_parser parser = {.options = options, .sink = sink, .report = report};
	int error = list_reader_init(&parser.reader, fd, bytes, size);

	if (error == 0)
		error = format_parse(&parser);
	list_reader_fini(&parser.reader);
	if (error != 0)
		return list_failure(report, error);
	return report->entries > 0 ? 0 : empty_fail(report);
}

int list_parse_memory(const void *bytes, size_t size, const struct list_options *options,
		      const struct list_sink *sink, struct list_report *report)
{
	*report = (struct list_report){0};
	return source_parse(-1, bytes, size, options, sink, report);
}

int list_file_open(const char *path)
{
	struct stat status;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return -errno;
	int error = fstat(fd, &status) != 0	? -errno
		    : S_ISDIR(status.st_mode)	? -EISDIR
		    : !S_ISREG(status.st_mode) ? -ENODEV
						: 0;
	if (error != 0) {
		close(fd);
		return error;
	}
	(void)posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	return fd;
}

int list_parse_file(const char *path, const struct list_options *options,
		    const struct list_sink *sink, struct list_report *report)
{
	*report = (struct list_report){0};
	int fd = list_file_open(path);
	if (fd == -ENODEV)
		snprintf(report->failure, sizeof(report->failure), "is not a file");
	if (fd < 0)
		return list_failure(report, fd);
	int error = source_parse(fd, NULL, 0, options, sink, report);
	close(fd);
	return error;
}

struct names_load {
	struct name_builder *builder;
	uint32_t value;
};

static int names_entry(void *data, const struct list_entry *entry)
{
	struct names_load *load = data;
	return name_builder_add(load->builder, entry->name, entry->length, entry->flags,
				load->value);
}

static int names_rpz(void *data, const struct list_rpz_entry *entry)
{
	struct names_load *load = data;
	if (entry->kind != LIST_RPZ_NAME)
		return 0;
	return name_builder_add(load->builder, entry->name, entry->length, entry->flags,
				load->value);
}

struct name_index *list_load_names(const char *path, const struct list_options *options,
				   uint32_t value, struct list_report *report)
{
	struct names_load load = {.builder = name_builder_new(), .value = value};
	struct list_sink sink = {.data = &load, .entry = names_entry, .rpz = names_rpz};
	struct name_index *index = NULL;

	if (!load.builder) {
		*report = (struct list_report){0};
		list_failure(report, -ENOMEM);
		return NULL;
	}
	if (list_parse_file(path, options, &sink, report) != 0) {
		name_builder_free(load.builder);
		return NULL;
	}
	if (name_builder_count(load.builder) == 0) {
		name_builder_free(load.builder);
		empty_fail(report);
		return NULL;
	}
	index = name_builder_finish(load.builder);
	if (!index)
		list_failure(report, -ENOMEM);
	return index;
}

struct prefixes_load {
	struct prefix_member *members;
	size_t count, size;
};

static int prefixes_entry(void *data, const struct list_entry *entry)
{
	struct prefixes_load *load = data;
	if (load->count == load->size) {
		size_t size = load->size ? load->size * 2 : 1024;
		void *grown = realloc(load->members, size * sizeof(*load->members));
		if (!grown)
			return -ENOMEM;
		load->members = grown;
		load->size = size;
	}
	load->members[load->count++] = (struct prefix_member){.prefix = *entry->prefix};
	return 0;
}

struct prefix_index *list_load_prefixes(const char *path, const struct list_options *options,
					struct list_report *report)
{
	struct list_options made = *options;
	struct prefixes_load load = {0};
	struct list_sink sink = {.data = &load, .entry = prefixes_entry};
	struct prefix_index *index = NULL;

	made.format = LIST_FORMAT_PREFIXES;
	if (list_parse_file(path, &made, &sink, report) == 0) {
		index = prefix_index_build(load.members, load.count);
		if (!index)
			list_failure(report, -ENOMEM);
	}
	free(load.members);
	return index;
}

static int subscribers_entry(void *data, const struct list_entry *entry)
{
	return subscriber_builder_add(data, entry->subscriber);
}

static void subscribers_conflict(void *data, uint64_t line, uint64_t other, bool ports)
{
	static const struct list_sink nobody;
	struct list_parser parser = {.report = data, .sink = &nobody};
	parser.report->entries--;
	list_error(&parser, line,
		   ports ? "its ports overlap those of the same address in line %llu"
			 : "the same prefix is in line %llu",
		   (unsigned long long)other);
}

struct subscriber_table *list_load_subscribers(const char *path, const struct list_options *options,
					       struct list_report *report)
{
	struct list_options made = *options;
	struct subscriber_builder *builder = subscriber_builder_new();
	struct list_sink sink = {.data = builder, .entry = subscribers_entry};
	struct subscriber_table *table = NULL;

	made.format = LIST_FORMAT_SUBSCRIBERS;
	*report = (struct list_report){0};
	if (!builder) {
		list_failure(report, -ENOMEM);
	} else if (list_parse_file(path, &made, &sink, report) != 0) {
		subscriber_builder_free(builder);
	} else {
		table = subscriber_builder_finish(builder, subscribers_conflict, report);
		if (!table)
			list_failure(report, -ENOMEM);
	}
	return table;
}
