/*
 * progress.h - one line that tells where the bench is
 *
 * Rewritten in place on a terminal; elsewhere a line every ten seconds or so.
 */
#ifndef NH_BENCH_PROGRESS_H
#define NH_BENCH_PROGRESS_H

/* nh_bench_progress_init - phase comes first in each line.  Kept. */
void nh_bench_progress_init(const char *phase);

/* nh_bench_progress - say this now, if it is time.  One thread. */
void nh_bench_progress(const char *format, ...)
	__attribute__((format(printf, 1, 2)));

/* nh_bench_progress_end - leave the terminal's line empty. */
void nh_bench_progress_end(void);

#endif
