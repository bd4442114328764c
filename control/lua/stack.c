/* SPDX-License-Identifier: BSD-2-Clause */
#include "control/lua/stack.h"

#include <errno.h>
#include <pthread.h>
#include <stddef.h>
#include <sys/resource.h>

#define STACK_SIZE (256u << 20) /* bytes; string.gsub in itself was seen to take 115 MiB */

int lua_stack_raise(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_STACK, &limit) != 0)
		return -errno;
	if (limit.rlim_cur >= STACK_SIZE)
		return 0;
	bool enough = limit.rlim_max >= STACK_SIZE;
	limit.rlim_cur = enough ? STACK_SIZE : limit.rlim_max;
	if (setrlimit(RLIMIT_STACK, &limit) != 0)
		return -errno;
	return enough ? 0 : -EPERM;
}

int lua_stack_threads(bool raised)
{
	static size_t before;
	pthread_attr_t attributes;
	int error = pthread_getattr_default_np(&attributes);
	if (error != 0)
		return -error;
	if (before == 0)
		pthread_attr_getstacksize(&attributes, &before);
	error = pthread_attr_setstacksize(&attributes, raised ? STACK_SIZE : before);
	if (error == 0)
		error = pthread_setattr_default_np(&attributes);
	pthread_attr_destroy(&attributes);
	return -error;
}
