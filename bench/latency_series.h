/*
 * latency_series.h - percentiles of one thing measured in several rounds
 *
 * Each round has a histogram of its own, so that a percentile is a median with
 * a spread and not the mark of the one round that was disturbed.
 */
#ifndef BENCH_LATENCY_SERIES_H
#define BENCH_LATENCY_SERIES_H

#include "bench/hist.h"
#include "bench/latency.h"

#define NH_LAT_QUANTILES 7 /* the last is the maximum */

struct nh_lat_series {
	const char *name; /* what the table calls it */
	const char *file; /* stem of its .hgrm file */
	struct nh_hist *all;
	unsigned rounds;
	double at[NH_LAT_QUANTILES][NH_LAT_ROUNDS_MAX];
};

/* nh_lat_hist - an empty histogram of 1 ns .. 100 s with three digits. */
struct nh_hist *nh_lat_hist(void);

/* nh_lat_hist_shared - the same, seen by children too; never freed. */
struct nh_hist *nh_lat_hist_shared(void);

/* nh_lat_record - ends the program should an operation take over 100 s. */
void nh_lat_record(struct nh_hist *h, uint64_t ns);

void nh_lat_series_init(struct nh_lat_series *s, const char *name,
			const char *file);
void nh_lat_series_fini(struct nh_lat_series *s);

/* nh_lat_series_add - one more round; at most NH_LAT_ROUNDS_MAX. */
void nh_lat_series_add(struct nh_lat_series *s, const struct nh_hist *round);

/* nh_lat_series_heading - the line above those of nh_lat_series_print(). */
void nh_lat_series_heading(void);

/* nh_lat_series_print - medians, and the best and the worst round. */
void nh_lat_series_print(struct nh_lat_series *s);

/* nh_lat_series_save - all rounds together to DIR/FILE.hgrm. */
void nh_lat_series_save(const struct nh_lat_series *s, const char *dir);

#endif
