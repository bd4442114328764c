/* SPDX-License-Identifier: BSD-2-Clause */
/* What a collector is told of packets: made once from what the policy says, read by the thread. */
#ifndef SLUICE_CONTROL_EXPORT_FORM_H
#define SLUICE_CONTROL_EXPORT_FORM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/rules/export.h"

enum export_encoding {
	EXPORT_PROTOBUF, /* a PBDNSMessage */
	EXPORT_DNSTAP,
	EXPORT_COPY, /* the query itself */
};

enum export_form_flag {
	EXPORT_FORM_CNAMES = 1 << 0,	/* of a response's records CNAMEs too */
	EXPORT_FORM_KEYS_ONLY = 1 << 1, /* of tags that are exported, not their values */
	EXPORT_FORM_STRIP = 1 << 2,	/* of their keys not the prefix that they were chosen by */
	EXPORT_FORM_SUBNET = 1 << 3,	/* a copy has the client's subnet */
	EXPORT_FORM_PROXY = 1 << 4,	/* and a PROXY header before it */
};

enum export_option {
	EXPORT_OPTION_IDENTITY, /* value: who we are */
	EXPORT_OPTION_TAG,	/* value: the key of a tag; "*": all */
	EXPORT_OPTION_PREFIX,	/* value: how keys begin */
	EXPORT_OPTION_META,	/* key: what it is to be called; value: what it is */
	EXPORT_OPTION_ERRORS,	/* value: what extended errors are to be called */
	EXPORT_OPTION_CIPHER,	/* value: 16 bytes, the key that addresses are encrypted with */
	EXPORT_OPTION_LOCAL,	/* of a collector: where it is asked from */
	EXPORT_OPTIONS,
};

/* One thing that the policy says; the bytes are anybody's. */
struct export_setting {
	uint16_t kind; /* enum export_option */
	uint16_t key_length;
	uint32_t value_length;
	const char *key, *value;
};

enum export_meta_kind {
	EXPORT_META_TAG,
	EXPORT_META_TAGS,
	EXPORT_META_POOL,
	EXPORT_META_CONTENT,
	EXPORT_META_PROXY,
	EXPORT_META_PROXY_ALL,
	EXPORT_META_NOTHING, /* what only encrypted transports have */
};

struct export_meta {
	enum export_meta_kind kind;
	uint8_t type; /* of a value in a PROXY header */
	const struct export_setting *setting;
	const char *argument; /* of a tag: its key */
	uint32_t argument_length;
};

struct export_form {
	enum export_encoding encoding;
	uint8_t logger;
	uint8_t flags; /* enum export_form_flag */
	uint8_t parts; /* that it needs of a packet: enum export_part */
	bool all_tags;
	const struct export_setting *identity, *errors, *cipher; /* NULL: none */
	unsigned n_settings, n_metas;
	struct export_meta *metas;
	struct export_setting *settings; /* their bytes follow */
};

/*
 * With copies of what is given. NULL: errno, EINVAL for metadata of a kind that there is not, or a key
 * that does not fit.
 */
struct export_form *export_form_new(enum export_encoding encoding, uint8_t logger, uint8_t flags,
				    const struct export_setting *settings, unsigned count);
void export_form_free(struct export_form *form);

/* Whether it is what would be made of this. */
bool export_form_is(const struct export_form *form, enum export_encoding encoding, uint8_t logger,
		    uint8_t flags, const struct export_setting *settings, unsigned count);

/* Whether a tag with this key is told; `*skip` bytes at its start are not. */
bool export_form_tag(const struct export_form *form, const uint8_t *key, size_t length,
		     size_t *skip);

#endif
