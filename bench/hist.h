/*
 * hist.h - a log-linear histogram, in HdrHistogram's scheme
 *
 * Values are unsigned integers from 0 to `highest`.  Up to 2 * 10^digits each
 * has a counter of its own; from there on each doubling of the value is cut
 * into the same number of equal steps, so a value read back is at most one
 * part in 10^digits above what was recorded:
 *
 *	digits 3:  0    1    2 .. 2047	steps of 1
 *		   2048 2050 .. 4094	steps of 2
 *		   4096 4100 .. 8188	steps of 4, and so on
 *
 * The struct holds no pointer, so it may live in shared memory.  It has no
 * lock: one thread records, or a histogram a thread and nh_hist_merge().
 * Errors are negative errno values, as there is nothing of numahash in here.
 */
#ifndef BENCH_HIST_H
#define BENCH_HIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define NH_HIST_DIGITS_MIN 1
#define NH_HIST_DIGITS_MAX 5

struct nh_hist {
	uint64_t highest; /* that may be recorded */
	int digits;
	int half_bits;	  /* a doubling has 2^half_bits steps */
	uint32_t buckets; /* doublings, the first linear one too */
	uint64_t total;
	uint64_t max; /* recorded, exactly; 0 when empty */
	size_t len;
	uint64_t count[];
};

/*
 * nh_hist_size - bytes of such a histogram, or 0 for what cannot be
 *
 * highest must be at least 2, digits within NH_HIST_DIGITS_MIN.._MAX.
 */
size_t nh_hist_size(uint64_t highest, int digits);

/* nh_hist_init - make one in nh_hist_size() bytes at h.  -EINVAL as above. */
int nh_hist_init(struct nh_hist *h, uint64_t highest, int digits);

/* nh_hist_create - one on the heap, for free().  -EINVAL, -ENOMEM. */
int nh_hist_create(struct nh_hist **h, uint64_t highest, int digits);

/* nh_hist_reset - forget all; every page of it has been written after that. */
void nh_hist_reset(struct nh_hist *h);

/* nh_hist_record - false, with nothing changed, if value is over highest. */
bool nh_hist_record(struct nh_hist *h, uint64_t value);

/* nh_hist_merge - add src to dst.  -EINVAL unless made with the same range. */
int nh_hist_merge(struct nh_hist *dst, const struct nh_hist *src);

/*
 * nh_hist_percentile - a value that `percent` of the values do not exceed
 *
 * The least such value, rounded up to the end of its step, but never above the
 * greatest one recorded.  0 for an empty histogram.  -EINVAL unless percent is
 * within 0..100.
 */
int nh_hist_percentile(const struct nh_hist *h, double percent,
		       uint64_t *value);

/* Both take each value as the middle of its step, and are 0 when empty. */
double nh_hist_mean(const struct nh_hist *h);
double nh_hist_stddev(const struct nh_hist *h);

/*
 * nh_hist_write - the percentile distribution as HdrHistogram prints it
 *
 * The text is what its plotters read from an .hgrm file.  `ticks` lines stand
 * for each halving of the distance to 100 % (HdrHistogram's default is 5), and
 * values are divided by `scale`.  -EINVAL if either is not positive, -EIO.
 */
int nh_hist_write(const struct nh_hist *h, FILE *out, int ticks, double scale);

#endif
