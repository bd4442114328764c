/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * DPDK telemetry: /sluice/... beside DPDK's own commands, for dpdk-telemetry.py -f sluice-PID.
 *
 *   /sluice/info       versions, uptime, how many ports and workers there are
 *   /sluice/stats      every counter, and every drop by its reason, over all lcores
 *   /sluice/async      suspended packets and what became of them
 *   /sluice/workers    the workers' numbers; with a number, that worker's counters and load
 *   /sluice/ports      the ports' names; with a number, what came in there and was answered
 *   /sluice/endpoints  the endpoints' paths; with a number, that endpoint's counters
 *
 * The commands run in a thread of DPDK's. That thread reads the lcores' counters relaxed, and for
 * the rest a copy that the control lcore makes ten times a second; it never waits for a lcore, and
 * no lcore waits for it.
 */
#ifndef SLUICE_CONTROL_METRICS_TELEMETRY_H
#define SLUICE_CONTROL_METRICS_TELEMETRY_H

#include "control/control.h"

/* Registers the commands; what fails here only costs them. Once, when the workers are made. */
void telemetry_create(const struct control *control);

/* From here on the commands answer nothing. Before anything that they read goes. */
void telemetry_destroy(void);

/* Brings the copy up to date when it is due. Control lcore only; never waits. */
void telemetry_tick(const struct control *control);

#endif
