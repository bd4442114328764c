/* SPDX-License-Identifier: BSD-2-Clause */
/* What was asked and answered of late, as policies and the console see it. */
#include "control/lua/abi.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/log/log.h"
#include "control/suffixes.h"
#include "dataplane/clock.h"
#include "dataplane/dns/message.h"
#include "dataplane/dns/name.h"
#include "dataplane/recent.h"

#define NODES_EACH 4096u /* visited for as much time as an action has */
#define NODES_MAX 300000u /* names of many labels have a suffix for each */
#define LIST_MIN 256u

/* A copy, which stays as it is while the lcores go on. */
struct lua_recents {
	struct lua_recents *next, **link; /* the context owns it, as sets of names */
	size_t count, size;
	struct lua_recent *list;
	const struct lua_recent **order; /* the newest first */
	struct suffixes *suffixes; /* NULL: they are not asked for yet */
	size_t visited;
};

/* What comes now is another piece of work for the watchdog. */
static void progress_make(void)
{
	const struct lua_context *context = lua_abi_context();
	if (context->progress != NULL)
		++*context->progress;
}

int sluice_recent_set(uint32_t size, uint32_t rate, bool queries, bool responses)
{
	struct policy_recent *recent = &policy_model_settings(lua_abi_context()->model)->recent;
	*recent = (struct policy_recent){.size = size, .rate = rate, .queries = queries,
					 .responses = responses, .counted = recent->counted};
	sluice_policy_changed();
	return 0;
}

/* ---- reading ---- */

struct reading {
	struct lua_recents *recents;
	uint64_t now;	/* TSC */
	double tsc_hz;
	double wall;	/* seconds since 1970 */
	double seconds; /* not older than that; 0: of any age */
};

static void client_read(const struct recent_entry *from, struct lua_recent *to)
{
	to->client.ipv6 = (from->flags & RECENT_IPV6) != 0;
	to->client.port = from->client_port;
	memcpy(to->client.bytes, from->client, to->client.ipv6 ? 16 : 4);
	to->tcp = (from->flags & RECENT_TCP) != 0;
	to->has_mac = (from->flags & RECENT_MAC) != 0;
	if (to->has_mac)
		memcpy(to->mac, from->mac, sizeof(to->mac));
}

static void server_read(const struct recent_entry *from, struct lua_recent *to)
{
	to->backend = from->backend;
	to->origin = (from->flags & RECENT_FORWARDED) != 0 ? 1
		     : (from->flags & RECENT_CACHED) != 0  ? 2
							   : 0;
	const struct backend *server =
		to->origin == 1 ? sluice_server_number(from->backend) : NULL;
	if (server == NULL)
		return;
	memcpy(to->server.bytes, server->address.bytes, sizeof(to->server.bytes));
	to->server.ipv6 = server->address.ipv6;
	to->server.port = server->port;
}

/* What Lua did to a message may have left bytes there that are no name. */
static void name_read(const struct recent_entry *from, struct lua_recent *to)
{
	uint8_t labels;
	size_t length = dns_name_measure(from->name, from->name_length, &labels);
	to->name.length = (uint8_t)length;
	memcpy(to->name.wire, from->name, length);
}

static void entry_read(const struct reading *reading, const struct recent_entry *from,
		       struct lua_recent *to)
{
	memset(to, 0, offsetof(struct lua_recent, name));
	double age = (double)(int64_t)(reading->now - from->when) / reading->tsc_hz;
	to->age = age > 0 ? age : 0; /* it may have been written since we looked at the time */
	to->when = reading->wall - to->age;
	to->weight = from->weight;
	to->us = UINT32_MAX;
	if (from->ticks != RECENT_TIMEOUT) {
		double us = (double)((uint64_t)from->ticks << RECENT_TICK_SHIFT) * 1e6 /
			    reading->tsc_hz;
		to->us = us < UINT32_MAX ? (uint32_t)us : UINT32_MAX - 1;
	}
	to->qtype = from->qtype;
	to->size = from->size;
	to->response = (from->flags & RECENT_RESPONSE) != 0;
	memcpy(to->header.bytes, from->header, sizeof(to->header.bytes));
	client_read(from, to);
	server_read(from, to);
	name_read(from, to);
}

