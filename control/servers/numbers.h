/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The numbers of servers that have left all policies are given to others when they run out: those
 * that no published policy, no query in flight, no suspended response and no connection refers to.
 */
#ifndef SLUICE_CONTROL_SERVERS_NUMBERS_H
#define SLUICE_CONTROL_SERVERS_NUMBERS_H

#include "control/control.h"

/* Once there is a registry. */
void server_numbers_init(struct control *control);

#endif
