/* SPDX-License-Identifier: BSD-2-Clause */
#include "control/export/frames.h"

#include <errno.h>
#include <string.h>

#include <fstrm.h>

#include "dataplane/dns/bytes.h"

#define HEAD 8u /* an escape, and the length of what follows */

static const uint8_t content[] = FRAMES_CONTENT;
#define CONTENT_SIZE (sizeof(content) - 1)

size_t frames_write(enum frames_control control, uint8_t to[static FRAMES_CONTROL_MAX])
{
	static const fstrm_control_type types[] = {
		[FRAMES_READY] = FSTRM_CONTROL_READY,
		[FRAMES_START] = FSTRM_CONTROL_START,
		[FRAMES_STOP] = FSTRM_CONTROL_STOP,
	};
	struct fstrm_control *frame = fstrm_control_init();
	size_t length = FRAMES_CONTROL_MAX;
	fstrm_control_set_type(frame, types[control]);
	if (control != FRAMES_STOP)
		fstrm_control_add_field_content_type(frame, content, CONTENT_SIZE);
	if (fstrm_control_encode(frame, to, &length, FSTRM_CONTROL_FLAG_WITH_HEADER) !=
	    fstrm_res_success)
		length = 0;
	fstrm_control_destroy(&frame);
	return length;
}

static uint32_t u32_load(const uint8_t *bytes)
{
	return (uint32_t)dns_u16_load(bytes) << 16 | dns_u16_load(bytes + 2);
}

int frames_accepted(const uint8_t *bytes, size_t length)
{
	if (length < HEAD)
		return 0;
	uint32_t size = u32_load(bytes + 4);
	if (u32_load(bytes) != 0 || size > FSTRM_CONTROL_FRAME_LENGTH_MAX)
		return -EBADMSG;
	if (length < HEAD + size)
		return 0;
	struct fstrm_control *frame = fstrm_control_init();
	fstrm_control_type type;
	bool good = fstrm_control_decode(frame, bytes + HEAD, size, 0) == fstrm_res_success &&
		    fstrm_control_get_type(frame, &type) == fstrm_res_success &&
		    type == FSTRM_CONTROL_ACCEPT &&
		    fstrm_control_match_field_content_type(frame, content, CONTENT_SIZE) ==
			    fstrm_res_success;
	fstrm_control_destroy(&frame);
	return good ? 1 : -EBADMSG;
}
