/* SPDX-License-Identifier: BSD-2-Clause */
#include "control/policy/expressions.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BUCKETS_MIN 64u
#define BATCH_MAX 32u /* expressions that are compiled alone in one work: some 50 ms */

/* Expressions whose code alone is made. */
struct batch {
	struct work work; /* first */
	struct batch *next;
	struct expressions *all;
	unsigned count;
	struct {
		struct expression *expression; /* a use of it */
		struct policy_blob *blob;
		char *error;
	} items[BATCH_MAX];
};

struct expressions {
	struct works *works;
	struct expression **buckets;
	size_t n_buckets, count;
	struct expression_set *sets;
	struct batch *batches; /* that are not done */
	uint32_t reading, mark;
	bool dirty; /* something lost its last user, or may have */
};

struct expressions *expressions_new(void)
{
	struct expressions *all = calloc(1, sizeof(*all));
	if (all == NULL)
		return NULL;
	all->n_buckets = BUCKETS_MIN;
	all->buckets = calloc(all->n_buckets, sizeof(*all->buckets));
	if (all->buckets != NULL)
		return all;
	free(all);
	return NULL;
}

void expressions_works_set(struct expressions *all, struct works *works)
{
	all->works = works;
}

bool expressions_wait(const struct expressions *all)
{
	return all->works != NULL;
}

void expressions_reading(struct expressions *all)
{
	all->reading++;
	all->dirty = true;
}

uint32_t expressions_mark(struct expressions *all)
{
	return ++all->mark;
}

/* ---- expressions ---- */

static uint32_t hash_of(const char *text, enum regex_kind kind)
{
	uint32_t hash = 2166136261u ^ (uint32_t)kind;
	for (; *text != '\0'; text++)
		hash = (hash ^ (uint8_t)*text) * 16777619u;
	return hash;
}

/* Twice the buckets; without memory chains are longer. */
static void buckets_grow(struct expressions *all)
{
	size_t size = all->n_buckets * 2;
	struct expression **buckets = calloc(size, sizeof(*buckets));
	if (buckets == NULL)
		return;
	for (size_t i = 0; i < all->n_buckets; i++)
		while (all->buckets[i] != NULL) {
			struct expression *expression = all->buckets[i];
			all->buckets[i] = expression->next;
			expression->next = buckets[expression->hash % size];
			buckets[expression->hash % size] = expression;
		}
	free(all->buckets);
	all->buckets = buckets;
	all->n_buckets = size;
}

static struct expression *expression_new(struct expressions *all, const char *text,
					 enum regex_kind kind, uint32_t hash)
{
	size_t size = strlen(text) + 1;
	struct expression *expression = calloc(1, sizeof(*expression) + size);
	if (expression == NULL)
		return NULL;
	if (all->count >= all->n_buckets)
		buckets_grow(all);
	memcpy(expression->text, text, size);
	expression->all = all;
	expression->hash = hash;
	expression->source = (struct regex_source){expression->text, kind};
	expression->next = all->buckets[hash % all->n_buckets];
	all->buckets[hash % all->n_buckets] = expression;
	all->count++;
	return expression;
}

struct expression *expression_take(struct expressions *all, const char *text, enum regex_kind kind)
{
	uint32_t hash = hash_of(text, kind);
	struct expression *expression = all->buckets[hash % all->n_buckets];
	while (expression != NULL && (expression->hash != hash || expression->source.kind != kind ||
				      strcmp(expression->text, text) != 0))
		expression = expression->next;
	if (expression == NULL)
		expression = expression_new(all, text, kind, hash);
	if (expression == NULL)
		return NULL;
	expression->users++;
	expression->asked = all->reading;
	return expression;
}

void expression_leave(struct expression *expression)
{
	if (expression != NULL && --expression->users == 0)
		expression->all->dirty = true;
}

static void expression_free(struct expression *expression)
{
	expression->all->count--;
	policy_blob_release(expression->blob);
	free(expression->error);
	free(expression);
}

/* ---- code ---- */

/* Any thread. NULL with what is wrong in `error`. */
static struct policy_blob *code_place(struct regex_code *code, char *error, size_t error_size)
{
	struct policy_blob *blob = policy_blob_new(regex_size(code));
	if (blob != NULL && regex_place(code, blob->data) == NULL) {
		policy_blob_release(blob);
		blob = NULL;
	}
	regex_code_free(code);
	if (blob == NULL)
		snprintf(error, error_size, "no memory");
	return blob;
}

