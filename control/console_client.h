/* SPDX-License-Identifier: BSD-2-Clause */
/* `sluice console`: the other end of the console's socket. */
#ifndef SLUICE_CONTROL_CONSOLE_CLIENT_H
#define SLUICE_CONTROL_CONSOLE_CLIENT_H

enum console_end { CONSOLE_END_DONE, CONSOLE_END_ERROR, CONSOLE_END_SYSTEM };

/*
 * Runs `expression` and prints its results to standard output; an error goes to standard error and
 * gives CONSOLE_END_ERROR. Without one (NULL), does so with each line of standard input, asking for
 * them where that is a terminal; an error on the way makes the end CONSOLE_END_ERROR only where it
 * is not. CONSOLE_END_SYSTEM: nobody answers at the socket, which has been said.
 */
enum console_end console_client(const char *socket, const char *expression);

#endif
