/* SPDX-License-Identifier: BSD-2-Clause */
/* One turn of the control lcore: rings, Lua, sockets, timers, and back to the workers. */
#ifndef SLUICE_CONTROL_LOOP_H
#define SLUICE_CONTROL_LOOP_H

#include "control/control.h"

/* epoll, wakers and signals. 0 or -errno. */
int loop_create(struct control *control);
void loop_destroy(struct control *control);

/*
 * Before it is said that we are ready: until the first checks of all servers have ended, and no
 * longer than some seconds. Who is told to end meanwhile has control->ended, and never is.
 */
void loop_settle(struct control *control);

/* Turns until control->stop. Sleeps on epoll when there is nothing to do. */
void loop_run(struct control *control);

/* One turn but for sleeping, signals and HTTP, for replay: packets and datagrams handled. */
unsigned loop_turn(struct control *control, unsigned number);

/* Watches a descriptor; the loop looks at all sockets of its kind when it becomes ready. */
int loop_watch(struct control *control, int fd, uint32_t events);
void loop_unwatch(struct control *control, int fd);

#endif
