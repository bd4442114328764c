/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The console's wire, on a unix stream socket. A request is the length of its text, four bytes in
 * network order, and the text; a reply is the length of what follows, a status byte and the text.
 * One request at a time is answered, in their order.
 */
#ifndef SLUICE_CONTROL_CONSOLE_FRAME_H
#define SLUICE_CONTROL_CONSOLE_FRAME_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define CONSOLE_SOCKET_DEFAULT "/run/sluice/console.sock"
#define CONSOLE_HEAD_SIZE 4u
#define CONSOLE_REQUEST_MAX (64u << 10)	  /* bytes of text */
#define CONSOLE_REPLY_MAX (1u << 20)	  /* bytes of text; what is longer is cut, and says so */

enum console_status {
	CONSOLE_OK,
	CONSOLE_ERROR,	 /* the text raised an error, or is none */
	CONSOLE_REFUSED, /* not run; the connection ends */
};

/*
 * Whether `have` bytes begin with a whole frame whose body has at most `most` bytes: the body's
 * length, its bytes being those after CONSOLE_HEAD_SIZE. -EAGAIN: more has to come; -EMSGSIZE: it
 * is longer than that, which is said as soon as the head is there.
 */
ssize_t console_frame_body(const uint8_t *data, size_t have, size_t most);

/* Writes a head for a body of this length. */
void console_frame_head(uint8_t head[static CONSOLE_HEAD_SIZE], size_t length);

#endif
