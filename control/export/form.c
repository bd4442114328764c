/* SPDX-License-Identifier: BSD-2-Clause */
#include "control/export/form.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/crypto/ip_cipher.h"

static const struct {
	const char *text; /* one that ends in a colon takes an argument */
	enum export_meta_kind kind;
	uint8_t parts;
} metas[] = {
	{"tag:", EXPORT_META_TAG, EXPORT_NOTES},
	{"tags", EXPORT_META_TAGS, EXPORT_NOTES},
	{"pool", EXPORT_META_POOL, 0},
	{"b64-content", EXPORT_META_CONTENT, EXPORT_MESSAGE},
	{"proxy-protocol-value:", EXPORT_META_PROXY, EXPORT_NOTES},
	{"proxy-protocol-values", EXPORT_META_PROXY_ALL, EXPORT_NOTES},
	{"doh-header:", EXPORT_META_NOTHING, 0},
	{"doh-host", EXPORT_META_NOTHING, 0},
	{"doh-path", EXPORT_META_NOTHING, 0},
	{"doh-query-string", EXPORT_META_NOTHING, 0},
	{"doh-scheme", EXPORT_META_NOTHING, 0},
	{"sni", EXPORT_META_NOTHING, 0},
};

static bool meta_is(const struct export_setting *setting, const char *text)
{
	size_t length = strlen(text);
	if (text[length - 1] == ':')
		return setting->value_length >= length && memcmp(setting->value, text, length) == 0;
	return setting->value_length == length && memcmp(setting->value, text, length) == 0;
}

/* The argument as a number, -1: it is none. */
static int type_of(const struct export_meta *meta)
{
	unsigned type = 0;
	for (uint32_t i = 0; i < meta->argument_length && type <= UINT8_MAX; i++) {
		if (meta->argument[i] < '0' || meta->argument[i] > '9')
			return -1;
		type = type * 10 + (unsigned)(meta->argument[i] - '0');
	}
	return meta->argument_length > 0 && type <= UINT8_MAX ? (int)type : -1;
}

static int meta_make(struct export_form *form, const struct export_setting *setting)
{
	for (size_t i = 0; i < RTE_DIM(metas); i++) {
		if (!meta_is(setting, metas[i].text))
			continue;
		struct export_meta *meta = &form->metas[form->n_metas++];
		size_t skip = strlen(metas[i].text);
		*meta = (struct export_meta){
			.kind = metas[i].kind,
			.setting = setting,
			.argument = setting->value + skip,
			.argument_length = setting->value_length - (uint32_t)skip,
		};
		form->parts |= metas[i].parts;
		if (meta->kind == EXPORT_META_PROXY && type_of(meta) < 0)
			return -EINVAL;
		meta->type = meta->kind == EXPORT_META_PROXY ? (uint8_t)type_of(meta) : 0;
		return 0;
	}
	return -EINVAL;
}

static int setting_apply(struct export_form *form, const struct export_setting *setting)
{
	switch ((enum export_option)setting->kind) {
	case EXPORT_OPTION_IDENTITY:
		form->identity = setting;
		return 0;
	case EXPORT_OPTION_TAG:
		form->all_tags |= setting->value_length == 1 && setting->value[0] == '*';
		form->parts |= EXPORT_NOTES;
		return 0;
	case EXPORT_OPTION_PREFIX:
		form->parts |= EXPORT_NOTES;
		return 0;
	case EXPORT_OPTION_META:
		return meta_make(form, setting);
	case EXPORT_OPTION_ERRORS:
		form->errors = setting;
		form->parts |= EXPORT_NOTES;
		return 0;
	case EXPORT_OPTION_CIPHER:
		form->cipher = setting;
		return setting->value_length == IP_CIPHER_KEY ||
				       setting->value_length == IP_CIPHER_PREFIX_KEY
			       ? 0
			       : -EINVAL;
	case EXPORT_OPTION_LOCAL:
	case EXPORT_OPTIONS:
		break;
	}
	return -EINVAL;
}

