/* SPDX-License-Identifier: BSD-2-Clause */
#include "control/socket/path.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

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
	size_t most = SOCKET_PATH_SIZE - (path[0] != '\0');
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
static bool is_stale(const struct sockaddr_un *address, socklen_t length, int type)
{
	int fd = socket(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return false;
	int result = connect(fd, (const struct sockaddr *)address, length);
	bool stale = result < 0 && errno == ECONNREFUSED;
	close(fd);
	return stale;
}

/* Makes the path free: removes a socket file left behind, refuses anything else. */
static int path_clear(const struct sockaddr_un *address, socklen_t length, int type,
		      struct failure *failure)
{
	const char *path = address->sun_path;
	struct stat status;

	if (lstat(path, &status) < 0) /* absent, or binding will say what is wrong */
		return 0;
	if (!S_ISSOCK(status.st_mode))
		return fail(failure, EEXIST,
			    "%s exists and is not a socket: remove it or choose another path",
			    path);
	if (!is_stale(address, length, type))
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

/* ---- binding and closing ---- */

static int path_bind(struct socket_path *bound, int type, mode_t mode, struct failure *failure)
{
	struct sockaddr_un address;
	struct stat status;
	socklen_t length = address_of(bound->path, bound->length, &address);

	bound->fd = socket(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (bound->fd < 0)
		return fail(failure, errno, "cannot make a socket (%s): close some",
			    strerror(errno));
	/* Set before there is a file, so that it never exists with more. */
	if (mode != 0 && fchmod(bound->fd, mode) < 0)
		return fail(failure, errno, "cannot set the permissions of %s (%s)", bound->path,
			    strerror(errno));
	if (bound->path[0] != '\0') {
		int error = path_clear(&address, length, type, failure);
		if (error)
			return error;
	}
	if (bind(bound->fd, (const struct sockaddr *)&address, length) < 0)
		return bind_failed(bound->path, errno, failure);
	if (bound->path[0] != '\0' && lstat(bound->path, &status) == 0) {
		bound->has_file = true;
		bound->device = status.st_dev;
		bound->inode = status.st_ino;
	}
	return 0;
}

int socket_path_bind(struct socket_path *bound, int type, mode_t mode, const char *path,
		     size_t length, char *error_text, size_t error_size)
{
	struct failure failure = {error_text, error_size};

	*bound = (struct socket_path){.fd = -1};
	int error = path_check(path, length, &failure);
	if (error)
		return error;
	bound->length = length;
	memcpy(bound->path, path, length);
	error = path_bind(bound, type, mode, &failure);
	if (error)
		socket_path_close(bound);
	return error;
}

void socket_path_close(struct socket_path *bound)
{
	struct stat status;

	/* Our open socket holds the inode, so that its number cannot be another file's by now. */
	if (bound->has_file && lstat(bound->path, &status) == 0 &&
	    status.st_dev == bound->device && status.st_ino == bound->inode)
		unlink(bound->path);
	if (bound->fd >= 0)
		close(bound->fd);
	*bound = (struct socket_path){.fd = -1};
}
