/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Constant databases for rules that look up keys of any kind. The file is read whole, not mapped, as all
 * lists are: then look-ups never wait for a disk, and a file that shrinks takes nothing away.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/stat.h>

#include "control/lists/parse.h"

#define PIECE ((size_t)1 << 20) /* bytes between two looks at whether it shall end */

/* Reads to the end of the file: 0 or -errno; -EBADMSG if it is not as long as it was. */
static int bytes_read(int fd, uint8_t *bytes, size_t size, const struct list_options *options)
{
	size_t at = 0;
	while (at < size) {
		size_t part = size - at < PIECE ? size - at : PIECE;
		ssize_t got = read(fd, bytes + at, part);
		if (got < 0 && errno != EINTR)
			return -errno;
		if (got == 0)
			return -EBADMSG;
		at += got > 0 ? (size_t)got : 0;
		if (options->stop != NULL && atomic_load(options->stop))
			return -ECANCELED;
	}
	return 0;
}

static int store_read(int fd, const struct list_options *options, struct key_store **store)
{
	struct stat status;
	if (fstat(fd, &status) != 0)
		return -errno;
	if (status.st_size == 0 || (uint64_t)status.st_size > KEY_CDB_SIZE_MAX)
		return -EBADMSG;
	size_t size = (size_t)status.st_size;
	uint8_t *bytes = malloc(size);
	if (bytes == NULL)
		return -ENOMEM;
	int error = bytes_read(fd, bytes, size, options);
	if (error != 0) {
		free(bytes);
		return error;
	}
	*store = key_cdb_new(bytes, size);
	return *store != NULL ? 0 : -errno;
}

struct key_store *list_load_store(const char *path, const struct list_options *options,
				  struct list_report *report)
{
	struct key_store *store = NULL;
	*report = (struct list_report){0};
	int fd = list_file_open(path);
	int error = fd < 0 ? fd : store_read(fd, options, &store);
	if (fd >= 0)
		close(fd);
	if (error != 0)
		list_failure(report, error);
	else
		report->entries = report->lines = key_cdb_count(store);
	return store;
}
