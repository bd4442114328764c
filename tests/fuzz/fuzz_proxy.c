/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads any bytes as a PROXY header; what is one is written anew and must say the same. */
#include <stdlib.h>
#include <string.h>

#include "dataplane/net/proxy.h"

#define MUST(condition)                                                                            \
	do {                                                                                       \
		if (!(condition))                                                                  \
			abort();                                                                   \
	} while (0)

/* Its length, values included. */
static size_t copy_write(uint8_t *copy, const uint8_t *data, const struct proxy_header *header)
{
	uint16_t offset = header->values;
	struct proxy_value value;
	size_t at = proxy_write(copy, header, (uint16_t)(header->length - header->values));
	MUST(at == proxy_size(header));
	while (proxy_value_next(data, header, &offset, &value)) {
		MUST(value.bytes >= data && value.bytes + value.length <= data + header->length);
		at += proxy_value_write(copy + at, &value);
	}
	MUST(offset == header->length);
	return at;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct proxy_header header, again, shorter;
	int length = proxy_parse(data, size, &header);
	/* What lacks bytes at its end is not known to be wrong if the whole is right. */
	for (size_t cut = 0; cut < size && cut < 64; cut++)
		MUST(length < 0 || proxy_parse(data, cut, &shorter) >= 0);
	if (length <= 0)
		return 0;
	MUST((size_t)length <= size && length == header.length && header.values <= length);
	if (header.local)
		return 0;
	uint8_t *copy = malloc((size_t)length);
	MUST(copy != NULL && copy_write(copy, data, &header) == (size_t)length);
	MUST(proxy_parse(copy, (size_t)length, &again) == length);
	MUST(memcmp(&header, &again, sizeof(header)) == 0);
	free(copy);
	return 0;
}
