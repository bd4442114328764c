/* SPDX-License-Identifier: BSD-2-Clause */
/* Long results at a terminal. */
#ifndef SLUICE_CONTROL_CONSOLE_PAGER_H
#define SLUICE_CONTROL_CONSOLE_PAGER_H

#include <stddef.h>

/*
 * Writes the text to standard output. Where that is a terminal and the text does not fit in its
 * window, through $PAGER, or without one a page at a time, asking on standard input how to go on.
 */
void console_page(const char *text, size_t length);

/* Bytes at the start of the text that fill `lines` lines of that many columns, the length at most. */
size_t console_page_fill(const char *text, size_t length, unsigned columns, unsigned lines);

#endif
