/* SPDX-License-Identifier: BSD-2-Clause */
#include "control/export/exporter.h"

#include <errno.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "control/export/encode.h"
#include "control/log/log.h"
#include "dataplane/clock.h"
#include "dataplane/stats.h"

#define SECOND 1000000000u /* nanoseconds */
#define NAP_NS 2000000	   /* while nothing comes: a ring holds as much as comes meanwhile */
#define APART_NS 1000000u /* between the clock and what we say it is */
#define BURST 256u	   /* of one ring before the next one's turn */
#define OUT_SIZE (300u << 10) /* bytes: more than a record becomes */
#define PARTING_MS 300u	   /* to send what waits at the end */
#define POOLS 65536u

struct pool_name {
	size_t length;
	char text[];
};

/* A collector or a server. */
struct target {
	enum exporter_kind kind;
	char *name;
	struct sockaddr_storage local;
	struct export_link_options options;
	atomic_uint n_links;
	/* The thread's, but that others may read the counters. */
	unsigned turn; /* the link whose turn it is */
	/* By link, in which of the exporter's turns it last was turned for room, and had none. */
	uint64_t turned[EXPORT_CONNECTIONS], choked[EXPORT_CONNECTIONS];
	bool told;     /* that it is not connected */
	uint64_t queued, full, too_large;
	uint64_t sent, connects, failures; /* as the links have them together */
	atomic_uint connected;
	struct export_link links[EXPORT_CONNECTIONS];
	struct copies copies;
};

struct exporter {
	struct export_ring **rings;
	unsigned n_rings;
	atomic_uint n_targets, n_forms;
	atomic_bool stop;
	sem_t work; /* there is somebody to send to now, or the end has come */
	pthread_t thread;
	struct export_world world;	/* the thread's, as: */
	struct export_encoder *encoder;
	uint64_t now; /* milliseconds, monotonic */
	uint64_t turns;
	struct target *targets[EXPORT_LOGGERS];
	struct export_form *forms[EXPORT_FORMS];
	_Atomic(struct pool_name *) pools[POOLS];
	uint8_t out[OUT_SIZE];
};

/* ---- the thread ---- */

static const char *pool_name(void *ctx, uint16_t pool, size_t *length)
{
	struct exporter *exporter = ctx;
	const struct pool_name *name = atomic_load(&exporter->pools[pool]);
	*length = name != NULL ? name->length : 0;
	return name != NULL ? name->text : NULL;
}

/* What is full gets one chance a turn: neither encoding nor system calls for what is lost anyway. */
static bool link_put(struct exporter *exporter, struct target *target, unsigned number,
		     size_t length)
{
	struct export_link *link = &target->links[number];
	if (export_link_put(link, exporter->out, length))
		return true;
	if (link->state == LINK_OPEN && target->turned[number] != exporter->turns) {
		target->turned[number] = exporter->turns;
		export_link_turn(link, exporter->now);
		if (export_link_put(link, exporter->out, length))
			return true;
	}
	target->choked[number] = exporter->turns;
	return false;
}

static void message_queue(struct exporter *exporter, struct target *target, unsigned number,
			  size_t length)
{
	if (length == 0 || length > export_link_message_max(target->options.framing)) {
		stats_add(&target->too_large, 1);
		return;
	}
	stats_add(link_put(exporter, target, number, length) ? &target->queued : &target->full, 1);
}

static size_t encode(struct exporter *exporter, const struct export_form *form,
		     const struct export_record *record)
{
	if (form->encoding == EXPORT_PROTOBUF)
		return export_protobuf(exporter->encoder, form, record, &exporter->world,
				       exporter->out, OUT_SIZE);
	return export_dnstap(form, record, &exporter->world, exporter->out, OUT_SIZE);
}

static void record_send(struct exporter *exporter, const struct export_record *record)
{
	const struct export_form *form = exporter->forms[record->form];
	struct target *target = exporter->targets[form->logger];
	if (form->encoding == EXPORT_COPY) {
		copies_send(&target->copies, form, record, exporter->out, OUT_SIZE);
		return;
	}
	unsigned number = target->turn++ % atomic_load(&target->n_links);
	if (target->choked[number] == exporter->turns)
		stats_add(&target->full, 1);
	else
		message_queue(exporter, target, number, encode(exporter, form, record));
}

