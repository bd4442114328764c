/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The expressions of each chain in one database, so that a name is read once for all of them.
 * Compiling it takes the longer the more they are; a policy that is changed while it runs keeps the
 * one that it has, as long as it serves most of the chain. Where expressions are too large to go
 * together each stays alone.
 */
#include <stdlib.h>
#include <time.h>

#include "control/policy/model.h"
#include "dataplane/rules/chain_regexes.h"
#include "dataplane/rules/regex.h"

#define SET_MIN 4u    /* expressions; fewer cost less alone */
#define FRESH_MAX 32u /* expressions that may be outside of a set that serves */
#define FRESH (CHAIN_REGEX_NONE - 1)

/* The expressions of a chain, as they are looked through. */
struct search {
	struct policy_selector **fresh; /* not in the set */
	size_t n_fresh, size;
	size_t used; /* of the set's */
	bool failed; /* without memory */
};

typedef void visit_fn(struct policy_selector *selector, struct search *search);

static void selector_visit(struct policy_selector *selector, visit_fn *visit, struct search *search)
{
	for (size_t i = 0; i < selector->count; i++)
		selector_visit(selector->members[i], visit, search);
	if (selector->node == NODE_TEST && selector->test.kind == RULE_TEST_REGEX)
		visit(selector, search);
}

static void chain_visit(const struct policy_rules *rules, visit_fn *visit, struct search *search)
{
	for (size_t i = 0; i < rules->count; i++)
		selector_visit(rules->rules[i]->selector, visit, search);
}

static void mark_none(struct policy_selector *selector, struct search *search)
{
	(void)search;
	selector->test.value = CHAIN_REGEX_NONE;
}

static void mark_members(const struct policy_regexes *regexes)
{
	for (unsigned i = 0; i < regexes->count; i++)
		regexes->members[i]->test.value = (uint16_t)i;
}

static void collect(struct policy_selector *selector, struct search *search)
{
	if (selector->test.value < FRESH) {
		search->used++;
	} else if (selector->test.value == CHAIN_REGEX_NONE && !search->failed) {
		if (search->n_fresh == search->size) {
			size_t size = search->size ? search->size * 2 : 64;
			void *grown = realloc(search->fresh, size * sizeof(struct policy_selector *));
			search->failed = grown == NULL;
			if (grown == NULL)
				return;
			search->fresh = grown;
			search->size = size;
		}
		selector->test.value = FRESH;
		search->fresh[search->n_fresh++] = selector;
	}
}

static void regexes_clear(struct policy_regexes *regexes)
{
	policy_blob_release(regexes->set);
	free(regexes->members);
	*regexes = (struct policy_regexes){0};
}

static struct policy_blob *set_place(const struct regex_code *code, struct hs_scratch **scratch)
{
	struct policy_blob *blob = policy_blob_new(regex_size(code));
	if (blob != NULL && (regex_place(code, blob->data) == NULL ||
			     regex_scratch_fit((const void *)blob->data, scratch) != 0)) {
		policy_blob_release(blob);
		blob = NULL;
	}
	return blob;
}

static double now(void)
{
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

/* A set of these; none if they do not go together. False without memory. */
static bool set_compile(struct policy_model *model, struct policy_regexes *regexes,
			struct search *search)
{
	char error[256];
	struct regex_code code;
	unsigned count = (unsigned)RTE_MIN(search->n_fresh, (size_t)CHAIN_REGEXES_MAX);
	struct regex_source *sources = calloc(count, sizeof(*sources));
	regexes->members = calloc(count, sizeof(struct policy_selector *));
	if (sources == NULL || regexes->members == NULL) {
		free(sources);
		return false;
	}
	for (unsigned i = 0; i < count; i++) {
		regexes->members[i] = search->fresh[i];
		sources[i] = search->fresh[i]->expression;
	}
	double begin = now();
	bool compiled = regex_set_compile(sources, count, &code, error, sizeof(error)) == 0;
	free(sources);
	regexes->failed = !compiled;
	regexes->seconds = now() - begin;
	if (!compiled)
		return true;
	regexes->set = set_place(&code, &model->scratch);
	regexes->count = count;
	regexes->size = regex_size(&code);
	search->n_fresh -= count;
	regex_code_free(&code);
	return regexes->set != NULL;
}

static bool chain_prepare(struct policy_model *model, enum chain_id chain)
{
	const struct policy_rules *rules = &model->chains[chain];
	struct policy_regexes *regexes = &model->regexes[chain];
	struct search search = {0};
	bool made = true;

	chain_visit(rules, mark_none, &search);
	mark_members(regexes);
	chain_visit(rules, collect, &search);
	size_t all = search.used + search.n_fresh;
	bool serves = search.n_fresh <= FRESH_MAX && search.used * 2 >= regexes->count &&
		      (regexes->set != NULL || all < SET_MIN);
	if (!serves && !regexes->failed) {
		regexes_clear(regexes);
		search.n_fresh = 0;
		chain_visit(rules, mark_none, &search);
		chain_visit(rules, collect, &search);
		if (search.n_fresh >= SET_MIN && !search.failed)
			made = set_compile(model, regexes, &search);
	}
	regexes->alone = search.n_fresh;
	free(search.fresh);
	return made && !search.failed;
}

bool policy_regexes_prepare(struct policy_model *model)
{
	for (unsigned chain = 0; chain < CHAIN_COUNT; chain++)
		if (!chain_prepare(model, chain))
			return false;
	return true;
}

void policy_regexes_place(struct policy_model *model, enum chain_id chain)
{
	chain_visit(&model->chains[chain], mark_none, NULL);
	mark_members(&model->regexes[chain]);
}

void policy_expressions(const struct policy_model *model, enum chain_id chain,
			struct policy_expressions *expressions)
{
	const struct policy_regexes *regexes = &model->regexes[chain];
	*expressions = (struct policy_expressions){.together = regexes->count,
						   .alone = regexes->alone,
						   .size = regexes->size,
						   .seconds = regexes->seconds};
}

void policy_regexes_free(struct policy_model *model)
{
	for (unsigned chain = 0; chain < CHAIN_COUNT; chain++)
		regexes_clear(&model->regexes[chain]);
}
