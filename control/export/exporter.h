/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Collectors of queries and responses, servers that get copies of queries, and the thread that sends
 * to them: not an lcore, so that a slow network makes nobody wait. They live as long as a policy names
 * them; one that is named again, as a policy does that is loaded anew, keeps number and connection.
 * All but the thread itself is for the control lcore.
 */
#ifndef SLUICE_CONTROL_EXPORT_EXPORTER_H
#define SLUICE_CONTROL_EXPORT_EXPORTER_H

#include <pthread.h>

#include "control/export/copies.h"
#include "control/export/form.h"
#include "control/export/connection.h"

#define EXPORT_CONNECTIONS 16u /* to one collector */
#define EXPORT_FORMS 4096u
#define EXPORT_QUEUE_MIN (128u << 10) /* bytes that may always wait for a connection */

enum exporter_kind {
	EXPORTER_LENGTHS, /* a collector that speaks as PowerDNS's do */
	EXPORTER_FRAMES,  /* one that speaks Frame Streams */
	EXPORTER_COPIES,  /* a server */
};

struct exporter_logger {
	enum exporter_kind kind;
	const char *name; /* as people know it: an address and port, or a path */
	struct sockaddr_storage address, local;
	socklen_t address_size;
	uint32_t queue; /* bytes; at least EXPORT_QUEUE_MIN are taken */
	uint32_t connect_ms, reconnect_ms, stall_ms;
	unsigned connections;
};

struct exporter_stats {
	uint64_t queued;    /* messages that were to be sent */
	uint64_t sent;	    /* that went whole */
	uint64_t full;	    /* that found too many waiting */
	uint64_t too_large; /* for what is between us and the collector */
	uint64_t lost;	    /* records that found no room on a ring */
	uint64_t connects, failures; /* of connections */
	unsigned connected;	     /* connections that are */
	uint64_t copies[COPIES_COUNT];
};

struct exporter;

/* What a policy has named. Cleared it is nothing. */
struct exporter_uses {
	struct exporter_uses *next; /* the caller's */
	bool settled;
	uint64_t targets[EXPORT_LOGGERS / 64], forms[EXPORT_FORMS / 64];
};

/* As pthread_create() without attributes: 0 or what is wrong. */
typedef int exporter_start_fn(pthread_t *thread, void *(*run)(void *), void *argument);

/* Rings for that many lcores. `tsc_hz`: units of a record's time in a second. NULL: errno. */
struct exporter *exporter_create(unsigned n_lcores, uint64_t tsc_hz, exporter_start_fn *start);

/* Sends what waits, as far as that goes at once. NULL is nothing. */
void exporter_destroy(struct exporter *exporter);

struct export_ring *exporter_ring(struct exporter *exporter, unsigned lcore);

/* The number of a collector or server. -errno; -ENOSPC: there are too many. */
int exporter_logger(struct exporter *exporter, struct exporter_uses *uses,
		    const struct exporter_logger *logger);

/* What an action is to say; as export_form_new(). 0 or -errno. */
int exporter_form(struct exporter *exporter, struct exporter_uses *uses,
		  enum export_encoding encoding, uint8_t logger, uint8_t flags,
		  const struct export_setting *settings, unsigned count, struct rule_export *made);

/*
 * The policy comes into force: only now, so that one that is refused changes nothing, its collectors
 * are connected to and what it says of others counts; what it names later does at once.
 */
void exporter_settle(struct exporter *exporter, struct exporter_uses *uses);

/* No worker has rules of the policy any more. What nobody else uses goes, once its records are sent. */
void exporter_release(struct exporter *exporter, const struct exporter_uses *uses);

/* Pools have names only by what is said here; a number keeps its first. */
void exporter_pool(struct exporter *exporter, uint16_t pool, const char *name, size_t length);

/* Numbers are below this; NULL is the name of one that nobody uses. What is known of each other. */
unsigned exporter_count(const struct exporter *exporter);
const char *exporter_name(const struct exporter *exporter, unsigned number,
			  enum exporter_kind *kind);
void exporter_stats(const struct exporter *exporter, unsigned number,
		    struct exporter_stats *stats);

#endif
