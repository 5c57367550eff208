/*
 * test_hist.c - bench/hist.c against sorted lists of the same values
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "bench/hist.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NS_100_S UINT64_C(100000000000)
#define SAMPLES 20000

static const double percents[] = {
	0, 0.01, 1, 25, 50, 75, 90, 99, 99.9, 99.99, 99.999, 100,
};

#define PERCENTS (sizeof(percents) / sizeof(percents[0]))

static struct nh_hist *
make(uint64_t highest, int digits)
{
	struct nh_hist *h = NULL;

	assert_int_equal(nh_hist_create(&h, highest, digits), 0);
	assert_non_null(h);
	return h;
}

static uint64_t
percentile(const struct nh_hist *h, double percent)
{
	uint64_t value = UINT64_MAX;

	assert_int_equal(nh_hist_percentile(h, percent, &value), 0);
	return value;
}

static uint64_t
random64(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* Any magnitude up to that of highest is about as likely. */
static uint64_t
random_value(uint64_t *state, uint64_t highest)
{
	uint64_t value = random64(state);

	value >>= random64(state) % 64;
	return value > highest ? value % highest : value;
}

static int
compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* Records SAMPLES values and leaves them sorted in values[]. */
static void
fill(struct nh_hist *h, uint64_t *values, uint64_t seed)
{
	for (int i = 0; i < SAMPLES; i++) {
		values[i] = random_value(&seed, h->highest);
		assert_true(nh_hist_record(h, values[i]));
	}
	qsort(values, SAMPLES, sizeof(values[0]), compare);
}

/* The least of n sorted values that `percent` of them do not exceed. */
static uint64_t
true_percentile(const uint64_t *sorted, uint64_t n, double percent)
{
	uint64_t rank = (uint64_t)ceil(nextafter(percent, 0) * (double)n / 100);

	return sorted[rank ? rank - 1 : 0];
}

static void
assert_close(uint64_t said, uint64_t truth, int digits)
{
	assert_true(said >= truth);
	assert_true((double)(said - truth) <= (double)truth / pow(10, digits));
}

static void
test_percentiles_are_within_the_digits_asked_for(void **state)
{
	static uint64_t values[SAMPLES];
	static const uint64_t highest[] = { 1000, NS_100_S, UINT64_MAX };

	(void)state;
	for (int d = NH_HIST_DIGITS_MIN; d <= NH_HIST_DIGITS_MAX; d++) {
		for (size_t m = 0; m < 3; m++) {
			struct nh_hist *h = make(highest[m], d);

			fill(h, values, 42 + (uint64_t)d);
			for (size_t p = 0; p < PERCENTS; p++)
				assert_close(percentile(h, percents[p]),
					     true_percentile(values, SAMPLES,
							     percents[p]),
					     d);
			free(h);
		}
	}
}

static void
test_small_values_are_exact(void **state)
{
	struct nh_hist *h = make(NS_100_S, 3);

	(void)state;
	for (uint64_t v = 0; v < 2048; v++)
		assert_true(nh_hist_record(h, v));
	for (uint64_t v = 0; v < 2048; v++)
		assert_int_equal(percentile(h, 100 * (double)(v + 1) / 2048),
				 v);
	free(h);
}

/* 1.1 * 100000 / 100 is a little over 1100 in binary. */
static void
test_a_percentile_is_not_rounded_to_the_next_rank(void **state)
{
	struct nh_hist *h = make(NS_100_S, 3);

	(void)state;
	for (uint64_t v = 1; v <= 100000; v++)
		assert_true(nh_hist_record(h, v <= 1100 ? v : 1500));
	assert_int_equal(percentile(h, 1.1), 1100);
	assert_int_equal(percentile(h, 50), 1500);
	assert_int_equal(percentile(h, 0), 1);
	free(h);
}

/* Each power of two is where a step begins, so its neighbours matter. */
static void
test_every_power_of_two_and_its_neighbours_are_kept(void **state)
{
	(void)state;
	for (int bit = 0; bit < 64; bit++) {
		for (int off = -1; off <= 1; off++) {
			uint64_t v = (UINT64_C(1) << bit) + (uint64_t)off;
			struct nh_hist *h = make(UINT64_MAX, 3);

			assert_true(nh_hist_record(h, v));
			assert_int_equal(percentile(h, 100), v);
			/* One more, far above: v must be named by its step. */
			assert_true(nh_hist_record(h, UINT64_MAX));
			assert_close(percentile(h, 50), v, 3);
			free(h);
		}
	}
}

