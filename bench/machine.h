/*
 * machine.h - clock, processors, memory and name of the machine measured on
 *
 * What goes wrong here ends the program with a line on standard error.
 */
#ifndef NH_BENCH_MACHINE_H
#define NH_BENCH_MACHINE_H

#include <stdint.h>
#include <time.h>

struct nh_bench_memory {
	uint64_t resident; /* bytes */
	uint64_t huge;	   /* of them, anonymous on 2 MiB pages */
};

/* Nanoseconds of the monotonic clock. */
static inline uint64_t
nh_bench_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* nh_bench_machine_init - note the affinity mask.  Before all else here. */
void nh_bench_machine_init(void);

/* nh_bench_cpus - how many CPUs this process was given.  Any thread. */
int nh_bench_cpus(void);

/*
 * nh_bench_pin - this thread runs on the index-th CPU that was given
 *
 * Threads inherit it, so a map that has threads of its own is made unpinned.
 */
void nh_bench_pin(int index);

/* nh_bench_unpin - this thread runs on all that were given. */
void nh_bench_unpin(void);

/* nh_bench_memory - what this process has in memory now. */
struct nh_bench_memory nh_bench_memory(void);

/* nh_bench_describe - name the machine and the build in the JSON's context. */
void nh_bench_describe(void);

#endif
