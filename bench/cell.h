/*
 * cell.h - one table under one workload: how a run of it goes
 */
#ifndef NH_BENCH_CELL_H
#define NH_BENCH_CELL_H

#include "bench/workload.h"

/*
 * nh_bench_cell_add - add one cell to the bench
 *
 * `workload` is its place in nh_bench_workload_names.  The subject must live as
 * long as the bench runs.
 */
void nh_bench_cell_add(struct nh_bench_subject *subject, int workload,
		       enum nh_bench_dist dist, int threads);

/* nh_bench_cells_free - all of them.  Nothing runs after that. */
void nh_bench_cells_free(void);

/* What a workload wants to be there. */
enum nh_bench_need {
	NH_BENCH_NEEDS_NOTHING,
	NH_BENCH_NEEDS_FILLED,
	NH_BENCH_NEEDS_CHURN,
};

enum nh_bench_need nh_bench_workload_need(int workload);

/* Whether it draws its keys from a distribution. */
bool nh_bench_workload_draws(int workload);

#endif