static void
test_the_extremes_of_the_range_are_recorded(void **state)
{
	struct nh_hist *h = make(UINT64_MAX, 5);

	(void)state;
	assert_true(nh_hist_record(h, 0));
	assert_int_equal(percentile(h, 100), 0);
	assert_true(nh_hist_record(h, UINT64_MAX));
	assert_int_equal(percentile(h, 50), 0);
	assert_int_equal(percentile(h, 100), UINT64_MAX);
	assert_int_equal(h->max, UINT64_MAX);
	free(h);
}

static void
test_a_value_over_the_highest_is_refused(void **state)
{
	struct nh_hist *h = make(NS_100_S, 3);

	(void)state;
	assert_true(nh_hist_record(h, NS_100_S));
	assert_false(nh_hist_record(h, NS_100_S + 1));
	assert_false(nh_hist_record(h, UINT64_MAX));
	assert_int_equal(h->total, 1);
	assert_int_equal(percentile(h, 100), NS_100_S);
	free(h);
}

static void
test_an_impossible_range_is_refused(void **state)
{
	struct nh_hist *h = NULL;
	struct nh_hist room;

	(void)state;
	assert_int_equal(nh_hist_create(&h, NS_100_S, 0), -EINVAL);
	assert_int_equal(nh_hist_create(&h, NS_100_S, 6), -EINVAL);
	assert_int_equal(nh_hist_create(&h, NS_100_S, -1), -EINVAL);
	assert_int_equal(nh_hist_create(&h, 1, 3), -EINVAL);
	assert_int_equal(nh_hist_create(&h, 0, 3), -EINVAL);
	assert_null(h);
	assert_int_equal(nh_hist_size(1, 3), 0);
	assert_int_equal(nh_hist_size(NS_100_S, 6), 0);
	assert_int_equal(nh_hist_init(&room, 1, 3), -EINVAL);
}

static void
test_a_percentile_outside_of_0_to_100_is_refused(void **state)
{
	struct nh_hist *h = make(NS_100_S, 3);
	uint64_t value = 7;

	(void)state;
	assert_int_equal(nh_hist_percentile(h, -0.1, &value), -EINVAL);
	assert_int_equal(nh_hist_percentile(h, 100.1, &value), -EINVAL);
	assert_int_equal(nh_hist_percentile(h, NAN, &value), -EINVAL);
	assert_int_equal(value, 7);
	free(h);
}

static void
test_an_empty_histogram_says_zero(void **state)
{
	struct nh_hist *h = make(NS_100_S, 3);

	(void)state;
	assert_int_equal(percentile(h, 0), 0);
	assert_int_equal(percentile(h, 100), 0);
	assert_true(nh_hist_mean(h) == 0 && nh_hist_stddev(h) == 0);
	free(h);
}

static void
test_a_merge_is_as_if_all_had_been_recorded_in_one(void **state)
{
	struct nh_hist *one = make(NS_100_S, 3), *other = make(NS_100_S, 3);
	struct nh_hist *both = make(NS_100_S, 3);
	uint64_t seed = 5;

	(void)state;
	for (int i = 0; i < SAMPLES; i++) {
		uint64_t v = random_value(&seed, NS_100_S);

		assert_true(nh_hist_record(i % 3 ? one : other, v));
		assert_true(nh_hist_record(both, v));
	}
	assert_true(nh_hist_record(other, NS_100_S));
	assert_true(nh_hist_record(both, NS_100_S));
	assert_int_equal(nh_hist_merge(one, other), 0);
	assert_int_equal(one->total, SAMPLES + 1);
	assert_int_equal(one->max, both->max);
	assert_memory_equal(one->count, both->count,
			    both->len * sizeof(both->count[0]));
	free(one);
	free(other);
	free(both);
}