static size_t bytes_of(const struct export_setting *settings, unsigned count)
{
	size_t bytes = 0;
	for (unsigned i = 0; i < count; i++)
		bytes += (size_t)settings[i].key_length + settings[i].value_length;
	return bytes;
}

static void settings_copy(struct export_form *form, const struct export_setting *settings)
{
	char *bytes = (char *)&form->settings[form->n_settings];
	for (unsigned i = 0; i < form->n_settings; i++) {
		struct export_setting *to = &form->settings[i];
		*to = settings[i];
		to->key = bytes;
		to->value = bytes + to->key_length;
		if (to->key_length > 0)
			memcpy(bytes, settings[i].key, to->key_length);
		if (to->value_length > 0)
			memcpy(bytes + to->key_length, settings[i].value, to->value_length);
		bytes += (size_t)to->key_length + to->value_length;
	}
}

struct export_form *export_form_new(enum export_encoding encoding, uint8_t logger, uint8_t flags,
				    const struct export_setting *settings, unsigned count)
{
	struct export_form *form = calloc(1, sizeof(*form));
	int error = form == NULL ? -ENOMEM : 0;
	if (form == NULL)
		goto out;
	form->encoding = encoding;
	form->logger = logger;
	form->flags = flags;
	/* Metadata and identities that rules gave the packet are always told. */
	form->parts = encoding == EXPORT_PROTOBUF ? EXPORT_NOTES : EXPORT_MESSAGE;
	form->n_settings = count;
	form->metas = calloc(count + 1, sizeof(*form->metas));
	form->settings = malloc((count + 1) * sizeof(*form->settings) + bytes_of(settings, count));
	if (form->metas == NULL || form->settings == NULL) {
		error = -ENOMEM;
		goto out;
	}
	settings_copy(form, settings);
	for (unsigned i = 0; i < count && error == 0; i++)
		error = setting_apply(form, &form->settings[i]);
out:
	if (error == 0)
		return form;
	export_form_free(form);
	errno = -error;
	return NULL;
}

void export_form_free(struct export_form *form)
{
	if (form == NULL)
		return;
	free(form->metas);
	free(form->settings);
	free(form);
}

static bool bytes_equal(const char *a, size_t a_length, const char *b, size_t b_length)
{
	return a_length == b_length && (a_length == 0 || memcmp(a, b, a_length) == 0);
}

bool export_form_is(const struct export_form *form, enum export_encoding encoding, uint8_t logger,
		    uint8_t flags, const struct export_setting *settings, unsigned count)
{
	bool same = form->encoding == encoding && form->logger == logger && form->flags == flags &&
		    form->n_settings == count;
	for (unsigned i = 0; same && i < count; i++) {
		const struct export_setting *mine = &form->settings[i], *other = &settings[i];
		same = mine->kind == other->kind &&
		       bytes_equal(mine->key, mine->key_length, other->key, other->key_length) &&
		       bytes_equal(mine->value, mine->value_length, other->value,
				   other->value_length);
	}
	return same;
}

bool export_form_tag(const struct export_form *form, const uint8_t *key, size_t length,
		     size_t *skip)
{
	*skip = 0;
	for (unsigned i = 0; i < form->n_settings; i++) {
		const struct export_setting *setting = &form->settings[i];
		size_t size = setting->value_length;
		if (setting->kind == EXPORT_OPTION_TAG && size == length &&
		    (length == 0 || memcmp(setting->value, key, size) == 0))
			return true;
		if (setting->kind != EXPORT_OPTION_PREFIX || size > length ||
		    (size > 0 && memcmp(setting->value, key, size) != 0))
			continue;
		if (form->flags & EXPORT_FORM_STRIP)
			*skip = size;
		return true;
	}
	return form->all_tags;
}
