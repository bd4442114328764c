/* SPDX-License-Identifier: BSD-2-Clause */
/* The memory of packets that left their worker: buffers, registry, blocks for their notes. */
#ifndef SLUICE_CONTROL_PARKING_H
#define SLUICE_CONTROL_PARKING_H

struct control;

/* Makes all of it, as the configuration says, and logs how much it is. 0 or -ENOMEM. Start-up. */
int parking_create(struct control *control);

/* What is no pool: those end with EAL. */
void parking_destroy(struct control *control);

#endif
