/* SPDX-License-Identifier: BSD-2-Clause */
/* Random words that nobody can predict, a few cycles each. Its owner alone draws. */
#ifndef SLUICE_DATAPLANE_DRAW_H
#define SLUICE_DATAPLANE_DRAW_H

#include <stdint.h>

#define DRAW_WORDS 1024u

/* Ready when all is zero. */
struct draw {
	uint64_t replayed; /* state of the generator that replay draws from, 0: OpenSSL does */
	uint32_t left;
	uint32_t words[DRAW_WORDS]; /* each used once */
};

uint32_t draw_next(struct draw *draw);

/* Has words at hand: the first of a thread make OpenSSL set its generator up, which takes milliseconds. */
void draw_warm(struct draw *draw);

/* From a generator of this seed from now on: for replay, never for traffic. */
void draw_replay(struct draw *draw, uint64_t seed);

#endif
