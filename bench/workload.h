/*
 * workload.h - tables filled and ready, and what is done to them
 *
 * A cell is one table under one workload, distribution and number of threads;
 * each run of it measures once.  A run that reads a wrong value, misses a key
 * that is there or finds one that is not, ends the program.
 */
#ifndef NH_BENCH_WORKLOAD_H
#define NH_BENCH_WORKLOAD_H

#include "bench/keys.h"
#include "bench/options.h"
#include "bench/table.h"

/* What all tables share. */
struct nh_bench_setup {
	const struct nh_bench_options *options;
	struct nh_bench_stream hits[NH_BENCH_DISTS];
	struct nh_bench_stream misses[NH_BENCH_DISTS];
	int round; /* the runs of one round read the same part of a stream */
};

/* One table and its maps. */
struct nh_bench_subject {
	const struct nh_bench_table *table;
	const struct nh_bench_setup *setup;
	void *filled; /* ids 0 to n - 1, or NULL if nobody needs it */
	void *churn;  /* ids churned to churned + n - 1, or NULL */
	uint64_t churned;
};

/* nh_bench_setup_init - make the key streams that the options ask for. */
void nh_bench_setup_init(struct nh_bench_setup *s,
			 const struct nh_bench_options *o);
void nh_bench_setup_fini(struct nh_bench_setup *s);

/* nh_bench_subject_init - fill its maps and add its cells to the bench. */
void nh_bench_subject_init(struct nh_bench_subject *s,
			   const struct nh_bench_table *table,
			   const struct nh_bench_setup *setup);
void nh_bench_subject_fini(struct nh_bench_subject *s);

/* nh_bench_subject_warm - let it finish what it put off, then read it once. */
void nh_bench_subject_warm(struct nh_bench_subject *s);

/* nh_bench_fill - put the ids from 0 to n - 1 in. */
void nh_bench_fill(const struct nh_bench_table *table, void *map, uint64_t n);

/* nh_bench_fail - say what this table did wrong and end the program. */
_Noreturn void nh_bench_fail(const struct nh_bench_table *table,
			     const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif
