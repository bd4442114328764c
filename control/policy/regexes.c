/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The expressions of each chain in one set, so that a name is read once for all of them. A set takes
 * the longer to compile the more they are, and is compiled elsewhere: a policy that is read waits for
 * it. One that is changed while it runs keeps the set that it has, as long as that serves most of the
 * chain, and asks the others alone; also while a better set is being compiled, if they are not too
 * many for that. Where expressions are too large to go together each stays alone.
 */
#include <errno.h>
#include <stdlib.h>

#include "control/policy/expressions.h"
#include "control/policy/model.h"
#include "dataplane/rules/chain_regexes.h"

#define SET_MIN 4u    /* expressions; fewer cost less alone */
#define FRESH_MAX 32u /* expressions that may be outside of a set that serves */
#define ALONE_MAX 256u /* likewise while another is being compiled: some 30 us a packet */

/* The different expressions of a chain, those that are bad left out. */
struct search {
	struct expression **found;
	size_t count, size;
	uint32_t mark;
	bool bad;    /* there are some */
	bool failed; /* without memory */
};

static void expression_add(struct search *search, struct expression *expression)
{
	expression->seen = search->mark;
	if (search->count == search->size) {
		size_t size = search->size ? search->size * 2 : 64;
		void *grown = realloc(search->found, size * sizeof(struct expression *));
		search->failed |= grown == NULL;
		if (grown == NULL)
			return;
		search->found = grown;
		search->size = size;
	}
	search->found[search->count++] = expression;
}

static void selector_search(const struct policy_selector *selector, struct search *search)
{
	struct expression *expression = selector->expression;
	for (size_t i = 0; i < selector->count; i++)
		selector_search(selector->members[i], search);
	if (expression == NULL || expression->seen == search->mark)
		return;
	if (expression->state == EXPRESSION_BAD)
		search->bad = true;
	else
		expression_add(search, expression);
}

/* ---- the set ---- */

static size_t used_of(const struct expression_set *set, const struct search *search)
{
	size_t used = 0;
	for (unsigned i = 0; i < set->count; i++)
		used += set->members[i]->seen == search->mark;
	return used;
}

static bool serves(const struct expression_set *set, size_t used, const struct search *search)
{
	size_t beyond = search->count - RTE_MIN(search->count, (size_t)CHAIN_REGEXES_MAX);
	return search->count - used <= FRESH_MAX + beyond && used * 2 >= set->count;
}

/* The one in that state that serves most; NULL: none. */
static struct expression_set *set_find(const struct expressions *all, enum expression_state state,
				       const struct search *search)
{
	struct expression_set *set = NULL, *best = NULL;
	size_t most = 0;
	while ((set = expression_set_next(all, set)) != NULL) {
		if (set->state != state)
			continue;
		size_t used = used_of(set, search);
		if (used > most && serves(set, used, search)) {
			best = set;
			most = used;
		}
	}
	return best;
}

static void set_replace(struct expression_set **place, struct expression_set *set)
{
	if (set != NULL)
		expression_set_use(set);
	expression_set_leave(*place);
	*place = set;
}

/* What is in force until there is a better set: what the model has, if that goes. */
static bool set_does(const struct policy_regexes *regexes, const struct search *search)
{
	size_t used = regexes->set != NULL ? used_of(regexes->set, search) : 0;
	return search->count - used <= ALONE_MAX;
}

/* Finds the chain's set, or has it made. 0, -ENOMEM, or -EAGAIN: there is none yet that would do. */
static int set_prepare(struct policy_model *model, struct policy_regexes *regexes,
		       struct search *search)
{
	struct expressions *all = model->registry->expressions;
	struct expression_set *set = set_find(all, EXPRESSION_READY, search), *next = NULL;
	if (set == NULL)
		next = set_find(all, EXPRESSION_WAITS, search);
	if (set == NULL && next == NULL)
		next = set_find(all, EXPRESSION_BAD, search);
	if (set == NULL && next == NULL) {
		next = expression_set_new(all, search->found,
					  (unsigned)RTE_MIN(search->count, CHAIN_REGEXES_MAX));
		if (next == NULL)
			return -ENOMEM;
	}
	set_replace(&regexes->next, next);
	if (next != NULL && next->state == EXPRESSION_READY)
		set = next;
	bool waits = set == NULL && (next->state == EXPRESSION_WAITS || next->state == EXPRESSION_NEW);
	if (!waits)
		set_replace(&regexes->set, set);
	else if (!model->applied || !set_does(regexes, search))
		return -EAGAIN;
	return 0;
}

/* ---- those alone ---- */

