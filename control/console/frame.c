/* SPDX-License-Identifier: BSD-2-Clause */
#include "control/console/frame.h"

#include <errno.h>

ssize_t console_frame_body(const uint8_t *data, size_t have, size_t most)
{
	if (have < CONSOLE_HEAD_SIZE)
		return -EAGAIN;
	uint32_t length = (uint32_t)data[0] << 24 | (uint32_t)data[1] << 16 |
			  (uint32_t)data[2] << 8 | data[3];
	if (length > most)
		return -EMSGSIZE;
	return have - CONSOLE_HEAD_SIZE < length ? -EAGAIN : (ssize_t)length;
}

void console_frame_head(uint8_t head[static CONSOLE_HEAD_SIZE], size_t length)
{
	head[0] = (uint8_t)(length >> 24);
	head[1] = (uint8_t)(length >> 16);
	head[2] = (uint8_t)(length >> 8);
	head[3] = (uint8_t)length;
}
