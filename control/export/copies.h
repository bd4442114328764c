/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Copies of queries to another server, over UDP: its answers are counted and go nowhere. The
 * exporter's thread alone, but for the counters.
 */
#ifndef SLUICE_CONTROL_EXPORT_COPIES_H
#define SLUICE_CONTROL_EXPORT_COPIES_H

#include <sys/socket.h>

#include "control/export/form.h"

/* In the order in which dnsdist shows them. */
#define COPIES_COUNTERS(X)                                                                         \
	X(FORMERR, "formerrs", "answers FORMERR")                                                  \
	X(NOERROR, "noerrors", "answers NOERROR")                                                  \
	X(NOTIMP, "notimps", "answers NOTIMP")                                                     \
	X(NXDOMAIN, "nxdomains", "answers NXDOMAIN")                                               \
	X(OTHER_RCODE, "other-rcode", "answers with another rcode")                                \
	X(QUERIES, "queries", "copies that were to be sent")                                       \
	X(RECV_ERRORS, "recv-errors", "answers that could not be received, or are none")           \
	X(REFUSED, "refuseds", "answers REFUSED")                                                  \
	X(RESPONSES, "responses", "answers, all in all")                                           \
	X(SEND_ERRORS, "send-errors", "copies that could not be sent")                             \
	X(SERVFAIL, "servfails", "answers SERVFAIL")                                               \
	X(TCP_DROPS, "tcp-drops", "queries over TCP, which are not copied")

enum copies_counter {
#define X(name, text, help) COPIES_##name,
	COPIES_COUNTERS(X)
#undef X
	COPIES_COUNT,
};

extern const char *const copies_names[COPIES_COUNT];

struct copies {
	int fd; /* -1: not open */
	uint64_t counters[COPIES_COUNT];
};

/* `local` may be of no family: any address. 0 or -errno. */
int copies_open(struct copies *copies, const struct sockaddr_storage *remote,
		const struct sockaddr_storage *local, socklen_t size);
void copies_close(struct copies *copies);

/* `to` has `room` bytes to make the copy in. */
void copies_send(struct copies *copies, const struct export_form *form,
		 const struct export_record *record, uint8_t *to, size_t room);

/* Takes what answers there are. */
void copies_receive(struct copies *copies);

#endif
