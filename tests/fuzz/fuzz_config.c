/* SPDX-License-Identifier: BSD-2-Clause */
/* Any bytes as a configuration: either errors or a configuration, and nothing leaks. */
#include <stdlib.h>

#include "config/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool cpu_any(uint32_t cpu)
{
	return cpu < 8;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct config_errors errors = {0};
	struct config *config =
		config_load_buffer("fuzz", (const char *)data, size, cpu_any, &errors);
	if ((config == NULL) != (errors.count != 0))
		abort();
	if (config != NULL && (config->n_ports == 0 || config->lcores.n_workers == 0))
		abort();
	config_free(config);
	config_errors_free(&errors);
	return 0;
}