static void batch_run(struct work *work)
{
	struct batch *batch = (struct batch *)work;
	for (unsigned i = 0; i < batch->count; i++) {
		const struct regex_source *source = &batch->items[i].expression->source;
		struct regex_code code;
		char error[256];
		if (regex_compile(source->expression, source->kind, &code, error,
				  sizeof(error)) == 0)
			batch->items[i].blob = code_place(&code, error, sizeof(error));
		if (batch->items[i].blob == NULL)
			batch->items[i].error = strdup(error);
	}
}

static void batch_done(struct work *work)
{
	struct batch *batch = (struct batch *)work;
	struct batch **link = &batch->all->batches;
	while (*link != batch)
		link = &(*link)->next;
	*link = batch->next;
	for (unsigned i = 0; i < batch->count; i++) {
		struct expression *expression = batch->items[i].expression;
		expression->blob = batch->items[i].blob;
		if (expression->error == NULL)
			expression->error = batch->items[i].error;
		else
			free(batch->items[i].error);
		expression->state = expression->blob != NULL    ? EXPRESSION_READY
				    : expression->error != NULL ? EXPRESSION_BAD
								: EXPRESSION_NEW;
		expression_leave(expression);
	}
	free(batch);
}

static int batch_give(struct expressions *all, struct expression **expressions, unsigned count,
		      bool quick)
{
	struct batch *batch = calloc(1, sizeof(*batch));
	if (batch == NULL)
		return -ENOMEM;
	*batch = (struct batch){
		.work = {.run = batch_run, .done = batch_done, .quick = quick},
		.next = all->batches,
		.all = all,
		.count = count,
	};
	for (unsigned i = 0; i < count; i++) {
		batch->items[i].expression = expressions[i];
		expressions[i]->users++;
		expressions[i]->state = EXPRESSION_WAITS;
	}
	all->batches = batch;
	works_give(all->works, &batch->work);
	return 0;
}

int expressions_need(struct expressions *all, struct expression **expressions, size_t count,
		     bool *ready)
{
	struct expression *fresh[BATCH_MAX];
	unsigned n = 0;
	int error = 0;
	for (size_t i = 0; i < count && error == 0; i++) {
		if (expressions[i]->state == EXPRESSION_NEW)
			fresh[n++] = expressions[i];
		if (n == BATCH_MAX || (n > 0 && i + 1 == count)) {
			error = batch_give(all, fresh, n, count <= BATCH_MAX);
			n = 0;
		}
	}
	*ready = true;
	for (size_t i = 0; i < count; i++)
		*ready &= expressions[i]->state == EXPRESSION_READY ||
			  expressions[i]->state == EXPRESSION_BAD;
	return error;
}

/* ---- sets ---- */

