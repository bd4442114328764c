/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * DNS messages in a stream: each after its length in two bytes (RFC 1035, section 4.2.2), split
 * wherever the network likes (RFC 7766, section 8). What has come of a message that is not whole is
 * kept, and takes no more than twice the memory of the bytes that have come.
 */
#ifndef SLUICE_CONTROL_TCP_FRAME_H
#define SLUICE_CONTROL_TCP_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TCP_FRAME_HEAD 2u /* bytes of a length */
#define TCP_FRAME_MAX (TCP_FRAME_HEAD + UINT16_MAX)

enum tcp_frame {
	TCP_FRAME_PART,	   /* not whole yet */
	TCP_FRAME_WHOLE,
	TCP_FRAME_GARBAGE, /* it will be no DNS message: too short for a header */
};

/* Bytes that wait for the rest. All zero: there are none. */
struct tcp_stash {
	uint8_t *bytes;
	uint32_t start, end; /* of what waits */
	uint32_t size;
};

/* What is in the stream by now. */
struct tcp_reader {
	const uint8_t *at;
	size_t left;
};

/* The next message; the reader moves past a whole one. */
enum tcp_frame tcp_frame_next(struct tcp_reader *reader, const uint8_t **message,
			      uint16_t *length);

/*
 * Whether what has come of the next message may become a query: a client that speaks another
 * protocol is found out by its first bytes, long before the length it seems to announce. `reply`: a
 * response rather than a query.
 */
bool tcp_frame_may_be(const struct tcp_reader *reader, bool reply);

/*
 * The stream, now that `length` more bytes have come: they themselves where nothing waits, else
 * what waits and them. False without memory. tcp_stash_close() is to follow.
 */
bool tcp_stash_open(struct tcp_stash *stash, const uint8_t *bytes, size_t length,
		    struct tcp_reader *reader);

/* Keeps what the reader left. False without memory. */
bool tcp_stash_close(struct tcp_stash *stash, const struct tcp_reader *reader);

void tcp_stash_free(struct tcp_stash *stash);

static inline uint32_t tcp_stash_waiting(const struct tcp_stash *stash)
{
	return stash->end - stash->start;
}

#endif
