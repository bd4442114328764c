/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The web server, on the control lcore between its turns: GET /metrics, and what the policy and
 * dnsdist's REST interface (lua/api.lua) answer.
 */
#ifndef SLUICE_CONTROL_HTTP_HTTP_H
#define SLUICE_CONTROL_HTTP_HTTP_H

#include "control/control.h"

/* 0, or -1 with a sentence in `error`. Nothing is listened on if metrics.listen is off. */
int http_create(struct control *control, char *error, size_t size);
void http_destroy(void);

/* Serves what is ready; never blocks. */
void http_turn(void);

#endif
