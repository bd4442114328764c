/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The console: Lua over a unix stream socket, served by the control lcore between its turns. Never
 * blocks: input, output and the number of clients are bounded, and one request a turn is run, under
 * the policy's watchdog. Control lcore only.
 */
#ifndef SLUICE_CONTROL_CONSOLE_CONSOLE_H
#define SLUICE_CONTROL_CONSOLE_CONSOLE_H

#include <stdbool.h>
#include <stddef.h>

#include "control/control.h"

/*
 * Listens at console.socket, for the owner alone. A socket that the configuration names has to be
 * had: -1, and `error` says why not; where the default one cannot be, it is said and done without.
 */
int console_create(struct control *control, char *error, size_t size);
void console_destroy(void);

/* Accepts, reads, runs at most one request, writes. True: more is waiting to be run, do not sleep. */
bool console_turn(struct control *control);

#endif
