/* SPDX-License-Identifier: BSD-2-Clause */
#include "control/console/pager.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#define NOT_FOUND 127 /* what the shell ends with where there is no such program */
#define TAB 8u
#define QUESTION "-- more: space, return, or q --"
#define ERASE "\r\033[K"

size_t console_page_fill(const char *text, size_t length, unsigned columns, unsigned lines)
{
	unsigned column = 0;
	for (size_t i = 0; i < length; i++) {
		unsigned char c = (unsigned char)text[i];
		unsigned width = c == '\t' ? TAB - column % TAB : (c & 0xc0) != 0x80;
		if (c != '\n' && width > 0 && column >= columns) {
			column = 0;
			if (--lines == 0)
				return i;
		}
		column += width;
		if (c != '\n')
			continue;
		column = 0;
		if (--lines == 0)
			return i + 1;
	}
	return length;
}

static void plain_write(const char *text, size_t length)
{
	fwrite(text, 1, length, stdout);
	fflush(stdout);
}

/* ---- $PAGER ---- */

/* Keys that mean the pager, and a pager that is left early, are no end of ours. */
static bool pager_run(const char *command, const char *text, size_t length)
{
	FILE *pager = popen(command, "w");
	if (pager == NULL)
		return false;
	void (*on_pipe)(int) = signal(SIGPIPE, SIG_IGN);
	void (*on_interrupt)(int) = signal(SIGINT, SIG_IGN);
	fwrite(text, 1, length, pager);
	int status = pclose(pager);
	signal(SIGINT, on_interrupt);
	signal(SIGPIPE, on_pipe);
	return status != -1 && !(WIFEXITED(status) && WEXITSTATUS(status) == NOT_FOUND);
}

/* ---- without one ---- */

static char key_read(void)
{
	char key;
	ssize_t got;
	do
		got = read(STDIN_FILENO, &key, 1);
	while (got < 0 && errno == EINTR);
	return got == 1 ? key : 'q';
}

/* How many lines to go on by; 0: not at all. */
static unsigned more_ask(unsigned page)
{
	unsigned lines = page;
	bool answered = false;
	plain_write(QUESTION, sizeof(QUESTION) - 1);
	while (!answered) {
		char key = key_read();
		answered = true;
		if (key == 'q' || key == 'Q' || key == 3 || key == 4) /* Ctrl-C, Ctrl-D */
			lines = 0;
		else if (key == '\r' || key == '\n')
			lines = 1;
		else
			answered = key == ' ';
	}
	plain_write(ERASE, sizeof(ERASE) - 1);
	return lines;
}

static void pages_write(const char *text, size_t length, const struct winsize *window)
{
	struct termios before, raw;
	unsigned page = window->ws_row - 1u, lines = page;
	if (tcgetattr(STDIN_FILENO, &before) != 0) {
		plain_write(text, length);
		return;
	}
	raw = before;
	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO | ISIG);
	raw.c_cc[VMIN] = 1;
	raw.c_cc[VTIME] = 0;
	tcsetattr(STDIN_FILENO, TCSADRAIN, &raw);
	while (lines > 0) {
		size_t taken = console_page_fill(text, length, window->ws_col, lines);
		plain_write(text, taken);
		text += taken;
		length -= taken;
		lines = length > 0 ? more_ask(page) : 0;
	}
	tcsetattr(STDIN_FILENO, TCSADRAIN, &before);
}

void console_page(const char *text, size_t length)
{
	struct winsize window = {0};
	const char *pager = getenv("PAGER");
	bool fits = !isatty(STDOUT_FILENO) || ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) != 0 ||
		    window.ws_row < 2 || window.ws_col == 0 ||
		    console_page_fill(text, length, window.ws_col, window.ws_row - 1u) == length;
	if (fits)
		plain_write(text, length);
	else if (pager == NULL || *pager == '\0' || !pager_run(pager, text, length))
		pages_write(text, length, &window);
}
