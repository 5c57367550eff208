/*
 * hist.c - a log-linear histogram, in HdrHistogram's scheme
 *
 * With half = 2^half_bits, the counters lie in runs of half:
 *
 *	index 0 .. half-1	value = index		 steps of 1
 *	      half .. 2half-1	value = index		 steps of 1
 *	      then for each shift s = 1, 2, ...
 *	      (s+1)half + j	value = (half + j) << s	 steps of 2^s
 *
 * half is the least power of two not below 10^digits, so a step is at most
 * 1 / 10^digits of any value in its run.
 */
#include "bench/hist.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The half_bits of that many digits. */
static int
bits_of_digits(int digits)
{
	uint64_t need = 1;
	int bits = 0;

	while (digits-- > 0)
		need *= 10;
	while (UINT64_C(1) << bits < need)
		bits++;
	return bits;
}

/* How far value is shifted to fall into the upper half of a run of 2half. */
static unsigned
shift_of(int half_bits, uint64_t value)
{
	uint64_t linear = (UINT64_C(2) << half_bits) - 1;

	return 63u - (unsigned)__builtin_clzll(value | linear) -
	       (unsigned)half_bits;
}

static size_t
index_of(int half_bits, uint64_t value)
{
	unsigned shift = shift_of(half_bits, value);

	return ((size_t)shift << half_bits) + (size_t)(value >> shift);
}

/* The least value that is counted at an index. */
static uint64_t
lowest_at(const struct nh_hist *h, size_t index)
{
	size_t run = index >> h->half_bits;
	size_t half = (size_t)1 << h->half_bits;

	if (run == 0)
		return index;
	return (uint64_t)(half + (index & (half - 1))) << (run - 1);
}

static uint64_t
step_at(const struct nh_hist *h, size_t index)
{
	size_t run = index >> h->half_bits;

	return run ? UINT64_C(1) << (run - 1) : 1;
}

/* What is said of the values at an index: the end of the step, or the max. */
static uint64_t
highest_at(const struct nh_hist *h, size_t index)
{
	uint64_t end = lowest_at(h, index) + (step_at(h, index) - 1);

	return end < h->max ? end : h->max;
}

static uint64_t
middle_at(const struct nh_hist *h, size_t index)
{
	return lowest_at(h, index) + step_at(h, index) / 2;
}

/* The counters of a range, whole runs; 0 for a range that cannot be. */
static size_t
counters(uint64_t highest, int digits)
{
	int half_bits;

	if (highest < 2 || digits < NH_HIST_DIGITS_MIN ||
	    digits > NH_HIST_DIGITS_MAX)
		return 0;
	half_bits = bits_of_digits(digits);
	return (size_t)(shift_of(half_bits, highest) + 2) << half_bits;
}

size_t
nh_hist_size(uint64_t highest, int digits)
{
	size_t len = counters(highest, digits);

	return len ? sizeof(struct nh_hist) + len * sizeof(uint64_t) : 0;
}

int
nh_hist_init(struct nh_hist *h, uint64_t highest, int digits)
{
	size_t len = counters(highest, digits);

	if (!len)
		return -EINVAL;
	h->highest = highest;
	h->digits = digits;
	h->half_bits = bits_of_digits(digits);
	h->buckets = shift_of(h->half_bits, highest) + 1;
	h->len = len;
	nh_hist_reset(h);
	return 0;
}

int
nh_hist_create(struct nh_hist **h, uint64_t highest, int digits)
{
	size_t size = nh_hist_size(highest, digits);
	struct nh_hist *made;

	if (!size)
		return -EINVAL;
	made = malloc(size);
	if (!made)
		return -ENOMEM;
	*h = made;
	return nh_hist_init(made, highest, digits);
}

void
nh_hist_reset(struct nh_hist *h)
{
	h->total = 0;
	h->max = 0;
	memset(h->count, 0, h->len * sizeof(h->count[0]));
}

bool
nh_hist_record(struct nh_hist *h, uint64_t value)
{
	if (value > h->highest)
		return false;
	h->count[index_of(h->half_bits, value)]++;
	h->total++;
	if (value > h->max)
		h->max = value;
	return true;
}

