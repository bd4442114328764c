/* SPDX-License-Identifier: BSD-2-Clause */
#include "dataplane/draw.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

#include <rte_branch_prediction.h>

void draw_replay(struct draw *draw, uint64_t seed)
{
	draw->replayed = seed | 1;
}

/* A xorshift: the same words each time, for replay, which sends nothing to anybody. */
static uint32_t replay_next(struct draw *draw)
{
	draw->replayed ^= draw->replayed << 13;
	draw->replayed ^= draw->replayed >> 7;
	draw->replayed ^= draw->replayed << 17;
	return (uint32_t)(draw->replayed >> 32);
}

/* One call of the kernel for so many words. */
uint32_t draw_next(struct draw *draw)
{
	if (unlikely(draw->replayed != 0))
		return replay_next(draw);
	while (draw->left == 0) {
		ssize_t got = getrandom(draw->words, sizeof(draw->words), 0);
		if (got > 0)
			draw->left = (uint32_t)got / sizeof(draw->words[0]);
		else if (errno != EINTR)
			abort(); /* no entropy source at all: predictable IDs would be worse */
	}
	return draw->words[--draw->left];
}