static int alone_prepare(struct policy_model *model, struct policy_regexes *regexes,
			 struct search *search)
{
	bool ready;
	size_t count = 0;
	uint32_t mark = expressions_mark(model->registry->expressions);
	for (unsigned i = 0; regexes->set != NULL && i < regexes->set->count; i++)
		regexes->set->members[i]->seen = mark;
	for (size_t i = 0; i < search->count; i++)
		if (search->found[i]->seen != mark)
			search->found[count++] = search->found[i];
	search->count = regexes->alone = count;
	int error = expressions_need(model->registry->expressions, search->found, count, &ready);
	return error != 0 ? error : ready ? 0 : -EAGAIN;
}

/* Scratch that fits whatever the chain asks. */
static int scratch_fit(struct policy_model *model, const struct policy_regexes *regexes,
		       const struct search *search)
{
	if (regexes->set != NULL &&
	    regex_scratch_fit((const void *)regexes->set->blob->data, &model->scratch) != 0)
		return -ENOMEM;
	for (size_t i = 0; i < search->count; i++)
		if (search->found[i]->blob != NULL &&
		    regex_scratch_fit((const void *)search->found[i]->blob->data,
				      &model->scratch) != 0)
			return -ENOMEM;
	return 0;
}

static int chain_prepare(struct policy_model *model, enum chain_id chain)
{
	const struct policy_rules *rules = &model->chains[chain];
	struct policy_regexes *regexes = &model->regexes[chain];
	struct search search = {.mark = expressions_mark(model->registry->expressions)};
	int error = 0;
	for (size_t i = 0; i < rules->count; i++)
		selector_search(rules->rules[i]->selector, &search);
	if (search.failed) {
		error = -ENOMEM;
	} else if (search.bad && !model->applied) {
		error = -EAGAIN; /* who reads the policy again is told which, and where */
	} else if (search.count >= SET_MIN) {
		error = set_prepare(model, regexes, &search);
	} else {
		set_replace(&regexes->set, NULL);
		set_replace(&regexes->next, NULL);
	}
	if (error == 0)
		error = alone_prepare(model, regexes, &search);
	if (error == 0)
		error = scratch_fit(model, regexes, &search);
	free(search.found);
	return error;
}

int policy_regexes_prepare(struct policy_model *model)
{
	int waits = 0;
	for (unsigned chain = 0; chain < CHAIN_COUNT; chain++) {
		int error = chain_prepare(model, chain);
		if (error == -EAGAIN)
			waits = error; /* the others' are compiled meanwhile */
		else if (error != 0)
			return error;
	}
	return waits;
}

bool policy_regexes_came(const struct policy_model *model)
{
	for (unsigned chain = 0; chain < CHAIN_COUNT; chain++) {
		const struct policy_regexes *regexes = &model->regexes[chain];
		if (regexes->next != NULL && regexes->next != regexes->set &&
		    (regexes->next->state == EXPRESSION_READY ||
		     regexes->next->state == EXPRESSION_NEW))
			return true;
	}
	return false;
}

/* ---- compiling ---- */

static void selector_place(struct policy_selector *selector, uint32_t mark)
{
	for (size_t i = 0; i < selector->count; i++)
		selector_place(selector->members[i], mark);
	if (selector->expression != NULL)
		selector->test.value = selector->expression->seen == mark
					       ? (uint16_t)selector->expression->place
					       : CHAIN_REGEX_NONE;
}

void policy_regexes_place(struct policy_model *model, enum chain_id chain)
{
	const struct expression_set *set = model->regexes[chain].set;
	const struct policy_rules *rules = &model->chains[chain];
	uint32_t mark = expressions_mark(model->registry->expressions);
	for (unsigned i = 0; set != NULL && i < set->count; i++) {
		set->members[i]->seen = mark;
		set->members[i]->place = i;
	}
	for (size_t i = 0; i < rules->count; i++)
		selector_place(rules->rules[i]->selector, mark);
}

void policy_expressions(const struct policy_model *model, enum chain_id chain,
			struct policy_expressions *expressions)
{
	const struct policy_regexes *regexes = &model->regexes[chain];
	const struct expression_set *set = regexes->set;
	*expressions = (struct policy_expressions){.together = set != NULL ? set->count : 0,
						   .alone = regexes->alone,
						   .size = set != NULL ? set->size : 0,
						   .seconds = set != NULL ? set->seconds : 0};
}

void policy_regexes_free(struct policy_model *model)
{
	for (unsigned chain = 0; chain < CHAIN_COUNT; chain++) {
		set_replace(&model->regexes[chain].set, NULL);
		set_replace(&model->regexes[chain].next, NULL);
	}
}
