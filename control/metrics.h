/* SPDX-License-Identifier: BSD-2-Clause */
/* The counters of all lcores as text. Control lcore only. */
#ifndef SLUICE_CONTROL_METRICS_H
#define SLUICE_CONTROL_METRICS_H

#include <stdio.h>

#include "control/control.h"

void metrics_print(const struct control *control, FILE *out);

#endif
