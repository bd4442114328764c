/* SPDX-License-Identifier: BSD-2-Clause */
/* One executable per unit: UNIT_MAIN(suite) gives it its main(). */
#ifndef SLUICE_TESTS_UNIT_H
#define SLUICE_TESTS_UNIT_H

#include <check.h>
#include <stdlib.h>

/*
 * Check writes to a file at each assertion that holds, so that it can say after which one a test crashed:
 * a loop of a million takes a minute. Here each place says so the first few times.
 */
#define UNIT_MARKS 8u
#define _mark_point(file, line)                                                                    \
	({                                                                                         \
		static unsigned unit_marks;                                                        \
		if (unit_marks < UNIT_MARKS) {                                                     \
			unit_marks++;                                                              \
			(_mark_point)(file, line);                                                 \
		}                                                                                  \
	})

#define UNIT_MAIN(suite_function)                                                                  \
	int main(void)                                                                             \
	{                                                                                          \
		SRunner *runner = srunner_create(suite_function());                                \
		srunner_run_all(runner, CK_ENV);                                                   \
		int failed = srunner_ntests_failed(runner);                                        \
		srunner_free(runner);                                                              \
		return failed ? EXIT_FAILURE : EXIT_SUCCESS;                                       \
	}

#endif
