/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/fuzz/lists.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return fuzz_list(LIST_FORMAT_CDB, data, size);
}