static void
test_a_merge_of_different_ranges_is_refused(void **state)
{
	struct nh_hist *h = make(NS_100_S, 3), *digits = make(NS_100_S, 2);
	struct nh_hist *range = make(NS_100_S / 2, 3);

	(void)state;
	assert_true(nh_hist_record(digits, 5));
	assert_true(nh_hist_record(range, 5));
	assert_int_equal(nh_hist_merge(h, digits), -EINVAL);
	assert_int_equal(nh_hist_merge(h, range), -EINVAL);
	assert_int_equal(h->total, 0);
	free(h);
	free(digits);
	free(range);
}

static void
test_a_reset_forgets_all(void **state)
{
	struct nh_hist *h = make(NS_100_S, 3), *fresh = make(NS_100_S, 3);

	(void)state;
	assert_true(nh_hist_record(h, 12345));
	nh_hist_reset(h);
	assert_memory_equal(h, fresh, nh_hist_size(NS_100_S, 3));
	free(h);
	free(fresh);
}

static void
test_mean_and_deviation_are_those_of_the_values(void **state)
{
	static uint64_t values[SAMPLES];
	struct nh_hist *h = make(UINT64_C(1) << 40, 4);
	double mean = 0, square = 0;

	(void)state;
	fill(h, values, 99);
	for (int i = 0; i < SAMPLES; i++)
		mean += (double)values[i] / SAMPLES;
	for (int i = 0; i < SAMPLES; i++)
		square += pow((double)values[i] - mean, 2) / SAMPLES;
	assert_true(fabs(nh_hist_mean(h) / mean - 1) < 1e-4);
	assert_true(fabs(nh_hist_stddev(h) / sqrt(square) - 1) < 1e-4);
	free(h);
}

static void
test_the_mean_takes_a_value_as_the_middle_of_its_step(void **state)
{
	struct nh_hist *h = make(NS_100_S, 3);

	(void)state;
	assert_true(nh_hist_record(h, 4096)); /* a step of 4 */
	assert_true(nh_hist_mean(h) == 4098);
	free(h);
}

/* The text of a histogram, in lines; what[] points to the first `max`. */
static int
write_lines(const struct nh_hist *h, int ticks, double scale, char *text,
	    size_t size, char **what, int max)
{
	FILE *file = tmpfile();
	size_t n;
	int lines = 0;

	assert_non_null(file);
	assert_int_equal(nh_hist_write(h, file, ticks, scale), 0);
	rewind(file);
	n = fread(text, 1, size - 1, file);
	assert_true(n < size - 1);
	text[n] = '\0';
	fclose(file);
	for (char *end; (end = strchr(text, '\n')); text = end + 1) {
		*end = '\0';
		assert_true(lines < max);
		what[lines++] = text;
	}
	return lines;
}

/* What HdrHistogram's outputPercentileDistribution() prints of 1, 2, 3. */
static void
test_the_text_is_that_of_hdrhistogram(void **state)
{
	static const char *const expected[] = {
		"       Value     Percentile TotalCount 1/(1-Percentile)",
		"",
		"       1.000 0.000000000000          1           1.00",
		"       1.000 0.250000000000          1           1.33",
		"       2.000 0.500000000000          2           2.00",
		"       2.000 0.625000000000          2           2.67",
		"       3.000 0.750000000000          3           4.00",
		"       3.000 1.000000000000          3",
		"#[Mean    =        2.000, StdDeviation   =        0.816]",
		"#[Max     =        3.000, Total count    =            3]",
		"#[Buckets =           27, SubBuckets     =         2048]",
	};
	struct nh_hist *h = make(NS_100_S, 3);
	static char text[4096];
	char *lines[32];
	int n;

	(void)state;
	for (uint64_t v = 1; v <= 3; v++)
		assert_true(nh_hist_record(h, v));
	n = write_lines(h, 2, 1, text, sizeof(text), lines, 32);
	assert_int_equal(n, sizeof(expected) / sizeof(expected[0]));
	for (int i = 0; i < n; i++)
		assert_string_equal(lines[i], expected[i]);
	free(h);
}

/* How many of the sorted values are at most `value`. */
static uint64_t
rank_of(const uint64_t *sorted, double value)
{
	uint64_t rank = 0;

	while (rank < SAMPLES && (double)sorted[rank] <= value)
		rank++;
	return rank;
}

