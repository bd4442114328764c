/* SPDX-License-Identifier: BSD-2-Clause */
/* Dynamic blocks, and whom they hit most, under dnsdist's names. */
#include "control/metrics/metrics.h"

#include <string.h>

#include "dataplane/dns/name.h"
#include "dataplane/rules/block_set.h"

#define TOP 20u	    /* of each reason */
#define REASONS 64u /* that are printed by their names; there are as many as the policy makes up */
#define OTHERS "other"
#define SECONDS 60u /* that `recent` is of */

struct top {
	const char *reason;
	unsigned count;
	const struct block *blocks[TOP]; /* those that were hit most first */
};

static struct top *top_of(struct top *tops, unsigned *count, const char *reason)
{
	for (unsigned i = 0; i < *count; i++)
		if (strcmp(tops[i].reason, reason) == 0)
			return &tops[i];
	if (*count > REASONS)
		return &tops[REASONS];
	tops[*count] = (struct top){.reason = *count < REASONS ? reason : OTHERS};
	return &tops[(*count)++];
}

static void top_add(struct top *top, const struct block *block)
{
	unsigned at = top->count;
	while (at > 0 && top->blocks[at - 1]->recent < block->recent)
		at--;
	if (at == TOP)
		return;
	top->count += top->count < TOP;
	memmove(&top->blocks[at + 1], &top->blocks[at],
		(top->count - 1 - at) * sizeof(top->blocks[0]));
	top->blocks[at] = block;
}

static unsigned tops_find(const struct block_set *set, bool names, struct top *tops)
{
	const struct block *block;
	uint32_t cursor = 0;
	unsigned count = 0;
	while ((block = block_set_next(set, &cursor)) != NULL) {
		if ((block->name_length > 0) != names || block->recent == 0)
			continue;
		top_add(top_of(tops, &count, block->reason), block);
	}
	return count;
}

static void key_label(const struct block *block, FILE *out)
{
	char key[DNS_NAME_TEXT_SIZE];
	if (block->name_length > 0)
		dns_name_print(block->name, key, sizeof(key), true);
	else
		block_client_print(&block->client, key, sizeof(key));
	metrics_label(out, key, strlen(key));
}

static void tops_print(const struct block_set *set, bool names, FILE *out)
{
	static struct top tops[REASONS + 1]; /* the last one of all other reasons */
	const char *name = names ? "dnsdist_dynblocks_smt_top_offenders_hits_per_second"
				 : "dnsdist_dynblocks_nmg_top_offenders_hits_per_second";
	metrics_head(out, name, "gauge",
		     names ? "Number of hits per second blocked by Dynamic Blocks (suffixes) for "
			     "the top offenders, averaged over the last 60s"
			   : "Number of hits per second blocked by Dynamic Blocks (netmasks) for "
			     "the top offenders, averaged over the last 60s");
	unsigned count = tops_find(set, names, tops);
	for (unsigned i = 0; i < count; i++)
		for (unsigned k = 0; k < tops[i].count; k++) {
			const struct block *block = tops[i].blocks[k];
			fprintf(out, "%s{reason=\"", name);
			metrics_label(out, tops[i].reason, strlen(tops[i].reason));
			fprintf(out, "\",%s=\"", names ? "suffix" : "netmask");
			key_label(block, out);
			fprintf(out, "\"} %.3f\n", (double)block->recent / SECONDS);
		}
}

void metrics_blocks_print(const struct control *control, FILE *out)
{
	const struct block_set *set = control->blocks;
	if (set == NULL)
		return;
	metrics_value(out, "dnsdist_dyn_block_nmg_size", "gauge",
		      "Number of dynamic blocks of clients", block_set_count(set, false));
	metrics_value(out, "sluice_dyn_blocks_suffixes", "gauge",
		      "dynamic blocks of names and what is below them", block_set_count(set, true));
	tops_print(set, false, out);
	tops_print(set, true, out);
}
