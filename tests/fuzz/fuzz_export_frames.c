/* SPDX-License-Identifier: BSD-2-Clause */
/* What a collector says when it is greeted: the answer is the same for the whole and for its parts. */
#include <stdlib.h>
#include <string.h>

#include "control/export/frames.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* In memory of its own, so that a byte too many is noticed. */
	uint8_t *copy = calloc(1, size + 1);
	if (copy == NULL)
		return 0;
	if (size > 0)
		memcpy(copy, data, size);
	int whole = frames_accepted(copy, size);
	for (size_t part = 0; part < size; part++) {
		int accepted = frames_accepted(copy, part);
		if (accepted > 0 && accepted != whole)
			abort(); /* nothing behind a frame changes what it says */
	}
	free(copy);
	return 0;
}