static bool list_add(const struct reading *reading, const struct recent_entry *entry)
{
	struct lua_recents *recents = reading->recents;
	if (recents->count == recents->size) {
		size_t size = recents->size > 0 ? 2 * recents->size : LIST_MIN;
		void *list = realloc(recents->list, size * sizeof(recents->list[0]));
		if (list == NULL)
			return false;
		recents->list = list;
		recents->size = size;
	}
	entry_read(reading, entry, &recents->list[recents->count++]);
	return true;
}

/* The newest first, until they are too old, or were overwritten while we read. False: no memory. */
static bool ring_read(const struct reading *reading, const struct recent_ring *ring, uint32_t most)
{
	uint64_t end = recent_count(ring);
	uint32_t left = RTE_MIN(most, ring->size);
	struct recent_entry entry;
	for (uint64_t number = end; number > 0 && left > 0; left--) {
		if (!recent_copy(ring, --number, &entry))
			continue;
		if (reading->seconds > 0 && (double)(int64_t)(reading->now - entry.when) >
						    reading->seconds * reading->tsc_hz)
			break;
		if (!list_add(reading, &entry))
			return false;
	}
	return true;
}

static bool kind_read(const struct reading *reading, const struct recent *recent,
		      enum recent_kind kind)
{
	for (uint32_t i = 0; i < recent->n_lcores; i++)
		if (!ring_read(reading, &recent->rings[i][kind], RECENT_READ_MAX / recent->n_lcores))
			return false;
	return true;
}

static int ages_compare(const void *a, const void *b)
{
	const struct lua_recent *first = *(const struct lua_recent *const *)a;
	const struct lua_recent *second = *(const struct lua_recent *const *)b;
	if (first->age != second->age)
		return first->age < second->age ? -1 : 1;
	if (first->response != second->response) /* of one turn: it came behind */
		return first->response ? -1 : 1;
	return first < second ? -1 : first > second;
}

/* False without memory. */
static bool order_make(struct lua_recents *recents)
{
	recents->order = calloc(recents->count + 1, sizeof(recents->order[0]));
	if (recents->order == NULL)
		return false;
	for (size_t i = 0; i < recents->count; i++)
		recents->order[i] = &recents->list[i];
	qsort(recents->order, recents->count, sizeof(recents->order[0]), ages_compare);
	return true;
}

struct lua_recents *sluice_recents_open(uint32_t kinds, double seconds)
{
	struct lua_context *context = lua_abi_context();
	const struct recent *recent = context->hooks != NULL && context->hooks->recent != NULL
					      ? context->hooks->recent(context->hooks_ctx)
					      : NULL;
	struct lua_recents *made = calloc(1, sizeof(*made));
	if (made == NULL)
		return NULL;
	made->next = context->recents;
	made->link = &context->recents;
	if (made->next != NULL)
		made->next->link = &made->next;
	context->recents = made;
	const struct reading reading = {
		.recents = made,
		.now = clock_now(),
		.tsc_hz = (double)context->tsc_hz,
		.wall = (double)sluice_wall() / 1e6,
		.seconds = seconds,
	};
	bool done = true;
	progress_make();
	for (unsigned kind = 0; recent != NULL && done && kind < RECENT_KINDS; kind++)
		done = (kinds & 1u << kind) == 0 || kind_read(&reading, recent, kind);
	if (!done || !order_make(made)) {
		sluice_recents_free(made);
		return NULL;
	}
	progress_make();
	return made;
}

size_t sluice_recents_count(const struct lua_recents *recents)
{
	return recents->count;
}

