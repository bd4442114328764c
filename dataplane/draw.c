/* SPDX-License-Identifier: BSD-2-Clause */
#include "dataplane/draw.h"

#include <stdlib.h>

#include <openssl/rand.h>
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

static void words_take(struct draw *draw)
{
	if (RAND_bytes((unsigned char *)draw->words, sizeof(draw->words)) != 1)
		abort(); /* no entropy source at all: predictable IDs would be worse */
	draw->left = DRAW_WORDS;
}

void draw_warm(struct draw *draw)
{
	if (draw->replayed == 0 && draw->left == 0)
		words_take(draw);
}

/*
 * OpenSSL's generator of this thread, which the kernel seeds anew now and then: a word costs a tenth of
 * what it costs from the kernel.
 */
uint32_t draw_next(struct draw *draw)
{
	if (unlikely(draw->replayed != 0))
		return replay_next(draw);
	if (unlikely(draw->left == 0))
		words_take(draw);
	return draw->words[--draw->left];
}
