/* SPDX-License-Identifier: BSD-2-Clause */
#include "control/console/console.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "control/console/frame.h"
#include "control/log/log.h"
#include "control/loop.h"
#include "control/lua/policy.h"
#include "control/socket/path.h"

#define CLIENTS_MAX 64u
#define BACKLOG 64
#define STUCK_MS 10000u /* a client that does not take its reply for so long is gone */
#define IN_SIZE (CONSOLE_HEAD_SIZE + CONSOLE_REQUEST_MAX)
#define OUT_SIZE (CONSOLE_HEAD_SIZE + 1u + CONSOLE_REPLY_MAX)

/* Where the text of a reply is collected: what does not fit is left out. */
struct reply {
	uint8_t *data;
	size_t length; /* of the frame so far */
	size_t room;
	bool cut;
};

/* One request at a time: while its reply is not taken, nothing is read. */
struct client {
	int fd; /* -1: free */
	size_t have;
	uint8_t *in; /* IN_SIZE bytes */
	uint8_t *out;
	size_t out_length, out_sent;
	uint64_t replied; /* ms */
	bool slow; /* the loop waits for it to take its reply */
	bool ends; /* after its reply */
	bool waits; /* its reply, until what it changed is in force */
};

static struct {
	struct socket_path socket;
	bool listening;
	unsigned next; /* whose turn it is */
	struct client clients[CLIENTS_MAX];
} console;

/* ---- replies ---- */

static ssize_t reply_write(void *cookie, const char *text, size_t size)
{
	struct reply *reply = cookie;
	size_t free_bytes = OUT_SIZE - reply->length;
	size_t taken = size < free_bytes ? size : free_bytes;
	if (reply->length + taken > reply->room) {
		size_t room = reply->room * 2;
		while (room < reply->length + taken)
			room *= 2;
		uint8_t *grown = realloc(reply->data, room);
		if (grown == NULL)
			taken = reply->room - reply->length;
		else
			reply->data = grown, reply->room = room;
	}
	memcpy(reply->data + reply->length, text, taken);
	reply->length += taken;
	reply->cut |= taken < size;
	return (ssize_t)size; /* a stream that fails would lose what Lua prints after */
}

static FILE *reply_open(struct reply *reply)
{
	*reply = (struct reply){.length = CONSOLE_HEAD_SIZE + 1, .room = 4096};
	reply->data = malloc(reply->room);
	if (reply->data == NULL)
		return NULL;
	FILE *out = fopencookie(reply, "w", (cookie_io_functions_t){.write = reply_write});
	if (out == NULL)
		free(reply->data);
	return out;
}

/* The last bytes of a text that was cut say so. */
static void reply_mark(struct reply *reply)
{
	static const char mark[] = "\n... the rest is left out\n";
	if (!reply->cut || reply->length < CONSOLE_HEAD_SIZE + 1 + sizeof(mark))
		return;
	memcpy(reply->data + reply->length - (sizeof(mark) - 1), mark, sizeof(mark) - 1);
}

static void reply_give(struct control *control, struct client *client, struct reply *reply,
		       enum console_status status)
{
	reply_mark(reply);
	console_frame_head(reply->data, reply->length - CONSOLE_HEAD_SIZE);
	reply->data[CONSOLE_HEAD_SIZE] = (uint8_t)status;
	client->out = reply->data;
	client->out_length = reply->length;
	client->out_sent = 0;
	client->replied = control->now;
	client->slow = false;
	client->ends = status == CONSOLE_REFUSED;
}

/* ---- clients ---- */

static void client_close(struct control *control, struct client *client)
{
	loop_unwatch(control, client->fd);
	close(client->fd);
	free(client->in);
	free(client->out);
	*client = (struct client){.fd = -1};
}

static void client_refuse(struct control *control, struct client *client, const char *why)
{
	struct reply reply;
	FILE *out = reply_open(&reply);
	if (out == NULL) {
		client_close(control, client);
		return;
	}
	fprintf(out, "%s\n", why);
	fclose(out);
	client->have = 0;
	reply_give(control, client, &reply, CONSOLE_REFUSED);
}

/* While a reply is under way, what the client sends has to wait and must not wake the loop. */
static void client_slow_set(struct control *control, struct client *client, bool slow)
{
	if (client->slow != slow)
		loop_watch(control, client->fd, slow ? EPOLLOUT : EPOLLIN);
	client->slow = slow;
}

static void client_flush(struct control *control, struct client *client)
{
	while (client->out_sent < client->out_length) {
		ssize_t sent = send(client->fd, client->out + client->out_sent,
				    client->out_length - client->out_sent,
				    MSG_DONTWAIT | MSG_NOSIGNAL);
		if (sent < 0 && errno == EAGAIN && control->now - client->replied < STUCK_MS) {
			client_slow_set(control, client, true);
			return;
		}
		if (sent <= 0) {
			client_close(control, client);
			return;
		}
		client->out_sent += (size_t)sent;
		client->replied = control->now;
	}
	free(client->out);
	client->out = NULL;
	client->out_length = client->out_sent = 0;
	if (client->ends)
		client_close(control, client);
	else
		client_slow_set(control, client, false);
}

static void client_read(struct control *control, struct client *client)
{
	if (client->have == IN_SIZE)
		return;
	ssize_t got = recv(client->fd, client->in + client->have, IN_SIZE - client->have,
			   MSG_DONTWAIT);
	if (got > 0)
		client->have += (size_t)got;
	else if (got == 0 || (errno != EAGAIN && errno != EINTR))
		client_close(control, client);
}

