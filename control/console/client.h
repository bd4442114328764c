/* SPDX-License-Identifier: BSD-2-Clause */
/* `sluice console`: the other end of the console's socket. */
#ifndef SLUICE_CONTROL_CONSOLE_CLIENT_H
#define SLUICE_CONTROL_CONSOLE_CLIENT_H

#include <stdbool.h>
#include <stddef.h>

enum console_end { CONSOLE_END_DONE, CONSOLE_END_ERROR, CONSOLE_END_SYSTEM };

/*
 * Runs `expression` and prints its results to standard output; an error goes to standard error and
 * gives CONSOLE_END_ERROR. Without one (NULL), does so with each line of standard input, asking for
 * them where that is a terminal; an error on the way makes the end CONSOLE_END_ERROR only where it
 * is not. CONSOLE_END_SYSTEM: nobody answers at the socket, which has been said.
 */
enum console_end console_client(const char *socket, const char *expression);

/* ---- for console/prompt.c ---- */

struct console_reply {
	int status; /* enum console_status */
	char *text; /* with a NUL behind; to be freed */
	size_t length;
};

/* Sends a request and waits for its reply. False: there is none. */
bool console_ask(int fd, const char *text, size_t length, struct console_reply *reply);

typedef void console_show_fn(const char *text, size_t length);

/* Runs a line and shows its results; what is wrong goes to standard error. */
enum console_end console_line(int fd, const char *path, const char *text, size_t length,
			      console_show_fn *show);

#endif
