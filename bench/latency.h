/*
 * latency.h - what the parts of the latency program share
 *
 *	latency.c		arguments; calls the parts
 *	latency_insert.c	single inserts from an empty map on
 *	latency_loop.c		gets and puts at a fixed rate
 *	latency_get.c		gets that depend on one another
 *	latency_map.c		the maps that are measured, as one table
 *	latency_series.c	percentiles of several rounds
 *	latency_cause.c		why the slowest operations were slow
 *	latency_lines.c		bare memory, to compare with
 *	latency_host.c		the clock and the processors
 *
 * Whatever goes wrong ends the program with a line on standard error.
 */
#ifndef BENCH_LATENCY_H
#define BENCH_LATENCY_H

#include <stdbool.h>
#include <stdint.h>

#define NH_LAT_ROUNDS_MAX 99
#define NH_LAT_THREADS_MAX 2

struct nh_lat_options {
	uint64_t entries; /* 0: each part has its own default */
	uint64_t rounds;
	uint64_t rate;	  /* of the open loop: operations a second */
	uint64_t millis;  /* length of one open loop */
	uint64_t steps;	  /* dependent gets in a round */
	unsigned threads; /* of the open loop */
	bool gets;	  /* insert: an untimed get after each */
	const char *out;  /* directory of the .hgrm files */
};

/* Each measures, checks what it measured, prints, and writes its files. */
void nh_lat_insert(const struct nh_lat_options *o);
void nh_lat_loop(const struct nh_lat_options *o);
void nh_lat_get(const struct nh_lat_options *o);

#endif
