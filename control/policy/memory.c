/* SPDX-License-Identifier: BSD-2-Clause */
#include "control/policy/memory.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "control/policy/model.h"

#define HUGE_PAGE ((size_t)2 << 20)
#define UNMAP_STEP ((size_t)16 << 20)
#define AT_ONCE ((size_t)4 << 20) /* bytes that take a millisecond or two */

/* Memory that is given back. */
struct waste {
	struct work work; /* first */
	void *bytes;
	size_t size;
	bool ran;
};

bool policy_memory_map(struct policy_registry *registry, struct policy_memory *memory, size_t size,
		       bool huge)
{
	int flags = MAP_PRIVATE | MAP_ANONYMOUS, access = PROT_READ | PROT_WRITE;
	if (huge)
		size = (size + HUGE_PAGE - 1) & ~(HUGE_PAGE - 1);
	void *bytes = huge ? mmap(NULL, size, access, flags | MAP_HUGETLB, -1, 0) : MAP_FAILED;
	huge = bytes != MAP_FAILED;
	if (!huge)
		bytes = mmap(NULL, size, access, flags, -1, 0);
	if (bytes == MAP_FAILED)
		return false;
	madvise(bytes, size, MADV_HUGEPAGE);
	*memory = (struct policy_memory){
		.registry = registry, .bytes = bytes, .size = size, .huge = huge};
	return true;
}

/* ---- filling ---- */

/*
 * A fault takes the lock of its mapping alone. The system call holds that of the whole address space as
 * long as it runs, and whoever maps anything meanwhile waits for this thread of low priority: so it is
 * for huge pages only, which may fail, and for one of these at a time.
 */
static void memory_run(struct work *work)
{
	struct policy_memory *memory = (struct policy_memory *)work;
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	memory->ran = true;
	for (size_t at = 0; memory->huge && at < memory->size; at += HUGE_PAGE)
		if (madvise((uint8_t *)memory->bytes + at, HUGE_PAGE, MADV_POPULATE_WRITE) != 0) {
			memory->failed = errno != EINVAL; /* a kernel before 5.14 */
			if (memory->failed)
				return;
			break;
		}
	/* What is there already stays as it is. */
	for (size_t at = 0; at < memory->size; at += page)
		__atomic_fetch_or((uint8_t *)memory->bytes + at, 0, __ATOMIC_RELAXED);
}

static void memory_done(struct work *work)
{
	struct policy_memory *memory = (struct policy_memory *)work;
	memory->filling = false;
	memory->failed |= !memory->ran;
}

void policy_memory_fill(struct policy_memory *memory, struct policy_blob *blob)
{
	struct policy_registry *registry = memory->registry;
	memory->work = (struct work){.run = memory_run, .done = memory_done};
	memory->asked = registry->reading;
	if (memory->size <= AT_ONCE || registry->works == NULL) {
		memory_run(&memory->work);
		return;
	}
	memory->filling = true;
	memory->blob = blob;
	blob->users++;
	memory->next = registry->memories;
	registry->memories = memory;
	works_give(registry->works, &memory->work);
}

int policy_memory_ready(struct policy_memory *memory)
{
	memory->asked = memory->registry->reading;
	if (memory->filling)
		memory->work.unwanted = false;
	return memory->filling ? -EAGAIN : memory->failed ? -ENOMEM : 0;
}

/* ---- giving back ---- */

/* In parts, for the same reason. */
static void waste_run(struct work *work)
{
	struct waste *waste = (struct waste *)work;
	for (size_t at = 0; at < waste->size; at += UNMAP_STEP)
		munmap((uint8_t *)waste->bytes + at, RTE_MIN(UNMAP_STEP, waste->size - at));
	waste->ran = true;
}

static void waste_done(struct work *work)
{
	struct waste *waste = (struct waste *)work;
	if (!waste->ran)
		waste_run(work);
	free(waste);
}

void policy_memory_unmap(struct policy_memory *memory)
{
	bool large = memory->size > AT_ONCE && memory->registry != NULL &&
		     memory->registry->works != NULL;
	struct waste *waste = large ? calloc(1, sizeof(*waste)) : NULL;
	if (waste == NULL) {
		if (memory->bytes != NULL)
			munmap(memory->bytes, memory->size);
		return;
	}
	*waste = (struct waste){.work = {.run = waste_run, .done = waste_done},
				.bytes = memory->bytes,
				.size = memory->size};
	works_give(memory->registry->works, &waste->work);
}

/* ---- what is given up ---- */

static bool is_wanted(const struct policy_memory *memory, bool keep)
{
	return memory->blob->users > 1 || (keep && memory->asked == memory->registry->reading);
}

void policy_memories_tidy(struct policy_registry *registry, bool keep)
{
	struct policy_memory **link = &registry->memories;
	while (*link != NULL) {
		struct policy_memory *memory = *link;
		memory->work.unwanted = !is_wanted(memory, keep);
		/* One that waits to be used stays, one that is in use needs nobody here any more. */
		bool stays = memory->filling || (keep && memory->asked == registry->reading);
		if (stays) {
			link = &memory->next;
			continue;
		}
		*link = memory->next;
		policy_blob_release(memory->blob);
	}
}

unsigned policy_memories_left(const struct policy_registry *registry)
{
	unsigned count = 0;
	for (const struct policy_memory *memory = registry->memories; memory != NULL;
	     memory = memory->next)
		count += memory->filling && !memory->work.unwanted;
	return count;
}
