/* SPDX-License-Identifier: BSD-2-Clause */
#include "dataplane/dns/name.h"

#include <errno.h>

#define HEADER_SIZE 12u	     /* no name starts before it */
#define LENGTH_POINTER 0xc0u /* the two upper bits of a length say that a pointer is there */

/* Both readers of compressed names; with `name` NULL the compiler leaves out the copying. */
static inline __attribute__((always_inline)) size_t
name_walk(const uint8_t *message, size_t length, size_t offset, uint8_t *name, uint8_t *name_length)
{
	size_t at = offset;
	size_t run = offset;   /* where the labels being read start */
	size_t limit = length; /* and where they must end */
	size_t taken = 0;
	size_t size = 0;
	unsigned pointers = 0;

	while (at < limit) {
		uint8_t label = message[at];
		if (label >= LENGTH_POINTER) {
			if (limit - at < 2)
				return 0;
			size_t target = dns_u16_load(message + at) & 0x3fff;
			if (taken == 0)
				taken = at + 2 - offset;
			/*
			 * What is pointed to is a whole name that stands before these labels: the
			 * walk ends, and no name depends on bytes behind it. The count keeps it
			 * short.
			 */
			if (target >= run || target < HEADER_SIZE || ++pointers > DNS_LABELS_MAX)
				return 0;
			limit = run;
			at = run = target;
			continue;
		}
		if (label > DNS_LABEL_MAX || label >= limit - at || size + label >= DNS_NAME_MAX)
			return 0;
		if (name)
			memcpy(name + size, message + at, label + 1u);
		size += label + 1u;
		at += label + 1u;
		if (label == 0) {
			*name_length = (uint8_t)size;
			return taken ? taken : at - offset;
		}
	}
	return 0;
}

size_t dns_name_unpack(const uint8_t *message, size_t length, size_t offset,
		       uint8_t name[static DNS_NAME_MAX], uint8_t *name_length)
{
	return name_walk(message, length, offset, name, name_length);
}

size_t dns_name_skip(const uint8_t *message, size_t length, size_t offset)
{
	uint8_t name_length;
	return name_walk(message, length, offset, NULL, &name_length);
}

bool dns_name_within(const uint8_t *name, size_t name_length, const uint8_t *suffix,
		     size_t suffix_length)
{
	if (suffix_length > name_length)
		return false;
	size_t start = name_length - suffix_length;
	if (!dns_name_same(name + start, suffix, suffix_length))
		return false;
	/* The same bytes are not enough: they must start with a label of `name`. */
	size_t at = 0;
	while (at < start)
		at += name[at] + 1u;
	return at == start;
}

void dns_name_lower(uint8_t *to, const uint8_t *from, size_t length)
{
	for (; length >= 8; to += 8, from += 8, length -= 8) {
		uint64_t word = dns_word_fold(dns_word_load(from));
		memcpy(to, &word, sizeof(word));
	}
	for (; length > 0; to++, from++, length--)
		*to = dns_byte_fold(*from);
}

unsigned dns_name_split(const uint8_t *name, size_t length,
			uint8_t offsets[static DNS_LABELS_MAX])
{
	unsigned count = 0;
	for (size_t at = 0; at < length && name[at] != 0 && count < DNS_LABELS_MAX;
	     at += name[at] + 1u)
		offsets[count++] = (uint8_t)at;
	return count;
}

static bool digit(char c)
{
	return c >= '0' && c <= '9';
}

/* The byte that stands at *at, escaped or not, and *at moved behind it; -1 for a broken escape. */
static int text_byte(const char *text, size_t length, size_t *at)
{
	if (text[*at] != '\\')
		return (uint8_t)text[(*at)++];
	const char *escape = text + *at + 1;
	size_t left = length - *at - 1;
	if (left == 0)
		return -1;
	if (!digit(escape[0])) {
		*at += 2;
		return (uint8_t)escape[0];
	}
	if (left < 3 || !digit(escape[1]) || !digit(escape[2]))
		return -1;
	int value = (escape[0] - '0') * 100 + (escape[1] - '0') * 10 + (escape[2] - '0');
	*at += 4;
	return value <= 255 ? value : -1;
}

int dns_name_parse(const char *text, size_t text_length, uint8_t name[static DNS_NAME_MAX])
{
	size_t label = 0; /* where the length of the label being read goes */
	size_t size = 1;  /* where the next byte goes */

	name[0] = 0;
	if (text_length == 0 || (text_length == 1 && text[0] == '.'))
		return 1;
	for (size_t at = 0; at < text_length;) {
		if (text[at] == '.') {
			if (size == label + 1)
				return -EINVAL;
			name[label] = (uint8_t)(size - label - 1);
			label = size++;
			at++;
			continue;
		}
		int byte = text_byte(text, text_length, &at);
		if (byte < 0)
			return -EINVAL;
		/* The root label needs the last byte of the room. */
		if (size - label > DNS_LABEL_MAX || size >= DNS_NAME_MAX - 1)
			return -ENAMETOOLONG;
		name[size++] = (uint8_t)byte;
	}
	if (size > label + 1) { /* no final dot */
		name[label] = (uint8_t)(size - label - 1);
		label = size;
	}
	name[label] = 0;
	return (int)label + 1;
}

/* Writes one byte of a label as text: one, two or four characters. */
static size_t byte_print(uint8_t byte, char text[static 4])
{
	if (byte == '.' || byte == '\\') {
		text[0] = '\\';
		text[1] = (char)byte;
		return 2;
	}
	if (byte > ' ' && byte < 0x7f) {
		text[0] = (char)byte;
		return 1;
	}
	text[0] = '\\';
	text[1] = (char)('0' + byte / 100);
	text[2] = (char)('0' + byte / 10 % 10);
	text[3] = (char)('0' + byte % 10);
	return 4;
}

int dns_name_print(const uint8_t *name, char *text, size_t size, bool dot)
{
	size_t out = 0;

	if (size < 2)
		return size == 1 && *name == 0 && !dot ? (text[0] = '\0') : -ENOSPC;
	if (*name == 0 && dot)
		text[out++] = '.';
	for (const uint8_t *label = name; *label != 0; label += *label + 1u) {
		for (unsigned i = 0; i < *label; i++) {
			char escaped[4];
			size_t width = byte_print(label[1 + i], escaped);
			if (size - out <= width)
				return -ENOSPC;
			memcpy(text + out, escaped, width);
			out += width;
		}
		if (label[*label + 1u] == 0 && !dot)
			continue;
		if (size - out <= 1)
			return -ENOSPC;
		text[out++] = '.';
	}
	text[out] = '\0';
	return (int)out;
}
