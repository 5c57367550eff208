/*
 * latency_host.h - what the latency programs want of the machine: a clock of
 * nanoseconds, processors to pin to, and a heading that names both
 *
 * Whatever goes wrong here ends the program with a line on standard error:
 * a measurement on a machine other than the one asked for is worth nothing.
 */
#ifndef BENCH_LATENCY_HOST_H
#define BENCH_LATENCY_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>
#ifdef __x86_64__
#include <x86intrin.h>
#endif

#define NH_LAT_NS_PER_S UINT64_C(1000000000)

/* Set by nh_lat_host_init(), read by everybody after that. */
struct nh_lat_clock {
	bool tsc;	    /* else clock_gettime(2) */
	double ns_per_tick; /* calibrated against CLOCK_MONOTONIC */
	uint64_t cost;	    /* ticks between two stamps with nothing between */
	uint64_t median_cost;
};

extern struct nh_lat_clock nh_lat_clock;

/* nh_lat_host_init - find clock and processors.  Before other threads. */
void nh_lat_host_init(void);

/* nh_lat_heading - print machine, clock and library.  After _host_init(). */
void nh_lat_heading(void);

/* nh_lat_cpus - how many processors this process was given.  Any thread. */
unsigned nh_lat_cpus(void);

/*
 * nh_lat_pin - this thread runs on the index-th processor it was given
 *
 * Threads inherit it, so a map with a thread of its own is made unpinned.
 */
void nh_lat_pin(unsigned index);

/* nh_lat_unpin - this thread runs wherever the process may. */
void nh_lat_unpin(void);

/* nh_lat_monotonic - nanoseconds, for long intervals.  Any thread. */
static inline uint64_t
nh_lat_monotonic(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * NH_LAT_NS_PER_S + (uint64_t)t.tv_nsec;
}

/*
 * nh_lat_ticks - a stamp.  Any thread.
 *
 * The fences keep what comes before it before, and what comes after it after;
 * without them a get of one cache miss overlaps the stamp that ends it.
 */
static inline uint64_t
nh_lat_ticks(void)
{
#ifdef __x86_64__
	if (nh_lat_clock.tsc) {
		uint64_t t;

		_mm_lfence();
		t = __rdtsc();
		_mm_lfence();
		return t;
	}
#endif
	return nh_lat_monotonic();
}

/* nh_lat_ns - nanoseconds of that many ticks. */
static inline uint64_t
nh_lat_ns(uint64_t ticks)
{
	return (uint64_t)((double)ticks * nh_lat_clock.ns_per_tick + 0.5);
}

/* nh_lat_elapsed - nanoseconds from stamp to stamp without the clock's cost. */
static inline uint64_t
nh_lat_elapsed(uint64_t start, uint64_t end)
{
	uint64_t ticks = end - start;

	return ticks > nh_lat_clock.cost ? nh_lat_ns(ticks - nh_lat_clock.cost)
					 : 0;
}

/* nh_lat_median - of n > 0 values, which it sorts. */
double nh_lat_median(double *values, size_t n);

/*
 * nh_lat_number - the argument of an option: digits, then nothing, K, M or G
 *
 * For 10^3, 10^6, 10^9.  Ends the program unless it is within min..max.
 */
uint64_t nh_lat_number(int option, const char *text, uint64_t min,
		       uint64_t max);

/* nh_lat_random - a random stream from *state, by splitmix64. */
static inline uint64_t
nh_lat_random(uint64_t *state)
{
	uint64_t x = *state += UINT64_C(0x9e3779b97f4a7c15);

	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return x ^ (x >> 31);
}

/* nh_lat_below - a random number below n, which is not 0. */
static inline uint64_t
nh_lat_below(uint64_t *state, uint64_t n)
{
	return (uint64_t)(((unsigned __int128)nh_lat_random(state) * n) >> 64);
}

#endif
