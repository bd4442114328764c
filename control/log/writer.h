/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The files of LogAction and LogResponseAction, and the thread that writes them: not an lcore, so
 * that a slow disk makes nobody wait but the log itself. A file lives as long as the process;
 * opening the same one in the same way again, as a policy does that is loaded anew, gives the same
 * number. All but the thread itself is for the control lcore.
 */
#ifndef SLUICE_CONTROL_LOG_WRITER_H
#define SLUICE_CONTROL_LOG_WRITER_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/rules/query_log.h"

#define LOG_WRITER_FILES 64u

enum log_writer_flag {
	LOG_WRITER_BINARY = 1 << 0,
	LOG_WRITER_APPEND = 1 << 1,   /* else what the file had is lost when it is first opened */
	LOG_WRITER_BUFFERED = 1 << 2, /* written once a second, or when much has come */
	LOG_WRITER_VERBOSE = 1 << 3,  /* without a file: at the log level "debug" alone */
	LOG_WRITER_TIME = 1 << 4,     /* with the time the query came */
};

struct log_writer;

/* As pthread_create() without attributes: 0 or what is wrong. */
typedef int log_writer_start_fn(pthread_t *thread, void *(*run)(void *), void *argument);

/* Rings for that many lcores. `tsc_hz`: units of a record's time in a second. NULL: errno. */
struct log_writer *log_writer_create(unsigned n_lcores, uint64_t tsc_hz, log_writer_start_fn *start);

/*
 * Writes what the rings have, once nobody puts anything on them; what waits for the reader of a pipe has a
 * moment. NULL is nothing.
 */
void log_writer_destroy(struct log_writer *writer);

struct query_log_ring *log_writer_ring(struct log_writer *writer, unsigned lcore);

/*
 * The number of a file; `path` "": the program's own log. -errno: it cannot be opened, or there are
 * too many (-ENOSPC).
 */
int log_writer_open(struct log_writer *writer, const char *path, unsigned flags);

/* The thread opens the file anew, at its end, as after logrotate; `number` -1: all files. */
void log_writer_reopen(struct log_writer *writer, int number);

/* A record as a line of text, with its end of line; its length. `size` is LOG_WRITER_LINE_SIZE. */
#define LOG_WRITER_LINE_SIZE 1800u
size_t log_writer_line(const struct query_record *record, unsigned flags, uint64_t ns, char *line,
		       size_t size);

/* As dnsdist lays it out, in the byte order of the machine but for ID, address and port. */
#define LOG_WRITER_BINARY_SIZE 320u
size_t log_writer_binary(const struct query_record *record, unsigned flags, uint64_t ns,
			 uint8_t to[static LOG_WRITER_BINARY_SIZE]);

#endif
