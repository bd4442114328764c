/* SPDX-License-Identifier: BSD-2-Clause */
#include "control/lua_maps.h"

#include <string.h>

enum column { COLUMN_RANGE, COLUMN_PERMISSIONS, COLUMN_OFFSET, COLUMN_DEVICE, COLUMN_INODE };

/* "start-end rwxp offset device inode name": proc(5). */
static void character_read(struct lua_maps *maps, char c, uintptr_t pc)
{
	if (c == ' ') {
		if (maps->column++ == COLUMN_RANGE)
			maps->hit = pc >= maps->field[0] && pc < maps->field[1];
	} else if (maps->column == COLUMN_RANGE) {
		if (c == '-')
			maps->which = 1;
		else
			maps->field[maps->which] =
				maps->field[maps->which] << 4 |
				(uintptr_t)(c <= '9' ? c - '0' : c - 'a' + 10);
	} else if (maps->column == COLUMN_PERMISSIONS) {
		maps->executable |= c == 'x';
	} else if (maps->column == COLUMN_INODE) {
		/* The whole number is 0: one digit and no other. */
		maps->plain = c == '0' && !maps->inode_seen;
		maps->inode_seen = true;
	} else if (maps->column > COLUMN_INODE) {
		maps->plain = false;
	}
}

bool lua_maps_scan(struct lua_maps *maps, const char *text, size_t length, uintptr_t pc)
{
	for (size_t i = 0; i < length; i++) {
		if (text[i] != '\n') {
			character_read(maps, text[i], pc);
			continue;
		}
		if (maps->hit && maps->executable && maps->plain)
			return true;
		memset(maps, 0, sizeof(*maps));
	}
	return false;
}
