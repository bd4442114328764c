/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A unix socket bound to a path: what listeners and the console share. A socket that a process left
 * behind is replaced; anything else that exists there is refused.
 */
#ifndef SLUICE_CONTROL_SOCKET_PATH_H
#define SLUICE_CONTROL_SOCKET_PATH_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/un.h>

#define SOCKET_PATH_SIZE sizeof(((struct sockaddr_un *)0)->sun_path)

struct socket_path {
	int fd; /* non-blocking, -1: none */
	bool has_file;
	dev_t device; /* of the socket file, as inode */
	ino_t inode;
	size_t length;
	char path[SOCKET_PATH_SIZE + 1]; /* and a NUL */
};

/*
 * Makes a socket of `type` (SOCK_DGRAM, SOCK_STREAM) and binds it to a path; a first byte of NUL
 * makes that an abstract name (unix(7)). `mode`: permissions of the file, 0: as the umask has it.
 * 0 or -errno, and `error` says in one sentence what is wrong and what to do.
 */
int socket_path_bind(struct socket_path *bound, int type, mode_t mode, const char *path,
		     size_t length, char *error, size_t error_size);

/* Closes it and removes the socket file where it is still this one. */
void socket_path_close(struct socket_path *bound);

#endif