static unsigned ring_drain(struct exporter *exporter, struct export_ring *ring)
{
	const struct export_record *record;
	unsigned count = 0;
	while (count < BURST && (record = export_peek(ring)) != NULL) {
		record_send(exporter, record);
		export_done(ring, record);
		count++;
	}
	return count;
}

/*
 * A query has the same time whenever it is told of, so that its response can be matched with it: the
 * moment by which time is told stays until the clocks are apart.
 */
static void time_look(struct exporter *exporter)
{
	struct timespec now;
	uint64_t tsc = clock_now();
	clock_gettime(CLOCK_REALTIME, &now);
	uint64_t wall = (uint64_t)now.tv_sec * SECOND + (uint64_t)now.tv_nsec;
	uint64_t told = export_wall(&exporter->world, tsc);
	if ((told > wall ? told - wall : wall - told) > APART_NS) {
		exporter->world.wall = wall;
		exporter->world.tsc = tsc;
	}
	clock_gettime(CLOCK_MONOTONIC, &now);
	exporter->now = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* Once when it goes, and once when it is there. */
static void tell(struct target *target, uint64_t failures, unsigned connected)
{
	if (connected > 0 && target->told) {
		log_info("export to %s: connected", target->name);
		target->told = false;
	} else if (connected == 0 && failures != target->failures && !target->told) {
		log_warning("export to %s: there is no connection, it is tried again", target->name);
		target->told = true;
	}
}

static void target_turn(struct exporter *exporter, struct target *target)
{
	unsigned links = atomic_load(&target->n_links), connected = 0;
	uint64_t sent = 0, connects = 0, failures = 0;
	if (target->kind == EXPORTER_COPIES) {
		copies_receive(&target->copies);
		return;
	}
	for (unsigned i = 0; i < links; i++) {
		struct export_link *link = &target->links[i];
		export_link_turn(link, exporter->now);
		connected += link->state == LINK_OPEN;
		sent += link->sent;
		connects += link->connects;
		failures += link->failures;
	}
	tell(target, failures, connected);
	__atomic_store_n(&target->sent, sent, __ATOMIC_RELAXED);
	__atomic_store_n(&target->connects, connects, __ATOMIC_RELAXED);
	__atomic_store_n(&target->failures, failures, __ATOMIC_RELAXED);
	atomic_store(&target->connected, connected);
}

/* One look at all rings and connections; how many records there were. */
static unsigned turn(struct exporter *exporter)
{
	unsigned count = 0, targets = atomic_load(&exporter->n_targets);
	exporter->turns++;
	time_look(exporter);
	for (unsigned i = 0; i < exporter->n_rings; i++)
		count += ring_drain(exporter, exporter->rings[i]);
	for (unsigned i = 0; i < targets; i++)
		target_turn(exporter, exporter->targets[i]);
	return count;
}

static void nap(void)
{
	const struct timespec time = {.tv_nsec = NAP_NS};
	nanosleep(&time, NULL);
}

static void *run(void *argument)
{
	struct exporter *exporter = argument;
	while (sem_wait(&exporter->work) < 0 && errno == EINTR)
		;
	while (!atomic_load(&exporter->stop))
		if (turn(exporter) == 0)
			nap();
	return NULL;
}

/* ---- the control lcore's part ---- */

static int rings_create(struct exporter *exporter, unsigned n_lcores)
{
	exporter->rings = calloc(n_lcores, sizeof(struct export_ring *));
	while (exporter->rings != NULL && exporter->n_rings < n_lcores) {
		/* Pages that nobody writes cost nothing. */
		void *ring = NULL;
		if (posix_memalign(&ring, RTE_CACHE_LINE_SIZE, sizeof(struct export_ring)) != 0)
			break;
		exporter->rings[exporter->n_rings++] = ring;
		memset(ring, 0, offsetof(struct export_ring, bytes));
	}
	return exporter->n_rings == n_lcores ? 0 : -ENOMEM;
}

struct exporter *exporter_create(unsigned n_lcores, uint64_t tsc_hz, exporter_start_fn *start)
{
	struct exporter *exporter = calloc(1, sizeof(*exporter));
	if (exporter == NULL)
		return NULL;
	sem_init(&exporter->work, 0, 0);
	exporter->world = (struct export_world){
		.tsc_hz = tsc_hz, .pool_name = pool_name, .ctx = exporter};
	exporter->encoder = export_encoder_new();
	if (exporter->encoder == NULL || rings_create(exporter, n_lcores) != 0 ||
	    start(&exporter->thread, run, exporter) != 0) {
		atomic_store(&exporter->stop, true);
		exporter_destroy(exporter);
		return NULL;
	}
	return exporter;
}

static bool waits(struct exporter *exporter)
{
	for (unsigned i = 0; i < atomic_load(&exporter->n_targets); i++)
		for (unsigned l = 0; l < atomic_load(&exporter->targets[i]->n_links); l++) {
			const struct export_link *link = &exporter->targets[i]->links[l];
			if (link->state == LINK_OPEN && export_link_waiting(link) > 0)
				return true;
		}
	return false;
}

/* What is on rings and on its way, for a while: a collector that does not read holds up nobody. */
static void parting(struct exporter *exporter)
{
	while (turn(exporter) > 0)
		;
	uint64_t until = exporter->now + PARTING_MS;
	while (waits(exporter) && exporter->now < until) {
		nap();
		turn(exporter);
	}
}

static void target_close(struct target *target)
{
	size_t unsent = 0;
	unsigned links = atomic_exchange(&target->n_links, 0);
	for (unsigned i = 0; i < links; i++) {
		unsent += export_link_waiting(&target->links[i]);
		export_link_finish(&target->links[i]);
		export_link_free(&target->links[i]);
	}
	copies_close(&target->copies);
	if (unsent > 0)
		log_warning("export to %s: %zu bytes were not sent", target->name, unsent);
}

static void target_free(struct target *target)
{
	target_close(target);
	free(target->name);
	free(target);
}

void exporter_destroy(struct exporter *exporter)
{
	if (exporter == NULL)
		return;
	if (!atomic_exchange(&exporter->stop, true)) {
		sem_post(&exporter->work);
		pthread_join(exporter->thread, NULL);
		parting(exporter);
	}
	for (unsigned i = 0; i < atomic_load(&exporter->n_targets); i++)
		target_free(exporter->targets[i]);
	for (unsigned i = 0; i < atomic_load(&exporter->n_forms); i++)
		export_form_free(exporter->forms[i]);
	for (unsigned i = 0; i < POOLS; i++)
		free(exporter->pools[i]);
	for (unsigned i = 0; i < exporter->n_rings; i++)
		free(exporter->rings[i]);
	free(exporter->rings);
	export_encoder_free(exporter->encoder);
	sem_destroy(&exporter->work);
	free(exporter);
}

struct export_ring *exporter_ring(struct exporter *exporter, unsigned lcore)
{
	return lcore < exporter->n_rings ? exporter->rings[lcore] : NULL;
}

static bool is_target(const struct target *target, const struct exporter_logger *logger)
{
	return target->kind == logger->kind && strcmp(target->name, logger->name) == 0 &&
	       memcmp(&target->local, &logger->local, sizeof(logger->local)) == 0;
}

static void options_set(struct target *target, const struct exporter_logger *logger)
{
	unsigned links = logger->connections;
	target->options.queue = RTE_MAX(logger->queue, EXPORT_QUEUE_MIN);
	target->options.connect_ms = logger->connect_ms;
	target->options.reconnect_ms = logger->reconnect_ms;
	target->options.stall_ms = logger->stall_ms;
	if (logger->kind == EXPORTER_COPIES)
		return;
	/* Those that there are stay. */
	links = RTE_MIN(links, EXPORT_CONNECTIONS);
	links = RTE_MAX(links, 1u);
	for (unsigned i = atomic_load(&target->n_links); i < links; i++) {
		export_link_init(&target->links[i], &target->options);
		atomic_store(&target->n_links, i + 1);
	}
}

static struct target *target_new(const struct exporter_logger *logger, int *error)
{
	struct target *target = calloc(1, sizeof(*target));
	*error = -ENOMEM;
	if (target == NULL)
		return NULL;
	target->copies.fd = -1;
	target->kind = logger->kind;
	target->local = logger->local;
	target->options.address = logger->address;
	target->options.address_size = logger->address_size;
	target->options.framing = logger->kind == EXPORTER_FRAMES ? LINK_FRAMES : LINK_LENGTHS;
	target->name = strdup(logger->name);
	if (target->name == NULL)
		goto failed;
	*error = 0;
	if (logger->kind == EXPORTER_COPIES)
		*error = copies_open(&target->copies, &logger->address, &logger->local,
				     logger->address_size);
	if (*error != 0)
		goto failed;
	options_set(target, logger);
	return target;
failed:
	target_free(target);
	return NULL;
}

int exporter_logger(struct exporter *exporter, const struct exporter_logger *logger)
{
	unsigned count = atomic_load(&exporter->n_targets);
	int error;
	for (unsigned number = 0; number < count; number++)
		if (is_target(exporter->targets[number], logger)) {
			options_set(exporter->targets[number], logger);
			return (int)number;
		}
	if (count == EXPORT_LOGGERS)
		return -ENOSPC;
	exporter->targets[count] = target_new(logger, &error);
	if (exporter->targets[count] == NULL)
		return error;
	atomic_store(&exporter->n_targets, count + 1);
	if (count == 0)
		sem_post(&exporter->work);
	return (int)count;
}

int exporter_form(struct exporter *exporter, enum export_encoding encoding, uint8_t logger,
		  uint8_t flags, const struct export_setting *settings, unsigned n_settings,
		  struct rule_export *made)
{
	unsigned number = 0, count = atomic_load(&exporter->n_forms);
	while (number < count && !export_form_is(exporter->forms[number], encoding, logger, flags,
						 settings, n_settings))
		number++;
	if (number == EXPORT_FORMS)
		return -ENOSPC;
	if (number == count) {
		exporter->forms[number] =
			export_form_new(encoding, logger, flags, settings, n_settings);
		if (exporter->forms[number] == NULL)
			return -errno;
		atomic_store(&exporter->n_forms, number + 1);
	}
	*made = (struct rule_export){(uint16_t)number, logger, exporter->forms[number]->parts};
	return 0;
}

void exporter_pool(struct exporter *exporter, uint16_t pool, const char *name, size_t length)
{
	if (atomic_load(&exporter->pools[pool]) != NULL)
		return;
	struct pool_name *made = malloc(sizeof(*made) + length);
	if (made == NULL)
		return;
	made->length = length;
	memcpy(made->text, name, length);
	atomic_store(&exporter->pools[pool], made);
}

/* ---- what is known ---- */

unsigned exporter_count(const struct exporter *exporter)
{
	return exporter != NULL ? atomic_load(&exporter->n_targets) : 0;
}

const char *exporter_name(const struct exporter *exporter, unsigned number,
			  enum exporter_kind *kind)
{
	*kind = exporter->targets[number]->kind;
	return exporter->targets[number]->name;
}

void exporter_stats(const struct exporter *exporter, unsigned number,
		    struct exporter_stats *stats)
{
	const struct target *target = exporter->targets[number];
	*stats = (struct exporter_stats){
		.queued = stats_read(&target->queued),
		.sent = stats_read(&target->sent),
		.full = stats_read(&target->full),
		.too_large = stats_read(&target->too_large),
		.connects = stats_read(&target->connects),
		.failures = stats_read(&target->failures),
		.connected = atomic_load(&target->connected),
	};
	for (unsigned i = 0; i < exporter->n_rings; i++)
		stats->lost += stats_read(&exporter->rings[i]->lost[number]);
	for (unsigned i = 0; i < COPIES_COUNT; i++)
		stats->copies[i] = stats_read(&target->copies.counters[i]);
}
