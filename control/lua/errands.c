/* SPDX-License-Identifier: BSD-2-Clause */
#include "control/lua/errands.h"

#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/queue.h>
#include <rte_lcore.h>
#include <rte_ring.h>

#include "control/log/log.h"
#include "control/lua/host.h"
#include "dataplane/handoff.h"

#define WAITING_MAX 256u
#define THREADS 4u /* one that waits for somebody who does not answer holds up nobody else */
#define HOST_MAX 254u /* a name as text, with its NUL */
#define SEND_MS 5000u /* that connecting and sending may take together */
#define LOOKUPS_KEPT 64u /* places that texts do not take */

struct errand {
	uint64_t serial; /* of the policy */
	char host[HOST_MAX]; /* "": something is to be sent */
	struct lua_resolved found;
	struct lua_address to;
	uint32_t sender; /* several may send to the same address */
	LIST_ENTRY(errand) texts; /* the control lcore's; or early */
	int error; /* of sending, an errno */
	size_t length;
	char text[];
};

/* The threads', once they are there: each takes from one ring and puts into the other. */
static struct {
	struct rte_ring *asked, *done; /* NULL: nobody has asked yet */
	sem_t work;
	struct control *control;
	unsigned count; /* the control lcore's: in both rings, and in the threads' hands */
	LIST_HEAD(, errand) texts; /* likewise: those of them that are sent */
	LIST_HEAD(, errand) early; /* likewise: hosts that a policy asked for which is not in force yet */
	pthread_mutex_t lock;	   /* of the threads' ends of the rings, which go when all ends */
	bool closed;
} errands = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* ---- hosts ---- */

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

static void resolve(struct errand *errand)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_DGRAM};
	struct addrinfo *list = NULL;
	if (getaddrinfo(errand->host, NULL, &hints, &list) != 0)
		return;
	for (struct addrinfo *at = list;
	     at != NULL && errand->found.count < RTE_DIM(errand->found.addresses); at = at->ai_next)
		if (at->ai_family == AF_INET || at->ai_family == AF_INET6)
			address_add(&errand->found, at);
	freeaddrinfo(list);
}

/* ---- texts ---- */

static uint64_t clock_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* Lets the next call, connecting among them, wait up to the deadline. 0, or an errno. */
static int patience_set(int fd, uint64_t deadline)
{
	uint64_t now = clock_ms(), rest = deadline > now ? deadline - now : 0;
	const struct timeval left = {.tv_sec = (time_t)(rest / 1000),
				     .tv_usec = (suseconds_t)(rest % 1000 * 1000)};
	if (rest == 0) /* which would mean forever */
		return ETIMEDOUT;
	return setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &left, sizeof(left)) == 0 ? 0 : errno;
}

static int connect_to(const struct lua_address *to, uint64_t deadline)
{
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(to->port)};
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(to->port)};
	memcpy(&v6.sin6_addr, to->bytes, 16);
	memcpy(&v4.sin_addr, to->bytes, 4);
	int fd = socket(to->ipv6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	patience_set(fd, deadline);
	if ((to->ipv6 ? connect(fd, (const struct sockaddr *)&v6, sizeof(v6))
		      : connect(fd, (const struct sockaddr *)&v4, sizeof(v4))) == 0)
		return fd;
	int error = errno == EINPROGRESS ? ETIMEDOUT : errno;
	close(fd);
	return -error;
}

static void deliver(struct errand *errand)
{
	uint64_t deadline = clock_ms() + SEND_MS;
	int fd = connect_to(&errand->to, deadline);
	if (fd < 0) {
		errand->error = -fd;
		return;
	}
	for (size_t sent = 0; sent < errand->length && errand->error == 0;) {
		errand->error = patience_set(fd, deadline);
		if (errand->error != 0)
			break;
		ssize_t more = send(fd, errand->text + sent, errand->length - sent, MSG_NOSIGNAL);
		if (more < 0)
			errand->error = errno == EAGAIN ? ETIMEDOUT : errno;
		else
			sent += (size_t)more;
	}
	close(fd);
}

/* ---- the threads ---- */

/* NULL: there is none, or no more will be done. */
static struct errand *take(void)
{
	void *taken = NULL;
	pthread_mutex_lock(&errands.lock);
	if (errands.closed || rte_ring_sc_dequeue(errands.asked, &taken) != 0)
		taken = NULL;
	pthread_mutex_unlock(&errands.lock);
	return taken;
}

static void give_back(struct errand *errand)
{
	pthread_mutex_lock(&errands.lock);
	if (errands.closed) {
		free(errand);
	} else {
		rte_ring_sp_enqueue(errands.done, errand); /* it has room for all there are */
		waker_wake(&errands.control->waker);
	}
	pthread_mutex_unlock(&errands.lock);
}

static void *run(void *argument)
{
	(void)argument;
	for (;;) {
		while (sem_wait(&errands.work) < 0 && errno == EINTR)
			;
		struct errand *errand = take();
		if (errand == NULL)
			continue;
		if (errand->host[0] != '\0')
			resolve(errand);
		else
			deliver(errand);
		give_back(errand);
	}
	return NULL;
}

/* How many there are. */
static unsigned threads_start(void)
{
	unsigned count = 0;
	pthread_t thread;
	while (count < THREADS &&
	       rte_ctrl_thread_create(&thread, "sluice-errands", NULL, run, NULL) == 0) {
		pthread_detach(thread); /* it may be in the midst of an errand when all ends */
		count++;
	}
	return count;
}

