/* SPDX-License-Identifier: BSD-2-Clause */
#include "control/lua_maps.h"

#include <stdio.h>
#include <string.h>

#include "tests/unit/unit.h"

#define PC 0x7f0000001000u

static const struct {
	const char *line;
	bool machine_code;
} lines[] = {
	{"7f0000000000-7f0000010000 r-xp 00000000 00:00 0 \n", true},
	{"7f0000000000-7f0000010000 rwxp 00000000 00:00 0\n", true},
	{"7f0000000000-7f0000010000 r-xp 00000000 fe:00 5309041    /usr/bin/sluice\n", false},
	{"7f0000000000-7f0000010000 r-xp 00000000 fe:00 5309040    /usr/bin/sluice\n", false},
	{"7f0000000000-7f0000010000 r-xp 00000000 00:00 10 \n", false},
	{"7f0000000000-7f0000010000 r-xp 00000000 00:00 0          [vdso]\n", false},
	{"7f0000000000-7f0000010000 rw-p 00000000 00:00 0 \n", false},
	{"7f0000000000-7f0000001000 r-xp 00000000 00:00 0 \n", false},
	{"7f0000002000-7f0000010000 r-xp 00000000 00:00 0 \n", false},
};

/* Between other lines, and cut in two at every byte. */
START_TEST(line_is_told_apart)
{
	char text[512];
	snprintf(text, sizeof(text),
		 "400000-500000 r-xp 00000000 fe:00 100      /usr/bin/true\n%s"
		 "600000-700000 r-xp 00000000 00:00 0 \n",
		 lines[_i].line);
	size_t length = strlen(text);
	for (size_t cut = 0; cut <= length; cut++) {
		struct lua_maps maps = {0};
		bool found = lua_maps_scan(&maps, text, cut, PC) ||
			     lua_maps_scan(&maps, text + cut, length - cut, PC);
		ck_assert_msg(found == lines[_i].machine_code, "cut at %zu: %s", cut, text);
	}
}
END_TEST

static Suite *lua_maps_suite(void)
{
	Suite *suite = suite_create("lua_maps");
	TCase *tcase = tcase_create("lines");
	tcase_add_loop_test(tcase, line_is_told_apart, 0, (int)(sizeof(lines) / sizeof(lines[0])));
	suite_add_tcase(suite, tcase);
	return suite;
}

UNIT_MAIN(lua_maps_suite)
