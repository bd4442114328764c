/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The regular expressions of all policies, each once however many selectors have it, and the sets of
 * them that are searched for together. Both are compiled off the control lcore and kept by what they
 * are of: a policy that is read again, or changed, finds those that it had.
 *
 * Something is kept while it has users, or while a policy waits that asked for it when it was read
 * last. Control lcore only.
 */
#ifndef SLUICE_CONTROL_POLICY_EXPRESSIONS_H
#define SLUICE_CONTROL_POLICY_EXPRESSIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/works.h"
#include "dataplane/policy.h"
#include "dataplane/rules/regex.h"

enum expression_state {
	EXPRESSION_NEW, /* nobody asked for its code yet */
	EXPRESSION_WAITS,
	EXPRESSION_READY,
	EXPRESSION_BAD, /* a set: its expressions do not go together */
};

struct expression {
	struct expression *next; /* of its bucket */
	struct expressions *all;
	enum expression_state state;
	uint32_t hash;
	uint32_t users;
	uint32_t asked;		  /* by which reading of a policy */
	uint32_t seen;		  /* a mark: equal to that of expressions_mark() */
	uint32_t place;		  /* in the set whose members were marked last */
	struct policy_blob *blob; /* its code alone, once it is READY */
	char *error;		  /* what is wrong with one that is BAD */
	struct regex_source source;
	char text[];
};

struct expression_set {
	struct work work; /* first */
	struct expression_set *next;
	struct expressions *all;
	enum expression_state state;
	uint32_t users;
	uint32_t asked;
	unsigned count;
	struct expression **members;
	struct regex_source *sources;
	struct policy_blob *blob;
	size_t size;	/* bytes of the code */
	double seconds; /* that compiling took */
	bool ran;
	int culprit; /* the member that is wrong, -1: none is alone */
	char error[256];
};

/* NULL without memory. */
struct expressions *expressions_new(void);
/* What a thread is still at stays where it is. NULL is fine. */
void expressions_free(struct expressions *all);

/* Who compiles; NULL, as at first: whoever asks. */
void expressions_works_set(struct expressions *all, struct works *works);
/* Whether to say what is wrong with an expression at once is up to the caller. */
bool expressions_wait(const struct expressions *all);

/* A policy begins to be read: what one before asked for is not waited for any more. */
void expressions_reading(struct expressions *all);

/* How many works that somebody wants are not done. */
unsigned expressions_left(const struct expressions *all);

/* Gives up what nobody uses; with `keep` a policy waits for what it asked for. Often. */
void expressions_tidy(struct expressions *all, bool keep);

/* A new mark. */
uint32_t expressions_mark(struct expressions *all);

/* With a use for the caller. NULL without memory. */
struct expression *expression_take(struct expressions *all, const char *text, enum regex_kind kind);
/* NULL is fine. */
void expression_leave(struct expression *expression);

/* Has the code of those made that are NEW. Whether all of them are READY or BAD; -ENOMEM. */
int expressions_need(struct expressions *all, struct expression **expressions, size_t count,
		     bool *ready);

/* A set of these, which begins to be compiled; without users. NULL without memory. */
struct expression_set *expression_set_new(struct expressions *all, struct expression **members,
					  unsigned count);
/* The first set for NULL; NULL after the last. */
struct expression_set *expression_set_next(const struct expressions *all,
					   const struct expression_set *set);
void expression_set_use(struct expression_set *set);
/* NULL is fine. */
void expression_set_leave(struct expression_set *set);

#endif
