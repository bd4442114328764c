/* SPDX-License-Identifier: BSD-2-Clause */
#include "dataplane/rules/chain_regexes.h"

#include <stdlib.h>
#include <string.h>

#include "dataplane/rules/regex.h"

/* ---- look-up */

struct scan {
	const struct chain_regexes *regexes;
	struct chain_regexes_found *found;
};

static void expression_found(void *data, unsigned place)
{
	const struct scan *scan = data;
	const struct chain_regexes *regexes = scan->regexes;
	scan->found->expressions[place / 64] |= (uint64_t)1 << place % 64;
	for (uint32_t i = regexes->first[place]; i < regexes->first[place + 1]; i++) {
		uint16_t rule = regexes->rules[i];
		scan->found->rules[rule / 64] |= (uint64_t)1 << rule % 64;
	}
}

void chain_regexes_scan(const struct chain_regexes *regexes, const char *text, size_t length,
			struct hs_scratch *scratch, struct chain_regexes_found *found)
{
	struct scan scan = {regexes, found};
	memset(found->expressions, 0, (regexes->count + 63u) / 64 * sizeof(uint64_t));
	memset(found->rules, 0, regexes->words * sizeof(uint64_t));
	regex_set_match(regexes->set, text, length, scratch, expression_found, &scan);
}

/* ---- building */

static int needs_compare(const void *left, const void *right)
{
	const struct chain_regex_need *a = left, *b = right;
	if (a->expression != b->expression)
		return a->expression < b->expression ? -1 : 1;
	return (a->rule > b->rule) - (a->rule < b->rule);
}

struct chain_regexes *chain_regexes_new(const struct regex *set, uint16_t count,
					struct chain_regex_need *needs, size_t n_needs,
					size_t rules)
{
	size_t words = (rules + 63) / 64;
	struct chain_regexes *regexes =
		calloc(1, sizeof(*regexes) + words * sizeof(uint64_t) +
				  (count + 1u) * sizeof(uint32_t) + n_needs * sizeof(uint16_t));
	if (regexes == NULL)
		return NULL;
	uint64_t *driven = (void *)(regexes + 1);
	uint32_t *first = (void *)(driven + words);
	uint16_t *places = (void *)(first + count + 1);
	if (n_needs > 0)
		qsort(needs, n_needs, sizeof(*needs), needs_compare);
	for (size_t i = 0; i < n_needs; i++) {
		places[i] = needs[i].rule;
		driven[places[i] / 64] |= (uint64_t)1 << places[i] % 64;
		first[needs[i].expression + 1] = (uint32_t)i + 1;
	}
	for (unsigned i = 1; i <= count; i++) /* what no rule needs is empty */
		if (first[i] < first[i - 1])
			first[i] = first[i - 1];
	*regexes = (struct chain_regexes){.set = set,
					  .count = count,
					  .words = (uint16_t)words,
					  .first = first,
					  .rules = places,
					  .driven = driven};
	return regexes;
}

void chain_regexes_free(struct chain_regexes *regexes)
{
	free(regexes);
}
