/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The console at a terminal: lines are edited and completed, remembered in ~/.sluice_history where
 * there is a $HOME, and long results are shown page by page. For console/client.c.
 */
#ifndef SLUICE_CONTROL_CONSOLE_PROMPT_H
#define SLUICE_CONTROL_CONSOLE_PROMPT_H

#include "control/console/client.h"

/* Asks for lines until there are no more, or nobody answers at `fd`. */
enum console_end console_prompt(int fd, const char *path);

#endif
