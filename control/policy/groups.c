/* SPDX-License-Identifier: BSD-2-Clause */
/* Groups of dynamic blocks: what they count, and what a newer policy takes over of that. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/policy/client_watch.h"
#include "control/policy/memory.h"
#include "control/policy/model.h"

#define ENTRIES (4 * POLICY_GROUPS_MAX) /* of the registry */

/* What the blob of a group holds. The registry forgets it when nobody uses it any more. */
struct group_holder {
	struct policy_memory memory;
	struct client_counts counts;
	struct client_watch watch;
	struct policy_blob **entry; /* in the registry; NULL: that is gone */
};

static_assert(_Alignof(struct group_holder) <= _Alignof(uint64_t), "blobs hold words");

static struct group_holder *holder_of(const struct policy_blob *blob)
{
	return (struct group_holder *)(uintptr_t)blob->data;
}

static void holder_close(void *data)
{
	struct group_holder *holder = data;
	if (holder->entry != NULL)
		*holder->entry = NULL;
	client_watch_close(&holder->watch);
	policy_memory_unmap(&holder->memory);
}

void policy_registry_groups_forget(struct policy_registry *registry)
{
	for (unsigned i = 0; i < ENTRIES; i++)
		if (registry->groups[i] != NULL) {
			holder_of(registry->groups[i])->entry = NULL;
			holder_of(registry->groups[i])->memory.registry = NULL;
		}
}

/* All lcores that run rules but the control lcore, which counts nothing. */
static uint16_t workers_of(const struct policy_model *model)
{
	return model->registry->n_lcores > 1 ? model->registry->n_lcores - 1u : 1;
}

