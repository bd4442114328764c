/* SPDX-License-Identifier: BSD-2-Clause */
#include "control/tcp/frame.h"

#include <stdlib.h>
#include <string.h>

#include "dataplane/dns/message.h"

#define STASH_MIN 64u

enum tcp_frame tcp_frame_next(struct tcp_reader *reader, const uint8_t **message, uint16_t *length)
{
	if (reader->left < TCP_FRAME_HEAD)
		return TCP_FRAME_PART;
	*length = dns_u16_load(reader->at);
	if (*length < DNS_HEADER_SIZE)
		return TCP_FRAME_GARBAGE;
	if (reader->left < TCP_FRAME_HEAD + (size_t)*length)
		return TCP_FRAME_PART;
	*message = reader->at + TCP_FRAME_HEAD;
	reader->at += TCP_FRAME_HEAD + (size_t)*length;
	reader->left -= TCP_FRAME_HEAD + (size_t)*length;
	return TCP_FRAME_WHOLE;
}

bool tcp_frame_may_be(const struct tcp_reader *reader, bool reply)
{
	const uint8_t *dns = reader->at + TCP_FRAME_HEAD;
	if (reader->left < TCP_FRAME_HEAD + DNS_HEADER_SIZE)
		return true;
	uint16_t flags = dns_flags_load(dns);
	if (((flags & DNS_FLAG_QR) != 0) != reply || dns_count_load(dns, DNS_SECTION_QUESTION) > 1)
		return false;
	/* A question brings no answer; other opcodes may. */
	return reply || (flags & DNS_FLAG_OPCODE) != 0 ||
	       dns_count_load(dns, DNS_SECTION_ANSWER) == 0;
}

bool tcp_stash_open(struct tcp_stash *stash, const uint8_t *bytes, size_t length,
		    struct tcp_reader *reader)
{
	uint32_t waiting = tcp_stash_waiting(stash);
	if (waiting == 0) {
		*reader = (struct tcp_reader){bytes, length};
		return true;
	}
	if (stash->size - stash->end < length) {
		memmove(stash->bytes, stash->bytes + stash->start, waiting);
		stash->start = 0;
		stash->end = waiting;
	}
	if (stash->size - stash->end < length) {
		size_t need = waiting + length;
		size_t size = need < 2 * (size_t)stash->size ? 2 * (size_t)stash->size : need;
		uint8_t *grown = realloc(stash->bytes, size);
		if (grown == NULL)
			return false;
		stash->bytes = grown;
		stash->size = (uint32_t)size;
	}
	if (length > 0)
		memcpy(stash->bytes + stash->end, bytes, length);
	stash->end += (uint32_t)length;
	*reader = (struct tcp_reader){stash->bytes + stash->start, waiting + length};
	return true;
}

static bool stash_shrink(struct tcp_stash *stash)
{
	struct tcp_reader rest = {stash->bytes + stash->start, tcp_stash_waiting(stash)};
	uint8_t *before = stash->bytes;
	*stash = (struct tcp_stash){0};
	bool kept = tcp_stash_close(stash, &rest);
	free(before);
	return kept;
}

bool tcp_stash_close(struct tcp_stash *stash, const struct tcp_reader *reader)
{
	if (reader->left == 0) {
		tcp_stash_free(stash);
		return true;
	}
	if (tcp_stash_waiting(stash) > 0) { /* the reader is in there */
		stash->start = (uint32_t)(reader->at - stash->bytes);
		return stash->size <= 2 * reader->left + STASH_MIN || stash_shrink(stash);
	}
	size_t size = reader->left < STASH_MIN ? STASH_MIN : reader->left;
	stash->bytes = malloc(size);
	if (stash->bytes == NULL)
		return false;
	memcpy(stash->bytes, reader->at, reader->left);
	stash->start = 0;
	stash->end = (uint32_t)reader->left;
	stash->size = (uint32_t)size;
	return true;
}

void tcp_stash_free(struct tcp_stash *stash)
{
	free(stash->bytes);
	*stash = (struct tcp_stash){0};
}
