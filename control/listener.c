/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef _GNU_SOURCE
#endif
#include "control/listener.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* One byte more than a datagram may have, so that buffers lie on page boundaries. */
#define BUFFER_SIZE (LISTENER_DATAGRAM_MAX + 1)
#define PATH_SIZE sizeof(((struct sockaddr_un *)0)->sun_path)

struct listener {
	int fd;
	bool has_file;
	dev_t device; /* of the socket file, as inode */
	ino_t inode;
	size_t path_length;
	char path[PATH_SIZE + 1];
	struct listener_counters counters;
	struct sockaddr_un from[LISTENER_BATCH];
	struct iovec pieces[LISTENER_BATCH];
	struct mmsghdr messages[LISTENER_BATCH];
	uint8_t *buffers;
};

struct failure {
	char *text;
	size_t size;
};

/* Says what is wrong, and returns -code for the caller to hand on. */
__attribute__((format(printf, 3, 4))) static int fail(struct failure *failure, int code,
						      const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(failure->text, failure->size, format, arguments);
	va_end(arguments);
	return -code;
}

/* ---- the path ---- */

static int path_check(const char *path, size_t length, struct failure *failure)
{
	if (length == 0)
		return fail(failure, EINVAL, "the path of the listening socket is empty: give one");
	if (path[0] != '\0' && memchr(path, '\0', length))
		return fail(failure, EINVAL,
			    "the path of the listening socket has a NUL within: only an abstract "
			    "name may, and that begins with one");
	size_t most = PATH_SIZE - (path[0] != '\0');
	if (length > most)
		return fail(failure, ENAMETOOLONG,
			    "the path of the listening socket has %zu bytes and a unix socket's at "
			    "most %zu: choose a shorter one", length, most);
	return 0;
}

static socklen_t address_of(const char *path, size_t length, struct sockaddr_un *address)
{
	memset(address, 0, sizeof(*address));
	address->sun_family = AF_UNIX;
	memcpy(address->sun_path, path, length);
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length + (path[0] != '\0'));
}

/* Whether somebody listens: a socket file whose process is gone refuses to be connected to. */
static bool is_stale(const struct sockaddr_un *address, socklen_t length)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return false;
	int result = connect(fd, (const struct sockaddr *)address, length);
	bool stale = result < 0 && errno == ECONNREFUSED;
	close(fd);
	return stale;
}

/* Makes the path free: removes a socket file left behind, refuses anything else. */
static int path_clear(const struct sockaddr_un *address, socklen_t length, struct failure *failure)
{
	const char *path = address->sun_path;
	struct stat status;

	if (lstat(path, &status) < 0) /* absent, or binding will say what is wrong */
		return 0;
	if (!S_ISSOCK(status.st_mode))
		return fail(failure, EEXIST,
			    "%s exists and is not a socket: remove it or choose another path",
			    path);
	if (!is_stale(address, length))
		return fail(failure, EADDRINUSE,
			    "another process listens on %s: stop it or choose another path", path);
	if (unlink(path) < 0 && errno != ENOENT)
		return fail(failure, errno,
			    "cannot remove the socket left behind at %s (%s): remove it by hand",
			    path, strerror(errno));
	return 0;
}

static int bind_failed(const char *path, int code, struct failure *failure)
{
	switch (code) {
	case ENOENT:
		return fail(failure, code, "the folder of %s does not exist: create it", path);
	case ENOTDIR:
		return fail(failure, code,
			    "the folder of %s is not a folder: choose another path", path);
	case EACCES:
	case EPERM:
	case EROFS:
		return fail(failure, code,
			    "no permission to create %s: allow it or choose another path", path);
	case EADDRINUSE:
		return fail(failure, code,
			    "another process listens on %s%s: stop it or choose another path",
			    *path ? "" : "abstract name @", *path ? path : path + 1);
	default:
		return fail(failure, code, "cannot listen on %s (%s): choose another path",
			    *path ? path : path + 1, strerror(code));
	}
}

/* ---- opening and closing ---- */

static int buffers_make(struct listener *listener, struct failure *failure)
{
	listener->buffers = calloc(LISTENER_BATCH, BUFFER_SIZE);
	if (!listener->buffers)
		return fail(failure, ENOMEM, "no memory for a listening socket: free some");
	for (uint32_t i = 0; i < LISTENER_BATCH; i++) {
		struct msghdr *header = &listener->messages[i].msg_hdr;
		listener->pieces[i].iov_base = listener->buffers + i * (size_t)BUFFER_SIZE;
		listener->pieces[i].iov_len = LISTENER_DATAGRAM_MAX;
		header->msg_iov = &listener->pieces[i];
		header->msg_iovlen = 1;
		header->msg_name = &listener->from[i];
	}
	return 0;
}

