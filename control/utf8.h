/* SPDX-License-Identifier: BSD-2-Clause */
/* Which bytes are characters: RFC 3629. */
#ifndef SLUICE_CONTROL_UTF8_H
#define SLUICE_CONTROL_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* Bytes of the character beyond ASCII that begins at `at`, where `left` bytes are; 0: none does. */
static inline size_t utf8_length(const uint8_t *at, size_t left)
{
	uint8_t least = 0x80, most = 0xbf;
	size_t length = *at < 0xc2 ? 0 : *at < 0xe0 ? 2 : *at < 0xf0 ? 3 : *at < 0xf5 ? 4 : 0;
	if (length == 0 || length > left)
		return 0;
	if (*at == 0xe0)
		least = 0xa0;
	else if (*at == 0xed)
		most = 0x9f;
	else if (*at == 0xf0)
		least = 0x90;
	else if (*at == 0xf4)
		most = 0x8f;
	if (at[1] < least || at[1] > most)
		return 0;
	for (size_t i = 2; i < length; i++)
		if (at[i] < 0x80 || at[i] > 0xbf)
			return 0;
	return length;
}

#endif
