/* SPDX-License-Identifier: BSD-2-Clause */
#include "control/lua/listeners.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "control/socket/listener.h"
#include "control/loop.h"

struct lua_listener {
	struct lua_listener *next;
	struct listener *socket;
	struct lua_listener_use now, wish;
	bool used, wanted;
};

static struct lua_listener *listeners;

static struct lua_listener *find(const char *path, size_t length)
{
	for (struct lua_listener *listener = listeners; listener; listener = listener->next) {
		size_t known;
		const char *at = listener_path(listener->socket, &known);
		if (known == length && memcmp(at, path, length) == 0)
			return listener;
	}
	return NULL;
}

static struct lua_listener *open_new(struct control *control, const char *path, size_t length,
				     char *error, size_t error_size)
{
	struct lua_listener *listener = calloc(1, sizeof(*listener));
	if (listener == NULL) {
		snprintf(error, error_size, "no memory");
		return NULL;
	}
	listener->socket = listener_bind(path, length, error, error_size);
	if (listener->socket == NULL) {
		free(listener);
		return NULL;
	}
	loop_watch(control, listener_fd(listener->socket), EPOLLIN);
	listener->next = listeners;
	listeners = listener;
	return listener;
}

static struct lua_listener *find_or_open(struct control *control, const char *path, size_t length,
					 char *error, size_t error_size)
{
	struct lua_listener *listener = find(path, length);
	return listener != NULL ? listener : open_new(control, path, length, error, error_size);
}

bool lua_listener_add(struct control *control, const char *path, size_t length,
		      const struct lua_listener_use *use, char *error, size_t error_size)
{
	struct lua_listener *listener = find_or_open(control, path, length, error, error_size);
	if (listener == NULL)
		return false;
	listener->now = *use;
	listener->used = true;
	return true;
}

bool lua_listener_want(struct control *control, const char *path, size_t length,
		       const struct lua_listener_use *use, char *error, size_t error_size)
{
	struct lua_listener *listener = find_or_open(control, path, length, error, error_size);
	if (listener == NULL)
		return false;
	listener->wish = *use;
	listener->wanted = true;
	return true;
}

static void settle(struct lua_listener *listener, enum lua_listeners_mode mode)
{
	bool wanted = listener->wanted;
	listener->wanted = false;
	if (mode == LUA_LISTENERS_KEEP)
		return;
	if (mode == LUA_LISTENERS_CLOSE || (mode == LUA_LISTENERS_TAKE && !wanted))
		listener->used = false;
	if (mode == LUA_LISTENERS_CLOSE || !wanted)
		return;
	listener->now = listener->wish;
	listener->used = true;
}

void lua_listeners_settle(struct control *control, enum lua_listeners_mode mode)
{
	struct lua_listener **link = &listeners;
	while (*link != NULL) {
		struct lua_listener *listener = *link;
		settle(listener, mode);
		if (listener->used) {
			link = &listener->next;
			continue;
		}
		*link = listener->next;
		loop_unwatch(control, listener_fd(listener->socket));
		listener_close(listener->socket);
		free(listener);
	}
}

struct lua_listener *lua_listener_next(struct lua_listener *listener)
{
	return listener == NULL ? listeners : listener->next;
}

struct listener *lua_listener_socket(const struct lua_listener *listener)
{
	return listener->socket;
}

const struct lua_listener_use *lua_listener_use(const struct lua_listener *listener)
{
	return listener->used ? &listener->now : NULL;
}