static int socket_bind(struct listener *listener, struct failure *failure)
{
	struct sockaddr_un address;
	struct stat status;
	socklen_t length = address_of(listener->path, listener->path_length, &address);

	listener->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (listener->fd < 0)
		return fail(failure, errno, "cannot make a socket (%s): close some",
			    strerror(errno));
	if (listener->path[0] != '\0') {
		int error = path_clear(&address, length, failure);
		if (error)
			return error;
	}
	if (bind(listener->fd, (const struct sockaddr *)&address, length) < 0)
		return bind_failed(listener->path, errno, failure);
	if (listener->path[0] != '\0' && lstat(listener->path, &status) == 0) {
		listener->has_file = true;
		listener->device = status.st_dev;
		listener->inode = status.st_ino;
	}
	return 0;
}

struct listener *listener_bind(const char *path, size_t length, char *error_text, size_t error_size)
{
	struct failure failure = {error_text, error_size};
	struct listener *listener = NULL;

	int error = path_check(path, length, &failure);
	if (error)
		goto failed;
	listener = calloc(1, sizeof(*listener));
	if (!listener) {
		error = fail(&failure, ENOMEM, "no memory for a listening socket: free some");
		goto failed;
	}
	listener->fd = -1;
	listener->path_length = length;
	memcpy(listener->path, path, length);
	error = buffers_make(listener, &failure);
	if (!error)
		error = socket_bind(listener, &failure);
	if (!error)
		return listener;
failed:
	listener_close(listener);
	errno = -error;
	return NULL;
}

void listener_close(struct listener *listener)
{
	struct stat status;

	if (!listener)
		return;
	/* Our open socket holds the inode, so that its number cannot be another file's by now. */
	if (listener->has_file && lstat(listener->path, &status) == 0 &&
	    status.st_dev == listener->device && status.st_ino == listener->inode)
		unlink(listener->path);
	if (listener->fd >= 0)
		close(listener->fd);
	free(listener->buffers);
	free(listener);
}

/* ---- receiving ---- */

/* Copies the sender's path; its length is 0 for unbound and abstract senders. */
static size_t from_path(const struct sockaddr_un *from, socklen_t address_length,
			char path[PATH_SIZE + 1])
{
	size_t offset = offsetof(struct sockaddr_un, sun_path);
	size_t length = address_length > offset ? address_length - offset : 0;

	if (length > PATH_SIZE)
		length = PATH_SIZE;
	length = strnlen(from->sun_path, length);
	memcpy(path, from->sun_path, length);
	path[length] = '\0';
	return length;
}

static void datagram_handle(struct listener *listener, uint32_t number,
			    listener_datagram_fn *callback, void *ctx)
{
	struct mmsghdr *message = &listener->messages[number];
	char path[PATH_SIZE + 1];

	if (message->msg_hdr.msg_flags & MSG_TRUNC) {
		listener->counters.oversized++;
		return;
	}
	if (message->msg_len == 0) {
		listener->counters.empty++;
		return;
	}
	size_t length = from_path(&listener->from[number], message->msg_hdr.msg_namelen, path);
	listener->counters.received++;
	callback(ctx, listener->pieces[number].iov_base, message->msg_len, path, length);
}

/* -1 when nothing had come. */
static int batch_receive(struct listener *listener)
{
	for (uint32_t i = 0; i < LISTENER_BATCH; i++)
		listener->messages[i].msg_hdr.msg_namelen = sizeof(listener->from[i]);
	return recvmmsg(listener->fd, listener->messages, LISTENER_BATCH, MSG_DONTWAIT, NULL);
}

uint32_t listener_receive(struct listener *listener, uint32_t limit, listener_datagram_fn *callback,
			  void *ctx)
{
	uint32_t total = 0;

	while (total < limit) {
		int count = batch_receive(listener);
		if (count <= 0)
			break;
		for (uint32_t i = 0; i < (uint32_t)count; i++)
			datagram_handle(listener, i, callback, ctx);
		total += (uint32_t)count;
		if ((uint32_t)count < LISTENER_BATCH)
			break;
	}
	return total;
}

int listener_fd(const struct listener *listener)
{
	return listener->fd;
}

const char *listener_path(const struct listener *listener, size_t *length)
{
	if (length)
		*length = listener->path_length;
	return listener->path;
}

const struct listener_counters *listener_counters(const struct listener *listener)
{
	return &listener->counters;
}
