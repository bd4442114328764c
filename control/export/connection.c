/* SPDX-License-Identifier: BSD-2-Clause */
#include "control/export/connection.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_common.h>

#include "control/export/frames.h"

#define RECONNECT_MIN_MS 100u /* from one try to the next, whatever is asked for */
#define GROWTH 65536u /* bytes of memory for what waits, at first */

void export_link_init(struct export_link *link, const struct export_link_options *options)
{
	*link = (struct export_link){.options = options, .fd = -1};
}

void export_link_free(struct export_link *link)
{
	if (link->fd >= 0)
		close(link->fd);
	free(link->bytes);
}

size_t export_link_message_max(enum export_link_framing framing)
{
	return framing == LINK_LENGTHS ? UINT16_MAX : 256u << 10;
}

/* ---- messages that wait ---- */

static bool room_make(struct export_link *link, size_t need)
{
	if (link->size - link->end >= need)
		return true;
	if (link->first > 0) /* or there may be no memory yet */
		memmove(link->bytes, link->bytes + link->first, link->end - link->first);
	link->end -= link->first;
	link->next -= link->first;
	link->first = 0;
	if (link->size - link->end >= need)
		return true;
	size_t size = link->size == 0 ? GROWTH : link->size;
	while (size - link->end < need)
		size *= 2;
	uint8_t *larger = realloc(link->bytes, size);
	if (larger == NULL)
		return false;
	link->bytes = larger;
	link->size = size;
	return true;
}

bool export_link_put(struct export_link *link, const uint8_t *message, size_t length)
{
	size_t head = link->options->framing == LINK_LENGTHS ? 2 : 4;
	if (export_link_waiting(link) + head + length > link->options->queue ||
	    !room_make(link, head + length))
		return false;
	uint8_t *to = link->bytes + link->end;
	for (size_t i = 0; i < head; i++)
		to[i] = (uint8_t)(length >> 8 * (head - 1 - i));
	memcpy(to + head, message, length);
	link->end += head + length;
	return true;
}

static size_t frame_size(const struct export_link *link)
{
	const uint8_t *at = link->bytes + link->first;
	if (link->options->framing == LINK_LENGTHS)
		return 2 + ((size_t)at[0] << 8 | at[1]);
	return 4 + ((size_t)at[0] << 24 | (size_t)at[1] << 16 | (size_t)at[2] << 8 | at[3]);
}

/* The first `count` bytes more have gone. */
static void advance(struct export_link *link, size_t count)
{
	link->next += count;
	while (link->first < link->next) {
		size_t size = frame_size(link);
		if (link->next - link->first < size)
			return;
		link->first += size;
		link->sent++;
	}
	if (link->first == link->end)
		link->first = link->next = link->end = 0;
}

/* ---- the connection ---- */

static void state_set(struct export_link *link, enum export_link_state state, uint64_t now)
{
	link->state = state;
	link->since = now;
}

static void broken(struct export_link *link, uint64_t now)
{
	close(link->fd);
	link->fd = -1;
	link->next = link->first;
	link->failures++;
	state_set(link, LINK_CLOSED, now);
}

/* Little is said this way, to a socket that is empty. */
static bool say(struct export_link *link, enum frames_control control)
{
	uint8_t frame[FRAMES_CONTROL_MAX];
	size_t length = frames_write(control, frame);
	return send(link->fd, frame, length, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)length;
}

static void opened(struct export_link *link, uint64_t now)
{
	link->connects++;
	state_set(link, LINK_OPEN, now);
}

static void connected(struct export_link *link, uint64_t now)
{
	link->heard = 0;
	if (link->options->framing == LINK_LENGTHS)
		opened(link, now);
	else if (say(link, FRAMES_READY))
		state_set(link, LINK_GREETED, now);
	else
		broken(link, now);
}

static void begin(struct export_link *link, uint64_t now)
{
	const struct export_link_options *options = link->options;
	uint32_t apart = options->reconnect_ms;
	if (link->tried && now - link->since < RTE_MAX(apart, RECONNECT_MIN_MS))
		return;
	link->tried = true;
	link->since = now;
	link->fd = socket(options->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (link->fd < 0) {
		link->failures++;
		return;
	}
	if (connect(link->fd, (const struct sockaddr *)&options->address,
		    options->address_size) == 0)
		connected(link, now);
	else if (errno == EINPROGRESS)
		state_set(link, LINK_CONNECTING, now);
	else
		broken(link, now);
}

static bool ready(const struct export_link *link, short events)
{
	struct pollfd look = {.fd = link->fd, .events = events};
	return poll(&look, 1, 0) > 0;
}

static void connect_look(struct export_link *link, uint64_t now)
{
	int error = 0;
	socklen_t size = sizeof(error);
	if (!ready(link, POLLOUT)) {
		if (now - link->since >= link->options->connect_ms)
			broken(link, now);
		return;
	}
	if (getsockopt(link->fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error == 0)
		connected(link, now);
	else
		broken(link, now);
}

/* The collector has to agree before anything is sent. */
static void greeting_look(struct export_link *link, uint64_t now)
{
	ssize_t count = recv(link->fd, link->said + link->heard, sizeof(link->said) - link->heard,
			     MSG_DONTWAIT);
	if (count < 0 && (errno == EAGAIN || errno == EINTR)) {
		if (now - link->since >= link->options->connect_ms)
			broken(link, now);
		return;
	}
	if (count <= 0) {
		broken(link, now);
		return;
	}
	link->heard += (size_t)count;
	int accepted = frames_accepted(link->said, link->heard);
	if (accepted > 0 && say(link, FRAMES_START))
		opened(link, now);
	else if (accepted != 0 || link->heard == sizeof(link->said))
		broken(link, now);
}

/* Whether the other end is still there; what it says has no meaning. */
static bool alive(struct export_link *link)
{
	uint8_t ignored[512];
	ssize_t count = recv(link->fd, ignored, sizeof(ignored), MSG_DONTWAIT);
	return count > 0 || (count < 0 && (errno == EAGAIN || errno == EINTR));
}

static void flush(struct export_link *link, uint64_t now)
{
	bool ended = !alive(link);
	while (!ended && link->next < link->end) {
		ssize_t count = send(link->fd, link->bytes + link->next, link->end - link->next,
				     MSG_NOSIGNAL | MSG_DONTWAIT);
		if (count < 0 && (errno == EAGAIN || errno == EINTR))
			break;
		ended = count < 0;
		if (count > 0) {
			link->since = now;
			advance(link, (size_t)count);
		}
	}
	if (export_link_waiting(link) == 0)
		link->since = now;
	if (link->options->stall_ms != 0 && now - link->since >= link->options->stall_ms)
		ended = true;
	if (ended)
		broken(link, now);
}

void export_link_turn(struct export_link *link, uint64_t now)
{
	switch (link->state) {
	case LINK_CLOSED:
		begin(link, now);
		break;
	case LINK_CONNECTING:
		connect_look(link, now);
		break;
	case LINK_GREETED:
		greeting_look(link, now);
		break;
	case LINK_OPEN:
		flush(link, now);
		break;
	}
}

void export_link_finish(struct export_link *link)
{
	if (link->state == LINK_OPEN && link->options->framing == LINK_FRAMES &&
	    export_link_waiting(link) == 0)
		say(link, FRAMES_STOP);
}
