/* SPDX-License-Identifier: BSD-2-Clause */
/* Collectors, servers and forms come and go as policies name them. The control lcore's part. */
#include "control/export/targets.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/log/log.h"
#include "dataplane/stats.h"

void export_target_close(struct target *target)
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

void export_target_free(struct target *target)
{
	if (target == NULL)
		return;
	export_target_close(target);
	free(target->name);
	free(target);
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
	return target;
failed:
	export_target_free(target);
	return NULL;
}

/* ---- what policies use ---- */

/* A number that may be filled, or -1. */
static int slot_take(struct slot *slots, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		unsigned state = atomic_load(&slots[i].state);
		if (state == SLOT_FREE || state == SLOT_GONE)
			return (int)i;
	}
	return -1;
}

static void slot_use(struct slot *slot, uint64_t *bits, unsigned number)
{
	if (uses_has(bits, number))
		return;
	uses_add(bits, number);
	slot->users++;
}

static int target_make(struct exporter *exporter, const struct exporter_logger *logger)
{
	int error, number = slot_take(exporter->target_slots, EXPORT_LOGGERS);
	if (number < 0)
		return -ENOSPC;
	struct target *target = target_new(logger, &error);
	if (target == NULL)
		return error;
	for (unsigned i = 0; i < exporter->n_rings; i++)
		target->lost_before += stats_read(&exporter->rings[i]->lost[number]);
	export_target_free(exporter->targets[number]);
	exporter->targets[number] = target;
	atomic_store(&exporter->target_slots[number].state, SLOT_NAMED);
	return number;
}

/* The thread sleeps until there is something to do, which is never as a rule. */
static void wake(struct exporter *exporter)
{
	if (!exporter->woken)
		sem_post(&exporter->work);
	exporter->woken = true;
}

static void target_settle(struct exporter *exporter, unsigned number)
{
	options_set(exporter->targets[number], &exporter->targets[number]->wanted);
	atomic_store(&exporter->target_slots[number].state, SLOT_USED);
	wake(exporter);
}

int exporter_logger(struct exporter *exporter, struct exporter_uses *uses,
		    const struct exporter_logger *logger)
{
	int number = 0;
	while (number < (int)EXPORT_LOGGERS &&
	       (exporter->target_slots[number].users == 0 ||
		!is_target(exporter->targets[number], logger)))
		number++;
	if (number == (int)EXPORT_LOGGERS)
		number = target_make(exporter, logger);
	if (number < 0)
		return number;
	exporter->targets[number]->wanted = *logger;
	exporter->targets[number]->wanted.name = NULL;
	slot_use(&exporter->target_slots[number], uses->targets, (unsigned)number);
	if (uses->settled)
		target_settle(exporter, (unsigned)number);
	return number;
}

static int form_find(struct exporter *exporter, const struct export_form *form, unsigned count,
		     const struct export_setting *settings)
{
	for (unsigned i = 0; i < EXPORT_FORMS; i++)
		if (exporter->form_slots[i].users > 0 &&
		    export_form_is(exporter->forms[i], form->encoding, form->logger, form->flags,
				   settings, count))
			return (int)i;
	return slot_take(exporter->form_slots, EXPORT_FORMS);
}

int exporter_form(struct exporter *exporter, struct exporter_uses *uses,
		  enum export_encoding encoding, uint8_t logger, uint8_t flags,
		  const struct export_setting *settings, unsigned count, struct rule_export *made)
{
	struct export_form *form = export_form_new(encoding, logger, flags, settings, count);
	if (form == NULL)
		return -errno;
	int number = form_find(exporter, form, count, settings);
	*made = (struct rule_export){(uint16_t)number, logger, form->parts};
	if (number < 0 || exporter->form_slots[number].users > 0) {
		export_form_free(form);
	} else {
		export_form_free(exporter->forms[number]);
		exporter->forms[number] = form;
		atomic_store(&exporter->form_slots[number].state, SLOT_USED);
	}
	if (number < 0)
		return -ENOSPC;
	slot_use(&exporter->form_slots[number], uses->forms, (unsigned)number);
	return 0;
}

void exporter_settle(struct exporter *exporter, struct exporter_uses *uses)
{
	for (unsigned i = 0; i < EXPORT_LOGGERS; i++)
		if (uses_has(uses->targets, i))
			target_settle(exporter, i);
	uses->settled = true;
}

static void target_leave(struct exporter *exporter, unsigned number)
{
	struct slot *slot = &exporter->target_slots[number];
	if (--slot->users > 0)
		return;
	/* What never was in force the thread does not know. */
	atomic_store(&slot->state,
		     atomic_load(&slot->state) == SLOT_NAMED ? SLOT_GONE : SLOT_GOING);
	if (atomic_load(&slot->state) == SLOT_GONE)
		export_target_close(exporter->targets[number]);
}

void exporter_release(struct exporter *exporter, const struct exporter_uses *uses)
{
	for (unsigned i = 0; i < EXPORT_FORMS; i++)
		if (uses_has(uses->forms, i) && --exporter->form_slots[i].users == 0)
			atomic_store(&exporter->form_slots[i].state, SLOT_GOING);
	for (unsigned i = 0; i < EXPORT_LOGGERS; i++)
		if (uses_has(uses->targets, i))
			target_leave(exporter, i);
	atomic_store(&exporter->goes, true);
	wake(exporter);
}

/* ---- what is known ---- */

unsigned exporter_count(const struct exporter *exporter)
{
	unsigned count = exporter != NULL ? EXPORT_LOGGERS : 0;
	while (count > 0 && exporter->target_slots[count - 1].users == 0)
		count--;
	return count;
}

const char *exporter_name(const struct exporter *exporter, unsigned number,
			  enum exporter_kind *kind)
{
	if (exporter->target_slots[number].users == 0)
		return NULL;
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
	stats->lost -= target->lost_before;
	for (unsigned i = 0; i < COPIES_COUNT; i++)
		stats->copies[i] = stats_read(&target->copies.counters[i]);
}
