/* SPDX-License-Identifier: BSD-2-Clause */
#include "control/export/encode.h"
#include "control/export/exporter.h"
#include "control/export/frames.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/unit.h"

static const uint8_t query[] = "\x12\x34\x01\x20\0\1\0\0\0\0\0\0\1w\4test\0\0\1\0\1";
#define QUERY_SIZE (sizeof(query) - 1)

/* A record as a worker would make it, with one item. */
static struct export_record *record_make(const struct export_item *item)
{
	static _Alignas(8) uint8_t memory[1024];
	struct export_record *record = (void *)memory;
	*record = (struct export_record){.message_length = QUERY_SIZE,
					 .length = QUERY_SIZE,
					 .arrival = 1000,
					 .now = 2000000000,
					 .client = {192, 0, 2, 1},
					 .local = {192, 0, 2, 2},
					 .client_port = 4711,
					 .local_port = 53,
					 .qtype = 1,
					 .qclass = 1,
					 .qname_length = 8};
	memcpy(record->bytes, query, QUERY_SIZE);
	if (item != NULL)
		record->items_length = export_item_put(record->bytes + QUERY_SIZE, 512, item);
	return record;
}

static const char *pool_name(void *ctx, uint16_t pool, size_t *length)
{
	(void)ctx;
	*length = pool == 0 ? 4 : 0;
	return "main";
}

static const struct export_world world = {
	.wall = 1700000000000000000u, .tsc = 2000000000, .tsc_hz = 1000000000, .pool_name = pool_name};

START_TEST(items_are_read_as_written)
{
	const struct export_item item = {EXPORT_ITEM_TAG, 7, 3, 5, (const uint8_t *)"key",
					 (const uint8_t *)"value"};
	struct export_record *record = record_make(&item);
	struct export_item read;
	uint32_t offset = 0;
	ck_assert(export_item_next(record, &offset, &read));
	ck_assert_uint_eq(read.kind, EXPORT_ITEM_TAG);
	ck_assert_uint_eq(read.code, 7);
	ck_assert_mem_eq(read.key, "key", 3);
	ck_assert_mem_eq(read.value, "value", 5);
	ck_assert(!export_item_next(record, &offset, &read));
	uint8_t room[8];
	ck_assert_uint_eq(export_item_put(room, sizeof(room), &item), 0);
}
END_TEST

START_TEST(a_query_becomes_a_message)
{
	const struct export_setting settings[] = {
		{EXPORT_OPTION_IDENTITY, 0, 4, "", "here"},
		{EXPORT_OPTION_PREFIX, 0, 2, "", "p-"},
		{EXPORT_OPTION_META, 1, 4, "m", "pool"},
	};
	const struct export_item tag = {EXPORT_ITEM_TAG, 0, 5, 1, (const uint8_t *)"p-key",
					(const uint8_t *)"v"};
	struct export_form *form =
		export_form_new(EXPORT_PROTOBUF, 0, EXPORT_FORM_STRIP, settings, 3);
	struct export_encoder *encoder = export_encoder_new();
	uint8_t bytes[512];
	ck_assert_ptr_nonnull(form);
	size_t length = export_protobuf(encoder, form, record_make(&tag), &world, bytes,
					sizeof(bytes));
	ck_assert_uint_gt(length, 0);
	/* Number and kind of a field, and where it has one the length of what follows. */
	static const struct {
		const char *bytes;
		size_t length;
	} fields[] = {
		{"\x08\x01", 2}, {"\x32\x04\xc0\0\2\1", 6}, {"\x3a\x04\xc0\0\2\2", 6}, {"\x1a\x04here", 6},
		{"\x48\x80\xe2\xcf\xaa\x06", 6}, /* 1,700,000,000 */
		{"\x62\x0d\x0a\x07w.test.\x10\x01\x18\x01", 15}, {"\x22\x05key:v", 7},
		{"\x28\xfe\xe1\xcf\xaa\x06\x30\x01", 8}, /* 1,699,999,998 and a microsecond */
		{"\xb2\x01\x0b\x0a\x01m\x12\x06\x0a\x04main", 14}, {"\xa0\x01\xe7\x24\xa8\x01\x35", 7},
		{"\xe0\x01\x81\x40", 4},
	};
	for (size_t i = 0; i < RTE_DIM(fields); i++)
		ck_assert_msg(memmem(bytes, length, fields[i].bytes, fields[i].length) != NULL,
			      "field %zu", i);
	/* One that does not fit is none. */
	ck_assert_uint_eq(export_protobuf(encoder, form, record_make(&tag), &world, bytes,
					  length - 1), 0);
	export_form_free(form);
	export_encoder_free(encoder);
}
END_TEST

