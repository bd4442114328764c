/* SPDX-License-Identifier: BSD-2-Clause */
#include <inttypes.h>

#include "control/metrics/metrics.h"

static const char *const names[STAGE_COUNT] = {
#define X(stage, name) name,
	STAGES(X)
#undef X
};

static void sum_add(struct stage_sum *sum, const struct stages *stages, enum stage stage)
{
	sum->cycles += stats_read(&stages->total[stage].cycles);
	sum->parts += stats_read(&stages->total[stage].parts);
}

void metrics_stages_print(const struct control *control, FILE *out)
{
	static double cost;
	if (cost == 0)
		cost = stages_cost();
	metrics_head(out, "sluice_stage_cycles_total", "counter",
		     "TSC cycles of turns that found work, by stage, without what measuring takes");
	for (unsigned i = 0; i < STAGE_COUNT; i++) {
		struct stage_sum sum = {0};
		for (unsigned w = 0; w < control->dataplane->n_workers; w++)
			sum_add(&sum, &workers[w].stages, (enum stage)i);
		sum_add(&sum, &control->stages, (enum stage)i);
		double spent = (double)sum.cycles - cost * (double)sum.parts;
		fprintf(out, "sluice_stage_cycles_total{stage=\"%s\"} %.0f\n", names[i],
			spent > 0 ? spent : 0);
	}
}
