/* SPDX-License-Identifier: BSD-2-Clause */
#include "control/net/netns.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NAMES_FOLDER "/run/netns" /* where `ip netns` keeps them */
#define NETNS_HERE -1		  /* nothing to leave */

static int failed(const char *what, const char *netns, char *error, size_t size)
{
	int result = -errno;
	bool missing = errno == ENOENT;
	snprintf(error, size, "cannot %s the network namespace '%s' (%s)%s%s", what, netns,
		 strerror(errno), missing && *netns != '/' ? "; make it with: ip netns add " : "",
		 missing && *netns != '/' ? netns : "");
	return result;
}

int netns_enter(const char *netns, int *back, char *error, size_t size)
{
	char path[PATH_MAX];
	*back = NETNS_HERE;
	if (netns == NULL)
		return 0;
	snprintf(path, sizeof(path), "%s%s", *netns == '/' ? "" : NAMES_FOLDER "/", netns);
	int there = open(path, O_RDONLY | O_CLOEXEC);
	if (there < 0)
		return failed("open", netns, error, size);
	int here = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	int result = 0;
	if (here < 0 || setns(there, CLONE_NEWNET) != 0) {
		result = failed("enter", netns, error, size);
		if (here >= 0)
			close(here);
	} else {
		*back = here;
	}
	close(there);
	return result;
}

void netns_leave(int back)
{
	if (back == NETNS_HERE)
		return;
	if (setns(back, CLONE_NEWNET) != 0)
		abort();
	close(back);
}
