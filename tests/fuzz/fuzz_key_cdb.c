/* SPDX-License-Identifier: BSD-2-Clause */
/* The first byte says how long the key is that follows; the rest is the file. */
#include <stdlib.h>
#include <string.h>

#include "dataplane/rules/key_store.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct key_value value;
	volatile unsigned sum = 0;
	if (size == 0 || size - 1 < data[0])
		return 0;
	size_t length = data[0], left = size - 1 - length;
	uint8_t *bytes = malloc(left ? left : 1);
	memcpy(bytes, data + 1 + length, left);
	struct key_store *store = key_cdb_new(bytes, left);
	if (store == NULL)
		return 0;
	if (store->find(store, 0, data + 1, length, false, &value))
		for (size_t i = 0; i < value.length; i++)
			sum += (uint8_t)value.bytes[i];
	sum += (unsigned)key_cdb_count(store);
	(void)sum; /* read, which a sanitizer watches */
	key_cdb_free(store);
	return 0;
}