const struct lua_recent *const *sluice_recents_array(const struct lua_recents *recents)
{
	return recents->order;
}

void sluice_recents_free(struct lua_recents *recents)
{
	*recents->link = recents->next;
	if (recents->next != NULL)
		recents->next->link = recents->link;
	suffixes_free(recents->suffixes);
	free(recents->order);
	free(recents->list);
	free(recents);
}

void lua_recents_free_all(struct lua_context *context)
{
	while (context->recents != NULL)
		sluice_recents_free(context->recents);
}

int sluice_file_new(const char *path, const char *text, size_t length)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	FILE *out = fd >= 0 ? fdopen(fd, "w") : NULL;
	if (out == NULL) {
		int error = -errno;
		if (fd >= 0)
			close(fd);
		return error;
	}
	bool written = fwrite(text, 1, length, out) == length;
	return fclose(out) == 0 && written ? 0 : -EIO;
}

/* ---- by suffix ---- */

/* dnsdist counts as a hit what no server was asked for, and as a drop what no server answered. */
static struct suffix_sums sums_of(const struct lua_recent *response)
{
	uint64_t weight = response->weight;
	uint8_t rcode = response->header.bytes[3] & 0x0f;
	struct suffix_sums sums = {
		.queries = weight,
		.bytes = weight * response->size,
		.hits = response->origin != 1 ? weight : 0,
	};
	if (rcode == DNS_RCODE_NOERROR)
		*(response->us == UINT32_MAX ? &sums.drops : &sums.noerrors) = weight;
	else if (rcode == DNS_RCODE_NXDOMAIN)
		sums.nxdomains = weight;
	else if (rcode == DNS_RCODE_SERVFAIL)
		sums.servfails = weight;
	return sums;
}

static bool suffixes_fill(struct lua_recents *recents)
{
	recents->suffixes = suffixes_new();
	if (recents->suffixes == NULL)
		return false;
	for (size_t i = 0; i < recents->count; i++) {
		const struct lua_recent *recent = &recents->list[i];
		struct suffix_sums sums = sums_of(recent);
		if (recent->response && recent->name.length > 0 &&
		    suffixes_add(recents->suffixes, recent->name.wire, recent->name.length,
				 &sums) != 0)
			return false;
	}
	return true;
}

/* Numbers as Lua has them. */
static struct lua_suffix_sums sums_read(const struct suffix_sums *sums)
{
	return (struct lua_suffix_sums){
		.queries = (double)sums->queries,
		.noerrors = (double)sums->noerrors,
		.nxdomains = (double)sums->nxdomains,
		.servfails = (double)sums->servfails,
		.drops = (double)sums->drops,
		.bytes = (double)sums->bytes,
		.hits = (double)sums->hits,
	};
}

bool sluice_recents_suffix(struct lua_recents *recents, struct lua_suffix *suffix)
{
	struct suffix_node node;
	if ((recents->suffixes == NULL && !suffixes_fill(recents)) ||
	    !suffixes_next(recents->suffixes, &node))
		return false;
	if (recents->visited == NODES_MAX)
		log_warning("a walk over the suffixes of names ends after %u of them", NODES_MAX);
	if (recents->visited >= NODES_MAX)
		return false;
	if (recents->visited++ % NODES_EACH == 0)
		progress_make();
	suffix->own = sums_read(&node.own);
	suffix->all = sums_read(&node.all);
	suffix->labels = node.labels;
	suffix->children = node.children;
	suffix->length = node.length;
	memcpy(suffix->name, node.name, node.length);
	int length = node.labels > 0
			     ? dns_name_print(node.name, suffix->text, sizeof(suffix->text), true)
			     : 0;
	suffix->text_length = length > 0 ? (uint32_t)length : 0;
	suffix->text[suffix->text_length] = '\0';
	suffix->action = -1;
	suffix->reason_length = 0;
	return true;
}
