/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A connection to a collector, with the messages that wait for it. Nothing here waits: a link is looked
 * at in turns. One that breaks or stalls is made anew, and begins with the message that was not sent
 * whole. The exporter's thread alone.
 */
#ifndef SLUICE_CONTROL_EXPORT_CONNECTION_H
#define SLUICE_CONTROL_EXPORT_CONNECTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#define LINK_FRAME_HEAD 4u /* at most: what is before a message */

/* How messages are told apart on a connection. */
enum export_link_framing {
	LINK_LENGTHS, /* two bytes of length before each: what PowerDNS speaks */
	LINK_FRAMES,  /* Frame Streams, both ways, with dnstap in them */
};

struct export_link_options {
	struct sockaddr_storage address;
	socklen_t address_size;
	enum export_link_framing framing;
	/* The control lcore may change these at any time. */
	_Atomic uint32_t queue;	       /* bytes that may wait */
	_Atomic uint32_t connect_ms;   /* to be connected in */
	_Atomic uint32_t reconnect_ms; /* from one try to the next */
	_Atomic uint32_t stall_ms;     /* without progress, then it is given up; 0: never */
};

enum export_link_state { LINK_CLOSED, LINK_CONNECTING, LINK_GREETED, LINK_OPEN };

struct export_link {
	const struct export_link_options *options;
	int fd;
	enum export_link_state state;
	uint64_t since;	   /* milliseconds, of the state; of LINK_OPEN: of the last progress */
	bool tried;	   /* once at least */
	uint8_t *bytes;	   /* messages, each framed */
	size_t first;	   /* where the first one begins that is not sent whole */
	size_t next;	   /* the next byte to be sent */
	size_t end, size;
	size_t heard;	   /* bytes of what the other end says */
	uint8_t said[8 + 512];
	uint64_t sent;	   /* messages */
	uint64_t connects; /* times it got through */
	uint64_t failures; /* times it did not, or broke */
};

void export_link_init(struct export_link *link, const struct export_link_options *options);
void export_link_free(struct export_link *link);

/* Queues a message. False: what waits already leaves no room. */
bool export_link_put(struct export_link *link, const uint8_t *message, size_t length);

/* Goes on with whatever there is to do; `now` in milliseconds. */
void export_link_turn(struct export_link *link, uint64_t now);

/* The largest message that the framing allows. */
size_t export_link_message_max(enum export_link_framing framing);

/* Says good-bye, where that is usual. */
void export_link_finish(struct export_link *link);

static inline size_t export_link_waiting(const struct export_link *link)
{
	return link->end - link->first;
}

#endif