static double now(void)
{
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

/* One that is wrong only together with others is not the culprit. */
static void culprit_check(struct expression_set *set)
{
	const struct regex_source *source = &set->sources[set->culprit];
	struct regex_code code;
	if (regex_compile(source->expression, source->kind, &code, set->error,
			  sizeof(set->error)) != 0)
		return;
	regex_code_free(&code);
	set->culprit = -1;
}

static void set_run(struct work *work)
{
	struct expression_set *set = (struct expression_set *)work;
	struct regex_code code;
	double begin = now();
	if (regex_set_compile(set->sources, set->count, &code, &set->culprit, set->error,
			      sizeof(set->error)) == 0) {
		set->size = regex_size(&code);
		set->blob = code_place(&code, set->error, sizeof(set->error));
	} else if (set->culprit >= 0) {
		culprit_check(set);
	}
	set->seconds = now() - begin;
	set->ran = true;
}

static void set_done(struct work *work)
{
	struct expression_set *set = (struct expression_set *)work;
	set->all->dirty = true;
	set->state = set->blob != NULL ? EXPRESSION_READY : set->ran ? EXPRESSION_BAD : EXPRESSION_NEW;
	if (set->culprit < 0)
		return;
	struct expression *culprit = set->members[set->culprit];
	if (culprit->error == NULL)
		culprit->error = strdup(set->error);
	/* One that is in use alone stays so; the set is not tried again with it. */
	if (culprit->state == EXPRESSION_NEW)
		culprit->state = EXPRESSION_BAD;
	set->state = EXPRESSION_NEW;
}

struct expression_set *expression_set_new(struct expressions *all, struct expression **members,
					  unsigned count)
{
	struct expression_set *set = calloc(1, sizeof(*set));
	if (set == NULL)
		return NULL;
	*set = (struct expression_set){
		.work = {.run = set_run, .done = set_done},
		.all = all,
		.state = EXPRESSION_WAITS,
		.asked = all->reading,
		.count = count,
		.culprit = -1,
		.members = calloc(count, sizeof(struct expression *)),
		.sources = calloc(count, sizeof(struct regex_source)),
	};
	if (set->members == NULL || set->sources == NULL) {
		free(set->members);
		free(set->sources);
		free(set);
		return NULL;
	}
	for (unsigned i = 0; i < count; i++) {
		set->members[i] = members[i];
		set->sources[i] = members[i]->source;
		members[i]->users++;
	}
	set->next = all->sets;
	all->sets = set;
	works_give(all->works, &set->work);
	return set;
}

struct expression_set *expression_set_next(const struct expressions *all,
					   const struct expression_set *set)
{
	return set != NULL ? set->next : all->sets;
}

void expression_set_use(struct expression_set *set)
{
	set->users++;
	set->asked = set->all->reading;
	set->work.unwanted = false;
}

void expression_set_leave(struct expression_set *set)
{
	if (set != NULL && --set->users == 0)
		set->all->dirty = true;
}

static void set_free(struct expression_set *set)
{
	for (unsigned i = 0; i < set->count; i++)
		expression_leave(set->members[i]);
	policy_blob_release(set->blob);
	free(set->members);
	free(set->sources);
	free(set);
}

/* ---- what is given up ---- */

static bool is_wanted(const struct expressions *all, uint32_t users, uint32_t asked, bool keep)
{
	return users > 0 || (keep && asked == all->reading);
}

static void sets_tidy(struct expressions *all, bool keep)
{
	struct expression_set **link = &all->sets;
	while (*link != NULL) {
		struct expression_set *set = *link;
		bool wanted = is_wanted(all, set->users, set->asked, keep);
		set->work.unwanted = !wanted;
		if (wanted || set->state == EXPRESSION_WAITS) {
			link = &set->next;
			continue;
		}
		*link = set->next;
		set_free(set);
	}
}

/* A batch uses each of its own once. */
static void batches_tidy(struct expressions *all, bool keep)
{
	for (struct batch *batch = all->batches; batch != NULL; batch = batch->next) {
		bool wanted = false;
		for (unsigned i = 0; i < batch->count; i++) {
			const struct expression *item = batch->items[i].expression;
			wanted |= is_wanted(all, item->users - 1, item->asked, keep);
		}
		batch->work.unwanted = !wanted;
	}
}

void expressions_tidy(struct expressions *all, bool keep)
{
	if (!all->dirty)
		return;
	all->dirty = false;
	sets_tidy(all, keep);
	batches_tidy(all, keep);
	for (size_t i = 0; i < all->n_buckets; i++) {
		struct expression **link = &all->buckets[i];
		while (*link != NULL) {
			struct expression *expression = *link;
			if (is_wanted(all, expression->users, expression->asked, keep)) {
				link = &expression->next;
				continue;
			}
			*link = expression->next;
			expression_free(expression);
		}
	}
	all->dirty = false; /* what members of sets were left with is gone as well */
}

unsigned expressions_left(const struct expressions *all)
{
	unsigned count = 0;
	for (const struct expression_set *set = all->sets; set != NULL; set = set->next)
		count += set->state == EXPRESSION_WAITS && !set->work.unwanted;
	for (const struct batch *batch = all->batches; batch != NULL; batch = batch->next)
		count += !batch->work.unwanted;
	return count;
}

/* Threads may still read what is in a set or a batch that is not done. */
static bool any_left(const struct expressions *all)
{
	for (const struct expression_set *set = all->sets; set != NULL; set = set->next)
		if (set->state == EXPRESSION_WAITS)
			return true;
	return all->batches != NULL;
}

void expressions_free(struct expressions *all)
{
	if (all == NULL || any_left(all))
		return;
	all->dirty = true;
	expressions_tidy(all, false);
	free(all->buckets);
	free(all);
}