static bool shapes_equal(const struct count_shape *a, const struct count_shape *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

static struct policy_blob *blob_make(const struct policy_model *model,
				     const struct policy_client_group *group,
				     struct policy_blob **entry)
{
	struct policy_blob *blob = policy_blob_new(sizeof(struct group_holder));
	if (blob == NULL)
		return NULL;
	struct group_holder *holder = holder_of(blob);
	blob->close = holder_close;
	size_t size = client_counts_measure(&holder->counts, &group->shape, workers_of(model),
					    group->hz, model->registry->rate_seed);
	if (!client_watch_open(&holder->watch) ||
	    !policy_memory_map(model->registry, &holder->memory, size, false)) {
		policy_blob_release(blob);
		return NULL;
	}
	client_counts_place(&holder->counts, holder->memory.bytes);
	holder->entry = entry;
	policy_memory_fill(&holder->memory, blob);
	return *entry = blob;
}

static bool has_blob(const struct policy_model *model, const struct policy_blob *blob)
{
	for (unsigned i = 0; i < model->n_groups; i++)
		if (model->groups[i]->blob == blob)
			return true;
	return false;
}

/* What a group counted that counts the same, of this policy or one before. */
static struct policy_blob *blob_known(const struct policy_model *model,
				      const struct count_shape *shape)
{
	for (unsigned i = 0; i < ENTRIES; i++) {
		struct policy_blob *blob = model->registry->groups[i];
		if (blob != NULL && !has_blob(model, blob) && !holder_of(blob)->memory.failed &&
		    shapes_equal(&holder_of(blob)->counts.shape, shape))
			return blob;
	}
	return NULL;
}

static int group_take(struct policy_model *model, struct policy_client_group *group)
{
	if (group->blob != NULL && shapes_equal(&holder_of(group->blob)->counts.shape, &group->shape))
		return 0;
	policy_blob_release(group->blob);
	group->blob = NULL;
	if (group->shape.n_columns == 0)
		return 0;
	group->blob = blob_known(model, &group->shape);
	group->known = group->blob != NULL;
	if (group->known) {
		group->blob->users++;
		return 0;
	}
	for (unsigned i = 0; i < ENTRIES; i++) {
		if (model->registry->groups[i] != NULL)
			continue;
		group->blob = blob_make(model, group, &model->registry->groups[i]);
		return group->blob != NULL ? 0 : -ENOMEM;
	}
	return -ENOSPC;
}

static int group_prepare(struct policy_model *model, struct policy_client_group *group)
{
	int error = group_take(model, group);
	if (error != 0 || group->blob == NULL)
		return error;
	error = policy_memory_ready(&holder_of(group->blob)->memory);
	if (error == -ENOMEM) {
		policy_blob_release(group->blob);
		group->blob = NULL;
	}
	return error;
}

int policy_groups_prepare(struct policy_model *model)
{
	int waits = 0;
	for (unsigned i = 0; i < model->n_groups; i++) {
		int error = group_prepare(model, model->groups[i]);
		if (error == -EAGAIN)
			waits = error;
		else if (error != 0)
			return error;
	}
	return waits;
}

/* ---- compiling ---- */

static size_t limits_size(const struct policy_client_group *group)
{
	return RTE_ALIGN_CEIL(group->shape.n_columns * sizeof(uint32_t), 8u);
}

size_t policy_groups_size(const struct policy_model *model)
{
	size_t size = model->n_groups * sizeof(struct policy_group);
	for (unsigned i = 0; i < model->n_groups; i++)
		size += limits_size(model->groups[i]) +
			prefix_set_frozen_size(&model->groups[i]->excluded);
	return size;
}

/* Where all workers together are above the limit, one is above this. */
static uint32_t worker_limit(double limit, uint16_t workers)
{
	double share = limit / workers;
	return share >= UINT32_MAX ? UINT32_MAX : share <= 0 ? 0 : (uint32_t)share;
}

void policy_groups_compile(const struct policy_model *model, struct policy *policy, void *memory)
{
	struct policy_group *groups = memory;
	uint8_t *at = (uint8_t *)(groups + model->n_groups);
	policy->groups = groups;
	for (unsigned i = 0; i < model->n_groups; i++) {
		const struct policy_client_group *from = model->groups[i];
		struct policy_group *to = &groups[policy->n_groups];
		uint32_t *limits = (void *)at;
		at += limits_size(from);
		if (from->blob == NULL)
			continue;
		for (unsigned k = 0; k < from->shape.n_columns; k++)
			limits[k] = worker_limit(from->limits[k], workers_of(model));
		*to = (struct policy_group){&holder_of(from->blob)->counts, NULL, limits};
		if (from->excluded.count > 0) {
			to->excluded = prefix_set_freeze(&from->excluded, at);
			at += prefix_set_frozen_size(&from->excluded);
		}
		policy->n_groups++;
		policy->groups_answers |= from->shape.n_columns > from->shape.n_queries;
		policy->answers_watched |= policy->groups_answers;
	}
}

/* ---- editing and looking ---- */

static void group_free(struct policy_client_group *group)
{
	policy_blob_release(group->blob);
	prefix_list_clear(&group->excluded);
	free(group);
}

struct policy_client_group *policy_group_new(struct policy_model *model, uint64_t hz)
{
	if (model->n_groups == POLICY_GROUPS_MAX) {
		errno = ENOSPC;
		return NULL;
	}
	struct policy_client_group *group = calloc(1, sizeof(*group));
	if (group == NULL)
		return NULL;
	group->hz = hz;
	return model->groups[model->n_groups++] = group;
}

void policy_group_free(struct policy_model *model, struct policy_client_group *group)
{
	unsigned at = 0;
	while (at < model->n_groups && model->groups[at] != group)
		at++;
	if (at == model->n_groups)
		return;
	memmove(&model->groups[at], &model->groups[at + 1],
		(--model->n_groups - at) * sizeof(model->groups[0]));
	group_free(group);
}

void policy_group_shape_set(struct policy_client_group *group, const struct count_shape *shape,
			    const double *limits)
{
	group->shape = *shape;
	memcpy(group->limits, limits, shape->n_columns * sizeof(*limits));
}

struct prefix_list *policy_group_excluded(struct policy_client_group *group)
{
	return &group->excluded;
}

/* A group that was edited has no counts until the policy is compiled: those there are of other columns. */
static bool is_counted(const struct policy_client_group *group)
{
	return group->blob != NULL &&
	       shapes_equal(&holder_of(group->blob)->counts.shape, &group->shape);
}

uint64_t policy_group_begin(struct policy_client_group *group)
{
	if (!is_counted(group))
		return 0;
	struct group_holder *holder = holder_of(group->blob);
	uint64_t lost = holder->watch.lost;
	client_watch_begin(&holder->watch, &holder->counts);
	return holder->watch.lost - lost;
}

bool policy_group_next(struct policy_client_group *group, uint64_t now,
		       struct count_client *client, uint64_t sums[static 2][COUNT_COLUMNS_MAX])
{
	if (!is_counted(group))
		return false;
	struct group_holder *holder = holder_of(group->blob);
	return client_watch_next(&holder->watch, &holder->counts, now, client, sums);
}

bool policy_group_memory(const struct policy_model *model, size_t index,
			 struct policy_group_memory *memory)
{
	if (index >= model->n_groups)
		return false;
	const struct policy_client_group *group = model->groups[index];
	*memory = (struct policy_group_memory){.known = group->known};
	if (group->blob != NULL) {
		memory->size = holder_of(group->blob)->counts.size;
		memory->clients = group->shape.clients;
	}
	return true;
}

void policy_groups_free(struct policy_model *model)
{
	for (unsigned i = 0; i < model->n_groups; i++)
		group_free(model->groups[i]);
	model->n_groups = 0;
}
