/*
 * gbench_shim.h - what the workloads use of google-benchmark, in C
 *
 * The workloads time themselves: a function added here is called once a run, by
 * each of its threads at the same time, and hands in how long it took.  Each
 * call of nh_gb_run() adds the runs it made to one JSON file, so that rounds
 * can be interleaved as the caller likes.  All but nh_gb_result() are for one
 * thread.
 */
#ifndef NH_BENCH_GBENCH_SHIM_H
#define NH_BENCH_GBENCH_SHIM_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct nh_gb_part; /* one thread's part of one run */

typedef void (*nh_gb_fn)(struct nh_gb_part *part, int thread, void *arg);

/* nh_gb_context - a fact about the whole file.  Before nh_gb_run(). */
void nh_gb_context(const char *name, const char *value);

/* nh_gb_add - a benchmark: fn is run by `threads` threads at once. */
void nh_gb_add(const char *name, int threads, nh_gb_fn fn, void *arg);

/* nh_gb_open - where the results go; false (and errno) if it will not open. */
bool nh_gb_open(const char *path);

/* nh_gb_run - run, in the order added, what matches the regular expression. */
void nh_gb_run(const char *pattern);

/* nh_gb_close - end the file; false if anything could not be written. */
bool nh_gb_close(void);

/* What a thread did in its part of a run. */
struct nh_gb_work {
	double seconds;
	uint64_t operations;
	uint64_t allocs; /* by those operations */
};

/* nh_gb_result - what this thread did.  Inside fn, once, by each thread. */
void nh_gb_result(struct nh_gb_part *part, const struct nh_gb_work *work);

#ifdef __cplusplus
}
#endif

#endif
