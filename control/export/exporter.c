/* SPDX-License-Identifier: BSD-2-Clause */
#include "control/export/targets.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "control/log/log.h"
#include "dataplane/clock.h"
#include "dataplane/stats.h"

#define SECOND 1000000000u /* nanoseconds */
#define NAP_NS 2000000	   /* while nothing comes: a ring holds as much as comes meanwhile */
#define APART_NS 1000000u /* between the clock and what we say it is */
#define BURST 256u	   /* of one ring before the next one's turn */
#define PARTING_MS 300u	   /* to send what waits at the end */

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
	unsigned links = atomic_load(&target->n_links);
	unsigned number = links > 0 ? target->turn++ % links : 0;
	if (links == 0 || target->choked[number] == exporter->turns)
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

static bool target_waits(const struct target *target)
{
	for (unsigned i = 0; i < atomic_load(&target->n_links); i++)
		if (target->links[i].state == LINK_OPEN &&
		    export_link_waiting(&target->links[i]) > 0)
			return true;
	return false;
}

/* Marks come after states are read: no record that is made later is of what goes. */
static void sweep_begin(struct exporter *exporter)
{
	if (!atomic_exchange(&exporter->goes, false))
		return;
	exporter->sweep = (struct exporter_uses){0};
	for (unsigned i = 0; i < EXPORT_LOGGERS; i++)
		if (atomic_load(&exporter->target_slots[i].state) == SLOT_GOING)
			uses_add(exporter->sweep.targets, i);
	for (unsigned i = 0; i < EXPORT_FORMS; i++)
		if (atomic_load(&exporter->form_slots[i].state) == SLOT_GOING)
			uses_add(exporter->sweep.forms, i);
	for (unsigned i = 0; i < exporter->n_rings; i++)
		exporter->marks[i] =
			__atomic_load_n(&exporter->rings[i]->head, __ATOMIC_ACQUIRE);
	exporter->sweep_until = exporter->now + PARTING_MS;
	exporter->sweeping = true;
}

static bool sweep_waits(const struct exporter *exporter)
{
	for (unsigned i = 0; i < exporter->n_rings; i++)
		if ((int32_t)(exporter->rings[i]->tail - exporter->marks[i]) < 0)
			return true;
	for (unsigned i = 0; i < EXPORT_LOGGERS && exporter->now < exporter->sweep_until; i++)
		if (uses_has(exporter->sweep.targets, i) && target_waits(exporter->targets[i]))
			return true;
	return false;
}

static void sweep_turn(struct exporter *exporter)
{
	if (!exporter->sweeping) {
		sweep_begin(exporter);
		return;
	}
	if (sweep_waits(exporter))
		return;
	for (unsigned i = 0; i < EXPORT_LOGGERS; i++)
		if (uses_has(exporter->sweep.targets, i)) {
			export_target_close(exporter->targets[i]);
			atomic_store(&exporter->target_slots[i].state, SLOT_GONE);
		}
	for (unsigned i = 0; i < EXPORT_FORMS; i++)
		if (uses_has(exporter->sweep.forms, i))
			atomic_store(&exporter->form_slots[i].state, SLOT_GONE);
	exporter->sweeping = false;
}

/* One look at all rings and connections; how many records there were. */
static unsigned turn(struct exporter *exporter)
{
	unsigned count = 0;
	exporter->turns++;
	time_look(exporter);
	for (unsigned i = 0; i < exporter->n_rings; i++)
		count += ring_drain(exporter, exporter->rings[i]);
	for (unsigned i = 0; i < EXPORT_LOGGERS; i++) {
		unsigned state = atomic_load(&exporter->target_slots[i].state);
		if (state == SLOT_USED || state == SLOT_GOING)
			target_turn(exporter, exporter->targets[i]);
	}
	sweep_turn(exporter);
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
	exporter->marks = calloc(n_lcores, sizeof(*exporter->marks));
	return exporter->n_rings == n_lcores && exporter->marks != NULL ? 0 : -ENOMEM;
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

static bool waits(const struct exporter *exporter)
{
	for (unsigned i = 0; i < EXPORT_LOGGERS; i++)
		if (exporter->targets[i] != NULL && target_waits(exporter->targets[i]))
			return true;
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

void exporter_destroy(struct exporter *exporter)
{
	if (exporter == NULL)
		return;
	if (!atomic_exchange(&exporter->stop, true)) {
		sem_post(&exporter->work);
		pthread_join(exporter->thread, NULL);
		parting(exporter);
	}
	for (unsigned i = 0; i < EXPORT_LOGGERS; i++)
		export_target_free(exporter->targets[i]);
	for (unsigned i = 0; i < EXPORT_FORMS; i++)
		export_form_free(exporter->forms[i]);
	for (unsigned i = 0; i < POOLS; i++)
		free(exporter->pools[i]);
	for (unsigned i = 0; i < exporter->n_rings; i++)
		free(exporter->rings[i]);
	free(exporter->rings);
	free(exporter->marks);
	export_encoder_free(exporter->encoder);
	sem_destroy(&exporter->work);
	free(exporter);
}

struct export_ring *exporter_ring(struct exporter *exporter, unsigned lcore)
{
	return lcore < exporter->n_rings ? exporter->rings[lcore] : NULL;
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

