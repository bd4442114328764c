/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Configuration and policy read again while packets flow: in slices, between which all others have
 * their turns. Control lcore only, and never from inside a call of Lua.
 */
#ifndef SLUICE_CONTROL_RELOAD_H
#define SLUICE_CONTROL_RELOAD_H

#include "control/control.h"

/* SIGHUP came. One reading is enough for all that ask before it begins; those that come later have another. */
void reload_ask(struct control *control);

/* Goes on with a reading, if it is time for it; `idle`: nobody else has anything to do. Whether it did. */
bool reload_turn(struct control *control, bool idle);

/* Every now and then: what waited for lists, tables or servers is tried again. */
void reload_tick(struct control *control);

/* A reading under way ends, and begins anew in a turn to come. */
void reload_again(struct control *control);

/* Nothing comes into force any more. */
void reload_stop(struct control *control);

#endif
