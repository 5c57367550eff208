/*
 * options.h - what to measure, as the command line says
 */
#ifndef NH_BENCH_OPTIONS_H
#define NH_BENCH_OPTIONS_H

#include "bench/keys.h"
#include "bench/table.h"

#include <stdbool.h>
#include <stdint.h>

#define NH_BENCH_WORKLOADS 9
#define NH_BENCH_THREAD_COUNTS 8
#define NH_BENCH_MAX_THREADS 1024

struct nh_bench_options {
	const char *size; /* "10K", as it was written */
	uint64_t entries;
	bool tables[NH_BENCH_TABLES];	    /* as nh_bench_tables */
	bool workloads[NH_BENCH_WORKLOADS]; /* as nh_bench_workload_names */
	bool dists[NH_BENCH_DISTS];
	int threads[NH_BENCH_THREAD_COUNTS]; /* ends with 0 or the array */
	int rounds;
	int window_ms;
	bool bytes;	   /* weigh the tables instead */
	const char *out;   /* the JSON file */
	const char *phase; /* shown before the progress */
};

extern const char *const nh_bench_workload_names[NH_BENCH_WORKLOADS];
extern const char *const nh_bench_dist_names[NH_BENCH_DISTS];

/*
 * nh_bench_options_parse - defaults, then the command line
 *
 * Anything wrong ends the program with status 2 and a line that says what would
 * have been right.  After nh_bench_machine_init().
 */
void nh_bench_options_parse(struct nh_bench_options *o, int argc, char **argv);

#endif