/* Whether a whole request is there; a client that sends what cannot be one is shown out. */
static bool client_ready(struct control *control, struct client *client)
{
	ssize_t length = console_frame_body(client->in, client->have, CONSOLE_REQUEST_MAX);
	if (length == -EMSGSIZE)
		client_refuse(control, client, "not a request of the console, or too long");
	return length >= 0;
}

static void client_run(struct control *control, struct client *client)
{
	struct reply reply;
	size_t length = (size_t)console_frame_body(client->in, client->have, CONSOLE_REQUEST_MAX);
	size_t whole = CONSOLE_HEAD_SIZE + length;
	FILE *out = reply_open(&reply);
	if (out == NULL) {
		client_close(control, client);
		return;
	}
	int failed = lua_policy_console(control, (const char *)client->in + CONSOLE_HEAD_SIZE,
					length, out);
	fclose(out);
	lua_policy_settle(control); /* who asks next finds it so */
	client->waits = lua_policy_waits(control);
	memmove(client->in, client->in + whole, client->have - whole);
	client->have -= whole;
	reply_give(control, client, &reply, failed == 0 ? CONSOLE_OK : CONSOLE_ERROR);
}

/* Whether it has closed its end. */
static bool client_gone(const struct client *client)
{
	struct pollfd look = {.fd = client->fd};
	return poll(&look, 1, 0) > 0 && (look.revents & (POLLHUP | POLLERR)) != 0;
}

/*
 * Until what it changed is in force; what it sends meanwhile does not wake the loop. That it is gone would,
 * again and again.
 */
static bool client_waits(struct control *control, struct client *client)
{
	if (!client->waits)
		return false;
	if (client_gone(client)) {
		client_close(control, client);
		return true;
	}
	client->waits = lua_policy_waits(control);
	loop_watch(control, client->fd, client->waits ? 0 : EPOLLIN);
	client->replied = control->now;
	return client->waits;
}

static struct client *client_free(void)
{
	for (unsigned i = 0; i < CLIENTS_MAX; i++)
		if (console.clients[i].fd < 0)
			return &console.clients[i];
	return NULL;
}

/* As many as there is room for; the others wait in the socket's queue, and then are refused. */
static void clients_accept(struct control *control)
{
	struct client *client;
	while ((client = client_free()) != NULL) {
		int fd = accept4(console.socket.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0)
			return;
		*client = (struct client){.fd = fd, .in = malloc(IN_SIZE)};
		if (client->in == NULL)
			client_close(control, client);
		else
			loop_watch(control, fd, EPOLLIN);
	}
}

/* ---- the loop's side ---- */

/* The socket is not watched while no client can be taken, or it would wake the loop for nothing. */
static void listening_set(struct control *control, bool wanted)
{
	if (wanted == console.listening)
		return;
	if (wanted)
		loop_watch(control, console.socket.fd, EPOLLIN);
	else
		loop_unwatch(control, console.socket.fd);
	console.listening = wanted;
}

/* Runs one request, the clients taking turns; true if another is waiting. */
static bool request_run(struct control *control)
{
	bool run = false;
	unsigned first = console.next;
	for (unsigned i = 0; i < CLIENTS_MAX; i++) {
		struct client *client = &console.clients[(first + i) % CLIENTS_MAX];
		if (client->fd < 0 || client->out != NULL || !client_ready(control, client))
			continue;
		if (run)
			return true;
		run = true;
		console.next = (first + i + 1) % CLIENTS_MAX;
		client_run(control, client);
	}
	return false;
}

bool console_turn(struct control *control)
{
	if (console.socket.fd < 0)
		return false;
	clients_accept(control);
	for (unsigned i = 0; i < CLIENTS_MAX; i++) {
		struct client *client = &console.clients[i];
		if (client->fd >= 0 && client->out == NULL)
			client_read(control, client);
	}
	bool more = request_run(control);
	for (unsigned i = 0; i < CLIENTS_MAX; i++) {
		struct client *client = &console.clients[i];
		if (client->fd < 0 || client->out == NULL || client_waits(control, client))
			continue;
		client_flush(control, client);
		/* The next request may have come along with the one that is answered. */
		more |= client->fd >= 0 && client->out == NULL &&
			console_frame_body(client->in, client->have, CONSOLE_REQUEST_MAX) != -EAGAIN;
	}
	listening_set(control, client_free() != NULL);
	return more;
}

static int refused(bool given, char *error, size_t size, const char *why)
{
	if (given) {
		snprintf(error, size, "console: %s", why);
		return -1;
	}
	log_warning("no console: %s (console.socket)", why);
	return 0;
}

int console_create(struct control *control, char *error, size_t size)
{
	char why[512];
	const char *path = control->config->console.socket;
	bool given = path != NULL;
	for (unsigned i = 0; i < CLIENTS_MAX; i++)
		console.clients[i].fd = -1;
	console.socket.fd = -1;
	if (control->config->console.off)
		return 0;
	if (!given)
		path = CONSOLE_SOCKET_DEFAULT;
	if (socket_path_bind(&console.socket, SOCK_STREAM, 0600, path, strlen(path), why,
			     sizeof(why)) != 0)
		return refused(given, error, size, why);
	if (listen(console.socket.fd, BACKLOG) != 0) {
		snprintf(why, sizeof(why), "cannot listen on %s (%s)", path, strerror(errno));
		socket_path_close(&console.socket);
		return refused(given, error, size, why);
	}
	listening_set(control, true);
	return 0;
}

void console_destroy(void)
{
	for (unsigned i = 0; i < CLIENTS_MAX; i++) {
		if (console.clients[i].fd < 0)
			continue;
		close(console.clients[i].fd);
		free(console.clients[i].in);
		free(console.clients[i].out);
		console.clients[i].fd = -1;
	}
	socket_path_close(&console.socket);
	console.listening = false;
}