static int start(struct control *control)
{
	unsigned flags = RING_F_SP_ENQ | RING_F_SC_DEQ | RING_F_EXACT_SZ;
	errands.control = control;
	sem_init(&errands.work, 0, 0);
	struct rte_ring *asked = rte_ring_create("errands_asked", WAITING_MAX, SOCKET_ID_ANY, flags);
	struct rte_ring *done = rte_ring_create("errands_done", WAITING_MAX, SOCKET_ID_ANY, flags);
	errands.done = done;
	errands.asked = asked;
	if (asked == NULL || done == NULL || threads_start() == 0) {
		rte_ring_free(asked);
		rte_ring_free(done);
		errands.asked = NULL;
		return -ENOMEM;
	}
	return 0;
}

/* ---- the control lcore's part ---- */

/* NULL: errno says why. */
static struct errand *errand_new(struct lua_policy *policy, size_t length, unsigned most)
{
	errno = EAGAIN;
	if (errands.count >= most || errands.closed)
		return NULL;
	errno = ENOMEM;
	if (errands.asked == NULL && start(policy->control) != 0)
		return NULL;
	struct errand *errand = calloc(1, sizeof(*errand) + length);
	if (errand != NULL)
		errand->serial = policy->serial;
	return errand;
}

static void errand_give(struct errand *errand)
{
	rte_ring_sp_enqueue(errands.asked, errand);
	errands.count++;
	sem_post(&errands.work);
}

int lua_errand_lookup(struct lua_policy *policy, const char *host, int32_t reference)
{
	size_t length = strlen(host);
	if (length == 0 || length >= HOST_MAX)
		return -ENAMETOOLONG;
	struct errand *errand = errand_new(policy, 0, WAITING_MAX);
	if (errand == NULL)
		return -errno;
	errand->found.reference = reference;
	memcpy(errand->host, host, length);
	errand_give(errand);
	return 0;
}

static bool is_in_hand(const struct lua_address *to, uint32_t sender)
{
	const struct errand *at;
	LIST_FOREACH(at, &errands.texts, texts)
		if (at->sender == sender && at->to.port == to->port && at->to.ipv6 == to->ipv6 &&
		    memcmp(at->to.bytes, to->bytes, sizeof(to->bytes)) == 0)
			return true;
	return false;
}

static void skip_tell(const struct control *control, const struct lua_address *to)
{
	static struct log_limit limit;
	char text[INET6_ADDRSTRLEN];
	uint64_t held;
	if (!log_limit_pass(&limit, control->now, &held))
		return;
	sluice_address_print(to, text, sizeof(text));
	log_warning("statistics for %s, port %u, are left out (as %llu before, for any): those "
		    "before have not been sent yet", text, to->port, (unsigned long long)held);
}

int lua_errand_send(struct lua_policy *policy, const struct lua_address *to, uint32_t sender,
		    const char *text, size_t length)
{
	if (is_in_hand(to, sender)) {
		skip_tell(policy->control, to);
		return -EBUSY;
	}
	struct errand *errand = errand_new(policy, length, WAITING_MAX - LOOKUPS_KEPT);
	if (errand == NULL)
		return -errno;
	errand->to = *to;
	errand->sender = sender;
	LIST_INSERT_HEAD(&errands.texts, errand, texts);
	errand->length = length;
	memcpy(errand->text, text, length);
	errand_give(errand);
	return 0;
}

static void failure_tell(const struct errand *errand)
{
	char text[INET6_ADDRSTRLEN];
	sluice_address_print(&errand->to, text, sizeof(text));
	log_warning("statistics could not be sent to %s, port %u: %s", text, errand->to.port,
		    strerror(errand->error));
}

static void lookup_tell(struct control *control, struct errand *errand)
{
	struct lua_policy *policy = control->lua;
	if (policy == NULL || policy->serial != errand->serial)
		return;
	errand->found.host = errand->host;
	policy->context->resolved = &errand->found;
	lua_policy_call(control, policy->resolved);
	policy->context->resolved = NULL;
}

/* A policy is told what it asked for while it was read when it is in force. */
static bool is_early(const struct control *control, const struct errand *errand)
{
	return control->reload == CONTROL_RELOAD_READING && control->lua != NULL &&
	       errand->serial > control->lua->serial;
}

static void early_tell(struct control *control)
{
	struct errand *errand, *next;
	for (errand = LIST_FIRST(&errands.early); errand != NULL; errand = next) {
		next = LIST_NEXT(errand, texts);
		if (is_early(control, errand))
			continue;
		LIST_REMOVE(errand, texts);
		lookup_tell(control, errand);
		free(errand);
	}
}

void lua_errands_turn(struct control *control)
{
	void *taken;
	early_tell(control);
	while (errands.asked != NULL && rte_ring_sc_dequeue(errands.done, &taken) == 0) {
		struct errand *errand = taken;
		errands.count--;
		if (errand->host[0] != '\0' && is_early(control, errand)) {
			LIST_INSERT_HEAD(&errands.early, errand, texts);
			continue;
		}
		if (errand->host[0] != '\0') {
			lookup_tell(control, errand);
		} else {
			LIST_REMOVE(errand, texts);
			if (errand->error != 0)
				failure_tell(errand);
		}
		free(errand);
	}
}

void lua_errands_close(void)
{
	void *errand;
	pthread_mutex_lock(&errands.lock);
	errands.closed = true;
	while (errands.asked != NULL && (rte_ring_sc_dequeue(errands.done, &errand) == 0 ||
					 rte_ring_sc_dequeue(errands.asked, &errand) == 0))
		free(errand);
	while ((errand = LIST_FIRST(&errands.early)) != NULL) {
		LIST_REMOVE((struct errand *)errand, texts);
		free(errand);
	}
	pthread_mutex_unlock(&errands.lock);
}
