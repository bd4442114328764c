/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A stream of DNS messages, cut where the input says: byte 0 is the number of cuts, and each of the
 * bytes behind it the length of a piece. The messages must be those of the stream in one piece.
 */
#include <stdlib.h>
#include <string.h>

#include "control/tcp/frame.h"

#define MUST(condition)                                                                            \
	do {                                                                                       \
		if (!(condition))                                                                  \
			abort();                                                                   \
	} while (0)

/* What came out: how many messages, a sum of their bytes, and whether it ended as garbage. */
struct outcome {
	unsigned count;
	uint64_t sum;
	bool garbage;
};

static void take(struct tcp_reader *reader, struct outcome *outcome)
{
	const uint8_t *message;
	uint16_t length;
	enum tcp_frame frame = TCP_FRAME_PART;
	while (!outcome->garbage &&
	       (frame = tcp_frame_next(reader, &message, &length)) == TCP_FRAME_WHOLE) {
		for (unsigned i = 0; i < length; i++)
			outcome->sum = outcome->sum * 31 + message[i];
		outcome->count++;
	}
	if (frame == TCP_FRAME_PART && !outcome->garbage) {
		tcp_frame_may_be(reader, false);
		MUST(reader->left < TCP_FRAME_MAX);
	}
	outcome->garbage |= frame == TCP_FRAME_GARBAGE;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0 || size < 1 + (size_t)data[0])
		return 0;
	unsigned cuts = data[0];
	const uint8_t *pieces = data + 1, *stream = data + 1 + cuts;
	size_t length = size - 1 - cuts;
	struct tcp_reader whole = {stream, length};
	struct outcome expected = {0}, found = {0};
	take(&whole, &expected);

	struct tcp_stash stash = {0};
	for (unsigned i = 0; i <= cuts; i++) {
		size_t piece = i == cuts || pieces[i] > length ? length : pieces[i];
		uint8_t *exact = malloc(piece + 1); /* what is kept must be a copy */
		memcpy(exact, stream, piece);
		struct tcp_reader reader;
		MUST(tcp_stash_open(&stash, exact, piece, &reader));
		take(&reader, &found);
		MUST(tcp_stash_close(&stash, &reader));
		free(exact);
		stream += piece;
		length -= piece;
	}
	MUST(found.count == expected.count && found.sum == expected.sum);
	MUST(found.garbage == expected.garbage);
	tcp_stash_free(&stash);
	return 0;
}
