/* SPDX-License-Identifier: BSD-2-Clause */
/* One executable per unit: UNIT_MAIN(suite) gives it its main(). */
#ifndef SLUICE_TESTS_UNIT_H
#define SLUICE_TESTS_UNIT_H

#include <check.h>
#include <stdlib.h>

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