static void
test_each_line_of_the_text_is_true_of_the_values(void **state)
{
	static uint64_t values[SAMPLES];
	static char text[1 << 16];
	struct nh_hist *h = make(NS_100_S, 3);
	char *lines[512];
	double value, level, last = -1, inverse;
	uint64_t count = 0;
	int n, i;

	(void)state;
	fill(h, values, 7);
	n = write_lines(h, 5, 1, text, sizeof(text), lines, 512);
	assert_true(n > 50);
	for (i = 2; lines[i][0] != '#'; i++) {
		int fields = sscanf(lines[i], "%lf %lf %" SCNu64 " %lf", &value,
				    &level, &count, &inverse);

		assert_true(level > last);
		assert_int_equal(count, rank_of(values, value));
		assert_true((double)count >= level * SAMPLES - 1e-6);
		assert_close((uint64_t)value,
			     true_percentile(values, SAMPLES, level * 100), 3);
		if (level < 1) {
			assert_int_equal(fields, 4);
			assert_true(fabs(inverse * (1 - level) - 1) < 0.01);
		} else {
			assert_int_equal(fields, 3);
		}
		last = level;
	}
	assert_true(last == 1 && count == SAMPLES);
	assert_true(value == (double)values[SAMPLES - 1]);
	assert_int_equal(i, n - 3);
	free(h);
}

static void
test_the_text_is_scaled(void **state)
{
	struct nh_hist *h = make(NS_100_S, 3);
	static char text[4096];
	char *lines[32];
	int n;

	(void)state;
	assert_true(nh_hist_record(h, 1500));
	n = write_lines(h, 5, 1000, text, sizeof(text), lines, 32);
	assert_string_equal(lines[2], "       1.500 0.000000000000          1 "
				      "          1.00");
	assert_non_null(strstr(lines[n - 2], "#[Max     =        1.500,"));
	free(h);
}

static void
test_the_text_of_an_empty_histogram_has_no_lines(void **state)
{
	struct nh_hist *h = make(NS_100_S, 3);
	static char text[4096];
	char *lines[32];

	(void)state;
	assert_int_equal(write_lines(h, 5, 1, text, sizeof(text), lines, 32),
			 5);
	assert_int_equal(lines[2][0], '#');
	free(h);
}

static void
test_a_text_that_cannot_be_written_is_an_error(void **state)
{
	struct nh_hist *h = make(NS_100_S, 3);
	FILE *full = fopen("/dev/full", "w");

	(void)state;
	assert_non_null(full);
	assert_int_equal(nh_hist_write(h, full, 5, 1), -EIO);
	assert_int_equal(nh_hist_write(h, full, 0, 1), -EINVAL);
	assert_int_equal(nh_hist_write(h, full, 5, 0), -EINVAL);
	assert_int_equal(nh_hist_write(h, full, 5, NAN), -EINVAL);
	fclose(full);
	free(h);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			test_percentiles_are_within_the_digits_asked_for),
		cmocka_unit_test(test_small_values_are_exact),
		cmocka_unit_test(
			test_a_percentile_is_not_rounded_to_the_next_rank),
		cmocka_unit_test(
			test_every_power_of_two_and_its_neighbours_are_kept),
		cmocka_unit_test(test_the_extremes_of_the_range_are_recorded),
		cmocka_unit_test(test_a_value_over_the_highest_is_refused),
		cmocka_unit_test(test_an_impossible_range_is_refused),
		cmocka_unit_test(
			test_a_percentile_outside_of_0_to_100_is_refused),
		cmocka_unit_test(test_an_empty_histogram_says_zero),
		cmocka_unit_test(
			test_a_merge_is_as_if_all_had_been_recorded_in_one),
		cmocka_unit_test(test_a_merge_of_different_ranges_is_refused),
		cmocka_unit_test(test_a_reset_forgets_all),
		cmocka_unit_test(
			test_mean_and_deviation_are_those_of_the_values),
		cmocka_unit_test(
			test_the_mean_takes_a_value_as_the_middle_of_its_step),
		cmocka_unit_test(test_the_text_is_that_of_hdrhistogram),
		cmocka_unit_test(
			test_each_line_of_the_text_is_true_of_the_values),
		cmocka_unit_test(test_the_text_is_scaled),
		cmocka_unit_test(
			test_the_text_of_an_empty_histogram_has_no_lines),
		cmocka_unit_test(
			test_a_text_that_cannot_be_written_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
