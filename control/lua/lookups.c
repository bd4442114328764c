/* SPDX-License-Identifier: BSD-2-Clause */
#include "control/lua/lookups.h"

#include <errno.h>
#include <netdb.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>

#include <netinet/in.h>
#include <rte_lcore.h>
#include <rte_ring.h>

#include "control/lua/host.h"
#include "dataplane/handoff.h"

#define WAITING_MAX 256u
#define HOST_MAX 254u /* a name as text, with its NUL */

struct lookup {
	uint64_t serial; /* of the policy */
	char host[HOST_MAX];
	struct lua_resolved found;
};

/* The thread's, once it is there: it takes from one ring and puts into the other. */
static struct {
	struct rte_ring *asked, *found; /* NULL: nobody has asked yet */
	sem_t work;
	struct control *control;
	unsigned count; /* the control lcore's: of both rings, and what is in the thread's hand */
} lookups;

static void address_add(struct lua_resolved *found, const struct addrinfo *info)
{
	struct lua_address *to = &found->addresses[found->count];
	memset(to, 0, sizeof(*to));
	to->ipv6 = info->ai_family == AF_INET6;
	if (to->ipv6)
		memcpy(to->bytes,
		       &((const struct sockaddr_in6 *)(const void *)info->ai_addr)->sin6_addr, 16);
	else
		memcpy(to->bytes,
		       &((const struct sockaddr_in *)(const void *)info->ai_addr)->sin_addr, 4);
	found->count++;
}

static void resolve(struct lookup *lookup)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_DGRAM};
	struct addrinfo *list = NULL;
	if (getaddrinfo(lookup->host, NULL, &hints, &list) != 0)
		return;
	for (struct addrinfo *at = list;
	     at != NULL && lookup->found.count < RTE_DIM(lookup->found.addresses); at = at->ai_next)
		if (at->ai_family == AF_INET || at->ai_family == AF_INET6)
			address_add(&lookup->found, at);
	freeaddrinfo(list);
}

static void *run(void *argument)
{
	void *lookup;
	(void)argument;
	for (;;) {
		while (sem_wait(&lookups.work) < 0 && errno == EINTR)
			;
		if (rte_ring_sc_dequeue(lookups.asked, &lookup) != 0)
			continue;
		resolve(lookup);
		rte_ring_sp_enqueue(lookups.found, lookup); /* it has room for all there are */
		waker_wake(&lookups.control->waker);
	}
	return NULL;
}

static int start(struct control *control)
{
	pthread_t thread;
	unsigned flags = RING_F_SP_ENQ | RING_F_SC_DEQ | RING_F_EXACT_SZ;
	lookups.control = control;
	sem_init(&lookups.work, 0, 0);
	struct rte_ring *asked = rte_ring_create("lookups_asked", WAITING_MAX, SOCKET_ID_ANY, flags);
	struct rte_ring *found = rte_ring_create("lookups_found", WAITING_MAX, SOCKET_ID_ANY, flags);
	lookups.found = found;
	lookups.asked = asked;
	if (asked == NULL || found == NULL ||
	    rte_ctrl_thread_create(&thread, "sluice-lookups", NULL, run, NULL) != 0) {
		rte_ring_free(asked);
		rte_ring_free(found);
		lookups.asked = NULL;
		return -ENOMEM;
	}
	pthread_detach(thread); /* it may be in the midst of a look-up when all ends */
	return 0;
}

int lua_lookup_ask(struct lua_policy *policy, const char *host, int32_t reference)
{
	if (strlen(host) >= HOST_MAX)
		return -ENAMETOOLONG;
	if (lookups.count == WAITING_MAX)
		return -EAGAIN;
	if (lookups.asked == NULL && start(policy->control) != 0)
		return -ENOMEM;
	struct lookup *lookup = calloc(1, sizeof(*lookup));
	if (lookup == NULL)
		return -ENOMEM;
	lookup->serial = policy->serial;
	lookup->found.reference = reference;
	strcpy(lookup->host, host);
	rte_ring_sp_enqueue(lookups.asked, lookup);
	lookups.count++;
	sem_post(&lookups.work);
	return 0;
}

void lua_lookups_tell(struct control *control)
{
	void *taken;
	while (lookups.asked != NULL && rte_ring_sc_dequeue(lookups.found, &taken) == 0) {
		struct lookup *lookup = taken;
		struct lua_policy *policy = control->lua;
		lookups.count--;
		if (policy != NULL && policy->serial == lookup->serial) {
			lookup->found.host = lookup->host;
			policy->context->resolved = &lookup->found;
			lua_policy_call(control, policy->resolved);
			policy->context->resolved = NULL;
		}
		free(lookup);
	}
}

void lua_lookups_close(void)
{
	void *lookup;
	if (lookups.asked == NULL)
		return;
	while (rte_ring_sc_dequeue(lookups.found, &lookup) == 0)
		free(lookup);
}
