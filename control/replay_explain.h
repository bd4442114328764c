/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * `sluice replay --explain`: which rules matched, a line for each packet. It goes by the match
 * counters, which it compares before and after, so the packets' own path knows nothing of it.
 */
#ifndef SLUICE_CONTROL_REPLAY_EXPLAIN_H
#define SLUICE_CONTROL_REPLAY_EXPLAIN_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "control/control.h"

struct replay_explain;

/* Writes to `out`, which stays the caller's. NULL without memory. Before the first packet. */
struct replay_explain *replay_explain_new(struct control *control, FILE *out);
void replay_explain_free(struct replay_explain *explain);

/* After the turns of packet `number`, counted from 1: what it was and the rules that matched. */
void replay_explain_packet(struct replay_explain *explain, uint64_t number, const uint8_t *frame,
			   size_t length);

/* After time has passed behind packet `number`: a line if rules matched what had been waiting. */
void replay_explain_time(struct replay_explain *explain, uint64_t number);

#endif
