/* SPDX-License-Identifier: BSD-2-Clause */
#include "control/console/client.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "control/console/frame.h"
#include "control/console/prompt.h"

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

static bool reply_receive(int fd, struct console_reply *reply)
{
	uint8_t head[CONSOLE_HEAD_SIZE];
	if (!bytes_receive(fd, head, sizeof(head)))
		return false;
	/* With its head alone a frame is complete only if it is empty, which no reply is. */
	size_t length = (size_t)head[0] << 24 | (size_t)head[1] << 16 | (size_t)head[2] << 8 | head[3];
	if (length == 0 || console_frame_body(head, sizeof(head), CONSOLE_REPLY_MAX + 1) != -EAGAIN)
		return false;
	uint8_t status;
	*reply = (struct console_reply){.text = malloc(length), .length = length - 1};
	if (reply->text == NULL || !bytes_receive(fd, &status, 1) ||
	    !bytes_receive(fd, reply->text, reply->length)) {
		free(reply->text);
		return false;
	}
	reply->status = status;
	reply->text[reply->length] = '\0';
	return true;
}

bool console_ask(int fd, const char *text, size_t length, struct console_reply *reply)
{
	return request_send(fd, text, length) && reply_receive(fd, reply);
}

static void plain_show(const char *text, size_t length)
{
	fwrite(text, 1, length, stdout);
	fflush(stdout);
}

enum console_end console_line(int fd, const char *path, const char *text, size_t length,
			      console_show_fn *show)
{
	struct console_reply reply;
	if (length > CONSOLE_REQUEST_MAX) {
		fprintf(stderr, "sluice console: at most %u bytes at a time\n", CONSOLE_REQUEST_MAX);
		return CONSOLE_END_ERROR;
	}
	/* A server that shows us out does not read on: what it says is there all the same. */
	bool sent = request_send(fd, text, length);
	if (!reply_receive(fd, &reply)) {
		complain(path, sent ? "it gave no answer" : "it has closed the connection");
		return CONSOLE_END_SYSTEM;
	}
	if (reply.status == CONSOLE_OK)
		show(reply.text, reply.length);
	else
		fwrite(reply.text, 1, reply.length, stderr);
	free(reply.text);
	if (reply.status == CONSOLE_REFUSED)
		return CONSOLE_END_SYSTEM;
	return reply.status == CONSOLE_OK ? CONSOLE_END_DONE : CONSOLE_END_ERROR;
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
		enum console_end one = console_line(fd, path, line, (size_t)length, plain_show);
		end = one > end ? one : end;
	}
	free(line);
	return end;
}

enum console_end console_client(const char *path, const char *expression)
{
	enum console_end end;
	int fd = console_connect(path);
	if (fd < 0)
		return CONSOLE_END_SYSTEM;
	if (expression != NULL)
		end = console_line(fd, path, expression, strlen(expression), plain_show);
	else if (isatty(STDIN_FILENO))
		end = console_prompt(fd, path);
	else
		end = lines_run(fd, path);
	close(fd);
	return end;
}