int
nh_hist_merge(struct nh_hist *dst, const struct nh_hist *src)
{
	if (dst->highest != src->highest || dst->digits != src->digits)
		return -EINVAL;
	for (size_t i = 0; i < src->len; i++)
		dst->count[i] += src->count[i];
	dst->total += src->total;
	if (src->max > dst->max)
		dst->max = src->max;
	return 0;
}

int
nh_hist_percentile(const struct nh_hist *h, double percent, uint64_t *value)
{
	uint64_t want, seen = 0;
	size_t i = 0;

	/* Written so that it refuses a NaN too. */
	if (!(percent >= 0 && percent <= 100))
		return -EINVAL;
	/* One rounding down, lest 99.9 % of 1000 become the 1000th. */
	percent = nextafter(percent, 0);
	want = (uint64_t)ceil(percent * (double)h->total / 100);
	if (want < 1)
		want = 1;
	if (want > h->total)
		want = h->total;
	while (i < h->len && (seen += h->count[i]) < want)
		i++;
	*value = highest_at(h, i);
	return 0;
}

double
nh_hist_mean(const struct nh_hist *h)
{
	double sum = 0;

	for (size_t i = 0; i < h->len; i++)
		sum += (double)h->count[i] * (double)middle_at(h, i);
	return h->total ? sum / (double)h->total : 0;
}

double
nh_hist_stddev(const struct nh_hist *h)
{
	double mean = nh_hist_mean(h), sum = 0;

	for (size_t i = 0; i < h->len; i++) {
		double off = (double)middle_at(h, i) - mean;

		sum += (double)h->count[i] * off * off;
	}
	return h->total ? sqrt(sum / (double)h->total) : 0;
}

/*
 * The level after this one: `ticks` of them to each halving of the distance
 * to 100 %, so they come closer as the tail gets thin.
 */
static double
next_level(double level, int ticks)
{
	double halvings = floor(log2(100 / (100 - level))) + 1;

	return level + 100 / (ticks * exp2(halvings));
}

static void
write_line(const struct nh_hist *h, FILE *out, size_t index, double level,
	   uint64_t seen, double scale)
{
	double value = (double)highest_at(h, index) / scale;

	fprintf(out, "%12.*f %2.12f %10llu %14.2f\n", h->digits, value,
		level / 100, (unsigned long long)seen, 100 / (100 - level));
}

/*
 * The lines of the distribution, as HdrHistogram's percentile iterator walks:
 * a value is named once for every level that it reaches, and the walk ends
 * with the value that completes the count, named for 100 % without the last
 * column (which would be infinite).
 */
static void
write_levels(const struct nh_hist *h, FILE *out, int ticks, double scale)
{
	uint64_t seen = 0;
	double level = 0;

	if (!h->total)
		return;
	for (size_t i = 0; seen < h->total; i++) {
		if (!h->count[i])
			continue;
		seen += h->count[i];
		while (level <= 100 * (double)seen / (double)h->total) {
			write_line(h, out, i, level, seen, scale);
			level = next_level(level, ticks);
			if (seen == h->total)
				break;
		}
	}
	fprintf(out, "%12.*f %2.12f %10llu\n", h->digits,
		(double)h->max / scale, 1.0, (unsigned long long)seen);
}

int
nh_hist_write(const struct nh_hist *h, FILE *out, int ticks, double scale)
{
	int d = h->digits;

	if (ticks < 1 || !(scale > 0))
		return -EINVAL;
	fprintf(out, "%12s %14s %10s %14s\n\n", "Value", "Percentile",
		"TotalCount", "1/(1-Percentile)");
	write_levels(h, out, ticks, scale);
	fprintf(out, "#[Mean    = %12.*f, StdDeviation   = %12.*f]\n", d,
		nh_hist_mean(h) / scale, d, nh_hist_stddev(h) / scale);
	fprintf(out, "#[Max     = %12.*f, Total count    = %12llu]\n", d,
		(double)h->max / scale, (unsigned long long)h->total);
	fprintf(out, "#[Buckets = %12u, SubBuckets     = %12u]\n", h->buckets,
		2u << h->half_bits);
	return fflush(out) || ferror(out) ? -EIO : 0;
}
