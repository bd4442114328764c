/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The control frames of Frame Streams (farsightsec.github.io/fstrm), over libfstrm: how a sender and a
 * collector agree on what they speak. Its own sender waits for sockets, so that the rest is ours.
 */
#ifndef SLUICE_CONTROL_EXPORT_FRAMES_H
#define SLUICE_CONTROL_EXPORT_FRAMES_H

#include <stddef.h>
#include <stdint.h>

#define FRAMES_CONTENT "protobuf:dnstap.Dnstap"
#define FRAMES_CONTROL_MAX 520u /* bytes of a control frame with its head */

enum frames_control { FRAMES_READY, FRAMES_START, FRAMES_STOP };

/* Writes a control frame; its bytes. */
size_t frames_write(enum frames_control control, uint8_t to[static FRAMES_CONTROL_MAX]);

/*
 * What a collector says to FRAMES_READY. 1: it accepts; 0: there is more to come; -EBADMSG: it does
 * not, or what it says is not understood.
 */
int frames_accepted(const uint8_t *bytes, size_t length);

#endif
