/* SPDX-License-Identifier: BSD-2-Clause */
#include "control/console/prompt.h"

#include <fcntl.h>
#include <locale.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <editline/readline.h>

#include "control/console/frame.h"
#include "control/console/pager.h"

#define HISTORY_LINES 1000
#define WORD_MAX 200u
#define WORD_LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.:"

static int server = -1; /* for the completion, which gets no argument from libedit */

/* ---- completion ---- */

/*
 * The names that a word of letters, digits, dots and colons may go on to, one a line: globals, or
 * the members of tables and of objects whose methods are a table. Functions have a parenthesis.
 */
static const char names_of[] =
	"local word = '%s'\n"
	"local path, part = word:match('^(.*[.:])([%%w_]*)$')\n"
	"path, part = path or '', part or word\n"
	"local value, names, seen = _G, {}, {}\n"
	"for key in path:gmatch('[%%w_]+') do\n"
	"  value = type(value) == 'table' and rawget(value, key) or nil\n"
	"end\n"
	"while type(value) == 'table' and not seen[value] do\n"
	"  seen[value] = true\n"
	"  for key, member in next, value do\n"
	"    local calls = type(member) == 'function'\n"
	"    if type(key) == 'string' and key:find('^[%%a_][%%w_]*$') and key:find(part, 1, true) == 1 and\n"
	"        (calls or path:sub(-1) ~= ':') then\n"
	"      names[#names + 1] = path .. key .. (calls and '(' or '')\n"
	"    end\n"
	"  end\n"
	"  local class = debug.getmetatable(value)\n"
	"  value = class and rawget(class, '__index')\n"
	"end\n"
	"table.sort(names)\n"
	"return table.concat(names, '\\n')\n";

static char *names_fetch(const char *word)
{
	char text[sizeof(names_of) + WORD_MAX];
	struct console_reply reply;
	if (strlen(word) > WORD_MAX || strspn(word, WORD_LETTERS) != strlen(word))
		return NULL;
	int length = snprintf(text, sizeof(text), names_of, word);
	if (!console_ask(server, text, (size_t)length, &reply))
		return NULL;
	if (reply.status == CONSOLE_OK)
		return reply.text;
	free(reply.text);
	return NULL;
}

/* For libedit: one name after the other, NULL after the last. */
static char *name_next(const char *word, int again)
{
	static char *names, *rest;
	if (again == 0) {
		free(names);
		names = rest = names_fetch(word);
	}
	char *name = rest != NULL ? strsep(&rest, "\n") : NULL;
	return name != NULL && *name != '\0' ? strdup(name) : NULL;
}

static char **word_complete(const char *word, int start, int end)
{
	(void)start;
	(void)end;
	rl_attempted_completion_over = 1; /* files are no candidates */
	return rl_completion_matches(word, name_next);
}

static void completion_start(int fd)
{
	static const char breaks[] = " \t\n\"'()[]{}<>=~+-*/%^#,;";
	server = fd;
	rl_readline_name = "sluice";
	rl_basic_word_break_characters = breaks;
	rl_attempted_completion_function = word_complete;
	rl_completion_append_character = '\0';
}

/* ---- history ---- */

/* Its path, once there is a file that only its owner reads; NULL: lines are not kept. */
static char *history_start(void)
{
	const char *home = getenv("HOME");
	struct stat status;
	char *path;
	using_history();
	stifle_history(HISTORY_LINES);
	if (home == NULL || *home == '\0' || asprintf(&path, "%s/.sluice_history", home) < 0)
		return NULL;
	/* Whatever else has that name, a link to /dev/null for one, is left alone. */
	int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
	bool usable = fd >= 0 && fstat(fd, &status) == 0 && S_ISREG(status.st_mode) &&
		      fchmod(fd, 0600) == 0;
	if (fd >= 0)
		close(fd);
	if (usable) {
		read_history(path);
		return path;
	}
	free(path);
	return NULL;
}

/* At once, since a terminal may go without a word. */
static void history_keep(const char *path, const char *line)
{
	add_history(line);
	if (path != NULL)
		write_history(path);
}

/* ---- the prompt ---- */

static bool is_farewell(const char *line)
{
	return strcmp(line, "quit") == 0 || strcmp(line, "exit") == 0;
}

enum console_end console_prompt(int fd, const char *path)
{
	static char prompt[] = "> ";
	enum console_end end = CONSOLE_END_DONE;
	char *line;
	setlocale(LC_CTYPE, "");
	completion_start(fd);
	char *history = history_start();
	while (end != CONSOLE_END_SYSTEM && (line = readline(prompt)) != NULL) {
		bool farewell = is_farewell(line);
		if (*line != '\0' && !farewell) {
			history_keep(history, line);
			end = console_line(fd, path, line, strlen(line), console_page);
		}
		free(line);
		if (farewell)
			break;
	}
	free(history);
	return end == CONSOLE_END_SYSTEM ? end : CONSOLE_END_DONE;
}
