/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Lists for filtering, read from files that others make: names, prefixes or subscribers one to a
 * line, hosts files, response policy zones and CDB files. Nothing in a file is trusted.
 *
 * Files are read from front to back in pieces, never mapped: one that shrinks while it is read is
 * an error and not a crash. What is broken in a file is reported with its line and skipped. A file
 * that is missing, unreadable, or without one usable entry fails as a whole, so that the caller can
 * keep what it has. Any thread; nothing here is shared between calls. Calls take seconds for
 * millions of entries.
 */
#ifndef SLUICE_CONTROL_LISTS_LISTS_H
#define SLUICE_CONTROL_LISTS_LISTS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/rules/key_store.h"
#include "dataplane/rules/name_index.h"
#include "dataplane/rules/prefix_index.h"
#include "dataplane/rules/rpz.h"
#include "dataplane/rules/subscriber_table.h"

#define LIST_MESSAGES_MAX 10u
#define LIST_MESSAGE_SIZE 128u

/* format, what it is called in text */
#define LIST_FORMATS(X)                                                                            \
	X(NAMES, "names")                                                                          \
	X(HOSTS, "hosts")                                                                          \
	X(RPZ, "rpz")                                                                              \
	X(CDB, "cdb")                                                                              \
	X(PREFIXES, "prefixes")                                                                    \
	X(SUBSCRIBERS, "subscribers")                                                              \
	X(STORE, "store")

enum list_format {
#define X(format, name) LIST_FORMAT_##format,
	LIST_FORMATS(X)
#undef X
	LIST_FORMAT_COUNT,
};

struct list_message {
	uint64_t line; /* from 1; in a CDB the number of the record; 0: the file as a whole */
	char text[LIST_MESSAGE_SIZE];
};

/* What came of reading a file. */
struct list_report {
	uint64_t lines;	      /* read; in a CDB records */
	uint64_t entries;     /* usable */
	uint64_t errors;      /* broken lines */
	uint64_t unsupported; /* RPZ triggers in order, but of kinds that nothing here can match */
	unsigned n_messages;  /* kept of the errors: the first ones */
	struct list_message messages[LIST_MESSAGES_MAX];
	char failure[LIST_MESSAGE_SIZE]; /* a sentence, if it failed as a whole; else empty */
};

/* One line's name or prefix, or a CDB's record. */
struct list_entry {
	const uint8_t *name; /* wire name, its case as in the file */
	size_t length;
	uint8_t flags;	     /* NAME_ENTRY_SELF, NAME_ENTRY_BELOW */
	const uint8_t *data; /* what a CDB has for the name, if that is at most 4096 bytes */
	size_t data_length;
	const struct prefix_entry *prefix; /* PREFIXES: this, and no name */
	const struct subscriber_entry *subscriber; /* SUBSCRIBERS: this, and no name */
};

/* What an RPZ record says, see list_parse_rpz(). */
enum list_rpz_kind {
	LIST_RPZ_SOA,	 /* the zone's: `name` is the zone, `rdata` the SOA's */
	LIST_RPZ_NAME,	 /* QNAME trigger: `name` and `flags` */
	LIST_RPZ_ANSWER, /* rpz-ip: `prefix` */
	LIST_RPZ_CLIENT, /* rpz-client-ip: `prefix` */
};

struct list_rpz_entry {
	enum list_rpz_kind kind;
	enum rpz_policy policy;
	const uint8_t *name; /* below the zone's name, which is taken off; for SOA the zone */
	size_t length;
	uint8_t flags; /* NAME_ENTRY_SELF, or NAME_ENTRY_BELOW for "*." */
	struct prefix_entry prefix;
	uint32_t ttl; /* seconds */
	uint16_t type;
	uint16_t rdata_length;
	const uint8_t *rdata; /* wire form; for WILD_CNAME without the "*" label */
};

/*
 * Where a parser puts what it finds. `entry` or `rpz` returns 0 to go on, or -errno to end the
 * parsing with that. `error` may be NULL.
 */
struct list_sink {
	void *data;
	int (*entry)(void *data, const struct list_entry *entry);
	int (*rpz)(void *data, const struct list_rpz_entry *entry); /* RPZ files only */
	void (*error)(void *data, uint64_t line, const char *message);
};

struct list_options {
	enum list_format format;
	/*
	 * NAMES, HOSTS, CDB: what a name covers. 0 is the default: the name and all below it, but
	 * for HOSTS the name alone, as in a hosts file. In NAMES a line with "*." or "." before
	 * the name covers the name and all below it whatever this says.
	 */
	uint8_t flags;
	const atomic_bool *stop; /* if not NULL: becoming true ends it soon, with -ECANCELED */
};

/* The format of this name, -1 if there is none. */
int list_format_parse(const char *text);
const char *list_format_name(enum list_format format);

/*
 * Reads a file, or memory that looks like one, and gives what it finds to the sink. 0, or -errno
 * with report->failure set; -EBADMSG for a file without anything usable.
 */
int list_parse_file(const char *path, const struct list_options *options,
		    const struct list_sink *sink, struct list_report *report);
int list_parse_memory(const void *bytes, size_t size, const struct list_options *options,
		      const struct list_sink *sink, struct list_report *report);

/*
 * Reads a file of any format into an index of names, all with `value`. Of an RPZ only the names
 * count, whatever their policies. NULL with report->failure set.
 */
struct name_index *list_load_names(const char *path, const struct list_options *options,
				   uint32_t value, struct list_report *report);

/* Reads a file of prefixes, whose values are 0. options->format is not looked at. */
struct prefix_index *list_load_prefixes(const char *path, const struct list_options *options,
					struct list_report *report);

/*
 * Reads a file of subscribers. Entries that are in conflict are errors, told with both lines; the
 * later one is left out. options->format is not looked at.
 */
struct subscriber_table *list_load_subscribers(const char *path, const struct list_options *options,
					       struct list_report *report);

/* Reads a CDB as a store of whatever keys it has. options->format is not looked at. */
struct key_store *list_load_store(const char *path, const struct list_options *options,
				  struct list_report *report);

/* Reads an RPZ zone file. NULL with report->failure set. options->format is not looked at. */
struct rpz_zone *list_load_rpz(const char *path, const struct list_options *options,
			       struct list_report *report);
struct rpz_zone *list_load_rpz_memory(const void *bytes, size_t size,
				      const struct list_options *options,
				      struct list_report *report);

#endif
