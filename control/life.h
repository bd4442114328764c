/* SPDX-License-Identifier: BSD-2-Clause */
/* The life cycle: an ordered table of what is started, and stopped in reverse. */
#ifndef SLUICE_CONTROL_LIFE_H
#define SLUICE_CONTROL_LIFE_H

#include "control/control.h"

#define LIFE_ERROR_SIZE 4096

/* What the program says by its exit status. */
enum exit_code { EXIT_DONE, EXIT_REFUSED, EXIT_USAGE, EXIT_SYSTEM };

/*
 * Starts everything that `control`, with its configuration and dataplane, asks for; without what
 * only live traffic needs if it is replaying. 0, or -1 with one sentence in `error` (LIFE_ERROR_SIZE
 * bytes) and the exit code that this means. Either way life_stop() ends what was started.
 */
int life_start(struct control *control, char *error, enum exit_code *exit_code);
void life_stop(void);

/* The policy file: as on the command line, else as the configuration says. */
static inline const char *life_policy_path(const struct control *control)
{
	return control->policy_path ? control->policy_path : control->config->policy;
}

#endif
