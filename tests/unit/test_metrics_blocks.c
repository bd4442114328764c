/* SPDX-License-Identifier: BSD-2-Clause */
/* Whom dynamic blocks hit most, by their reasons, of which there may be more than are told apart. */
#include "control/metrics/metrics.h"

#include <stdlib.h>
#include <string.h>

#include "dataplane/rules/actions.h"
#include "dataplane/rules/block_set.h"
#include "tests/unit/unit.h"

#define MANY 100u

void metrics_head(FILE *out, const char *name, const char *type, const char *help)
{
	(void)out, (void)name, (void)type, (void)help;
}

void metrics_value(FILE *out, const char *name, const char *type, const char *help, uint64_t value)
{
	(void)type, (void)help;
	fprintf(out, "%s %lu\n", name, (unsigned long)value);
}

void metrics_label(FILE *out, const char *text, size_t length)
{
	fwrite(text, 1, length, out);
}

static unsigned lines_of(const char *text, const char *begin)
{
	unsigned count = 0;
	for (; (text = strstr(text, begin)) != NULL; text++)
		count++;
	return count;
}

START_TEST(reasons_beyond_those_told_apart)
{
	static struct control control;
	const struct blocks *now;
	const struct block *block;
	uint32_t cursor = 0;
	char *text, reason[32];
	size_t size;
	control.blocks = block_set_create(&now, NULL, 1, 7);
	for (unsigned i = 0; i < MANY; i++) {
		const uint8_t address[16] = {192, 0, 2, (uint8_t)i};
		struct block_client client;
		snprintf(reason, sizeof(reason), "reason %u", i);
		const struct block_order order = {
			.reason = reason, .until = 1000, .action = RULE_RESULT_DROP};
		ck_assert_int_eq(block_client_make(&client, address, false, 32, 0, 0), 0);
		ck_assert_int_eq(block_set_add_client(control.blocks, &client, &order, 1),
				 BLOCK_ADDED);
	}
	while ((block = block_set_next(control.blocks, &cursor)) != NULL)
		block->hits[0] = 60;
	while (!block_set_sweep(control.blocks, 2, false, true))
		;
	FILE *out = open_memstream(&text, &size);
	metrics_blocks_print(&control, out);
	fclose(out);
	ck_assert_uint_eq(lines_of(text, "{reason=\"reason "), 64);
	ck_assert_uint_eq(lines_of(text, "{reason=\"other\",netmask="), 20);
	ck_assert_uint_eq(lines_of(text, "} 1.000\n"), 84);
	ck_assert_ptr_nonnull(strstr(text, "dnsdist_dyn_block_nmg_size 100\n"));
	free(text);
	block_set_destroy(control.blocks);
}
END_TEST

static Suite *blocks_suite(void)
{
	Suite *suite = suite_create("metrics_blocks");
	TCase *all = tcase_create("all");
	tcase_add_test(all, reasons_beyond_those_told_apart);
	suite_add_tcase(suite, all);
	return suite;
}

UNIT_MAIN(blocks_suite)