/* exportExtendedErrorsToMeta: values "code:text" and "code" of one entry, which others do not have. */
START_TEST(extended_errors_become_metadata)
{
	const struct export_setting name = {EXPORT_OPTION_ERRORS, 0, 3, "", "ede"};
	const struct export_item error = {EXPORT_ITEM_ERROR, 15, 0, 7, NULL, (const uint8_t *)"Blocked"},
				 bare = {EXPORT_ITEM_ERROR, 65535, 0, 0, NULL, NULL};
	static const char wanted[] = "\xb2\x01\x1a\x0a\x03" "ede\x12\x13\x0a\x0a" "15:Blocked\x0a\x05" "65535";
	struct export_encoder *encoder = export_encoder_new();
	for (unsigned told = 0; told < 2; told++) {
		struct export_form *form = export_form_new(EXPORT_PROTOBUF, 0, 0, &name, told);
		struct export_record *record = record_make(&error);
		uint8_t bytes[512];
		ck_assert_ptr_nonnull(form);
		record->items_length += export_item_put(
			record->bytes + QUERY_SIZE + record->items_length, 256, &bare);
		record->flags |= EXPORT_RESPONSE;
		size_t length = export_protobuf(encoder, form, record, &world, bytes, sizeof(bytes));
		ck_assert_uint_gt(length, 0);
		ck_assert_int_eq(memmem(bytes, length, wanted, sizeof(wanted) - 1) != NULL, told);
		ck_assert_int_eq(memmem(bytes, length, "Blocked", 7) != NULL, told);
		export_form_free(form);
	}
	export_encoder_free(encoder);
}
END_TEST

START_TEST(forms_that_there_are_not)
{
	const struct export_setting meta = {EXPORT_OPTION_META, 1, 4, "m", "none"},
				    type = {EXPORT_OPTION_META, 1, 24, "m",
					    "proxy-protocol-value:256"},
				    key = {EXPORT_OPTION_CIPHER, 0, 5, "", "short"};
	ck_assert_ptr_null(export_form_new(EXPORT_PROTOBUF, 0, 0, &meta, 1));
	ck_assert_int_eq(errno, EINVAL);
	ck_assert_ptr_null(export_form_new(EXPORT_PROTOBUF, 0, 0, &type, 1));
	ck_assert_ptr_null(export_form_new(EXPORT_PROTOBUF, 0, 0, &key, 1));
}
END_TEST

START_TEST(what_a_collector_says)
{
	uint8_t ready[FRAMES_CONTROL_MAX];
	size_t length = frames_write(FRAMES_READY, ready);
	ck_assert_uint_gt(length, 12);
	ck_assert_int_eq(frames_accepted(ready, length), -EBADMSG); /* that is ours */
	ready[11] = 1;						      /* ACCEPT */
	ck_assert_int_eq(frames_accepted(ready, length), 1);
	for (size_t i = 0; i < length; i++)
		ck_assert_int_eq(frames_accepted(ready, i), 0);
	ready[length - 1] ^= 1; /* something else than dnstap */
	ck_assert_int_eq(frames_accepted(ready, length), -EBADMSG);
	ready[3] = 1; /* no control frame */
	ck_assert_int_eq(frames_accepted(ready, length), -EBADMSG);
}
END_TEST

static int thread_start(pthread_t *thread, void *(*run)(void *), void *argument)
{
	return pthread_create(thread, NULL, run, argument);
}

/* A policy that names another collector and form each time, where there is room for a few. */
static int policy_comes(struct exporter *exporter, struct exporter_uses *uses, unsigned which)
{
	struct rule_export made;
	char name[32];
	snprintf(name, sizeof(name), "/nowhere/%u", which);
	struct exporter_logger logger = {
		.kind = EXPORTER_FRAMES, .name = name, .address = {.ss_family = AF_UNIX},
		.address_size = sizeof(sa_family_t) + 1};
	int number = exporter_logger(exporter, uses, &logger);
	if (number >= 0)
		ck_assert_int_eq(exporter_form(exporter, uses, EXPORT_DNSTAP, (uint8_t)number, 0,
					       NULL, 0, &made), 0);
	return number;
}

START_TEST(what_nobody_uses_goes)
{
	struct exporter *exporter = exporter_create(1, 1000000000, thread_start);
	struct exporter_uses kept = {0}, again = {0}, refused = {0};
	enum exporter_kind kind;
	int first = policy_comes(exporter, &kept, 0);
	exporter_settle(exporter, &kept);
	for (unsigned i = 1; i < 4 * EXPORT_LOGGERS; i++) {
		struct exporter_uses uses = {0};
		int number;
		/* As soon as the thread has closed those before. */
		for (unsigned tries = 0; tries < 10000; tries++) {
			number = policy_comes(exporter, &uses, i);
			if (number != -ENOSPC)
				break;
			usleep(1000);
		}
		ck_assert_int_ge(number, 0);
		ck_assert_int_ne(number, first);
		exporter_settle(exporter, &uses);
		exporter_release(exporter, &uses);
		ck_assert_ptr_null(exporter_name(exporter, (unsigned)number, &kind));
	}
	/* Named by the next one too it stays, and a policy that is refused takes nothing along. */
	ck_assert_int_eq(policy_comes(exporter, &again, 0), first);
	exporter_release(exporter, &kept);
	ck_assert_int_eq(policy_comes(exporter, &refused, 0), first);
	exporter_release(exporter, &refused);
	ck_assert_str_eq(exporter_name(exporter, (unsigned)first, &kind), "/nowhere/0");
	exporter_destroy(exporter);
}
END_TEST

static Suite *export_suite(void)
{
	Suite *suite = suite_create("export");
	TCase *tests = tcase_create("export");
	tcase_add_test(tests, items_are_read_as_written);
	tcase_add_test(tests, a_query_becomes_a_message);
	tcase_add_test(tests, extended_errors_become_metadata);
	tcase_add_test(tests, forms_that_there_are_not);
	tcase_add_test(tests, what_a_collector_says);
	tcase_add_test(tests, what_nobody_uses_goes);
	suite_add_tcase(suite, tests);
	return suite;
}

UNIT_MAIN(export_suite)
