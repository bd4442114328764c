/* SPDX-License-Identifier: BSD-2-Clause */
#include "control/console_client.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <editline/readline.h>

#include "control/console_frame.h"

static void complain(const char *path, const char *why)
{
	fprintf(stderr, "sluice console: %s: %s; is Sluice running, and is this its console.socket?\n",
		path, why);
}

static int console_connect(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	if (strlen(path) >= sizeof(address.sun_path)) {
		complain(path, "the path is too long for a unix socket");
		return -1;
	}
	memcpy(address.sun_path, path, strlen(path) + 1);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	complain(path, strerror(errno));
	if (fd >= 0)
		close(fd);
	return -1;
}

static bool bytes_send(int fd, const void *data, size_t length)
{
	const uint8_t *bytes = data;
	while (length > 0) {
		ssize_t sent = send(fd, bytes, length, MSG_NOSIGNAL);
		if (sent < 0 && errno == EINTR)
			continue;
		if (sent <= 0)
			return false;
		bytes += sent;
		length -= (size_t)sent;
	}
	return true;
}

static bool bytes_receive(int fd, void *data, size_t length)
{
	uint8_t *bytes = data;
	while (length > 0) {
		ssize_t got = recv(fd, bytes, length, 0);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return false;
		bytes += got;
		length -= (size_t)got;
	}
	return true;
}

static bool request_send(int fd, const char *text, size_t length)
{
	uint8_t head[CONSOLE_HEAD_SIZE];
	console_frame_head(head, length);
	return bytes_send(fd, head, sizeof(head)) && bytes_send(fd, text, length);
}

/* Prints the reply; a negative number when there is none, else its enum console_status. */
static int reply_print(int fd)
{
	uint8_t head[CONSOLE_HEAD_SIZE];
	int status = -1;
	if (!bytes_receive(fd, head, sizeof(head)))
		return -1;
	/* With its head alone a frame is complete only if it is empty, which no reply is. */
	size_t length = (size_t)head[0] << 24 | (size_t)head[1] << 16 | (size_t)head[2] << 8 | head[3];
	if (length == 0 || console_frame_body(head, sizeof(head), CONSOLE_REPLY_MAX + 1) != -EAGAIN)
		return -1;
	uint8_t *body = malloc(length);
	if (body != NULL && bytes_receive(fd, body, length)) {
		status = body[0];
		fwrite(body + 1, 1, length - 1, status == CONSOLE_OK ? stdout : stderr);
		fflush(stdout);
	}
	free(body);
	return status;
}

static enum console_end line_run(int fd, const char *path, const char *text, size_t length)
{
	if (length > CONSOLE_REQUEST_MAX) {
		fprintf(stderr, "sluice console: at most %u bytes at a time\n", CONSOLE_REQUEST_MAX);
		return CONSOLE_END_ERROR;
	}
	/* A server that shows us out does not read on: what it says is there all the same. */
	bool sent = request_send(fd, text, length);
	int status = reply_print(fd);
	if (status < 0)
		complain(path, sent ? "it gave no answer" : "it has closed the connection");
	if (status < 0 || status == CONSOLE_REFUSED)
		return CONSOLE_END_SYSTEM;
	return status == CONSOLE_OK ? CONSOLE_END_DONE : CONSOLE_END_ERROR;
}

static enum console_end lines_run(int fd, const char *path)
{
	enum console_end end = CONSOLE_END_DONE;
	char *line = NULL;
	size_t size = 0;
	ssize_t length;
	while (end != CONSOLE_END_SYSTEM && (length = getline(&line, &size, stdin)) >= 0) {
		if (length > 0 && line[length - 1] == '\n')
			length--;
		if (length == 0)
			continue;
		enum console_end one = line_run(fd, path, line, (size_t)length);
		end = one > end ? one : end;
	}
	free(line);
	return end;
}

static bool is_farewell(const char *line)
{
	return strcmp(line, "quit") == 0 || strcmp(line, "exit") == 0;
}

static enum console_end terminal_run(int fd, const char *path)
{
	static char prompt[] = "> ";
	enum console_end end = CONSOLE_END_DONE;
	char *line;
	using_history();
	while (end != CONSOLE_END_SYSTEM && (line = readline(prompt)) != NULL) {
		bool farewell = is_farewell(line);
		if (*line != '\0' && !farewell) {
			add_history(line);
			end = line_run(fd, path, line, strlen(line));
		}
		free(line);
		if (farewell)
			return CONSOLE_END_DONE;
	}
	return end == CONSOLE_END_SYSTEM ? end : CONSOLE_END_DONE;
}

enum console_end console_client(const char *path, const char *expression)
{
	enum console_end end;
	int fd = console_connect(path);
	if (fd < 0)
		return CONSOLE_END_SYSTEM;
	if (expression != NULL)
		end = line_run(fd, path, expression, strlen(expression));
	else if (isatty(STDIN_FILENO))
		end = terminal_run(fd, path);
	else
		end = lines_run(fd, path);
	close(fd);
	return end;
}
