/* SPDX-License-Identifier: BSD-2-Clause */
/* What the exporter's thread (exporter.c) and the control lcore (uses.c) share. */
#ifndef SLUICE_CONTROL_EXPORT_TARGETS_H
#define SLUICE_CONTROL_EXPORT_TARGETS_H

#include <semaphore.h>
#include <stdatomic.h>

#include "control/export/encode.h"
#include "control/export/exporter.h"

#define OUT_SIZE (300u << 10) /* bytes: more than a record becomes */
#define POOLS 65536u

struct pool_name {
	size_t length;
	char text[];
};

/* Free ones and those gone are for the control lcore to fill, those going for the thread to close. */
enum slot_state {
	SLOT_FREE,
	SLOT_NAMED, /* by a policy that is not in force yet: the thread does not look at it */
	SLOT_USED,
	SLOT_GOING,
	SLOT_GONE,
};

struct slot {
	atomic_uint state; /* enum slot_state */
	unsigned users;	   /* policies; the control lcore's */
};

/* A collector or a server. */
struct target {
	enum exporter_kind kind;
	char *name;
	struct sockaddr_storage local;
	struct export_link_options options;
	struct exporter_logger wanted; /* what the last policy said that named it, but for the name */
	uint64_t lost_before;	       /* by others that had its number */
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
	bool woken;
	atomic_bool stop, goes; /* a slot is going that the thread has not seen */
	sem_t work; /* there is somebody to send to now, or the end has come */
	pthread_t thread;
	struct export_world world;	/* the thread's, as: */
	struct export_encoder *encoder;
	uint64_t now; /* milliseconds, monotonic */
	uint64_t turns;
	bool sweeping;
	uint64_t sweep_until;	    /* what waits for a connection has time */
	struct exporter_uses sweep; /* what is closed when the rings have come past the marks */
	uint32_t *marks;
	struct slot target_slots[EXPORT_LOGGERS], form_slots[EXPORT_FORMS];
	struct target *targets[EXPORT_LOGGERS];
	struct export_form *forms[EXPORT_FORMS];
	_Atomic(struct pool_name *) pools[POOLS];
	uint8_t out[OUT_SIZE];
};

static inline bool uses_has(const uint64_t *bits, unsigned number)
{
	return bits[number / 64] >> number % 64 & 1;
}

static inline void uses_add(uint64_t *bits, unsigned number)
{
	bits[number / 64] |= (uint64_t)1 << number % 64;
}

/* What was not sent is told. By the thread, or where it does not know the target. */
void export_target_close(struct target *target);
void export_target_free(struct target *target); /* NULL is nothing */

#endif
