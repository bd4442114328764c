/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Domain names in wire format: labels, each with its length before it, ended by the root label
 * (RFC 1035, section 3.1). Lengths are in bytes and count the root label, so "." has length 1;
 * label counts leave the root label out, so "." has none.
 *
 * Only dns_name_measure(), dns_name_unpack() and dns_name_skip() take bytes from outside; the
 * others want names that one of those, or dns_name_parse(), has accepted.
 */
#ifndef SLUICE_DATAPLANE_DNS_NAME_H
#define SLUICE_DATAPLANE_DNS_NAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/dns/bytes.h"
#include "dataplane/hash.h"

#define DNS_NAME_MAX 255u   /* bytes on the wire */
#define DNS_LABEL_MAX 63u   /* bytes in a label */
#define DNS_LABELS_MAX 127u /* labels in a name */
/* Longest text: 4 labels, all their 250 bytes as \DDD, 4 dots and the final NUL. */
#define DNS_NAME_TEXT_SIZE 1005u

/*
 * Length of the uncompressed name that starts at `name`, of which `available` bytes may be read.
 * 0 if it is cut off, compressed, or longer than DNS_NAME_MAX; `labels` is set only on success.
 */
static inline size_t dns_name_measure(const uint8_t *name, size_t available, uint8_t *labels)
{
	size_t limit = available < DNS_NAME_MAX ? available : DNS_NAME_MAX;
	uint8_t count = 0;
	for (size_t at = 0; at < limit; count++) {
		uint8_t length = name[at];
		if (length == 0) {
			*labels = count;
			return at + 1;
		}
		if (length > DNS_LABEL_MAX)
			return 0;
		at += length + 1u;
	}
	return 0;
}

/* Whether two names of one length are the same, ignoring ASCII case (RFC 4343). */
static inline bool dns_name_same(const uint8_t *a, const uint8_t *b, size_t length)
{
	if (length < 8)
		return length == 0 || dns_word_same(dns_tail_load(a, length), dns_tail_load(b, length));
	for (size_t at = 0; at + 8 <= length; at += 8)
		if (!dns_word_same(dns_word_load(a + at), dns_word_load(b + at)))
			return false;
	/* The last eight bytes, some of them a second time. */
	return dns_word_same(dns_word_load(a + length - 8), dns_word_load(b + length - 8));
}

static inline bool dns_name_equal(const uint8_t *a, size_t a_length, const uint8_t *b,
				  size_t b_length)
{
	return a_length == b_length && dns_name_same(a, b, a_length);
}

/*
 * Hash of a name or of any suffix of it, the same for every spelling of its case. The seed should
 * be a secret where clients choose the names.
 */
static inline uint64_t dns_name_hash(const uint8_t *name, size_t length, uint64_t seed)
{
	uint64_t hash = seed ^ 0x9e6c63d0a15ad9ebu;
	uint64_t last = 0;
	for (size_t at = 0; at + 8 <= length; at += 8)
		hash = hash_mix(hash ^ dns_word_fold(dns_word_load(name + at)),
				    0xd1b54a32d192ed03u);
	if (length >= 8) /* some of them a second time */
		last = dns_word_load(name + length - 8);
	else if (length > 0)
		last = dns_tail_load(name, length);
	hash = hash_mix(hash ^ dns_word_fold(last), 0x8bb84b93962eacc9u);
	return hash_mix(hash ^ length, 0xa24baed4963ee407u);
}

static inline uint32_t dns_name_hash32(const uint8_t *name, size_t length, uint32_t seed)
{
	uint64_t hash = dns_name_hash(name, length, seed);
	return (uint32_t)(hash ^ hash >> 32);
}

/*
 * Reads the possibly compressed name at `offset` of a message of `length` bytes into `name`.
 * Pointers must lead strictly backwards, to a name that ends before the labels they end, and not
 * into the header; their number is bounded. Returns the bytes that the name takes at `offset`, 0 if
 * it is malformed; `name_length` is set only on success. (RFC 1035, section 4.1.4)
 */
size_t dns_name_unpack(const uint8_t *message, size_t length, size_t offset,
		       uint8_t name[static DNS_NAME_MAX], uint8_t *name_length);

/* The same checks and result without the copy. */
size_t dns_name_skip(const uint8_t *message, size_t length, size_t offset);

/* Whether `name` is `suffix` or lies below it, ignoring case; every name lies in the root. */
bool dns_name_within(const uint8_t *name, size_t name_length, const uint8_t *suffix,
		     size_t suffix_length);

/* Copies `length` bytes of a name in lower case; `to` and `from` may be the same. */
void dns_name_lower(uint8_t *to, const uint8_t *from, size_t length);

/*
 * Where each label of a name starts, the leftmost first, the root label left out: every offset is
 * the start of a suffix. Returns the number of labels. Never reads past `length`, whatever the
 * bytes.
 */
unsigned dns_name_split(const uint8_t *name, size_t length,
			uint8_t offsets[static DNS_LABELS_MAX]);

/*
 * Reads a name in presentation format (RFC 1035, section 5.1): labels between dots, with or without
 * a final dot, \DDD for the byte with that decimal number and \X for the character X; "." and ""
 * are the root. Returns the length of the name, -EINVAL for an empty label or a broken escape,
 * -ENAMETOOLONG for a label over 63 bytes or a name over 255.
 */
int dns_name_parse(const char *text, size_t text_length, uint8_t name[static DNS_NAME_MAX]);

/*
 * Writes a name in presentation format and a final NUL: dots and backslashes within labels get a
 * backslash, bytes that are not printable ASCII become \DDD. With `dot` the text ends in a dot;
 * the root is "." then and "" without. Returns the length of the text, -ENOSPC if `size` is too
 * small (DNS_NAME_TEXT_SIZE never is).
 */
int dns_name_print(const uint8_t *name, char *text, size_t size, bool dot);

#endif
